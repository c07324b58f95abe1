"""Arrays of whatever was given, or a complaint that names the argument; the numbers are checked in compiled code."""

from operator import index
from typing import Any, NamedTuple, cast, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

GROUPED = ("embeddings", "similarity", "entail", "contra", "clusters")
"""Arguments that come with offsets."""


def read(name: str, values: Any) -> NDArray[Any]:
    """`values` as an array, without a copy where that is possible."""
    try:
        if isinstance(values, np.ndarray):
            mask = getattr(values, "mask", None)
            if mask is not None and np.any(mask):
                raise ValueError("has masked entries")
            return values
        if type(values).__module__.partition(".")[0] == "pyarrow":
            return from_arrow(values)
        array = np.from_dlpack(values) if hasattr(values, "__dlpack__") else np.asarray(values)
    except (TypeError, ValueError, RuntimeError, BufferError, AttributeError) as error:
        raise ValueError(f"{name}: cannot be read as an array: {_why(name, values, error)}") from error
    if array.dtype == object and array.ndim == 0:
        raise ValueError(f"{name}: is {shown(values)}, must be an array")
    return array


def _why(name: str, values: Any, error: Exception) -> str:
    """Say in one line why something is no array, and what to do."""
    if "bfloat16" in str(getattr(values, "dtype", "")):
        return "NumPy has no bfloat16; convert it to float32 first (.float())"
    if "cuda" in str(getattr(values, "device", "")):
        return f"it lies on {values.device}; copy it to main memory first (.cpu())"
    if "inhomogeneous" in str(error):
        remedy = "; join groups end to end, and say by offsets where each starts" if name in GROUPED else ""
        return f"its lists differ in length (inhomogeneous){remedy}"
    return " ".join(str(error).split())


def shown(value: Any) -> str:
    """`repr` on one line, cut short."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 40 else f"{text[:40]}..."


def from_arrow(values: Any) -> NDArray[Any]:
    """Read a pyarrow array of numbers, strings or (nested) fixed-size lists."""
    if not hasattr(values, "null_count"):
        raise ValueError(f"it is a pyarrow {type(values).__name__}; pass an array, such as a column of a table")
    if hasattr(values, "num_chunks"):
        if values.num_chunks != 1:
            raise ValueError(f"has {values.num_chunks} chunks, must have 1 (combine_chunks() copies them into one)")
        values = values.chunk(0)
    if values.null_count:
        raise ValueError(f"row {values.is_null().index(True).as_py()} is null")
    if hasattr(values.type, "list_size"):
        inner = from_arrow(values.flatten())
        return inner.reshape(len(values), values.type.list_size, *inner.shape[1:])
    if hasattr(values, "offsets"):
        raise ValueError("is a list of varying size; pass its .values, and its .offsets as offsets")
    return cast(NDArray[Any], values.to_numpy(zero_copy_only=False))


def ready(array: NDArray[Any], dtype: Any) -> NDArray[Any]:
    """Return the array as compiled code takes it; `numpy.require` alone costs more than a small kernel."""
    flags = array.flags
    if array.dtype == dtype and flags.c_contiguous and flags.aligned:
        return array
    return np.require(array, dtype, ["C", "A"])


def groups(
    embeddings: ArrayLike, offsets: ArrayLike | None, *, empty: bool = False
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Rows (K, D), contiguous, and offsets (P + 1,); groups may be `empty` or not."""
    array = read("embeddings", embeddings)
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        raise ValueError(f"embeddings: dtype is {array.dtype}, must be float16, float32 or float64; use .astype")
    if array.ndim == 3:
        if offsets is not None:
            raise ValueError("offsets: a 3-D array of embeddings has none")
        if array.shape[0] > 0 and array.shape[1] == 0 and not empty:
            raise ValueError(f"embeddings: has shape {array.shape}, group 0 is empty")
        ends = np.arange(array.shape[0] + 1, dtype=np.int64) * array.shape[1]
    elif array.ndim == 2:
        if offsets is None:
            raise ValueError("offsets: needed with a 2-D array of embeddings; groups of one size can be (P, N, D)")
        ends = integers("offsets", offsets)
    else:
        raise ValueError(f"embeddings: has shape {array.shape}, must be (P, N, D), or (K, D) with offsets")
    # Copies only what is strided, unaligned or of foreign byte order.
    rows = ready(array, array.dtype.newbyteorder("="))
    return rows.reshape(array.shape[0] * array.shape[1], array.shape[2]) if array.ndim == 3 else rows, ends


