"""Watch calibration while a model is trained, and say when it collapses."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from transformers import TrainerCallback

from uncal import fast, graders, reading
from uncal.backends.transformers import Transformers
from uncal.types import Grader, Prompt, ReadOut, Sampling

log = logging.getLogger("uncal")
ENOUGH, FEW_VALUES, MOST_MASS, MORE_MALFORMED, MOST_ALIKE, ALIKE_STEPS = 20, 3, 0.8, 0.05, 0.8, 10


class Watched(NamedTuple):
    """Questions on which calibration is measured during training.

    Attributes
    ----------
    prompts : sequence of conversations or texts
        What the model is asked.
    correct : sequence of bool, or None
        Whether the frozen answer of each is right; None where the model answers itself.
    answers : sequence of sequences of str, or None
        The accepted answers of each, where the model answers itself, in ``<answer>``.
    """

    prompts: Sequence[Prompt]
    correct: Sequence[bool] | None = None
    answers: Sequence[Sequence[str]] | None = None


class CalibrationCallback(TrainerCallback):  # type: ignore[misc]
    """Measure ECE, Brier and AUROC whenever the trainer evaluates; name the collapse of what is stated.

    It adds to the metrics of an evaluation, so that ``metric_for_best_model="eval_brier"`` works with
    ``load_best_model_at_end``: `eval_ece` (15 bins of equal width), `eval_brier`, `eval_auroc` (NaN where all answers
    are of one kind), `eval_malformed` (share without a readable number), `eval_distinct` (number of distinct values),
    `eval_largest_share` (of the most frequent one) and `eval_mean_confidence`. A malformed statement counts 1 in the
    Brier score, the worst there is, so that silence cannot win; the others leave it out.

    A collapse is named once, as a warning and in `alarms`: fewer than 3 distinct values, or one value for more than 0.8
    of the questions, where 20 or more are readable; malformed by 0.05 more often than at first; more than 0.8 of the
    groups without variance, 10 steps in a row, from which GRPO learns nothing.

    Parameters
    ----------
    trainer : transformers.Trainer
        Any of TRL's. It evaluates as its own `eval_strategy` says, and needs an `eval_dataset` for that.
    watched : Watched
    read_out : ReadOut, default=ReadOut()
        How a number is read; as it is written, unless set.
    max_tokens : int, default=256
        A statement is cut after so many tokens.
    grader : Grader or None, default=None
        Of answers that the model gives itself; None is exact match.

    Examples
    --------
    ```python
    trainer.add_callback(CalibrationCallback(trainer, Watched(prompts, correct=correct)))
    ```
    """

    def __init__(
        self,
        trainer: Any,
        watched: Watched,
        *,
        read_out: ReadOut | None = None,
        max_tokens: int = 256,
        grader: Grader | None = None,
    ) -> None:
        if not watched.prompts:
            raise ValueError("watched has no prompts; there is nothing to measure calibration on")
        if (watched.correct is None) == (watched.answers is None):
            raise ValueError("watched must have either correct, of frozen answers, or answers, that are accepted")
        self.trainer, self.watched = trainer, watched
        self.read_out, self.max_tokens = read_out or ReadOut(), max_tokens
        self.grader = grader or graders.make("exact_match")
        self.alarms: list[dict[str, Any]] = []

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Take over what was named before a training was cut off."""
        self.alarms = alarms(state.log_history, len(self.watched.prompts))

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:  # noqa: ARG002
        """Add the measures to the trainer's own."""
        measured = {f"eval_{name}": value for name, value in self.measure().items()}
        metrics.update(measured)
        self.trainer.log(measured)
        self._name(state.log_history)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ARG002
        """Look at the share of groups without variance, which GRPO logs."""
        if "frac_reward_zero_std" in (logs or {}):
            self._name(state.log_history)

    def measure(self) -> dict[str, float]:
        """Read every number and measure it, with the network as it is now."""
        network = self.trainer.accelerator.unwrap_model(self.trainer.model)
        training = network.training
        network.eval()
        try:
            backend = Transformers.around(network, self.trainer.processing_class)
            sampling = Sampling(temperature=0.0, max_tokens=self.max_tokens)
            found = reading.read(backend, self.watched.prompts, self.read_out, sampling)
        finally:
            network.train(training)
        correct = np.asarray(self._graded(found), dtype=bool)
        readable = np.array([one.uncertainty is not None for one in found])
        confidence = np.array([1 - one.uncertainty for one in found if one.uncertainty is not None])
        counts = Counter(confidence.tolist())
        measured = {
            "ece": np.nan,
            "auroc": np.nan,
            "mean_confidence": np.nan,
            "brier": 1.0,
            "malformed": 1 - float(readable.mean()),
            "distinct": float(len(counts)),
            "largest_share": max(counts.values(), default=0) / max(1, len(confidence)),
        }
        if len(confidence):
            right = correct[readable]
            squares = float(np.square(confidence - right).sum())
            measured |= {
                "ece": fast.ece(confidence, right),
                "brier": (squares + float((~readable).sum())) / len(found),
                "mean_confidence": float(confidence.mean()),
            }
            if 0 < right.sum() < len(right):
                measured["auroc"] = fast.auroc(confidence, right)
        return {name: float(value) for name, value in measured.items()}

    def _graded(self, found: Sequence[reading.Read]) -> Sequence[bool]:
        if self.watched.correct is not None:
            return self.watched.correct
        assert self.watched.answers is not None
        said = [one.answer or "" for one in found]
        return [bool(right) for right in self.grader(said, self.watched.answers)]

    def _name(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Warn of what has not been named yet."""
        for alarm in alarms(history, len(self.watched.prompts))[len(self.alarms) :]:
            log.warning("train: collapse at step %d: %s", alarm["step"], alarm["what"])
            self.alarms.append(alarm)


def alarms(history: Sequence[Mapping[str, Any]], questions: int) -> list[dict[str, Any]]:
    """Name what collapsed, each kind when it was first seen.

    Parameters
    ----------
    history : sequence of mapping
        What a trainer logged (`trainer.state.log_history`) with a `CalibrationCallback`.
    questions : int
        On how many questions it was measured.

    Returns
    -------
    list of dict
        `kind`, `step` and `what`, in words; `kind` is one of "few_values", "one_value", "malformed", "groups_alike".

    Examples
    --------
    >>> said = {"eval_malformed": 0.0, "eval_distinct": 1.0, "eval_largest_share": 1.0}
    >>> [alarm["kind"] for alarm in alarms([{"step": 20, **said}], 100)]
    ['few_values']
    """
    found: dict[str, dict[str, Any]] = {}
    first, alike = None, 0
    for entry in history:
        named = dict[str, str]()
        if "eval_malformed" in entry:
            malformed = entry["eval_malformed"]
            first = malformed if first is None else first
            if malformed > first + MORE_MALFORMED:
                named["malformed"] = f"{malformed:.0%} of the statements are malformed, of {first:.0%} at first"
            readable = round((1 - malformed) * questions)
            if readable >= ENOUGH and entry["eval_distinct"] < FEW_VALUES:
                named["few_values"] = f"only {entry['eval_distinct']:.0f} distinct values over {readable} questions"
            elif readable >= ENOUGH and entry["eval_largest_share"] > MOST_MASS:
                named["one_value"] = f"one value is stated of {entry['eval_largest_share']:.0%} of the questions"
        if "frac_reward_zero_std" in entry:
            alike = alike + 1 if entry["frac_reward_zero_std"] > MOST_ALIKE else 0
            if alike == ALIKE_STEPS:
                named["groups_alike"] = (
                    f"more than {MOST_ALIKE:.0%} of the groups have no variance in their rewards over {ALIKE_STEPS} "
                    "steps; nothing is learnt of them"
                )
        for kind, what in named.items():
            found.setdefault(kind, {"kind": kind, "step": int(entry.get("step", 0)), "what": what})
    return list(found.values())
