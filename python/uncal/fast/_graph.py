"""Matrices of how alike the answers of a group are, and what the graph that they make says."""

from collections.abc import Sequence
from typing import Literal

import numpy as np  # noqa: F401  # the examples use it
from numpy.typing import ArrayLike

from uncal import _rust
from uncal.fast import _arguments as arguments
from uncal.fast._arguments import FloatArray

GraphKernel = Literal["heat", "matern"]
GraphMeasure = Literal["eigenvalue_laplacian", "degree", "eccentricity"]


def kernel_language_entropy(
    weights: ArrayLike,
    offsets: ArrayLike | None = None,
    *,
    kernel: GraphKernel = "heat",
    t: float = 0.3,
    nu: float = 1.0,
    kappa: float = 1.0,
    unit_diagonal: bool = True,
    scale: bool = False,
    threads: int | None = None,
) -> FloatArray:
    """How many different things the answers of each group say: the von Neumann entropy of a kernel on their graph.

    W is ``(w + w.T) / 2`` without its diagonal, D the diagonal matrix of its row sums, ``L = D - W``, and K the kernel
    of L; K's entries are divided by ``sqrt(K_ii * K_jj)``; with l the eigenvalues of K / trace(K), the entropy is
    ``-sum(l * ln(l))``.

    Parameters
    ----------
    weights : array of shape (P, N, N), or flat of shape (sum of n_p ** 2,) with `offsets`; computed with in float64
        At least 0: how closely answers are connected. From entailment probabilities E and contradiction probabilities
        C of row by column for instance ``E + E.T``, or ``E + E.T + (2 - E - E.T - C - C.T) / 2``. Directions are
        averaged; the diagonal is ignored, but must be such a number as well.
    offsets : array of shape (P + 1,), int64, optional
        Group p is answers ``offsets[p]`` to ``offsets[p + 1]``, in order; its matrix has as many rows.
    kernel : {"heat", "matern"}, default="heat"
        ``exp(-t * L)``, or ``(2 * nu / kappa ** 2 * I + L) ** -nu``.
    t : float, default=0.3
        Read by "heat".
    nu, kappa : float, default=1.0
        Read by "matern". Each of the three numbers must be finite and above 0.
    unit_diagonal : bool, default=True
        False leaves K as it is.
    scale : bool, default=False
        Divide by ln n.
    threads : int, optional
        Threads for this call; see `set_num_threads`.

    Returns
    -------
    ndarray of shape (P,), float64
        Nats, in [0, ln n] for a group of n answers, in [0, 1] with `scale`. 0 for one answer, scaled or not; ln n
        where no two answers are connected. As t or kappa grows it tends to the entropy of the sizes of the graph's
        connected components. Eigenvalues below n * 2.2e-16 of the largest cannot be told from rounding and count as 0.

    Raises
    ------
    ValueError
        For a weight that is negative, not finite or beyond 1e100, which is named, and for wrong shapes, offsets or
        settings.

    References
    ----------
    Nikitin, Kossen, Gal and Marttinen, Kernel Language Entropy, arXiv 2405.20003. Status: verified in the authors'
    code, which differs in that it skips eigenvalues up to 1e-8 (at most 2e-7 nats each), scales by default, and fails
    for one answer.

    Examples
    --------
    >>> weights = np.array([[[0.0, 1.5, 0.5], [1.5, 0.0, 0.0], [0.5, 0.0, 0.0]]])
    >>> kernel_language_entropy(weights).round(6)
    array([1.030202])
    >>> kernel_language_entropy(weights, kernel="matern", kappa=3.0, scale=True).round(6)
    array([0.598624])
    """
    values, ends = arguments.squares("weights", weights, offsets)
    return _rust.kernel_language_entropy(
        values,
        ends,
        arguments.choice("kernel", kernel, GraphKernel),
        arguments.number("t", t),
        arguments.number("nu", nu),
        arguments.number("kappa", kappa),
        arguments.flag("unit_diagonal", unit_diagonal),
        arguments.flag("scale", scale),
        arguments.threads(threads),
    )


def graph_scores(
    similarity: ArrayLike,
    offsets: ArrayLike | None = None,
    *,
    names: Sequence[GraphMeasure] = ("eigenvalue_laplacian", "degree", "eccentricity"),
    cut: float = 0.9,
    threads: int | None = None,
) -> dict[str, FloatArray]:
    """Several measures of how unlike the answers of each group are, from one spectrum.

    Parameters
    ----------
    similarity : array of shape (P, N, N), or flat of shape (sum of n_p ** 2,) with `offsets`
    offsets : array of shape (P + 1,), int64, optional
    names : sequence of {"eigenvalue_laplacian", "degree", "eccentricity"}, default=all of them
    cut : float, default=0.9
        As for `eccentricity`.
    threads : int, optional
        Threads for this call; see `set_num_threads`.

    Returns
    -------
    dict of str to ndarray of shape (P,), float64
        For each name the very numbers that the function of that name returns.

    Raises
    ------
    ValueError
        As those functions.

    Examples
    --------
    >>> scores = graph_scores(np.array([[[1.0, 0.9, 0.1], [0.9, 1.0, 0.2], [0.1, 0.2, 1.0]]]))
    >>> {name: float(values[0].round(6)) for name, values in scores.items()}
    {'eigenvalue_laplacian': 1.745421, 'degree': 1.2, 'eccentricity': 1.000148}
    """
    values, ends = arguments.squares("similarity", similarity, offsets)
    chosen = arguments.names("names", names)
    columns = _rust.graph_scores(values, ends, chosen, arguments.number("cut", cut), arguments.threads(threads))
    return dict(zip(chosen, columns, strict=True))