def squares(
    name: str, matrices: ArrayLike, offsets: ArrayLike | None
) -> tuple[NDArray[np.float32] | FloatArray, NDArray[np.int64]]:
    """Square matrices one after the other, flat and contiguous, and the offsets (P + 1,) of their rows."""
    array = read(name, matrices)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name}: dtype is {array.dtype}, must be numbers")
    if array.ndim == 3:
        if offsets is not None:
            raise ValueError(f"offsets: a 3-D array of {name} has none")
        if array.shape[1] != array.shape[2]:
            raise ValueError(f"{name}: has shape {array.shape}, must be (P, N, N)")
        if array.shape[0] > 0 and array.shape[1] == 0:
            raise ValueError(f"{name}: has shape {array.shape}, group 0 is empty")
        ends = np.arange(array.shape[0] + 1, dtype=np.int64) * array.shape[1]
    elif array.ndim == 1:
        if offsets is None:
            raise ValueError(f"offsets: needed with flat {name}; matrices of one size can be (P, N, N)")
        ends = integers("offsets", offsets)
    else:
        raise ValueError(f"{name}: has shape {array.shape}, must be (P, N, N), or flat with offsets")
    dtype = np.float32 if array.dtype in (np.float16, np.float32) else np.float64
    return ready(array, dtype).reshape(-1), ends


def integers(name: str, values: ArrayLike) -> NDArray[np.int64]:
    array = one_dimensional(name, read(name, values))
    if array.dtype.kind not in ("iu" if array.size > 0 else "iuf"):  # an empty list is of floats
        raise ValueError(f"{name}: dtype is {array.dtype}, must be integers")
    if array.dtype.kind == "u" and array.dtype.itemsize == 8 and (big := array > np.uint64(2**63 - 1)).any():
        raise ValueError(f"{name}: row {int(big.argmax())} is {array[big][0]}, must be below 2 ** 63")
    return ready(array, np.int64)


def column(name: str, values: ArrayLike) -> FloatArray:
    """Numbers (K,) as contiguous float64."""
    array = one_dimensional(name, read(name, values))
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name}: dtype is {array.dtype}, must be numbers")
    return ready(array, np.float64)


def real(name: str, values: ArrayLike) -> NDArray[np.float32] | FloatArray:
    """Numbers (K,) as contiguous float32 where that is exact for their type, float64 otherwise."""
    array = one_dimensional(name, read(name, values))
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name}: dtype is {array.dtype}, must be numbers")
    return ready(array, np.float32 if array.dtype in (np.float16, np.float32) else np.float64)


def flat(name: str, values: ArrayLike, embeddings: ArrayLike) -> NDArray[Any]:
    """Return one value for each row: (K,), or (P, N) beside `embeddings` of (P, N, D), as (K,)."""
    array = read(name, values)
    if array.ndim == 2:
        shape = np.shape(embeddings)[:2] if np.ndim(embeddings) == 3 else None
        if array.shape != shape:
            wanted = "(K,)" if shape is None else f"{shape} or ({shape[0] * shape[1]},)"
            raise ValueError(f"{name}: has shape {array.shape}, must be {wanted}")
        return array.reshape(-1)
    return array


def counts(values: ArrayLike | None, embeddings: ArrayLike) -> FloatArray | None:
    """Return how often each row counts, (K,)."""
    return None if values is None else column("counts", flat("counts", values, embeddings))


def weights(values: ArrayLike | None) -> FloatArray | None:
    return None if values is None else column("weights", values)


def repetitions(values: ArrayLike | None, rows: int, name: str = "correct") -> FloatArray:
    """Weights (K,), 1 by default, checked as compiled code checks them: for what NumPy computes."""
    if rows == 0:
        raise ValueError(f"{name}: empty, needs at least one row")
    array = weights(values)
    if array is None:
        return np.ones(rows)
    if len(array) != rows:
        raise ValueError(f"weights: has {len(array)} rows, {rows} expected")
    bad = ~(np.isfinite(array) & (array >= 0))
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(f"weights: row {row} is {array[row]}, must be finite and at least 0")
    if not 1e-100 <= array.sum() <= 1e100:
        raise ValueError(f"weights: their sum is {array.sum()}, must lie between 1e-100 and 1e100")
    return array


class Rows(NamedTuple):
    """What most metrics read; `soft` are the shares of right that were split into two rows each."""

    confidence: NDArray[np.float32] | FloatArray
    correct: NDArray[np.bool_]
    weights: FloatArray | None
    soft: FloatArray | None


