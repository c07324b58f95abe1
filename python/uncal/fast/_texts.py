"""How alike the texts of a group are."""

from itertools import chain
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from uncal import _rust
from uncal.fast import _arguments as arguments
from uncal.fast._arguments import FloatArray

Tokens = Literal["words", "rouge_score"]


def jaccard_similarity(texts: Any, offsets: ArrayLike | None = None, *, threads: int | None = None) -> FloatArray:
    """Share of their words that two texts have in common, for every two texts of each group.

    With A and B the sets of words of two texts, this is ``|A & B| / |A | B|``. Words are those of Python's
    ``text.lower().split()``: punctuation stays with its word, order and repetition do not count.

    Parameters
    ----------
    texts : array or list of str, of shape (P, N), or (K,) with `offsets`; or a list of P lists of str
        NumPy arrays and Arrow arrays of strings, which are read where they lie, large or not, chunked or not; also
        Arrow lists of strings.
    offsets : array of shape (P + 1,), int64, optional
        Group p is texts ``offsets[p]`` to ``offsets[p + 1]``.
    threads : int, optional
        Threads for this call; see `set_num_threads`.

    Returns
    -------
    ndarray of shape (P, N, N), or (sum of n_p ** 2,), float64
        In [0, 1], symmetric, with a diagonal of 1. Two texts without words have similarity 1. Three-dimensional for
        groups of one size in a two-dimensional array, in Arrow's fixed-size lists or in a list of lists; otherwise
        flat, the matrix of each group row by row, and so always with `offsets` and for Arrow's lists of varying size.
        What takes similarity matrices takes either, the flat ones with the same offsets.

    Raises
    ------
    ValueError
        For anything that is not text, null and lone surrogates included, by its row; for bad offsets and empty groups.

    Notes
    -----
    Letters change case by the Unicode tables that uncal was built with, which may be newer than Python's.

    References
    ----------
    Lin, Trivedi and Sun, Generating with Confidence: Uncertainty Quantification for Black-box Large Language Models,
    arXiv 2305.19187. Status: verified in the authors' code, but for two texts without words, which have similarity 0
    there: 1 is a proposal of this library.

    Examples
    --------
    >>> jaccard_similarity([["Paris", "in Paris"], ["Rome", "rome"]])
    array([[[1. , 0.5],
            [0.5, 1. ]],
           [[1. , 1. ],
            [1. , 1. ]]])
    >>> jaccard_similarity(["Paris", "in Paris", "Rome"], [0, 2, 3])
    array([1. , 0.5, 0.5, 1. , 1. ])
    """
    read = _read(texts, offsets)
    matrices = _rust.jaccard_similarity(read.bytes, read.ends, read.offsets, arguments.threads(threads))
    return _shaped(matrices, read.shape)


def rouge_l_similarity(
    texts: Any, offsets: ArrayLike | None = None, *, tokens: Tokens = "words", threads: int | None = None
) -> FloatArray:
    """ROUGE-L of every two texts of each group: how long a subsequence of tokens they share.

    With a and b tokens in two texts and l in their longest common subsequence, this is ``2 * l / (a + b)``, the
    harmonic mean of precision l / a and recall l / b. So order counts, and repetition does.

    Parameters
    ----------
    texts, offsets, threads
        As for `jaccard_similarity`.
    tokens : {"words", "rouge_score"}, default="words"
        "words": runs of letters and numbers of any script (Unicode's Alphabetic, and the number categories),
        lower-cased; text without spaces, such as Chinese, is one token from one mark to the next. "rouge_score": what
        the Python package rouge-score takes without its stemmer, lower-cased runs of a to z and 0 to 9, so that all
        letters beyond ASCII separate.

    Returns
    -------
    ndarray of shape (P, N, N), or (sum of n_p ** 2,), float64
        In [0, 1], symmetric, with a diagonal of 1; shaped as by `jaccard_similarity`. Two texts without tokens have
        similarity 1, one without has 0 with all others.

    Raises
    ------
    ValueError
        As `jaccard_similarity`.

    References
    ----------
    Lin, ROUGE: A Package for Automatic Evaluation of Summaries, ACL 2004 workshop, with beta 1. Status: verified in
    rouge-score 0.1.2, whose value for texts without tokens is 0; 1 for two of them and the tokens "words" are
    proposals of this library. Crochemore, Iliopoulos, Pinzon and Reid, A fast and practical bit-vector algorithm for
    the longest common subsequence problem, 2001, in the form of Hyyrö 2004. Status: recalled, proved by test.

    Examples
    --------
    >>> rouge_l_similarity([["It is in Paris.", "in Paris", "Rome!"]]).round(6)
    array([[[1.      , 0.666667, 0.      ],
            [0.666667, 1.      , 0.      ],
            [0.      , 0.      , 1.      ]]])
    """
    read = _read(texts, offsets)
    kind = arguments.choice("tokens", tokens, Tokens)
    matrices = _rust.rouge_l_similarity(read.bytes, read.ends, read.offsets, kind, arguments.threads(threads))
    return _shaped(matrices, read.shape)


