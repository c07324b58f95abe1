"""Ask whether the answer is right, and keep what the model would have answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from uncal.errors import ConfigError
from uncal.levels import LevelTokens
from uncal.objectives._rows import log, usable
from uncal.types import Message, Objective, ReadOut, Record

ASK = "Judge the answer above. Pick one of two.\n({wrong}) wrong\n({right}) right\nReply with {wrong} or {right} only."
"""Status: our own wording."""


@dataclass(frozen=True, kw_only=True)
class CalibrationTuning(Objective):
    """A query with two labels after the answer, and a divergence that holds the model to its base on the answer.

        loss = cross-entropy over the two labels + kappa * D(base, tuned), D summed over the answer's tokens

    The base is the model with its adapter off. In the reference's results the divergence, not the query, is what gives
    calibration: without it ECE is about .30, with it .11, at the same AUROC.

    Each row makes two records, the query and the answer itself, and a batch holds both kinds: the cross-entropy is
    averaged over its queries, the divergence over its answers.

    Attributes
    ----------
    labels : tuple of two str, default=("A", "B")
        What stands for wrong and for right; they must begin with different tokens. An answer that is one of them makes
        no record of the second kind, so take others for choices among letters.
    kappa : float, default=1.0
        0 makes queries alone, and needs no adapter.
    divergence : {"js", "forward_kl", "reverse_kl"}, default="js"
        Jensen-Shannon, KL(base || tuned) or KL(tuned || base).

    References
    ----------
    Kapoor et al., Large Language Models Must Be Taught to Know What They Don't Know, arXiv 2406.08391. Status: verified
    in its code; that both terms share a batch is a choice of this library.

    Examples
    --------
    >>> turns = [{"role": "user", "content": "Capital?"}, {"role": "assistant", "content": "Rome"}]
    >>> made = CalibrationTuning().records([{"answer": "Rome", "correct": False}], [[*turns, turns[0]]], 0)
    >>> [record.text for record in made]
    ['A', 'Rome']
    """

    labels: tuple[str, str] = ("A", "B")
    kappa: float = 1.0
    divergence: Literal["js", "forward_kl", "reverse_kl"] = "js"

    def __post_init__(self) -> None:
        if len(set(self.labels)) != 2:
            raise ConfigError(f"labels are {self.labels}; there must be two that differ, for wrong and for right")
        if not 0 <= self.kappa < float("inf"):
            raise ConfigError(f"kappa is {self.kappa}; it must be a finite number of at least 0")

    @property
    def needs(self) -> frozenset[str]:
        """The outcome."""
        return frozenset({"correct"})

    @property
    def ask(self) -> str:
        """The query."""
        return ASK.replace("{wrong}", self.labels[0]).replace("{right}", self.labels[1])

    @property
    def read_out(self) -> ReadOut:
        """Probability of the label for wrong, of the two."""
        return ReadOut(options=tuple(self.labels), uncertainties=(1.0, 0.0))

    def records(
        self,
        rows: Sequence[Mapping[str, Any]],
        turns: Sequence[list[Message]],
        seed: int,  # noqa: ARG002
    ) -> list[Record]:
        """Write the label of every row with an outcome, and its answer."""
        made, unlike = [], 0
        for row, turn in usable("CalibrationTuning", rows, turns, self.needs | {"answer"}):
            made.append(Record(turn, self.labels[bool(row["correct"])]))
            if self.kappa and row["answer"].strip() in self.labels:
                unlike += 1
            elif self.kappa and row["answer"].strip():
                made.append(Record(turn[:-2], row["answer"]))
        if unlike:
            log.warning("CalibrationTuning: %d answers are a label and not held to the base; take other labels", unlike)
        return made

    def loss(self, network: Any, inputs: Mapping[str, Any], tokenizer: Any) -> Any:
        """Cross-entropy of the batch's queries, and divergence on its answers."""
        from uncal import losses

        tokens = LevelTokens.from_tokenizer(tokenizer, self.labels, (0.0, 1.0))
        logits, labels = losses.completion_logits(network, inputs)
        query = labels.new_tensor([text in self.labels for text in losses.completion_texts(labels, tokenizer)]).bool()
        loss = losses.level_cross_entropy(logits[query], labels[query], tokens.ids)
        if self.kappa and not bool(query.all()):
            base = losses.base_logits(network, inputs)
            loss = loss + self.kappa * losses.base_divergence(
                logits[~query], base[~query], labels[~query], self.divergence
            )
        return loss
