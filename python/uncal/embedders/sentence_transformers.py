"""Embeddings by sentence-transformers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sentence_transformers
from numpy.typing import NDArray

from uncal import models
from uncal.errors import ModelError
from uncal.types import Embedder


@dataclass(frozen=True, kw_only=True)
class SentenceTransformers(Embedder):
    """Embed texts by a sentence-transformers model.

    Equal texts are embedded once. A blank text gives a zero row, which kernels take as a direction of its own.

    Attributes
    ----------
    model : str, default="sentence-transformers/all-mpnet-base-v2"
        As `uncal.models.resolve` takes it. Status of the default: inferred; the paper's embedder is not disclosed, an
        earlier paper of its authors uses this one.
    device : str, default="auto"
        As torch names it; "auto" takes CUDA where there is one.
    batch_size : int, default=64
    """

    model: str = "sentence-transformers/all-mpnet-base-v2"
    device: str = "auto"
    batch_size: int = 64

    def __getstate__(self) -> dict[str, Any]:
        """Leave the loaded model behind: a copy in another process loads its own."""
        return {name: value for name, value in self.__dict__.items() if name != "_network"}

    @property
    def name(self) -> str:
        """The model's name, as given."""
        return self.model

    @cached_property
    def _network(self) -> Any:
        folder = models.resolve(self.model)
        try:
            return sentence_transformers.SentenceTransformer(
                folder, device=None if self.device == "auto" else self.device, model_kwargs={"use_safetensors": True}
            )
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            first_line = str(error).strip().partition("\n")[0]
            raise ModelError(f"embedder {self.model!r} cannot be loaded: {first_line}") from error

    def __call__(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """Embed texts, (K,) -> (K, D) float32."""
        distinct = sorted({text.strip() for text in texts} - {""})
        rows = np.zeros((len(distinct) + 1, self._network.get_embedding_dimension()), np.float32)
        if distinct:
            rows[1:] = self._network.encode(
                distinct, batch_size=self.batch_size, show_progress_bar=False, convert_to_numpy=True
            )
        place = {text: i for i, text in enumerate(["", *distinct])}
        return rows[[place[text.strip()] for text in texts]]
