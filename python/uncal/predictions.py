"""Confidences or scores, and which answers were right: a few columns out of anybody's file, small in memory.

A file is read in batches, and of each row eight bytes or fewer a column are kept: numbers as float32 where the file has
them so, verdicts as bool, names as whole numbers.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from uncal import group_files, progress
from uncal.ahead import ahead
from uncal.errors import ArtefactError
from uncal.group_files import Place, Source
from uncal.linguistic import Linguistic, read_linguistic
from uncal.types import BoolArray, FloatArray, IntArray
from uncal.verbal import Verbal, read_confidence

NAMES = {
    "confidence": ("confidence", "conf", "stated_confidence"),
    "scores": ("score", "scores", "uncertainty"),
    "correct": ("correct", "is_correct", "right"),
}
"""Names that are looked for, the first one wins, where none is given."""
Unparsed = Literal["drop", "worst", "base_rate"]
POLICIES: tuple[str, ...] = get_args(Unparsed)
Reader = Literal["verbal", "linguistic"]
READERS: dict[str, Callable[[str], Verbal | Linguistic]] = {"verbal": read_confidence, "linguistic": read_linguistic}
VERDICTS = dict.fromkeys(("true", "yes", "1", "1.0"), 1) | dict.fromkeys(("false", "no", "0", "0.0"), 0)
MISSING = ("", "nan", "na", "n/a", "null", "none")
"""What text files have where there is no value."""
ROWS = 1 << 16
UNREAD = "no value"
STATED, BY_WORDS, UNMARKED = range(3)
"""Where a number comes from: it is written, it is that of words, or that of a text without any such words."""


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Names of the columns to read; `stated` may be several that are measured against each other.

    Attributes
    ----------
    stated : tuple of str
        Of confidences or scores.
    correct, weights, group, by : str or None
    parse : bool, default=False
        The columns `stated` hold texts, of which a reader makes numbers.
    reader : {"verbal", "linguistic"}, default="verbal"
        `uncal.verbal` reads what a text states, `uncal.linguistic` how sure it sounds.
    unparsed : {"drop", "worst", "base_rate"}, default="drop"
        Where there is no number: leave the row out; take 1 for a wrong answer and 0 for a right one; or take the share
        of right answers among all.
    bounded : bool, default=True
        Numbers outside [0, 1] are an error.
    """

    stated: tuple[str, ...]
    correct: str | None = None
    weights: str | None = None
    group: str | None = None
    by: str | None = None
    parse: bool = False
    reader: Reader = "verbal"
    unparsed: Unparsed = "drop"
    bounded: bool = True


@dataclass
class Predictions:
    """Rows of a file that can be measured.

    Attributes
    ----------
    stated : list of ndarray of shape (K,), float32 or float64
        Finite, one array for each column.
    correct : ndarray of shape (K,), bool
    weights : ndarray of shape (K,), optional
    group, by : ndarray of shape (K,), integers, optional
        Values numbered in order of appearance; those of a `group` of integers are themselves.
    names : list
        Values of `by` by their numbers.
    rows : int
        Of the file.
    ungraded : int
        Rows without a verdict, which are left out.
    dropped : int
        Graded rows that are left out for want of a number.
    unread : list of Counter
        Reason -> graded rows without a number for it, for each column of `stated`.
    by_words : list of int
        Graded rows whose number comes of a word, for each column of `stated`.
    unmarked : list of int
        Graded rows whose number is that of a text without any such word, for each column of `stated`.
    """

    stated: list[NDArray[Any]]
    correct: BoolArray
    weights: FloatArray | None = None
    group: IntArray | None = None
    by: IntArray | None = None
    names: list[Any] = field(default_factory=list)
    rows: int = 0
    ungraded: int = 0
    dropped: int = 0
    unread: list[Counter[str]] = field(default_factory=list)
    by_words: list[int] = field(default_factory=list)
    unmarked: list[int] = field(default_factory=list)


