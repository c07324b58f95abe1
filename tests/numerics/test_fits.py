"""Isotonic regression, temperature, beta, histogram, Venn-Abers and Platt with an atom: against their definitions,
scikit-learn and SciPy, known fits, and what must always hold."""

import warnings

import numpy as np
import pytest
import scipy.optimize
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from uncal import fast

Q = np.array([0.05, 0.1, 0.2, 0.3, 0.35, 0.4, 0.55, 0.6, 0.7, 0.8, 0.9, 0.95])
C = np.array([0, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 1], dtype=bool)
EPS = 2.220446049250313e-16

quick = settings(max_examples=60, deadline=None)
scored = st.lists(
    st.tuples(st.floats(-20, 20).map(lambda x: round(x, 1)), st.booleans(), st.integers(0, 3)), min_size=1, max_size=40
)
confident = st.lists(
    st.tuples(st.integers(0, 20).map(lambda x: x / 20), st.booleans(), st.integers(0, 3)), min_size=1, max_size=40
)
finite = st.floats(allow_nan=False, allow_infinity=False)
hostile = st.lists(
    st.tuples(st.one_of(finite, st.sampled_from([0.0, -0.0, 1e300, -1e300, 5e-324, 1e8, 1e8 + 1e-7])), st.booleans()),
    min_size=1,
    max_size=20,
)


def columns(rows):
    values, correct, weights = zip(*rows, strict=True)
    return np.array(values), np.array(correct), np.array(weights, dtype=float)


def repeated(values, correct, weights):
    times = weights.astype(int)
    return np.repeat(values, times), np.repeat(correct, times)


def data(k, seed=0, distinct=None):
    rng = np.random.default_rng(seed)
    scores = rng.normal(1.0, 0.7, size=k) if distinct is None else rng.integers(0, distinct, size=k) / distinct
    return scores, rng.uniform(size=k) < expit(1.5 - 1.2 * scores + np.sin(5 * scores))


def theirs(scores, correct, weights=None, increasing=True):
    fit = IsotonicRegression(increasing=increasing, out_of_bounds="clip")
    return fit.fit(scores, correct.astype(float), sample_weight=weights)


def curve(fit, scores):
    return np.interp(scores, fit.x, fit.y)


# isotonic


@pytest.mark.parametrize("increasing", [True, False])
@pytest.mark.parametrize("distinct", [None, 7, 3000])
@pytest.mark.parametrize("k", [1, 2, 30, 1000, 100_000])
def test_isotonic_blocks_are_those_of_scikit_learn(k, distinct, increasing):
    scores, correct = data(k, seed=k, distinct=distinct)
    fit, known = fast.fit_isotonic(scores, correct, increasing=increasing), theirs(scores, correct, None, increasing)
    assert fit.increasing is increasing
    np.testing.assert_array_equal(fit.x, known.X_thresholds_)
    np.testing.assert_allclose(fit.y, known.y_thresholds_, rtol=1e-12, atol=1e-15)


def test_isotonic_blocks_of_weighted_rows_are_those_of_scikit_learn():
    scores, correct = data(5000, seed=1, distinct=900)
    weights = np.random.default_rng(2).integers(1, 9, size=5000) / 4
    fit, known = (
        fast.fit_isotonic(scores, correct, weights=weights),
        theirs(scores, correct, weights, increasing="auto"),
    )
    np.testing.assert_array_equal(fit.x, known.X_thresholds_)
    np.testing.assert_allclose(fit.y, known.y_thresholds_, rtol=1e-12)
    weights[::3] = 0
    fit, known = (
        fast.fit_isotonic(scores, correct, weights=weights),
        theirs(scores, correct, weights, increasing="auto"),
    )
    np.testing.assert_array_equal(fit.x, known.X_thresholds_)
    np.testing.assert_allclose(fit.y, known.y_thresholds_, rtol=1e-12)


def test_isotonic_by_hand():
    fit = fast.fit_isotonic(range(5), [0, 1, 0, 1, 1])
    np.testing.assert_array_equal(fit.y, [0, 0.5, 0.5, 1, 1])
    assert fit.increasing
    fit = fast.fit_isotonic(range(5), [0, 1, 0, 1, 1], centered=True)
    np.testing.assert_array_equal(fit.x, [0, 1.5, 3.5])
    np.testing.assert_array_equal(fit.y, [0, 0.5, 1])


