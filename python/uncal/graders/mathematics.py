"""Right if the text's formula equals an accepted one, as math-verify sees it."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import math_verify
import numpy as np

from uncal.types import BoolArray, Grader


@dataclass(frozen=True, kw_only=True)
class Mathematics(Grader):
    r"""Mathematical equality of formulas in LaTeX and of plain numbers, by the package math-verify.

    It takes the last formula of a text, one in ``\boxed`` first, and simplifies by SymPy; formulas stand between dollar
    signs, in accepted answers also without them. A text of which it can make nothing is wrong. What takes longer than
    `timeout_s` is wrong too; only the main thread has that guard, which is a signal, and in others nothing is cut off.

    Attributes
    ----------
    digits : int, default=6
        Digits behind the point in which numbers must agree.
    timeout_s : int, default=5
        For one text, and for one comparison.

    References
    ----------
    https://github.com/huggingface/Math-Verify

    Examples
    --------
    >>> Mathematics()([r"It is $\boxed{\frac{2}{4}}$.", "0.51", ""], [["1/2"]] * 3)
    array([ True, False, False])
    """

    digits: int = 6
    timeout_s: int = 5

    def __post_init__(self) -> None:
        for name in ("digits", "timeout_s"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")

    def __call__(
        self, texts: Sequence[str], answers: Sequence[Sequence[str]], _questions: Sequence[str] | None = None, /
    ) -> BoolArray:
        """Grade texts, (K,) each with its accepted answers -> (K,) bool."""
        seconds = self.timeout_s if threading.current_thread() is threading.main_thread() else None

        @lru_cache(maxsize=4096)
        def parsed(text: str) -> list[Any]:
            return list(math_verify.parse(text, parsing_timeout=seconds))

        def is_right(text: str, accepted: Sequence[str]) -> bool:
            return any(
                bool(wanted and said)
                and math_verify.verify(wanted, said, float_rounding=self.digits, timeout_seconds=seconds)
                for answer in accepted
                for wanted, said in [(parsed(answer) or parsed(f"${answer}$"), parsed(text))]
            )

        return np.array([is_right(text, accepted) for text, accepted in zip(texts, answers, strict=True)], dtype=bool)
