"""Answers that are right in part, against definitions written out and against as many verdicts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uncal import fast

SOFT = [fast.ece, fast.mce, fast.rmsce, fast.smooth_ece, fast.signed_gap, fast.brier, fast.log_loss]


@st.composite
def rows(draw):
    n = draw(st.integers(1, 50))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    q = rng.random(n) if draw(st.booleans()) else rng.integers(0, 6, n) / 5
    c = rng.random(n) if draw(st.booleans()) else rng.integers(0, 4, n) / 4
    return q, c, rng


@settings(deadline=None, max_examples=60)
@given(rows(), st.integers(1, 12))
def test_scores_are_those_of_their_definitions(data, n_bins):
    q, c, rng = data
    w = rng.random(len(q)) + 0.1
    for weights in (None, w):
        own = np.ones(len(q)) if weights is None else weights
        mean = own / own.sum()
        assert fast.brier(q, c, weights=weights) == pytest.approx(mean @ (q - c) ** 2, abs=1e-12)
        assert fast.signed_gap(q, c, weights=weights) == pytest.approx(mean @ (q - c), abs=1e-12)
        p = np.clip(q, 1e-9, 1 - 1e-9)
        entropy = -mean @ (c * np.log(p) + (1 - c) * np.log1p(-p))
        assert fast.log_loss(q, c, eps=1e-9, weights=weights) == pytest.approx(entropy, rel=1e-9, abs=1e-12)
        place = np.digitize(q, np.linspace(0, 1, n_bins + 1)[1:-1], right=True)
        gaps = np.array([abs(mean[place == b] @ (q - c)[place == b]) for b in range(n_bins)])
        shares = np.array([mean[place == b].sum() for b in range(n_bins)])
        full = shares > 0
        assert fast.ece(q, c, n_bins=n_bins, weights=weights) == pytest.approx(gaps.sum(), abs=1e-12)
        most = (gaps[full] / shares[full]).max()
        assert fast.mce(q, c, n_bins=n_bins, weights=weights) == pytest.approx(most, abs=1e-12)
        square = np.sqrt((gaps[full] ** 2 / shares[full]).sum())
        assert fast.rmsce(q, c, n_bins=n_bins, weights=weights) == pytest.approx(square, abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(rows(), st.sampled_from([0.01, 0.1, 0.4]))
def test_the_smooth_error_is_that_of_the_definition(data, sigma):
    q, c, _ = data
    t = np.linspace(0, 1, 5001)
    bells = sum(
        np.exp(-0.5 * ((t[:, None] - side * q - 2 * turn) / sigma) ** 2) for turn in range(-2, 3) for side in (1, -1)
    ) / (sigma * np.sqrt(2 * np.pi))
    error = np.trapezoid(np.abs(bells @ (q - c)) / len(q), t)
    assert fast.smooth_ece(q, c, sigma=sigma) == pytest.approx(error, abs=2e-5)  # the trapezoids' own error


@settings(deadline=None, max_examples=40)
@given(rows())
def test_quarters_are_four_verdicts(data):
    q, _, rng = data
    quarters = rng.integers(0, 5, len(q))
    many = np.repeat(q, 4), np.concatenate([np.arange(4) < k for k in quarters])
    c = quarters / 4
    for metric in SOFT:
        extra = np.mean(c * (1 - c)) if metric is fast.brier else 0.0
        assert metric(q, c) + extra == pytest.approx(metric(*many), abs=1e-7)
    for bins in ("mass", "distinct", "sweep"):
        assert fast.ece(q, c, bins=bins) == pytest.approx(fast.ece(*many, bins=bins), abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(rows())
def test_order_does_not_matter_and_whole_answers_are_verdicts(data):
    q, c, rng = data
    order = rng.permutation(len(q))
    whole = rng.random(len(q)) < 0.5
    for metric in SOFT:
        assert metric(q[order], c[order]) == pytest.approx(metric(q, c), abs=1e-9)
        assert metric(q, whole.astype(float)) == metric(q, whole)
        assert metric(q.astype(np.float32), c) == pytest.approx(metric(q, c), abs=0.5)


@pytest.mark.parametrize("metric", SOFT)
@pytest.mark.parametrize(
    ("confidence", "correct", "weights", "message"),
    [
        ([0.5, 0.5], [0.5, 1.5], None, "correct: row 1 is 1.5, must be bool, or numbers in [0, 1]"),
        ([0.5, 0.5], [0.5, np.nan], None, "correct: row 1 is nan, must be bool, or numbers in [0, 1]"),
        ([0.5, 0.5], [0.5], None, "correct: has 1 rows, 2 expected"),
        ([0.5, 1.5], [0.5, 1], None, "confidence: row 1 is 1.5, must be a number in [0, 1]"),
        ([0.5, 0.5], [0.5, 1], [1.0], "weights: has 1 rows, 2 expected"),
        ([0.5, 0.5], [0.5, 1], [1.0, -1.0], "weights: row 1 is -1.0, must be finite and at least 0"),
        ([0.5, 0.5], [0.5, 1], [0.0, 0.0], "weights: their sum is 0.0, must lie between 1e-100 and 1e100"),
        ([], [], None, "confidence: empty, needs at least one row"),
    ],
)
def test_rows_that_make_no_sense_are_named(metric, confidence, correct, weights, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        metric(confidence, correct, weights=weights)
    assert str(caught.value) == message


def test_what_takes_off_chance_wants_verdicts():
    with pytest.raises(ValueError, match=r"^correct: has numbers between 0 and 1, which debias does not take$"):
        fast.rmsce([0.5, 0.5], [0.5, 1.0], debias=True)
