"""Entailment by a cross-encoder of sentence-transformers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import sentence_transformers
import torch

from uncal import models
from uncal.artefacts import sha256
from uncal.errors import ModelError
from uncal.types import Entailer, FloatArray

LABELS = ("entail", "neutral", "contra")
"""How the names of the three labels begin, in the order of a row."""


@dataclass(frozen=True, kw_only=True)
class CrossEncoder(Entailer):
    """Judge pairs by a model for natural language inference that reads both texts together.

    Which output is which label is read from the model's configuration (`id2label`): published models have them in
    different orders. A model whose labels are not entailment, neutral and contradiction is refused.

    Attributes
    ----------
    model : str, default="cross-encoder/nli-deberta-v3-base"
        As `uncal.models.resolve` takes it; any sequence classifier of three labels, such as one of the DeBERTa models
        trained on MNLI. Status of the default: proposal; papers use larger ones of the same family.
    device : str, default="auto"
        As torch names it; "auto" takes CUDA where there is one.
    batch_size : int, default=32

    References
    ----------
    Farquhar et al., Detecting hallucinations in large language models using semantic entropy, Nature 630 (2024).
    """

    model: str = "cross-encoder/nli-deberta-v3-base"
    device: str = "auto"
    batch_size: int = 32

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"batch_size is {self.batch_size}; it must be at least 1")

    def __getstate__(self) -> dict[str, Any]:
        """Leave the loaded model behind: a copy in another process loads its own."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_network", "_order", "name")}

    @cached_property
    def name(self) -> str:
        """The model's name, and the hash of its files where they are a folder."""
        folder = models.resolve(self.model)
        return f"cross_encoder {self.model}{f' {sha256(Path(folder))[:16]}' if Path(folder).is_dir() else ''}"

    @cached_property
    def _network(self) -> Any:
        folder = models.resolve(self.model)
        try:
            return sentence_transformers.CrossEncoder(
                folder, device=None if self.device == "auto" else self.device, model_kwargs={"use_safetensors": True}
            )
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            first_line = str(error).strip().partition("\n")[0]
            raise ModelError(f"entailer {self.model!r} cannot be loaded: {first_line}") from error

    @cached_property
    def _order(self) -> list[int]:
        return order(self._network.model.config.id2label, self.model)

    def __call__(self, pairs: Sequence[tuple[str, str]], /) -> FloatArray:
        """Judge pairs, (K,) -> (K, 3)."""
        if not pairs:
            return np.zeros((0, 3))
        columns = self._order
        logits = self._network.predict(
            [list(pair) for pair in pairs],
            batch_size=self.batch_size,
            show_progress_bar=False,
            activation_fn=torch.nn.Identity(),
            convert_to_numpy=True,
        )
        logits = np.asarray(logits, np.float64)[:, columns]
        exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
        rows: FloatArray = exponents / exponents.sum(axis=1, keepdims=True)
        return rows


def order(id2label: Mapping[int, str], model: str) -> list[int]:
    """Say which outputs of a model are entail, neutral and contra.

    Raises
    ------
    ModelError
        If its labels are not those three.

    Examples
    --------
    >>> order({0: "CONTRADICTION", 1: "NEUTRAL", 2: "ENTAILMENT"}, "roberta-large-mnli")
    [2, 1, 0]
    >>> order({0: "contradiction", 1: "entailment", 2: "neutral"}, "cross-encoder/nli-deberta-v3-base")
    [1, 2, 0]
    """
    named = {int(number): label.lower() for number, label in id2label.items()}
    found = [[number for number, label in named.items() if label.startswith(start)] for start in LABELS]
    if len(named) != len(LABELS) or any(len(numbers) != 1 for numbers in found):
        raise ModelError(
            f"entailer {model!r} has the labels {', '.join(map(repr, id2label.values()))}; they must be entailment, "
            "neutral and contradiction (id2label in its config.json)"
        )
    return [numbers[0] for numbers in found]
