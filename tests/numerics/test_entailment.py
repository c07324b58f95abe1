"""Clusters of entailment probabilities against their definition, and what must always hold."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from uncal import fast

RULES = ["strict", "relaxed", "non_contra", "soft"]
ALGORITHMS = ["first", "overwrite", "sequential", "components", "complete"]
quick = settings(max_examples=60, deadline=None)


def renumbered(ids):
    """From 0 in order of first appearance."""
    seen = {}
    return np.array([seen.setdefault(i, len(seen)) for i in np.asarray(ids).tolist()], dtype=np.int64)


def relation(e, c, rule, threshold):
    """The definition; probabilities are computed with in the type that they have."""
    if rule == "soft":
        directed = e >= threshold  # NumPy compares a float32 with the nearest float32
        return directed & directed.T
    says = np.argmax(np.stack([c, 1 - e - c, e]), axis=0)
    return {
        "strict": (says == 2) & (says.T == 2),
        "relaxed": (says != 0) & (says.T != 0) & ~((says == 1) & (says.T == 1)),
        "non_contra": (says != 0) & (says.T != 0),
    }[rule]


def assign(alike, algorithm):
    """The published algorithms, line by line."""
    n = len(alike)
    if algorithm == "components":
        return renumbered(connected_components(alike | np.eye(n, dtype=bool), directed=False)[1])
    ids = list(range(n)) if algorithm == "sequential" else [-1] * n
    clusters = []
    for i in range(n):
        if algorithm == "sequential":
            for j in range(i + 1, n):
                if alike[i, j]:
                    ids[j] = ids[i]
        elif algorithm == "complete":
            for c, members in enumerate(clusters):
                if all(alike[i, j] for j in members):
                    members.append(i)
                    ids[i] = c
                    break
            else:
                ids[i] = len(clusters)
                clusters.append([i])
        elif ids[i] == -1:
            ids[i] = len(clusters)
            clusters.append([i])
            for j in range(i + 1, n):
                if alike[i, j] and (algorithm == "overwrite" or ids[j] == -1):
                    ids[j] = ids[i]
    return renumbered(ids)


def judgements(sizes, seed=0, dtype=np.float64):
    """Probabilities for groups of these sizes: often as meanings would have them, often odd, often tied."""
    rng = np.random.default_rng(seed)
    entail, contra = [], []
    for n in sizes:
        meanings = rng.integers(max(1, n // 3) + 1, size=n)
        same = (meanings[:, None] == meanings) ^ (rng.random((n, n)) < 0.15)
        three = rng.dirichlet([0.7, 0.7, 0.7], size=(n, n))
        three = np.sort(three, axis=2)
        e = np.where(same, three[..., 2], three[..., 0])
        c = np.where(same, three[..., 0], np.where(rng.random((n, n)) < 0.5, three[..., 1], three[..., 2]))
        tied = rng.random((n, n)) < 0.2
        e = np.where(tied, rng.integers(3, size=(n, n)) / 4, e)
        c = np.where(tied, rng.integers(3, size=(n, n)) / 4, np.minimum(c, 1 - e))
        entail.append(e.astype(dtype).reshape(-1))
        contra.append(c.astype(dtype).reshape(-1))
    return np.concatenate(entail), np.concatenate(contra), np.cumsum([0, *sizes])


def matrices(flat, offsets):
    ends = np.cumsum([0, *np.diff(offsets) ** 2])
    return [flat[a:b].reshape(int((b - a) ** 0.5), -1) for a, b in pairwise(ends)]


SIZES = [1, 2, 3, 10, 1, 20, 5, 63, 64, 65, 10, 10, 128, 130, 7, 200, 4]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("rule", RULES)
def test_each_rule_and_algorithm_is_its_definition(rule, dtype):
    entail, contra, offsets = judgements(SIZES, dtype=dtype)
    read = np.float32 if dtype == np.float16 else dtype
    pairs = list(zip(matrices(entail.astype(read), offsets), matrices(contra.astype(read), offsets), strict=True))
    for algorithm in ALGORITHMS:
        for threshold in [0.5, 0.7] if rule == "soft" else [0.5]:
            kind = {"rule": rule, "algorithm": algorithm, "threshold": threshold}
            alike = [relation(e, c, rule, threshold) for e, c in pairs]
            expected = [assign(a, algorithm) for a in alike]
            found = fast.cluster_entailment(entail, contra, offsets, **kind)
            assert found.dtype == np.int64
            np.testing.assert_array_equal(found, np.concatenate(expected))
            backward = [renumbered(assign(a[::-1, ::-1], algorithm)[::-1]) for a in alike]
            differs = [bool((a != b).any()) for a, b in zip(expected, backward, strict=True)]
            sensitive = fast.order_sensitive(entail, contra, offsets, **kind)
            assert sensitive.dtype == np.bool_
            assert sensitive.tolist() == differs
            if algorithm == "components":
                assert not any(differs)
            elif rule != "soft":
                assert any(differs)


def test_groups_of_many_sizes_are_each_their_own():
    rng = np.random.default_rng(3)
    sizes = rng.integers(1, 30, size=300)
    entail, contra, offsets = judgements(sizes, seed=4, dtype=np.float32)
    for rule, algorithm in [("strict", "first"), ("relaxed", "overwrite"), ("non_contra", "complete")]:
        together = fast.cluster_entailment(entail, contra, offsets, rule=rule, algorithm=algorithm)
        for p, (e, c) in enumerate(zip(matrices(entail, offsets), matrices(contra, offsets), strict=True)):
            alone = fast.cluster_entailment(e[None], c[None], rule=rule, algorithm=algorithm)
            np.testing.assert_array_equal(together[offsets[p] : offsets[p + 1]], alone)


def test_a_thousand_completions():
    rng = np.random.default_rng(5)
    meanings = rng.integers(40, size=1000)
    same = (meanings[:, None] == meanings) & (rng.random((1000, 1000)) < 0.98)
    e = np.where(same, 0.9, 0.05).astype(np.float32)
    c = np.where(same, 0.05, 0.9).astype(np.float32)
    for algorithm in ALGORITHMS:
        found = fast.cluster_entailment(e[None], c[None], algorithm=algorithm)
        np.testing.assert_array_equal(found, assign(same & same.T, algorithm))


def test_the_published_algorithms_differ_on_a_chain():
    e = np.full((1, 4, 4), 0.1)
    for i, j in [(0, 1), (1, 2), (2, 3)]:
        e[0, i, j] = e[0, j, i] = 0.9
    found = {a: fast.cluster_entailment(e, 0 * e, algorithm=a, rule="soft").tolist() for a in ALGORITHMS}
    assert found == {
        "first": [0, 0, 1, 1],
        "overwrite": [0, 0, 1, 1],
        "sequential": [0, 0, 0, 0],
        "components": [0, 0, 0, 0],
        "complete": [0, 0, 1, 1],
    }
    e[0, 0, 3] = e[0, 3, 0] = 0.9  # the third takes the fourth away from the first
    assert fast.cluster_entailment(e, None, algorithm="first", rule="soft").tolist() == [0, 0, 1, 0]
    assert fast.cluster_entailment(e, None, algorithm="overwrite", rule="soft").tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("e", "c", "strict", "relaxed", "non_contra"),
    [
        (0.5, 0.5, False, False, False),  # contradiction wins its ties
        (0.5, 0.0, False, False, True),  # neutral wins over entailment
        (0.25, 0.25, False, False, True),
        (0.0, 0.5, False, False, False),
        (0.51, 0.49, True, True, True),
        (0.0, 0.0, False, False, True),
    ],
)
def test_ties_go_to_contradiction_then_to_neutral(e, c, strict, relaxed, non_contra):
    for rule, same in [("strict", strict), ("relaxed", relaxed), ("non_contra", non_contra)]:
        found = fast.cluster_entailment(np.full((1, 2, 2), e), np.full((1, 2, 2), c), rule=rule)
        assert found.tolist() == [0, 0 if same else 1]


def test_relaxed_needs_one_direction_of_entailment():
    e, c = np.array([[[0.0, 0.9], [0.1, 0.0]]]), np.zeros((1, 2, 2))
    assert fast.cluster_entailment(e, c, rule="relaxed").tolist() == [0, 0]
    assert fast.cluster_entailment(e, c, rule="strict").tolist() == [0, 1]
    c[0, 1, 0] = 0.8
    assert fast.cluster_entailment(e, c, rule="relaxed").tolist() == [0, 1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_diagonals_are_not_read(dtype):
    entail, contra, offsets = judgements([5, 1, 70], dtype=dtype)
    expected = fast.cluster_entailment(entail, contra, offsets, rule="relaxed")
    for e, c in zip(matrices(entail, offsets), matrices(contra, offsets), strict=True):
        np.fill_diagonal(e, np.nan)
        np.fill_diagonal(c, 7)
    for algorithm in ALGORITHMS:
        again = fast.cluster_entailment(entail, contra, offsets, rule="relaxed", algorithm=algorithm)
        np.testing.assert_array_equal(again, renumbered_each(again, offsets))
    np.testing.assert_array_equal(fast.cluster_entailment(entail, contra, offsets, rule="relaxed"), expected)


def renumbered_each(ids, offsets):
    return np.concatenate([renumbered(ids[a:b]) for a, b in pairwise(offsets)])


def test_types_may_be_mixed_and_contra_may_be_missing_where_it_is_not_read():
    entail, contra, offsets = judgements([6, 9], dtype=np.float32)
    wide = fast.cluster_entailment(entail.astype(float), contra.astype(float), offsets)
    np.testing.assert_array_equal(fast.cluster_entailment(entail, contra.astype(float), offsets), wide)
    soft = fast.cluster_entailment(entail, contra, offsets, rule="soft")
    np.testing.assert_array_equal(fast.cluster_entailment(entail, None, offsets, rule="soft"), soft)
    nonsense = np.full_like(contra, np.nan)
    np.testing.assert_array_equal(fast.cluster_entailment(entail, nonsense, offsets, rule="soft"), soft)
    for call in (fast.cluster_entailment, fast.order_sensitive):
        with pytest.raises(ValueError, match=r'^contra: needed unless rule is "soft"$'):
            call(entail, None, offsets)


@quick
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 2**32 - 1), st.sampled_from(RULES))
def test_partitions_are_related_as_their_rules_are(sizes, seed, rule):
    entail, contra, offsets = judgements(sizes, seed=seed)
    sets = {}
    for algorithm in ALGORITHMS:
        ids = fast.cluster_entailment(entail, contra, offsets, rule=rule, algorithm=algorithm)
        np.testing.assert_array_equal(ids, renumbered_each(ids, offsets))
        sets[algorithm] = fast.num_semantic_sets(ids, offsets)
        assert (sets[algorithm] <= sizes).all()
    assert all((sets["components"] <= sets[algorithm]).all() for algorithm in ALGORITHMS)
    by_rule = [
        fast.num_semantic_sets(
            fast.cluster_entailment(entail, contra, offsets, rule=r, algorithm="components"), offsets
        )
        for r in ("strict", "relaxed", "non_contra")
    ]
    assert (by_rule[0] >= by_rule[1]).all()
    assert (by_rule[1] >= by_rule[2]).all()


@pytest.mark.parametrize("threads", [2, 7])
def test_threads_change_nothing(threads):
    sizes = [*np.random.default_rng(6).integers(1, 25, size=500), 150]
    entail, contra, offsets = judgements(sizes, seed=7, dtype=np.float32)
    for algorithm in ALGORITHMS:
        kind = {"algorithm": algorithm, "rule": "relaxed"}
        ids = fast.cluster_entailment(entail, contra, offsets, **kind, threads=1)
        np.testing.assert_array_equal(ids, fast.cluster_entailment(entail, contra, offsets, **kind, threads=threads))
        one = fast.order_sensitive(entail, contra, offsets, **kind, threads=1)
        np.testing.assert_array_equal(one, fast.order_sensitive(entail, contra, offsets, **kind, threads=threads))


# What is refused


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("bad", "shown"), [(np.nan, "NaN"), (np.inf, "inf"), (-np.inf, "-inf"), (1.5, "1.5"), (-0.25, "-0.25")]
)
def test_the_first_entry_that_is_no_probability_is_named(bad, shown, dtype):
    for where in [(0, 0, 1), (3, 2, 0), (1, 1, 2)]:
        e, c = np.full((2, 4, 3, 3), 0.25, dtype=dtype)
        p, i, j = where
        e[p, i, j] = e[3, 2, 1] = bad
        c[3, 2, 1] = bad
        for call in (fast.cluster_entailment, fast.order_sensitive):
            for rule in RULES:
                with pytest.raises(ValueError) as caught:  # noqa: PT011
                    call(e, c, rule=rule)
                message = f"entail: entry ({i}, {j}) of group {p} is {shown}, must be a probability in [0, 1]"
                assert str(caught.value) == message
            with pytest.raises(ValueError, match=rf"^contra: entry \({i}, {j}\) of group {p} is .*, must be a prob"):
                call(c, e)


def test_a_long_run_of_groups_names_the_first_bad_one_for_any_threads():
    e, c = np.full((2, 3000, 10, 10), 0.25, dtype=np.float32)
    e[2999, 9, 8] = e[1234, 5, 6] = 2
    for threads in (1, 2, 7):
        with pytest.raises(ValueError, match=r"^entail: entry \(5, 6\) of group 1234 is 2.0, must be a probability"):
            fast.cluster_entailment(e, c, threads=threads)


def test_probabilities_may_exceed_one_together_by_rounding_only():
    e, c = np.full((2, 1, 2, 2), 0.5)
    c[0, 0, 1] = 0.5009
    fast.cluster_entailment(e, c)
    c[0, 0, 1] = 0.502
    message = r"^contra: entry \(0, 1\) of group 0 is 0.502, must be at most 1 together with entail$"
    with pytest.raises(ValueError, match=message):
        fast.cluster_entailment(e, c)
    for one in (1.0, np.nextafter(1, 2)):
        e[0, 0, 1], c[0, 0, 1] = one, -0.0
        if one == 1:
            assert fast.cluster_entailment(e, c).shape == (2,)
        else:
            with pytest.raises(ValueError, match=r"^entail: entry \(0, 1\) of group 0 is 1.0000000000000002"):
                fast.cluster_entailment(e, c)
