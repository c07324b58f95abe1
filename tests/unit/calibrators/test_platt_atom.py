"""Platt scaling with an atom as a scikit-learn estimator."""

import numpy as np
import pytest

from uncal.calibrators import Platt, PlattAtom

RNG = np.random.default_rng(0)
REST = RNG.uniform(0.1, 2, 300)
SCORES = np.concatenate([np.zeros(100), REST])
CORRECT = np.concatenate([np.arange(100) < 70, RNG.random(300) < 1 / (1 + np.exp(3 * REST - 4))])


def test_the_atom_has_its_smoothed_share_and_the_rest_a_curve_of_its_own() -> None:
    for settings in ({}, {"atom": 0.0}):
        fitted = PlattAtom(**settings).fit(SCORES, CORRECT)  # type: ignore[arg-type]
        assert (fitted.atom_, fitted.atom_count_) == (0, 100)
        assert fitted.confidence([0.0, -0.0]) == pytest.approx([71 / 102] * 2)
        rest = Platt().fit(REST, CORRECT[100:])
        np.testing.assert_allclose(fitted.confidence(REST), rest.confidence(REST), rtol=1e-9)
        assert fitted.confidence([1e-9])[0] > 0.9  # beside the atom the curve holds


def test_without_a_spike_it_is_platt_scaling() -> None:
    fitted, plain = PlattAtom().fit(REST, CORRECT[100:]), Platt().fit(REST, CORRECT[100:])
    assert fitted.atom_ is None
    np.testing.assert_array_equal(fitted.confidence(SCORES), plain.confidence(SCORES))


def test_scores_that_are_all_the_atom_give_its_share_there() -> None:
    fitted = PlattAtom(atom=0.0).fit(np.zeros(8), [True] * 6 + [False] * 2)
    assert fitted.confidence([0.0]) == pytest.approx([0.7])


def test_the_log_loss_is_below_that_of_a_curve_through_the_spike() -> None:
    def log_loss(calibrator: Platt | PlattAtom) -> float:
        confidence = calibrator.fit(SCORES, CORRECT).confidence(SCORES)
        return float(-np.log(np.where(CORRECT, confidence, 1 - confidence)).mean())

    assert log_loss(PlattAtom()) < log_loss(Platt()) - 0.02