def eigenvalue_laplacian(
    similarity: ArrayLike, offsets: ArrayLike | None = None, *, threads: int | None = None
) -> FloatArray:
    """How many different things the answers of each group say, by the spectrum of their graph ("EigV").

    W is ``(a + a.T) / 2`` with its diagonal as given, D the diagonal matrix of its row sums, l the eigenvalues of
    ``L = I - D^-1/2 W D^-1/2``; the measure is ``sum(max(0, 1 - l))``.

    Parameters
    ----------
    similarity : array of shape (P, N, N), or flat of shape (sum of n_p ** 2,) with `offsets`
        How much the answer of the row says the same as that of the column, as a rule in [0, 1] with a diagonal of 1:
        entailment probabilities, 1 minus contradiction probabilities, Jaccard indices, `cosine_similarity`. Any
        finite numbers (up to 1e100) whose rows of W sum to more than 0. Computed with in float64.
    offsets : array of shape (P + 1,), int64, optional
        Group p is answers ``offsets[p]`` to ``offsets[p + 1]``, in order; its matrix has as many rows.
    threads : int, optional
        Threads for this call; see `set_num_threads`.

    Returns
    -------
    ndarray of shape (P,), float64
        At least 1, and at most n where no similarity is negative. 1 for one answer; the number of blocks where answers
        have similarity 1 inside a block and 0 outside.

    Raises
    ------
    ValueError
        For an entry that is not finite or beyond 1e100 and for a row of W that does not sum to more than 0 (or to no
        more than its rounding), which are named, and for wrong shapes or offsets.

    References
    ----------
    Lin, Trivedi and Sun, Generating with Confidence, arXiv 2305.19187. Status: verified in the authors' code.

    Examples
    --------
    >>> eigenvalue_laplacian(np.array([[[1.0, 0.9, 0.1], [0.9, 1.0, 0.2], [0.1, 0.2, 1.0]]])).round(6)
    array([1.745421])
    """
    return graph_scores(similarity, offsets, names=("eigenvalue_laplacian",), threads=threads)["eigenvalue_laplacian"]


def degree(
    similarity: ArrayLike, offsets: ArrayLike | None = None, *, per_answer: bool = False, threads: int | None = None
) -> FloatArray:
    """How unlike the others the answers of each group are: the mean over i of ``sum_j (1 - a_ij)`` ("Deg").

    The matrix is not made symmetric: the answer of the row is compared with those of the columns.

    Parameters
    ----------
    similarity : array of shape (P, N, N), or flat of shape (sum of n_p ** 2,) with `offsets`
        As for `eigenvalue_laplacian`; rows may have any sum.
    offsets : array of shape (P + 1,), int64, optional
    per_answer : bool, default=False
        Return ``sum_j (1 - a_ij)`` for each answer i; their mean is the measure of the group.
    threads : int, optional
        Threads for this call; see `set_num_threads`.

    Returns
    -------
    ndarray of shape (P,), or (K,) with `per_answer`, float64
        Higher is less alike, per answer too: 0 where all answers say the same, n - 1 where no two do, for entries in
        [0, 1] with a diagonal of 1. The paper's confidence in one answer, ``sum_j a_ij``, is n less its number here;
        lm-polygraph's DegMat is the measure of the group divided by n.

    Raises
    ------
    ValueError
        For an entry that is not finite or beyond 1e100, which is named, and for wrong shapes or offsets.

    References
    ----------
    Lin, Trivedi and Sun, Generating with Confidence, arXiv 2305.19187. Status: verified in the authors' code.

    Examples
    --------
    >>> similarity = np.array([[[1.0, 0.9, 0.1], [0.9, 1.0, 0.2], [0.1, 0.2, 1.0]]])
    >>> degree(similarity).round(6)
    array([1.2])
    >>> degree(similarity, per_answer=True).round(6)
    array([1. , 0.9, 1.7])
    """
    if not arguments.flag("per_answer", per_answer):
        return graph_scores(similarity, offsets, names=("degree",), threads=threads)["degree"]
    values, ends = arguments.squares("similarity", similarity, offsets)
    return _rust.degree(values, ends, arguments.threads(threads))