def test_centred_knots_are_the_mean_scores_of_the_blocks():
    scores, correct = data(3000, seed=3)
    weights = np.random.default_rng(4).uniform(0.1, 2, size=3000)
    blocks = fast.fit_isotonic(scores, correct, weights=weights)
    fit = fast.fit_isotonic(scores, correct, weights=weights, centered=True)
    levels = np.unique(blocks.y)
    assert not fit.increasing
    np.testing.assert_array_equal(np.sort(fit.y), levels)
    value = curve(blocks, scores)
    for x, y in zip(fit.x, fit.y, strict=True):
        rows = np.isclose(value, y, rtol=1e-13, atol=0)
        np.testing.assert_allclose(x, np.average(scores[rows], weights=weights[rows]), rtol=1e-11)
    assert (np.diff(fit.x) > 0).all()
    assert (np.diff(fit.y) < 0).all()


def test_the_direction_is_that_of_the_auroc():
    for k in range(40):
        scores, correct = data(12, seed=k, distinct=5)
        area = fast.auroc(scores, correct)
        assert fast.fit_isotonic(scores, correct).increasing == (not area < 0.5)
        assert fast.fit_venn_abers(scores, correct).increasing == (not area < 0.5)
    assert fast.fit_isotonic([1, 2], [1, 1]).increasing


def test_float32_scores_are_the_numbers_that_they_are():
    scores, correct = data(20_000, seed=5)
    single = scores.astype(np.float32)
    for name in ("fit_isotonic", "fit_venn_abers", "fit_platt", "fit_platt_atom"):
        fit = getattr(fast, name)
        for ours, known in zip(fit(single, correct), fit(single.astype(np.float64), correct), strict=True):
            np.testing.assert_array_equal(ours, known)
    q = expit(single)
    for name in ("fit_temperature", "fit_beta"):
        fit = getattr(fast, name)
        np.testing.assert_allclose(fit(q, correct), fit(q.astype(np.float64), correct), rtol=1e-13)


@quick
@given(scored, st.booleans(), st.booleans())
def test_isotonic_is_monotone_within_range_and_lowers_the_brier_score(rows, increasing, centered):
    scores, correct, weights = columns(rows)
    assume(weights.any())
    fit = fast.fit_isotonic(scores, correct, weights=weights, increasing=increasing, centered=centered)
    steps = np.diff(fit.y) if increasing else -np.diff(fit.y)
    assert (np.diff(fit.x) > 0).all()
    assert (steps >= 0).all()
    assert ((fit.y >= 0) & (fit.y <= 1)).all()
    if not centered:
        share = np.average(correct, weights=weights)
        mse = np.average((curve(fit, scores) - correct) ** 2, weights=weights)
        assert mse <= np.average((share - correct) ** 2, weights=weights) + 1e-12
        np.testing.assert_allclose(np.average(curve(fit, scores), weights=weights), share, atol=1e-12)


@quick
@given(scored, st.sampled_from(["fit_isotonic", "fit_venn_abers"]))
def test_a_rising_map_of_the_scores_changes_nothing(rows, name):
    scores, correct, _ = columns(rows)
    moved = np.exp(scores / 7)
    fit, other = getattr(fast, name)(scores, correct), getattr(fast, name)(moved, correct)
    for a, b in zip(fit[1:], other[1:], strict=True):
        np.testing.assert_array_equal(a, b)


