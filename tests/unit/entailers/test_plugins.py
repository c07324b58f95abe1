"""The entailers, each by itself."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from uncal import backends, entailers
from uncal.entailers import make
from uncal.entailers.cross_encoder import CrossEncoder, order
from uncal.entailers.llm import Llm
from uncal.errors import ArtefactError, ConfigError, ModelError


def test_the_order_of_labels_is_the_models_own(tiny_nli: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    pairs = [("It is Paris.", "It is London."), ("a", "b c")]
    model: Any = AutoModelForSequenceClassification.from_pretrained(tiny_nli)
    tokenizer = AutoTokenizer.from_pretrained(tiny_nli)
    for (premise, hypothesis), row in zip(pairs, CrossEncoder(model=str(tiny_nli))(pairs), strict=True):
        with torch.inference_mode():
            logits = model(**tokenizer(premise, hypothesis, return_tensors="pt")).logits[0].double()
        shares = dict(zip(model.config.id2label.values(), logits.softmax(0).tolist(), strict=True))
        wanted = [shares[label] for label in ("entailment", "neutral", "contradiction")]
        np.testing.assert_allclose(row, wanted, atol=1e-6)  # a float32 network, padded and not


@pytest.mark.parametrize(
    "labels", [{0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}, {0: "entailment", 1: "not_entailment"}, {0: "entailment"}]
)
def test_a_model_of_other_labels_is_refused_by_name(labels: dict[int, str]) -> None:
    with pytest.raises(ModelError, match=r"entailer 'theirs' has the labels .*; they must be entailment, neutral"):
        order(labels, "theirs")


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model folder"):
        make("cross_encoder", model=str(tmp_path / "nowhere"))([("a", "b")])


def test_the_name_of_a_cross_encoder_changes_with_its_files(tiny_nli: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "model"
    shutil.copytree(tiny_nli, copy)
    before = CrossEncoder(model=str(copy)).name
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"id2label": {"0": "entailment"}}))
    assert CrossEncoder(model=str(copy)).name != before
    assert CrossEncoder(model="somebody/on-a-hub").name == "cross_encoder somebody/on-a-hub"


def test_a_language_model_is_asked_and_what_cannot_be_read_is_counted(
    smollm2: str, caplog: pytest.LogCaptureFixture
) -> None:
    backend = backends.make("transformers", model=smollm2)
    pairs = [("A dog is running.", "An animal is moving."), ("It is hot.", "It is cold."), ("why " * 9000, "It is.")]
    entailer = Llm(backend=backend)
    with caplog.at_level(logging.WARNING, "uncal"):
        rows = entailer(pairs)
    unread = np.isnan(rows).all(axis=1)
    assert unread[2]
    assert ((rows[~unread] == 1).sum(axis=1) == 1).all()
    assert f"{unread.sum()} of 3 pairs have no verdict" in caplog.text
    assert "over the context" in caplog.text
    shares = Llm(backend=backend, read="probabilities")(pairs)
    assert np.isnan(shares[2]).all()
    np.testing.assert_allclose(shares[:2].sum(axis=1), 1, atol=1e-12)
    assert np.abs(shares[0] - shares[1]).max() > 1e-3


def test_an_entailer_that_asks_takes_the_backend_or_its_name_and_settings(tiny_model: Path) -> None:
    backend = backends.make("transformers", model=str(tiny_model))
    assert make("llm", model=str(tiny_model), max_tokens=3) == make("llm", backend=backend, max_tokens=3)
    with pytest.raises(ConfigError, match="'transformers' has no setting 'max_token'"):
        make("llm", model=str(tiny_model), max_token=3)
    with pytest.raises(ConfigError, match=r"prompt 'why\?' must contain \{premise\}"):
        make("llm", backend=backend, prompt="why?")


def test_texts_with_placeholders_are_taken_as_they_are(tiny_model: Path) -> None:
    entailer = Llm(backend=backends.make("transformers", model=str(tiny_model)), prompt="{premise}|{hypothesis}")
    assert entailer._turn("{hypothesis}", "b") == [{"role": "user", "content": "{hypothesis}|b"}]


def replayed(folder: Path, *rows: dict[str, Any]) -> entailers.Entailer:
    file = folder / "judged.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return make("replay", file=str(file))


def test_a_file_of_pairs_is_replayed(tmp_path: Path) -> None:
    row = {"premise": "a", "hypothesis": "b ", "entail": "0.25", "contra": 0.5}
    assert replayed(tmp_path, row)([(" a", "b")]).tolist() == [[0.25, 0.25, 0.5]]
    with pytest.raises(ArtefactError, match="has no pair 'b', 'a'"):
        replayed(tmp_path, row)([("b", "a")])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"premise": "a", "hypothesis": "b", "entail": 0.5}, "row 1: no column 'contra'; there are premise, hypo"),
        (
            {"premise": "a", "hypothesis": "b", "entail": 2, "contra": 0},
            "column 'entail' is 2; it must be a probability",
        ),
        ({"premise": "a", "hypothesis": "b", "entail": None, "contra": 0}, "column 'entail' is None; it must be"),
        ({"premise": "a", "hypothesis": "b", "entail": 0.6, "contra": 0.6}, "add up to 1.2; at most 1 is possible"),
    ],
)
def test_a_row_that_makes_no_sense_is_named(tmp_path: Path, row: dict[str, Any], said: str) -> None:
    with pytest.raises(ArtefactError, match=said):
        replayed(tmp_path, row)([("a", "b")])


def test_a_pair_with_two_verdicts_is_named(tmp_path: Path) -> None:
    one = {"premise": "a", "hypothesis": "b", "entail": 0.5, "contra": 0.5}
    with pytest.raises(ArtefactError, match="row 2: this pair came before with other numbers"):
        replayed(tmp_path, one, one | {"entail": 0.25})([("a", "b")])