def eccentricity(
    similarity: ArrayLike,
    offsets: ArrayLike | None = None,
    *,
    cut: float = 0.9,
    per_answer: bool = False,
    threads: int | None = None,
) -> FloatArray:
    """How far from their centre the answers of each group lie in the eigenvectors of their graph ("Ecc").

    L is that of `eigenvalue_laplacian`. The eigenvectors of its eigenvalues below `cut` are the columns of V, row i is
    answer i; the measure is the root of the sum of the squared distances of the rows from their mean.

    Parameters
    ----------
    similarity : array of shape (P, N, N), or flat of shape (sum of n_p ** 2,) with `offsets`
        As for `eigenvalue_laplacian`.
    offsets : array of shape (P + 1,), int64, optional
    cut : float, default=0.9
        Finite and above 0; the paper tries 0.4 to 0.9. Eigenvalues within 1e-9 of each other count as equal and are
        kept all or none, one within 1e-9 of the cut counts as not below it: a basis of equal eigenvalues is arbitrary,
        and part of it would give an arbitrary number. The least eigenvalue, which is 0, is always kept.
    per_answer : bool, default=False
        Return the distance of each answer; the root of the sum of their squares is the measure of the group.
    threads : int, optional
        Threads for this call; see `set_num_threads`.

    Returns
    -------
    ndarray of shape (P,), or (K,) with `per_answer`, float64
        At least 0, and higher is less alike, per answer too; exactly 0 for one answer and for equal answers. The
        paper's confidence in one answer is the negative of its distance.

    Raises
    ------
    ValueError
        As `eigenvalue_laplacian`, and for a `cut` that is not finite and above 0.

    Notes
    -----
    The measure of a group needs no eigenvectors: it is the root of k - 1 + the sum, over the eigenvectors v that are
    not kept, of ``sum(v) ** 2 / n``, with k the number of those that are.

    References
    ----------
    Lin, Trivedi and Sun, Generating with Confidence, arXiv 2305.19187. Status: verified in the authors' code; that
    equal eigenvalues are kept together is a proposal of this library. lm-polygraph takes rows for columns in its
    distances per answer: the measure of the group is the same, they are not.

    Examples
    --------
    >>> similarity = np.array([[[1.0, 0.9, 0.1], [0.9, 1.0, 0.2], [0.1, 0.2, 1.0]]])
    >>> eccentricity(similarity).round(6)
    array([1.000148])
    >>> eccentricity(similarity, per_answer=True).round(6)
    array([0.452367, 0.362858, 0.814858])
    """
    if not arguments.flag("per_answer", per_answer):
        return graph_scores(similarity, offsets, names=("eccentricity",), cut=cut, threads=threads)["eccentricity"]
    values, ends = arguments.squares("similarity", similarity, offsets)
    return _rust.eccentricity(values, ends, arguments.number("cut", cut), arguments.threads(threads))


def cosine_similarity(
    embeddings: ArrayLike, offsets: ArrayLike | None = None, *, clip: bool = True, threads: int | None = None
) -> FloatArray:
    """Cosines between the rows of each group: a similarity for the measures of graphs.

    Parameters
    ----------
    embeddings : array of shape (P, N, D), or (K, D) with `offsets`; float16, float32 or float64
    offsets : array of shape (P + 1,), int64, optional
    clip : bool, default=True
        Put 0 in the place of negative cosines.
    threads : int, optional
        Threads for this call; see `set_num_threads`.

    Returns
    -------
    ndarray of shape (P, N, N), or flat of shape (sum of n_p ** 2,) with `offsets`, float64
        Symmetric, in [0, 1], or in [-1, 1] without `clip`. The diagonal and the cosines of equal rows are exactly 1. A
        row of zeros (an empty answer) has 0 with every other row and 1 with other rows of zeros.

    Raises
    ------
    ValueError
        For a row that is not finite, which is named, and for wrong shapes or offsets.

    References
    ----------
    Status: max(0, cosine) as a similarity for graph measures is a proposal of this library.

    Examples
    --------
    >>> rows = np.array([[3.0, 0.0], [3.0, 4.0], [-1.0, 0.0]])
    >>> cosine_similarity(rows[np.newaxis]).round(6)
    array([[[1. , 0.6, 0. ],
            [0.6, 1. , 0. ],
            [0. , 0. , 1. ]]])
    >>> cosine_similarity(rows, [0, 1, 3], clip=False).round(6)
    array([ 1. ,  1. , -0.6, -0.6,  1. ])
    """
    array = arguments.read("embeddings", embeddings)
    rows, ends = arguments.groups(array, offsets)
    cosines = _rust.cosine_similarity(rows, ends, arguments.flag("clip", clip), arguments.threads(threads))
    return cosines if offsets is not None else cosines.reshape(array.shape[0], array.shape[1], array.shape[1])
