"""Groups out of Arrow columns."""

import numpy as np
import pyarrow as pa
import pytest

from uncal import schema
from uncal.errors import ArtefactError


def column(groups: list[list[list[float]] | None], dtype: str = "float32") -> pa.Array:
    return pa.array(groups, schema.embeddings(2, dtype).field("embeddings").type)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_whole_column_is_borrowed_and_not_copied(dtype: str) -> None:
    made = column([[[1, 2], [3, 4]], [[5, 6]]], dtype)
    groups, scorable = schema.groups(made)
    assert groups.offsets.tolist() == [0, 2, 3]
    assert groups.embeddings.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert groups.embeddings.dtype == dtype
    assert scorable.tolist() == [True, True]
    assert groups.embeddings.ctypes.data == made.values.values.buffers()[1].address


def test_a_slice_of_a_column_gives_its_own_rows() -> None:
    made = column([[[1, 2]], [[3, 4], [5, 6]], [[7, 8]]]).slice(1, 1)
    groups, scorable = schema.groups(made)
    assert groups.offsets.tolist() == [0, 2]
    assert groups.embeddings.tolist() == [[3, 4], [5, 6]]
    assert scorable.tolist() == [True]


def test_null_empty_and_not_finite_groups_cannot_be_scored() -> None:
    made = column([[[1, 2]], None, [], [[3, np.nan]], [[np.inf, 0], [1, 1]], [[5, 6], [7, 8]]])
    groups, scorable = schema.groups(made)
    assert scorable.tolist() == [True, False, False, False, False, True]
    assert groups.offsets.tolist() == [0, 1, 3]
    assert groups.embeddings.tolist() == [[1, 2], [5, 6], [7, 8]]


def test_a_column_of_nulls_gives_no_groups() -> None:
    groups, scorable = schema.groups(column([None, None]))
    assert groups.offsets.tolist() == [0]
    assert groups.embeddings.shape == (0, 2)
    assert scorable.tolist() == [False, False]


def test_chunks_are_joined() -> None:
    made = pa.chunked_array([column([[[1, 2]]]), column([[[3, 4]], None])])
    groups, scorable = schema.groups(made)
    assert groups.embeddings.tolist() == [[1, 2], [3, 4]]
    assert scorable.tolist() == [True, True, False]


def test_another_kind_of_column_is_an_error() -> None:
    with pytest.raises(ArtefactError, match=r"column 'embeddings' is list<.*double>; it must be a large_list"):
        schema.groups(pa.array([[1.0, 2.0]]))
