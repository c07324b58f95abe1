"""RLCR: format, accuracy and Brier score of an answer and its confidence in one completion."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from uncal.parse import parse_parts
from uncal.rewards._graded import Graded
from uncal.rewards._stated import check_tags, report
from uncal.types import Order, text_of


@dataclass(frozen=True, kw_only=True)
class Rlcr(Graded):
    """format_weight + accuracy_weight c + brier_weight (1 - (q - c)^2); `malformed` where the format does not hold.

    The completion holds an ``<answer>`` and then, at its end, a ``<confidence>`` q in [0, 1]; c says whether the answer
    is right. Since the Brier score is bounded, it is best to give the answer that is most likely right and to state how
    likely that is, as long as accuracy weighs no less than it does. Weighing less, it can pay to give an answer that is
    known to be wrong: one that is right with probability p is worth ``(accuracy_weight - brier_weight) p + brier_weight
    p^2`` more.

    Attributes
    ----------
    format_weight, accuracy_weight, brier_weight : float, default=0.5
        As in the authors' settings.
    tags : tuple of str, default=("answer", "confidence")
        Tags that the completion must hold, in their order, the confidence at its end: ("think", "answer", "analysis",
        "confidence") is the authors' longest. What the model thinks may stand before them in any case, and its opening
        tag in the prompt.
    grader : str, default="exact_match"
        What says whether the answer is right, as `uncal list graders` has it.
    grader_settings : mapping, default={}
    malformed : float, default=0.0
        Equal to the least that a well-formed completion can get without `format_weight`.

    References
    ----------
    Damani et al., Beyond Binary Rewards, arXiv 2507.16806. Status: verified in its code; that accuracy must not weigh
    less, our own derivation.

    Examples
    --------
    >>> reward = Rlcr()
    >>> right = "<answer>Rome</answer><confidence>1.0</confidence>"
    >>> wrong = "<answer>Oslo</answer><confidence>1.0</confidence>"
    >>> reward([right, wrong, "Rome"], answers=[["Rome"]] * 3)
    [1.5, 0.5, 0.0]
    """

    order: ClassVar[Order] = "together"
    source: ClassVar[str] = "RLCR, arXiv 2507.16806 (verified)"

    format_weight: float = 0.5
    accuracy_weight: float = 0.5
    brier_weight: float = 0.5
    tags: tuple[str, ...] = ("answer", "confidence")
    malformed: float = 0.0

    def __post_init__(self) -> None:
        for name in ("format_weight", "accuracy_weight", "brier_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more, and finite")
        check_tags(self.tags)

    @property
    def proper(self) -> bool:
        """True unless `brier_weight` is 0."""
        return self.brier_weight > 0

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """Reward every completion.

        Parameters
        ----------
        completions : sequence of str or of lists of messages, of length K
        **columns
            `answers`, the accepted answers of each; None or none skips the completion, and so does an answer of which
            the grader cannot tell. `question` too, for graders that read it. Where TRL's `log_metric` and `log_extra`
            are among them, they are told what was stated.

        Returns
        -------
        list of float or None, of length K

        Raises
        ------
        ValueError
            If there is no column `answers`.
        """
        parsed = [
            one if parse_parts(text_of(completion), self.tags).reason is None else None
            for one, completion in zip(self._read(completions), completions, strict=True)
        ]
        stated = [None if one is None else one.uncertainty for one in parsed]
        said = [one.answer if one is not None and one.uncertainty is not None else None for one in parsed]
        verdicts = self._verdicts(said, columns)
        report(self.__name__, stated, columns)
        return [self._reward(u, c) for u, c in zip(stated, verdicts, strict=True)]

    def _reward(self, uncertainty: float | None, correct: float | None) -> float | None:
        if correct is None:
            return None
        if uncertainty is None:
            return self.malformed
        brier = 1 - (1 - uncertainty - correct) ** 2
        return self.format_weight + self.accuracy_weight * correct + self.brier_weight * brier


def rlcr_reward(completions: Sequence[Any], **columns: Any) -> list[float | None]:
    """`Rlcr` with its defaults, as a plain function."""
    return Rlcr()(completions, **columns)
