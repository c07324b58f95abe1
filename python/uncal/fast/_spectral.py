"""Kernel matrices of embeddings and what their eigenvalues say."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np  # noqa: F401  # the examples use it
from numpy.typing import ArrayLike

from uncal import _rust
from uncal.fast import _arguments as arguments
from uncal.fast._arguments import FloatArray

Kernel = Literal["rbf", "laplacian", "cosine", "cosine01", "poly2"]
NanPolicy = Literal["raise", "propagate"]

SCORES: dict[str, dict[str, Any]] = {
    "effective_rank": {},
    "eigen_score": {"alpha": 1e-3},
    "predictive_kernel_entropy": {},
    "renyi_entropy": {"alpha": 2.0},
    "semantic_volume": {"eps": 1e-6, "center": False},
    "von_neumann_entropy": {},
}
"""What `spectral_scores` knows, each with its settings and their defaults."""


class SpectralDecomposition(NamedTuple):
    """The von Neumann entropy of each group, and its parts between and within clarifications, each (P,)."""

    total: FloatArray
    aleatoric: FloatArray
    epistemic: FloatArray


def von_neumann_entropy(
    embeddings: ArrayLike,
    offsets: ArrayLike | None = None,
    *,
    kernel: Kernel = "rbf",
    gamma: float = 1.0,
    normalize: bool = True,
    counts: ArrayLike | None = None,
    nan_policy: NanPolicy = "raise",
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
    counts : array of shape (K,), or (P, N) for a 3-D array; optional
        How often each row counts, a whole number from 1; by default once. A text that was drawn five times is embedded
        once and counts 5: the result is that of five equal rows, for the work of one.
    nan_policy : {"raise", "propagate"}, default="raise"
        What becomes of a group that is empty or holds NaN or infinity: an error, or a score of NaN for that group
        alone. Other errors stay errors. Neither needs a pass over the data of its own.
    threads : int, optional
        Threads for this call; see `set_num_threads`.

    Returns
    -------
    ndarray of shape (P,), float64
        Nats, in [0, ln n] for a group of n rows. Exactly 0 for one row and for equal rows; ln n when every two rows
        have kernel value 0. A row of zeros (an empty answer) has kernel value 0 with every other row and 1 with other
        rows of zeros, whatever the kernel.

        From float64 rows, and for "laplacian" and more than 64 rows from all, entropies are those of eigenvalues in
        float64. From float16 and float32 rows products are summed in float32 (in float64 for rows nearer than a cosine
        of 0.99, for "rbf" with gamma above 2 and without `normalize`), and the entropy is a sum of twelve
        log-determinants: within 1e-6.

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
    return _one("von_neumann_entropy", embeddings, offsets, {}, kernel, gamma, normalize, counts, nan_policy, threads)


def renyi_entropy(
    embeddings: ArrayLike,
    offsets: ArrayLike | None = None,
    *,
    alpha: float = 2.0,
    kernel: Kernel = "rbf",
    gamma: float = 1.0,
    normalize: bool = True,
    counts: ArrayLike | None = None,
    nan_policy: NanPolicy = "raise",
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
    kernel, gamma, normalize, counts, nan_policy, threads
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
    settings = {"alpha": alpha}
    return _one("renyi_entropy", embeddings, offsets, settings, kernel, gamma, normalize, counts, nan_policy, threads)


def predictive_kernel_entropy(
    embeddings: ArrayLike,
    offsets: ArrayLike | None = None,
    *,
    kernel: Kernel = "rbf",
    gamma: float = 1.0,
    normalize: bool = True,
    counts: ArrayLike | None = None,
    nan_policy: NanPolicy = "raise",
    threads: int | None = None,
) -> FloatArray:
    """Minus the mean kernel value of two different rows of each group: (trace(K) - sum(K)) / (n * (n - 1)).

    No eigenvalues: the cheapest of the family, in O(n^2 D).

    Parameters
    ----------
    embeddings : array of shape (P, N, D), or (K, D) with `offsets`; float16, float32 or float64
    offsets : array of shape (P + 1,), int64, optional
    kernel, gamma, normalize, counts, nan_policy, threads
        As for `von_neumann_entropy`.

    Returns
    -------
    ndarray of shape (P,), float64
        In [-1, 0] for kernels between 0 and 1, higher is less sure: -1 for equal rows; for "rbf" on unit rows in
        [-1, -exp(-4 * gamma)]. 0 for one row, where it is not defined. Raw rows meet the kernel as it is, without a
        trace to divide by.

    Raises
    ------
    ValueError
        As `von_neumann_entropy`.

    References
    ----------
    Gruber and Buettner, A Bias-Variance-Covariance Decomposition of Kernel Scores, arXiv 2310.05833. Status: verified
    in the authors' code.

    Examples
    --------
    >>> predictive_kernel_entropy(np.eye(2)[np.newaxis]).round(6)
    array([-0.135335])
    """
    return _one(
        "predictive_kernel_entropy", embeddings, offsets, {}, kernel, gamma, normalize, counts, nan_policy, threads
    )


def semantic_volume(
    embeddings: ArrayLike,
    offsets: ArrayLike | None = None,
    *,
    eps: float = 1e-6,
    center: bool = False,
    counts: ArrayLike | None = None,
    nan_policy: NanPolicy = "raise",
    threads: int | None = None,
) -> FloatArray:
    """Log-volume that the unit rows of each group span: ln(det(G + eps * I)), G their products with each other.

    Parameters
    ----------
    embeddings : array of shape (P, N, D), or (K, D) with `offsets`; float16, float32 or float64
        Divided by their norms; products are summed in float64.
    offsets : array of shape (P + 1,), int64, optional
    eps : float, default=1e-6
        Added to each eigenvalue, above 0. Every equal row, and every row beyond D, adds about ln(eps): scores of
        different n, D or `eps` do not compare.
    center : bool, default=False
        Take the mean of the group's unit rows from each of them first.
    counts, nan_policy, threads
        As for `von_neumann_entropy`.

    Returns
    -------
    ndarray of shape (P,), float64
        Higher is less sure: about 0, at most n * ln(1 + eps), for orthogonal rows; ln(n + eps) + (n - 1) * ln(eps) for
        equal ones. 0 for one row, by agreement: it says nothing. A row of zeros is orthogonal to all but its kind.

    Raises
    ------
    ValueError
        As `von_neumann_entropy`, and for an `eps` of 0 or less.

    References
    ----------
    Semantic Volume, arXiv 2502.21239. Status: the formula is secondary; the default `eps`, and that rows are not
    centred, are inferred.

    Examples
    --------
    >>> rows = np.array([[[1.0, 0.0, 0.0], [0.8, 0.6, 0.0], [0.6, 0.0, 0.8]]])
    >>> semantic_volume(rows, eps=1e-3).round(6)
    array([-1.460274])
    """
    settings = {"eps": eps, "center": center}
    return _one("semantic_volume", embeddings, offsets, settings, "cosine", 1.0, True, counts, nan_policy, threads)


def eigen_score(
    embeddings: ArrayLike,
    offsets: ArrayLike | None = None,
    *,
    alpha: float = 1e-3,
    counts: ArrayLike | None = None,
    nan_policy: NanPolicy = "raise",
    threads: int | None = None,
) -> FloatArray:
    """Mean log-eigenvalue of the covariance of each group's rows (EigenScore): (1 / n) * sum(ln(l + alpha)).

    The l are the eigenvalues of Z J Z^T: raw rows Z (hidden states), each less its own mean over the D columns.

    Parameters
    ----------
    embeddings : array of shape (P, N, D), or (K, D) with `offsets`; float16, float32 or float64
        Taken as they are, neither divided by their norms nor centred over rows.
    offsets : array of shape (P + 1,), int64, optional
    alpha : float, default=1e-3
        Added to each eigenvalue, above 0.
    counts, nan_policy, threads
        As for `von_neumann_entropy`.

    Returns
    -------
    ndarray of shape (P,), float64
        Any finite number, at least ln(alpha); higher is less sure. 0 for one row, by agreement.

    Raises
    ------
    ValueError
        As `von_neumann_entropy`, and for an `alpha` of 0 or less.

    References
    ----------
    Chen et al., INSIDE: LLMs' Internal States Retain the Power of Hallucination Detection, arXiv 2402.03744. Status:
    verified in lm-polygraph, which, as this does, centres over columns.

    Examples
    --------
    >>> rows = np.array([[[1.0, 0.0, 0.0], [0.8, 0.6, 0.0], [0.6, 0.0, 0.8]]])
    >>> eigen_score(rows).round(6)
    array([-2.587942])
    """
    settings = {"alpha": alpha}
    return _one("eigen_score", embeddings, offsets, settings, "cosine", 1.0, True, counts, nan_policy, threads)


def spectrum(
    embeddings: ArrayLike,
    offsets: ArrayLike | None = None,
    *,
    kernel: Kernel = "rbf",
    gamma: float = 1.0,
    normalize: bool = True,
    counts: ArrayLike | None = None,
    nan_policy: NanPolicy = "raise",
    threads: int | None = None,
) -> FloatArray:
    """Eigenvalues of each group's kernel matrix divided by its trace.

    Parameters
    ----------
    embeddings : array of shape (P, N, D), or (K, D) with `offsets`; float16, float32 or float64
    offsets : array of shape (P + 1,), int64, optional
    kernel, gamma, normalize, counts, nan_policy, threads
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
    rows, ends = arguments.groups(embeddings, offsets, empty=_propagates(nan_policy))
    return _rust.spectrum(
        rows,
        ends,
        arguments.counts(counts, embeddings),
        *_kernel(kernel, gamma, normalize),
        _propagates(nan_policy),
        arguments.threads(threads),
    )


