"""Smooth, cumulative and kernel calibration errors and proper scores against their definitions and scikit-learn."""

import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import log_loss

from uncal import fast

Q = np.array([0, 0.1, 0.1, 0.35, 0.5, 0.5, 0.8, 0.9, 1, 1])
C = np.array([0, 1, 0, 0, 1, 0, 1, 1, 1, 0], dtype=bool)
EXACT = {"rtol": 1e-10, "atol": 1e-12}


@st.composite
def rows(draw):
    n = draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    q = rng.random(n) if draw(st.booleans()) else rng.integers(0, 5, n) / 4
    return q, rng.random(n) < draw(st.sampled_from([0.1, 0.5, 0.9])), rng


def smooth_ece(q, c, sigma):
    """The cosine form on 20,001 points by the trapezoidal rule."""
    t = np.linspace(0, 1, 20_001)
    k = np.arange(1, int(8 / (np.pi * sigma)) + 2)
    r = q - c
    a = 2 * (r[:, None] * np.cos(np.pi * np.outer(q, k))).mean(0) * np.exp(-((np.pi * k * sigma) ** 2) / 2)
    return np.trapezoid(np.abs(r.mean() + np.cos(np.pi * np.outer(t, k)) @ a), t)


def test_known_values():
    known = {0.02: 0.2440386311, 0.05: 0.2252694522, 0.1: 0.1761411623, 0.2: 0.1320333910, 0.5: 0.0524318082}
    for sigma, value in known.items():
        assert fast.smooth_ece(Q, C, sigma=sigma) == pytest.approx(value, abs=1e-6)
    assert fast.smooth_ece(Q, C) == pytest.approx(0.1454274, abs=1e-7)
    assert fast.ks_calibration_error(Q, C).value == pytest.approx(0.08)
    assert fast.kuiper_calibration_error(Q, C).value == pytest.approx(0.105)
    assert fast.mmce(Q, C) == pytest.approx(0.1062470618, abs=1e-10)
    assert fast.log_loss(Q, C, eps=1e-15) == pytest.approx(3.9093102945, abs=1e-10)
    assert fast.log_loss(Q, C, eps=1e-6) == pytest.approx(1.8369039510, abs=1e-10)
    assert fast.brier_skill(Q, C) == pytest.approx(0.003)
    assert fast.brier_decomposition(Q, C)[:3] == pytest.approx((0.09925, 0.1, 0.25))
    parts = (0.0645833333, 0.0666666667, 0.25, 0.0013333333, 0)
    assert fast.brier_decomposition(Q, C, bins="width", n_bins=5) == pytest.approx(parts, abs=1e-10)


def test_a_saturated_model_is_off_by_its_gap():
    q = np.repeat([1.0, 0.5], [900, 100])
    c = np.concatenate([np.arange(900) < 630, np.arange(100) < 50])
    assert fast.smooth_ece(q, c) == pytest.approx(0.27, abs=1e-9)


