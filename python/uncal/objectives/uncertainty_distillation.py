"""Answers with how often they were drawn, calibrated and in a few levels: Uncertainty Distillation."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from uncal import fast
from uncal.errors import ConfigError
from uncal.levels import FIVE, ConfidenceBins
from uncal.objectives import _stating as stating
from uncal.objectives._rows import Cluster, clusters, log, usable
from uncal.parse import FORMATS
from uncal.types import FloatArray, Message, Objective, Order, ReadOut, Record


class Curve(NamedTuple):
    """Frequency of an answer -> chance of being right: linear between knots, flat outside."""

    x: FloatArray
    y: FloatArray

    def __call__(self, frequency: float) -> float:
        """Chance of being right of an answer with this share of the draws."""
        return float(np.interp(frequency, self.x, self.y))


@dataclass(frozen=True, kw_only=True)
class UncertaintyDistillation(Objective):
    """Write an answer that was drawn, right or wrong, and then how often it was, as a calibrated level.

    Of each question's N completions the groups that say the same are counted, f_j = n_j / N. Isotonic regression over
    all groups of the calibration questions makes p_j = g(f_j), the chance that the group is right, which falls into one
    of a few levels of equal width. A record is the answer of the largest right group, or of one of the largest wrong
    ones, with its level.

    Rows whose `split` is "calibrate" fit g and make no record; where there are none, all rows do both.

    Attributes
    ----------
    incorrect : int, default=1
        Wrong groups of a question that make a record. More teach to tell right from wrong, and may cost accuracy; 0
        leaves a model that has seen right answers alone. The paper takes 0 to 3.
    calibrated : bool, default=True
        False takes p_j = f_j: for models that are calibrated, and where the calibration questions may have been in
        pre-training, which hurt AUROC in the paper.
    bins : int, default=5
    format : {"confidence_words", "confidence"}, default="confidence_words"
        The level as one of five words, or the middle of its bin as a decimal.

    References
    ----------
    Hager et al., Uncertainty Distillation, arXiv 2503.14749. Status: secondary; edges and words inferred; which wrong
    groups are taken, the tags and the midpoints are choices of this library.

    Examples
    --------
    >>> row = {"completions": ["Paris", "Paris", "Lyon"], "completions_correct": [True, True, False]}
    >>> for record in UncertaintyDistillation(calibrated=False).records([row], [[]], 0):
    ...     print(record.text)
    <answer>Paris</answer><confidence>high</confidence>
    <answer>Lyon</answer><confidence>low</confidence>
    """

    order: ClassVar[Order] = "together"

    incorrect: int = 1
    calibrated: bool = True
    bins: int = 5
    format: Literal["confidence_words", "confidence"] = "confidence_words"

    def __post_init__(self) -> None:
        if self.incorrect < 0:
            raise ConfigError(f"incorrect is {self.incorrect}; it must be 0 or more")
        if self.bins < 2:
            raise ConfigError(f"bins is {self.bins}; it must be at least 2")
        if self.format == "confidence_words" and self.bins != len(FIVE):
            raise ConfigError(f"bins is {self.bins}; there are words for {len(FIVE)}, so take format='confidence'")

    @property
    def needs(self) -> frozenset[str]:
        """What was drawn, and which of it is right."""
        return frozenset({"completions", "completions_correct"})

    @property
    def read_out(self) -> ReadOut:
        """As it is stated."""
        return ReadOut(format=self.format)

    def records(
        self,
        rows: Sequence[Mapping[str, Any]],
        turns: Sequence[list[Message]],
        seed: int,  # noqa: ARG002
    ) -> list[Record]:
        """Write the largest right group and the largest wrong ones of every row, each with its level."""
        drawn = []
        for row, turn in usable("UncertaintyDistillation", rows, turns, self.needs):
            groups = clusters(row["completions"], row["completions_correct"])
            N = len(row["completions"])
            drawn.append((row.get("split") == "calibrate", [(group, group.n / N) for group in groups], turn))
        apart = any(fits for fits, _, _ in drawn)
        curve = self._curve([one for fits, counted, _ in drawn if fits or not apart for one in counted])
        levels = ConfidenceBins.even([str(b) for b in range(self.bins)])
        made, used = [], Counter[str]()
        for fits, counted, turn in drawn:
            if fits:
                continue
            right = [one for one in counted if one[0].correct][:1]
            wrong = [one for one in counted if one[0].correct is False][: self.incorrect]
            for group, frequency in right + wrong:
                level = levels.encode(curve(frequency))
                used[level] += 1
                stated = FORMATS[self.format].write(1.0 - levels.decode(level))
                made.append(Record(turn, stating.completion(self.order, group.text, stated)))
        if made and len(used) == 1:
            log.warning("UncertaintyDistillation: all %d records state the same level, level %s", len(made), *used)
        return made

    def _curve(self, groups: list[tuple[Cluster, float]]) -> Curve:
        """Fit the chance of being right to the frequency, over all groups with a verdict."""
        told = [(frequency, group.correct) for group, frequency in groups if group.correct is not None]
        if not self.calibrated or not told:
            return Curve(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
        frequencies, correct = zip(*told, strict=True)
        fitted = fast.fit_isotonic(np.array(frequencies), np.array(correct), increasing=True)
        return Curve(fitted.x, fitted.y)