def variation_ratio(
    similarity: ArrayLike, offsets: ArrayLike | None = None, *, threads: int | None = None
) -> FloatArray:
    """One minus the mean similarity of two different answers of each group.

    With s the similarities of n answers, this is ``1 - sum(s[i, j] for i != j) / (n * (n - 1))``. On ROUGE-L
    similarities it is one minus what is known as lexical similarity.

    Parameters
    ----------
    similarity : array of shape (P, N, N), or (sum of n_p ** 2,) with `offsets`
        Higher is more alike; need not be symmetric. The diagonal is not read.
    offsets : array of shape (P + 1,), int64, optional
        Group p has ``offsets[p + 1] - offsets[p]`` answers.
    threads : int, optional
        Threads for this call; see `set_num_threads`.

    Returns
    -------
    ndarray of shape (P,), float64
        In [0, 1] for similarities in [0, 1], higher is less sure; exactly 0 for one answer and for similarities of 1.

    Raises
    ------
    ValueError
        For an entry off the diagonal that is not finite, bad offsets, and shapes that do not fit.

    References
    ----------
    Huang et al., Look Before You Leap, arXiv 2307.10236 (VR). Status: secondary. Lexical similarity: verified in
    lm-polygraph.

    Examples
    --------
    >>> variation_ratio(np.array([[[1.0, 0.9, 0.1], [0.9, 1.0, 0.2], [0.1, 0.2, 1.0]]])).round(6)
    array([0.6])
    """
    values, ends = arguments.squares("similarity", similarity, offsets)
    return _rust.variation_ratio(values, ends, arguments.threads(threads))


class _Texts(NamedTuple):
    """Texts end to end in UTF-8, where each ends, their groups, and (P, N) if the matrices are to be (P, N, N)."""

    bytes: NDArray[np.uint8]
    ends: NDArray[np.int64]
    offsets: NDArray[np.int64]
    shape: tuple[int, int] | None


def _shaped(matrices: FloatArray, shape: tuple[int, int] | None) -> FloatArray:
    return matrices if shape is None else matrices.reshape(*shape, shape[1])


def _read(texts: Any, offsets: ArrayLike | None) -> _Texts:
    if type(texts).__module__.partition(".")[0] == "pyarrow":
        chunks, sizes, shape = _chunks(texts)
        bytes_, ends = _bytes_of_chunks(chunks)
    else:
        strings, sizes, shape = _strings(texts)
        bytes_, ends = _bytes_of_strings(strings)
    if sizes is None or (offsets is not None and isinstance(texts, list | tuple) and not texts):
        if offsets is None:
            raise ValueError("offsets: needed with a flat list of texts; groups can be lists of texts")
        return _Texts(bytes_, ends, arguments.integers("offsets", offsets), None)
    if offsets is not None:
        raise ValueError("offsets: texts that come in groups have none")
    if not sizes.all():
        raise ValueError(f"texts: group {int(sizes.argmin())} is empty")
    starts = np.zeros(len(sizes) + 1, dtype=np.int64)
    np.cumsum(sizes, out=starts[1:])
    return _Texts(bytes_, ends, starts, shape)


