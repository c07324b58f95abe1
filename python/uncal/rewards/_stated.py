"""What rewards of a stated number share: reading completions and columns, and telling the trainer what was stated."""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from uncal.parse import Parsed, parse_completion
from uncal.types import Reward, text_of


class Named(Reward):
    """A reward whose name is that of its file."""

    @property
    def __name__(self) -> str:
        """The name of its file, under which the trainer logs it."""
        return type(self).__module__.rpartition(".")[2]

    def _read(self, completions: Sequence[Any]) -> list[Parsed]:
        return [parse_completion(text_of(completion), self.order, self.format) for completion in completions]


@dataclass(frozen=True, kw_only=True)
class OfColumns(Named):
    """A reward of the number and of what the columns that it `needs` say, each a number in [0, 1]."""

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """Reward every completion.

        Parameters
        ----------
        completions : sequence of str or of lists of messages, of length K
            As TRL hands them over; of messages the last one counts.
        **columns
            What it `needs`, K numbers in [0, 1] or bools of each; None or NaN skips the completion. Where TRL's
            `log_metric` and `log_extra` are among them, they are told what was stated. Others are left alone.

        Returns
        -------
        list of float or None, of length K

        Raises
        ------
        ValueError
            If a column is missing, or has a value outside [0, 1].
        """
        stated = [parsed.uncertainty for parsed in self._read(completions)]
        truths = {name: numbers(self.__name__, columns, name, len(stated)) for name in sorted(self.needs)}
        report(self.__name__, stated, columns)
        rewards: list[float | None] = []
        for i, uncertainty in enumerate(stated):
            truth = {name: known for name, values in truths.items() if (known := values[i]) is not None}
            rewards.append(self._reward(uncertainty, truth) if len(truth) == len(truths) else None)
        return rewards

    @abstractmethod
    def _reward(self, uncertainty: float | None, truth: Mapping[str, float]) -> float:
        """Reward one statement, None if it cannot be read, given the value of every column."""


def numbers(reward: str, columns: Mapping[str, Any], name: str, count: int) -> list[float | None]:
    """Read a column of numbers in [0, 1]; None where there is none."""
    values: list[float | None] = []
    for i, value in enumerate(column(reward, columns, name, count)):
        try:
            number = math.nan if value is None else float(value)
        except (TypeError, ValueError):
            number = math.inf
        if math.isnan(number):
            values.append(None)
        elif 0 <= number <= 1:
            values.append(number)
        else:
            raise ValueError(f"{name}[{i}] is {value!r}; it must lie in [0, 1], or be None to skip the completion")
    return values


def column(reward: str, columns: Mapping[str, Any], name: str, count: int) -> Sequence[Any]:
    """Give a column with an entry for each completion."""
    if name not in columns:
        raise ValueError(f"the data set has no column {name!r}, which {reward} reads")
    values: Sequence[Any] = columns[name]
    if len(values) != count:
        raise ValueError(f"{name} has {len(values)} entries; it must have one for each of the {count} completions")
    return values


def report(reward: str, stated: Sequence[float | None], columns: Mapping[str, Any]) -> None:
    """Tell TRL, where it listens, the share that cannot be read, the mean uncertainty, how many values there are."""
    readable = [value for value in stated if value is not None]
    if (log_metric := columns.get("log_metric")) is not None and stated:
        log_metric(f"{reward}/malformed", 1 - len(readable) / len(stated))
        log_metric(f"{reward}/distinct", float(len(set(readable))))
        if readable:
            log_metric(f"{reward}/mean_uncertainty", math.fsum(readable) / len(readable))
    if (log_extra := columns.get("log_extra")) is not None:
        log_extra(f"{reward}/uncertainty", list(stated))


def check_tags(tags: Sequence[str]) -> None:
    """`ValueError` unless an answer comes before a confidence at the end, and what is thought comes first."""
    tags = tuple(tags)
    if len(set(tags)) < len(tags) or tags[-1:] != ("confidence",) or "answer" not in tags:
        raise ValueError(f"tags is {', '.join(tags)}; it must hold answer, end with confidence, and none twice")
    if "think" in tags[1:]:
        raise ValueError(f"tags is {', '.join(tags)}; think must come first")
