"""Whether a completion has the format: an answer, then a confidence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from uncal.parse import parse_parts
from uncal.rewards._stated import Named, check_tags, report
from uncal.types import Order, text_of


@dataclass(frozen=True, kw_only=True)
class AnswerFormat(Named):
    """`well_formed` for an ``<answer>`` and then, at the end, a ``<confidence>`` in [0, 1]; else `malformed`.

    The format's part of `Rlcr`, for a mix of rewards of your own. It pays for any number, so it is of no use alone.

    Attributes
    ----------
    tags : tuple of str, default=("answer", "confidence")
        As in `Rlcr`.
    well_formed : float, default=1.0
    malformed : float, default=0.0

    References
    ----------
    RLCR, arXiv 2507.16806. Status: verified in its code.

    Examples
    --------
    >>> AnswerFormat()(["<answer>Rome</answer><confidence>0.8</confidence>", "Rome, 80%"])
    [1.0, 0.0]
    """

    order: ClassVar[Order] = "together"
    format: ClassVar[str] = "confidence"
    proper: ClassVar[bool] = False
    source: ClassVar[str] = "RLCR, arXiv 2507.16806 (verified)"

    tags: tuple[str, ...] = ("answer", "confidence")
    well_formed: float = 1.0
    malformed: float = 0.0

    def __post_init__(self) -> None:
        check_tags(self.tags)

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """Reward every completion; no column is read but TRL's `log_metric` and `log_extra`."""
        stated = [
            parsed.uncertainty if parse_parts(text_of(completion), self.tags).reason is None else None
            for parsed, completion in zip(self._read(completions), completions, strict=True)
        ]
        report(self.__name__, stated, columns)
        return [self.malformed if uncertainty is None else self.well_formed for uncertainty in stated]


def answer_format_reward(completions: Sequence[Any], **columns: Any) -> list[float | None]:
    """`AnswerFormat` with its defaults, as a plain function."""
    return AnswerFormat()(completions, **columns)
