"""The kernels: NumPy in, NumPy out, compiled code in between.

Arrays are borrowed where they lie: NumPy arrays that are C-contiguous, anything with ``__dlpack__`` (torch CPU tensors)
or ``__array__``, and pyarrow fixed-size lists. Embeddings are float16, float32 or float64 and are computed with in
float64; results are float64. The GIL is released, and the bits do not depend on the number of threads.

Groups are a 3-D array (P, N, D), or a 2-D array (K, D) with `offsets` (P + 1,): group p is rows ``offsets[p]`` to
``offsets[p + 1]``, the first offset is 0, the last is K, none is empty. Entropies are in nats. Weights count
repetitions: a row of weight 2 is that row twice, a row of weight 0 is not there.

Input that makes no sense is a ``ValueError`` that names the argument and the first bad row or group: a wrong shape or
dtype, a value that is not finite, bad offsets, lengths that differ, no rows.
"""

import warnings
from operator import index
from typing import Any, Literal, NamedTuple, cast, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from uncal import _rust

__all__ = [
    "Interval",
    "PlattFit",
    "Reliability",
    "auroc",
    "brier",
    "ece",
    "evaluate",
    "fit_platt",
    "reliability",
    "renyi_entropy",
    "set_num_threads",
    "spectrum",
    "von_neumann_entropy",
]

FloatArray = NDArray[np.float64]
Kernel = Literal["rbf", "laplacian", "cosine", "cosine01", "poly2"]
Bins = Literal["width", "mass", "distinct"]


class PlattFit(NamedTuple):
    """A logistic curve: confidence = 1 / (1 + exp(-(slope * score + intercept)))."""

    slope: float
    intercept: float
    iterations: int
    converged: bool


class Reliability(NamedTuple):
    """The numbers of a reliability diagram, one entry for each bin; `edges` has one more."""

    edges: FloatArray
    count: FloatArray  # type: ignore[assignment]  # hides tuple.count, which nobody needs here
    mean_confidence: FloatArray
    accuracy: FloatArray
    low: FloatArray
    high: FloatArray


class Interval(NamedTuple):
    """A metric and the ends of its bootstrap interval."""

    value: float
    low: float
    high: float


def von_neumann_entropy(
    embeddings: ArrayLike,
    offsets: ArrayLike | None = None,
    *,
    kernel: Kernel = "rbf",
    gamma: float = 1.0,
    normalize: bool = True,
    threads: int | None = None,
) -> FloatArray:
    """How many different things the rows of each group say: the von Neumann entropy of their kernel matrix.

    With K the kernel matrix of a group's rows and l the eigenvalues of K / trace(K), this is -sum(l * ln(l)).

    Parameters
    ----------
    embeddings : array of shape (P, N, D), or (K, D) with `offsets`; float16, float32 or float64
    offsets : array of shape (P + 1,), int64, optional
    kernel : {"rbf", "laplacian", "cosine", "cosine01", "poly2"}, default="rbf"
        How alike rows a and b are: ``exp(-gamma * |a - b|^2)``, ``exp(-gamma * sum(|a_i - b_i|))``, ``a . b``,
        ``(1 + a . b) / 2``, ``(a . b)^2``. "cosine" and "poly2" cannot tell a row from its opposite. "laplacian" sums
        over all D columns: with gamma 1 and hundreds of columns every two rows count as unlike.
    gamma : float, default=1.0
        Read by "rbf" and "laplacian"; finite and above 0.
    normalize : bool, default=True
        Divide each row by its Euclidean norm first. Without it the formulas meet the rows as they are.
    threads : int, optional
        Threads for this call; see `set_num_threads`.

    Returns
    -------
    ndarray of shape (P,), float64
        Nats, in [0, ln n] for a group of n rows. Exactly 0 for one row and for equal rows; ln n when every two rows
        have kernel value 0. A row of zeros (an empty answer) has kernel value 0 with every other row and 1 with other
        rows of zeros, whatever the kernel. Equal rows are found and counted, so repetition is free.

    Raises
    ------
    ValueError
        For input that makes no sense; also where raw rows (``normalize=False``) are so large or small that their
        kernel matrix has no trace.

    References
    ----------
    Jenane, Walha, Kuhn and Buettner, From Entropy to Calibrated Uncertainty, arXiv 2603.06317. Status: that it scores
    by a von Neumann entropy of embeddings is secondary; its kernel is not stated in what could be read, so "rbf" with
    gamma 1 on unit rows in nats is inferred, from the authors' code for Spectral Uncertainty, arXiv 2509.22272, where
    it is verified. "cosine01" and "poly2" are proposals of this library.

    Examples
    --------
    >>> group = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> von_neumann_entropy(group, [0, 2, 3])
    array([0., 0.])
    >>> von_neumann_entropy(group[np.newaxis]).round(6)
    array([0.628025])
    """
    return renyi_entropy(
        embeddings, offsets, alpha=1.0, kernel=kernel, gamma=gamma, normalize=normalize, threads=threads
    )