def resolve(source: Source, kind: str, given: str | None) -> str:
    """Say which column of a file holds the confidences, the scores or the verdicts.

    Raises
    ------
    ArtefactError
        If it is not there.
    """
    found = given if given is not None else next((name for name in NAMES[kind] if name in source.names), None)
    if found is None:
        raise ArtefactError(
            f"{source.path} has no {kind} (looked for {', '.join(NAMES[kind])}); it has {', '.join(source.names)}: "
            f"name the column by --{kind}"
        )
    check(source, found)
    return found


def check(source: Source, *names: str | None) -> None:
    """Complain about a column that is not there."""
    for name in names:
        if name is not None and name not in source.names:
            raise ArtefactError(f"{source.path} has no column {name!r}; it has {', '.join(source.names)}")


def read(source: Source, columns: Columns) -> Predictions:
    """Read the rows that can be measured, as `columns` say.

    Raises
    ------
    ArtefactError
        If a value makes no sense, or no row is left.
    """
    assert columns.correct is not None
    names = (*columns.stated, columns.correct, columns.weights, columns.group, columns.by)
    wanted = list(dict.fromkeys(column for column in names if column is not None))
    stated = [_Growing(source.rows) for _ in columns.stated]
    correct, weights, group, by = (_Growing(source.rows) for _ in range(4))
    groups, values = _Codes(), _Codes()
    made = Predictions([], np.zeros(0, bool), unread=[Counter() for _ in stated])
    made.by_words, made.unmarked = [0 for _ in stated], [0 for _ in stated]
    filled = columns.unparsed != "drop"
    for batch, place in _batches(source, wanted):
        verdicts = _verdicts(batch[columns.correct], columns.correct, place)
        graded = verdicts >= 0
        made.rows += batch.num_rows
        made.ungraded += int((~graded).sum())
        kept, read_out = graded.copy(), []
        for i, name in enumerate(columns.stated):
            numbers, reasons, worded = _stated(batch[name], name, place, columns)
            lacking = graded & np.isnan(numbers)
            if lacking.any():
                made.unread[i].update(reasons(lacking))
                kept &= filled | ~lacking
                if columns.unparsed == "worst":
                    numbers = np.where(lacking, verdicts == 0, numbers).astype(numbers.dtype)
            made.by_words[i] += int((graded & (worded == BY_WORDS)).sum())
            made.unmarked[i] += int((graded & (worded == UNMARKED)).sum())
            read_out.append(numbers)
        made.dropped += int((graded & ~kept).sum())
        every = bool(kept.all())
        for growing, numbers in zip(stated, read_out, strict=True):
            growing.append(numbers if every else numbers[kept])
        correct.append((verdicts if every else verdicts[kept]) == 1)
        for column, growing, codes in ((columns.group, group, groups), (columns.by, by, values)):
            if column is not None:
                growing.append(codes(batch[column], column, place, whole=growing is group)[kept])
        if columns.weights is not None:
            weights.append(_weights(batch[columns.weights], columns.weights, place)[kept])
    made.stated, made.correct, made.names = [part.done() for part in stated], correct.done(), list(values.known)
    if not made.rows:
        raise ArtefactError(f"{source.path} has no rows")
    if not len(made.correct):
        what = "a verdict" if made.ungraded == made.rows else "a verdict and a number"
        raise ArtefactError(
            f"{source.path}: no row has {what} in {', '.join(map(repr, (columns.correct, *columns.stated)))}"
            f"{_reasons(made)}"
        )
    made.weights = weights.done() if columns.weights is not None else None
    made.group = group.done() if columns.group is not None else None
    made.by = by.done() if columns.by is not None else None
    if made.weights is not None and not made.weights.any():
        raise ArtefactError(f"{source.path}: column {columns.weights!r} is 0 in every row")
    if columns.unparsed == "base_rate" and any(made.unread):
        rate = float(np.average(made.correct, weights=made.weights))
        for part in made.stated:
            part[np.isnan(part)] = rate
    return made


def _reasons(made: Predictions) -> str:
    counted = sum(made.unread, Counter[str]())
    return f": {', '.join(f'{count} {reason}' for reason, count in counted.most_common())}" if counted else ""


