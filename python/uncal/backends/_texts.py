"""What tokens add to a text."""

from collections.abc import Sequence
from typing import Any

HALF = "\N{REPLACEMENT CHARACTER}"
"""What a tokenizer makes of tokens that end within a character."""


def token_texts(tokenizer: Any, tokens: Sequence[int]) -> list[str]:
    """Text that each token adds; one after the other they are the text of all of them.

    A character that is made of several tokens belongs to the last of them.
    """
    found, before = [], ""
    for end in range(1, len(tokens) + 1):
        text = _text(tokenizer, tokens[:end])
        if text.endswith(HALF) and end < len(tokens):
            text = before
        found.append(text[len(before) :])
        before = text
    return found


def top_texts(tokenizer: Any, tokens: Sequence[int], top: Sequence[Sequence[int]]) -> list[list[str]]:
    """Text that each of the most probable tokens would have added where `tokens` has another, or the same."""
    found = []
    for place, others in enumerate(top):
        before = _text(tokenizer, tokens[:place]).rstrip(HALF)
        found.append([_text(tokenizer, [*tokens[:place], other])[len(before) :] for other in others])
    return found


def _text(tokenizer: Any, tokens: Sequence[int]) -> str:
    text: str = tokenizer.decode(list(tokens), skip_special_tokens=True)
    return text