def renyi_entropy(
    embeddings: ArrayLike,
    offsets: ArrayLike | None = None,
    *,
    alpha: float = 2.0,
    kernel: Kernel = "rbf",
    gamma: float = 1.0,
    normalize: bool = True,
    threads: int | None = None,
) -> FloatArray:
    """Rényi entropy of order `alpha` of each group's kernel matrix: ln(sum(l ** alpha)) / (1 - alpha).

    The eigenvalues l are those of `von_neumann_entropy`, which is the limit at order 1. Order 2 needs no eigenvalues
    and is the cheapest; infinity is -ln of the largest (min-entropy). The entropy falls as the order grows.

    Parameters
    ----------
    embeddings : array of shape (P, N, D), or (K, D) with `offsets`; float16, float32 or float64
    offsets : array of shape (P + 1,), int64, optional
    alpha : float, default=2.0
        Above 0; ``numpy.inf`` is allowed. Below 1 small eigenvalues weigh much, so rounding shows there: eigenvalues
        below n * 2.2e-16 of the largest count as 0.
    kernel, gamma, normalize, threads
        As for `von_neumann_entropy`.

    Returns
    -------
    ndarray of shape (P,), float64
        Nats, in [0, ln n]; exactly 0 for one row and for equal rows.

    Raises
    ------
    ValueError
        As `von_neumann_entropy`, and for an `alpha` of 0 or less.

    References
    ----------
    Status: the formula is inferred from textbooks (matrix Rényi entropies); to score answers by it, and order 2 as
    the cheap twin of the von Neumann entropy, is a proposal of this library.

    Examples
    --------
    >>> two = np.eye(2)[np.newaxis]
    >>> renyi_entropy(two, kernel="cosine").round(6)
    array([0.693147])
    >>> renyi_entropy(two, alpha=np.inf).round(6)
    array([0.566219])
    """
    rows, ends = _groups(embeddings, offsets)
    return _rust.renyi_entropy(rows, ends, alpha, kernel, gamma, normalize, _threads(threads))


def spectrum(
    embeddings: ArrayLike,
    offsets: ArrayLike | None = None,
    *,
    kernel: Kernel = "rbf",
    gamma: float = 1.0,
    normalize: bool = True,
    threads: int | None = None,
) -> FloatArray:
    """Eigenvalues of each group's kernel matrix divided by its trace.

    Parameters
    ----------
    embeddings : array of shape (P, N, D), or (K, D) with `offsets`; float16, float32 or float64
    offsets : array of shape (P + 1,), int64, optional
    kernel, gamma, normalize, threads
        As for `von_neumann_entropy`.

    Returns
    -------
    ndarray of shape (K,), float64
        As many as rows (K = P * N for a 3-D array), descending inside a group, at least 0, each group's sum 1. Values
        below n * 2.2e-16 of a group's largest cannot be told from rounding and are 0. Equal rows add zeros.

    Raises
    ------
    ValueError
        As `von_neumann_entropy`.

    Examples
    --------
    >>> spectrum(np.array([[[3.0, 0.0], [3.0, 0.0], [0.0, 5.0]]]), kernel="cosine").round(6)
    array([0.666667, 0.333333, 0.      ])
    """
    rows, ends = _groups(embeddings, offsets)
    return _rust.spectrum(rows, ends, kernel, gamma, normalize, _threads(threads))


