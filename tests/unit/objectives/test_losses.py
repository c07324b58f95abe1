"""Objectives with a loss of their own: that it is what its definition makes of a network's logits."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from uncal import losses, objectives
from uncal.backends import transformers as backend
from uncal.errors import ConfigError
from uncal.types import Message, Objective, Record

TURNS: list[Message] = [
    {"role": "user", "content": "Capital of Norway?"},
    {"role": "assistant", "content": "Oslo"},
    {"role": "user", "content": "How sure?"},
]


@pytest.fixture
def network(tiny_model: Path) -> Any:
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    lora = LoraConfig(r=16, target_modules="all-linear", init_lora_weights=False)  # away from the base at once
    return get_peft_model(backend.load_model(str(tiny_model), dtype="float32"), lora)


@pytest.fixture
def tokenizer(tiny_model: Path) -> Any:
    return backend.load_tokenizer(str(tiny_model))


def batch(tokenizer: Any, records: Sequence[Record]) -> dict[str, Tensor]:
    """Records as TRL's collator has them: padded on the right, no loss on prompts."""
    rows = []
    for record in records:
        prompt = backend.encode(tokenizer, record.turns)
        said = tokenizer(record.text, add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
        rows.append((prompt + said, [losses.IGNORED] * len(prompt) + said))
    width = max(len(ids) for ids, _ in rows)

    def padded(values: list[list[int]], fill: int) -> Tensor:
        return torch.tensor([row + [fill] * (width - len(row)) for row in values])

    return {
        "input_ids": padded([ids for ids, _ in rows], 0),
        "attention_mask": padded([[1] * len(ids) for ids, _ in rows], 0),
        "labels": padded([labels for _, labels in rows], losses.IGNORED),
    }


def outcomes(objective: Objective, *correct: bool) -> list[Record]:
    rows = [{"answer": "Oslo", "correct": one} for one in correct]
    return objective.records(rows, [TURNS] * len(rows), 0)


def options(network: Any, tokenizer: Any, objective: Objective) -> Any:
    """Probabilities of what can be read, as the backend reads them."""
    around = backend.Transformers.around(network, tokenizer)
    weights = np.exp(around.option_logprobs([TURNS], objective.read_out.options)[0])
    return weights / weights.sum()


@pytest.mark.parametrize(("mode", "smoothing"), [("expected", 0.0), ("expected", 0.2), ("mean", 0.0)])
def test_the_tokenized_brier_score_is_of_the_probabilities_that_are_read(
    network: Any, tokenizer: Any, mode: str, smoothing: float
) -> None:
    objective = objectives.make("conf_tuner", mode=mode, smoothing=smoothing)
    found = objective.loss(network, batch(tokenizer, outcomes(objective, True, True, False)), tokenizer)
    pi, v = options(network, tokenizer, objective), np.linspace(0, 1, 10)
    cs = [1 - smoothing / 2, 1 - smoothing / 2, smoothing / 2]
    scores = [(pi * (c - v) ** 2).sum() if mode == "expected" else (c - pi @ v) ** 2 for c in cs]
    assert found.item() == pytest.approx(np.mean(scores), rel=1e-4)


def test_outcomes_are_0_and_1_whatever_the_outermost_levels_are_and_targets_are_levels(
    network: Any, tokenizer: Any
) -> None:
    v = np.array([1, 3, 5]) / 6
    shared: dict[str, Any] = {"words": ("low", "medium", "high"), "levels": tuple(v)}
    objective = objectives.make("conf_tuner", **shared)
    pi = options(network, tokenizer, objective)
    found = objective.loss(network, batch(tokenizer, outcomes(objective, True)), tokenizer).item()
    assert found == pytest.approx((pi * (1 - v) ** 2).sum(), rel=1e-4)
    objective = objectives.make("conf_tuner", start="uncertainty", **shared)
    records = objective.records([{"uncertainty": 0.2}], [TURNS], 0)
    found = objective.loss(network, batch(tokenizer, records), tokenizer).item()
    assert found == pytest.approx((pi * (5 / 6 - v) ** 2).sum(), rel=1e-4)


def test_words_that_begin_alike_are_refused_before_a_step(network: Any, tokenizer: Any) -> None:
    objective = objectives.make("conf_tuner", words=("0", "50", "55", "100"))
    with pytest.raises(ConfigError, match="words '50' and '55' begin with the same token"):
        objective.loss(network, batch(tokenizer, outcomes(objective, True)), tokenizer)


@pytest.mark.parametrize("kind", ["js", "forward_kl", "reverse_kl"])
def test_the_query_and_the_divergence_are_each_averaged_over_their_own_rows(
    network: Any, tokenizer: Any, kind: Any
) -> None:
    objective = objectives.make("calibration_tuning", kappa=0.7, divergence=kind)
    queries = outcomes(objectives.make("calibration_tuning", kappa=0), True, False, False)
    answers = [Record(TURNS[:1], text) for text in ("Oslo", "New York City")]
    wrong, right = options(network, tokenizer, objective)
    entropy = -(2 * np.log(wrong) + np.log(right)) / 3
    apart = []
    for answer in answers:
        alone = batch(tokenizer, [answer])
        logits, labels = losses.completion_logits(network, alone)
        p, q = losses.base_logits(network, alone).log_softmax(-1), logits.log_softmax(-1)
        apart.append(losses.divergence(p, q, kind)[labels != losses.IGNORED].sum().item())
    assert min(apart) > 1e-4
    found = objective.loss(network, batch(tokenizer, [answers[0], *queries, answers[1]]), tokenizer)
    assert found.item() == pytest.approx(entropy + 0.7 * np.mean(apart), rel=1e-3)


def test_a_batch_of_one_kind_has_its_term_alone_and_all_of_its_gradients(network: Any, tokenizer: Any) -> None:
    objective = objectives.make("calibration_tuning")
    query, answer = outcomes(objective, True)
    for records in ([query], [answer]):
        network.zero_grad()
        objective.loss(network, batch(tokenizer, records), tokenizer).backward()
        moved = [float(w.grad.abs().sum()) for w in network.parameters() if w.requires_grad and w.grad is not None]
        assert sum(moved) > 0


def test_without_an_adapter_there_is_no_base_to_stay_near(tiny_model: Path, tokenizer: Any) -> None:
    network = backend.load_model(str(tiny_model), dtype="float32")
    objective = objectives.make("calibration_tuning")
    with pytest.raises(ValueError, match="network has no adapter to switch off"):
        objective.loss(network, batch(tokenizer, outcomes(objective, True)), tokenizer)
    objective = objectives.make("calibration_tuning", kappa=0)
    assert objective.loss(network, batch(tokenizer, outcomes(objective, True)), tokenizer).item() > 0


@pytest.mark.parametrize(("name", "settings"), [("ua_clm", {"weight": 0}), ("forking", {"quantile": 0})])
def test_what_adds_nothing_is_cross_entropy(network: Any, tokenizer: Any, name: str, settings: Any) -> None:
    objective = objectives.make(name, **settings)
    rows = [{"answer": "Oslo", "uncertainty": u} for u in (0.1, 0.9)]
    inputs = batch(tokenizer, objective.records(rows, [TURNS] * 2, 0))
    with torch.no_grad():
        wanted = network(**inputs).loss.item()
    assert objective.loss(network, inputs, tokenizer).item() == pytest.approx(wanted, rel=1e-5)


def test_settings_reach_the_loss(network: Any, tokenizer: Any) -> None:
    inputs = batch(tokenizer, objectives.make("distill").records([{"answer": "a", "uncertainty": 0.3}], [TURNS], 0))
    logits, labels = losses.completion_logits(network, inputs)
    found = objectives.make("ua_clm", weight=2.0).loss(network, inputs, tokenizer)
    assert found.item() == pytest.approx(losses.ua_clm_loss(logits, labels, 2.0).item(), rel=1e-6)
    found = objectives.make("forking", quantile=0.6).loss(network, inputs, tokenizer)
    assert found.item() == pytest.approx(losses.forking_loss(logits, labels, 0.6).item(), rel=1e-6)
