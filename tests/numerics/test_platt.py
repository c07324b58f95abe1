"""Platt scaling against the minimum itself, SciPy and scikit-learn, known fits, and what must always hold."""

import numpy as np
import pytest
import scipy.optimize
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import expit, xlogy
from sklearn.calibration import _SigmoidCalibration
from sklearn.linear_model import LogisticRegression

from uncal import fast

SCORES = np.array([0.1, 0.4, 0.5, 0.9, 1.2, 1.5, 2, 2.2])
CORRECT = np.array([1, 1, 0, 1, 1, 0, 0, 0], dtype=bool)


def targets(correct, weights=None, smoothing=True):
    if not smoothing:
        return correct.astype(float)
    weights = np.ones(len(correct)) if weights is None else weights
    right, wrong = weights[correct].sum(), weights[~correct].sum()
    return np.where(correct, (right + 1) / (right + 2), 1 / (wrong + 2))


def loss(fit, scores, target, weights=1.0):
    p = expit(fit[0] * scores + fit[1])
    return -np.sum(weights * (xlogy(target, p) + xlogy(1 - target, 1 - p)))


def newton(scores, target, weights):
    """The minimum by plain Newton steps in centred scores, to rounding."""
    centre, spread = scores.mean(), np.abs(scores - scores.mean()).max()
    design = np.column_stack([(scores - centre) / spread, np.ones(len(scores))])
    at = np.zeros(2)
    for _ in range(60):
        p = expit(design @ at)
        gradient = design.T @ (weights * (p - target))
        at = at - np.linalg.solve((design.T * (weights * p * (1 - p))) @ design, gradient)
    return at[0] / spread, at[1] - at[0] * centre / spread


def exact(*args, **options):
    """To the minimum, as far as rounding lets it."""
    return fast.fit_platt(*args, **options, tol=0)


def data(k, seed=0):
    rng = np.random.default_rng(seed)
    scores = rng.normal(1.0, 0.7, size=k)
    return scores, rng.uniform(size=k) < expit(1.5 - 1.2 * scores)


@pytest.mark.parametrize("smoothing", [True, False])
@pytest.mark.parametrize("k", [20, 500, 40_000])
@pytest.mark.parametrize("weighted", [True, False])
def test_the_fit_is_the_minimum(smoothing, k, weighted):
    scores, correct = data(k)
    weights = np.random.default_rng(1).uniform(0.1, 3, size=k) if weighted else None
    fit = exact(scores, correct, weights=weights, smoothing=smoothing)
    each = np.ones(k) if weights is None else weights
    slope, intercept = newton(scores, targets(correct, each, smoothing), each)
    assert fit.converged
    np.testing.assert_allclose([fit.slope, fit.intercept], [slope, intercept], rtol=1e-10)


def test_scipy_finds_nothing_lower():
    scores, correct = data(300, seed=2)
    target = targets(correct)
    fit = exact(scores, correct)
    best = scipy.optimize.minimize(loss, [0.0, 0.0], args=(scores, target), method="BFGS", options={"gtol": 1e-7})
    assert loss(fit[:2], scores, target) <= best.fun + 1e-12
    np.testing.assert_allclose(fit[:2], best.x, rtol=1e-6)  # as far as a gradient of 1e-7 goes


def test_scikit_learn_agrees_with_smoothing():
    scores, correct = data(2000, seed=3)
    theirs = _SigmoidCalibration().fit(scores, correct)
    fit = exact(scores, correct)
    # theirs stops L-BFGS early, so agreement is to its tolerance
    np.testing.assert_allclose([fit.slope, fit.intercept], [-theirs.a_, -theirs.b_], rtol=1e-4)


def test_scikit_learn_agrees_without_smoothing():
    scores, correct = data(2000, seed=4)
    theirs = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12).fit(scores[:, None], correct)
    fit = exact(scores, correct, smoothing=False)
    np.testing.assert_allclose([fit.slope, fit.intercept], [theirs.coef_[0, 0], theirs.intercept_[0]], rtol=1e-8)


