"""How far confidences are from the truth, by bins: calibration errors and reliability diagrams."""

from typing import Literal, NamedTuple

from numpy.typing import ArrayLike

from uncal import _rust
from uncal.fast import _arguments as arguments
from uncal.fast._arguments import FloatArray

Bins = Literal["width", "mass", "distinct", "sweep"]
Convention = Literal["netcal", "torchmetrics", "uqlm", "lm_polygraph", "relplot", "mapie", "rlcr"]
_Edges = Literal["right", "left", "guo", "left-open"]
_Norm = Literal["l1", "l2", "max"]


class Reliability(NamedTuple):
    """The numbers of a reliability diagram, one entry for each bin; `edges` has one more."""

    edges: FloatArray
    count: FloatArray  # type: ignore[assignment]  # hides tuple.count, which nobody needs here
    mean_confidence: FloatArray
    accuracy: FloatArray
    low: FloatArray
    high: FloatArray


def ece(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    n_bins: int | None = None,
    bins: Bins = "width",
    edges: _Edges | None = None,
    norm: _Norm = "l1",
    debias: bool = False,
    convention: Convention | None = None,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> float:
    """Gap between mean confidence and accuracy over bins of confidence (expected calibration error); 0 is calibrated.

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1)
        Or numbers in [0, 1], the share to which an answer is right; not with `debias` or `convention`.
    n_bins : int, optional
        From 1 to 10,000,000; 15, or that of the `convention`. An empty bin counts for nothing. Not read for "distinct"
        and "sweep".
    bins : {"width", "mass", "distinct", "sweep"}, default="width"
        Equal width; nearly equal weight, cut at the borders between distinct confidences nearest to the quantiles (the
        lower if two are as near), so that equal confidences stay together and there may be fewer bins; one bin for
        every distinct confidence; or as many bins of nearly equal weight as leave the accuracies in rising order: of
        1, 2, 3, ... bins the last before an accuracy first falls from one bin to the next.
    edges : {"right", "left", "guo", "left-open"}, optional
        Where a confidence on an edge of equal-width bins goes; "right", or by the rule of the `convention`.
        "right": ``(low, high]``, the first ``[0, high]``.
        "left": ``[low, high)``, the last ``[low, 1]`` (netcal, ``numpy.histogram``). "guo": ``(low, high]``, so 0 is in
        no bin, but counts in the total. "left-open": ``[low, high)``, so 1 is dropped altogether. Edges are the numbers
        of ``numpy.linspace(0, 1, n_bins + 1)``, confidences are compared as they are: of ten bins the third edge is
        0.30000000000000004, so the literal 0.3 lies below it, on either side's rule; likewise 0.6 and 0.7. With other
        `bins` no confidence is on an edge, and anything but "right" is an error.
    norm : {"l1", "l2", "max"}, default="l1"
        Weighted mean of the gaps, root of their weighted mean square, or the largest gap (MCE).
    debias : bool, default=False
        Take off what bins of finite size add by chance. For "l2" subtracts each bin's c(1 - c) / (n - 1) from its
        squared gap, and cuts the sum at 0; for "l1" subtracts what one more draw of each accuracy would add on average,
        in closed form, and the result may fall below 0. Bins of fewer than two rows count 0. An error for "max".
    convention : {"netcal", "torchmetrics", "uqlm", "lm_polygraph", "relplot", "mapie", "rlcr"}, optional
        Exactly the number of that library, quirks included, to compare with what it printed; `edges` is an error
        beside it, and so are `bins`, `norm` and `debias` other than the default, which is that of all. See Notes.
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    float
        In [0, 1] without `debias`. NaN where `edges` or a `convention` leave no row in any bin.

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense.

    References
    ----------
    Guo et al., On Calibration of Modern Neural Networks, ICML 2017, section 2. Status: "right" verified in lm-polygraph
    and uqlm, "left" in netcal, "left-open" in calibration-tuning, "guo" recalled from its snippet. Debiased "l2" is
    Kumar, Liang and Ma, Verified Uncertainty Calibration, NeurIPS 2019, verified in its code; that code debiases "l1"
    by random draws, whose mean this computes: a proposal. "sweep" is Roelofs et al., Mitigating Bias in Calibration
    Error Estimation, AISTATS 2022, arXiv 2012.08668, which splits equal confidences; secondary. Conventions: verified
    against the packages on float64 to 1e-12, but for "rlcr", whose rule alone is known: secondary.

    Notes
    -----
    All conventions have bins of equal width and the mean of their gaps, weighted by their rows.

    - "netcal" 1.4.0: 10 bins ``[low, high)``, the last closed. Of float32 it counts the rows of a bin between edges of
      float64 and takes their means between edges of float32, and so loses rows on an edge; that too.
    - "torchmetrics" 1.9.0: 15 bins ``[low, high)`` and one more for 1. Edges are those of ``torch.linspace`` in the
      type of the confidences, from both ends towards the middle: another set than NumPy's.
    - "uqlm" 0.6.7: 10 bins ``(low, high]``, the first ``[0, high]``: `ece`'s own rule, as is "lm_polygraph" 0.7.0 with
      20 bins, which drops confidences outside [0, 1], here an error.
    - "relplot" 1.0.3, ``binnedECE``: 10 bins by the whole part of confidence over width, and one more for 1.
    - "mapie" 1.6.0: of 50 bins 49 are ``(low, high]`` and one is for 0; of 1 bin, that one.
    - "rlcr": 10 bins as netcal's, the outer edges at infinity.

    Of float32, torchmetrics and others sum in single precision; these sums are in double, and agree to 1e-6.

    Examples
    --------
    >>> ece([1.0, 0.0], [True, False])
    0.0
    >>> ece([0.75, 0.75, 0.25, 0.25], [True, True, True, False])
    0.25
    >>> said, right = [0.3, 0.3, 0.2, 0.2], [True, True, False, False]
    >>> [round(ece(said, right, convention=library), 2) for library in ("netcal", "torchmetrics", "uqlm")]
    [0.25, 0.45, 0.45]
    """
    rows = arguments.rows(confidence, correct, weights)
    if convention is not None:
        given = {
            "bins": bins != "width",
            "edges": edges is not None,
            "norm": norm != "l1",
            "debias": debias is not False,
        }
        for setting in (name for name, other in given.items() if other):
            raise ValueError(f"{setting}: the convention says which, and they cannot both be given")
        arguments.whole(rows, "convention")
        number = None if n_bins is None else arguments.bins(n_bins)
        kind = arguments.choice("convention", convention, Convention)
        return _rust.ece_by(*rows[:3], kind, number, arguments.threads(threads))
    if arguments.flag("debias", debias):
        arguments.whole(rows, "debias")
    return _rust.ece(
        *rows[:3],
        arguments.bins(15 if n_bins is None else n_bins),
        arguments.choice("bins", bins, Bins),
        arguments.choice("edges", "right" if edges is None else edges, _Edges),
        arguments.choice("norm", norm, _Norm),
        bool(debias),
        arguments.threads(threads),
    )


def mce(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    n_bins: int = 15,
    bins: Bins = "width",
    edges: _Edges | None = None,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> float:
    """Largest gap between mean confidence and accuracy of any bin (maximum calibration error): `ece` by ``norm="max"``.

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1), or numbers in [0, 1]
    n_bins, bins, edges
        As for `ece`.
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    float
        In [0, 1], at least the `ece`. Bins of few rows make it large.

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense.

    References
    ----------
    Naeini, Cooper and Hauskrecht, Obtaining Well Calibrated Probabilities Using Bayesian Binning, AAAI 2015. Status:
    verified by definition.

    Examples
    --------
    >>> round(mce([0.2, 0.2, 0.8, 0.8], [True, False, True, True], n_bins=2), 6)
    0.3
    """
    return ece(confidence, correct, n_bins=n_bins, bins=bins, edges=edges, norm="max", weights=weights, threads=threads)


def rmsce(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    n_bins: int = 15,
    bins: Bins = "width",
    edges: _Edges | None = None,
    debias: bool = False,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> float:
    """Root of the mean squared gap over bins (root mean square calibration error): `ece` by ``norm="l2"``.

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1), or numbers in [0, 1]
    n_bins, bins, edges, debias
        As for `ece`.
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    float
        In [0, 1], without `debias` at least the `ece` and at most the `mce`.

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense.

    References
    ----------
    Kumar, Liang and Ma, Verified Uncertainty Calibration, NeurIPS 2019. Status: verified by definition.

    Examples
    --------
    >>> round(rmsce([0.2, 0.2, 0.8, 0.8], [True, False, True, True], n_bins=2), 6)
    0.254951
    """
    return ece(
        confidence,
        correct,
        n_bins=n_bins,
        bins=bins,
        edges=edges,
        norm="l2",
        debias=debias,
        weights=weights,
        threads=threads,
    )


def signed_gap(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> float:
    """Mean confidence minus accuracy: above 0 for a model that is too sure, below 0 for one that is not sure enough.

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1), or numbers in [0, 1]
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    float
        In [-1, 1].

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense.

    References
    ----------
    Also known as calibration-in-the-large or bias. Status: verified by its definition.

    Examples
    --------
    >>> signed_gap([0.75, 0.75], [True, False])
    0.25
    """
    return _rust.signed_gap(*arguments.rows(confidence, correct, weights)[:3], arguments.threads(threads))


def reliability(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    n_bins: int = 15,
    bins: Bins = "width",
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> Reliability:
    """Confidence and accuracy in bins of confidence: the numbers behind a reliability diagram.

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1)
    n_bins : int, default=15
        As for `ece`.
    bins : {"width", "mass", "distinct", "sweep"}, default="width"
        As for `ece`.
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    Reliability
        `edges` (B + 1,) from 0 to 1, bins closed on the right; `count` (B,), rows or the sum of their weights;
        `mean_confidence` and `accuracy` (B,); `low` and `high` (B,), Wilson's 95 % interval of the accuracy. An empty
        bin has count 0 and NaN elsewhere; only "width" has any, and always B = `n_bins`. Edges of other bins lie
        halfway between neighbouring confidences.

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense.

    References
    ----------
    Wilson, Probable Inference, the Law of Succession, and Statistical Inference, 1927. Status: inferred from textbooks.

    Examples
    --------
    >>> diagram = reliability([0.1, 0.2, 0.9], [False, True, True], n_bins=2)
    >>> diagram.edges, diagram.count, diagram.accuracy
    (array([0. , 0.5, 1. ]), array([2., 1.]), array([0.5, 1. ]))
    """
    return Reliability(
        *_rust.reliability(
            arguments.real("confidence", confidence),
            arguments.verdicts(correct),
            arguments.weights(weights),
            arguments.bins(n_bins),
            arguments.choice("bins", bins, Bins),
            arguments.threads(threads),
        )
    )
