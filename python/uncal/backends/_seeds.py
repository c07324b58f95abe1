"""A seed for every prompt, the same wherever the prompt stands in a call."""

import hashlib
from collections.abc import Sequence

from uncal.types import Prompt


def digests(prompts: Sequence[Prompt], seed: int) -> list[bytes]:
    """Give 32 random bytes for every prompt.

    They depend on the seed, the prompt and how often it came before in the call, not on where it stands.

    Examples
    --------
    >>> once, again, other = digests(["Why?", "Why?", "Who?"], 0)
    >>> once == again, other == digests(["Who?"], 0)[0]
    (False, True)
    """
    found = []
    for prompt, earlier in zip(prompts, occurrences(prompts), strict=True):
        found.append(hashlib.sha256(f"{seed}\0{earlier}\0{prompt!r}".encode()).digest())
    return found


def occurrences(prompts: Sequence[Prompt]) -> list[int]:
    """Say of every prompt how often it came before in the call.

    Examples
    --------
    >>> occurrences(["Why?", "Who?", "Why?"])
    [0, 0, 1]
    """
    seen: dict[str, int] = {}
    found = []
    for prompt in prompts:
        text = repr(prompt)
        seen[text] = seen.get(text, -1) + 1
        found.append(seen[text])
    return found