def fit_platt(
    scores: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    smoothing: bool = True,
    tol: float | None = None,
    threads: int | None = None,
) -> PlattFit:
    """Fit a logistic curve from scores to the chance of being right (Platt scaling).

    Minimises the log loss against smoothed targets by Newton steps with backtracking, until the gradient, a sum over
    rows, is below `tol`; at most 100 steps. Scores are shifted and scaled into [-1, 1] inside, so fitting
    ``s * scores + t`` gives the same confidences.

    Parameters
    ----------
    scores : array of shape (K,)
        Any finite numbers.
    correct : array of shape (K,), bool (or all 0 and 1)
    weights : array of shape (K,), optional
        Finite and at least 0, with a sum between 1e-100 and 1e100. They count in the targets too.
    smoothing : bool, default=True
        Aim at (right + 1) / (right + 2) and 1 / (wrong + 2), with the numbers of right and wrong answers, instead of
        at 1 and 0.
    tol : float, optional
        By default 1e-5 with smoothing, 0 without. 1e-5 is libsvm's and ends where libsvm does: near the minimum, to
        about 1e-5 in slope and intercept for a handful of rows and ever closer for more. 0 goes on to the minimum
        itself, as far as rounding lets it, for a step or two more.
    threads : int, optional

    Returns
    -------
    PlattFit
        (slope, intercept, iterations, converged) with confidence = 1 / (1 + exp(-(slope * score + intercept))), always
        finite. In Platt's own letters A = -slope and B = -intercept. Where `converged` is false this is as far as it
        got; no exception.

        One class only, or constant scores: slope 0, and the confidence is the mean target. Without smoothing no finite
        curve is best where a threshold separates right from wrong, or where there is one class: `converged` is false
        and the curve is steep. Scores all within 1e-300 of each other are too close for a finite slope: as constant,
        not converged.

    Raises
    ------
    ValueError
        For input that makes no sense.

    References
    ----------
    Platt, Probabilistic Outputs for Support Vector Machines, 1999. Lin, Lin and Weng, A Note on Platt's Probabilistic
    Outputs for Support Vector Machines, 2007. Status: verified in libsvm's ``sigmoid_train``. That the
    uncertainty pipeline of arXiv 2603.06317 uses Platt scaling is secondary.

    Examples
    --------
    >>> fit = fit_platt([0.0, 1.0, 2.0, 3.0], [True, True, False, False])
    >>> round(fit.slope, 6), round(fit.intercept, 6), fit.converged
    (-0.908177, 1.362266, True)
    """
    if tol is None:
        tol = 1e-5 if smoothing else 0.0
    if not 0 <= tol < float("inf"):
        raise ValueError(f"tol: is {tol}, must be a finite number of at least 0")
    return PlattFit(
        *_rust.fit_platt(
            _column("scores", scores), _verdicts(correct), _weights(weights), smoothing, float(tol), _threads(threads)
        )
    )