def spectral_scores(
    embeddings: ArrayLike,
    offsets: ArrayLike | None = None,
    *,
    scores: Sequence[str] | Mapping[str, Mapping[str, Any]] = ("von_neumann_entropy", "effective_rank"),
    kernel: Kernel = "rbf",
    gamma: float = 1.0,
    normalize: bool = True,
    counts: ArrayLike | None = None,
    nan_policy: NanPolicy = "raise",
    threads: int | None = None,
) -> dict[str, FloatArray]:
    """Several scores of the same groups for the price of one: products and eigenvalues are computed once.

    Parameters
    ----------
    embeddings : array of shape (P, N, D), or (K, D) with `offsets`; float16, float32 or float64
    offsets : array of shape (P + 1,), int64, optional
    scores : sequence of str, or mapping of str to settings
        Of "von_neumann_entropy", "renyi_entropy" (alpha), "predictive_kernel_entropy", "semantic_volume" (eps, center),
        "eigen_score" (alpha), each as the function of that name, and "effective_rank": exp of the von Neumann entropy,
        how many different things a group says, in [1, n] (the Vendi score; status: inferred). A sequence takes the
        functions' defaults; a mapping gives settings: ``{"renyi_entropy": {"alpha": 3.0}}``.
    kernel, gamma, normalize, counts, nan_policy, threads
        As for `von_neumann_entropy`; "semantic_volume" and "eigen_score" read neither of the first three.

    Returns
    -------
    dict of str to ndarray of shape (P,), float64
        In the order of `scores`. A score that needs small eigenvalues (volume, eigen score, orders below 1) makes all
        of them come from products in float64; those of float16 and float32 rows may then differ from what the function
        alone returns, by less than the 1e-6 that it is good for.

    Raises
    ------
    ValueError
        As `von_neumann_entropy`, and for scores or settings that are not known.

    Examples
    --------
    >>> found = spectral_scores(np.eye(3)[np.newaxis], scores=["effective_rank", "renyi_entropy"], kernel="cosine")
    >>> {name: values.round(6).tolist() for name, values in found.items()}
    {'effective_rank': [3.0], 'renyi_entropy': [1.098612]}
    """
    wanted = {name: scores[name] if isinstance(scores, Mapping) else {} for name in arguments.names("scores", scores)}
    rows, ends = arguments.groups(embeddings, offsets, empty=_propagates(nan_policy))
    columns = _rust.spectral_scores(
        rows,
        ends,
        arguments.counts(counts, embeddings),
        [_request(name, settings) for name, settings in wanted.items()],
        *_kernel(kernel, gamma, normalize),
        _propagates(nan_policy),
        arguments.threads(threads),
    )
    return dict(zip(wanted, columns, strict=True))


