"""Scores of tokens, and of samples with their probabilities, against their definition and SciPy."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from uncal import fast

quick = settings(max_examples=60, deadline=None)
TAILS = [("renorm", None), ("atom", None), ("uniform", 50)]
TOP = [fast.token_entropy, fast.self_certainty, fast.renyi_divergence, fast.fisher_rao]
# of float16 and float32 the values are read exactly, and all is computed in float64
CLOSE = {"rtol": 1e-10, "atol": 1e-12}


def sequences(count, seed=0, longest=40, dtype=np.float64):
    """Log-probabilities of tokens of sequences of many lengths, some long enough to be summed in pieces."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, longest, size=count)
    lengths[:: max(1, count // 3)] = 300
    offsets = np.cumsum([0, *lengths])
    return (-rng.exponential(size=offsets[-1])).astype(dtype), offsets


def tops(count, k=5, seed=0, dtype=np.float64):
    """The k largest log-probabilities of tokens over 50, a sure one and one with fewer known among them."""
    rng = np.random.default_rng(seed)
    offsets = np.cumsum([0, *rng.integers(1, 9, size=count)])
    p = np.sort(rng.dirichlet(np.full(50, 0.1), size=offsets[-1]), axis=1)[:, ::-1][:, :k]
    logs = np.log(np.maximum(p, 1e-300)).astype(dtype)
    logs[0], logs[-1, k - 2 :] = [0.0] + [-np.inf] * (k - 1), -np.inf
    return logs, offsets


def rows(offsets):
    return [slice(a, b) for a, b in pairwise(np.asarray(offsets).tolist())]


def distribution(logs, tail, vocabulary, temperature=1.0, least=0.0):
    """All tokens that count, one by one."""
    listed = np.exp(logs[np.isfinite(logs)].astype(float))
    rest = max(1 - listed.sum(), least)
    others = {"renorm": 0, "atom": 1, "uniform": (vocabulary or 0) - len(listed)}[tail]
    q = np.concatenate([listed, np.full(others, rest / max(others, 1))]) ** (1 / temperature)
    return q / q.sum()


def uniform(q):
    return np.full(len(q), 1 / len(q))


# Sequences


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_sums_means_and_quantiles_are_numpys(dtype):
    logs, offsets = sequences(60, dtype=dtype)
    own = [logs[part].astype(float) for part in rows(offsets)]
    np.testing.assert_allclose(fast.sequence_logprobs(logs, offsets), [x.sum() for x in own], **CLOSE)
    np.testing.assert_allclose(fast.sequence_logprobs(logs, offsets, mean=True), [x.mean() for x in own], **CLOSE)
    alphas = [0.0, 0.1, 1 / 3, 0.5, 0.9, 1.0]
    expected = [np.quantile(x, alphas, method="linear") for x in own]
    np.testing.assert_allclose(fast.token_quantiles(logs, offsets, alphas=alphas), expected, **CLOSE)


def test_sequences_of_one_length_need_no_offsets():
    logs = -np.random.default_rng(0).exponential(size=(7, 4))
    offsets = np.arange(0, 29, 4)
    np.testing.assert_array_equal(fast.sequence_logprobs(logs), fast.sequence_logprobs(logs.reshape(-1), offsets))
    three = np.log(np.random.default_rng(0).dirichlet(np.ones(6), size=(7, 4)))[..., :3]
    flat = three.reshape(28, 3)
    np.testing.assert_array_equal(fast.token_entropy(three), fast.token_entropy(flat, offsets))
    assert fast.token_quantiles(np.zeros((0, 3)), alphas=[0.5]).shape == (0, 1)


@quick
@given(st.lists(st.floats(-1e3, 0), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_quantiles_rise_and_the_order_of_tokens_does_not_matter(logs, random):
    mixed = random.sample(logs, len(logs))
    found = fast.token_quantiles([logs, mixed])
    np.testing.assert_array_equal(found[0], found[1])
    assert (np.diff(found[0]) >= 0).all()
    assert found[0, 0] == min(logs)
    assert found[0, -1] == max(logs)
    total, mean = (fast.sequence_logprobs([logs], mean=mean)[0] for mean in (False, True))
    assert total <= mean + 1e-9 <= max(logs) + 2e-9


# The most probable tokens


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(("tail", "vocabulary"), TAILS)
def test_entropies_and_divergences_of_tokens_are_their_definitions(tail, vocabulary, dtype):
    logs, offsets = tops(40, dtype=dtype)
    how = {"tail": tail, "vocabulary": vocabulary}

    def expected(measure, reduce=np.mean, **settings):
        each = [measure(distribution(row, tail, vocabulary, **settings)) for row in logs]
        return [reduce(each[part]) for part in rows(offsets)]

    entropy = scipy.stats.entropy
    found = fast.token_entropy(logs, offsets, **how)
    np.testing.assert_allclose(found, expected(entropy), **CLOSE)
    found = fast.token_entropy(logs, offsets, reduce="max", **how)
    np.testing.assert_allclose(found, expected(entropy, np.max), **CLOSE)
    found = fast.self_certainty(logs, offsets, **how)
    by_scipy = expected(lambda q: scipy.special.rel_entr(uniform(q), q).sum(), least=2**-24)
    np.testing.assert_allclose(found, by_scipy, **CLOSE)
    for temperature in (1.0, 2.0):
        for alpha in (0.5, 1.0, 3.0):
            divergence = (
                (lambda q: entropy(q, uniform(q)))
                if alpha == 1
                else lambda q, a=alpha: np.log(np.sum(q**a * uniform(q) ** (1 - a))) / (a - 1)
            )
            found = fast.renyi_divergence(logs, offsets, alpha=alpha, temperature=temperature, **how)
            np.testing.assert_allclose(found, expected(divergence, temperature=temperature), rtol=1e-9, atol=1e-12)
        found = fast.fisher_rao(logs, offsets, temperature=temperature, **how)
        by_angle = expected(
            lambda q: 2 / np.pi * np.arccos(min(1, np.sqrt(q * uniform(q)).sum())), temperature=temperature
        )
        np.testing.assert_allclose(found, by_angle, rtol=1e-9, atol=1e-7)  # arccos loses half the digits near 1


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_margin_is_that_of_the_two_largest_wherever_they_stand(dtype):
    logs, offsets = tops(40, dtype=dtype)
    p = np.sort(np.exp(logs.astype(float)), axis=1)
    expected = [np.mean(p[part, -1] - p[part, -2]) for part in rows(offsets)]
    for order in (slice(None), slice(None, None, -1), [2, 0, 4, 1, 3]):
        np.testing.assert_allclose(fast.token_margin(logs[:, order], offsets), expected, **CLOSE)


def test_a_whole_distribution_has_no_tail():
    logs = np.log(np.random.default_rng(1).dirichlet(np.ones(8), size=20))
    for measure in TOP:
        renorm = measure(logs, [0, 5, 20], tail="renorm")
        np.testing.assert_allclose(measure(logs, [0, 5, 20], tail="uniform", vocabulary=8), renorm, rtol=1e-9)


@quick
@given(st.integers(0, 10_000), st.integers(2, 8))
def test_an_atom_bounds_the_entropy_from_below_and_an_even_tail_from_above(seed, k):
    p = np.sort(np.random.default_rng(seed).dirichlet(np.full(50, 0.3)))[::-1]
    true = scipy.stats.entropy(p)
    logs = np.log(np.maximum(p, 1e-300))[None, :k]
    low = fast.token_entropy(logs, [0, 1], tail="atom")[0]
    high = fast.token_entropy(logs, [0, 1], tail="uniform", vocabulary=50)[0]
    assert low - 1e-9 <= true <= high + 1e-9
    more = fast.token_entropy(np.log(np.maximum(p, 1e-300))[None, : k + 1], [0, 1], tail="atom")[0]
    assert low <= more + 1e-9


def test_rarer_tokens_are_padded_and_change_nothing():
    logs, offsets = tops(10)
    padded = np.concatenate([logs, np.full((len(logs), 3), -np.inf)], axis=1)
    for measure in [*TOP, fast.token_margin]:
        np.testing.assert_array_equal(measure(padded, offsets), measure(logs, offsets))


# Claims


def test_golden_claims_and_their_definition():
    top = np.log([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]])
    classes = np.array([[1, -1, 0], [1, 1, -1]])
    np.testing.assert_allclose(fast.claim_conditioned_probability(top, classes, [0, 2]), [0.6222222222], atol=1e-10)
    logs, offsets = tops(30)
    classes = np.random.default_rng(2).integers(-1, 2, size=logs.shape)
    classes[:, 0] = 1
    p = np.exp(logs)
    each = (p * (classes == 1)).sum(axis=1) / (p * (classes != 0)).sum(axis=1)
    expected = [np.prod(each[part]) for part in rows(offsets)]
    np.testing.assert_allclose(fast.claim_conditioned_probability(logs, classes, offsets), expected, **CLOSE)


def test_classes_of_alternatives_come_of_both_ways_round():
    label = np.eye(3)  # entailment, neutral, contradiction
    forward, backward = np.repeat(label, 3, axis=0), np.tile(label, (3, 1))
    found = fast.alternative_classes(forward, backward)
    assert found.tolist() == [1, 1, 0, 1, 0, -1, 0, -1, -1]


# Relevance


def test_golden_sar():
    assert abs(fast.token_sar([-0.1, -1.0, -0.5], [0.2, 0.6, 0.2], [0, 3])[0] - 0.72) < 1e-12
    g = np.array([[[1, 0.8, 0.1], [0.8, 1, 0.2], [0.1, 0.2, 1]]])
    logs = np.log([[0.5, 0.2, 0.1]])
    assert abs(fast.sentence_sar(logs, g)[0] + 5.2267954166) < 1e-10
    assert abs(fast.sentence_sar(logs, g, t=1.0)[0] - 0.8464148581) < 1e-10


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sar_is_its_definition(dtype):
    rng = np.random.default_rng(3)
    logs, offsets = sequences(50, dtype=dtype)
    relevance = rng.uniform(-0.2, 1.2, size=len(logs))
    relevance[rows(offsets)[4]] = -1  # nothing is relevant
    r = np.clip(relevance, 0, 1)
    own = [
        -np.sum(r[part] * logs[part].astype(float)) / r[part].sum() if r[part].any() else -logs[part].mean(dtype=float)
        for part in rows(offsets)
    ]
    found = fast.token_sar(logs, relevance, offsets)
    np.testing.assert_allclose(found, own, **CLOSE)
    sizes = np.array([1, 2, 7, 20, 20])
    groups, g = np.cumsum([0, *sizes]), rng.random(np.sum(sizes**2)).astype(dtype)
    squares = np.split(g.astype(float), np.cumsum(sizes**2)[:-1])
    for t in (0.001, 1.0):
        expected = []
        for part, square in zip(rows(groups), squares, strict=True):
            p, weights = np.exp(-found[part]), square.reshape(len(found[part]), -1) / t
            np.fill_diagonal(weights, 1.0)
            expected.append(np.mean(-np.log(weights @ p)))
        np.testing.assert_allclose(fast.sentence_sar(-found, g, groups, t=t), expected, **CLOSE)


def test_probabilities_too_small_for_float64_are_still_told_apart():
    g = np.full((1, 2, 2), 0.5)
    far = fast.sentence_sar([[-2000.0, -2001.0]], g)
    np.testing.assert_allclose(far, fast.sentence_sar([[0.0, -1.0]], g) + 2000, rtol=1e-14)
    near = fast.semantic_density([[0.0, -1.0]], [[0.5, 0.1]], [[0.1, 0.8]])
    np.testing.assert_allclose(fast.semantic_density([[-2000.0, -2001.0]], [[0.5, 0.1]], [[0.1, 0.8]]), near)


# Density and agreement


def test_semantic_density_is_its_golden_value_and_its_definition():
    logs, c, n = np.log([[0.5, 0.3, 0.2]]), np.array([[0.0, 0.9, 0.2]]), np.array([[0.1, 0.05, 0.5]])
    assert abs(fast.semantic_density(logs, 1 - c - n, c)[0] - 0.6075) < 1e-12
    rng = np.random.default_rng(4)
    offsets = np.array([0, 1, 5, 25])
    e, n, c = rng.dirichlet(np.ones(3), size=25).T
    logs, own = -rng.exponential(size=25), -rng.exponential(size=3)
    expected = []
    for part, s in zip(rows(offsets), own, strict=True):
        d, p = np.append(c[part] + n[part] / 2, 0.0), np.exp(np.append(logs[part], s))
        expected.append(np.sum(p * (1 - d) * (d <= 1)) / p.sum())
    found = fast.semantic_density(logs, e, c, offsets, answer_logprobs=own)
    np.testing.assert_allclose(found, expected, **CLOSE)


def test_disagreement_of_sentences_is_its_definition():
    rng = np.random.default_rng(5)
    sizes = [1, 2, 5, 9]
    counts = [rng.integers(1, 5, size=n) for n in sizes]
    offsets, sentences = np.cumsum([0, *sizes]), np.cumsum([0, *np.concatenate(counts)])
    entail, contra, expected = [], [], []
    for n, of in zip(sizes, counts, strict=True):
        e, c = rng.random((2, of.sum(), n))
        entail.append(e.reshape(-1))
        contra.append(c.reshape(-1))
        share, ends = e / (e + c), np.cumsum([0, *of])
        agreement = [np.delete(share[a:b], i, axis=1).mean() if n > 1 else 1 for i, (a, b) in enumerate(pairwise(ends))]
        expected.append(1 - np.mean(agreement))
    found = fast.sentence_disagreement(np.concatenate(entail), np.concatenate(contra), sentences, offsets)
    np.testing.assert_allclose(found, expected, **CLOSE)


# Threads and errors


def test_any_number_of_threads_gives_the_same_bits():
    logs, offsets = sequences(5000, dtype=np.float32)
    top, ends = tops(3000, dtype=np.float32)
    classes = np.where(np.arange(top.shape[1]) % 2, -1, 1) * np.ones(top.shape, np.int64)
    sizes = np.tile([3, 8, 20], 60)
    groups, g = np.cumsum([0, *sizes]), np.random.default_rng(6).random(np.sum(sizes**2))
    some = -np.random.default_rng(7).exponential(size=groups[-1])
    e = np.random.default_rng(8).random(groups[-1]) / 2
    calls = [
        lambda t: fast.sequence_logprobs(logs, offsets, threads=t),
        lambda t: fast.token_quantiles(logs, offsets, threads=t),
        *(lambda t, measure=measure: measure(top, ends, threads=t) for measure in [*TOP, fast.token_margin]),
        lambda t: fast.claim_conditioned_probability(top, classes, ends, threads=t),
        lambda t: fast.token_sar(logs, -logs, offsets, threads=t),
        lambda t: fast.sentence_sar(some, g, groups, threads=t),
        lambda t: fast.semantic_density(some, e, e, groups, threads=t),
        lambda t: fast.sentence_disagreement(g, g[::-1], np.arange(groups[-1] + 1), groups, threads=t),
    ]
    for call in calls:
        one = call(1)
        for threads in (2, 7):
            assert one.tobytes() == call(threads).tobytes()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: fast.sequence_logprobs([-1.0, 0.3], [0, 2]), "logprobs: row 1 is 0.3, must be a log-probability"),
        (lambda: fast.sequence_logprobs([-1.0, np.nan], [0, 2]), "logprobs: row 1 is NaN"),
        (lambda: fast.sequence_logprobs([-1.0], [0, 0, 1]), "offsets: group 0 is empty"),
        (lambda: fast.sequence_logprobs([-1.0]), "offsets: needed with 1-D logprobs"),
        (lambda: fast.sequence_logprobs([[[-1.0]]]), r"logprobs: has shape \(1, 1, 1\)"),
        (lambda: fast.token_quantiles([[-1.0]], alphas=[2.0]), "alphas: row 0 is 2.0, must be in"),
        (lambda: fast.token_quantiles([[-1.0]], alphas=[]), "alphas: empty"),
        (lambda: fast.token_entropy([[-1.0]]), "offsets: needed with 2-D top_logprobs"),
        (lambda: fast.token_entropy([[-0.1, -0.1]], [0, 1]), "top_logprobs: row 0 is 1.8"),
        (lambda: fast.token_entropy([[1, 2]], [0, 1]), "top_logprobs: dtype is int64"),
        (lambda: fast.token_entropy([[-1.0]], [0, 1], tail="uniform"), "vocabulary: needed"),
        (lambda: fast.token_entropy([[-1.0]], [0, 1], vocabulary=9), "vocabulary: read only"),
        (lambda: fast.token_entropy([[-1.0]], [0, 1], tail="x"), 'tail: is "x", must be one of'),
        (lambda: fast.token_entropy([[-1.0]], [0, 1], reduce="x"), 'reduce: is "x", must be one of'),
        (lambda: fast.token_margin([[-1.0]], [0, 1]), "top_logprobs: is of 1 tokens a place"),
        (lambda: fast.renyi_divergence([[-1.0]], [0, 1], alpha=0), "alpha: is 0.0"),
        (lambda: fast.fisher_rao([[-1.0]], [0, 1], temperature=-1), "temperature: is -1.0"),
        (lambda: fast.claim_conditioned_probability([[-1.0]], [[3]], [0, 1]), "classes: row 0 is 3.0"),
        (lambda: fast.claim_conditioned_probability([[-1.0]], [[1, 1]], [0, 1]), r"classes: has shape \(1, 2\)"),
        (lambda: fast.claim_conditioned_probability([[-1.0]], [[0.5]], [0, 1]), "classes: dtype is float64"),
        (lambda: fast.alternative_classes([[1.0, 0.0]], [[1.0, 0.0]]), r"forward: has shape \(1, 2\)"),
        (lambda: fast.alternative_classes([[1.0, 0.0, np.nan]], [[1.0, 0.0, 0.0]]), "forward: row 0 is not a number"),
        (lambda: fast.alternative_classes([[1.0, 0.0, 0.0]], [1.0, 0.0, 0.0]), "backward: has shape"),
        (lambda: fast.token_sar([[-1.0]], [[0.1, 0.2]]), "relevance: has 2 rows"),
        (lambda: fast.sentence_sar([[-1.0, -1.0]], [[[1, -1], [1, 1]]]), r"similarity: entry \(0, 1\) of group 0"),
        (lambda: fast.sentence_sar([[-1.0]], [[[1.0]]], t=0), "t: is 0.0"),
        (lambda: fast.semantic_density([[-1.0]], [[1.2]], [[0.0]]), "entail: row 0 is 1.2"),
        (lambda: fast.semantic_density([[-1.0]], [[0.9]], [[0.9]]), "contra: row 0 is 0.9"),
        (lambda: fast.sentence_disagreement([0.5], [0.5], [0, 2], [0, 1]), "entail: has 1 rows, 2 expected"),
        (lambda: fast.sentence_disagreement([0.5], [0.5], [0], [0, 1]), "offsets: must end with"),
    ],
)
def test_what_makes_no_sense_is_one_line_that_names_it(call, said):
    with pytest.raises(ValueError, match=f"^{said}") as error:
        call()
    assert "\n" not in str(error.value)