def ece(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    n_bins: int = 15,
    bins: Bins = "width",
    edges: Literal["right", "left", "guo", "left-open"] = "right",
    norm: Literal["l1", "l2", "max"] = "l1",
    debias: bool = False,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> float:
    """Gap between mean confidence and accuracy over bins of confidence (expected calibration error); 0 is calibrated.

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1)
    n_bins : int, default=15
        From 1 to 10,000,000. An empty bin counts for nothing. Not read for ``bins="distinct"``.
    bins : {"width", "mass", "distinct"}, default="width"
        Equal width; nearly equal weight, cut at the borders between distinct confidences nearest to the quantiles (the
        lower if two are as near), so that equal confidences stay together and there may be fewer bins; or one bin for
        every distinct confidence.
    edges : {"right", "left", "guo", "left-open"}, default="right"
        Where a confidence on an edge of equal-width bins goes. "right": ``(low, high]``, the first ``[0, high]``.
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
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    float
        In [0, 1] without `debias`. NaN where `edges` leave no row in any bin.

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense.

    References
    ----------
    Guo et al., On Calibration of Modern Neural Networks, ICML 2017, section 2. Status: "right" verified in lm-polygraph
    and uqlm, "left" in netcal, "left-open" in calibration-tuning, "guo" recalled from its snippet. Debiased "l2" is
    Kumar, Liang and Ma, Verified Uncertainty Calibration, NeurIPS 2019, verified in its code; that code debiases "l1"
    by random draws, whose mean this computes: a proposal.

    Examples
    --------
    >>> ece([1.0, 0.0], [True, False])
    0.0
    >>> ece([0.75, 0.75, 0.25, 0.25], [True, True, True, False])
    0.25
    """
    return _rust.ece(
        _column("confidence", confidence),
        _verdicts(correct),
        _weights(weights),
        _bins(n_bins),
        bins,
        edges,
        norm,
        debias,
        _threads(threads),
    )


def brier(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> float:
    """Mean squared difference between confidence and verdict; 0 is perfect, 0.25 a coin's, 1 the worst.

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1)
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense.

    References
    ----------
    Brier, Verification of Forecasts Expressed in Terms of Probability, 1950. Status: verified against scikit-learn.

    Examples
    --------
    >>> brier([1.0, 0.5], [True, False])
    0.125
    """
    return _rust.brier(_column("confidence", confidence), _verdicts(correct), _weights(weights), _threads(threads))


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
    return _rust.auroc(_column("confidence", confidence), _verdicts(correct), _weights(weights), _threads(threads))


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
    bins : {"width", "mass", "distinct"}, default="width"
        As for `ece`.
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    Reliability
        `edges` (B + 1,) from 0 to 1, bins closed on the right; `count` (B,), rows or the sum of their weights;
        `mean_confidence` and `accuracy` (B,); `low` and `high` (B,), Wilson's 95 % interval of the accuracy. An empty
        bin has count 0 and NaN elsewhere; only "width" has any, and always B = `n_bins`. Edges of "mass" and "distinct"
        lie halfway between neighbouring confidences.

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
            _column("confidence", confidence),
            _verdicts(correct),
            _weights(weights),
            _bins(n_bins),
            bins,
            _threads(threads),
        )
    )


@overload
def evaluate(  # type: ignore[overload-overlap]  # a literal 0 is an int too
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = ...,
    bootstrap: Literal[0] = ...,
    groups: ArrayLike | None = ...,
    seed: int = ...,
    level: float = ...,
    n_bins: int = ...,
    bins: Bins = ...,
    threads: int | None = ...,
) -> dict[str, float]: ...


@overload
def evaluate(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = ...,
    bootstrap: int,
    groups: ArrayLike | None = ...,
    seed: int = ...,
    level: float = ...,
    n_bins: int = ...,
    bins: Bins = ...,
    threads: int | None = ...,
) -> dict[str, Interval]: ...