def spectral_decomposition(
    embeddings: ArrayLike,
    offsets: ArrayLike | None,
    clarification_ids: ArrayLike,
    *,
    kernel: Kernel = "rbf",
    gamma: float = 1.0,
    normalize: bool = True,
    threads: int | None = None,
) -> SpectralDecomposition:
    """Split each group's von Neumann entropy into what lies between its clarifications and what lies within them.

    A question is asked in several readings (clarifications), each answered several times. The entropy of all answers
    is the mean of the entropies within readings plus what the readings add: their Holevo quantity.

    Parameters
    ----------
    embeddings : array of shape (P, N, D), or (K, D) with `offsets`; float16, float32 or float64
    offsets : array of shape (P + 1,), int64; None for a 3-D array
    clarification_ids : array of shape (K,), or (P, N) for a 3-D array; int
        Rows of a group with the same number answer the same reading; rows that are not next to each other are copied.
    kernel, gamma, normalize, threads
        As for `von_neumann_entropy`.

    Returns
    -------
    SpectralDecomposition
        (total, aleatoric, epistemic), each (P,), in nats: total is `von_neumann_entropy` of the group; epistemic the
        mean within readings, each weighted by its share of the rows; aleatoric the rest, at least 0 and at most ln of
        the number of readings. These are the paper's names: what the readings add is the ambiguity of the question.

    Raises
    ------
    ValueError
        As `von_neumann_entropy`.

    References
    ----------
    Walha, Gruber et al., Fine-Grained Uncertainty Decomposition in Large Language Models: A Spectral Approach,
    arXiv 2509.22272. Status: verified. Its code takes the plain mean over readings, which makes aleatoric negative for
    some groups of uneven readings; weights, the same for even ones, are a proposal.

    Examples
    --------
    >>> rows = np.array([[[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.0, 1.0]]])
    >>> parts = spectral_decomposition(rows, None, [[0, 0, 1, 1]])
    >>> [round(float(part[0]), 6) for part in parts]
    [0.840675, 0.61687, 0.223805]
    """
    rows, ends = arguments.groups(embeddings, offsets)
    return SpectralDecomposition(
        *_rust.spectral_decomposition(
            rows,
            ends,
            arguments.integers("clarification_ids", arguments.flat("clarification_ids", clarification_ids, embeddings)),
            *_kernel(kernel, gamma, normalize),
            arguments.threads(threads),
        )
    )