def test_known_minima():
    fit = exact(SCORES, CORRECT)
    np.testing.assert_allclose([fit.slope, fit.intercept], [-1.3174516117, 1.4369494360], rtol=0, atol=1e-9)
    np.testing.assert_allclose(loss(fit[:2], SCORES, targets(CORRECT)), 4.7996665823, rtol=0, atol=1e-9)
    four = exact([0, 1, 2, 3], [1, 1, 0, 0])
    np.testing.assert_allclose([four.slope, four.intercept], [-0.9081842625, 1.3622763938], rtol=0, atol=1e-9)
    plain = exact(SCORES, CORRECT, smoothing=False)
    np.testing.assert_allclose([plain.slope, plain.intercept], [-2.4246895468, 2.6048521093], rtol=0, atol=1e-9)


def test_by_default_it_ends_where_libsvm_does():
    fit = fast.fit_platt(SCORES, CORRECT)
    np.testing.assert_allclose([-fit.slope, -fit.intercept], [1.3174463517, -1.4369448458], rtol=0, atol=1e-9)
    known = [0.78670887, 0.71299327, 0.68529672, 0.56248245, 0.46406437, 0.36836796, 0.23184048, 0.18824762]
    np.testing.assert_allclose(expit(fit.slope * SCORES + fit.intercept), known, rtol=0, atol=1e-8)
    four = fast.fit_platt([0, 1, 2, 3], [1, 1, 0, 0])
    np.testing.assert_allclose([-four.slope, -four.intercept], [0.9081774222, -1.3622661333], rtol=0, atol=1e-9)
    assert fast.fit_platt(SCORES, CORRECT, smoothing=False) == exact(SCORES, CORRECT, smoothing=False)
    assert fit.converged
    assert fit.iterations < exact(SCORES, CORRECT).iterations


def test_the_default_is_as_near_the_minimum_as_it_says():
    for k in (8, 20, 500, 40_000):
        scores, correct = (SCORES, CORRECT) if k == 8 else data(k)
        fit, best = fast.fit_platt(scores, correct), exact(scores, correct)
        np.testing.assert_allclose(fit[:2], best[:2], rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [2**18, 1_000_003])
def test_many_rows_end_within_a_thousandth_of_a_standard_error(k, dtype):
    scores, correct = data(k, seed=5)
    scores = scores.astype(dtype)
    fit, best = fast.fit_platt(scores, correct), exact(scores, correct)
    design = np.column_stack([scores.astype(float), np.ones(k)])
    p = expit(design @ np.array(best[:2]))
    errors = np.sqrt(np.diag(np.linalg.inv((design.T * (p * (1 - p))) @ design)))
    assert fit.converged
    assert (np.abs(np.subtract(fit[:2], best[:2])) < 1e-3 * errors).all()
    assert loss(fit[:2], design[:, 0], targets(correct)) <= loss(best[:2], design[:, 0], targets(correct)) + 1e-6
    assert fast.fit_platt(scores, correct, threads=2) == fast.fit_platt(scores, correct, threads=1) == fit


def test_a_tolerance_that_is_none_is_refused():
    for tol in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match=r"tol: is .*, must be a finite number of at least 0"):
            fast.fit_platt(SCORES, CORRECT, tol=tol)


def test_one_class_gives_its_smoothed_share():
    for correct, p in [([1, 1, 1], 4 / 5), ([0, 0, 0], 1 / 5)]:
        fit = exact([0, 1, 2], correct)
        assert fit.slope == 0
        assert fit.converged
        np.testing.assert_allclose(expit(fit.intercept), p, rtol=1e-15)


def test_constant_scores_give_the_mean_target():
    fit = exact([1, 1, 1, 1], [1, 0, 1, 1])
    assert fit.slope == 0
    assert fit.converged
    np.testing.assert_allclose(expit(fit.intercept), 0.6833333333333333, rtol=1e-15)
    np.testing.assert_allclose(expit(fit.intercept), targets(np.array([1, 0, 1, 1], dtype=bool)).mean(), rtol=1e-15)