def evaluate(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    bootstrap: int = 0,
    groups: ArrayLike | None = None,
    seed: int = 0,
    level: float = 0.95,
    n_bins: int = 15,
    bins: Bins = "width",
    threads: int | None = None,
) -> dict[str, float] | dict[str, Interval]:
    """Every metric at once from one sort, with bootstrap intervals where asked for.

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1)
    weights : array of shape (K,), optional
    bootstrap : int, default=0
        Resamples to draw, up to 10,000,000; 0 for values alone.
    groups : array of shape (K,), integers or strings, optional
        The group (question) of each row: whole groups are drawn with replacement. Without it, rows are.
    seed : int, default=0
        From 0 to 2**64 - 1. Random numbers are SplitMix64 of (seed, resample, draw): the same for any number of threads
        and any order of the rows.
    level : float, default=0.95
        Between 0 and 1.
    n_bins : int, default=15
        As for `ece`.
    bins : {"width", "mass", "distinct"}, default="width"
        As for `ece`.
    threads : int, optional

    Returns
    -------
    dict
        Keys "ece", "brier" and "auroc", each what the function of that name returns, or with `bootstrap` an
        (value, low, high). Brier score and AUROC get the percentile interval. Resampling adds noise, and noise raises
        an ECE, so that gets the basic (pivotal) interval instead, mirrored at the value and cut to [0, 1]: with few
        rows it lies below the value, which is itself too high. Resamples with one class are left out for AUROC, and
        those that hold only rows of weight 0 for all.

    Warns
    -----
    UserWarning
        If more than 5 % of the resamples had to be left out for a metric.

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense.

    References
    ----------
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 12 to 14. SplitMix64: Steele, Lea and Flood,
    OOPSLA 2014. Status: that resampling raises an ECE, and the pivotal interval against it, verified in
    p-lambda/verified_calibration.

    Examples
    --------
    >>> evaluate([0.9, 0.8, 0.3], [True, True, False], n_bins=10)["auroc"]
    1.0
    >>> evaluate([0.9, 0.8, 0.3], [True, True, False], bootstrap=100, groups=["a", "a", "a"])["auroc"]
    Interval(value=1.0, low=1.0, high=1.0)
    """
    bootstrap = _count("bootstrap", bootstrap, 0, 10_000_000)
    estimates = _rust.evaluate(
        _column("confidence", confidence),
        _verdicts(correct),
        _weights(weights),
        _bins(n_bins),
        bins,
        bootstrap,
        _labels(groups),
        _count("seed", seed, 0, 2**64 - 1),
        level,
        _threads(threads),
    )
    if bootstrap == 0:
        return {name: value for name, value, _, _, _ in estimates}
    for name, value, _, _, skipped in estimates:
        if skipped > 0.05 * bootstrap and not np.isnan(value):
            warnings.warn(
                f"{name}: does not exist in {skipped} of {bootstrap} resamples, which its interval leaves out",
                stacklevel=2,
            )
    return {name: Interval(value, low, high) for name, value, low, high, _ in estimates}


def set_num_threads(n: int) -> None:
    """Use `n` threads from now on, in every call that does not say otherwise by ``threads=``.

    Without it the environment variable ``UNCAL_NUM_THREADS`` counts, read once, and without that the cores that this
    process may use. Threads start when they are first needed, and anew in a forked child. Results do not depend on
    their number.

    Parameters
    ----------
    n : int
        From 1 to 4096.

    Raises
    ------
    ValueError
        If `n` is not such a number.

    Examples
    --------
    >>> set_num_threads(2)
    """
    _rust.set_num_threads(_count("n", n, 1, 4096))


# What follows makes arrays of whatever was given, and complains where that cannot be done. Numbers themselves are
# checked in the compiled code.


def _array(name: str, values: Any) -> NDArray[Any]:
    """`values` as an array, without a copy where that is possible."""
    try:
        if isinstance(values, np.ndarray):
            if np.any(getattr(values, "mask", False)):
                raise ValueError("has masked entries")
            return values
        if type(values).__module__.partition(".")[0] == "pyarrow":
            return _from_arrow(values)
        if hasattr(values, "__dlpack__"):
            return np.from_dlpack(values)
        return np.asarray(values)
    except (TypeError, ValueError, RuntimeError, BufferError, AttributeError) as error:
        raise ValueError(f"{name}: cannot be read as an array: {error}") from error


def _from_arrow(values: Any) -> NDArray[Any]:
    """Read a pyarrow array of numbers, strings or (nested) fixed-size lists."""
    if hasattr(values, "num_chunks"):
        if values.num_chunks != 1:
            raise ValueError(f"has {values.num_chunks} chunks, must have 1 (combine_chunks() copies them into one)")
        values = values.chunk(0)
    if values.null_count:
        raise ValueError(f"row {values.is_null().index(True).as_py()} is null")
    if hasattr(values.type, "list_size"):
        inner = _from_arrow(values.flatten())
        return inner.reshape(len(values), values.type.list_size, *inner.shape[1:])
    if hasattr(values, "offsets"):
        raise ValueError("is a list of varying size; pass its .values, and its .offsets as offsets")
    return cast(NDArray[Any], values.to_numpy(zero_copy_only=False))


