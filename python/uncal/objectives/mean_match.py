"""Fit the mean of what the model might state to the target, and state it in figures all the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from uncal.errors import ConfigError
from uncal.objectives._rows import usable
from uncal.parse import FORMATS
from uncal.reading import statements
from uncal.types import Message, Objective, ReadOut, Record


@dataclass(frozen=True, kw_only=True)
class MeanMatch(Objective):
    """A proper score of the mean stated uncertainty against the target, differentiated through the figures' tokens.

    A statement "0.37" is written figure by figure. With p the probability of the figure 1 before the point, q of the
    ten figures d after it, both restricted to figures and renormalised, and t the target,

        m = p + (1 - p) sum over d of q_d (d + 0.45) / 10
        loss = score(m, t) + spread * sum over d of q_d (d / 10 - t')^2 + cross-entropy of all other tokens

    with score the squared error or the log loss, and t' = t - 0.045 the target on the scale of that figure. The mean
    carries the score, so where two questions cannot be told apart it goes to the mean of their targets, which is what
    is right of both; cross-entropy on figures would spend itself on learning each by heart. Unlike a reward this has no
    variance: nothing is sampled. `outcome` puts some of the outcome into the target: t = (1 - outcome) * target +
    outcome * (1 - correct), so that a model that knows better than its teacher may say so.

    The number is read as the mean (`read="mean"`), or as it is stated.

    Attributes
    ----------
    score : {"brier", "log"}, default="log"
    spread : float, default=0.1
        0 or more. What holds the statements near their mean; at 1 with "brier" the loss is about that of ConfTuner on
        soft targets.
    outcome : float in [0, 1], default=0.0
    read : {"mean", "stated"}, default="mean"

    References
    ----------
    Status: a proposal of this library.

    Examples
    --------
    >>> MeanMatch(outcome=0.5).records([{"answer": "Paris", "uncertainty": 0.25, "correct": False}], [[]], 0)
    [Record(turns=[], text='<uncertainty>0.62</uncertainty>')]
    """

    score: Literal["brier", "log"] = "log"
    spread: float = 0.1
    outcome: float = 0.0
    read: Literal["mean", "stated"] = "mean"

    def __post_init__(self) -> None:
        if not self.spread >= 0:
            raise ConfigError(f"spread is {self.spread}; it must be 0 or more")
        if not 0 <= self.outcome <= 1:
            raise ConfigError(f"outcome is {self.outcome}; it must lie in [0, 1]")

    @property
    def needs(self) -> frozenset[str]:
        """The target, and the outcome if it has a share."""
        return frozenset({"uncertainty", "correct"} if self.outcome else {"uncertainty"})

    @property
    def read_out(self) -> ReadOut:
        """By the mean or as it is stated."""
        return statements(ReadOut()) if self.read == "mean" else ReadOut()

    def records(
        self,
        rows: Sequence[Mapping[str, Any]],
        turns: Sequence[list[Message]],
        seed: int,  # noqa: ARG002
    ) -> list[Record]:
        """State the target of every row that has one, 0.99 at most: the figure before the point is 0 in all of them."""
        made = []
        for row, turn in usable("MeanMatch", rows, turns, self.needs):
            target = float(row["uncertainty"])
            if self.outcome:
                target = (1 - self.outcome) * target + self.outcome * (1.0 - row["correct"])
            made.append(Record(turn, FORMATS["uncertainty"].write(min(target, 0.99))))
        return made

    def loss(self, network: Any, inputs: Mapping[str, Any], tokenizer: Any) -> Any:
        """Score of the mean, spread, and cross-entropy of what is no figure that the score is about."""
        from uncal import losses

        logits, labels = losses.completion_logits(network, inputs)
        return losses.mean_of_figures(logits, labels, _figures(tokenizer), score=self.score, spread=self.spread)


def _figures(tokenizer: Any) -> list[int]:
    """Tokens of the ten figures; `ConfigError` for a tokenizer that writes several in one token."""
    ids = [tokenizer(f"0.{d}{d}", add_special_tokens=False)["input_ids"][-2:] for d in range(10)]
    if any(len(pair) != 2 or pair[0] != pair[1] for pair in ids) or len({pair[0] for pair in ids}) < 10:
        raise ConfigError(
            "objective mean_match: the tokenizer does not write numbers figure by figure; take distill or conf_tuner"
        )
    return [pair[0] for pair in ids]
