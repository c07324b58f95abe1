"""Kernel matrices of embeddings and what their eigenvalues say."""

from typing import Literal

import numpy as np  # noqa: F401  # the examples use it
from numpy.typing import ArrayLike

from uncal import _rust
from uncal.fast import _arguments as arguments
from uncal.fast._arguments import FloatArray

Kernel = Literal["rbf", "laplacian", "cosine", "cosine01", "poly2"]


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
    rows, ends = arguments.groups(embeddings, offsets)
    return _rust.renyi_entropy(rows, ends, alpha, kernel, gamma, normalize, arguments.threads(threads))


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
    rows, ends = arguments.groups(embeddings, offsets)
    return _rust.spectrum(rows, ends, kernel, gamma, normalize, arguments.threads(threads))
