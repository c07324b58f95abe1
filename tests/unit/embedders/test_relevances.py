"""How much the meaning of a text changes without each of its tokens, by the real MiniLM."""

from typing import Any

import numpy as np
import pytest

from uncal.embedders import make, relevances
from uncal.types import Embedder

TOKENS = ["The", " capital", " of", " France", " is", " Paris", ".", ""]


@pytest.fixture(scope="module")
def embedder(minilm: str) -> Any:
    return make("sentence_transformers", model=minilm)


def test_relevance_is_one_minus_the_cosine_of_the_texts_with_and_without_the_token(embedder: Any) -> None:
    question = "What is the capital of France?"
    (found,) = relevances([TOKENS], embedder, questions=[question])
    parts = [TOKENS, *(TOKENS[:t] + TOKENS[t + 1 :] for t in range(len(TOKENS)))]
    rows = embedder([f"{question} {''.join(part)}" for part in parts]).astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert found is not None
    np.testing.assert_allclose(found, 1 - rows[1:] @ rows[0], atol=1e-6)  # batches of other shapes, in float32
    assert found[-1] == 0


def test_what_says_something_is_more_relevant_than_what_does_not(embedder: Any) -> None:
    (found,) = relevances([TOKENS], embedder)
    assert found is not None
    by_token = dict(zip(TOKENS, found, strict=True))
    assert min(by_token[" Paris"], by_token[" France"]) > 2 * max(by_token["The"], by_token[" of"], by_token["."])


def test_of_one_token_all_depends_and_nothing_stays_nothing(embedder: Any) -> None:
    found = relevances([["Paris"], None, [], [" ", "Paris"]], embedder)
    assert found[1] is None
    assert [None if row is None else row.tolist() for row in found] == [[1.0], None, [], [0.0, 1.0]]
    assert relevances([], embedder) == []


def test_a_token_is_taken_out_where_it_stands_and_not_elsewhere() -> None:
    seen: list[str] = []

    class Listing(Embedder):
        name = "listing"

        def __call__(self, texts: Any, /) -> Any:
            seen.extend(texts)
            return np.eye(len(texts), dtype=np.float32)

    relevances([["an", " an", "as"]], Listing(), questions=[" Which? "])
    assert seen == ["Which? an anas", "Which? anas", "Which? an an"]
