"""Levels of confidence: bins with words, and words that are one token apart."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncal.backends.transformers import load_tokenizer
from uncal.errors import ConfigError
from uncal.levels import FIVE, ConfidenceBins, LevelTokens
from uncal.parse import FORMATS

BINS = ConfidenceBins.even(FIVE)


def test_a_number_on_an_edge_belongs_to_the_level_above_and_1_to_the_last() -> None:
    assert [BINS.encode(edge) for edge in BINS.edges] == [*FIVE, "very high"]
    assert [BINS.encode(np.nextafter(edge, 0)) for edge in BINS.edges[1:]] == list(FIVE)


@given(st.floats(0, 1))
def test_a_level_is_worth_at_most_half_its_width_more_or_less_than_what_falls_into_it(confidence: float) -> None:
    assert abs(BINS.decode(BINS.encode(confidence)) - confidence) <= 0.1 + 1e-12


def test_measured_levels_are_worth_the_accuracy_that_they_had() -> None:
    generator = np.random.default_rng(0)
    confidence, correct = generator.random(300) * 0.8, generator.random(300) < 0.5  # none is very high
    level = np.minimum((confidence * 5).astype(int), 4)
    wanted = [correct[level == b].mean() for b in range(4)]
    np.testing.assert_allclose(BINS.measured(confidence, correct).values, [*wanted, 0.9], rtol=1e-12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (((0, 0.5), ("a",), (0.2,)), "edges are .* must rise from 0 to 1"),
        (((0, 0.5, 0.5, 1), ("a", "b", "c"), (0.2, 0.5, 0.7)), "edges are"),
        (((0, 0.5, 1), ("a",), (0.2, 0.7)), "labels are"),
        (((0, 0.5, 1), ("a", "b"), (0.2,)), "values are"),
        (((0, 0.5, 1), ("a", "a"), (0.2, 0.7)), "no two may be alike"),
        (((0, 0.5, 1), ("a", "b"), (0.2, 1.7)), "values are .* must lie in"),
    ],
)
def test_bins_that_make_no_sense_are_errors(settings: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ConfidenceBins(*settings)


def test_what_is_no_confidence_and_no_label_is_an_error() -> None:
    for confidence in (1.1, -0.1, float("nan")):
        with pytest.raises(ValueError, match="confidence is"):
            BINS.encode(confidence)
    with pytest.raises(ValueError, match="label is 'sure'"):
        BINS.decode("sure")


def test_five_words_are_a_format_whose_statements_are_read_as_the_middle_of_their_fifth() -> None:
    way = FORMATS["confidence_words"]
    read = [way.read(way.write(i / 10)).value for i in range(11)]
    np.testing.assert_allclose(read, [0.1, 0.1, 0.1, 0.3, 0.3, 0.5, 0.5, 0.7, 0.7, 0.9, 0.9], atol=1e-12)
    assert way.read("<confidence>sure</confidence>").reason == "not one of very low, low, medium, high, very high"
    assert way.read("high").reason == "no <confidence> block"


def test_digits_are_told_apart_by_their_first_tokens(tiny_model: Path) -> None:
    tokenizer = load_tokenizer(str(tiny_model))
    digits = LevelTokens.from_tokenizer(tokenizer, "0123456789", np.linspace(0, 1, 10).tolist())
    assert [tokenizer.decode([i]) for i in digits.ids] == list("0123456789")
    assert digits.levels[-1] == 1


def test_words_that_share_their_first_token_are_refused(tiny_model: Path) -> None:
    with pytest.raises(ConfigError, match="words '1' and '10' begin with the same token"):
        LevelTokens.from_tokenizer(load_tokenizer(str(tiny_model)), ("1", "5", "10"), (0.1, 0.5, 1.0))


@pytest.mark.parametrize(
    ("words", "levels", "message"),
    [
        (("a",), (0.5,), "two words at least"),
        (("a", "b"), (0.5,), "there are 1 levels and 2 tokens"),
        (("a", "b"), (0.5, 0.2), "levels are .* must rise within"),
        (("a", "b"), (0.5, 1.2), "levels are"),
        (("a", ""), (0.5, 1.0), "words has '', which has no token"),
    ],
)
def test_levels_that_make_no_sense_are_errors(tiny_model: Path, words: Any, levels: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        LevelTokens.from_tokenizer(load_tokenizer(str(tiny_model)), words, levels)
