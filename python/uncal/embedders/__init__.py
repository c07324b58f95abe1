"""Embedders: texts -> (K, D) float32 vectors. Each file here is one; its name is the plugin's."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from uncal import plugins, schema
from uncal.types import Embedder

__getattr__, __dir__ = plugins.lazy_exports("embedders")


def make(name: str, **settings: Any) -> Embedder:
    """Make an embedder by its name; settings are its fields."""
    made: Embedder = plugins.make("embedders", name, settings)
    return made


def embed_groups(groups: Sequence[Sequence[str] | None], embedder: Embedder, dtype: str = "float32") -> pa.Array:
    """Embed the texts of some groups, equal texts once.

    Returns
    -------
    pyarrow.Array
        As many rows, of the type that `schema.embeddings` gives the column; null where the group is None.
    """
    texts = [text for group in groups if group for text in group]
    distinct = sorted(set(texts))
    place = {text: i for i, text in enumerate(distinct)}
    vectors = embedder(distinct or [""]).astype(dtype)
    rows = vectors[[place[text] for text in texts]]
    dim = vectors.shape[1]
    offsets = np.cumsum([0, *(len(group or ()) for group in groups)])
    return pa.LargeListArray.from_arrays(
        pa.array(offsets, pa.int64()),
        pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), dim),
        type=schema.embeddings(dim, dtype).field("embeddings").type,
        mask=pa.array([group is None for group in groups], pa.bool_()),
    )
