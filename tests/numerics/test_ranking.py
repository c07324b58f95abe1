"""Ranking, rejection and coverage against their definitions, scikit-learn, SciPy, and what must always hold."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from uncal import fast

Q = np.array([0, 0.1, 0.1, 0.35, 0.5, 0.5, 0.8, 0.9, 1, 1])
C = np.array([0, 1, 0, 0, 1, 0, 1, 1, 1, 0], dtype=bool)
EXACT = {"rtol": 1e-10, "atol": 1e-12}
METRICS = [fast.auroc, fast.auprc, fast.aurc, fast.e_aurc, fast.augrc]


def expected_risks(q, c):
    """The risk after 1, 2, ... answers, those of equal confidence counted with their mean."""
    wrong = np.empty(len(q))
    for value in np.unique(q):
        wrong[q == value] = 1 - c[q == value].mean()
    order = np.argsort(-q, kind="stable")
    return np.cumsum(wrong[order]) / np.arange(1, len(q) + 1)


@st.composite
def rows(draw, least=2):
    n = draw(st.integers(least, 60))
    levels = draw(st.sampled_from([2, 5, 1000]))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    q = rng.integers(0, levels, n) / (levels - 1)
    return q, rng.random(n) < draw(st.sampled_from([0.1, 0.5, 0.9])), rng


def test_known_values():
    assert fast.auroc(Q, C) == 0.7
    assert fast.auprc(Q, C) == pytest.approx(0.6277777778, abs=1e-10)
    assert fast.auprc(Q, C, positive="wrong") == pytest.approx(0.7166666667, abs=1e-10)
    assert fast.aurc(Q, C) == pytest.approx(0.4027182540, abs=1e-10)
    assert fast.e_aurc(Q, C) == pytest.approx(0.4027182540 - 0.1771825397, abs=2e-10)
    assert fast.prr(1 - Q, C) == pytest.approx(0.3013521819, abs=1e-10)
    assert fast.prr(1 - Q, C, max_rejection=0.5) == pytest.approx(0.4891008174, abs=1e-10)


@settings(deadline=None, max_examples=60)
@given(rows())
def test_areas_are_those_of_the_definition(data):
    q, c, _ = data
    risks = expected_risks(q, c)
    best = expected_risks(c.astype(float), c)
    np.testing.assert_allclose(fast.aurc(q, c), risks.mean(), **EXACT)
    np.testing.assert_allclose(fast.e_aurc(q, c), risks.mean() - best.mean(), **EXACT)
    accuracy = c.mean()
    if 0 < accuracy < 1:
        np.testing.assert_allclose(fast.auroc(q, c), roc_auc_score(c, q), **EXACT)
        np.testing.assert_allclose(fast.auprc(q, c), average_precision_score(c, q), **EXACT)
        wrong = average_precision_score(~c, -q)
        np.testing.assert_allclose(fast.auprc(q, c, positive="wrong"), wrong, **EXACT)
        known = (1 - fast.auroc(q, c)) * accuracy * (1 - accuracy) + (1 - accuracy) ** 2 / 2
        np.testing.assert_allclose(fast.augrc(q, c), known, **EXACT)
        ratio = (1 - accuracy - risks.mean()) / (1 - accuracy - best.mean())
        np.testing.assert_allclose(fast.prr(-q, c), ratio, **EXACT)
        assert fast.prr(-c.astype(float), c) == pytest.approx(1)


@settings(deadline=None, max_examples=60)
@given(rows(), st.sampled_from([np.float32, np.float64]))
def test_neither_order_nor_threads_nor_a_rising_map_matter(data, dtype):
    q, c, rng = data
    q = q.astype(dtype)
    order = rng.permutation(len(q))
    for metric in METRICS:
        value = metric(q, c)
        for threads in (1, 2, 7):
            assert metric(q[order], c[order], threads=threads) == pytest.approx(value, abs=0, nan_ok=True)
        np.testing.assert_allclose(metric(np.exp(3 * q), c), value, **EXACT)


@settings(deadline=None, max_examples=40)
@given(rows())
def test_weights_repeat_rows(data):
    q, c, rng = data
    weights = rng.integers(0, 4, len(q))
    assume(weights.any())
    for metric in [*METRICS, lambda q, c, weights=None: fast.aurc(q, c, method="trapezoid", weights=weights)]:
        repeated = metric(np.repeat(q, weights), np.repeat(c, weights))
        np.testing.assert_allclose(metric(q, c, weights=weights), repeated, rtol=1e-9, atol=1e-12)


@settings(deadline=None, max_examples=40)
@given(rows())
def test_the_curve_and_its_points_are_those_of_the_definition(data):
    q, c, _ = data
    curve = fast.risk_coverage(q, c)
    thresholds = np.unique(q)[::-1]
    np.testing.assert_allclose(curve.coverage, [(q >= t).mean() for t in thresholds], **EXACT)
    np.testing.assert_allclose(curve.risk, [1 - c[q >= t].mean() for t in thresholds], **EXACT)
    for risk in (0.0, 0.2, 0.5, 1.0):
        known = max([share for share, wrong in zip(*curve, strict=True) if wrong <= risk], default=0)
        assert fast.coverage_at_risk(q, c, risk) == pytest.approx(known)
    kept = np.arange(1, len(q) + 1)
    found = [fast.accuracy_at_coverage(q, c, k / len(q)) for k in kept]
    np.testing.assert_allclose(found, 1 - expected_risks(q, c), rtol=1e-9, atol=1e-9)
    lines = np.concatenate([[curve.risk[0]], curve.risk])
    area = np.sum(np.diff(curve.coverage, prepend=0) * (lines[1:] + lines[:-1]) / 2)
    np.testing.assert_allclose(fast.aurc(q, c, method="trapezoid"), area, **EXACT)


@settings(deadline=None, max_examples=40)
@given(rows(4))
def test_the_interval_is_that_of_placements(data):
    q, c, _ = data
    assume(1 < c.sum() < len(c) - 1)
    wins = (q[c][:, None] > q[~c]) + 0.5 * (q[c][:, None] == q[~c])
    variance = wins.mean(1).var(ddof=1) / c.sum() + wins.mean(0).var(ddof=1) / (~c).sum()
    found = fast.auroc_interval(q, c, level=0.9)
    assert found.value == fast.auroc(q, c)
    np.testing.assert_allclose(found.std_error, np.sqrt(variance), rtol=1e-6, atol=1e-9)
    half = scipy.stats.norm.ppf(0.95) * np.sqrt(variance)
    np.testing.assert_allclose(found.low, max(found.value - half, 0), atol=1e-8)
    np.testing.assert_allclose(found.high, min(found.value + half, 1), atol=1e-8)
    assert found.ties == pytest.approx((q[c][:, None] == q[~c]).mean())


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(5)
    truth, held = scipy.stats.norm.cdf(1 / np.sqrt(2)), 0
    for _ in range(300):
        c = rng.random(200) < 0.6
        found = fast.auroc_interval(rng.normal(size=200) + c, c, level=0.9)
        held += found.low <= truth <= found.high
    assert 250 <= held <= 288  # 270 expected, standard deviation 5


def test_large_columns_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    scales = 10.0 ** rng.integers(-300, 300, 300_000)
    for q in (rng.random(300_000), np.round(rng.random(300_000), 3), rng.normal(size=300_000) * scales):
        c = rng.random(len(q)) < 0.7
        np.testing.assert_allclose(fast.auroc(q, c), roc_auc_score(c, q), rtol=1e-12)
        np.testing.assert_allclose(fast.auprc(q, c), average_precision_score(c, q), rtol=1e-10)
        np.testing.assert_allclose(fast.aurc(q, c), expected_aurc(q, c), rtol=1e-10)


def expected_aurc(q, c):
    _, place = np.unique(q, return_inverse=True)
    wrong = (np.bincount(place, weights=~c) / np.bincount(place))[place]
    return np.mean(np.cumsum(wrong[np.argsort(-q, kind="stable")]) / np.arange(1, len(q) + 1))


@settings(deadline=None, max_examples=60)
@given(rows())
def test_rank_correlations_are_scipys(data):
    q, _, rng = data
    other = np.round(q + rng.normal(size=len(q)), 1)
    assume(len(np.unique(q)) > 1 and len(np.unique(other)) > 1)
    assert fast.spearman(q, other) == pytest.approx(scipy.stats.spearmanr(q, other).statistic, abs=1e-12)
    assert fast.kendall(q, other) == pytest.approx(scipy.stats.kendalltau(q, other).statistic, abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=40), st.integers(0, 2**32 - 1))
def test_any_finite_scores_will_do(scores, seed):
    c = np.random.default_rng(seed).random(len(scores)) < 0.5
    scores = np.array(scores)
    for metric in METRICS:
        assert np.isnan(value := metric(scores, c)) or -1e-12 <= value <= 1 + 1e-12
    assert np.isnan(value := fast.prr(scores, c)) or value <= 1 + 1e-12
    assert fast.risk_coverage(scores, c).coverage[-1] == 1
    if 0 < c.sum() < len(c):
        np.testing.assert_allclose(fast.auroc(scores, c), roc_auc_score(c, scores), **EXACT)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fast.auprc(Q, C, positive="right"), "positive: is 'right', must be one of correct, wrong"),
        (lambda: fast.aurc(Q, C, method="x"), 'method: is "x", must be one of expected, trapezoid'),
        (lambda: fast.accuracy_at_coverage(Q, C, 1.5), "coverage: is 1.5, must be a number in \\[0, 1\\]"),
        (lambda: fast.coverage_at_risk(Q, C, -1.0), "risk: is -1.0, must be a number in \\[0, 1\\]"),
        (lambda: fast.auroc_interval(Q, C, level=1.0), "level: is 1.0, must be a number between 0 and 1"),
        (lambda: fast.prr(Q, C[:3]), "quality: has 3 rows, 10 expected"),
        (lambda: fast.prr(Q, C, max_rejection=0.0), "max_rejection: is 0.0, must be a number above 0 and up to 1"),
        (lambda: fast.spearman(Q, Q[:2]), "y: has 2 rows, 10 expected"),
        (lambda: fast.kendall([np.nan], [1.0]), "x: row 0 is NaN, must be finite"),
    ],
)
def test_what_makes_no_sense_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def accuracy_at_quantile(q, c, share):
    """As in the code of Farquhar et al.: uncertainties up to their quantile."""
    return c[-q <= np.quantile(-q, share)].mean()


@settings(deadline=None, max_examples=80)
@given(rows(least=1))
def test_aurac_is_the_mean_accuracy_at_twenty_quantiles(data):
    q, c, rng = data
    shares = np.linspace(0.1, 1, 20)
    accuracies = np.array([accuracy_at_quantile(q, c, share) for share in shares])
    found = fast.aurac(q, c)
    np.testing.assert_allclose(found, accuracies.mean(), **EXACT)
    np.testing.assert_allclose(found * 18 / 19, (accuracies * (shares[1] - shares[0])).sum(), **EXACT)
    order, weights = rng.permutation(len(q)), rng.integers(0, 4, len(q))
    weights[0] = 1
    np.testing.assert_allclose(fast.aurac(q[order], c[order]), found, **EXACT)
    again = fast.aurac(np.repeat(q, weights), np.repeat(c, weights))
    np.testing.assert_allclose(fast.aurac(q, c, weights=weights), again, **EXACT)
    assert fast.aurac(q, c, weights=np.full(len(q), 1e-3 / len(q))) == pytest.approx(c[q == q.max()].mean())
    assert fast.aurac(q.astype(np.float32), c) == pytest.approx(found)


def test_aurac_of_many_rows_has_the_same_bits_for_any_threads():
    rng = np.random.default_rng(8)
    for q in (rng.random(200_000), rng.integers(0, 50, 200_000) / 49):
        c = rng.random(200_000) < q
        one, *more = (fast.aurac(q, c, threads=threads) for threads in (1, 2, 7))
        assert more == [one, one]
        expected = np.mean([accuracy_at_quantile(q, c, share) for share in np.linspace(0.1, 1, 20)])
        np.testing.assert_allclose(one, expected, **EXACT)


@settings(deadline=None, max_examples=80)
@given(rows(least=1), st.sampled_from([-np.inf, -1.0, 0.0, 0.25, 0.5, 1.0, 1.5, np.inf]))
def test_accuracy_at_a_confidence_is_that_of_its_definition(data, threshold):
    q, c, rng = data
    kept = q >= threshold
    found = fast.accuracy_at_confidence(q, c, threshold)
    accuracy = c[kept].mean() if kept.any() else np.nan
    np.testing.assert_allclose(found, (accuracy, kept.mean()), **EXACT)
    weights = rng.integers(0, 4, len(q))
    weights[0] = 1
    again = fast.accuracy_at_confidence(np.repeat(q, weights), np.repeat(c, weights), threshold)
    np.testing.assert_allclose(fast.accuracy_at_confidence(q, c, threshold, weights=weights), again, **EXACT)
    order = rng.permutation(len(q))
    np.testing.assert_allclose(fast.accuracy_at_confidence(q[order], c[order], threshold), found, **EXACT)
    for threads in (1, 2, 7):
        np.testing.assert_equal(fast.accuracy_at_confidence(q, c, threshold, threads=threads), found)


@settings(deadline=None, max_examples=80)
@given(rows(least=1), st.booleans())
def test_reversed_pairs_are_those_of_the_definition(data, graded):
    q, c, rng = data
    quality = rng.integers(0, 4, len(q)) / 3 if graded else c
    reverse = (q[:, None] > q) & (np.asarray(quality, float)[:, None] < np.asarray(quality, float))
    found = fast.reversed_pairs(q, quality)
    assert found == reverse.sum() / len(q) ** 2
    order = rng.permutation(len(q))
    assert fast.reversed_pairs(q[order], np.asarray(quality)[order]) == found
    if not graded and 0 < c.mean() < 1:
        ties = fast.auroc_interval(q, c).ties if min(c.sum(), (~c).sum()) > 1 else None
        if ties is not None:
            lost = 1 - fast.auroc(q, c) - ties / 2
            assert found == pytest.approx(lost * c.mean() * (1 - c.mean()), abs=1e-12)
    if not graded and len(np.unique(q)) == len(q) and 0 < c.mean() < 1:
        tau = scipy.stats.kendalltau(q, ~c).statistic
        # without ties in the confidences every pair of a right and a wrong row counts
        apart = c.sum() * (~c).sum()
        pairs = len(q) * (len(q) - 1) / 2
        discordant = (apart + tau * np.sqrt(pairs * apart)) / 2
        assert found == pytest.approx(discordant / len(q) ** 2, abs=1e-12)


def test_thresholds_and_columns_that_make_no_sense_are_named():
    with pytest.raises(ValueError, match=r"^threshold: is NaN, must be a number$"):
        fast.accuracy_at_confidence(Q, C, float("nan"))
    with pytest.raises(ValueError, match=r"^quality: has shape"):
        fast.reversed_pairs(Q, [C])
    with pytest.raises(ValueError, match=r"^quality: has 1 rows, 10 expected$"):
        fast.reversed_pairs(Q, [1.0])
    with pytest.raises(ValueError, match=r"^confidence: row 0 is NaN, must be finite$"):
        fast.reversed_pairs([np.nan], [1.0])
