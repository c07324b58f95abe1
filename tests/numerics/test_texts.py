"""Similarity of texts against its definition, rouge-score and scikit-learn; what is read, and what is refused."""

import json
import unicodedata
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import pairwise_distances
from sklearn.preprocessing import MultiLabelBinarizer

from uncal import fast

GOLDEN = json.loads((Path(__file__).parent / "data" / "rouge_score.json").read_text())
RAGGED = [["Paris", "in Paris", "PARIS"], ["Rome"], ["", "été à Nîmes"]]
FLAT, OFFSETS = [text for group in RAGGED for text in group], np.array([0, 3, 4, 6])
JACCARD = [1, 0.5, 1, 0.5, 1, 0.5, 1, 0.5, 1, 1, 1, 0, 0, 1]


def jaccard(a, b):
    """The definition on Python's sets."""
    a, b = set(a.lower().split()), set(b.lower().split())
    return len(a & b) / len(a | b) if a | b else 1.0


def words(text):
    return [word.lower() for word in regex.findall(r"[\p{Alphabetic}\p{N}]+", text)]


def rouge_score_tokens(text):
    return regex.findall("[a-z0-9]+", text.lower())


def common(a, b):
    """Length of the longest common subsequence by the table of all prefixes."""
    row = [0] * (len(b) + 1)
    for x in a:
        above, row = row, [0]
        for j, y in enumerate(b):
            row.append(above[j] + 1 if x == y else max(above[j + 1], row[j]))
    return row[-1]


def rouge_l(a, b, tokens):
    a, b = tokens(a), tokens(b)
    return 2 * common(a, b) / (len(a) + len(b)) if a or b else 1.0


def matrix(group, between):
    return np.array([[between(a, b) for b in group] for a in group])


# Letters that Python's own tables do not know may change case here; surrogates are no text.
characters = st.characters(exclude_categories=["Cs", "Cn"])
few = st.sampled_from(
    ["a", "A", "b", "Σ", "ς", "İ", "\u212a", "é", "e\u0301", "5", "²", "_", "'", "日", " ", "\x1f", "\u2028"]
)
texts = st.one_of(st.text(characters, max_size=12), st.lists(few, max_size=20).map("".join))
groups = st.lists(texts, min_size=1, max_size=5)
quick = settings(max_examples=80, deadline=None)


@quick
@given(st.lists(groups, min_size=1, max_size=4))
def test_similarities_are_their_definitions_on_any_text(groups):
    offsets = np.cumsum([0, *map(len, groups)])
    flat = [text for group in groups for text in group]
    starts = np.cumsum([0, *(len(group) ** 2 for group in groups)])
    found = [
        fast.jaccard_similarity(flat, offsets),
        fast.rouge_l_similarity(flat, offsets),
        fast.rouge_l_similarity(flat, offsets, tokens="rouge_score"),
    ]
    definitions = [
        jaccard,
        lambda a, b: rouge_l(a, b, words),
        lambda a, b: rouge_l(a, b, rouge_score_tokens),
    ]
    for values, definition in zip(found, definitions, strict=True):
        for (start, end), group in zip(pairwise(starts), groups, strict=True):
            # Quotients of whole numbers, rounded once: the same bits.
            np.testing.assert_array_equal(values[start:end].reshape(len(group), -1), matrix(group, definition))


def test_every_character_is_white_space_or_changes_case_as_in_python():
    other = {"Cs", "Cn", "Co", "Lo"}  # surrogates, unknown, private, and letters without case: most of all there are
    known = [chr(i) for i in range(0x110000) if unicodedata.category(chr(i)) not in other]
    between = [f"a{c}b" for c in known]
    for step in range(0, len(known), 1000):
        some = between[step : step + 1000]
        # Words of the texts, and the same in lower case, found by Python and joined by plain spaces.
        pairs = [[text, " ".join(text.lower().split())] for text in some]
        assert (fast.jaccard_similarity(pairs) == 1).all()
        split = [[text, f"{text[0]}_ {text[-1]}_"] for text in some]  # nothing in common, but where words are equal
        expected = [jaccard(*pair) for pair in split]
        np.testing.assert_array_equal(fast.jaccard_similarity(split)[:, 0, 1], expected)


def test_sigma_ends_words_as_in_python():
    neighbours = ["", "a", "Σ", "'", "\u00ad", "\u0301", " ", "1", ".", "日", "\u200b"]
    pairs = [
        [f"{b}{a}Σ{c}{d}", f"{b}{a}Σ{c}{d}".lower()]
        for a in neighbours
        for b in neighbours
        for c in neighbours
        for d in neighbours
    ]
    assert (fast.jaccard_similarity(pairs) == 1).all()