def numbers(source: Source, batch: pa.RecordBatch, start: int, columns: Columns) -> FloatArray:
    """Read the first column of `stated` in a batch that starts at a row of the file; NaN where there is no number."""
    found, _, _ = _stated(batch[columns.stated[0]], columns.stated[0], Place(source.at, start), columns)
    return found.astype(np.float64, copy=False)


def _batches(source: Source, wanted: list[str]) -> Iterator[tuple[pa.RecordBatch, Place]]:
    start = 0
    try:
        with (
            progress.bar("read", source.rows, "row") as bar,
            closing(ahead(source.batches(wanted, ROWS))) as batches,
        ):
            for batch in batches:
                yield batch, Place(source.at, start)
                start += batch.num_rows
                bar.update(batch.num_rows)
    except (*group_files.REFUSED, OSError) as error:
        raise ArtefactError(f"{source.path} cannot be read: {error}") from error


class _Growing:
    """An array that grows in place: of as many rows as a file has, or by halves where that is not known."""

    def __init__(self, expected: int | None) -> None:
        self._expected, self._count = expected, 0
        self._array: NDArray[Any] | None = None

    def append(self, part: NDArray[Any]) -> None:
        if self._array is None:
            self._array = np.empty(self._expected or len(part), part.dtype)
        elif not np.can_cast(part.dtype, self._array.dtype):  # a file of several kinds of numbers
            self._array = self._array.astype(np.result_type(part, self._array))
        end = self._count + len(part)
        if end > len(self._array):
            self._array.resize(max(end, len(self._array) * 3 // 2), refcheck=False)
        self._array[self._count : end] = part
        self._count = end

    def done(self) -> NDArray[Any]:
        if self._array is None:
            return np.zeros(0)
        self._array.resize(self._count, refcheck=False)
        return self._array


class _Codes:
    """Values as whole numbers, in order of appearance."""

    def __init__(self) -> None:
        self.known: dict[Any, int] = {}

    def __call__(self, column: pa.Array, name: str, place: Place, *, whole: bool) -> IntArray:
        array = group_files.flat(column)
        if array.null_count:
            place.fail(int(array.is_null().index(True).as_py()), name, "is null; every row needs a value in it")
        if whole and pa.types.is_integer(array.type):
            integers: IntArray = array.to_numpy().astype(np.int64)
            return integers
        try:
            encoded = array.dictionary_encode()
            codes = [self.known.setdefault(value, len(self.known)) for value in encoded.dictionary.to_pylist()]
        except (*group_files.REFUSED, TypeError) as error:
            place.fail(0, name, f"is {array.type}; it must hold text or whole numbers ({error})")
        numbered: IntArray = np.array(codes, np.int64)[encoded.indices.to_numpy()]
        return numbered


def _nothing(lacking: BoolArray) -> dict[str, int]:
    return {UNREAD: int(lacking.sum())}


def _stated(
    column: pa.Array, name: str, place: Place, columns: Columns
) -> tuple[NDArray[Any], Callable[[BoolArray], Any], NDArray[np.int8]]:
    """Numbers of a column, NaN where there is none; why there is none in some rows; where each comes from."""
    array = group_files.flat(column)
    if columns.parse and _is_text(array.type):
        return _read_out(array, READERS[columns.reader])
    found = _numbers(array, name, place, hint="; --parse reads confidences out of texts")
    infinite = np.isinf(found)
    if columns.bounded:
        infinite |= (found < 0) | (found > 1)
    if infinite.any():
        row = int(infinite.argmax())
        wanted = "a confidence lies in [0, 1]" if columns.bounded else "it must be finite"
        percent = (
            "; divide percentages by 100 (--parse reads them where they are text)" if 1 < found[row] <= 100 else ""
        )
        place.fail(row, name, f"is {found[row]:g}; {wanted}{percent if columns.bounded else ''}")
    return found, _nothing, np.zeros(len(found), np.int8)


def _read_out(
    array: pa.Array, reader: Callable[[str], Verbal | Linguistic]
) -> tuple[NDArray[Any], Callable[[BoolArray], Any], NDArray[np.int8]]:
    """Read each distinct text once."""
    encoded = array.fill_null("").dictionary_encode()
    read_out = [reader(text) for text in encoded.dictionary.to_pylist()]
    codes = encoded.indices.to_numpy()
    values = np.array([np.nan if one.value is None else one.value for one in read_out], np.float64)[codes]
    why = [str(one.reason) for one in read_out]

    def reasons(lacking: BoolArray) -> Counter[str]:
        return Counter(why[code] for code in codes[lacking])

    origins = [BY_WORDS if one.by_words else UNMARKED if one.unmarked else STATED for one in read_out]
    return values, reasons, np.array(origins, np.int8)[codes]


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _numbers(array: pa.Array, name: str, place: Place, hint: str = "") -> NDArray[Any]:
    """Numbers of a column: float32 where it has them so, NaN for null."""
    kind = array.type
    if pa.types.is_float32(kind) or pa.types.is_float64(kind):
        made: NDArray[Any] = array.to_numpy(zero_copy_only=False)
        return made
    if pa.types.is_float16(kind):
        half: NDArray[Any] = array.to_numpy(zero_copy_only=False).astype(np.float32)
        return half
    if pa.types.is_null(kind):
        return np.full(len(array), np.nan)
    if _is_text(kind):
        return _numbers_of_text(array, name, place, hint)
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_boolean(kind):
        cast: NDArray[Any] = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return cast
    return _of_no_kind(place, name, kind, "numbers")


def _numbers_of_text(array: pa.Array, name: str, place: Place, hint: str) -> NDArray[Any]:
    trimmed = pc.utf8_trim_whitespace(array)
    missing = pc.is_in(pc.utf8_lower(trimmed), pa.array(MISSING, trimmed.type))
    present = pc.if_else(missing, pa.scalar(None, trimmed.type), trimmed)
    try:
        made: NDArray[Any] = present.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        row = group_files.first_refused(lambda count: present.slice(0, count).cast(pa.float64()), len(present))
        place.fail(row, name, f"is {_shown(array[row].as_py())}; it must be a number{hint}")
    return made


def _weights(column: pa.Array, name: str, place: Place) -> FloatArray:
    found = _numbers(group_files.flat(column), name, place).astype(np.float64, copy=False)
    bad = ~(np.isfinite(found) & (found >= 0))
    if bad.any():
        row = int(bad.argmax())
        place.fail(row, name, f"is {found[row]:g}; a weight is finite, and 0 or more")
    return found


def _verdicts(column: pa.Array, name: str, place: Place) -> NDArray[np.int8]:
    """1 right, 0 wrong, -1 not known."""
    array = group_files.flat(column)
    kind = array.type
    if pa.types.is_boolean(kind):
        known: NDArray[np.int8] = array.cast(pa.int8()).fill_null(-1).to_numpy()
        return known
    if _is_text(kind):
        encoded = array.fill_null("").dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        meant = [_verdict(text) for text in texts]
        codes = encoded.indices.to_numpy()
        if None in meant:
            wrong = np.array([one is None for one in meant])[codes]
            row = int(wrong.argmax())
            _no_verdict(place, row, name, _shown(texts[codes[row]]))
        read_out: NDArray[np.int8] = np.array(meant, np.int8)[codes]
        return read_out
    if pa.types.is_null(kind):
        return np.full(len(array), -1, np.int8)
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        return _of_no_kind(place, name, kind, "verdicts: true or false, yes or no, 1 or 0")
    numbers = _numbers(array, name, place)
    bad = ~((numbers == 0) | (numbers == 1) | np.isnan(numbers))
    if bad.any():
        row = int(bad.argmax())
        _no_verdict(place, row, name, f"{numbers[row]:g}")
    return np.where(np.isnan(numbers), -1, numbers).astype(np.int8)


def _verdict(text: str) -> int | None:
    word = text.strip().lower()
    return -1 if word in MISSING else VERDICTS.get(word)


def _no_verdict(place: Place, row: int, name: str, shown: str) -> NoReturn:
    place.fail(row, name, f"is {shown}; it must be true or false, yes or no, 1 or 0, or empty where nobody knows")


def _of_no_kind(place: Place, name: str, kind: pa.DataType, wanted: str) -> NoReturn:
    place.fail(0, name, f"is {kind}; it must hold {wanted}")


def _shown(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:60]}..."