@quick
@given(scored)
def test_weights_repeat_rows_in_fits_of_scores(rows):
    scores, correct, weights = columns(rows)
    assume(weights.any())
    rows = repeated(scores, correct, weights)
    for fit in (fast.fit_isotonic, fast.fit_venn_abers, lambda *a, **o: fast.fit_isotonic(*a, **o, centered=True)):
        for a, b in zip(fit(scores, correct, weights=weights), fit(*rows), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
    weighted, plain = fast.fit_platt_atom(scores, correct, weights=weights, tol=0), fast.fit_platt_atom(*rows, tol=0)
    assert weighted.atom == plain.atom
    np.testing.assert_allclose(weighted[1:3], plain[1:3], rtol=1e-14)
    ours, known = (expit(fit.slope * scores + fit.intercept) for fit in (weighted, plain))
    np.testing.assert_allclose(ours, known, atol=1e-9)


# Venn-Abers


def naive(scores, correct, weights, increasing, at):
    """Two fits of scikit-learn's isotonic regression for each score."""
    found = []
    for score in at:
        both = []
        for verdict in (0.0, 1.0):
            fit = theirs(
                np.append(scores, score), np.append(correct, verdict), np.append(weights, 1.0), increasing=increasing
            )
            both.append(fit.predict([score])[0])
        found.append(both)
    return np.array(found).T


@quick
@given(scored, st.booleans())
def test_venn_abers_is_two_fits_of_isotonic_regression(rows, increasing):
    scores, correct, weights = columns(rows)
    assume(weights.any())
    fit = fast.fit_venn_abers(scores, correct, weights=weights, increasing=increasing)
    at = np.concatenate([scores, scores + 0.05, [-30, 30]])
    kept = weights > 0
    p0, p1, p = fast.venn_abers(fit, at)
    np.testing.assert_allclose(
        [p0, p1], naive(scores[kept], correct[kept], weights[kept], increasing, at), rtol=1e-12, atol=1e-12
    )
    np.testing.assert_allclose(p, p1 / (1 - p0 + p1), rtol=1e-15)
    assert (p0 <= p).all()
    assert (p <= p1).all()
    assert ((p > 0) & (p < 1)).all()
    order = np.argsort(at if increasing else -at)
    for column in (p0, p1, p):
        assert (np.diff(column[order]) >= 0).all()


def test_known_venn_abers_probabilities():
    scores, correct = [0.1, 0.2, 0.35, 0.4, 0.6, 0.7, 0.8, 0.9], [0, 0, 1, 0, 1, 0, 1, 1]
    found = np.column_stack(fast.venn_abers(fast.fit_venn_abers(scores, correct), [0.05, 0.4, 0.5, 0.95]))
    third = 1 / 3
    known = [[0, third, 0.25], [third, 0.6, 0.4736842105], [third, 2 * third, 0.5], [2 * third, 1, 0.75]]
    np.testing.assert_allclose(found, known, rtol=0, atol=1e-10)


def test_venn_abers_of_many_rows_is_the_definition():
    scores, correct = data(100_000, seed=6)
    fit = fast.fit_venn_abers(scores, correct)
    at = np.array([-2, -0.5, 0.1, 0.7, 1.3, 1.9, 2.4, scores[17], scores[4000], 6.0])
    p0, p1, _ = fast.venn_abers(fit, at)
    np.testing.assert_allclose([p0, p1], naive(scores, correct, np.ones(100_000), False, at), rtol=1e-10, atol=1e-12)


def test_a_fit_of_the_wrong_shape_is_refused():
    fit = fast.fit_venn_abers([1.0, 2.0], [False, True])
    with pytest.raises(ValueError, match="fit: p0 and p1 must have one entry more than x"):
        fast.venn_abers(fit._replace(p1=fit.p1[1:]), [1.0])
    with pytest.raises(ValueError, match="scores: row 1 is NaN, must be finite"):
        fast.venn_abers(fit, [1.0, np.nan])


# temperature


def log_loss(p, correct, weights=1.0):
    return -np.sum(weights * np.log(np.where(correct, p, 1 - p)))


def test_known_temperature():
    fit = fast.fit_temperature(Q, C)
    np.testing.assert_allclose(fit.temperature, 1.377064518512, rtol=1e-11)
    np.testing.assert_allclose(log_loss(expit(logit(Q) / fit.temperature), C) / 12, 0.5635530639, atol=1e-9)
    assert fit.converged


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("k", [20, 3000, 50_000])
def test_the_temperature_is_the_minimum(k, weighted):
    rng = np.random.default_rng(k)
    q = expit(rng.normal(0.3, 2, size=k))
    correct = rng.uniform(size=k) < expit(logit(q) / 1.7)
    weights = rng.uniform(0, 2, size=k) if weighted else None
    fit = fast.fit_temperature(q, correct, weights=weights)
    features = logit(np.clip(q, 1e-6, 1 - 1e-6))
    each = np.ones(k) if weights is None else weights
    slope = np.sum(each * (expit(features / fit.temperature) - correct) * features)
    assert fit.converged
    assert abs(slope) < 1e-10 * k
    known = scipy.optimize.brentq(lambda b: np.sum(each * (expit(features * b) - correct) * features), 0.01, 50)
    np.testing.assert_allclose(1 / fit.temperature, known, rtol=1e-10)


def test_scikit_learn_finds_the_same_temperature():
    rng = np.random.default_rng(9)
    q = expit(rng.normal(0, 2, size=5000))
    correct = rng.uniform(size=5000) < expit(logit(q) / 0.6)
    model = LogisticRegression(C=np.inf, fit_intercept=False, solver="newton-cholesky", tol=1e-12)
    slope = model.fit(logit(q)[:, None], correct).coef_[0, 0]
    np.testing.assert_allclose(1 / fast.fit_temperature(q, correct, eps=1e-15).temperature, slope, rtol=1e-9)


def test_temperature_keeps_the_order_of_confidences():
    rng = np.random.default_rng(10)
    q = rng.uniform(size=2000)
    correct = rng.uniform(size=2000) < q**2
    fit = fast.fit_temperature(q, correct)
    assert fast.auroc(expit(logit(q) / fit.temperature), correct) == fast.auroc(q, correct)


# beta


def features(q, variant):
    q = np.clip(q, EPS, 1 - EPS)
    a, b = np.log(q), -np.log1p(-q)
    if variant == "abm":
        return np.column_stack([a, b, np.ones(len(q))])
    if variant == "am":
        return np.column_stack([a + b, np.ones(len(q))])
    return np.column_stack([a + np.log(2), b - np.log(2)])


def odds(fit, q):
    q = np.clip(q, EPS, 1 - EPS)
    return fit.a * np.log(q) - fit.b * np.log1p(-q) + fit.c


def test_known_beta():
    fit = fast.fit_beta(Q, C)
    np.testing.assert_allclose(fit[:3], [0.78220432004, 0.67256966831, 0.12988415015], rtol=0, atol=1e-10)


@pytest.mark.parametrize("variant", ["abm", "am", "ab"])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("k", [40, 3000, 50_000])
def test_the_beta_curve_is_the_minimum(k, weighted, variant):
    rng = np.random.default_rng(k)
    q = rng.beta(2, 1.5, size=k)
    correct = rng.uniform(size=k) < expit(0.7 * np.log(q) - 1.4 * np.log1p(-q) - 0.3)
    weights = rng.uniform(0, 2, size=k) if weighted else None
    each = np.ones(k) if weights is None else weights
    fit = fast.fit_beta(q, correct, weights=weights, variant=variant)
    assert fit.converged
    assert fit.a > 0
    assert fit.b > 0
    gradient = features(q, variant).T @ (each * (expit(odds(fit, q)) - correct))
    np.testing.assert_allclose(gradient, 0, atol=1e-10 * k)


@pytest.mark.parametrize("variant", ["abm", "am", "ab"])
def test_scikit_learn_finds_the_same_beta_curve(variant):
    rng = np.random.default_rng(11)
    q = rng.uniform(0.02, 0.98, size=4000)
    correct = rng.uniform(size=4000) < expit(0.8 * np.log(q) - 1.2 * np.log1p(-q))
    design = features(q, variant)
    model = LogisticRegression(C=np.inf, fit_intercept=False, solver="newton-cholesky", tol=1e-12).fit(design, correct)
    ours = expit(odds(fast.fit_beta(q, correct, variant=variant), q))
    np.testing.assert_allclose(ours, expit(design @ model.coef_[0]), rtol=0, atol=1e-9)


@quick
@given(confident, st.sampled_from(["abm", "am", "ab"]))
def test_no_rising_beta_curve_is_better(rows, variant):
    q, correct, _ = columns(rows)
    fit = fast.fit_beta(q, correct, variant=variant)
    assert np.isfinite(fit[:3]).all()
    assert fit.a >= 0
    assert fit.b >= 0
    if not fit.converged:
        return
    ours = log_loss(np.clip(expit(odds(fit, q)), 1e-300, 1), correct) if len(set(correct)) > 1 else 0
    design = features(q, variant)
    free = variant != "ab"
    slopes = design.shape[1] - free
    result = scipy.optimize.minimize(
        lambda t: np.sum(np.logaddexp(0, design @ t) - correct * (design @ t)),
        np.ones(design.shape[1]) * 0.5,
        method="L-BFGS-B",
        bounds=[(0, None)] * slopes + [(None, None)] * free,
    )
    assert ours <= result.fun + 1e-7 * len(q)


@pytest.mark.parametrize("variant", ["abm", "am", "ab"])
@pytest.mark.parametrize(
    ("q", "correct"),
    [([0.1, 0.2, 0.7, 0.9], [0, 0, 1, 1]), ([0, 1], [0, 1]), ([0.2, 0.5, 0.5, 0.8], [0, 0, 1, 1])],
)
def test_a_beta_curve_that_cannot_be_steep_enough_is_flagged_not_raised(q, correct, variant):
    fit = fast.fit_beta(q, correct, variant=variant)
    assert not fit.converged
    assert np.isfinite(fit[:3]).all()


@quick
@given(confident, st.sampled_from(["abm", "am", "ab"]))
def test_weights_repeat_rows_in_fits_of_confidences(rows, variant):
    q, correct, weights = columns(rows)
    assume(weights.any())
    rows = repeated(q, correct, weights)
    weighted, plain = fast.fit_temperature(q, correct, weights=weights), fast.fit_temperature(*rows)
    assert weighted.converged == plain.converged
    np.testing.assert_allclose(weighted.temperature, plain.temperature, rtol=1e-9)
    weighted, plain = fast.fit_beta(q, correct, weights=weights, variant=variant), fast.fit_beta(*rows, variant=variant)
    if weighted.converged and plain.converged:
        np.testing.assert_allclose(expit(odds(weighted, rows[0])), expit(odds(plain, rows[0])), atol=1e-7)
    for bins in ("width", "mass", "distinct", "sweep"):
        ours = fast.fit_histogram(q, correct, weights=weights, bins=bins, n_bins=4, smoothing=0.5)
        known = fast.fit_histogram(*rows, bins=bins, n_bins=4, smoothing=0.5)
        np.testing.assert_allclose(ours.edges, known.edges, rtol=1e-15)
        np.testing.assert_allclose(ours.value, known.value, rtol=1e-13)


# histogram


@pytest.mark.parametrize("bins", ["width", "mass", "distinct", "sweep"])
def test_a_bin_is_the_share_of_right_answers_in_it(bins):
    rng = np.random.default_rng(12)
    q = rng.integers(0, 101, size=500) / 100
    q = q[(q < 0.4) | (q > 0.6)]  # so that bins are empty
    correct = rng.uniform(size=len(q)) < q
    edges, value = fast.fit_histogram(q, correct, n_bins=10, bins=bins)
    place = np.maximum(np.searchsorted(edges, q) - 1, 0)
    for k in range(len(value)):
        rows = place == k
        expected = correct[rows].mean() if rows.any() else (edges[k] + edges[k + 1]) / 2
        np.testing.assert_allclose(value[k], expected, rtol=1e-14)
        smooth = fast.fit_histogram(q, correct, n_bins=10, bins=bins, smoothing=2.0).value[k]
        if rows.any():
            np.testing.assert_allclose(smooth, (correct[rows].sum() + 2) / (rows.sum() + 4), rtol=1e-14)


@quick
@given(confident)
def test_bins_of_a_sweep_are_those_of_its_diagram(rows):
    q, correct, weights = columns(rows)
    assume(weights.any())
    edges, value = fast.fit_histogram(q, correct, weights=weights, bins="sweep")
    diagram = fast.reliability(q, correct, weights=weights, bins="sweep")
    np.testing.assert_array_equal(edges, diagram.edges)
    np.testing.assert_allclose(value, diagram.accuracy, rtol=1e-12)
    assert (np.diff(value) >= -1e-12).all()


def test_a_confidence_on_an_edge_is_fitted_where_it_is_looked_up():
    edges, value = fast.fit_histogram([0.25, 0.5, 0.5, 0.75], [1, 0, 0, 1], n_bins=4)
    assert value[np.searchsorted(edges, 0.5) - 1] == 0.0
    assert value[np.searchsorted(edges, 0.75) - 1] == 1.0


# Platt with an atom


def test_the_atom_has_its_own_share():
    rng = np.random.default_rng(13)
    scores = np.where(rng.uniform(size=4000) < 0.3, 0.0, rng.exponential(size=4000))
    correct = rng.uniform(size=4000) < np.where(scores == 0, 0.6, expit(2 - 2 * scores))
    fit = fast.fit_platt_atom(scores, correct)
    on = scores == 0
    assert fit.atom == 0
    assert fit.atom_count == on.sum()
    np.testing.assert_allclose(fit.atom_confidence, (correct[on].sum() + 1) / (on.sum() + 2), rtol=1e-15)
    assert fit[3:] == fast.fit_platt(scores[~on], correct[~on])
    plain = fast.fit_platt_atom(scores, correct, smoothing=False)
    np.testing.assert_allclose(plain.atom_confidence, correct[on].mean(), rtol=1e-15)
    assert plain[3:] == fast.fit_platt(scores[~on], correct[~on], smoothing=False)


def test_the_most_common_score_is_the_atom_from_a_tenth_on():
    scores, correct = np.arange(20.0), np.arange(20) % 3 == 0
    assert fast.fit_platt_atom(scores, correct).atom is None
    scores[7] = scores[11]
    assert fast.fit_platt_atom(scores, correct).atom == 11
    scores[3] = scores[5]
    assert fast.fit_platt_atom(scores, correct).atom == 5
    assert fast.fit_platt_atom(scores, correct, atom=2).atom == 2
    missing = fast.fit_platt_atom(scores, correct, atom=2.5)
    assert missing.atom is None
    assert np.isnan(missing.atom_confidence)
    assert missing[3:] == fast.fit_platt(scores, correct)


@pytest.mark.parametrize("smoothing", [True, False])
@pytest.mark.parametrize("size", range(1, 12))
def test_of_ten_scores_that_differ_the_lowest_is_the_atom_and_of_eleven_none(size, smoothing):
    scores, correct = np.arange(size)[::-1] + 1.0, np.arange(size) % 3 == 0
    fit = fast.fit_platt_atom(scores, correct, smoothing=smoothing)
    if size > 10:
        assert fit.atom is None
        assert fit[3:] == fast.fit_platt(scores, correct, smoothing=smoothing)
        return
    assert (fit.atom, fit.atom_count) == (1.0, 1.0)
    assert fit.atom_confidence == ((correct[-1] + 1) / 3 if smoothing else correct[-1])
    if size > 1:
        assert fit[3:] == fast.fit_platt(scores[:-1], correct[:-1], smoothing=smoothing)


@pytest.mark.parametrize("correct", [[True], [False], [True, False], [False, False]])
def test_a_curve_beside_an_atom_of_all_rows_is_level_at_its_confidence(correct):
    for smoothing in (True, False):
        fit = fast.fit_platt_atom([0.5] * len(correct), correct, smoothing=smoothing)
        assert (fit.atom, fit.atom_count, fit.slope) == (0.5, len(correct), 0)
        assert expit(fit.intercept) == pytest.approx(fit.atom_confidence, abs=1e-15)


# all of them


@quick
@given(hostile, st.booleans())
def test_no_finite_score_breaks_a_fit(rows, single):
    scores, correct = (np.array(column) for column in zip(*rows, strict=True))
    if single:
        with np.errstate(over="ignore"), warnings.catch_warnings():
            scores = np.clip(scores, -3e38, 3e38).astype(np.float32)
    for smoothing in (True, False):
        fit = fast.fit_platt(scores, correct, smoothing=smoothing, tol=0)
        assert np.isfinite(fit[:2]).all()
        assert np.isfinite(fast.fit_platt_atom(scores, correct, smoothing=smoothing)[3:5]).all()
    for centered in (True, False):
        fit = fast.fit_isotonic(scores, correct, centered=centered)
        assert np.isfinite(fit.x).all()
        assert ((fit.y >= 0) & (fit.y <= 1)).all()
        assert (np.diff(fit.x) > 0).all()
    found = fast.venn_abers(fast.fit_venn_abers(scores, correct), scores)
    assert all(((p >= 0) & (p <= 1)).all() for p in found)


@quick
@given(
    st.lists(
        st.tuples(
            st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1.0, 0.5, 5e-324, 1 - EPS / 2, 1e-17])), st.booleans()
        ),
        min_size=1,
        max_size=20,
    )
)
def test_no_confidence_breaks_a_fit(rows):
    q, correct = (np.array(column) for column in zip(*rows, strict=True))
    fit = fast.fit_temperature(q, correct)
    assert 1e-3 <= fit.temperature <= 1e3
    for variant in ("abm", "am", "ab"):
        fit = fast.fit_beta(q, correct, variant=variant)
        assert np.isfinite(fit[:3]).all()
    for bins in ("width", "mass", "distinct", "sweep"):
        assert ((lambda v: (v >= 0) & (v <= 1))(fast.fit_histogram(q, correct, bins=bins).value)).all()