@pytest.mark.parametrize("group", range(len(GOLDEN["groups"])))
def test_rouge_l_is_that_of_rouge_score(group):
    texts, expected = GOLDEN["groups"][group], np.array(GOLDEN["fmeasure"][group])
    found = fast.rouge_l_similarity([texts], tokens="rouge_score")[0]
    blank = np.array([not rouge_score_tokens(text) for text in texts])
    assert (expected[np.ix_(blank, blank)] == 0).all()  # 1 here
    expected[np.ix_(blank, blank)] = 1
    # It divides twice before it takes the harmonic mean.
    np.testing.assert_allclose(found, expected, rtol=1e-15)


@quick
@given(groups)
def test_jaccard_is_that_of_scikit_learn(group):
    sets = [text.lower().split() for text in group]
    if not any(sets):
        return
    flags = MultiLabelBinarizer().fit_transform(sets).astype(bool)
    np.testing.assert_allclose(
        fast.jaccard_similarity([group])[0], 1 - pairwise_distances(flags, metric="jaccard"), rtol=0, atol=1e-15
    )


@pytest.mark.parametrize("n_words", [1, 30, 64, 65, 200, 400])
def test_long_texts_are_compared_right(n_words):
    rng = np.random.default_rng(n_words)
    texts = [" ".join(f"w{i}" for i in rng.integers(0, 50, size=n)) for n in (n_words, n_words, n_words // 2, 3)]
    expected = matrix(texts, lambda a, b: rouge_l(a, b, words))
    np.testing.assert_array_equal(fast.rouge_l_similarity([texts])[0], expected)
    np.testing.assert_array_equal(fast.jaccard_similarity([texts])[0], matrix(texts, jaccard))


@quick
@given(groups, st.randoms(use_true_random=False))
def test_matrices_are_symmetric_and_follow_the_order_of_texts(group, random):
    order = random.sample(range(len(group)), len(group))
    for similarity in (fast.jaccard_similarity, fast.rouge_l_similarity):
        values = similarity([group])[0]
        np.testing.assert_array_equal(values, values.T)
        np.testing.assert_array_equal(np.diag(values), 1)
        assert ((values >= 0) & (values <= 1)).all()
        shuffled = similarity([[group[i] for i in order]])[0]
        np.testing.assert_array_equal(shuffled, values[np.ix_(order, order)])


def test_known_similarities():
    texts = ["The cat sat", "the CAT ate the rat", "no", ""]
    expected = np.eye(4)
    expected[0, 1] = expected[1, 0] = 2 / 5
    np.testing.assert_array_equal(fast.jaccard_similarity([texts]), [expected])
    expected[0, 1] = expected[1, 0] = 2 * 2 / 8
    np.testing.assert_array_equal(fast.rouge_l_similarity([texts]), [expected])


@pytest.mark.parametrize("threads", [2, 7])
def test_threads_change_no_bit(threads):
    rng = np.random.default_rng(0)
    sizes = np.append(rng.integers(1, 12, size=400), 300)  # the last large enough to be shared out
    texts = [" ".join(f"w{i}" for i in rng.integers(0, 90, size=rng.integers(0, 90))) for _ in range(sizes.sum())]
    offsets = np.cumsum([0, *sizes])
    for similarity in (fast.jaccard_similarity, fast.rouge_l_similarity):
        one = similarity(texts, offsets, threads=1)
        np.testing.assert_array_equal(one, similarity(texts, offsets, threads=threads))
        ratios = fast.variation_ratio(one, offsets, threads=1)
        np.testing.assert_array_equal(ratios, fast.variation_ratio(one, offsets, threads=threads))


# Shapes and kinds of input


@pytest.mark.parametrize("similarity", [fast.jaccard_similarity, fast.rouge_l_similarity])
def test_groups_of_one_size_give_square_matrices_and_others_flat_ones(similarity):
    square = [["a", "b"], ["a b", "b"]]
    expected = similarity(["a", "b", "a b", "b"], [0, 2, 4])
    assert expected.shape == (8,)
    fixed = pa.array([["x", "y"], *square], pa.list_(pa.string(), 2))[1:]
    for same in (square, tuple(map(tuple, square)), np.array(square), np.array(square, dtype=object), fixed):
        found = similarity(same)
        assert found.shape == (2, 2, 2)
        np.testing.assert_array_equal(found.reshape(-1), expected)
    np.testing.assert_array_equal(similarity(pa.array(square)), expected)
    np.testing.assert_array_equal(similarity(RAGGED), similarity(FLAT, OFFSETS))


STRINGS = [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]


@pytest.mark.parametrize("type_", STRINGS)
def test_arrow_strings_are_read(type_):
    texts = pa.array(["left out", *FLAT, "left out"], type_)[1:-1]
    chunks = pa.chunked_array([texts[:2], texts[:0], texts[2:]])
    for same in (texts, chunks, pa.chunked_array([texts])):
        np.testing.assert_array_equal(fast.jaccard_similarity(same, pa.array(OFFSETS)), JACCARD)
    assert fast.jaccard_similarity(texts[:0], [0]).shape == (0,)
    assert fast.jaccard_similarity(pa.chunked_array([], type_), [0]).shape == (0,)
    np.testing.assert_array_equal(fast.jaccard_similarity(pa.array(["", ""], type_), [0, 2]), 1)


@pytest.mark.parametrize("strings", STRINGS)
@pytest.mark.parametrize("list_", [pa.list_, pa.large_list, pa.list_view])
def test_arrow_lists_of_strings_are_read(list_, strings):
    type_ = list_(strings)
    groups = pa.array([["left", "out"], *RAGGED, ["out"]], type_)[1:-1]
    for same in (groups, pa.chunked_array([groups[:1], groups[:0], groups[1:]])):
        np.testing.assert_array_equal(fast.jaccard_similarity(same), JACCARD)
    assert fast.jaccard_similarity(groups[:0]).shape == (0,)
    assert fast.jaccard_similarity(pa.chunked_array([], type_)).shape == (0,)


def test_bytes_of_arrow_strings_are_borrowed():
    texts = pa.array(FLAT)
    read = fast._texts._read(texts, OFFSETS)
    assert read.bytes.__array_interface__["data"][0] == texts.buffers()[2].address
    large = pa.array(FLAT, pa.large_string())
    read = fast._texts._read(large[2:], [0, 4])
    assert read.bytes.__array_interface__["data"][0] == large.buffers()[2].address + len("Parisin Paris")


@pytest.mark.parametrize(
    "texts",
    [
        tuple(FLAT),
        np.array(FLAT),
        np.array(FLAT, dtype=object),
        np.array(FLAT, dtype=np.dtypes.StringDType()),
        np.repeat(np.array(FLAT), 2)[::2],
    ],
)
def test_flat_texts_of_any_kind_are_read(texts):
    np.testing.assert_array_equal(fast.jaccard_similarity(texts, OFFSETS), JACCARD)


def test_lists_of_groups_may_be_arrays():
    columns = np.empty(3, dtype=object)
    columns[:] = [np.array(group, dtype=object) for group in RAGGED]
    for same in (columns, list(columns), [tuple(group) for group in RAGGED]):
        np.testing.assert_array_equal(fast.jaccard_similarity(same), JACCARD)


def test_no_groups_have_no_matrices():
    assert fast.jaccard_similarity([]).shape == (0, 0, 0)
    assert fast.jaccard_similarity([], [0]).shape == (0,)
    assert fast.rouge_l_similarity(np.empty((0, 4), dtype=str)).shape == (0, 4, 4)
    assert fast.variation_ratio(np.empty((0, 4, 4))).shape == (0,)
    assert fast.variation_ratio([], [0]).shape == (0,)


BROKEN = pa.StringArray.from_buffers(2, pa.py_buffer(np.array([0, 1, 2], np.int32).tobytes()), pa.py_buffer(b"a\xff"))


@pytest.mark.parametrize(
    ("texts", "offsets", "message"),
    [
        ("Paris", None, "texts: is one str, must be a list of str"),
        (b"Paris", None, "texts: is one bytes, must be a list of str"),
        (["a", "b"], None, "offsets: needed with a flat list of texts; groups can be lists of texts"),
        (pa.array(["a"]), None, "offsets: needed with a flat list of texts; groups can be lists of texts"),
        ([["a"]], [0, 1], "offsets: texts that come in groups have none"),
        (pa.array([["a"]]), [0, 1], "offsets: texts that come in groups have none"),
        (["a", None], [0, 2], "texts: row 1 is None, must be str"),
        (["a", "b" * 99, b"c"], [0, 3], "texts: row 2 is b'c', must be str"),
        ([["a"], ["b", 3.5]], None, "texts: row 2 is 3.5, must be str"),
        ([["a"], "b" * 50], None, f"texts: group 1 is '{'b' * 39}..., must be a list of str"),
        ([["a"], []], None, "texts: group 1 is empty"),
        ([[["a"]]], None, "texts: row 0 is ['a'], must be str"),
        (np.empty((2, 0), dtype=str), None, "texts: group 0 is empty"),
        (np.array([[["a"]]]), None, "texts: has shape (1, 1, 1), must be (P, N), or (K,) with offsets"),
        (np.array("a"), None, "texts: has shape (), must be (P, N), or (K,) with offsets"),
        (np.array(["a", np.nan], dtype=object), [0, 2], "texts: row 1 is nan, must be str"),
        (np.array([1.0]), [0, 1], "texts: dtype is float64, must be str"),
        (np.array([b"a"]), [0, 1], "texts: dtype is |S1, must be str"),
        (None, None, "texts: is None, must be an array"),
        (["é", "a\ud800b"], [0, 2], "texts: row 1 is not valid Unicode: surrogates not allowed"),
        (pa.array(["a", None, "b"])[1:], [0, 2], "texts: row 0 is null"),
        (pa.chunked_array([["a"], ["b", None]]), [0, 3], "texts: row 2 is null"),
        (pa.array([["a"], ["b", None]]), None, "texts: row 2 is null"),
        (pa.chunked_array([[["a"]], [None, ["b"]]]), None, "texts: group 1 is null"),
        (pa.array([["a"], []]), None, "texts: group 1 is empty"),
        (BROKEN, [0, 2], "texts: row 1 is not valid UTF-8"),
        (pa.array([1]), [0, 1], "texts: type is int64, must be strings, or lists of them"),
        (pa.array([b"a"]), [0, 1], "texts: type is binary, must be strings, or lists of them"),
        (pa.array([[1]]), None, "texts: type is list<item: int64>, must be strings, or lists of them"),
        (pa.array([[["a"]]]), None, "texts: type is list<item: list<item: string>>, must be strings, or lists of them"),
        (
            pa.table({"a": ["x"]}),
            None,
            "texts: is a pyarrow Table, must be an array of strings, or of lists of them",
        ),
        (["a", "b"], [0, 1], "offsets: must end with the number of rows, 2, not 1"),
        (["a", "b"], [0, 2, 2], "offsets: group 1 is empty"),
        (["a", "b"], [0.0, 2.0], "offsets: dtype is float64, must be integers"),
        ([], [], "offsets: empty, needs at least the entry 0"),
    ],
)
def test_what_is_no_text_is_named(texts, offsets, message):
    for similarity in (fast.jaccard_similarity, fast.rouge_l_similarity):
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            similarity(texts, offsets)
        assert str(caught.value) == message


def test_tokens_must_be_known():
    with pytest.raises(ValueError, match=r'^tokens: is "stems", must be one of words, rouge_score$'):
        fast.rouge_l_similarity([["a"]], tokens="stems")


# The variation ratio


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_variation_ratio_is_its_definition(dtype, n):
    values = np.random.default_rng(n).uniform(size=(7, n, n)).astype(dtype)
    exact = values.astype(np.float64)
    off = ~np.eye(n, dtype=bool)
    expected = [1 - s[off].sum() / (n * (n - 1)) if n > 1 else 0.0 for s in exact]
    np.testing.assert_allclose(fast.variation_ratio(values), expected, rtol=1e-13)  # entries are read exactly
    flat = fast.variation_ratio(values.reshape(-1), np.arange(8) * n)
    np.testing.assert_array_equal(flat, fast.variation_ratio(values))


def test_known_variation_ratios():
    values = np.array([[[1, 0.9, 0.1], [0.9, 1, 0.2], [0.1, 0.2, 1]], np.ones((3, 3)), np.eye(3)])
    np.testing.assert_allclose(fast.variation_ratio(values), [0.6, 0, 1], rtol=1e-15)
    nearly = np.full((1, 2, 2), 1 - 2**-40)
    assert fast.variation_ratio(nearly)[0] == 2**-40  # nothing cancels
    assert fast.variation_ratio(np.full((1, 1, 1), np.nan))[0] == 0  # the diagonal is not read


def test_variation_of_texts_is_one_minus_their_lexical_similarity():
    expected = [1 - (0.5 + 0.5 + 1) / 3, 0, 1]
    np.testing.assert_allclose(fast.variation_ratio(fast.jaccard_similarity(RAGGED), OFFSETS), expected, rtol=1e-15)


def test_similarities_that_are_not_finite_are_named():
    values = np.ones((2, 2, 2))
    values[1, 1, 0] = np.nan
    with pytest.raises(ValueError, match=r"^similarity: entry \(1, 0\) of group 1 is NaN, must be finite$"):
        fast.variation_ratio(values)
    with pytest.raises(ValueError, match=r"^similarity: has 3 rows, 4 expected$"):
        fast.variation_ratio([1.0, 1, 1], [0, 2])
