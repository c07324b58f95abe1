"""Semantic entropy and the number of semantic sets against their definition, and what must always hold."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp

from uncal import fast

ESTIMATORS = ["discrete", "rao_blackwell", "kuhn", "mean", "direct", "naive"]
quick = settings(max_examples=60, deadline=None)


def entropy(ids, s, estimator):
    """The definition, with SciPy's logsumexp for the logarithm of a mass."""
    ids, s = np.asarray(ids), np.asarray(s)
    n = len(ids)
    if n == 1:
        return 0.0
    clusters = np.unique(ids)
    shares = np.array([(ids == c).mean() for c in clusters])
    if estimator == "discrete" or np.isneginf(s).all():
        return scipy.stats.entropy(shares)
    mass = np.array([logsumexp(s[ids == c]) for c in clusters])  # ln P(C)
    if estimator == "rao_blackwell":
        return scipy.stats.entropy(np.exp(mass - logsumexp(mass)))
    finite = mass[np.isfinite(mass)]
    return {
        "kuhn": -mass.mean(),
        "mean": -sum(mass[list(clusters).index(c)] for c in ids) / n,
        "direct": -np.sum(np.exp(finite) * finite),
        "naive": -s.mean(),
    }[estimator]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_each_estimator_is_its_definition(estimator):
    rng = np.random.default_rng(8)
    sizes = rng.integers(1, 15, size=200)
    offsets = np.cumsum([0, *sizes])
    scores = -rng.gamma(1, 5, size=offsets[-1])
    scores[rng.random(offsets[-1]) < 0.02] = -np.inf
    scores[offsets[50] : offsets[51]] = -np.inf
    for ids in (rng.integers(4, size=offsets[-1]), rng.integers(2**62, size=40)[rng.integers(40, size=offsets[-1])]):
        found = fast.semantic_entropy(ids, offsets, logprobs=scores, estimator=estimator)
        expected = [entropy(ids[a:b], scores[a:b], estimator) for a, b in pairwise(offsets)]
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
        counts = [len(np.unique(ids[a:b])) for a, b in pairwise(offsets)]
        np.testing.assert_array_equal(fast.num_semantic_sets(ids, offsets), counts)
        assert not np.isnan(found).any()


def test_known_entropies():
    known = [1.0397207708, 0.6489023449, 1.8006203769, 1.4509305653, 0.6889064663, 1.8]
    scores = [-1, -1.2, -2, -3]
    for estimator, value in zip(ESTIMATORS, known, strict=True):
        found = fast.semantic_entropy([[0, 0, 1, 2]], logprobs=scores, estimator=estimator)
        np.testing.assert_allclose(found, [value], rtol=0, atol=1e-9)
        np.testing.assert_array_equal(
            fast.semantic_entropy([[0, 0, 1, 2]], logprobs=[scores], estimator=estimator), found
        )


def test_one_completion_has_entropy_zero():
    for estimator in ESTIMATORS:
        found = fast.semantic_entropy([[3], [0]], logprobs=[-2.5, -np.inf], estimator=estimator)
        assert not found.view(np.int64).any(), estimator


def test_one_meaning_is_exactly_positive_zero():
    scores = np.random.default_rng(9).normal(size=700) - 3
    for n in (2, 3, 7, 10, 70):
        ids = np.full((700 // n, n), 4)
        for estimator in ("discrete", "rao_blackwell"):
            found = fast.semantic_entropy(ids, logprobs=scores[: ids.size], estimator=estimator)
            assert not found.view(np.int64).any(), (n, estimator)


def test_scores_far_from_zero_neither_vanish_nor_overflow():
    ids, scores = [[0, 0, 1, 2]], np.array([-1, -1.2, -2, -3])
    for shift in (-1e6, 1e6):
        far = {"logprobs": scores + shift}
        np.testing.assert_allclose(
            fast.semantic_entropy(ids, **far, estimator="rao_blackwell"), [0.6489023449], rtol=0, atol=1e-8
        )
        for estimator, near in (("kuhn", 1.8006203769), ("mean", 1.4509305653), ("naive", 1.8)):
            np.testing.assert_allclose(
                fast.semantic_entropy(ids, **far, estimator=estimator), [near - shift], rtol=1e-12
            )
    np.testing.assert_array_equal(fast.semantic_entropy(ids, logprobs=scores - 1e6, estimator="direct"), [0.0])


ragged = st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=12), min_size=1, max_size=6)


@quick
@given(ragged, st.integers(0, 2**32 - 1), st.integers(1, 2**40))
def test_entropies_keep_to_what_must_hold(clusters, seed, factor):
    ids = np.concatenate(clusters)
    offsets = np.cumsum([0, *map(len, clusters)])
    scores = -np.random.default_rng(seed).gamma(1, 3, size=len(ids))
    sets = fast.num_semantic_sets(ids, offsets)
    discrete = fast.semantic_entropy(ids, offsets)
    for estimator in ESTIMATORS:
        found = fast.semantic_entropy(ids, offsets, logprobs=scores, estimator=estimator)
        renamed = fast.semantic_entropy((5 - ids) * factor, offsets, logprobs=scores, estimator=estimator)
        np.testing.assert_array_equal(renamed, found)  # not a bit depends on what clusters are called
        if estimator in ("discrete", "rao_blackwell"):
            assert (found >= 0).all()
            assert (found <= np.log(sets)).all()
            merged = fast.semantic_entropy(np.minimum(ids, 3), offsets, logprobs=scores, estimator=estimator)
            assert (merged <= found + 1e-12).all()
            assert (found[sets == 1] == 0).all()
        if estimator == "rao_blackwell":
            shifted = fast.semantic_entropy(ids, offsets, logprobs=scores - 5, estimator=estimator)
            np.testing.assert_allclose(shifted, found, rtol=0, atol=1e-12)
    equal = fast.semantic_entropy(ids, offsets, logprobs=np.full(len(ids), -1.7), estimator="rao_blackwell")
    np.testing.assert_allclose(equal, discrete, rtol=0, atol=1e-12)
    assert (sets <= np.diff(offsets)).all()


@pytest.mark.parametrize("threads", [2, 7])
def test_threads_change_nothing(threads):
    rng = np.random.default_rng(6)
    offsets = np.cumsum([0, *rng.integers(1, 25, size=500), 150])
    ids, scores = rng.integers(0, 9, size=offsets[-1]), rng.normal(size=offsets[-1]) - 2
    for estimator in ESTIMATORS:
        kind = {"logprobs": scores, "estimator": estimator}
        one = fast.semantic_entropy(ids, offsets, **kind, threads=1)
        np.testing.assert_array_equal(one, fast.semantic_entropy(ids, offsets, **kind, threads=threads))
    one = fast.num_semantic_sets(ids, offsets, threads=1)
    np.testing.assert_array_equal(one, fast.num_semantic_sets(ids, offsets, threads=threads))
