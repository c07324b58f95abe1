"""The small model: what its tokenizer gives back, what it reads, and that it is an ordinary folder."""

from pathlib import Path

import numpy as np
import pytest

from uncal import prompts, reading
from uncal.backends.transformers import Transformers
from uncal.errors import ConfigError
from uncal.parse import FORMATS
from uncal.testbed.model import ANSWER_PROMPT, MIX, UNCERTAINTY_PROMPT, Pretraining, Reader, pretrain, tokenizer
from uncal.testbed.world import World, draw
from uncal.types import ReadOut, Sampling

FACTS = draw(World(entities=30, relations=3, held_out=1, values=5, mentions=400), 0)


@pytest.mark.parametrize("form", ["uncertainty", "confidence", "confidence_of_ten"])
def test_every_statement_comes_back_as_it_was_written(form: str) -> None:
    encoder = tokenizer(FACTS)
    for hundredths in range(101):
        text = f"<answer>{FACTS.value_names[0][0]}</answer>{FORMATS[form].write(hundredths / 100)}"
        ids = encoder(text)["input_ids"]
        assert encoder.unk_token_id not in ids
        assert encoder.decode(ids, skip_special_tokens=True) == text


def test_the_model_reads_the_worlds_sentences_as_often_as_they_are_told() -> None:
    encoder = tokenizer(FACTS)
    tokens, places = Reader(FACTS, encoder, np.random.default_rng(0)).draw("plain", 20_000)
    assert encoder.decode(tokens[0]).startswith("<user>")
    assert [encoder.decode([token]) for token in tokens[0, places]][-1] == "<end>"
    most = FACTS.counts.sum(1).argmax()
    asked = encoder(FACTS.question(int(most)))["input_ids"]
    share = (tokens[:, 1:3] == asked).all(1).mean()
    wanted = FACTS.counts[most].sum() / FACTS.counts.sum()
    assert abs(share - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / 20_000)


@pytest.mark.parametrize("kind", [kind for kind, _, _ in MIX])
def test_only_what_the_model_says_carries_loss(kind: str) -> None:
    encoder = tokenizer(FACTS)
    tokens, places = Reader(FACTS, encoder, np.random.default_rng(0)).draw(kind, 3)
    speaker, said = "", []
    for place, token in enumerate(encoder.convert_ids_to_tokens(tokens[0].tolist())):
        if token in ("<user>", "<assistant>"):
            speaker = token
        elif speaker == "<assistant>":
            said.append(place)
    assert places.tolist() == said


def test_the_pretrained_model_is_a_folder_that_answers_and_states_numbers(tmp_path: Path) -> None:
    folder = pretrain(FACTS, tmp_path / "model", Pretraining(width=32, layers=1, pretraining_steps=60), 0)
    assert (folder / "model.safetensors").exists()
    backend = Transformers(model=str(folder))
    turns = [prompts.uncertainty_turn(FACTS.question(0), FACTS.value_names[0][0], ANSWER_PROMPT, UNCERTAINTY_PROMPT)]
    read = reading.read(backend, turns, reading.statements(ReadOut()), Sampling())
    assert read[0].uncertainty is not None
    assert 0 < read[0].uncertainty < 1


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"width": 40}, "width is 40; it must be a multiple of 32"),
        ({"layers": 0}, "layers is 0; it must be at least 1"),
        ({"pretraining_rate": 0.0}, "pretraining_rate is 0.0; it must be above 0"),
    ],
)
def test_settings_that_make_no_model_are_refused(setting: dict[str, float], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Pretraining(**setting)  # type: ignore[arg-type]
