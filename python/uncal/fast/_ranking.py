"""How well confidences tell right answers from wrong ones: ranking and rank correlations."""

from typing import Literal, NamedTuple

from numpy.typing import ArrayLike

from uncal import _rust
from uncal.fast import _arguments as arguments


class AurocInterval(NamedTuple):
    """An AUROC, the ends of its interval, its standard error, and the share of pairs that are tied."""

    value: float
    low: float
    high: float
    std_error: float
    ties: float


def auroc(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> float:
    """Chance that a right answer has a higher confidence than a wrong one, ties counting one half.

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
        In [0, 1]; NaN where all are right or all are wrong.

    Raises
    ------
    ValueError
        For input that makes no sense.

    References
    ----------
    Hanley and McNeil, The Meaning and Use of the Area under a ROC Curve, 1982. Status: verified against scikit-learn.

    Examples
    --------
    >>> auroc([0.1, 0.4, 0.4, 7.0], [False, False, True, True])
    0.875
    """
    return _rust.auroc(
        arguments.real("confidence", confidence),
        arguments.verdicts(correct),
        arguments.weights(weights),
        arguments.threads(threads),
    )


def auroc_interval(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    level: float = 0.95,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> AurocInterval:
    """AUROC with the interval of DeLong, and how many pairs are tied.

    Parameters
    ----------
    confidence : array of shape (K,)
        Any finite score, higher is surer; negate an uncertainty.
    correct : array of shape (K,), bool (or all 0 and 1)
    level : float, default=0.95
        Between 0 and 1.
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    AurocInterval
        (value, low, high, std_error, ties). The ends are the normal interval cut to [0, 1]: it takes rows for
        independent, so with several answers to one question use `evaluate` with `groups`. `ties` is the share of pairs
        of a right and a wrong answer with equal confidence, each of which counts one half: verbal confidences have
        many. NaN where a class has one row or none.

    Raises
    ------
    ValueError
        For input that makes no sense.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson, Comparing the Areas under Two or More Correlated Receiver Operating
    Characteristic Curves, 1988. Status: secondary; checked by its definition.

    Examples
    --------
    >>> found = auroc_interval([0.1, 0.4, 0.4, 0.7], [False, False, True, True])
    >>> found.value, found.ties
    (0.875, 0.25)
    """
    return AurocInterval(
        *_rust.auroc_interval(
            arguments.real("confidence", confidence),
            arguments.verdicts(correct),
            arguments.weights(weights),
            arguments.number("level", level),
            arguments.threads(threads),
        )
    )


def auprc(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    positive: Literal["correct", "wrong"] = "correct",
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> float:
    """Area under the precision-recall curve (average precision).

    Parameters
    ----------
    confidence : array of shape (K,)
        Any finite score, higher is surer; negate an uncertainty.
    correct : array of shape (K,), bool (or all 0 and 1)
    positive : {"correct", "wrong"}, default="correct"
        Which answers are to be found: right ones by high confidence, or wrong ones by low.
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    float
        In [0, 1]; a random order has the share of that class. NaN where the class is empty.

    Raises
    ------
    ValueError
        For input that makes no sense.

    References
    ----------
    Status: verified against scikit-learn's ``average_precision_score``: steps at distinct confidences, no
    interpolation.

    Examples
    --------
    >>> round(auprc([0.1, 0.4, 0.35, 0.8], [False, False, True, True]), 6)
    0.833333
    """
    if positive not in ("correct", "wrong"):
        raise ValueError(f"positive: is {positive!r}, must be one of correct, wrong")
    return _rust.auprc(
        arguments.real("confidence", confidence),
        arguments.verdicts(correct),
        arguments.weights(weights),
        positive == "wrong",
        arguments.threads(threads),
    )


def spearman(x: ArrayLike, y: ArrayLike, *, threads: int | None = None) -> float:
    """Spearman's rank correlation of two columns, ties at their mid-rank.

    Parameters
    ----------
    x, y : array of shape (K,)
        Finite.
    threads : int, optional

    Returns
    -------
    float
        In [-1, 1]; NaN where a column is constant or there is one row.

    Raises
    ------
    ValueError
        For input that makes no sense.

    References
    ----------
    Spearman, 1904. Status: verified against SciPy.

    Examples
    --------
    >>> spearman([1.0, 2.0, 3.0], [1.0, 8.0, 27.0])
    1.0
    """
    return _rust.spearman(arguments.column("x", x), arguments.column("y", y), arguments.threads(threads))


def kendall(x: ArrayLike, y: ArrayLike, *, threads: int | None = None) -> float:
    """Kendall's rank correlation tau-b of two columns, ties counted.

    Parameters
    ----------
    x, y : array of shape (K,)
        Finite.
    threads : int, optional

    Returns
    -------
    float
        In [-1, 1]; NaN where a column is constant or there is one row.

    Raises
    ------
    ValueError
        For input that makes no sense.

    References
    ----------
    Kendall, The Treatment of Ties in Ranking Problems, 1945. Status: verified against SciPy.

    Examples
    --------
    >>> round(kendall([1.0, 2.0, 3.0], [1.0, 3.0, 2.0]), 6)
    0.333333
    """
    return _rust.kendall(arguments.column("x", x), arguments.column("y", y), arguments.threads(threads))


def reversed_pairs(confidence: ArrayLike, quality: ArrayLike, *, threads: int | None = None) -> float:
    """Share of pairs of answers of which the surer is the worse (reversed-pairs proportion, RPP); 0 is best.

    Parameters
    ----------
    confidence : array of shape (K,)
        Any finite score, higher is surer; negate an uncertainty.
    quality : array of shape (K,)
        Of each answer: 0 and 1, bool, or any finite measure.
    threads : int, optional

    Returns
    -------
    float
        In [0, 0.5): reversed pairs over K^2. Ties in either column are not reversed. For verdicts of accuracy a it is
        at most a (1 - a), and depends on the accuracy as `auroc` does not.

    Raises
    ------
    ValueError
        For input that makes no sense.

    References
    ----------
    Xin, Tang, Yu and Lin, The Art of Abstention: Selective Prediction and Error Regularization for Natural Language
    Processing, ACL 2021. Status: recalled, the divisor K^2 with it.

    Examples
    --------
    >>> reversed_pairs([0.9, 0.5, 0.4, 0.1], [True, False, True, False])
    0.0625
    """
    return _rust.reversed_pairs(
        arguments.column("confidence", confidence), arguments.column("quality", quality), arguments.threads(threads)
    )
