"""Embeddings by the hidden states of a causal language model."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel, AutoTokenizer

from uncal import models
from uncal.errors import ModelError
from uncal.types import Embedder


@dataclass(frozen=True, kw_only=True)
class HiddenState(Embedder):
    """Embed texts by what a causal language model has in one of its layers when it has read them.

    EigenScore was made for these: the model's own states of its own answers, raw, not of unit length. A text is read
    without its question, after the token that starts a text (or ends one, for a model without): the first token that a
    model reads has a state like no other, whatever it is. Equal texts are read once; a blank one gives a zero row. A
    text longer than the model's context is cut.

    Attributes
    ----------
    model : str
        As `uncal.models.resolve` takes it; the one that wrote the texts, for EigenScore.
    layer : int or None, default=None
        0 is what goes into the first layer, 1 what comes out of it, -1 what comes out of the last; the middle one
        unless set, as published.
    position : {"last", "mean"}, default="last"
        The state at the last token, as published, or the mean over all tokens.
    device : str, default="auto"
        As torch names it; "auto" takes CUDA where there is one.
    dtype : str, default="auto"
        "float32", "bfloat16", "float16"; "auto" is float32 on a CPU, the weights' own on a GPU.
    batch_tokens : int, default=8192
        Tokens in one batch, padding included, at most; less needs less memory.

    References
    ----------
    Chen et al., INSIDE: LLMs' Internal States Retain the Power of Hallucination Detection, ICLR 2024, arXiv 2402.03744.
    Status: layer and position recalled; there the question stands before the answer.
    """

    model: str
    layer: int | None = None
    position: Literal["last", "mean"] = "last"
    device: str = "auto"
    dtype: str = "auto"
    batch_tokens: int = 8192

    def __post_init__(self) -> None:
        if self.batch_tokens < 1:
            raise ValueError(f"batch_tokens is {self.batch_tokens}; it must be at least 1")
        if self.dtype not in ("auto", "float32", "bfloat16", "float16"):
            raise ValueError(f"dtype is {self.dtype!r}; it must be auto, float32, bfloat16 or float16")

    def __getstate__(self) -> dict[str, Any]:
        """Leave the loaded model behind: a copy in another process loads its own."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_network", "_tokenizer")}

    @property
    def name(self) -> str:
        """The model's name, as given, the layer and the position."""
        return f"{self.model}:{'middle' if self.layer is None else self.layer}:{self.position}"

    @cached_property
    def _tokenizer(self) -> Any:
        return self._loaded(lambda folder: AutoTokenizer.from_pretrained(folder))

    @cached_property
    def _network(self) -> Any:
        device = ("cuda" if torch.cuda.is_available() else "cpu") if self.device == "auto" else self.device
        auto = torch.float32 if device == "cpu" else "auto"
        dtype = auto if self.dtype == "auto" else getattr(torch, self.dtype)
        network = self._loaded(lambda folder: AutoModel.from_pretrained(folder, dtype=dtype, use_safetensors=True))
        return network.to(device).eval()

    def _loaded(self, load: Any) -> Any:
        folder = models.resolve(self.model)
        try:
            return load(folder)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            first_line = str(error).strip().partition("\n")[0]
            raise ModelError(f"embedder {self.model!r} cannot be loaded: {first_line}") from error

    def _place(self) -> int:
        """Say which of the hidden states, of which there is one more than layers."""
        count = int(self._network.config.num_hidden_layers)
        place = count // 2 if self.layer is None else self.layer
        if not -count - 1 <= place <= count:
            raise ModelError(f"embedder {self.model!r}: layer is {place}; the model has {count} layers")
        return place

    def _start(self) -> list[int]:
        """Give the token before each text, if the model knows one."""
        known = (self._tokenizer.bos_token_id, self._tokenizer.eos_token_id)
        return [int(one) for one in known if one is not None][:1]

    @torch.inference_mode()
    def __call__(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """Embed texts, (K,) -> (K, D) float32."""
        distinct = sorted({text.strip() for text in texts} - {""})
        context = int(getattr(self._network.config, "max_position_embeddings", 0) or 2**31)
        start = self._start()
        ids = [start + list(self._tokenizer(text, add_special_tokens=False)["input_ids"]) for text in distinct]
        ids = [one[:context] for one in ids]
        rows = np.zeros((len(distinct) + 1, int(self._network.config.hidden_size)), np.float32)
        todo = sorted(range(len(ids)), key=lambda i: len(ids[i]), reverse=True)
        place = self._place()
        while todo:
            size = max(1, self.batch_tokens // max(1, len(ids[todo[0]])))
            batch, todo = todo[:size], todo[size:]
            rows[[i + 1 for i in batch]] = self._read([ids[i] for i in batch], place, len(start))
        number = {text: i for i, text in enumerate(["", *distinct])}
        return rows[[number[text.strip()] for text in texts]]

    def _read(self, ids: list[list[int]], place: int, skipped: int) -> NDArray[np.float32]:
        """Read texts of like length together; padding stands behind, where a causal model does not see it."""
        width = max(map(len, ids))
        tokens = torch.zeros((len(ids), width), dtype=torch.long)
        mask = torch.zeros((len(ids), width), dtype=torch.long)
        for row, one in enumerate(ids):
            tokens[row, : len(one)], mask[row, : len(one)] = torch.tensor(one), 1
        device = self._network.device
        read = self._network(
            input_ids=tokens.to(device), attention_mask=mask.to(device), output_hidden_states=True, use_cache=False
        )
        states = read.hidden_states[place].float().cpu()
        lengths = mask.sum(dim=1)
        if self.position == "last":
            chosen = states[torch.arange(len(ids)), lengths - 1]
        else:
            mask[:, :skipped] = 0
            chosen = (states * mask[:, :, None]).sum(dim=1) / mask.sum(dim=1)[:, None]
        return np.asarray(chosen.numpy(), np.float32)
