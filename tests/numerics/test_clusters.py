"""Clusters of embeddings against their definition, SciPy and scikit-learn; what all kernels of clusters refuse."""

import numpy as np
import pytest
import scipy.cluster.hierarchy
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.sparse.csgraph import connected_components
from sklearn.cluster import AgglomerativeClustering

from uncal import fast

LINKAGES = ["leader", "single", "average", "complete"]
quick = settings(max_examples=60, deadline=None)


def renumbered(ids):
    """From 0 in order of first appearance."""
    seen = {}
    return np.array([seen.setdefault(i, len(seen)) for i in np.asarray(ids).tolist()], dtype=np.int64)


def cosines(x):
    """Entry by entry; equal rows 1, a row of zeros like its kind only."""
    x = x.astype(np.float64)
    norms = np.sqrt((x * x).sum(axis=1))
    matrix = np.empty((len(x), len(x)))
    for i in range(len(x)):
        for j in range(len(x)):
            if norms[i] == 0 or norms[j] == 0 or (x[i] == x[j]).all():
                matrix[i, j] = (x[i] == x[j]).all()
            else:
                matrix[i, j] = np.sum(x[i] * x[j]) / (norms[i] * norms[j])
    return matrix


def leader(s, threshold):
    ids, leaders = [], []
    for i in range(len(s)):
        for c, first in enumerate(leaders):
            if s[i, first] >= threshold:
                ids.append(c)
                break
        else:
            ids.append(len(leaders))
            leaders.append(i)
    return ids


def components(s, threshold):
    return renumbered(connected_components(s >= threshold)[1])


def agglomerate(s, threshold, linkage):
    """Join the most similar two clusters until none are similar enough; of those that tie the one of the lowest rows.

    A mean is that of the parts, each weighed by its rows: means that tie may round otherwise in another order.
    """
    members = {i: [i] for i in range(len(s))}
    alike = {(a, b): float(s[a, b]) for b in range(len(s)) for a in range(b)}  # of clusters by their first rows
    while alike:
        best = max(alike.values())
        if best < threshold:
            break
        kept, gone = min(pair for pair, value in alike.items() if value == best)
        share = len(members[gone]) / (len(members[kept]) + len(members[gone]))
        members[kept] += members.pop(gone)
        del alike[kept, gone]
        for other in members.keys() - {kept}:
            pair = min(kept, other), max(kept, other)
            a, b = alike[pair], alike.pop((min(gone, other), max(gone, other)))
            mean = min(max(a + (b - a) * share, min(a, b)), max(a, b))
            alike[pair] = mean if linkage == "average" else min(a, b)
            rows = s[np.ix_(members[kept], members[other])]
            assert abs(alike[pair] - (rows.mean() if linkage == "average" else rows.min())) < 1e-14
    ids = np.empty(len(s), dtype=np.int64)
    for first, rows in members.items():
        ids[rows] = first
    return renumbered(ids)


def by_definition(s, threshold, linkage):
    if linkage == "leader":
        return renumbered(leader(s, threshold))
    return components(s, threshold) if linkage == "single" else agglomerate(s, threshold, linkage)


