"""What `uncal.fast` takes, what it refuses and how it says so, threads, forks, and what importing it costs."""

import inspect
import os
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from uncal import _rust, fast

X = np.random.default_rng(0).normal(size=(6, 4, 5))
ROWS, OFFSETS = X.reshape(24, 5), np.arange(7) * 4
EXPECTED = fast.von_neumann_entropy(X)
Q, C = np.array([0.2, 0.9, 0.4]), np.array([False, True, True])


def run(script, **environment):
    """Run a script in a Python of its own and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# What is taken


def test_three_dimensions_and_offsets_are_the_same_groups():
    np.testing.assert_array_equal(fast.von_neumann_entropy(ROWS, OFFSETS), EXPECTED)
    np.testing.assert_array_equal(fast.von_neumann_entropy(ROWS, OFFSETS.tolist()), EXPECTED)
    np.testing.assert_array_equal(fast.von_neumann_entropy(ROWS, OFFSETS.astype(np.uint8)), EXPECTED)
    np.testing.assert_array_equal(fast.von_neumann_entropy(ROWS, pa.array(OFFSETS)), EXPECTED)
    assert fast.spectrum(X).shape == (24,)


def test_any_layout_is_read_right():
    wide = np.zeros((6, 4, 10))
    wide[:, :, ::2] = X
    unaligned = np.frombuffer(b"\0" + X.tobytes(), dtype=np.float64, offset=1).reshape(X.shape)
    assert not unaligned.flags.aligned
    readonly = X.copy()
    readonly.flags.writeable = False
    for same in (wide[:, :, ::2], np.asfortranarray(X), X.astype(">f8"), unaligned, readonly, X.tolist()):
        np.testing.assert_array_equal(fast.von_neumann_entropy(same), EXPECTED)
    reversed_ = fast.von_neumann_entropy(X[::-1, :, ::-1].copy()[:, :, ::-1])
    np.testing.assert_array_equal(reversed_, EXPECTED[::-1])


def test_memory_mapped_rows_are_read(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.testing.assert_array_equal(fast.von_neumann_entropy(np.load(tmp_path / "x.npy", mmap_mode="r")), EXPECTED)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_tensors_are_read(dtype):
    tensor = torch.from_numpy(X).to(dtype)
    np.testing.assert_array_equal(fast.von_neumann_entropy(tensor), fast.von_neumann_entropy(tensor.numpy()))
    strided = tensor.transpose(1, 2).contiguous().transpose(1, 2)
    np.testing.assert_array_equal(fast.von_neumann_entropy(strided), fast.von_neumann_entropy(tensor.numpy()))
    assert fast.auroc(torch.tensor([0.1, 0.9]), torch.tensor([False, True])) == 1


def test_tensors_with_a_gradient_say_what_to_do():
    with pytest.raises(ValueError, match=r"^embeddings: cannot be read as an array: .*detach\(\)"):
        fast.von_neumann_entropy(torch.from_numpy(X).requires_grad_())


def test_bfloat16_is_refused_by_name():
    message = r"^embeddings: cannot be read .*: NumPy has no bfloat16; convert it to float32 first \(.float\(\)\)$"
    with pytest.raises(ValueError, match=message):
        fast.von_neumann_entropy(torch.from_numpy(X).to(torch.bfloat16))


@pytest.mark.parametrize("type_", [pa.float16(), pa.float32(), pa.float64()])
def test_arrow_lists_are_read(type_):
    array = X.astype(type_.to_pandas_dtype())
    expected = fast.von_neumann_entropy(array)
    rows = pa.FixedSizeListArray.from_arrays(pa.array(array.reshape(-1)), 5)
    groups = pa.FixedSizeListArray.from_arrays(rows, 4)
    ragged = pa.LargeListArray.from_arrays(pa.array(OFFSETS), rows)
    np.testing.assert_array_equal(fast.von_neumann_entropy(rows, OFFSETS), expected)
    np.testing.assert_array_equal(fast.von_neumann_entropy(groups), expected)
    np.testing.assert_array_equal(fast.von_neumann_entropy(pa.chunked_array([groups])), expected)
    np.testing.assert_array_equal(fast.von_neumann_entropy(ragged.values, ragged.offsets), expected)
    np.testing.assert_array_equal(fast.von_neumann_entropy(groups[2:5]), expected[2:5])
    np.testing.assert_array_equal(fast.von_neumann_entropy(rows[4:12], [0, 4, 8]), expected[1:3])


def test_arrow_and_numpy_memory_is_borrowed():
    rows = pa.FixedSizeListArray.from_arrays(pa.array(ROWS.reshape(-1)), 5)
    borrowed, _ = fast._arguments.groups(rows, OFFSETS)
    assert borrowed.__array_interface__["data"][0] == rows.values.buffers()[1].address
    borrowed, offsets = fast._arguments.groups(X, None)
    assert np.shares_memory(borrowed, X)
    _, offsets = fast._arguments.groups(ROWS, OFFSETS)
    assert np.shares_memory(offsets, OFFSETS)
    tensor = torch.from_numpy(ROWS)
    assert np.shares_memory(fast._arguments.groups(tensor, OFFSETS)[0], ROWS)
    assert np.shares_memory(fast._arguments.column("confidence", Q), Q)


def test_what_arrow_cannot_lend_is_refused():
    rows = pa.FixedSizeListArray.from_arrays(pa.array(ROWS.reshape(-1)), 5)
    with pytest.raises(ValueError, match=r"^embeddings: cannot be read as an array: has 2 chunks, must have 1"):
        fast.von_neumann_entropy(pa.chunked_array([rows, rows]), OFFSETS)
    holes = pa.array([[1.0, 2.0], None, [1.0, 2.0]], type=pa.list_(pa.float64(), 2))
    with pytest.raises(ValueError, match=r"^embeddings: cannot be read as an array: row 1 is null"):
        fast.von_neumann_entropy(holes, [0, 3])
    deeper = pa.array([[1.0, None], [1.0, 2.0]], type=pa.list_(pa.float64(), 2))
    with pytest.raises(ValueError, match=r"^embeddings: cannot be read as an array: row 1 is null"):
        fast.von_neumann_entropy(deeper, [0, 2])
    with pytest.raises(ValueError, match=r"varying size; pass its \.values, and its \.offsets as offsets"):
        fast.von_neumann_entropy(pa.array([[[1.0]]]))
    with pytest.raises(ValueError, match=r"^correct: cannot be read as an array: row 2 is null"):
        fast.brier([0.1, 0.2, 0.3], pa.array([True, False, None]))


def test_verdicts_may_be_bool_or_zero_and_one():
    expected = fast.brier(Q, C)
    kinds = [C.tolist(), C.astype(int), C.astype(np.float16), C.astype(object), pa.array(C), torch.from_numpy(C)]
    for correct in (*kinds, np.repeat(C, 2)[::2]):
        assert fast.brier(Q, correct) == expected


def test_confidences_may_be_any_numbers():
    assert fast.brier([0, 1, True], C) == 1 / 3 * 0 + fast.brier(np.array([0.0, 1.0, 1.0]), C)
    assert fast.auroc(np.array([3, 5, 4], dtype=np.int8), C) == 1
    single = Q.astype(np.float32)
    assert fast.brier(single, C) == fast.brier(single.astype(float), C)
    assert fast.ece(pa.array(Q), C) == fast.ece(Q, C)


# What is refused


@pytest.mark.parametrize(
    ("embeddings", "offsets", "message"),
    [
        (X.astype(int), None, "embeddings: dtype is int64, must be float16, float32 or float64; use .astype"),
        (X.astype(bool), None, "embeddings: dtype is bool, must be float16, float32 or float64; use .astype"),
        (X.astype(complex), None, "embeddings: dtype is complex128, must be float16, float32 or float64; use .astype"),
        (
            X.astype(np.longdouble),
            None,
            f"embeddings: dtype is {np.dtype(np.longdouble)}, must be float16, float32 or float64; use .astype",
        ),
        (X.astype(object), None, "embeddings: dtype is object, must be float16, float32 or float64; use .astype"),
        (X[0, 0], None, "embeddings: has shape (5,), must be (P, N, D), or (K, D) with offsets"),
        (X[None], None, "embeddings: has shape (1, 6, 4, 5), must be (P, N, D), or (K, D) with offsets"),
        (np.float64(3), None, "embeddings: has shape (), must be (P, N, D), or (K, D) with offsets"),
        (ROWS, None, "offsets: needed with a 2-D array of embeddings; groups of one size can be (P, N, D)"),
        (X, OFFSETS, "offsets: a 3-D array of embeddings has none"),
        (X[:, :0], None, "embeddings: has shape (6, 0, 5), group 0 is empty"),
        (X[:, :, :0], None, "embeddings: rows have no columns"),
        (ROWS, [], "offsets: empty, needs at least the entry 0"),
        (ROWS, [1, 24], "offsets: must start with 0, not 1"),
        (ROWS, [0, 23], "offsets: must end with the number of rows, 24, not 23"),
        (ROWS, [0, 25], "offsets: must end with the number of rows, 24, not 25"),
        (ROWS, [0, 9, 8, 24], "offsets: group 1 ends at 8, before its start 9"),
        (ROWS, [0, 9, 9, 24], "offsets: group 1 is empty"),
        (ROWS, [0], "offsets: must end with the number of rows, 24, not 0"),
        (ROWS, [0.0, 24.0], "offsets: dtype is float64, must be integers"),
        (ROWS, [[0, 24]], "offsets: has shape (1, 2), must be 1-D"),
        (
            ROWS,
            np.array([0, 2**63], dtype=np.uint64),
            "offsets: row 1 is 9223372036854775808, must be below 2 ** 63",
        ),
    ],
)
def test_embeddings_and_offsets_that_make_no_sense_are_named(embeddings, offsets, message):
    for function in (fast.von_neumann_entropy, fast.renyi_entropy, fast.spectrum):
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            function(embeddings, offsets)
        assert str(caught.value) == message


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_first_row_that_is_not_finite_is_named(bad, dtype):
    x = X.astype(dtype)
    x[4, 1, 3] = x[2, 3, 0] = x[2, 3, 4] = bad
    for threads in (1, 3):
        with pytest.raises(ValueError, match=r"^embeddings: row 11 \(in group 2\) is not finite$"):
            fast.von_neumann_entropy(x, threads=threads)


def test_ragged_lists_and_masked_arrays_are_refused():
    with pytest.raises(ValueError, match=r"^embeddings: cannot be read as an array: .*inhomogeneous"):
        fast.von_neumann_entropy([[[1.0, 2.0], [1.0]]])
    with pytest.raises(ValueError, match=r"^embeddings: cannot be read as an array: has masked entries$"):
        fast.von_neumann_entropy(np.ma.masked_array(X, X > 1))
    np.testing.assert_array_equal(fast.von_neumann_entropy(np.ma.masked_array(X)), EXPECTED)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (None, "embeddings: is None, must be an array"),
        ({"a": X}, "embeddings: is {'a': array([[["),
        ((row for row in X), "embeddings: is <generator object"),
        ("rows", "embeddings: dtype is <U4, must be float16, float32 or float64; use .astype"),
        (
            [X[0], X[1][:2]],
            "embeddings: cannot be read as an array: its lists differ in length (inhomogeneous); join groups "
            "end to end, and say by offsets where each starts",
        ),
        (
            pa.table({"a": [1.0]}),
            "embeddings: cannot be read as an array: it is a pyarrow Table; pass an array, such as a column of a table",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_array_is_named_and_told_what_to_do(values, message):
    for function in (fast.von_neumann_entropy, fast.cosine_similarity, fast.cluster_embeddings):
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            function(values)
        assert str(caught.value).startswith(message)
        assert "\n" not in str(caught.value)


A = np.ones((2, 3, 3))
IDS = np.zeros((2, 3), dtype=int)


@pytest.mark.parametrize(
    ("function", "data", "numbers", "flags", "choices"),
    [
        (fast.von_neumann_entropy, (X,), ["gamma"], ["normalize"], ["kernel", "nan_policy"]),
        (fast.renyi_entropy, (X,), ["alpha", "gamma"], ["normalize"], ["kernel", "nan_policy"]),
        (fast.predictive_kernel_entropy, (X,), ["gamma"], ["normalize"], ["kernel", "nan_policy"]),
        (fast.semantic_volume, (X,), ["eps"], ["center"], ["nan_policy"]),
        (fast.eigen_score, (X,), ["alpha"], [], ["nan_policy"]),
        (fast.spectrum, (X,), ["gamma"], ["normalize"], ["kernel", "nan_policy"]),
        (fast.spectral_scores, (X,), ["gamma"], ["normalize"], ["kernel", "nan_policy"]),
        (fast.spectral_decomposition, (X[:, :3], None, np.zeros((6, 3), int)), ["gamma"], ["normalize"], ["kernel"]),
        (fast.kernel_language_entropy, (A,), ["t", "nu", "kappa"], ["unit_diagonal", "scale"], ["kernel"]),
        (fast.graph_scores, (A,), ["cut"], [], []),
        (fast.degree, (A,), [], ["per_answer"], []),
        (fast.eccentricity, (A,), ["cut"], ["per_answer"], []),
        (fast.cosine_similarity, (X,), [], ["clip"], []),
        (fast.cluster_embeddings, (X,), ["threshold"], [], ["linkage"]),
        (fast.cluster_entailment, (A, 0 * A), ["threshold"], [], ["rule", "algorithm"]),
        (fast.order_sensitive, (A, 0 * A), ["threshold"], [], ["rule", "algorithm"]),
        (fast.semantic_entropy, (IDS,), [], [], ["estimator"]),
        (fast.rouge_l_similarity, ([["a"]],), [], [], ["tokens"]),
        (fast.fit_platt, (Q, C), ["tol"], ["smoothing"], []),
        (fast.ece, (Q, C), [], ["debias"], ["bins", "edges", "norm"]),
        (fast.reliability, (Q, C), [], [], ["bins"]),
        (fast.evaluate, (Q, C), ["level"], [], ["bins", "method"]),
        (fast.aurc, (Q, C), [], [], ["method"]),
        (fast.auroc_interval, (Q, C), ["level"], [], []),
        (fast.prr, (Q, C), ["max_rejection"], [], []),
        (fast.mmce, (Q, C), ["width"], [], []),
        (fast.brier_decomposition, (Q, C), [], [], ["bins", "method"]),
        (fast.smooth_ece, (Q, C), [], [], []),
        (fast.mce, (Q, C), [], [], ["bins", "edges"]),
        (fast.rmsce, (Q, C), [], ["debias"], ["bins", "edges"]),
        (fast.classwise_ece, ([[0.5, 0.5]], [0]), ["threshold"], [], ["bins", "edges", "norm"]),
        (fast.top_label_ece, ([[0.5, 0.5]], [0]), [], [], ["bins", "edges", "norm"]),
        (fast.abstention, (C, C), ["penalty"], [], []),
        (fast.flip_rates, (C, C), [], [], []),
        (fast.aurac, (Q, C), [], [], []),
        (fast.reversed_pairs, (Q, C), [], [], []),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_setting_of_the_wrong_type_is_named(function, data, numbers, flags, choices):
    wrong = {
        "must be a number": (numbers, ["1", True, [1.0], X, 1j, {}]),
        "must be True or False": (flags, ["no", 0, 1.0, None, np.array([True])]),
        "must be one of ": (choices, [None, 1, ["rbf"], X]),
    }
    for needed, (settings_, values) in wrong.items():
        for setting in settings_:
            optional = inspect.signature(function).parameters[setting].default is None
            for value in (value for value in values if not (optional and value is None)):
                with pytest.raises(ValueError) as caught:  # noqa: PT011
                    function(*data, **{setting: value})
                assert str(caught.value).startswith(f"{setting}: is ")
                assert needed in str(caught.value)
                assert "\n" not in str(caught.value)
    if function is not fast.spectral_decomposition and numbers:
        exact = function(*data, **{numbers[0]: np.float32(0.5)})
        np.testing.assert_equal(function(*data, **{numbers[0]: np.array(0.5)}), exact)
    known = set(inspect.signature(function).parameters)
    tested = {*numbers, *flags, *choices}
    arrays = {"embeddings", "offsets", "counts", "weights", "clarification_ids", "similarity", "texts", "entail"}
    arrays |= {"contra", "clusters", "logprobs", "confidence", "correct", "scores", "groups", "other"}
    arrays |= {"uncertainty", "quality", "probabilities", "labels", "abstained", "before", "after"}
    counted = {"threads", "n_bins", "bootstrap", "seed", "names", "metrics"}
    counted |= {"convention", "sigma"}  # None is one of their values
    assert known - tested - arrays - counted == set()


def test_names_that_are_none_and_whole_numbers_that_are_none_are_named():
    for wrong in (3, [3], None):
        with pytest.raises(ValueError, match=r"^names: has .* in it, must be names$"):
            fast.graph_scores(A, names=wrong)
        with pytest.raises(ValueError, match=r"^scores: has .* in it, must be names$"):
            fast.spectral_scores(X, scores=wrong)
    with pytest.raises(ValueError, match=r"^scores: the settings of 'eigen_score' are 3, must be a dict$"):
        fast.spectral_scores(X, scores={"eigen_score": 3})
    with pytest.raises(ValueError, match=r"^n_bins: is True, must be a whole number$"):
        fast.ece(Q, C, n_bins=True)


@pytest.mark.parametrize("big", [2**63, 2**64 - 1])
def test_whole_numbers_beyond_int64_are_named_and_never_wrap(big):
    ids = np.array([0, 1, big, 2], dtype=np.uint64)
    with pytest.raises(ValueError, match=rf"^clusters: row 2 is {big}, must be below 2 \*\* 63$"):
        fast.num_semantic_sets(ids, [0, 4])
    with pytest.raises(ValueError, match=rf"^clarification_ids: row 2 is {big}, must be below"):
        fast.spectral_decomposition(X[:1], None, ids)
    assert fast.num_semantic_sets(ids[:2], [0, 2]) == [2.0]


METRICS = [fast.ece, fast.brier, fast.reliability, fast.evaluate]


@pytest.mark.parametrize("metric", [*METRICS, fast.auroc])
@pytest.mark.parametrize(
    ("confidence", "correct", "weights", "message"),
    [
        ([], [], None, "confidence: empty, needs at least one row"),
        ([0.5], [True, False], None, "correct: has 2 rows, 1 expected"),
        ([[0.5]], [True], None, "confidence: has shape (1, 1), must be 1-D"),
        ([0.5], [[True]], None, "correct: has shape (1, 1), must be 1-D"),
        (["a"], [True], None, "confidence: dtype is <U1, must be numbers"),
        ([0.5j], [True], None, "confidence: dtype is complex128, must be numbers"),
        ([None], [True], None, "confidence: dtype is object, must be numbers"),
        ([0.5, 0.5], [1, 2], None, "correct: row 1 is 2, must be bool, or all 0 and 1"),
        ([0.5, 0.5], [True, None], None, "correct: row 1 is None, must be bool, or all 0 and 1"),
        ([0.5], ["True"], None, "correct: dtype is <U4, must be bool, or all 0 and 1"),
        ([0.5], np.array(["1"], dtype=object), None, "correct: row 0 is 1, must be bool, or all 0 and 1"),
        ([0.5], [True], [0.1, 0.2], "weights: has 2 rows, 1 expected"),
        ([0.5], [True], [-1], "weights: row 0 is -1.0, must be finite and at least 0"),
        ([0.5], [True], [np.nan], "weights: row 0 is NaN, must be finite and at least 0"),
        ([0.5], [True], [np.inf], "weights: row 0 is inf, must be finite and at least 0"),
        ([0.5], [True], [0], "weights: their sum is 0.0, must lie between 1e-100 and 1e100"),
        ([0.5, 0.5], [True, False], [1e308, 1e308], "weights: their sum is inf, must lie between 1e-100 and 1e100"),
    ],
)
def test_rows_that_make_no_sense_are_named(metric, confidence, correct, weights, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        metric(confidence, correct, weights=weights)
    assert str(caught.value) == message
    if message.startswith(("correct", "weights")):
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            fast.fit_platt(confidence, correct, weights=weights)
        assert str(caught.value) == message


@pytest.mark.parametrize("metric", [fast.reliability, fast.evaluate, fast.auroc, fast.fit_platt, fast.mmce])
@pytest.mark.parametrize(
    ("correct", "row"), [([0.5, 1], "0 is 0.5"), ([1, np.nan], "1 is nan"), ([2.0, 0], "0 is 2.0")]
)
def test_answers_right_in_part_are_refused_where_they_have_no_meaning(metric, correct, row):
    with pytest.raises(ValueError, match=f"^correct: row {row}, must be bool, or all 0 and 1$"):
        metric([0.5, 0.5], correct)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("bad", "shown"), [(1.5, "1.5"), (-1e-9, "-1e-9"), (np.nan, "NaN"), (np.inf, "inf"), (-np.inf, "-inf")]
)
def test_confidences_outside_their_range_are_named(metric, bad, shown):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        metric([0.0, 1.0, bad, bad], [True] * 4)
    assert str(caught.value) == f"confidence: row 2 is {shown}, must be a number in [0, 1]"


def test_scores_must_be_finite_and_nothing_else():
    with pytest.raises(ValueError, match=r"^scores: row 1 is NaN, must be finite$"):
        fast.fit_platt([0, np.nan], [True, False])
    with pytest.raises(ValueError, match=r"^confidence: row 0 is inf, must be finite$"):
        fast.auroc([np.inf, 0], [True, False])
    with pytest.raises(ValueError, match=r"^scores: empty, needs at least one row$"):
        fast.fit_platt([], [])


bytes_ = st.binary(max_size=64).map(lambda b: np.frombuffer(b[: len(b) // 8 * 8]))
anything = st.one_of(
    bytes_,
    hnp.arrays(hnp.scalar_dtypes(), hnp.array_shapes(min_dims=0, max_dims=4, max_side=3, min_side=0)),
    st.lists(st.one_of(st.none(), st.floats(), st.text(max_size=2), st.integers()), max_size=4),
    st.none(),
    st.text(max_size=3),
)


@settings(max_examples=150, deadline=None)
@given(anything, anything, anything)
def test_anything_else_is_a_value_error_or_a_finite_answer(first, second, third):
    calls = [
        lambda: fast.von_neumann_entropy(first, second),
        lambda: fast.spectrum(first, third),
        lambda: fast.brier(first, second, weights=third),
        lambda: fast.ece(first, second, bins="mass"),
        lambda: fast.fit_platt(first, second, weights=third)[:2],
        lambda: list(fast.evaluate(first, second, bootstrap=2, groups=third).values())[1][0],
    ]
    for call in calls:
        try:
            answer = call()
        except ValueError as error:
            answer, named = [0.0], str(error).split(":")[0]
        else:
            named = "groups"
        assert named in {"embeddings", "offsets", "confidence", "correct", "weights", "scores", "groups"}
        assert np.isfinite(answer).all()


# Threads and processes


@pytest.mark.parametrize(
    ("threads", "message"),
    [
        (0, "threads: is 0, must be a whole number from 1 to 4096"),
        (-1, "threads: is -1, must be a whole number from 1 to 4096"),
        (5000, "threads: is 5000, must be a whole number from 1 to 4096"),
        (1.5, "threads: is 1.5, must be a whole number"),
    ],
)
def test_a_number_of_threads_that_makes_no_sense_is_named(threads, message):
    calls = [
        lambda: fast.von_neumann_entropy(X, threads=threads),
        lambda: fast.fit_platt(Q, C, threads=threads),
        lambda: fast.evaluate(Q, C, threads=threads),
    ]
    for call in calls:
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            call()
        assert str(caught.value) == message
    with pytest.raises(ValueError, match=rf"^n: {message.removeprefix('threads: ')}$"):
        fast.set_num_threads(threads)


def test_set_num_threads_wins_over_the_environment():
    script = """
        from uncal import _rust, fast
        print(_rust.num_threads())
        fast.set_num_threads(5)
        print(_rust.num_threads())
    """
    assert run(script, UNCAL_NUM_THREADS="3").split() == ["3", "5"]
    cores = len(os.sched_getaffinity(0))
    default, chosen = map(int, run(script, UNCAL_NUM_THREADS="").split())
    assert 1 <= default <= cores
    assert chosen == 5


@pytest.mark.parametrize("wrong", ["0", "-2", "many", "1.5", "99999"])
def test_an_environment_that_makes_no_sense_is_named(wrong):
    script = """
        from uncal import fast
        try:
            fast.brier([0.5], [True])
        except ValueError as error:
            print(error)
        print(fast.brier([0.5], [True], threads=1))
    """
    message = f'UNCAL_NUM_THREADS: is "{wrong}", must be a whole number from 1 to 4096'
    assert run(script, UNCAL_NUM_THREADS=wrong).splitlines() == [message, "0.25"]


def test_forked_children_get_threads_of_their_own():
    script = """
        import os, sys
        import numpy as np
        from uncal import fast
        x = np.random.default_rng(0).normal(size=(400, 10, 40))
        expected = fast.von_neumann_entropy(x, threads=3)

        def child(depth):
            pid = os.fork()
            if pid == 0:
                same = np.array_equal(fast.von_neumann_entropy(x, threads=3), expected)
                if depth:
                    same = child(depth - 1) and same
                os._exit(0 if same else 1)
            return os.waitpid(pid, 0)[1] == 0

        print(child(2), child(0), np.array_equal(fast.von_neumann_entropy(x, threads=3), expected))
    """
    assert run(script) == "True True True"


def test_calls_from_many_threads_do_not_disturb_each_other():
    x = np.random.default_rng(1).normal(size=(200, 8, 32))
    expected = fast.von_neumann_entropy(x, threads=1)
    same = []

    def work(threads):
        same.extend(np.array_equal(fast.von_neumann_entropy(x, threads=threads), expected) for _ in range(20))

    workers = [threading.Thread(target=work, args=(n,)) for n in (1, 2, 3, 2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert same == [True] * 80


def test_other_threads_run_while_a_kernel_does():
    x = np.random.default_rng(2).normal(size=(1, 600, 64))
    kernel = threading.Thread(target=lambda: fast.von_neumann_entropy(x, threads=1))
    ticks, start = 0, time.perf_counter()
    kernel.start()
    while kernel.is_alive():
        time.sleep(0.001)
        ticks += 1
    took = time.perf_counter() - start
    # A kernel that held the lock would let this loop run once or twice.
    assert took > 0.02
    assert ticks > 5


# Importing


def test_importing_is_quick_and_loads_nothing_heavy():
    script = """
        import sys, time
        import numpy, numpy.typing
        start = time.perf_counter()
        import uncal.fast
        took = time.perf_counter() - start
        uncal.fast.brier([0.5], [True])
        heavy = {"torch", "pandas", "sklearn", "scipy", "pyarrow"} & set(sys.modules)
        print(took, sorted(heavy))
    """
    times = []
    for _ in range(3):
        took, heavy = run(script).split(" ", 1)
        times.append(float(took))
        assert heavy == "[]"
    assert min(times) < 0.3, times


def test_every_kernel_is_documented_and_listed():
    functions = [name for name in fast.__all__ if inspect.isfunction(getattr(fast, name))]
    for name in functions:
        assert "Examples\n" in getattr(fast, name).__doc__, name
    assert sorted(fast.__all__) == fast.__all__
    public = {name for name in vars(_rust) if not name.startswith("_")}
    assert public - {"num_threads", "brier_corp", "ece_by", "token_measure"} <= set(
        functions
    )  # those by a setting, or in parts
