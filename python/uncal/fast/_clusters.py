"""Which completions of a group mean the same, and how much that leaves open."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from uncal import _rust
from uncal.fast import _arguments as arguments
from uncal.fast._arguments import FloatArray

Linkage = Literal["leader", "single", "average", "complete"]
Rule = Literal["strict", "relaxed", "non_contra", "soft"]
Algorithm = Literal["first", "overwrite", "sequential", "components", "complete"]
Estimator = Literal["discrete", "rao_blackwell", "kuhn", "mean", "direct", "naive"]

IntArray = NDArray[np.int64]


def cluster_embeddings(
    embeddings: ArrayLike,
    offsets: ArrayLike | None = None,
    *,
    threshold: float = 0.9,
    linkage: Linkage = "leader",
    threads: int | None = None,
) -> IntArray:
    """Cluster the rows of each group by cosine similarity.

    Parameters
    ----------
    embeddings : array of shape (P, N, D), or (K, D) with `offsets`; float16, float32 or float64
    offsets : array of shape (P + 1,), int64, optional
    threshold : float, default=0.9
        In [-1, 1]. Clusters join while their similarity is at least this. What separates meanings depends on the
        embedder.
    linkage : {"leader", "single", "average", "complete"}, default="leader"
        "leader": row by row, each joins the first cluster whose first row is similar enough, or opens one, so the
        order of rows matters. "single": connected components of the pairs that are similar enough.
        "average": the two clusters with the highest mean similarity between their rows join, as long as it is high
        enough (UPGMA). "complete": likewise with the lowest similarity between their rows. Of pairs of clusters that
        tie, "average" and "complete" join the one whose first cluster has the lowest row, then the one whose second
        has, a cluster being known by its lowest row; means of several are compared as rounded. A lower threshold only
        joins clusters further.
    threads : int, optional
        Threads for this call; see `set_num_threads`.

    Returns
    -------
    ndarray of shape (K,), int64
        K = P * N for a 3-D array. Clusters are numbered from 0 in each group in order of first appearance. Equal rows
        have cosine exactly 1, so ``threshold=1.0`` joins them; rows of one direction but another length have it up to
        rounding: 2e-16, for float16 and float32 rows 1e-7. A row of zeros (an empty answer) has cosine 0 with every
        other row and 1 with other rows of zeros. Time grows with the square of a group's rows, as a rule also for
        "average" and "complete".

    Raises
    ------
    ValueError
        For input that makes no sense, a threshold outside [-1, 1] among it.

    See Also
    --------
    semantic_entropy : the entropy of the clusters.

    Notes
    -----
    ``scipy.cluster.hierarchy.fcluster(linkage(rows, method, "cosine"), 1 - threshold, "distance")`` gives the same
    clusters where no similarity ties with another or with the threshold. scikit-learn's ``AgglomerativeClustering``
    leaves clusters apart whose distance is ``distance_threshold`` exactly; here they join.

    References
    ----------
    Müllner, Modern hierarchical, agglomerative clustering algorithms, arXiv 1109.2378, for the generic algorithm, which
    remembers nearest neighbours: recalled. Leader clustering of answers by cosine 0.9 is inferred from SaySelf, arXiv
    2405.20974. To take cosine clusters for semantic ones is a proposal.

    Examples
    --------
    >>> rows = np.array([[[0.0, 1.0], [1.0, 0.0], [0.1, 0.9], [0.0, 0.0]]])
    >>> cluster_embeddings(rows)
    array([0, 1, 0, 2])
    """
    rows, ends = arguments.groups(embeddings, offsets)
    return _rust.cluster_embeddings(
        rows,
        ends,
        arguments.number("threshold", threshold),
        arguments.choice("linkage", linkage, Linkage),
        arguments.threads(threads),
    )


def cluster_entailment(
    entail: ArrayLike,
    contra: ArrayLike | None,
    offsets: ArrayLike | None = None,
    *,
    rule: Rule = "strict",
    algorithm: Algorithm = "first",
    threshold: float = 0.5,
    threads: int | None = None,
) -> IntArray:
    """Cluster the completions of each group by whether they entail each other.

    Parameters
    ----------
    entail, contra : array of shape (P, N, N), or flat with `offsets`
        The probability that completion i entails, or contradicts, completion j; the rest to 1 is neutral. Diagonals
        are not read. float32 and float64 are computed with as they lie, float16 as float32, and so is the threshold:
        "soft" asks whether a float32 reaches the float32 nearest to `threshold`, as NumPy would. `contra` may be None
        where `rule` is "soft", which does not read it.
    offsets : array of shape (P + 1,), int64, optional
    rule : {"strict", "relaxed", "non_contra", "soft"}, default="strict"
        When two completions mean the same. Each direction says the most probable of contradiction, neutral and
        entailment, the first of these if they tie. "strict": both say entailment. "relaxed": neither says
        contradiction, and not both say neutral. "non_contra": neither says contradiction. "soft": both have
        ``entail >= threshold``.
    algorithm : {"first", "overwrite", "sequential", "components", "complete"}, default="first"
        What to do where that is not transitive. "first": row by row, one without a cluster opens one and takes all
        later ones like it that have none. "overwrite": likewise, and takes those like it out of earlier clusters.
        "sequential": likewise, and every row does so for its own cluster. "components": whatever hangs together.
        "complete": row by row, each joins the first cluster of which all are like it, or opens one.
        "first", "overwrite" and "sequential" depend on the order of the completions, and so may "complete"; only
        "components" never does. `order_sensitive` tells where.
    threshold : float, default=0.5
        In [0, 1]; read by "soft".
    threads : int, optional
        Threads for this call; see `set_num_threads`.

    Returns
    -------
    ndarray of shape (K,), int64
        K = P * N for 3-D arrays. Clusters are numbered from 0 in each group in order of first appearance.

    Raises
    ------
    ValueError
        If an entry off the diagonal leaves [0, 1], or ``entail + contra`` exceeds 1.001; and for other input that makes
        no sense.

    References
    ----------
    Farquhar, Kossen, Kuhn and Gal, Detecting hallucinations in large language models using semantic entropy, Nature
    2024: "strict", "relaxed" and "overwrite", verified in its code (jlko/semantic_uncertainty). Kuhn, Gal and Farquhar,
    Semantic Uncertainty, arXiv 2302.09664: "non_contra" and "sequential", verified in its code, which differs from the
    text of the paper ("strict"). "components" is verified in lm-polygraph (NumSemSets). "soft", "first" as the default
    and "complete" are proposals.

    Examples
    --------
    >>> entail = np.array([[[1.0, 0.9, 0.1], [0.8, 1.0, 0.2], [0.1, 0.7, 1.0]]])
    >>> contra = np.zeros_like(entail)
    >>> cluster_entailment(entail, contra)
    array([0, 0, 1])
    >>> cluster_entailment(entail, contra, rule="non_contra")
    array([0, 0, 0])
    """
    first, second, ends = _judgements(entail, contra, offsets)
    return _rust.cluster_entailment(
        first, second, ends, *_settings(rule, algorithm, threshold), arguments.threads(threads)
    )


def order_sensitive(
    entail: ArrayLike,
    contra: ArrayLike | None,
    offsets: ArrayLike | None = None,
    *,
    rule: Rule = "strict",
    algorithm: Algorithm = "first",
    threshold: float = 0.5,
    threads: int | None = None,
) -> NDArray[np.bool_]:
    """Whether `cluster_entailment` makes other clusters of a group when its completions come in reverse order.

    Where it does, what is scored is partly the order in which completions were drawn.

    Parameters
    ----------
    entail, contra, offsets, rule, algorithm, threshold, threads
        As for `cluster_entailment`.

    Returns
    -------
    ndarray of shape (P,), bool
        False throughout for "components". False for another algorithm says that these two orders agree, not that all
        do.

    Raises
    ------
    ValueError
        As `cluster_entailment`.

    References
    ----------
    Status: a proposal of this library.

    Examples
    --------
    The second means the same as the first and as the third, which differ:

    >>> entail = np.array([[[1.0, 0.9, 0.1], [0.9, 1.0, 0.9], [0.1, 0.9, 1.0]]])
    >>> order_sensitive(entail, None, rule="soft")
    array([ True])
    """
    first, second, ends = _judgements(entail, contra, offsets)
    return _rust.order_sensitive(
        first, second, ends, *_settings(rule, algorithm, threshold), arguments.threads(threads)
    )


def semantic_entropy(
    clusters: ArrayLike,
    offsets: ArrayLike | None = None,
    *,
    logprobs: ArrayLike | None = None,
    estimator: Estimator = "discrete",
    threads: int | None = None,
) -> FloatArray:
    """Entropy of the meanings of each group's completions.

    Estimators of this name differ several-fold on one input; say which you used. With n completions, s the score of one
    (`logprobs`), C a cluster and P(C) the sum of exp(s) over the completions in it:

    - "discrete": -sum of p ln p over clusters, p the share of completions in one. Needs no probabilities.
    - "rao_blackwell": -sum of p ln p over clusters, p = P(C) / sum of P.
    - "kuhn": -mean of ln P(C) over clusters.
    - "mean": -mean of ln P(C) over completions, C the cluster of each.
    - "direct": -sum of P(C) ln P(C) over clusters.
    - "naive": -mean of s; meanings do not matter.

    Parameters
    ----------
    clusters : array of shape (P, N), or (K,) with `offsets`; integers, 0 or more
        The cluster of each completion. Equal numbers inside a group are one cluster, whatever the numbers.
    offsets : array of shape (P + 1,), int64, optional
    logprobs : array of shape (K,), or (P, N) as `clusters`, optional
        The score of each completion: its log-probability, or the mean over its tokens. May be -inf. Needed by, and read
        by, all estimators but "discrete".
    estimator : {"discrete", "rao_blackwell", "kuhn", "mean", "direct", "naive"}, default="discrete"
    threads : int, optional
        Threads for this call; see `set_num_threads`.

    Returns
    -------
    ndarray of shape (P,), float64
        Nats. "discrete" and "rao_blackwell" lie in [0, ln c] with c clusters, exactly 0 for one. The others have no
        bounds: they grow as completions become less probable, and fall below 0 where the masses P(C) exceed 1.

        A group of one completion has 0: by its formula for "discrete" and "rao_blackwell"; for the others by
        convention, since their formula would give its surprise and not a spread. A group all of whose `logprobs` are
        -inf has its "discrete" entropy, whatever the estimator. A cluster of no mass counts for nothing in
        "rao_blackwell" and "direct", and makes "kuhn" and "mean" infinite, as a score of -inf makes "naive".

    Raises
    ------
    ValueError
        For NaN or +inf among `logprobs`, clusters below 0, and other input that makes no sense.

    References
    ----------
    Farquhar et al., Nature 2024, for "discrete", "rao_blackwell" and "naive" with s the mean over tokens, and Kuhn et
    al., arXiv 2302.09664, for "kuhn", up to a shift in its code: verified in their code. "mean" and "direct" are those
    of lm-polygraph, verified in its code, though its "direct" adds P ln P once for each completion. Texts that repeat
    count as often as they were drawn; where s is the log-probability of a whole text, pass each text once. What one
    completion and scores of -inf give is a proposal.

    Examples
    --------
    >>> semantic_entropy([[0, 0, 1, 2]]).round(6)
    array([1.039721])
    >>> semantic_entropy([[0, 0, 1, 2]], logprobs=[-1.0, -1.2, -2.0, -3.0], estimator="rao_blackwell").round(6)
    array([0.648902])
    """
    ids, ends = _ids(clusters, offsets)
    scores = None
    if logprobs is not None:
        array = arguments.read("logprobs", logprobs)
        if array.ndim == 2:
            shape = arguments.read("clusters", clusters).shape
            if array.shape != shape:
                raise ValueError(f"logprobs: has shape {array.shape}, must be that of clusters, {shape}, or 1-D")
            array = array.reshape(-1)
        scores = arguments.column("logprobs", array)
    kind = arguments.choice("estimator", estimator, Estimator)
    return _rust.semantic_entropy(ids, scores, ends, kind, arguments.threads(threads))


def num_semantic_sets(
    clusters: ArrayLike, offsets: ArrayLike | None = None, *, threads: int | None = None
) -> FloatArray:
    """How many clusters each group has.

    Parameters
    ----------
    clusters : array of shape (P, N), or (K,) with `offsets`; integers, 0 or more
    offsets : array of shape (P + 1,), int64, optional
    threads : int, optional

    Returns
    -------
    ndarray of shape (P,), float64
        Whole numbers from 1 to the number of completions of a group.

    Raises
    ------
    ValueError
        For input that makes no sense.

    References
    ----------
    Lin, Trivedi and Sun, Generating with Confidence, arXiv 2305.19187, where clusters are made by "non_contra":
    verified in its code.

    Examples
    --------
    >>> num_semantic_sets([7, 7, 3, 7], [0, 3, 4])
    array([2., 1.])
    """
    return _rust.num_semantic_sets(*_ids(clusters, offsets), arguments.threads(threads))


def _judgements(
    entail: ArrayLike, contra: ArrayLike | None, offsets: ArrayLike | None
) -> tuple[NDArray[Any], NDArray[Any] | None, IntArray]:
    """Both matrices flat and of one dtype."""
    first, ends = arguments.squares("entail", entail, offsets)
    if contra is None:
        return first, None, ends
    second, own_ends = arguments.squares("contra", contra, offsets)
    if not np.array_equal(ends, own_ends):
        raise ValueError(f"contra: has shape {np.shape(contra)}, must be that of entail, {np.shape(entail)}")
    dtype = np.promote_types(first.dtype, second.dtype)
    return first.astype(dtype, copy=False), second.astype(dtype, copy=False), ends


def _settings(rule: str, algorithm: str, threshold: float) -> tuple[str, str, float]:
    return (
        arguments.choice("rule", rule, Rule),
        arguments.choice("algorithm", algorithm, Algorithm),
        arguments.number("threshold", threshold),
    )


def _ids(clusters: ArrayLike, offsets: ArrayLike | None) -> tuple[IntArray, IntArray]:
    """Numbers of clusters (K,) and offsets (P + 1,)."""
    array = arguments.read("clusters", clusters)
    if array.ndim == 2:
        if offsets is not None:
            raise ValueError("offsets: a 2-D array of clusters has none")
        if array.shape[0] > 0 and array.shape[1] == 0:
            raise ValueError(f"clusters: has shape {array.shape}, group 0 is empty")
        ends = np.arange(array.shape[0] + 1, dtype=np.int64) * array.shape[1]
        return arguments.integers("clusters", array.reshape(-1)), ends
    if array.ndim != 1:
        raise ValueError(f"clusters: has shape {array.shape}, must be (P, N), or (K,) with offsets")
    if offsets is None:
        raise ValueError("offsets: needed with a 1-D array of clusters; groups of one size can be (P, N)")
    return arguments.integers("clusters", array), arguments.integers("offsets", offsets)