def _one(
    name: str,
    embeddings: ArrayLike,
    offsets: ArrayLike | None,
    settings: Mapping[str, Any],
    kernel: str,
    gamma: float,
    normalize: bool,
    counts: ArrayLike | None,
    nan_policy: str,
    threads: int | None,
) -> FloatArray:
    rows, ends = arguments.groups(embeddings, offsets, empty=_propagates(nan_policy))
    return _rust.spectral_scores(
        rows,
        ends,
        arguments.counts(counts, embeddings),
        [_request(name, settings)],
        *_kernel(kernel, gamma, normalize),
        _propagates(nan_policy),
        arguments.threads(threads),
    )[0]


def _request(name: str, settings: Mapping[str, Any]) -> tuple[str, float, bool]:
    """Return a score as the compiled code takes it."""
    if name not in SCORES:
        raise ValueError(f"scores: no {name!r}, only {', '.join(SCORES)}")
    if not isinstance(settings, Mapping):
        raise ValueError(f"scores: the settings of {name!r} are {arguments.shown(settings)}, must be a dict")
    for setting in settings:
        if setting not in SCORES[name]:
            raise ValueError(f"scores: {name!r} has no setting {setting!r}")
    chosen = SCORES[name] | dict(settings)
    if name == "von_neumann_entropy":
        return "renyi_entropy", 1.0, False
    number = next((arguments.number(key, chosen[key]) for key in ("alpha", "eps") if key in chosen), 0.0)
    return name, number, arguments.flag("center", chosen.get("center", False))


def _kernel(kernel: str, gamma: float, normalize: bool) -> tuple[str, float, bool]:
    return (
        arguments.choice("kernel", kernel, Kernel),
        arguments.number("gamma", gamma),
        arguments.flag("normalize", normalize),
    )


def _propagates(nan_policy: str) -> bool:
    if arguments.choice("nan_policy", nan_policy, NanPolicy) not in ("raise", "propagate"):
        raise ValueError(f"nan_policy: is {nan_policy!r}, must be 'raise' or 'propagate'")
    return nan_policy == "propagate"
