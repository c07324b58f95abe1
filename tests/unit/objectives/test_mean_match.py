"""The mean of what might be stated, fitted to its target."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from uncal.errors import ConfigError
from uncal.objectives.mean_match import MeanMatch, _figures


class Written:
    """A network whose logits are what it was given: one row of the vocabulary for each place."""

    def __init__(self, logits: Any) -> None:
        self.logits = logits

    def __call__(self, *, logits_to_keep: int, **_: Any) -> Any:
        return SimpleNamespace(logits=self.logits[:, -logits_to_keep:])


def batch(tokenizer: Any, texts: list[str]) -> dict[str, Any]:
    import torch

    rows = [tokenizer(f"How sure?{text}<|im_end|>", add_special_tokens=False)["input_ids"] for text in texts]
    asked = len(tokenizer("How sure?", add_special_tokens=False)["input_ids"])
    assert len({len(row) for row in rows}) == 1
    ids = torch.tensor(rows)
    labels = ids.clone()
    labels[:, :asked] = -100
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels}


def by_hand(logits: np.ndarray, labels: np.ndarray, figures: list[int], target: float, kind: MeanMatch) -> float:
    def softmax(row: np.ndarray) -> np.ndarray:
        return np.exp(row - row.max()) / np.exp(row - row.max()).sum()

    places = [t for t, label in enumerate(labels) if label in figures][-3:]
    p = softmax(logits[places[0] - 1][figures[:2]])[1]
    q = softmax(logits[places[1] - 1][figures])
    m = p + (1 - p) * sum(q[d] * (d + 0.45) / 10 for d in range(10))
    score = (m - target) ** 2 if kind.score == "brier" else -target * np.log(m) - (1 - target) * np.log(1 - m)
    spread = sum(q[d] * (d / 10 - (target - 0.045)) ** 2 for d in range(10))
    others = [t for t in range(1, len(labels)) if labels[t] != -100 and t not in places[:2]]
    return score + kind.spread * spread - sum(np.log(softmax(logits[t - 1])[labels[t]]) for t in others)


@pytest.mark.parametrize("score", ["brier", "log"])
def test_the_loss_is_its_definition(tiny_model: Path, score: Any) -> None:
    import torch

    from uncal.backends.transformers import load_tokenizer

    tokenizer = load_tokenizer(str(tiny_model))
    inputs = batch(tokenizer, ["<uncertainty>0.37</uncertainty>", "<uncertainty>0.80</uncertainty>"])
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(*inputs["labels"].shape, len(tokenizer), generator=generator, dtype=torch.float64)
    kind = MeanMatch(score=score, spread=0.3)
    figures = [tokenizer(str(d), add_special_tokens=False)["input_ids"][0] for d in range(10)]
    expected = np.mean(
        [
            by_hand(logits[i].numpy(), inputs["labels"][i].numpy(), figures, target, kind)
            for i, target in enumerate((0.37, 0.8))
        ]
    )
    found = kind.loss(Written(logits), inputs, tokenizer).item()
    assert found == pytest.approx(expected, rel=1e-5)  # in single precision


def test_where_two_targets_cannot_be_told_apart_the_mean_is_best(tiny_model: Path) -> None:
    import torch

    from uncal.backends.transformers import load_tokenizer

    tokenizer = load_tokenizer(str(tiny_model))
    inputs = batch(tokenizer, ["<uncertainty>0.10</uncertainty>", "<uncertainty>0.60</uncertainty>"])
    figures = [tokenizer(str(d), add_special_tokens=False)["input_ids"][0] for d in range(10)]
    place = int((inputs["labels"][0] == figures[0]).nonzero()[0])  # of the figure before the point
    free = torch.zeros(10, requires_grad=True)
    optimizer = torch.optim.Adam([free], lr=0.1)
    for _ in range(300):
        logits = torch.zeros(2, inputs["labels"].shape[1], len(tokenizer))
        logits[:, place - 1, figures[0]] = 20.0  # surely below 1
        logits[:, place + 1, figures] = free
        loss = MeanMatch(spread=0.0).loss(Written(logits), inputs, tokenizer)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    mean = float(free.detach().softmax(-1) @ (torch.arange(10) / 10 + 0.045))
    assert mean == pytest.approx(0.35, abs=0.005)


def test_a_tokenizer_that_joins_figures_is_refused() -> None:
    with pytest.raises(ConfigError, match="mean_match: the tokenizer does not write numbers figure by figure"):
        _figures(lambda text, **_: {"input_ids": [hash(text)]})


def test_settings_and_rows_that_cannot_be_are_refused_and_left_out() -> None:
    with pytest.raises(ConfigError, match="spread is -1; it must be 0 or more"):
        MeanMatch(spread=-1)
    with pytest.raises(ConfigError, match=r"outcome is 2; it must lie in \[0, 1\]"):
        MeanMatch(outcome=2)
    rows = [{"uncertainty": 1.0, "correct": True}, {"uncertainty": None, "correct": True}]
    assert [record.text for record in MeanMatch().records(rows, [[], []], 0)] == ["<uncertainty>0.99</uncertainty>"]
