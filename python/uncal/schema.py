"""The columns of every artefact and the files that a run folder holds; the only place that knows their names."""

import numpy as np
import pyarrow as pa

from uncal.errors import ArtefactError
from uncal.types import Groups

VERSION = 1
"""Goes up when a column changes its name or meaning; files of another version are refused."""

QUESTIONS = "questions.parquet"
COMPLETIONS = "completions.parquet"
EMBEDDINGS = "embeddings.arrow"
GRADES = "grades.parquet"
SCORES = "scores.parquet"
CALIBRATOR = "calibrator.json"
TARGETS = "targets.parquet"
STATEMENTS = "statements.parquet"
ADAPTER = "adapter"
REPORT_JSON = "report.json"
REPORT_HTML = "report.html"

SPLITS = ("calibrate", "train", "validate", "test")

questions = pa.schema(
    [("id", pa.string()), ("prompt", pa.string()), ("answers", pa.list_(pa.string())), ("split", pa.string())]
)

completions = pa.schema(
    [
        ("id", pa.string()),
        ("prompt", pa.string()),
        ("answer", pa.string()),  # one low-temperature answer, kept frozen
        ("answer_logprobs", pa.list_(pa.float32())),
        ("completions", pa.list_(pa.string())),
        ("logprobs", pa.list_(pa.list_(pa.float32()))),
        ("finish_reasons", pa.list_(pa.string())),
        ("status", pa.string()),  # DONE or FAILED; a failed row has nulls above and says why below
        ("error", pa.string()),
    ]
)
DONE, FAILED = "done", "failed"

grades = pa.schema(
    [
        ("id", pa.string()),
        ("correct", pa.bool_()),  # of `answer`; null without an accepted answer or without an `answer`
        ("completions_correct", pa.list_(pa.bool_())),
        ("grader", pa.string()),
    ]
)

targets = pa.schema(
    [
        ("id", pa.string()),
        ("split", pa.string()),
        ("prompt", pa.string()),
        ("answer", pa.string()),
        ("uncertainty", pa.float64()),  # calibrated probability that `answer` is wrong
        ("correct", pa.bool_()),
    ]
)

statements = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),  # BASE or TRAINED
        ("text", pa.string()),
        ("uncertainty", pa.float64()),  # null when malformed
        ("reason", pa.string()),
    ]
)
BASE, TRAINED = "base", "adapter"


def embeddings(dim: int, dtype: str = "float32") -> pa.Schema:
    """Columns of embeddings.arrow: for each question the (N, dim) vectors of its completions."""
    row = pa.list_(pa.from_numpy_dtype(np.dtype(dtype)), dim)
    return pa.schema([("id", pa.string()), ("embeddings", pa.large_list(row))])


def scores(names: tuple[str, ...]) -> pa.Schema:
    """Columns of scores.parquet: one for each scorer, null where a group could not be scored."""
    return pa.schema([("id", pa.string()), *((name, pa.float64()) for name in names)])


def groups(embeddings: pa.Array | pa.ChunkedArray) -> tuple[Groups, np.ndarray]:
    """Return the scorable groups of an `embeddings` column, and which of its P rows they are.

    Parameters
    ----------
    embeddings : large_list of fixed_size_list of float16, float32 or float64; P rows
        A row that is null, empty or holds a value that is not finite cannot be scored.

    Returns
    -------
    groups : Groups
        Of the scorable rows. A view of the column's own memory when every row is scorable.
    scorable : ndarray of shape (P,), bool
    """
    column = embeddings.combine_chunks() if isinstance(embeddings, pa.ChunkedArray) else embeddings
    kind = column.type
    if not (pa.types.is_large_list(kind) or pa.types.is_list(kind)) or not pa.types.is_fixed_size_list(kind.value_type):
        raise ArtefactError(f"column 'embeddings' is {kind}; it must be a large_list of fixed_size_list of floats")
    lengths = column.value_lengths().to_numpy(zero_copy_only=False)
    scorable = np.nan_to_num(lengths) > 0
    vectors = column.flatten()
    dim = kind.value_type.list_size
    rows = vectors.flatten().to_numpy(zero_copy_only=True).reshape(-1, dim)
    offsets = np.concatenate([[0], np.cumsum(np.nan_to_num(lengths))]).astype(np.int64)
    if vectors.null_count or len(rows) != len(vectors):
        raise ArtefactError("column 'embeddings' holds null vectors; a group is whole or null")
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        owner = np.repeat(np.arange(len(lengths)), np.nan_to_num(lengths).astype(np.int64))
        scorable[owner[~finite]] = False
    if not scorable.all():
        kept = np.nan_to_num(lengths).astype(np.int64)
        rows = rows[np.repeat(scorable, kept)]
        offsets = np.concatenate([[0], np.cumsum(kept[scorable])]).astype(np.int64)
    return Groups(offsets=offsets, embeddings=rows), scorable
