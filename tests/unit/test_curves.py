import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncal import curves

RNG = np.random.default_rng(0)


def by_definition(confidence: np.ndarray, correct: np.ndarray) -> dict[float, float]:
    """Coverage -> risk, for every threshold."""
    kept = [confidence >= value for value in np.unique(confidence)]
    return {float(some.mean()): float(1 - correct[some].mean()) for some in kept}


@given(st.integers(1, 60), st.integers(0, 5))
def test_every_threshold_is_a_point_of_the_curve(n: int, digits: int) -> None:
    generator = np.random.default_rng(n * 7 + digits)
    confidence, correct = generator.random(n).round(digits % 3), generator.random(n) < 0.6
    drawn = curves.risk_coverage(confidence, correct)
    wanted = by_definition(confidence, correct)
    assert drawn["coverage"] == pytest.approx(sorted(wanted), abs=1e-12)
    assert drawn["risk"] == pytest.approx([wanted[key] for key in sorted(wanted)], abs=1e-12)


def test_few_points_lie_on_the_curve_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    confidence, correct = RNG.random(5000), RNG.random(5000) < 0.5
    wanted = by_definition(confidence, correct)
    monkeypatch.setattr(curves, "PART", 700)  # several parts, and a sample of the rows
    drawn = curves.risk_coverage(confidence, correct, 20)
    assert len(drawn["coverage"]) == 20
    assert drawn["coverage"][-1] == 1
    near = np.array(sorted(wanted))
    for coverage, risk in zip(drawn["coverage"], drawn["risk"], strict=True):
        assert risk == pytest.approx(wanted[float(near[np.abs(near - coverage).argmin()])], abs=1e-12)


def test_a_weight_is_so_many_rows() -> None:
    confidence, correct, weights = RNG.random(50).round(1), RNG.random(50) < 0.5, RNG.integers(0, 4, 50)
    some = np.repeat(np.arange(50), weights)
    for curve in (curves.risk_coverage, curves.histogram):
        given = curve(confidence, correct, weights=weights.astype(float))
        repeated = curve(confidence[some], correct[some])
        for name in given:
            assert given[name] == pytest.approx(repeated[name], abs=1e-12)
    assert curves.mean(confidence, weights.astype(float)) == pytest.approx(confidence[some].mean(), abs=1e-12)


def test_a_histogram_counts_every_row_once_and_closes_bins_on_the_right() -> None:
    confidence = np.array([0.0, 0.02, 0.020001, 0.5, 1.0])
    drawn = curves.histogram(confidence, np.array([True, False, True, False, True]))
    assert np.flatnonzero(drawn["right"]).tolist() == [0, 1, 49]
    assert np.flatnonzero(drawn["wrong"]).tolist() == [0, 24]
    assert sum(drawn["right"]) + sum(drawn["wrong"]) == 5


def test_a_mean_of_float32_is_added_up_in_float64() -> None:
    values = np.full(3_000_000, 0.1, np.float32)
    assert curves.mean(values) == pytest.approx(float(np.float32(0.1)), abs=1e-12)
