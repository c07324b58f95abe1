"""What every entailer promises; run on a small random cross-encoder and a small random language model, and a file."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from uncal.entailers import make
from uncal.plugins import names
from uncal.types import Entailer

PAIRS = [
    ("It is Paris.", "It is London."),
    ("It is London.", "It is Paris."),
    ("Paris", "a much longer text about the city of Paris and what lies around it"),
]


def settings_of(name: str, tiny_nli: Path, tiny_model: Path, folder: Path) -> dict[str, Any]:
    if name == "cross_encoder":
        return {"model": str(tiny_nli)}
    if name == "llm":
        return {"model": str(tiny_model), "read": "probabilities"}
    file = folder / "judged.jsonl"
    rows = [{"premise": a, "hypothesis": b, "entail": 0.1 * (k + 1), "contra": 0.5} for k, (a, b) in enumerate(PAIRS)]
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return {"file": str(file)}


@pytest.fixture(scope="module", params=names("entailers"))
def entailer(
    request: pytest.FixtureRequest, tiny_nli: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Entailer:
    folder = tmp_path_factory.mktemp("entailers")
    return make(request.param, **settings_of(request.param, tiny_nli, tiny_model, folder))


def test_rows_are_distributions_over_three_one_for_each_pair(entailer: Entailer) -> None:
    rows = entailer(PAIRS)
    assert rows.dtype == np.float64
    assert rows.shape == (3, 3)
    assert (rows >= 0).all()
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-12)
    assert entailer([]).shape == (0, 3)


def test_a_pair_has_the_same_row_whatever_stands_beside_it_and_in_any_order(entailer: Entailer) -> None:
    rows = entailer(PAIRS)
    # padding to the longest text in a batch moves the last bits of a float32 network
    np.testing.assert_allclose(entailer(PAIRS[::-1])[::-1], rows, atol=1e-6)
    np.testing.assert_allclose(entailer(PAIRS[:1])[0], rows[0], atol=1e-6)


def test_what_entails_what_makes_a_difference(entailer: Entailer) -> None:
    one, other, _ = entailer(PAIRS)
    assert np.abs(np.log(one) - np.log(other)).max() > 1e-6


def test_it_has_a_name_that_tells_it_from_others_and_pickles_small(entailer: Entailer) -> None:
    entailer(PAIRS)
    packed = pickle.dumps(entailer)
    assert len(packed) < 10_000
    again = pickle.loads(packed)
    assert again == entailer
    assert again.name == entailer.name != ""
