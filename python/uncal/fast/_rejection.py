"""Answering only when sure: what is wrong among the answers that are kept, and how many are kept."""

from typing import Literal, NamedTuple

from numpy.typing import ArrayLike

from uncal import _rust
from uncal.fast import _arguments as arguments
from uncal.fast._arguments import FloatArray


class AtConfidence(NamedTuple):
    """The accuracy of the answers that are sure enough, and their share of all."""

    accuracy: float
    coverage: float


class RiskCoverage(NamedTuple):
    """The risk-coverage curve, from the surest answers on; both arrays have one entry for each distinct confidence."""

    coverage: FloatArray
    risk: FloatArray


def aurc(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    method: Literal["expected", "trapezoid"] = "expected",
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> float:
    """Area under the risk-coverage curve: the mean share of wrong answers among the k surest, over all k.

    Parameters
    ----------
    confidence : array of shape (K,)
        Any finite score, higher is surer; negate an uncertainty.
    correct : array of shape (K,), bool (or all 0 and 1)
    method : {"expected", "trapezoid"}, default="expected"
        "expected" is that mean, answers of equal confidence in random order on average. "trapezoid" joins the points at
        distinct confidences by lines over the coverage, and goes on level to coverage 0.
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    float
        In [0, 1], lower is better. Depends on the accuracy; see `e_aurc`.

    Raises
    ------
    ValueError
        For input that makes no sense.

    References
    ----------
    Geifman, Uziel and El-Yaniv, Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers, ICLR 2019. Status: the
    expectation over ties is a proposal; without ties "expected" is verified by definition, "trapezoid" in fd-shifts.
    What others compute depends on the order of the rows where confidences are equal.

    Examples
    --------
    >>> aurc([0.9, 0.5], [True, False])
    0.25
    """
    return _rust.aurc(
        arguments.real("confidence", confidence),
        arguments.verdicts(correct),
        arguments.weights(weights),
        arguments.choice("method", method, Literal["expected", "trapezoid"]),
        arguments.threads(threads),
    )


def e_aurc(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> float:
    """Excess area under the risk-coverage curve: above that of a perfect order of the same answers.

    Parameters
    ----------
    confidence : array of shape (K,)
        Any finite score, higher is surer; negate an uncertainty.
    correct : array of shape (K,), bool (or all 0 and 1)
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    float
        At least 0; 0 is a perfect order.

    Raises
    ------
    ValueError
        For input that makes no sense.

    References
    ----------
    Geifman, Uziel and El-Yaniv, ICLR 2019. Status: secondary. The least area is the exact one of so many rows, not its
    limit e + (1 - e) ln(1 - e): otherwise a perfect order had an excess.

    Examples
    --------
    >>> e_aurc([0.9, 0.5], [True, False])
    0.0
    """
    return _rust.e_aurc(
        arguments.real("confidence", confidence),
        arguments.verdicts(correct),
        arguments.weights(weights),
        arguments.threads(threads),
    )


def augrc(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> float:
    """Area under the generalised risk-coverage curve: wrong answers taken in, as a share of all, over the coverage.

    Parameters
    ----------
    confidence : array of shape (K,)
        Any finite score, higher is surer; negate an uncertainty.
    correct : array of shape (K,), bool (or all 0 and 1)
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    float
        In [0, 0.5], lower is better: (1 - AUROC) a (1 - a) + (1 - a)^2 / 2 with accuracy a.

    Raises
    ------
    ValueError
        For input that makes no sense.

    References
    ----------
    Traub et al., Overcoming Common Flaws in the Evaluation of Selective Classification Systems, NeurIPS 2024. Status:
    secondary; checked by the identity above.

    Examples
    --------
    >>> augrc([0.9, 0.5], [True, False])
    0.125
    """
    return _rust.augrc(
        arguments.real("confidence", confidence),
        arguments.verdicts(correct),
        arguments.weights(weights),
        arguments.threads(threads),
    )


def prr(uncertainty: ArrayLike, quality: ArrayLike, *, max_rejection: float = 1.0, threads: int | None = None) -> float:
    """Prediction-rejection ratio: the gain of rejecting the most uncertain first, as a share of an oracle's.

    Parameters
    ----------
    uncertainty : array of shape (K,)
        Finite; higher is less sure.
    quality : array of shape (K,)
        Of each answer: 0 and 1, bool, or any finite measure.
    max_rejection : float, default=1.0
        Up to this share of answers is rejected, above 0.
    threads : int, optional

    Returns
    -------
    float
        At most 1, which is the oracle; 0 is rejecting at random. NaN where all qualities are equal, or the share is
        less than one answer. Equal uncertainties count in random order, on average.

    Raises
    ------
    ValueError
        For input that makes no sense.

    References
    ----------
    Malinin and Gales, Uncertainty Estimation in Autoregressive Structured Prediction, ICLR 2021; lm-polygraph. Status:
    verified in lm-polygraph without ties, whose random line is the mean of 1,000 shuffles and here their expectation.

    Examples
    --------
    >>> prr([0.1, 0.2, 0.3], [1.0, 0.5, 0.0])
    1.0
    """
    return _rust.prr(
        arguments.real("uncertainty", uncertainty),
        arguments.column("quality", quality),
        arguments.number("max_rejection", max_rejection),
        arguments.threads(threads),
    )


def risk_coverage(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> RiskCoverage:
    """Risk at every coverage: the share of wrong answers among those above each confidence.

    Parameters
    ----------
    confidence : array of shape (K,)
        Any finite score, higher is surer; negate an uncertainty.
    correct : array of shape (K,), bool (or all 0 and 1)
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    RiskCoverage
        `coverage` and `risk`, from the highest confidence down, answers of equal confidence together; the last coverage
        is 1.

    Raises
    ------
    ValueError
        For input that makes no sense.

    References
    ----------
    El-Yaniv and Wiener, On the Foundations of Noise-free Selective Classification, JMLR 2010. Status: verified by
    definition.

    Examples
    --------
    >>> curve = risk_coverage([0.9, 0.5, 0.5], [True, False, True])
    >>> curve.coverage.round(3), curve.risk.round(3)
    (array([0.333, 1.   ]), array([0.   , 0.333]))
    """
    return RiskCoverage(
        *_rust.risk_coverage(
            arguments.real("confidence", confidence),
            arguments.verdicts(correct),
            arguments.weights(weights),
            arguments.threads(threads),
        )
    )


def aurac(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> float:
    """Mean accuracy of the surest 10 % to 100 % of answers, at twenty shares (area under the rejection-accuracy curve).

    Parameters
    ----------
    confidence : array of shape (K,)
        Any finite score, higher is surer; negate an uncertainty.
    correct : array of shape (K,), bool (or all 0 and 1)
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    float
        In [0, 1], higher is better. Of a share those answers are kept whose uncertainty is at most its quantile, so
        equal confidences stay together.

    Raises
    ------
    ValueError
        For input that makes no sense.

    References
    ----------
    Farquhar, Kossen, Kuhn and Gal, Detecting Hallucinations in Large Language Models Using Semantic Entropy, Nature
    2024. Status: verified in its code, which sums the same twenty accuracies times the step between the shares and so
    prints 18/19 of this mean.

    Examples
    --------
    >>> round(aurac([0.9, 0.5], [True, False]), 6)
    0.975
    """
    return _rust.aurac(
        arguments.real("confidence", confidence),
        arguments.verdicts(correct),
        arguments.weights(weights),
        arguments.threads(threads),
    )


def accuracy_at_confidence(
    confidence: ArrayLike,
    correct: ArrayLike,
    threshold: float,
    *,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> AtConfidence:
    """Accuracy of the answers that are at least so sure, and their share of all.

    Parameters
    ----------
    confidence : array of shape (K,)
        Any finite score, higher is surer; negate an uncertainty.
    correct : array of shape (K,), bool (or all 0 and 1)
    threshold : float
        On the scale of `confidence`; an answer exactly there is kept. float32 is compared as it lies: 0.9 in float32 is
        just below the number 0.9.
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    AtConfidence
        (accuracy, coverage), both in [0, 1]; where no answer is so sure the accuracy is NaN and the coverage 0.

    Raises
    ------
    ValueError
        For input that makes no sense.

    References
    ----------
    Status: verified by definition.

    Examples
    --------
    >>> accuracy_at_confidence([0.9, 0.8, 0.3, 0.1], [True, True, False, True], 0.8)
    AtConfidence(accuracy=1.0, coverage=0.5)
    """
    return AtConfidence(
        *_rust.accuracy_at_confidence(
            arguments.real("confidence", confidence),
            arguments.verdicts(correct),
            arguments.weights(weights),
            arguments.number("threshold", threshold),
            arguments.threads(threads),
        )
    )


def accuracy_at_coverage(
    confidence: ArrayLike,
    correct: ArrayLike,
    coverage: float,
    *,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> float:
    """Accuracy of the given share of answers that one is surest of.

    Parameters
    ----------
    confidence : array of shape (K,)
        Any finite score, higher is surer; negate an uncertainty.
    correct : array of shape (K,), bool (or all 0 and 1)
    coverage : float, in [0, 1]
        The share that is kept; answers of equal confidence at the border count in random order, on average.
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    float
        In [0, 1]; NaN for a coverage of 0.

    Raises
    ------
    ValueError
        For input that makes no sense.

    References
    ----------
    Status: verified by definition.

    Examples
    --------
    >>> accuracy_at_coverage([0.9, 0.8, 0.3, 0.1], [True, True, False, True], 0.5)
    1.0
    """
    return _rust.accuracy_at_coverage(
        arguments.real("confidence", confidence),
        arguments.verdicts(correct),
        arguments.weights(weights),
        arguments.number("coverage", coverage),
        arguments.threads(threads),
    )


def coverage_at_risk(
    confidence: ArrayLike,
    correct: ArrayLike,
    risk: float,
    *,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> float:
    """Largest share of answers, the surest first, of which no more than the given share is wrong.

    Parameters
    ----------
    confidence : array of shape (K,)
        Any finite score, higher is surer; negate an uncertainty.
    correct : array of shape (K,), bool (or all 0 and 1)
    risk : float, in [0, 1]
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    float
        In [0, 1]; answers of equal confidence are kept together. 0 where no share is good enough.

    Raises
    ------
    ValueError
        For input that makes no sense.

    References
    ----------
    Geifman and El-Yaniv, Selective Classification for Deep Neural Networks, NeurIPS 2017. Status: verified by
    definition; without that paper's bound for unseen data.

    Examples
    --------
    >>> coverage_at_risk([0.9, 0.8, 0.3, 0.1], [True, True, False, True], 0.3)
    1.0
    """
    return _rust.coverage_at_risk(
        arguments.real("confidence", confidence),
        arguments.verdicts(correct),
        arguments.weights(weights),
        arguments.number("risk", risk),
        arguments.threads(threads),
    )