def _groups(embeddings: ArrayLike, offsets: ArrayLike | None) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Rows (K, D), contiguous, and offsets (P + 1,)."""
    array = _array("embeddings", embeddings)
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        raise ValueError(f"embeddings: dtype is {array.dtype}, must be float16, float32 or float64; use .astype")
    if array.ndim == 3:
        if offsets is not None:
            raise ValueError("offsets: a 3-D array of embeddings has none")
        if array.shape[0] > 0 and array.shape[1] == 0:
            raise ValueError(f"embeddings: has shape {array.shape}, group 0 is empty")
        ends = np.arange(array.shape[0] + 1, dtype=np.int64) * array.shape[1]
    elif array.ndim == 2:
        if offsets is None:
            raise ValueError("offsets: needed with a 2-D array of embeddings; groups of one size can be (P, N, D)")
        ends = _integers("offsets", offsets)
    else:
        raise ValueError(f"embeddings: has shape {array.shape}, must be (P, N, D), or (K, D) with offsets")
    # Copies only what is strided, unaligned or of foreign byte order.
    rows = np.require(array, array.dtype.newbyteorder("="), ["C", "A"])
    return rows.reshape(array.shape[0] * array.shape[1], array.shape[2]) if array.ndim == 3 else rows, ends


def _integers(name: str, values: ArrayLike) -> NDArray[np.int64]:
    array = _one_dimensional(name, _array(name, values))
    if array.dtype.kind not in "iu" and array.size > 0:
        raise ValueError(f"{name}: dtype is {array.dtype}, must be integers")
    return np.require(array, np.int64, ["C", "A"])


def _column(name: str, values: ArrayLike) -> FloatArray:
    """Numbers (K,) as contiguous float64."""
    array = _one_dimensional(name, _array(name, values))
    if array.dtype.kind not in "fiub" and array.size > 0:
        raise ValueError(f"{name}: dtype is {array.dtype}, must be numbers")
    return np.require(array, np.float64, ["C", "A"])


def _weights(values: ArrayLike | None) -> FloatArray | None:
    return None if values is None else _column("weights", values)


def _verdicts(values: ArrayLike) -> NDArray[np.bool_]:
    """Verdicts (K,) as bool, from bool or from numbers that are all 0 or 1."""
    array = _one_dimensional("correct", _array("correct", values))
    if array.dtype == np.bool_:
        return np.require(array, requirements=["C", "A"])
    if array.dtype.kind not in "fiuO":
        raise ValueError(f"correct: dtype is {array.dtype}, must be bool, or all 0 and 1")
    # An object is compared as it is: None, NaN and "1" are neither 0 nor 1.
    right = np.asarray(array == 1, dtype=np.bool_)
    bad = ~(right | np.asarray(array == 0, dtype=np.bool_))
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(f"correct: row {row} is {array[row]!s}, must be bool, or all 0 and 1")
    return right


def _labels(values: ArrayLike | None) -> NDArray[np.int64] | None:
    """Labels of any sort, numbered in their own order."""
    if values is None:
        return None
    array = _one_dimensional("groups", _array("groups", values))
    if array.dtype.kind not in "iuUSTO" and array.size > 0:
        raise ValueError(f"groups: dtype is {array.dtype}, must be integers or strings")
    try:
        return np.unique(array, return_inverse=True)[1].astype(np.int64, copy=False)
    except TypeError as error:
        raise ValueError(f"groups: cannot be told apart: {error}") from error


def _one_dimensional(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim != 1:
        raise ValueError(f"{name}: has shape {array.shape}, must be 1-D")
    return array


def _count(name: str, value: int, least: int, most: int) -> int:
    try:
        number = index(value)
    except TypeError as error:
        raise ValueError(f"{name}: is {value!r}, must be a whole number") from error
    if not least <= number <= most:
        raise ValueError(f"{name}: is {number}, must be a whole number from {least} to {most}")
    return number


def _bins(n_bins: int) -> int:
    return _count("n_bins", n_bins, 1, 10_000_000)


def _threads(threads: int | None) -> int | None:
    return None if threads is None else _count("threads", threads, 1, 4096)