def groups(p, n, d, seed=0, dtype=np.float64):
    """Groups of some meanings each, said more or less alike, some answers empty or repeated."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(p, 3, d))
    x = means[np.arange(p)[:, None], rng.integers(3, size=(p, n))]
    x = x + rng.uniform(0.1, 1, size=(p, 1, 1)) * rng.normal(size=(p, n, d))
    x[::3, n // 2] = x[::3, 0]
    x[1::4, -1] = 0
    return x.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("linkage", LINKAGES)
def test_each_linkage_is_its_definition(linkage, dtype):
    for shape in [(30, 1, 4), (20, 2, 3), (15, 7, 5), (2, 16, 16)]:
        x = groups(*shape, dtype=dtype)
        for threshold in [-0.2, 0.4, 0.8]:
            found = fast.cluster_embeddings(x, threshold=threshold, linkage=linkage)
            assert found.dtype == np.int64
            expected = [by_definition(cosines(rows), threshold, linkage) for rows in x]
            np.testing.assert_array_equal(found, np.concatenate(expected))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("linkage", LINKAGES)
def test_of_pairs_that_tie_the_first_joins_side_by_side_and_one_by_one(linkage, dtype):
    # rows of four ones among sixteen have cosines 0, 1/4, 1/2, 3/4 and 1, exactly
    rng = np.random.default_rng(4)
    for n in [1, 2, 3, 6, 11, 20, 32, 48, 49, 64, 65, 80]:
        count = 9 if n < 15 else 2
        x = np.zeros((count, n, 16), dtype=dtype)
        for row in x.reshape(-1, 16):
            row[rng.choice(7, 4, replace=False)] = 1
        exact = x.astype(float) @ x.astype(float).transpose(0, 2, 1) / 4
        for threshold in [1.0, 0.6, 0.5, 0.0]:
            expected = np.concatenate([by_definition(s, threshold, linkage) for s in exact])
            for copies in [1, 3]:
                found = fast.cluster_embeddings(np.concatenate([x] * copies), threshold=threshold, linkage=linkage)
                np.testing.assert_array_equal(found, np.tile(expected, copies))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("linkage", LINKAGES)
def test_company_changes_nothing(linkage, dtype):
    # groups of sizes of their own go one by one, many of one size side by side, unusual ones out of the row
    rng = np.random.default_rng(5)
    for n in [1, 2, 5, 10, 17, 48, 49]:
        x = groups(40, n, 24, seed=n, dtype=dtype)
        x[5] *= np.array(1e-30, dtype=dtype)
        for threshold in [0.3, 0.6, 0.9]:
            together = fast.cluster_embeddings(x, threshold=threshold, linkage=linkage)
            alone = [fast.cluster_embeddings(rows[None], threshold=threshold, linkage=linkage) for rows in x]
            np.testing.assert_array_equal(together, np.concatenate(alone))
        order = rng.permutation(len(x))
        together = fast.cluster_embeddings(x, threshold=0.5, linkage=linkage).reshape(len(x), n)
        moved = fast.cluster_embeddings(x[order], threshold=0.5, linkage=linkage).reshape(len(x), n)
        np.testing.assert_array_equal(moved, together[order])


def test_the_first_bad_row_is_named_among_groups_side_by_side():
    x = np.random.default_rng(8).normal(size=(50, 7, 16))
    x[33, 2, 5] = np.nan
    x[40, 1, 0] = np.inf
    with pytest.raises(ValueError, match=r"row 233 .*group 33|group 33.*row 233"):
        fast.cluster_embeddings(x)


@pytest.mark.parametrize("linkage", ["single", "average", "complete"])
@pytest.mark.parametrize("n", [2, 5, 20, 40, 300])
def test_scipy_and_scikit_learn_agree(linkage, n):
    for seed in range(3):
        x = np.random.default_rng(seed).normal(size=(n, 6))
        for threshold in [0.95, 0.5, 0.0, -0.3]:
            ours = fast.cluster_embeddings(np.stack([x] * 4), threshold=threshold, linkage=linkage)[:n]
            tree = scipy.cluster.hierarchy.linkage(x, linkage, "cosine")
            scipys = scipy.cluster.hierarchy.fcluster(tree, 1 - threshold, "distance")
            np.testing.assert_array_equal(ours, renumbered(scipys))
            sklearns = AgglomerativeClustering(
                n_clusters=None, distance_threshold=1 - threshold, metric="cosine", linkage=linkage
            ).fit_predict(x)
            np.testing.assert_array_equal(ours, renumbered(sklearns))


def test_a_thousand_rows():
    x = np.random.default_rng(1).normal(size=(1000, 5))
    for linkage in ["average", "complete", "single"]:
        ours = fast.cluster_embeddings(x[None], threshold=0.7, linkage=linkage)
        tree = scipy.cluster.hierarchy.linkage(x, linkage, "cosine")
        np.testing.assert_array_equal(ours, renumbered(scipy.cluster.hierarchy.fcluster(tree, 0.3, "distance")))
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    np.testing.assert_array_equal(fast.cluster_embeddings(x[None], threshold=0.7), leader(unit @ unit.T, 0.7))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("linkage", LINKAGES)
def test_equal_rows_join_at_threshold_one_and_zeros_join_zeros_only(linkage, dtype):
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(5, 33)).astype(dtype)
    rows[3] = 0
    order = rng.integers(5, size=40)
    found = fast.cluster_embeddings(rows[order][None], threshold=1.0, linkage=linkage)
    np.testing.assert_array_equal(found, renumbered(order))
    zeros = np.array([[[0.0, 0.0], [1.0, 0.0], [-0.0, 0.0], [0.0, 1e-300]]], dtype=dtype)
    expected = [0, 1, 0, 2] if dtype == np.float64 else [0, 1, 0, 0]  # 1e-300 is 0 in the narrow types
    np.testing.assert_array_equal(fast.cluster_embeddings(zeros, threshold=1e-9, linkage=linkage), expected)


def test_opposite_rows_join_at_threshold_minus_one():
    x = np.array([[[1.0, 0.0], [-3.0, 0.0], [0.0, 1.0]]])
    for linkage in LINKAGES:
        np.testing.assert_array_equal(fast.cluster_embeddings(x, threshold=-1, linkage=linkage), [0, 0, 0])


entries = st.one_of(st.integers(-2, 2).map(float), st.floats(-1, 1, width=32).map(lambda x: round(x, 3)))
rows_ = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9).flatmap(
    lambda shape: hnp.arrays(np.float64, shape, elements=entries)
)


@quick
@given(rows_, st.sampled_from(LINKAGES), st.floats(-1, 1))
def test_clusters_of_rows_are_numbered_by_first_appearance_and_nested(x, linkage, threshold):
    ids = fast.cluster_embeddings(x[None], threshold=threshold, linkage=linkage)
    np.testing.assert_array_equal(ids, renumbered(ids))
    if linkage == "leader":
        return
    looser = fast.cluster_embeddings(x[None], threshold=max(-1, threshold - 0.3), linkage=linkage)
    assert len(np.unique(np.stack([ids, looser]), axis=1).T) == ids.max() + 1  # clusters only ever join
    alike = cosines(x)
    for cluster in range(ids.max() + 1):
        inside = alike[np.ix_(ids == cluster, ids == cluster)]
        if linkage == "complete":
            assert inside.min() >= threshold - 1e-15
        if linkage == "single":
            across = alike[np.ix_(ids == cluster, ids != cluster)]
            assert across.size == 0 or across.max() < threshold + 1e-15


@quick
@given(rows_, st.sampled_from(["single", "average", "complete"]), st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter_to_agglomeration(x, linkage, random):
    x = x + np.random.default_rng(0).normal(size=x.shape)  # without ties
    order = random.sample(range(len(x)), len(x))
    ids = fast.cluster_embeddings(x[None], threshold=0.4, linkage=linkage)
    shuffled = fast.cluster_embeddings(x[order][None], threshold=0.4, linkage=linkage)
    np.testing.assert_array_equal(shuffled, renumbered(ids[order]))


@pytest.mark.parametrize("threads", [2, 7])
def test_threads_change_nothing(threads):
    rng = np.random.default_rng(6)
    offsets = np.cumsum([0, *rng.integers(1, 25, size=500), 150])
    rows = rng.normal(size=(offsets[-1], 4)).astype(np.float32)
    for linkage in LINKAGES:
        one = fast.cluster_embeddings(rows, offsets, linkage=linkage, threads=1)
        np.testing.assert_array_equal(one, fast.cluster_embeddings(rows, offsets, linkage=linkage, threads=threads))


# What is refused


def test_no_groups_give_nothing():
    assert fast.cluster_embeddings(np.empty((0, 4, 3))).shape == (0,)
    assert fast.cluster_entailment(np.empty((0, 4, 4)), np.empty((0, 4, 4))).shape == (0,)
    assert fast.cluster_entailment([], [], [0]).shape == (0,)
    assert fast.order_sensitive([], [], [0]).shape == (0,)
    assert fast.semantic_entropy([], [0]).shape == (0,)
    assert fast.num_semantic_sets(np.empty((0, 3), dtype=int)).shape == (0,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: fast.cluster_embeddings(x, threshold=1.5), "threshold: is 1.5, must be a number in [-1, 1]"),
        (lambda x: fast.cluster_embeddings(x, threshold=np.nan), "threshold: is NaN, must be a number in [-1, 1]"),
        (
            lambda x: fast.cluster_embeddings(x, linkage="ward"),
            'linkage: is "ward", must be one of leader, single, average, complete',
        ),
        (lambda x: fast.cluster_embeddings(x[0]), None),
        (
            lambda x: fast.cluster_embeddings(np.where(np.arange(2) == 1, np.nan, x)),
            "embeddings: row 0 (in group 0) is not finite",
        ),
        (lambda x: fast.cluster_entailment(x, x, threshold=-0.1), "threshold: is -0.1, must be a number in [0, 1]"),
        (
            lambda x: fast.cluster_entailment(x, x, rule="bidirectional"),
            'rule: is "bidirectional", must be one of strict, relaxed, non_contra, soft',
        ),
        (
            lambda x: fast.cluster_entailment(x, x, algorithm="A1"),
            'algorithm: is "A1", must be one of first, overwrite, sequential, components, complete',
        ),
        (lambda x: fast.cluster_entailment(x[:, :1], x[:, :1]), "entail: has shape (3, 1, 2), must be (P, N, N)"),
        (lambda x: fast.cluster_entailment(x, x[:2]), "contra: has shape (2, 2, 2), must be that of entail, (3, 2, 2)"),
        (lambda x: fast.cluster_entailment(x, x, [0, 6]), "offsets: a 3-D array of entail has none"),
        (
            lambda x: fast.cluster_entailment(x.reshape(-1), x.reshape(-1)),
            "offsets: needed with flat entail; matrices of one size can be (P, N, N)",
        ),
        (
            lambda x: fast.order_sensitive(x.reshape(-1), x.reshape(-1)[:3], [0, 2, 4, 6]),
            "contra: has 3 rows, 12 expected",
        ),
        (
            lambda x: fast.cluster_entailment(x.reshape(-1), x.reshape(-1), [0, 2, 5]),
            "entail: has 12 rows, 13 expected",
        ),
        (
            lambda x: fast.cluster_entailment(x.reshape(-1), x.reshape(-1), [0, 2, 2, 6]),
            "offsets: group 1 is empty",
        ),
        (lambda _: fast.semantic_entropy([[0, -1]]), "clusters: row 1 is -1, must be at least 0"),
        (lambda _: fast.num_semantic_sets([[0, -1]]), "clusters: row 1 is -1, must be at least 0"),
        (lambda _: fast.semantic_entropy([[0.0, 1.0]]), "clusters: dtype is float64, must be integers"),
        (
            lambda _: fast.semantic_entropy([0, 1]),
            "offsets: needed with a 1-D array of clusters; groups of one size can be (P, N)",
        ),
        (lambda _: fast.semantic_entropy([[0, 1]], [0, 2]), "offsets: a 2-D array of clusters has none"),
        (lambda _: fast.semantic_entropy(3), "clusters: has shape (), must be (P, N), or (K,) with offsets"),
        (lambda _: fast.semantic_entropy(np.empty((2, 0), int)), "clusters: has shape (2, 0), group 0 is empty"),
        (
            lambda _: fast.semantic_entropy([[0, 1]], estimator="shannon"),
            'estimator: is "shannon", must be one of discrete, rao_blackwell, kuhn, mean, direct, naive',
        ),
        (
            lambda _: fast.semantic_entropy([[0, 1]], estimator="kuhn"),
            'logprobs: needed unless estimator is "discrete"',
        ),
        (
            lambda _: fast.semantic_entropy([[0, 1]], logprobs=[0.0], estimator="kuhn"),
            "logprobs: has 1 rows, 2 expected",
        ),
        (
            lambda _: fast.semantic_entropy([[0, 1]], logprobs=[[0.0], [1.0]], estimator="kuhn"),
            "logprobs: has shape (2, 1), must be that of clusters, (1, 2), or 1-D",
        ),
        (
            lambda _: fast.semantic_entropy([[0, 1]], logprobs=[0.0, np.nan], estimator="mean"),
            "logprobs: row 1 is NaN, must be a number or -infinity",
        ),
        (
            lambda _: fast.semantic_entropy([[0, 1]], logprobs=[np.inf, 0.0], estimator="naive"),
            "logprobs: row 0 is inf, must be a number or -infinity",
        ),
    ],
)
def test_what_makes_no_sense_is_named(call, message):
    x = np.full((3, 2, 2), 0.25)
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        call(x)
    if message is not None:
        assert str(caught.value) == message


raw = st.binary(max_size=160)


def floats(data, dtype):
    return np.frombuffer(data[: len(data) // np.dtype(dtype).itemsize * np.dtype(dtype).itemsize], dtype=dtype)


shapes = st.lists(st.integers(0, 4), min_size=1, max_size=4)


@settings(max_examples=200, deadline=None)
@given(raw, raw, raw, st.sampled_from([np.float16, np.float32, np.float64]), shapes, st.booleans())
def test_raw_bytes_are_a_value_error_or_an_answer(first, second, third, dtype, shape, shaped):
    a, b = floats(first, dtype), floats(second, dtype)
    offsets = floats(third, np.int64)
    ids = floats(first, np.int64)
    if shaped:  # mostly small and sensible, so that kernels run
        with np.errstate(all="ignore"):
            a = np.resize(np.abs(a) % 1 if a.size else 0.5, shape)
        b = np.resize(b[:1] if b.size else 0.5, shape)
        offsets = np.cumsum([0, *shape]) if third[:1] < b"\x80" else None
        ids = np.resize(ids if ids.size else 1, shape) % 7
    names = {"embeddings", "offsets", "entail", "contra", "clusters", "logprobs"}
    calls = [
        lambda: fast.cluster_embeddings(a, offsets, linkage="average"),
        lambda: fast.cluster_embeddings(a, offsets, linkage="leader"),
        lambda: fast.cluster_entailment(a, b, offsets, algorithm="complete", rule="relaxed"),
        lambda: fast.cluster_entailment(a, a * 0, offsets, algorithm="sequential"),
        lambda: fast.order_sensitive(a, None, offsets, rule="soft"),
        lambda: fast.semantic_entropy(ids, offsets),
        lambda: fast.semantic_entropy(ids, offsets, logprobs=b, estimator="rao_blackwell"),
        lambda: fast.num_semantic_sets(ids, offsets),
    ]
    with np.errstate(all="ignore"):
        for call in calls:
            try:
                answer, named = call(), None
            except ValueError as error:
                answer, named = np.zeros(1), str(error).split(":")[0]
            assert named is None or named in names
            assert answer.ndim == 1
            assert np.isfinite(answer).all()
