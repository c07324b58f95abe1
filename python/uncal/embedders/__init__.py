"""Embedders: texts -> (K, D) float32 vectors. Each file here is one; its name is the plugin's."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from uncal import plugins, schema
from uncal.types import Embedder, FloatArray

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


def relevances(
    token_texts: Sequence[Sequence[str] | None], embedder: Embedder, *, questions: Sequence[str] | None = None
) -> list[FloatArray | None]:
    """Say of each token of some texts how much their meaning changes without it, in [0, 1].

    That is one minus the cosine of the embeddings of the text with and without the token, a cosine below 0 being 0. A
    token is taken out where it stands, and nothing else. Cost: T + 1 texts of T tokens to embed, equal ones once.

    Parameters
    ----------
    token_texts : sequence of lists of str, or None
        What each token adds to its text. One that adds nothing has relevance 0.
    embedder : Embedder
    questions : sequence of str, as many, optional
        Put before each text, and a space, as published; without them texts are embedded by themselves.

    Returns
    -------
    list of ndarray of shape (T,), or None

    References
    ----------
    Duan et al., Shifting Attention to Relevance, ACL 2024, arXiv 2307.01379. Status: verified in the authors' code,
    which compares by a cross-encoder; an embedder's cosine is a proposal.

    Examples
    --------
    >>> relevances([["Paris", ", ", "France"], None], make("hashing"))[0].round(2)
    array([0.32, 0.33, 0.38])
    """
    places: dict[str, int] = {}
    rows: list[tuple[int, list[int]] | None] = []
    for i, tokens in enumerate(token_texts):
        if tokens is None:
            rows.append(None)
            continue
        before = f"{questions[i].strip()} " if questions is not None and questions[i].strip() else ""
        parts = [tokens, *([*tokens[:t], *tokens[t + 1 :]] for t in range(len(tokens)))]
        whole, *without = (places.setdefault(f"{before}{''.join(part).strip()}", len(places)) for part in parts)
        rows.append((whole, without))
    vectors = np.asarray(embedder(list(places) or [""]), np.float64)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(norms > 0, norms, 1)
    found: list[FloatArray | None] = []
    for row in rows:
        if row is None:
            found.append(None)
            continue
        whole, without = row
        values = 1 - np.clip(unit[without] @ unit[whole], 0.0, 1.0)
        values[np.array(without, np.int64) == whole] = 0.0
        found.append(values)
    return found
