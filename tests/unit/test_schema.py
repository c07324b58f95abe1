"""Groups out of Arrow columns."""

import numpy as np
import pyarrow as pa
import pytest

from uncal import schema
from uncal.errors import ArtefactError
from uncal.types import BoolArray, Groups

EMBEDDINGS = frozenset({"embeddings"})


def column(groups: list[list[list[float]] | None], dtype: str = "float32") -> pa.Array:
    return pa.array(groups, schema.embeddings(2, dtype).field("embeddings").type)


def groups_of(embeddings: pa.Array | pa.ChunkedArray) -> tuple[Groups, BoolArray]:
    return schema.groups(schema.columns(pa.table({"embeddings": embeddings}), EMBEDDINGS))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_whole_column_is_borrowed_and_not_copied(dtype: str) -> None:
    made = column([[[1, 2], [3, 4]], [[5, 6]]], dtype)
    groups, scorable = groups_of(made)
    assert groups.offsets.tolist() == [0, 2, 3]
    assert groups.column("embeddings").tolist() == [[1, 2], [3, 4], [5, 6]]
    assert groups.column("embeddings").dtype == dtype
    assert scorable.tolist() == [True, True]
    assert groups.column("embeddings").ctypes.data == made.values.values.buffers()[1].address
    assert groups.offsets.ctypes.data == made.offsets.buffers()[1].address


def test_a_slice_of_a_column_gives_its_own_rows_in_place() -> None:
    whole = column([[[1, 2]], [[3, 4], [5, 6]], [[7, 8]]])
    groups, scorable = groups_of(whole.slice(1, 1))
    assert groups.offsets.tolist() == [0, 2]
    assert groups.column("embeddings").tolist() == [[3, 4], [5, 6]]
    assert scorable.tolist() == [True]
    assert groups.column("embeddings").ctypes.data == whole.values.values.buffers()[1].address + 2 * 4


def test_offsets_of_32_bits_are_widened_and_vectors_stay_where_they_are() -> None:
    made = column([[[1, 2]], [[3, 4], [5, 6]]]).cast(pa.list_(pa.list_(pa.float32(), 2)))
    groups, _ = groups_of(made)
    assert groups.offsets.dtype == np.int64
    assert groups.offsets.tolist() == [0, 1, 3]
    assert groups.column("embeddings").ctypes.data == made.values.values.buffers()[1].address


def test_null_and_empty_groups_cannot_be_scored_and_copy_nothing() -> None:
    made = column([[[1, 2]], None, [], [[3, np.nan]], [[5, 6], [7, 8]]])
    groups, scorable = groups_of(made)
    assert scorable.tolist() == [True, False, False, True, True]  # what is in a vector the kernel sees
    assert groups.offsets.tolist() == [0, 1, 1, 1, 2, 4]
    assert groups.nan_policy == "propagate"
    assert groups.column("embeddings").ctypes.data == made.values.values.buffers()[1].address


def test_what_lies_behind_a_null_does_no_harm() -> None:
    vectors = pa.array([[1, 2], [3, 4], [5, 6]], pa.list_(pa.float32(), 2))
    made = pa.LargeListArray.from_arrays(
        pa.array([0, 1, 2, 3], pa.int64()), vectors, mask=pa.array([False, True, False])
    )
    groups, scorable = groups_of(made)
    assert scorable.tolist() == [True, False, True]
    assert groups.offsets.tolist() == [0, 1, 2, 3]


def test_a_null_vector_or_number_takes_its_group_out() -> None:
    kind = schema.embeddings(2).field("embeddings").type
    groups, scorable = groups_of(pa.array([[[1, 2], None], [[3, 4]], [[5, None]]], kind))
    assert scorable.tolist() == [False, True, True]
    assert np.isnan(groups.column("embeddings")[3, 1])  # the kernel gives NaN for it


def test_a_column_of_nulls_gives_empty_groups() -> None:
    groups, scorable = groups_of(column([None, None]))
    assert groups.offsets.tolist() == [0, 0, 0]
    assert groups.column("embeddings").shape == (0, 2)
    assert scorable.tolist() == [False, False]


def test_chunks_are_joined() -> None:
    made = pa.chunked_array([column([[[1, 2]]]), column([[[3, 4]], None])])
    groups, scorable = groups_of(made)
    assert groups.column("embeddings").tolist() == [[1, 2], [3, 4]]
    assert scorable.tolist() == [True, True, False]


def test_a_table_without_rows_gives_no_groups() -> None:
    groups, scorable = groups_of(pa.chunked_array([], column([]).type))
    assert (groups.offsets.tolist(), scorable.tolist()) == ([0], [])


def test_groups_that_lack_one_of_several_columns_are_left_out_of_all() -> None:
    batch = pa.table(
        {
            "texts": pa.array([["a", "b"], ["c"], ["d", "e"], None, ["f", "g"]], pa.large_list(pa.string())),
            "logprobs": pa.array([[-1, -2], [-3], None, [-4], [-5, np.nan]], pa.large_list(pa.float64())),
            "entail": pa.array([[1, 2, 3, 4], [5], [6, 7, 8, 9], [1], [1, 2, 3, 4]], pa.list_(pa.float32())),
        }
    )
    groups, scorable = schema.groups(schema.columns(batch, {"texts", "logprobs", "entail"}))
    assert scorable.tolist() == [True, True, False, False, False]
    assert groups.offsets.tolist() == [0, 2, 3]
    assert groups.texts.to_pylist() == ["a", "b", "c"]
    assert groups.column("logprobs").tolist() == [-1, -2, -3]
    assert groups.column("entail").tolist() == [1, 2, 3, 4, 5]
    only, scorable = schema.groups(schema.columns(batch, {"entail"}))
    assert scorable.all()
    assert only.offsets.tolist() == [0, 2, 3, 5, 6, 8]
    with pytest.raises(ValueError, match="texts: needed here, and these groups have none"):
        only.column("texts")


def test_columns_of_different_lengths_are_an_error_that_names_the_row() -> None:
    numbers = pa.large_list(pa.float64())
    batch = pa.table(
        {
            "texts": pa.array([["a", "b"], ["c"]], pa.large_list(pa.string())),
            "logprobs": pa.array([[-1, -2], [-3, -4]], numbers),
            "entail": pa.array([[1, 2, 3, 4], [5, 6]], numbers),
        }
    )
    with pytest.raises(ArtefactError, match="row 1: 2 logprobs and 1 texts; a group has as many of each"):
        schema.groups(schema.columns(batch, {"texts", "logprobs"}))
    every = batch.set_column(2, "entail", pa.array([None, [1.0]], numbers)).append_column(
        "contra", pa.array([None, [1.0, 2.0, 3.0, 4.0]], numbers)
    )
    with pytest.raises(ArtefactError, match="row 1: 2 contra and 1 entail; a group has as many of each"):
        schema.columns(every, {"texts", "entail", "contra"})
    with pytest.raises(ArtefactError, match=r"row 1: 2 values of 'entail'; a group of n has n \* n"):
        schema.groups(schema.columns(batch, {"entail"}))


def test_another_kind_of_column_is_an_error() -> None:
    with pytest.raises(ArtefactError, match=r"column 'embeddings' is list<.*double>; it must be a large_list"):
        groups_of(pa.array([[1.0, 2.0]]))
    with pytest.raises(ArtefactError, match="column 'embeddings' is double; it must be a large_list"):
        groups_of(pa.array([1.0, 2.0]))