FITS = {
    "fit_platt": {},
    "fit_platt_atom": {},
    "fit_isotonic": {},
    "fit_venn_abers": {},
    "fit_temperature": {},
    "fit_beta": {},
    "fit_histogram": {"bins": "mass"},
}


@pytest.mark.parametrize("threads", [2, 7])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weighted", [True, False])
def test_threads_change_no_bit(threads, dtype, weighted):
    rng = np.random.default_rng(14)
    q = rng.uniform(size=150_000).astype(dtype)
    correct = rng.uniform(size=150_000) < q
    weights = rng.uniform(size=150_000) if weighted else None
    for name, options in FITS.items():
        fit = getattr(fast, name)
        one = fit(q, correct, weights=weights, threads=1, **options)
        for a, b in zip(one, fit(q, correct, weights=weights, threads=threads, **options), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", FITS)
def test_input_without_sense_is_an_error_that_names_the_argument(name):
    fit = getattr(fast, name)
    first = "scores" if name in ("fit_platt", "fit_platt_atom", "fit_isotonic", "fit_venn_abers") else "confidence"
    with pytest.raises(ValueError, match=f"{first}: empty"):
        fit([], [])
    with pytest.raises(ValueError, match=f"{first}: row 1 is NaN"):
        fit([0.1, np.nan], [True, False])
    with pytest.raises(ValueError, match="correct: has 1 rows, 2 expected"):
        fit([0.1, 0.2], [True])
    with pytest.raises(ValueError, match=r"weights: row 0 is -1\.0"):
        fit([0.1, 0.2], [True, False], weights=[-1, 2])
    if first == "confidence":
        with pytest.raises(ValueError, match=r"confidence: row 0 is 1\.5"):
            fit([1.5, 0.2], [True, False])


def test_settings_without_sense_are_errors():
    for call, text in [
        (lambda: fast.fit_isotonic([1], [1], increasing="up"), "increasing: is 'up', must be True, False or 'auto'"),
        (lambda: fast.fit_isotonic([1], [1], increasing=1), "increasing: is 1, must be True, False or 'auto'"),
        (lambda: fast.fit_isotonic([1], [1], centered=1), "centered: is 1"),
        (lambda: fast.fit_temperature([0.5], [1], eps=0.5), r"eps: is 0\.5, must be a number from"),
        (lambda: fast.fit_beta([0.5], [1], variant="ma"), 'variant: is "ma", must be one of abm, am, ab'),
        (lambda: fast.fit_histogram([0.5], [1], smoothing=-1), "smoothing: is -1"),
        (lambda: fast.fit_histogram([0.5], [1], n_bins=0), "n_bins: is 0"),
        (lambda: fast.fit_platt_atom([0.5], [1], atom=np.inf), "atom: is inf, must be a finite number"),
        (lambda: fast.fit_platt_atom([0.5], [1], atom="0"), "atom: is '0', must be a number"),
    ]:
        with pytest.raises(ValueError, match=text):
            call()