@pytest.mark.parametrize(
    ("scores", "correct"),
    [
        ([0, 1, 2, 3], [0, 0, 1, 1]),
        ([0, 1, 1, 2], [0, 0, 1, 1]),
        ([5, 6], [1, 0]),
        ([1, 2, 3], [1, 1, 1]),
        ([4, 4], [0, 0]),
    ],
)
def test_without_smoothing_what_has_no_finite_best_is_flagged_not_raised(scores, correct):
    fit = exact(scores, correct, smoothing=False)
    assert not fit.converged
    assert np.isfinite([fit.slope, fit.intercept]).all()
    confidence = expit(fit.slope * np.array(scores) + fit.intercept)
    clear = [0, 3] if len(scores) == 4 else range(len(scores))
    assert all((confidence[i] > 0.99) == bool(correct[i]) for i in clear)
    assert exact(scores, correct).converged  # targets inside (0, 1) always have a best curve


def test_overlap_in_one_more_row_converges():
    assert exact([0, 1, 1, 2], [0, 1, 0, 1], smoothing=False).converged is False
    assert exact([0, 1, 2, 3], [0, 1, 0, 1], smoothing=False).converged is True


@pytest.mark.parametrize("scale", [1e-300, 1e-100, 1e-8, -1.0, 1e8, 1e100, 1e300])
def test_the_scale_of_scores_does_not_matter(scale):
    scores, correct = data(200, seed=5)
    base, moved = exact(scores, correct), exact(scores * scale, correct)
    assert moved.converged
    ours = expit(moved.slope * (scores * scale) + moved.intercept)
    np.testing.assert_allclose(ours, expit(base.slope * scores + base.intercept), rtol=1e-12)


def test_a_large_offset_costs_no_more_than_its_rounding():
    rng = np.random.default_rng(6)
    scores = rng.integers(0, 1024, size=400) / 256  # so that adding 1e8 is exact
    correct = rng.uniform(size=400) < expit(2 - scores)
    base, moved = exact(scores, correct), exact(scores + 1e8, correct)
    assert moved.converged
    np.testing.assert_allclose(moved.slope, base.slope, rtol=1e-12)
    # slope * 1e8 + intercept cancels to O(1), which leaves 1e8 * 2e-16
    ours = expit(moved.slope * (scores + 1e8) + moved.intercept)
    np.testing.assert_allclose(ours, expit(base.slope * scores + base.intercept), rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    "scores",
    [
        [1.7e308, -1.7e308, 1, 2],
        [1e300, 1, 2, 3],
        [5e-324, 0, 5e-324, 0],
        [1e-310, -1e-310, 0, 2e-310],
        [1, 1, 1, np.nextafter(1, 2)],
        [-0.0, 0.0, -0.0, 0.0],
        [1e-300, 1e300, -1e300, 0],
    ],
)
@pytest.mark.parametrize("correct", [[1, 0, 1, 0], [1, 0, 0, 1], [0, 0, 0, 1]])
@pytest.mark.parametrize("smoothing", [True, False])
def test_hostile_scores_end_with_finite_numbers(scores, correct, smoothing):
    fit = exact(scores, correct, smoothing=smoothing)
    assert np.isfinite([fit.slope, fit.intercept]).all()
    assert 0 <= fit.iterations <= 100


def test_a_rare_verdict_is_fitted_to_the_same_digits():
    rng = np.random.default_rng(7)
    scores = rng.normal(size=50_000)
    correct = np.zeros(50_000, dtype=bool)
    correct[np.argsort(scores)[[30_000, 45_000]]] = True
    fit = exact(scores, correct, smoothing=False)
    assert fit.converged
    residual = expit(fit.slope * scores + fit.intercept) - correct
    assert abs(residual.sum()) < 1e-11
    assert abs((residual * scores).sum()) < 1e-11


