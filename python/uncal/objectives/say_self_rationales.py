"""Name what one is unsure about, from how one's own attempts differ, then a whole number: SaySelf's records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from uncal import plugins
from uncal.errors import ConfigError
from uncal.objectives import _stating as stating
from uncal.objectives._rows import Cluster, agreement, clusters, log, same, usable
from uncal.parse import FORMATS
from uncal.types import Backend, Message, Objective, Prompt, ReadOut, Record, Sampling

SUMMARISE = (
    "Below are {n} attempts at one question, grouped by their answer, with group sizes. In the first person, name the "
    "specific facts that the attempts disagree on or seem unsure about. Do not mention that there were several "
    "attempts. At most three sentences.\n\nQuestion: {question}\n\n{attempts}"
)
"""What asks a model for a rationale. Status: our own wording."""
SHOWN = 3
"""Other answers that a rationale without a model names."""


@dataclass(frozen=True, kw_only=True)
class SaySelfRationales(Objective):
    """Write a rationale about what other attempts said, then the share of attempts that agree, from 0 to 10.

    The first stage of SaySelf; the reward `say_self` is the second. Completions of a question are grouped by what they
    say, and what the groups differ in becomes a first-person rationale: by a model that is asked to summarise them, or,
    without one, by naming the other answers and their shares.

    Attributes
    ----------
    backend : Backend, str or None, default=None
        The model that writes rationales, or its name in `uncal list backends`; None names the other answers.
    backend_settings : mapping, default={}
        Of a backend by name.
    prompt : str
        What it is asked; {n}, {question} and {attempts} are replaced.
    max_tokens : int, default=128
        Of a rationale.
    confidence : {"agreement", "uncertainty"}, default="agreement"
        The share of completions that say what the answer says, or one minus the calibrated target.
    order : {"answer_first", "together"}, default="answer_first"
        The paper's is "together".

    References
    ----------
    Xu et al., SaySelf, arXiv 2405.20974. Status: format verified in its code; groups by normalised text in place of
    embeddings, the rationale without a model and confidence from the target are choices of this library.

    Examples
    --------
    >>> row = {"id": "q", "prompt": "Capital?", "answer": "Paris", "completions": ["Paris", "Paris", "Lyon", "Nice"]}
    >>> print(SaySelfRationales().records([row], [[]], 0)[0].text)
    Other answers come to mind: "Lyon" (25 %), "Nice" (25 %). <confidence>5</confidence>
    """

    backend: Backend | str | None = None
    backend_settings: Mapping[str, Any] = field(default_factory=dict)
    prompt: str = SUMMARISE
    max_tokens: int = 128
    confidence: Literal["agreement", "uncertainty"] = "agreement"
    order: Literal["answer_first", "together"] = "answer_first"

    def __post_init__(self) -> None:
        if "{attempts}" not in self.prompt:
            raise ConfigError(f"prompt {self.prompt!r} must contain {{attempts}}, the place of the groups")
        if self.max_tokens < 1:
            raise ConfigError(f"max_tokens is {self.max_tokens}; it must be at least 1")
        if self.backend_settings and not isinstance(self.backend, str):
            raise ConfigError("backend_settings are those of a backend by name; backend is none")

    @property
    def needs(self) -> frozenset[str]:
        """What was drawn, and the target if it is stated."""
        return frozenset({"completions"} | ({"uncertainty"} if self.confidence == "uncertainty" else set()))

    @property
    def read_out(self) -> ReadOut:
        """A whole number from 0 to 10."""
        return ReadOut(format="confidence_of_ten")

    def records(self, rows: Sequence[Mapping[str, Any]], turns: Sequence[list[Message]], seed: int) -> list[Record]:
        """Write a rationale and a number for every row."""
        kept = usable("SaySelfRationales", rows, turns, self.needs | {"answer"})
        groups = [clusters(row["completions"]) for row, _ in kept]
        rationales = self._rationales([row for row, _ in kept], groups, seed)
        made = []
        for (row, turn), rationale in zip(kept, rationales, strict=True):
            if self.confidence == "uncertainty":
                uncertainty = float(row["uncertainty"])
            else:
                uncertainty = 1.0 - agreement(row["answer"], row["completions"])
            stated = f"{rationale} {FORMATS['confidence_of_ten'].write(uncertainty)}"
            made.append(Record(turn, stating.completion(self.order, row["answer"], stated)))
        return made

    def _rationales(self, rows: Sequence[Mapping[str, Any]], groups: Sequence[list[Cluster]], seed: int) -> list[str]:
        plain = [_named(row, mine) for row, mine in zip(rows, groups, strict=True)]
        if self.backend is None or not rows:
            return plain
        backend: Backend = self.backend  # type: ignore[assignment]
        if isinstance(self.backend, str):
            backend = plugins.make("backends", self.backend, dict(self.backend_settings))
        asked: list[Prompt] = [
            [{"role": "user", "content": self._asked(row, mine)}] for row, mine in zip(rows, groups, strict=True)
        ]
        drawn = backend(asked, Sampling(temperature=0.0, max_tokens=self.max_tokens, seed=seed))
        written = [group.completions[0].text.strip() if group.completions else "" for group in drawn]
        if failed := sum(not text for text in written):
            log.warning("SaySelfRationales: no rationale was written for %d of %d rows", failed, len(rows))
        return [text or otherwise for text, otherwise in zip(written, plain, strict=True)]

    def _asked(self, row: Mapping[str, Any], groups: list[Cluster]) -> str:
        attempts = "\n".join(f"{group.n} x {group.text}" for group in groups)
        told = {"{n}": str(len(row["completions"])), "{question}": row["prompt"], "{attempts}": attempts}
        text = self.prompt
        for place, value in told.items():
            text = text.replace(place, value)
        return text


def _named(row: Mapping[str, Any], groups: list[Cluster]) -> str:
    """Name the answers that compete with the one given."""
    N = len(row["completions"])
    others = [group for group in groups if same(group.text) != same(row["answer"])]
    if not others:
        return "No other answer comes to mind."
    named = ", ".join(f'"{group.text}" ({100 * group.n / N:.0f} %)' for group in others[:SHOWN])
    return f"Other answers come to mind: {named}."