def rows(confidence: ArrayLike, correct: ArrayLike, weights_: ArrayLike | None) -> Rows:
    """Rows of which some may be right in part: a share c is a right row of weight c and a wrong one of weight 1 - c."""
    told, array = real("confidence", confidence), one_dimensional("correct", read("correct", correct))
    if array.dtype.kind != "f" or ((array == 0) | (array == 1)).all():
        return Rows(told, verdicts(array), weights(weights_), None)
    bad = ~((array >= 0) & (array <= 1))
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(f"correct: row {row} is {array[row]!s}, must be bool, or numbers in [0, 1]")
    if len(array) != len(told):
        raise ValueError(f"correct: has {len(array)} rows, {len(told)} expected")
    share = ready(array, np.float64)
    count = repetitions(weights_, len(share))
    right = np.repeat([True, False], len(share))
    return Rows(np.concatenate([told, told]), right, np.concatenate([count * share, count * (1 - share)]), share)


def whole(rows: Rows, setting: str) -> None:
    """Refuse answers that are right in part."""
    if rows.soft is not None:
        raise ValueError(f"correct: has numbers between 0 and 1, which {setting} does not take")


def verdicts(values: ArrayLike, name: str = "correct") -> NDArray[np.bool_]:
    """Verdicts (K,) as bool, from bool or from numbers that are all 0 or 1."""
    array = one_dimensional(name, read(name, values))
    if array.dtype == np.bool_:
        return np.require(array, requirements=["C", "A"])
    if array.dtype.kind not in "fiuO":
        raise ValueError(f"{name}: dtype is {array.dtype}, must be bool, or all 0 and 1")
    # An object is compared as it is: None, NaN and "1" are neither 0 nor 1.
    right = np.asarray(array == 1, dtype=np.bool_)
    bad = ~(right | np.asarray(array == 0, dtype=np.bool_))
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(f"{name}: row {row} is {array[row]!s}, must be bool, or all 0 and 1")
    return right


def labels(values: ArrayLike | None) -> NDArray[np.int64] | None:
    """Labels of any sort, numbered in their own order."""
    if values is None:
        return None
    array = one_dimensional("groups", read("groups", values))
    if array.dtype.kind not in "iuUSTO" and array.size > 0:
        raise ValueError(f"groups: dtype is {array.dtype}, must be integers or strings")
    try:
        return np.unique(array, return_inverse=True)[1].astype(np.int64, copy=False)
    except TypeError as error:
        raise ValueError(f"groups: cannot be told apart: {error}") from error


def one_dimensional(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim != 1:
        raise ValueError(f"{name}: has shape {array.shape}, must be 1-D")
    return array


def number(name: str, value: float) -> float:
    """Take one number, as a float; its range is checked in compiled code."""
    if isinstance(value, float):
        return value
    try:
        if isinstance(value, bool | np.bool_ | str | bytes) or getattr(value, "ndim", 0):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        raise ValueError(f"{name}: is {shown(value)}, must be a number") from None


def optional_number(name: str, value: float | None) -> float | None:
    return None if value is None else number(name, value)


def positive(name: str, value: float) -> float:
    value = number(name, value)
    if not 0 < value < float("inf"):
        raise ValueError(f"{name}: is {value}, must be a finite number above 0")
    return value


def flag(name: str, value: bool) -> bool:
    """Take True and False, and nothing that only counts as such."""
    if value is True or value is False:
        return value
    if not isinstance(value, np.bool_):
        raise ValueError(f"{name}: is {shown(value)}, must be True or False")
    return bool(value)


def choice(name: str, value: str, kinds: Any) -> str:
    """Take a text, one of those of the `Literal` `kinds`; which one is checked in compiled code."""
    if not isinstance(value, str):
        raise ValueError(f"{name}: is {shown(value)}, must be one of {', '.join(get_args(kinds))}")
    return value


def names(name: str, values: Any) -> list[str]:
    """Take several texts, or one."""
    if isinstance(values, str):
        return [values]
    try:
        chosen = list(values)
    except TypeError:
        chosen = [values]
    for value in chosen:
        if not isinstance(value, str):
            raise ValueError(f"{name}: has {shown(value)} in it, must be names")
    return chosen


def count(name: str, value: int, least: int, most: int) -> int:
    try:
        if isinstance(value, bool):
            raise TypeError
        number = index(value)
    except TypeError:
        raise ValueError(f"{name}: is {shown(value)}, must be a whole number") from None
    if not least <= number <= most:
        raise ValueError(f"{name}: is {number}, must be a whole number from {least} to {most}")
    return number


def bins(n_bins: int) -> int:
    return count("n_bins", n_bins, 1, 10_000_000)


def threads(threads: int | None) -> int | None:
    return None if threads is None else count("threads", threads, 1, 4096)