scored = st.lists(
    st.tuples(st.floats(-20, 20).map(lambda x: round(x, 2)), st.booleans(), st.integers(0, 3)), min_size=1, max_size=40
)
quick = settings(max_examples=80, deadline=None)


def columns(rows):
    scores, correct, weights = zip(*rows, strict=True)
    return np.array(scores), np.array(correct), np.array(weights, dtype=float)


@quick
@given(scored, st.sampled_from([-3.0, 0.01, 7.0]), st.floats(-50, 50))
def test_refitting_moved_scores_gives_the_same_confidences(rows, scale, shift):
    scores, correct, _ = columns(rows)
    fit, moved = exact(scores, correct), exact(scale * scores + shift, correct)
    ours = expit(moved.slope * (scale * scores + shift) + moved.intercept)
    expected = expit(fit.slope * scores + fit.intercept)
    if np.ptp(scores) > 0.005:  # hundredths that move to the same float are another problem
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-7)


@quick
@given(scored)
def test_weights_repeat_rows(rows):
    scores, correct, weights = columns(rows)
    assume(weights.any())
    times = weights.astype(int)
    weighted = exact(scores, correct, weights=weights)
    repeated = exact(np.repeat(scores, times), np.repeat(correct, times))
    assert weighted.converged
    assert repeated.converged
    p = expit(weighted.slope * scores + weighted.intercept)
    np.testing.assert_allclose(p, expit(repeated.slope * scores + repeated.intercept), rtol=0, atol=1e-9)


@quick
@given(scored)
def test_the_mean_confidence_is_the_mean_target(rows):
    scores, correct, _ = columns(rows)
    fit = exact(scores, correct)
    assert fit.converged
    p = expit(fit.slope * scores + fit.intercept)
    np.testing.assert_allclose(p.mean(), targets(correct).mean(), rtol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("smoothing", [True, False])
def test_a_few_looks_at_many_rows_find_the_minimum(dtype, smoothing):
    scores, correct = data(300_001, seed=9)
    scores = (scores + 3).astype(dtype)
    wide, target = scores.astype(np.float64), targets(correct, smoothing=smoothing)
    best = newton(wide, target, np.ones(len(wide)))
    for tol, near in [(1e-5, 1e-9), (0, 1e-11)]:
        fit = fast.fit_platt(scores, correct, smoothing=smoothing, tol=tol)
        assert fit.converged
        np.testing.assert_allclose(fit[:2], best, rtol=near)
        assert fit == fast.fit_platt(scores, correct, smoothing=smoothing, tol=tol, threads=7)
        miss = expit(fit.slope * wide + fit.intercept) - target
        assert np.abs([miss.sum(), miss @ wide]).max() < 1e-4  # 1e-5 in the scores' own place and unit


@pytest.mark.parametrize("rows", ["sorted", "separated", "spiked", "far"])
def test_many_rows_in_bad_order_or_shape_are_fitted_too(rows):
    scores, correct = data(300_000, seed=10)
    if rows == "sorted":
        order = np.argsort(scores)
        scores, correct = scores[order], correct[order]
    elif rows == "separated":
        correct = scores > 1
    elif rows == "spiked":
        scores = np.where(np.arange(300_000) == 1000, 1e9, scores)
    else:
        scores = scores + 1e7
    fit = exact(scores, correct)
    each = np.ones(len(scores))
    known = exact(scores, correct, weights=each)  # rows with weights take another way
    assert fit.converged
    ours, theirs = (expit(f.slope * scores + f.intercept) for f in (fit, known))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-7)
    plain = fast.fit_platt(scores, correct)  # confidences have standard errors of about 1e-3, far more near a spike
    near = 1e-2 if rows == "spiked" else 1e-6
    np.testing.assert_allclose(expit(plain.slope * scores + plain.intercept), theirs, rtol=0, atol=near)


@pytest.mark.parametrize("threads", [2, 7])
def test_threads_change_no_bit(threads):
    scores, correct = data(100_000, seed=8)
    assert exact(scores, correct, threads=1) == exact(scores, correct, threads=threads)