def _strings(texts: Any) -> tuple[list[Any], NDArray[np.int64] | None, tuple[int, int] | None]:
    """All texts in one list, the sizes of their groups if they came in groups, and (P, N) if all are of one size."""
    if isinstance(texts, str | bytes):
        raise ValueError(f"texts: is one {type(texts).__name__}, must be a list of str")
    if not isinstance(texts, list | tuple):
        array = arguments.read("texts", texts)
        if array.dtype.kind not in "UTO":
            raise ValueError(f"texts: dtype is {array.dtype}, must be str")
        if array.ndim == 2:
            P, N = array.shape
            return array.reshape(-1).tolist(), np.full(P, N, dtype=np.int64), (P, N)
        if array.ndim != 1:
            raise ValueError(f"texts: has shape {array.shape}, must be (P, N), or (K,) with offsets")
        texts = array.tolist()
    if not texts:
        return [], np.empty(0, dtype=np.int64), (0, 0)
    if not isinstance(texts[0], list | tuple | np.ndarray):
        return list(texts), None, None
    for p, group in enumerate(texts):
        if not isinstance(group, list | tuple | np.ndarray):
            raise ValueError(f"texts: group {p} is {arguments.shown(group)}, must be a list of str")
    sizes = np.array([len(group) for group in texts], dtype=np.int64)
    shape = (len(texts), len(texts[0])) if (sizes == sizes[0]).all() else None
    return list(chain.from_iterable(texts)), sizes, shape


def _bytes_of_strings(texts: list[Any]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    try:
        joined = "".join(texts)
    except TypeError:
        row = next(row for row, text in enumerate(texts) if not isinstance(text, str))
        raise ValueError(f"texts: row {row} is {arguments.shown(texts[row])}, must be str") from None
    if joined.isascii():
        bytes_, sizes = joined.encode(), map(len, texts)
    else:
        try:
            encoded = [text.encode() for text in texts]
        except UnicodeEncodeError as error:
            row = texts.index(error.object)
            raise ValueError(f"texts: row {row} is not valid Unicode: {error.reason}") from None
        bytes_, sizes = b"".join(encoded), map(len, encoded)
    return np.frombuffer(bytes_, np.uint8), np.cumsum(np.fromiter(sizes, np.int64, len(texts)))


def _chunks(texts: Any) -> tuple[list[Any], NDArray[np.int64] | None, tuple[int, int] | None]:
    """Arrow arrays of strings, the sizes of the groups if they were lists, and (P, N) if these are of fixed size."""
    if not hasattr(texts, "null_count"):
        raise ValueError(
            f"texts: is a pyarrow {type(texts).__name__}, must be an array of strings, or of lists of them"
        )
    chunks = texts.chunks if hasattr(texts, "num_chunks") else [texts]
    strings, sizes, shape = texts.type, None, None
    if hasattr(strings, "value_field"):
        if texts.null_count:
            raise ValueError(f"texts: group {texts.is_null().index(True).as_py()} is null")
        sizes = np.zeros(len(texts), dtype=np.int64)
        if chunks:
            np.concatenate([chunk.value_lengths().to_numpy() for chunk in chunks], out=sizes)
        shape = (len(texts), strings.list_size) if hasattr(strings, "list_size") else None
        chunks, strings = [chunk.flatten() for chunk in chunks], strings.value_type
    letters = strings.value_type if hasattr(strings, "index_type") else strings
    if str(letters) not in {"string", "large_string", "string_view"}:
        raise ValueError(f"texts: type is {texts.type}, must be strings, or lists of them")
    return chunks, sizes, shape


def _bytes_of_chunks(chunks: list[Any]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    pieces = [np.empty(0, np.uint8)]
    ends = [np.empty(0, np.int64)]
    rows = start = 0
    for chunk in chunks:
        if not len(chunk):
            continue
        strings = chunk.cast("large_string")  # widens the offsets of small ones and shares their bytes
        if strings.null_count:
            raise ValueError(f"texts: row {rows + strings.is_null().index(True).as_py()} is null")
        _, offsets, data = strings.buffers()
        limits = np.frombuffer(offsets, np.int64)[strings.offset : strings.offset + len(strings) + 1]
        piece = np.frombuffer(data or b"", np.uint8)[limits[0] : limits[-1]]
        pieces.append(piece)
        ends.append(limits[1:] + (start - limits[0]))
        start += len(piece)
        rows += len(strings)
    return (pieces[-1], ends[-1]) if len(pieces) <= 2 else (np.concatenate(pieces), np.concatenate(ends))
