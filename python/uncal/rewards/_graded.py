"""What rewards share whose completions give their own answer: a grader looks at it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from uncal import plugins
from uncal.rewards._stated import Named, column
from uncal.types import Grader


@dataclass(frozen=True, kw_only=True)
class Graded(Named):
    """A reward of the number and of the answer beside it."""

    format: ClassVar[str] = "confidence"
    needs: ClassVar[frozenset[str]] = frozenset({"answers"})

    grader: str = "exact_match"
    grader_settings: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def _grade(self) -> Grader:
        grade: Grader = plugins.make_whole("graders", self.grader, self.grader_settings)
        return grade

    def _verdicts(self, said: Sequence[str | None], columns: Mapping[str, Any]) -> list[float | None]:
        """1 for a right answer, 0 for a wrong one and for none; None where that is not known."""
        accepted = column(self.__name__, columns, "answers", len(said))
        questions = columns.get("question")
        verdicts = [None if one is None or not len(one) else 0.0 for one in accepted]
        asked = [i for i, answer in enumerate(said) if answer is not None and verdicts[i] is not None]
        if asked:
            judged: Any = self._grade(
                [said[i] or "" for i in asked],
                [[accepted[i]] if isinstance(accepted[i], str) else list(accepted[i]) for i in asked],
                None if questions is None else [questions[i] for i in asked],
            )
            # A masked array gives None where the grader could not tell. NumPy 2.3 has no types for it.
            masked: Any = np.ma.asarray
            for i, verdict in zip(asked, masked(judged).tolist(), strict=True):
                verdicts[i] = None if verdict is None else float(verdict)
        return verdicts
