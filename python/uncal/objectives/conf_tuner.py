"""The tokenized Brier score: the distribution over the tokens of a few levels becomes a calibrated prediction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from uncal.errors import ConfigError
from uncal.levels import LevelTokens
from uncal.objectives._rows import usable
from uncal.types import Message, Objective, ReadOut, Record

ASK = (
    "How likely is it that the answer above is correct? Reply with one of these only, from surely wrong to surely "
    "right: {words}."
)
"""Status: our own wording."""


@dataclass(frozen=True, kw_only=True)
class ConfTuner(Objective):
    """Brier score of the probabilities of the tokens that stand for levels of confidence.

    With pi the softmax over the first tokens of `words` alone, v their levels and c the outcome (1 right, 0 wrong):

        loss = sum over i of pi_i (c - v_i)^2

    A proper score: if c is 1 with probability p, all mass belongs on the level nearest to p. So it also holds the
    spread down; `mode` "mean" scores (c - sum of pi_i v_i)^2 instead, which does not. The number is read as the mean
    level, one minus it.

    Attributes
    ----------
    words : tuple of str, default=("0", ..., "9")
        What the model writes, the lowest confidence first; no two may begin with the same token.
    levels : tuple of float, default=()
        Confidence of each word; none: evenly from 0 to 1. Training and reading share them.
    start : {"correct", "uncertainty"}, default="correct"
        What c is: the outcome, or one minus the target, rounded to the nearest level.
    mode : {"expected", "mean"}, default="expected"
    smoothing : float in [0, 1), default=0.0
        c is drawn towards one half by this much.

    References
    ----------
    ConfTuner, arXiv 2508.18847. Status: verified in its code, which trains the digits 0 to 9 as 0 to 1 and reads them
    as 0 to 0.9; this does not. `mode` "mean", `smoothing`, targets in place of outcomes and the mean level as the
    number are proposals.

    Examples
    --------
    >>> tuner = ConfTuner()
    >>> [record.text for record in tuner.records([{"correct": True}, {"correct": False}], [[], []], 0)]
    ['9', '0']
    >>> tuner.read_out.uncertainties[0]
    1.0
    """

    words: tuple[str, ...] = tuple("0123456789")
    levels: tuple[float, ...] = ()
    start: Literal["correct", "uncertainty"] = "correct"
    mode: Literal["expected", "mean"] = "expected"
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing < 1:
            raise ConfigError(f"smoothing is {self.smoothing}; it must lie in [0, 1)")
        LevelTokens(tuple(self.words), self.confidences, tuple(range(len(self.words))))  # complains of bad levels
        if len(set(self.words)) < len(self.words):
            raise ConfigError(f"words are {self.words}; no two may be alike")

    @property
    def confidences(self) -> tuple[float, ...]:
        """Confidence of each word."""
        last = max(1, len(self.words) - 1)
        return tuple(self.levels) or tuple(i / last for i in range(len(self.words)))

    @property
    def needs(self) -> frozenset[str]:
        """What c is made of."""
        return frozenset({self.start})

    @property
    def ask(self) -> str:
        """The words to choose from."""
        return ASK.replace("{words}", ", ".join(self.words))

    @property
    def read_out(self) -> ReadOut:
        """One minus the mean level."""
        return ReadOut(options=tuple(self.words), uncertainties=tuple(1 - v for v in self.confidences))

    def records(
        self,
        rows: Sequence[Mapping[str, Any]],
        turns: Sequence[list[Message]],
        seed: int,  # noqa: ARG002
    ) -> list[Record]:
        """Write the lowest or highest word by the outcome, or the one nearest to the target."""
        made = []
        for row, turn in usable("ConfTuner", rows, turns, self.needs):
            c = float(row["correct"]) if self.start == "correct" else 1.0 - float(row["uncertainty"])
            made.append(Record(turn, min(zip(self.words, self._labels, strict=True), key=lambda w: abs(w[1] - c))[0]))
        return made

    @property
    def _labels(self) -> tuple[float, ...]:
        """What c is where a record holds each word: of outcomes, the outermost words are 0 and 1 themselves."""
        if self.start == "uncertainty":
            return self.confidences
        return (0.0, *self.confidences[1:-1], 1.0)

    def loss(self, network: Any, inputs: Mapping[str, Any], tokenizer: Any) -> Any:
        """Brier score of the words' tokens where one is due, averaged over the rows."""
        from uncal import losses

        tokens = LevelTokens.from_tokenizer(tokenizer, self.words, self.confidences)
        logits, level = losses.level_logits(*losses.completion_logits(network, inputs), tokens.ids)
        c = logits.new_tensor(self._labels)[level]
        c = (1 - self.smoothing) * c + self.smoothing / 2
        return losses.tokenized_brier(logits, tokens.ids, tokens.levels, c, mode=self.mode).mean()
