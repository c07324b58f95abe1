"""What every calibrator promises."""

from pathlib import Path

import numpy as np
import pytest

from uncal import calibrators
from uncal.calibrators import Calibrator
from uncal.plugins import names


@pytest.fixture(params=names("calibrators"))
def calibrator(request: pytest.FixtureRequest) -> Calibrator:
    return calibrators.make(request.param)


@pytest.fixture
def labelled() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    scores = rng.gamma(2.0, size=400)
    return scores, rng.random(400) < 1 / (1 + np.exp(1.5 * scores - 2))


def log_loss(confidence: np.ndarray, correct: np.ndarray) -> float:
    return float(-np.log(np.where(correct, confidence, 1 - confidence)).mean())


def test_confidence_is_in_range_and_of_the_shape_of_the_scores(calibrator: Calibrator, labelled: tuple) -> None:
    scores, correct = labelled
    confidence = calibrator.fit(scores, correct).confidence(scores)
    assert confidence.shape == scores.shape
    assert ((confidence >= 0) & (confidence <= 1)).all()
    np.testing.assert_allclose(calibrator.predict_proba(scores).sum(axis=1), 1, atol=1e-15)


def test_it_is_no_worse_than_the_base_rate_on_its_own_data(calibrator: Calibrator, labelled: tuple) -> None:
    scores, correct = labelled
    confidence = calibrator.fit(scores, correct).confidence(scores)
    assert log_loss(confidence, correct) < log_loss(np.full(len(correct), correct.mean()), correct)


def test_it_comes_back_from_json_bit_for_bit(calibrator: Calibrator, labelled: tuple, tmp_path: Path) -> None:
    scores, correct = labelled
    calibrator.fit(scores, correct)
    again = calibrators.load(calibrator.save(tmp_path / "c.json"))
    np.testing.assert_array_equal(again.confidence(scores), calibrator.confidence(scores))


def test_one_row_and_one_kind_of_answer_are_fitted(calibrator: Calibrator) -> None:
    for correct in ([True], [False], [True, True, True]):
        confidence = calibrator.fit(np.arange(len(correct), dtype=float), correct).confidence([0.0, 5.0])
        assert ((confidence >= 0) & (confidence <= 1)).all()


def test_an_unfitted_one_says_so(calibrator: Calibrator) -> None:
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        calibrator.confidence([0.5])
