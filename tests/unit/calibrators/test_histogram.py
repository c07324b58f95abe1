"""Histogram binning as a scikit-learn estimator."""

import numpy as np
import pytest

from uncal.calibrators import Histogram

RNG = np.random.default_rng(0)
SCORES = RNG.integers(0, 41, 300) / 40
CORRECT = RNG.random(300) < SCORES


@pytest.mark.parametrize("bins", ["width", "mass", "distinct", "sweep"])
@pytest.mark.parametrize("smoothing", [0.0, 1.0])
def test_the_value_of_a_bin_is_its_smoothed_share_of_right_answers(bins: str, smoothing: float) -> None:
    weights = RNG.random(300)
    binning = Histogram(n_bins=8, bins=bins, smoothing=smoothing).fit(SCORES, CORRECT, weights)  # type: ignore[arg-type]
    mapped = binning.confidence(SCORES)
    edges = binning.edges_
    assert (edges[0], edges[-1]) == (0, 1)
    bin_of = np.array([next(b for b in range(len(edges) - 1) if score <= edges[b + 1]) for score in SCORES])
    for b in np.unique(bin_of):
        rows = bin_of == b
        share = (weights[rows & CORRECT].sum() + smoothing) / (weights[rows].sum() + 2 * smoothing)
        np.testing.assert_allclose(mapped[rows], share, rtol=1e-12)
    if bins == "distinct":
        assert len(np.unique(bin_of)) == len(np.unique(SCORES))
    if bins == "sweep" and smoothing == 0:
        assert (np.diff(binning.value_) >= 0).all()


def test_a_confidence_on_an_edge_is_in_the_same_bin_when_fitting_and_when_mapping() -> None:
    binning = Histogram(n_bins=4).fit([0.0, 0.25, 0.5, 0.75, 1.0], [True, False, True, False, True])
    assert binning.value_.tolist() == [0.5, 1, 0, 1]
    assert binning.confidence([0.0, 0.25, 0.26, 0.5, 0.75, 1.0]).tolist() == [0.5, 0.5, 1, 1, 0, 1]


def test_an_empty_bin_gives_its_midpoint() -> None:
    assert Histogram(n_bins=2).fit([0.1], [True]).confidence([0.1, 0.9]).tolist() == [1, 0.75]
    assert Histogram(n_bins=2, smoothing=1.0).fit([0.1], [True]).confidence([0.1, 0.9]).tolist() == [2 / 3, 0.75]


def test_settings_that_make_no_sense_are_refused() -> None:
    for settings in ({"n_bins": 0}, {"bins": "even"}, {"smoothing": -1.0}):
        with pytest.raises(ValueError, match=f"{next(iter(settings))}: is "):
            Histogram(**settings).fit(SCORES, CORRECT)  # type: ignore[arg-type]