@settings(deadline=None, max_examples=30)
@given(rows(), st.sampled_from([0.01, 0.05, 0.3]))
def test_the_smooth_error_is_that_of_the_definition(data, sigma):
    q, c, _ = data
    found = fast.smooth_ece(q, c, sigma=sigma)
    assert found == pytest.approx(smooth_ece(q, c, sigma), abs=2e-6)  # the trapezoids' own error at kinks
    assert abs(fast.signed_gap(q, c)) - 1e-9 <= found <= 1
    assert found == pytest.approx(fast.smooth_ece(1 - q, ~c, sigma=sigma), abs=1e-8)
    fixed = fast.smooth_ece(q, c)
    assert fixed >= abs(fast.signed_gap(q, c)) - 1e-9
    if fixed > 1e-3:
        assert fast.smooth_ece(q, c, sigma=fixed) == pytest.approx(fixed, abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(rows())
def test_errors_are_those_of_their_definitions(data):
    q, c, _ = data
    order = np.lexsort([c, q])
    sums = np.cumsum((q - c)[order]) / len(q)
    ends = np.append(np.diff(q[order]) > 0, True)
    path = np.append(0, sums[ends])
    assert fast.ks_calibration_error(q, c).value == pytest.approx(np.abs(path).max(), abs=1e-12)
    assert fast.kuiper_calibration_error(q, c).value == pytest.approx(np.ptp(path), abs=1e-12)
    kernel = np.exp(-np.abs(q[:, None] - q) / 0.4)
    assert fast.mmce(q, c) == pytest.approx(np.sqrt(max((c - q) @ kernel @ (c - q), 0)) / len(q), abs=1e-8)
    assert fast.signed_gap(q, c) == pytest.approx(np.mean(q - c), abs=1e-12)
    variance = ((1 - 2 * q) ** 2 * q * (1 - q)).sum()
    if variance > 1e-12:
        z = ((c - q) * (1 - 2 * q)).sum() / np.sqrt(variance)
        found = fast.spiegelhalter(q, c)
        np.testing.assert_allclose(found.value, z, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(found.p_value, 2 * scipy.stats.norm.sf(abs(z)), rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(fast.log_loss(q, c), log_loss(c, q, labels=[False, True]), **EXACT)


@settings(deadline=None, max_examples=60)
@given(rows(), st.integers(1, 20))
def test_parts_add_up_to_the_brier_score(data, n_bins):
    q, c, _ = data
    for options in ({"bins": "distinct"}, {"bins": "width", "n_bins": n_bins}):
        parts = fast.brier_decomposition(q, c, **options)
        whole = parts.reliability - parts.resolution + parts.uncertainty
        whole += parts.within_variance - parts.within_covariance
        assert whole == pytest.approx(fast.brier(q, c), abs=1e-12)
    if 0 < c.mean() < 1:
        assert fast.brier_skill(q, c) == pytest.approx(1 - fast.brier(q, c) / c.var())
        assert fast.brier_skill(q, c, base_rate=c.mean()) == pytest.approx(fast.brier_skill(q, c))


def isotonic(q, c):
    return IsotonicRegression(y_min=0, y_max=1).fit(q, c).predict(q)


@settings(deadline=None, max_examples=60)
@given(rows())
def test_corp_parts_are_those_of_isotonic_regression(data):
    q, c, rng = data
    parts = fast.brier_decomposition(q, c, method="corp")
    curve = isotonic(q, c)
    assert parts.miscalibration == pytest.approx(np.mean((q - c) ** 2) - np.mean((curve - c) ** 2), abs=1e-12)
    assert parts.discrimination == pytest.approx(c.var() - np.mean((curve - c) ** 2), abs=1e-12)
    assert parts.uncertainty == pytest.approx(c.var(), abs=1e-12)
    whole = parts.miscalibration - parts.discrimination + parts.uncertainty
    assert whole == pytest.approx(fast.brier(q, c), abs=1e-12)
    assert min(parts) >= 0
    # a curve through the confidences can do no better than they do by themselves
    assert parts.miscalibration <= fast.brier_decomposition(q, c).reliability + 1e-12
    order, weights = rng.permutation(len(q)), rng.integers(0, 3, len(q))
    weights[0] = 1
    assert fast.brier_decomposition(q[order], c[order], method="corp") == pytest.approx(parts, abs=1e-12)
    again = fast.brier_decomposition(np.repeat(q, weights), np.repeat(c, weights), method="corp")
    assert fast.brier_decomposition(q, c, method="corp", weights=weights) == pytest.approx(again, abs=1e-12)
    single = fast.brier_decomposition(q.astype(np.float32), c, method="corp")
    assert single == pytest.approx(fast.brier_decomposition(q.astype(np.float32).astype(float), c, method="corp"))


def test_known_corp_parts():
    parts = fast.brier_decomposition(Q, C, method="corp")
    assert parts == pytest.approx((0.0575833333, 0.0583333333, 0.25), abs=1e-10)
    rng = np.random.default_rng(1)
    q = rng.random(200_000)
    c = rng.random(200_000) < q**2
    one, *more = (fast.brier_decomposition(q, c, method="corp", threads=threads) for threads in (1, 2, 7))
    assert more == [one, one]


def mass_bins(q, n_bins):
    """Rows of each bin of nearly equal weight, by the rule in `ece`'s words."""
    values, counts = np.unique(q, return_counts=True)
    up_to = np.cumsum(counts)
    cuts = (
        {int(np.argmin(np.abs(up_to[:-1] - k * len(q) / n_bins))) for k in range(1, n_bins)} if len(values) > 1 else {}
    )
    edges = values[sorted(cuts)]
    place = np.searchsorted(edges, q, side="left")
    return [place == b for b in range(len(edges) + 1)]


@settings(deadline=None, max_examples=60)
@given(rows(), st.booleans())
def test_the_sweep_stops_before_accuracies_first_fall(data, sharp):
    q, c, rng = data
    if sharp:
        c = q > 0.5
    n_bins = 1
    while n_bins < 2 * len(q):
        accuracies = [c[rows].mean() for rows in mass_bins(q, n_bins + 1)]
        if (np.diff(accuracies) < 0).any():
            break
        n_bins += 1
    error = sum(abs((q - c)[rows].sum()) for rows in mass_bins(q, n_bins)) / len(q)
    assert fast.ece(q, c, bins="sweep") == pytest.approx(error, abs=1e-12)
    diagram = fast.reliability(q, c, bins="sweep")
    assert (np.diff(diagram.accuracy) >= 0).all()
    order, weights = rng.permutation(len(q)), rng.integers(0, 3, len(q))
    weights[0] = 1
    assert fast.ece(q[order], c[order], bins="sweep") == pytest.approx(error, abs=1e-12)
    again = fast.ece(np.repeat(q, weights), np.repeat(c, weights), bins="sweep")
    assert fast.ece(q, c, bins="sweep", weights=weights) == pytest.approx(again, abs=1e-12)
    # by a power of two: any other factor rounds, and which of two borders is nearer may then turn
    assert fast.ece(q, c, bins="sweep", weights=0.125 * weights) == pytest.approx(again, abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(rows(), st.integers(1, 20), st.sampled_from(["width", "mass", "distinct", "sweep"]))
def test_errors_by_name_are_norms_and_lie_in_order(data, n_bins, bins):
    q, c, _ = data
    choice = {"n_bins": n_bins, "bins": bins}
    assert fast.mce(q, c, **choice) == fast.ece(q, c, norm="max", **choice)
    assert fast.rmsce(q, c, **choice) == fast.ece(q, c, norm="l2", **choice)
    assert fast.rmsce(q, c, debias=True, **choice) == fast.ece(q, c, norm="l2", debias=True, **choice)
    gap = abs(fast.signed_gap(q, c))
    ladder = [gap, fast.ece(q, c, **choice), fast.rmsce(q, c, **choice), fast.mce(q, c, **choice), 1.0]
    assert all(a <= b + 1e-12 for a, b in itertools.pairwise(ladder))


def test_a_sweep_of_many_rows_is_quick_whatever_their_order():
    n = 200_000
    q = np.arange(n) / n
    assert fast.ece(q, q >= 0.5, bins="sweep") == pytest.approx(0.25, abs=1e-4)  # every row a bin
    levels = np.arange(n) % 10 / 10
    right = np.arange(n) // 10 % 10 < np.arange(n) % 10
    assert fast.ece(levels, right, bins="sweep") == pytest.approx(0, abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(rows())
def test_weights_repeat_rows_and_order_does_not_matter(data):
    q, c, rng = data
    weights = rng.integers(0, 4, len(q))
    weights[0] = 1
    again = np.repeat(q, weights), np.repeat(c, weights)
    order = rng.permutation(len(q))
    for metric in (fast.smooth_ece, fast.signed_gap, fast.brier, fast.log_loss, fast.mmce):
        np.testing.assert_allclose(metric(q, c, weights=weights), metric(*again), rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(metric(q[order], c[order]), metric(q, c), rtol=1e-9, atol=1e-9)
    for metric in (fast.ks_calibration_error, fast.kuiper_calibration_error, fast.spiegelhalter):
        np.testing.assert_allclose(metric(q, c, weights=weights), metric(*again), rtol=1e-6, atol=1e-7)
    for threads in (1, 2, 7):
        assert fast.smooth_ece(q, c, threads=threads) == fast.smooth_ece(q, c)


@pytest.mark.parametrize("metric", [fast.ks_calibration_error, fast.kuiper_calibration_error, fast.spiegelhalter])
def test_p_values_of_true_confidences_are_even(metric):
    rng = np.random.default_rng(11)
    found = []
    for _ in range(400):
        q = rng.random(2000)
        found.append(metric(q, rng.random(2000) < q).p_value)
    # Kolmogorov's distance of 400 even numbers is above 0.081 once in a hundred times
    assert scipy.stats.kstest(found, "uniform").statistic < 0.081


def test_single_precision_is_read_as_it_lies():
    rng = np.random.default_rng(3)
    q = rng.random(5000).astype(np.float32)
    c = rng.random(5000) < q
    for metric in (fast.smooth_ece, fast.brier, fast.log_loss, fast.mmce, fast.signed_gap, fast.auroc, fast.ece):
        assert metric(q, c) == pytest.approx(metric(q.astype(np.float64), c), rel=1e-12)


def test_the_smooth_diagram_is_the_kernel_mean():
    rng = np.random.default_rng(3)
    q = rng.random(400)
    c = rng.random(400) < q**2
    found = fast.smooth_reliability(q, c, sigma=0.07, points=11)
    bell = scipy.stats.norm(scale=0.07).pdf
    kernel = sum(bell(found.confidence[:, None] - s * q - 2 * j) for j in range(-2, 3) for s in (1, -1))
    np.testing.assert_allclose(found.density, kernel.mean(1), rtol=1e-9)
    np.testing.assert_allclose(found.accuracy, kernel @ c / kernel.sum(1), rtol=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fast.smooth_ece(Q, C, sigma=1e-4), "sigma: is 0.0001, must be a finite number of at least 0.001"),
        (lambda: fast.smooth_reliability(Q, C, points=1), "points: is 1, must be a whole number from 2"),
        (lambda: fast.log_loss(Q, C, eps=0.0), "eps: is 0.0, must be a number between 0 and 0.5"),
        (lambda: fast.mmce(Q, C, width=0.0), "width: is 0.0, must be a finite number above 0"),
        (lambda: fast.brier_skill(Q, C, base_rate=2.0), "base_rate: is 2.0, must be a number in \\[0, 1\\]"),
        (lambda: fast.brier_decomposition(Q, C, bins="mass"), 'bins: is "mass", must be one of distinct, width'),
        (lambda: fast.brier_decomposition(Q, C, method="murphi"), "method: is 'murphi', must be one of murphy, corp"),
        (lambda: fast.brier_decomposition(Q, C, method="corp", bins="width"), 'bins: method="corp" has none'),
        (lambda: fast.brier_decomposition(Q, C, bins="sweep"), 'bins: is "sweep", must be one of distinct, width'),
        (lambda: fast.smooth_ece([0.5, 1.5], [True, False]), "confidence: row 1 is 1.5, must be a number in"),
    ],
)
def test_what_makes_no_sense_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
