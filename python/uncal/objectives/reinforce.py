"""Supervised statements first, so that the format is held, then GRPO with one or several rewards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from uncal import plugins
from uncal.errors import ConfigError
from uncal.objectives._rows import usable
from uncal.objectives._stating import completion
from uncal.parse import FORMATS
from uncal.types import Message, Objective, Order, ReadOut, Record, Reward


@dataclass(frozen=True, kw_only=True)
class Reinforce(Objective):
    """Write the targets for some steps, then be rewarded.

    The number is read as the model states it. Rewards must agree on what a completion holds and on how the number is
    written.

    Attributes
    ----------
    names : tuple of str
        Of rewards, as `uncal list rewards` gives them, or "their_package.module:attribute": a class or a plain
        function.
    weights : tuple of float, default=()
        One for each reward; none: 1 each.
    settings : mapping, default={}
        Of the reward where there is one; of several a mapping for each, by its name.
    start : {"uncertainty", "correct"}, default="uncertainty"
        What the supervised records state: the target, or the outcome as 0 or 1.

    Examples
    --------
    >>> objective = Reinforce(names=("target_match",))
    >>> objective.records([{"answer": "Paris", "uncertainty": 0.25}], [[]], 0)
    [Record(turns=[], text='<uncertainty>0.25</uncertainty>')]
    """

    names: tuple[str, ...]
    weights: tuple[float, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    start: Literal["uncertainty", "correct"] = "uncertainty"

    def __post_init__(self) -> None:
        if not self.names:
            raise ConfigError("names is empty; name at least one reward (`uncal list rewards`)")
        if self.weights and len(self.weights) != len(self.names):
            raise ConfigError(f"weights has {len(self.weights)} entries; it must have one for each of {self.names}")
        for what in ("order", "format"):
            if len(said := {_of(reward, what) for reward, _ in self.rewards.values()}) > 1:
                raise ConfigError(f"names {', '.join(self.names)} differ in {what}: {', '.join(sorted(said))}")

    @cached_property
    def rewards(self) -> Mapping[str, tuple[Reward, float]]:
        """Each reward by its name, with its weight."""
        made = {}
        for i, name in enumerate(self.names):
            settings = self.settings if len(self.names) == 1 else self.settings.get(name, {})
            made[name] = (_reward(name, settings), self.weights[i] if self.weights else 1.0)
        return made

    @property
    def order(self) -> Order:
        """What the rewards expect a completion to hold."""
        order: Order = _of(next(iter(self.rewards.values()))[0], "order")
        return order

    @property
    def needs(self) -> frozenset[str]:
        """What the records state, and what the rewards read."""
        return frozenset({self.start}).union(*(_of(reward, "needs") for reward, _ in self.rewards.values()))

    @property
    def read_out(self) -> ReadOut:
        """As the rewards read it."""
        return ReadOut(format=_of(next(iter(self.rewards.values()))[0], "format"), order=self.order)

    def records(
        self,
        rows: Sequence[Mapping[str, Any]],
        turns: Sequence[list[Message]],
        seed: int,  # noqa: ARG002
    ) -> list[Record]:
        """State the target of every row that has one."""
        write = FORMATS[self.read_out.format].write
        made = []
        for row, turn in usable("Reinforce", rows, turns, frozenset({self.start})):
            target = row[self.start]
            stated = write(float(target) if self.start == "uncertainty" else 1.0 - target)
            made.append(Record(turn, completion(self.order, row["answer"], stated)))
        return made


def _reward(name: str, settings: Mapping[str, Any]) -> Reward:
    """Make a reward, or take a plain function as it is."""
    found = plugins.load("rewards", name)
    if isinstance(found, type):
        made: Reward = plugins.make("rewards", name, dict(settings))
        return made
    if settings:
        raise ConfigError(f"settings {', '.join(settings)}: {name!r} is a plain function and takes none")
    return found


def _of(reward: Any, what: str) -> Any:
    """Say what a reward declares; a plain function declares nothing and gets the usual."""
    return getattr(reward, what, getattr(Reward, what))
