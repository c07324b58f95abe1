"""Graph measures against their definitions, SciPy and scikit-learn, known values, and what must always hold."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse.csgraph
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import pairwise as sklearn_kernels

from uncal import fast

MEASURES = ["eigenvalue_laplacian", "degree", "eccentricity"]
G7 = np.array([[[0, 1.5, 0.5], [1.5, 0, 0], [0.5, 0, 0]]])
G8 = np.array([[[1, 0.9, 0.1], [0.9, 1, 0.2], [0.1, 0.2, 1]]])


def laplacian(a):
    w = (a + a.T) / 2
    root = np.diag(1 / np.sqrt(w.sum(axis=1)))
    return np.eye(len(a)) - root @ w @ root


def eigenvalue_laplacian(a):
    return np.sum(np.maximum(0, 1 - np.linalg.eigvalsh(laplacian(a))))


def degree(a):
    return np.sum(1 - a, axis=1)


def eccentricity(a, cut=0.9):
    """Of the eigenvectors below the cut, and of all whose eigenvalues equal one of theirs."""
    values, vectors = np.linalg.eigh(laplacian(a))
    kept = max(1, np.count_nonzero(values < cut - 1e-9))
    while kept < len(values) and values[kept] - values[kept - 1] <= 1e-9:
        kept += 1
    rows = vectors[:, :kept]
    return np.linalg.norm(rows - rows.mean(axis=0), axis=1)


def language_entropy(w, kernel, *, t=0.3, nu=1.0, kappa=1.0, unit_diagonal=True):
    """By matrix functions that know nothing of eigenvectors."""
    w = (w + w.T) / 2
    np.fill_diagonal(w, 0)
    lap = np.diag(w.sum(axis=1)) - w
    if kernel == "heat":
        k = scipy.linalg.expm(-t * lap)
    else:
        k = scipy.linalg.fractional_matrix_power(2 * nu / kappa**2 * np.eye(len(w)) + lap, -nu)
    if unit_diagonal:
        k = k / np.sqrt(np.outer(np.diag(k), np.diag(k)))
    return scipy.stats.entropy(np.clip(np.linalg.eigvalsh(k), 0, None))


def similarities(p, n, seed=0, dtype=np.float64):
    """As entailment makes them: skewed, in [0, 1], 1 on the diagonal, some answers alike."""
    rng = np.random.default_rng(seed)
    topic = rng.integers(0, 3, size=(p, n))
    a = rng.uniform(size=(p, n, n)) ** np.where(topic[:, :, None] == topic[:, None, :], 0.3, 4)
    a[:, range(n), range(n)] = 1
    return a.astype(dtype)


def ragged(sizes, seed=0, dtype=np.float64):
    matrices = [similarities(1, n, seed + i, dtype)[0] for i, n in enumerate(sizes)]
    return matrices, np.concatenate([matrix.reshape(-1) for matrix in matrices]), np.cumsum([0, *sizes])


def everything(similarity, offsets=None, threads=None):
    """All that is read off one similarity matrix."""
    yield from fast.graph_scores(similarity, offsets, threads=threads).values()
    yield fast.degree(similarity, offsets, per_answer=True, threads=threads)
    yield fast.eccentricity(similarity, offsets, per_answer=True, threads=threads)
    for kernel in ("heat", "matern"):
        for unit_diagonal in (True, False):
            yield fast.kernel_language_entropy(
                similarity, offsets, kernel=kernel, unit_diagonal=unit_diagonal, threads=threads
            )


@pytest.mark.parametrize(("p", "n"), [(20, 1), (60, 2), (60, 5), (40, 10), (20, 20), (3, 65)])
def test_each_measure_is_its_definition(p, n):
    x = similarities(p, n)
    close = {"rtol": 1e-10, "atol": 1e-12}
    np.testing.assert_allclose(fast.eigenvalue_laplacian(x), [eigenvalue_laplacian(a) for a in x], **close)
    np.testing.assert_allclose(fast.degree(x), [degree(a).mean() for a in x], **close)
    np.testing.assert_allclose(fast.degree(x, per_answer=True), np.concatenate([degree(a) for a in x]), **close)
    for cut in (0.4, 0.9, 1.2):
        each = np.concatenate([eccentricity(a, cut) for a in x])
        np.testing.assert_allclose(fast.eccentricity(x, cut=cut, per_answer=True), each, **close)
        whole = np.linalg.norm(each.reshape(p, n), axis=1)
        np.testing.assert_allclose(fast.eccentricity(x, cut=cut), whole, **close)


@pytest.mark.parametrize(("p", "n"), [(3, 1), (10, 2), (10, 5), (6, 10), (1, 40)])
@pytest.mark.parametrize("unit_diagonal", [True, False])
def test_kernel_language_entropy_is_its_definition(p, n, unit_diagonal):
    w = 2 * similarities(p, n)
    for settings_ in (
        {"kernel": "heat", "t": 0.3},
        {"kernel": "heat", "t": 0.7},
        {"kernel": "matern", "nu": 1.0, "kappa": 1.0},
        {"kernel": "matern", "nu": 2.5, "kappa": 0.8},
        {"kernel": "matern", "nu": 3.0, "kappa": 3.0},
    ):
        ours = fast.kernel_language_entropy(w, unit_diagonal=unit_diagonal, **settings_)
        theirs = [language_entropy(matrix, unit_diagonal=unit_diagonal, **settings_) for matrix in w]
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
        scaled = fast.kernel_language_entropy(w, unit_diagonal=unit_diagonal, scale=True, **settings_)
        np.testing.assert_allclose(scaled, ours / np.log(max(n, 2)), rtol=1e-15)


def test_known_kernel_language_entropies():
    known = [
        ({}, 1.0302020258),
        ({"scale": True}, 0.9377302953),
        ({"unit_diagonal": False}, 1.0259287615),
        ({"kernel": "matern"}, 1.0315126897),
        ({"kernel": "matern", "nu": 2}, 1.0010281945),
        ({"kernel": "matern", "kappa": 3}, 0.6576558309),
    ]
    for settings_, entropy in known:
        np.testing.assert_allclose(fast.kernel_language_entropy(G7, **settings_), [entropy], rtol=0, atol=1e-9)


def test_known_measures():
    close = {"rtol": 0, "atol": 1e-9}
    np.testing.assert_allclose(fast.eigenvalue_laplacian(G8), [1.7454212454], **close)
    np.testing.assert_allclose(fast.degree(G8), [1.2], **close)
    np.testing.assert_allclose(fast.degree(G8) / 3, [0.4], **close)  # lm-polygraph's DegMat
    np.testing.assert_allclose(fast.degree(G8, per_answer=True), [1.0, 0.9, 1.7], **close)
    np.testing.assert_allclose(fast.eccentricity(G8), [1.0001475991], **close)
    each = [0.4523673043, 0.3628583715, 0.8148575607]
    np.testing.assert_allclose(fast.eccentricity(G8, per_answer=True), each, **close)


def test_scipys_laplacians_agree():
    w = similarities(20, 9) + similarities(20, 9).transpose(0, 2, 1)
    w[:, range(9), range(9)] = 0  # SciPy leaves loops out, uncal uses the diagonal that it is given
    for matrix in w:
        normed = scipy.sparse.csgraph.laplacian(matrix, normed=True)
        expected = np.clip(1 - scipy.linalg.eigvalsh(normed), 0, None).sum()
        np.testing.assert_allclose(fast.eigenvalue_laplacian(matrix[None]), [expected], rtol=1e-10)
        values, vectors = scipy.linalg.eigh(scipy.sparse.csgraph.laplacian(matrix))
        kernel = vectors @ np.diag(np.exp(-0.3 * values)) @ vectors.T
        entropy = scipy.stats.entropy(scipy.linalg.eigvalsh(kernel / np.trace(kernel)))
        ours = fast.kernel_language_entropy(matrix[None], unit_diagonal=False)
        np.testing.assert_allclose(ours, [entropy], rtol=1e-10)


blocks = st.lists(st.integers(0, 4), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(blocks, st.floats(0.05, 1))
def test_blocks_are_connected_components(labels, within):
    labels = np.array(labels)
    a = (labels[:, None] == labels[None, :]).astype(float)
    count, found = scipy.sparse.csgraph.connected_components(a)
    np.testing.assert_allclose(fast.eigenvalue_laplacian(a[None]), [count], rtol=1e-13)
    # C indicator vectors, whose components along the ones have squares that sum to 1
    np.testing.assert_allclose(fast.eccentricity(a[None]), [np.sqrt(count - 1)], rtol=1e-13)
    # once heat has spread everywhere, K is 1 within components and 0 between them
    far = fast.kernel_language_entropy(within * a[None], t=1e6)
    np.testing.assert_allclose(far, [scipy.stats.entropy(np.bincount(found))], rtol=0, atol=1e-13)
    far = fast.kernel_language_entropy(within * a[None], t=1e6, unit_diagonal=False)
    np.testing.assert_allclose(far, [np.log(count)], rtol=0, atol=1e-13)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_narrow_floats_are_widened_exactly_and_then_computed_in_double(dtype):
    x = similarities(30, 8, dtype=dtype)
    for narrow, wide in zip(everything(x), everything(x.astype(np.float64)), strict=True):
        np.testing.assert_array_equal(narrow, wide)
    # what rounding the entries to float32 costs: half an ulp of 1 for each of n entries in a row
    exact = list(everything(similarities(30, 8)))
    for narrow, wide in zip(everything(similarities(30, 8, dtype=np.float32)), exact, strict=True):
        np.testing.assert_allclose(narrow, wide, rtol=0, atol=2e-6)


def test_whole_numbers_and_verdicts_are_read_as_numbers():
    a = np.array([[[1, 0, 1], [0, 1, 0], [1, 0, 1]]])
    for same in (a.astype(np.int8), a.astype(bool), a.tolist()):
        for ours, expected in zip(everything(same), everything(a.astype(float)), strict=True):
            np.testing.assert_array_equal(ours, expected)


def test_equal_answers_and_single_answers_do_not_spread():
    for n in (1, 2, 3, 10, 33):
        same = np.ones((2, n, n))
        np.testing.assert_allclose(fast.eigenvalue_laplacian(same), [1, 1], rtol=1e-14)
        for zero in (
            fast.degree(same),
            fast.eccentricity(same),
            fast.degree(same, per_answer=True),
            fast.eccentricity(same, per_answer=True),
        ):
            assert not zero.view(np.int64).any()
    for settings_ in ({}, {"scale": True}, {"kernel": "matern"}, {"unit_diagonal": False}):
        assert fast.kernel_language_entropy(np.ones((1, 1, 1)), **settings_) == [0]
    assert fast.eigenvalue_laplacian([[[0.25]]]) == [1]


def test_answers_without_any_likeness_spread_the_most():
    for n in (2, 3, 10, 33):
        apart = np.eye(n)[None]
        np.testing.assert_allclose(fast.eigenvalue_laplacian(apart), [n], rtol=1e-14)
        assert fast.degree(apart) == [n - 1]
        np.testing.assert_allclose(fast.eccentricity(apart), [np.sqrt(n - 1)], rtol=1e-14)
        np.testing.assert_allclose(fast.kernel_language_entropy(apart), [np.log(n)], rtol=1e-14)
        np.testing.assert_allclose(fast.kernel_language_entropy(apart, scale=True), [1], rtol=1e-14)


@pytest.mark.parametrize("n", [6, 9, 12])
def test_a_cut_through_equal_eigenvalues_keeps_all_of_them(n):
    # A ring, whose eigenvalues come in pairs, and whose answers all look alike.
    ring = np.eye(n) + 0.5 * (np.roll(np.eye(n), 1, axis=0) + np.roll(np.eye(n), -1, axis=0))
    eigenvalues = 1 - (1 + np.cos(2 * np.pi * np.arange(n) / n)) / 2
    pair = eigenvalues[1]
    for cut, kept in [(pair - 1e-6, 1), (pair, 1), (pair + 1.5e-9, 3), (pair + 1e-6, 3)]:
        for jitter in np.random.default_rng(0).normal(size=(5, n, n)) * 1e-15:
            a = (ring + jitter)[None]
            each = fast.eccentricity(a, cut=cut, per_answer=True)
            np.testing.assert_allclose(each, np.full(n, np.sqrt((kept - 1) / n)), rtol=0, atol=1e-9)
            np.testing.assert_allclose(fast.eccentricity(a, cut=cut), [np.sqrt(kept - 1)], rtol=0, atol=1e-12)
    # Eigenvalues 4e-10 and 1.2e-9 apart are a chain: one below the cut draws the others along.
    close = np.diag([1.0, 1.0, 1.0, 1.0])
    close[0, 1] = close[1, 0] = 1 - 2e-10
    np.testing.assert_allclose(fast.eigenvalue_laplacian(close[None]), [3], rtol=1e-9)
    np.testing.assert_allclose(fast.eccentricity(close[None], cut=1e-8), [np.sqrt(2)], rtol=1e-9)


def test_negative_similarities_are_allowed_while_rows_sum_to_more_than_zero():
    a = np.array([[1.0, -0.4, 0.3], [-0.4, 1.0, -0.2], [0.3, -0.2, 1.0]])
    np.testing.assert_allclose(fast.eigenvalue_laplacian(a[None]), [eigenvalue_laplacian(a)], rtol=1e-10)
    np.testing.assert_allclose(fast.eccentricity(a[None], per_answer=True), eccentricity(a), rtol=1e-10)
    np.testing.assert_allclose(fast.degree(a[None]), [degree(a).mean()], rtol=1e-15)


@pytest.mark.parametrize("scale", [1e-320, 1e-200, 1e-30, 1e30, 1e99])
def test_the_scale_of_similarities_does_not_matter_to_the_spectrum(scale):
    a = (8 * similarities(4, 7)).round()  # the smallest scale leaves few digits, so take a few
    for name in ("eigenvalue_laplacian", "eccentricity"):
        ours = getattr(fast, name)(a * scale)
        np.testing.assert_allclose(ours, getattr(fast, name)(a * scale / scale), rtol=1e-3 if scale < 1e-300 else 1e-12)


def test_a_thousand_answers():
    n = 1000
    rng = np.random.default_rng(3)
    x = rng.normal(size=(n, 6)) + 3 * rng.normal(size=(4, 6))[rng.integers(0, 4, n)]
    a = fast.cosine_similarity(x[None])
    values, vectors = np.linalg.eigh(laplacian(a[0]))
    np.testing.assert_allclose(fast.eigenvalue_laplacian(a), [np.clip(1 - values, 0, None).sum()], rtol=1e-10)
    rows = vectors[:, values < 0.9]
    each = np.linalg.norm(rows - rows.mean(axis=0), axis=1)
    np.testing.assert_allclose(fast.eccentricity(a), [np.linalg.norm(each)], rtol=1e-10)
    np.testing.assert_allclose(fast.eccentricity(a, per_answer=True), each, rtol=1e-9)
    w = a[0, :250, :250] / 100
    expected = language_entropy(w, "heat")
    np.testing.assert_allclose(fast.kernel_language_entropy(w[None]), [expected], rtol=1e-9)


def test_ragged_groups_are_each_their_own():
    sizes = [1, 7, 2, 30, 1, 3]
    matrices, flat, offsets = ragged(sizes)
    together = list(everything(flat, offsets))
    for p, (start, end) in enumerate(pairwise(offsets)):
        for ours, alone in zip(together, everything(matrices[p][None]), strict=True):
            part = ours[start:end] if len(ours) == sum(sizes) else ours[p : p + 1]
            np.testing.assert_array_equal(part, alone)


def test_several_measures_at_once_are_the_very_same_numbers():
    _, flat, offsets = ragged([4, 1, 9, 6])
    scores = fast.graph_scores(flat, offsets, cut=0.6)
    assert list(scores) == MEASURES
    np.testing.assert_array_equal(scores["eigenvalue_laplacian"], fast.eigenvalue_laplacian(flat, offsets))
    np.testing.assert_array_equal(scores["degree"], fast.degree(flat, offsets))
    np.testing.assert_array_equal(scores["eccentricity"], fast.eccentricity(flat, offsets, cut=0.6))
    for names in ([], ["degree"], ("eccentricity", "degree"), ["degree"] * 5, "eccentricity"):
        some = fast.graph_scores(flat, offsets, names=names, cut=0.6)
        assert list(some) == ([names] if isinstance(names, str) else list(dict.fromkeys(names)))
        for name, values in some.items():
            np.testing.assert_array_equal(values, scores[name])


def test_no_groups_give_no_scores():
    for none, offsets in ((np.empty((0, 4, 4)), None), (np.empty(0), [0])):
        for scores in everything(none, offsets):
            assert scores.shape == (0,)
    assert fast.cosine_similarity(np.empty((0, 4, 3))).shape == (0, 4, 4)
    assert fast.cosine_similarity(np.empty((0, 3)), [0]).shape == (0,)


@pytest.mark.parametrize("threads", [2, 7])
def test_threads_change_no_bit(threads):
    rng = np.random.default_rng(5)
    sizes = rng.integers(1, 20, size=200)
    _, flat, offsets = ragged(sizes, dtype=np.float32)
    for one, many in zip(everything(flat, offsets, 1), everything(flat, offsets, threads), strict=True):
        np.testing.assert_array_equal(one, many)
    rows = rng.normal(size=(sizes.sum(), 24)).astype(np.float32)
    one, many = (fast.cosine_similarity(rows, offsets, threads=n) for n in (1, threads))
    np.testing.assert_array_equal(one, many)


# Cosines


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_cosines_are_scikit_learns(dtype):
    x = np.random.default_rng(6).normal(size=(5, 8, 30)).astype(dtype)
    cosines = fast.cosine_similarity(x, clip=False)
    assert cosines.shape == (5, 8, 8)
    assert cosines.dtype == np.float64
    expected = [sklearn_kernels.cosine_similarity(group.astype(np.float64)) for group in x]
    np.testing.assert_allclose(cosines, expected, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(fast.cosine_similarity(x), np.maximum(cosines, 0))
    flat = fast.cosine_similarity(x.reshape(40, 30), np.arange(0, 41, 8), clip=False)
    np.testing.assert_array_equal(flat, cosines.reshape(-1))


def test_cosines_of_equal_rows_are_one_and_of_rows_of_zeros_zero():
    x = np.repeat(np.random.default_rng(7).normal(size=(1, 4, 9)), 2, axis=1)
    x[0, 2:4] = 0
    cosines = fast.cosine_similarity(x, clip=False)[0]
    zero = np.isin(np.arange(8), [2, 3])
    np.testing.assert_array_equal(cosines[zero], np.broadcast_to(zero, (2, 8)))
    np.testing.assert_array_equal(cosines[range(0, 8, 2), range(1, 8, 2)], np.ones(4))
    np.testing.assert_array_equal(np.diag(cosines), np.ones(8))
    assert fast.degree(fast.cosine_similarity(np.repeat(x[:, :1], 5, axis=1))) == [0]


# What holds for any input

sizes_ = st.lists(st.integers(1, 7), min_size=1, max_size=4)
# Coarse entries, so that blocks and equal eigenvalues turn up; fine ones, so that nothing else does.
entries = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1, width=16).map(lambda x: round(x, 2)))
dtypes = st.sampled_from([np.float16, np.float32, np.float64])


@st.composite
def groups(draw):
    sizes = draw(sizes_)
    flat = np.array([draw(entries) for n in sizes for _ in range(n * n)]).astype(draw(dtypes))
    start = 0
    for n in sizes:
        flat[start : start + n * n : n + 1] = 1
        start += n * n
    return sizes, flat, np.cumsum([0, *sizes])


quick = settings(max_examples=60, deadline=None)


@quick
@given(groups(), st.sampled_from([0.4, 0.5, 0.9, 1.0, 1.5]))
def test_measures_are_their_definitions_where_eigenvalues_tie_and_meet_the_cut(drawn, cut):
    sizes, flat, offsets = drawn
    scores = fast.graph_scores(flat, offsets, cut=cut)
    each = fast.eccentricity(flat, offsets, cut=cut, per_answer=True)
    for p, matrix in enumerate(np.split(flat.astype(np.float64), np.cumsum(np.square(sizes))[:-1])):
        a = matrix.reshape(sizes[p], sizes[p])
        expected = eccentricity(a, cut)
        close = {"rtol": 0, "atol": 1e-10}
        np.testing.assert_allclose(scores["eigenvalue_laplacian"][p], eigenvalue_laplacian(a), **close)
        np.testing.assert_allclose(scores["degree"][p], degree(a).mean(), **close)
        np.testing.assert_allclose(each[offsets[p] : offsets[p + 1]], expected, **close)
        np.testing.assert_allclose(scores["eccentricity"][p], np.linalg.norm(expected), **close)


@quick
@given(groups(), st.randoms(use_true_random=False))
def test_order_of_answers_does_not_matter(drawn, random):
    sizes, flat, offsets = drawn
    shuffled, order, start = flat.copy(), [], 0
    for n, first in zip(sizes, offsets, strict=False):
        turn = random.sample(range(n), n)
        matrix = flat[start : start + n * n].reshape(n, n)
        shuffled[start : start + n * n] = matrix[np.ix_(turn, turn)].reshape(-1)
        order += [first + i for i in turn]
        start += n * n
    # Eigenvectors on the two sides of the cut are as sure as the gap between their eigenvalues is wide.
    for ours, expected in zip(everything(shuffled, offsets), everything(flat, offsets), strict=True):
        expected_ = expected[order] if len(expected) == offsets[-1] else expected
        if len(sizes) == offsets[-1]:
            expected_ = expected
        np.testing.assert_allclose(ours, expected_, rtol=0, atol=1e-9)


@quick
@given(groups(), st.floats(0.05, 2))
def test_measures_stay_in_their_range_and_groups_are_their_answers(drawn, cut):
    sizes, flat, offsets = drawn
    n = np.array(sizes)
    scores = fast.graph_scores(flat, offsets, cut=cut)
    assert (scores["eigenvalue_laplacian"] >= 1).all()
    assert (scores["eigenvalue_laplacian"] <= n + 1e-12).all()
    assert (scores["degree"] >= 0).all()
    assert (scores["degree"] <= n - 1 + 1e-12).all()
    assert (scores["eccentricity"] >= 0).all()
    assert (scores["eccentricity"] <= np.sqrt(n - 1) + 1e-12).all()
    distances = fast.degree(flat, offsets, per_answer=True)
    np.testing.assert_allclose(np.add.reduceat(distances, offsets[:-1]) / n, scores["degree"], rtol=0, atol=1e-13)
    rows = fast.eccentricity(flat, offsets, cut=cut, per_answer=True)
    whole = np.sqrt(np.add.reduceat(rows**2, offsets[:-1]))
    np.testing.assert_allclose(whole, scores["eccentricity"], rtol=0, atol=1e-9)


@quick
@given(groups(), st.sampled_from(["heat", "matern"]), st.booleans(), st.floats(0.01, 10))
def test_language_entropies_stay_in_their_range(drawn, kernel, unit_diagonal, reach):
    sizes, flat, offsets = drawn
    settings_ = {"kernel": kernel, "unit_diagonal": unit_diagonal, "t": reach, "kappa": reach, "nu": reach}
    entropy = fast.kernel_language_entropy(flat, offsets, **settings_)
    assert (entropy >= 0).all()
    assert (entropy <= np.log(sizes)).all()
    scaled = fast.kernel_language_entropy(flat, offsets, scale=True, **settings_)
    assert (scaled <= 1).all()
    np.testing.assert_allclose(scaled * np.log(sizes), entropy, rtol=0, atol=1e-14)


@quick
@given(groups(), st.floats(0.01, 5), st.floats(1, 10))
def test_heat_that_spreads_farther_tells_less_apart(drawn, t, factor):
    _, flat, offsets = drawn
    near = fast.kernel_language_entropy(flat, offsets, t=t, unit_diagonal=False)
    far = fast.kernel_language_entropy(flat, offsets, t=t * factor, unit_diagonal=False)
    assert (far <= near + 1e-12).all()
    # t and the weights only ever meet as a product
    weights = flat.astype(float) * factor
    np.testing.assert_allclose(
        fast.kernel_language_entropy(weights, offsets, t=t, unit_diagonal=False), far, rtol=0, atol=1e-12
    )


# What is refused

extremes = st.sampled_from([0.0, 5e-324, 1e-308, 1e-160, 1e-20, 1.0, 1e20, 1e100, -1.0, -1e-20, np.nan, np.inf, 1e300])
settings__ = st.sampled_from([5e-324, 1e-308, 1e-160, 0.3, 1.0, 1e160, 1e308])


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 5).flatmap(lambda n: st.lists(extremes, min_size=n * n, max_size=n * n)), settings__, settings__)
def test_any_numbers_are_a_value_error_or_a_finite_answer(entries, x, y):
    n = int(np.sqrt(len(entries)))
    matrix = np.array(entries).reshape(1, n, n)
    calls = [
        lambda: fast.graph_scores(matrix, cut=x)["eigenvalue_laplacian"],
        lambda: fast.graph_scores(matrix, cut=x)["eccentricity"],
        lambda: fast.degree(matrix, per_answer=True),
        lambda: fast.eccentricity(matrix, cut=x, per_answer=True),
        lambda: fast.kernel_language_entropy(matrix, t=x),
        lambda: fast.kernel_language_entropy(matrix, kernel="matern", nu=x, kappa=y, unit_diagonal=False),
        lambda: fast.kernel_language_entropy(matrix, kernel="matern", nu=x, kappa=y, scale=True),
    ]
    for call in calls:
        try:
            answer = call()
        except ValueError as error:
            assert str(error).split(":")[0] in {"similarity", "weights"}  # noqa: PT017
        else:
            assert np.isfinite(answer).all()


@pytest.mark.parametrize("name", ["kernel_language_entropy", *MEASURES, "graph_scores"])
@pytest.mark.parametrize(
    ("matrices", "offsets", "message"),
    [
        (np.ones((2, 3, 4)), None, "{}: has shape (2, 3, 4), must be (P, N, N)"),
        (np.ones((3, 3)), None, "{}: has shape (3, 3), must be (P, N, N), or flat with offsets"),
        (np.ones((2, 3, 3)), [0, 3, 6], "offsets: a 3-D array of {} has none"),
        (np.ones((2, 0, 0)), None, "{}: has shape (2, 0, 0), group 0 is empty"),
        (np.ones(4), None, "offsets: needed with flat {}; matrices of one size can be (P, N, N)"),
        (np.ones(5), [0, 1, 2], "{}: has 5 rows, 2 expected"),
        (np.ones(4), [0, 2, 2], "offsets: group 1 is empty"),
        (np.ones(4), [1, 3], "offsets: must start with 0, not 1"),
        (np.ones(4), [0, 4, 2], "offsets: group 1 ends at 2, before its start 4"),
        (np.ones(4), [], "offsets: empty, needs at least the entry 0"),
        (np.ones((1, 2, 2), dtype=complex), None, "{}: dtype is complex128, must be numbers"),
    ],
)
def test_matrices_and_offsets_that_make_no_sense_are_named(name, matrices, offsets, message):
    argument = "weights" if name == "kernel_language_entropy" else "similarity"
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        getattr(fast, name)(matrices, offsets)
    assert str(caught.value) == message.format(argument)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e101])
@pytest.mark.parametrize("threads", [1, 3])
def test_the_first_entry_out_of_range_is_named(bad, threads):
    _, flat, offsets = ragged([2, 3, 4, 40])
    for entry in (10, 20, 100):
        flat[entry] = bad
    shown = "NaN" if np.isnan(bad) else repr(bad)
    message = f"entry (2, 0) of group 1 is {shown}, must be finite, and below 1e100 in magnitude"
    calls = [
        lambda: fast.graph_scores(flat, offsets, threads=threads),
        lambda: fast.degree(flat, offsets, per_answer=True, threads=threads),
        lambda: fast.eccentricity(flat, offsets, per_answer=True, threads=threads),
        lambda: fast.kernel_language_entropy(flat, offsets, threads=threads),
    ]
    for call in calls:
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            call()
        assert str(caught.value).replace("1e+101", "1e101").partition(": ")[2] == message.replace("1e+101", "1e101")


def test_weights_below_zero_and_rows_without_a_degree_are_named():
    w = G7.copy()
    w[0, 1, 2] = -1e-9
    with pytest.raises(ValueError, match=r"^weights: entry \(1, 2\) of group 0 is -1e-9, must be at least 0$"):
        fast.kernel_language_entropy(w)
    a = np.stack([np.eye(3), np.diag([1.0, 0.0, 1.0])])
    for call in (fast.eigenvalue_laplacian, fast.eccentricity, lambda a: fast.eccentricity(a, per_answer=True)):
        with pytest.raises(ValueError, match=r"^similarity: row 1 of group 1, symmetrised, sums to 0.0, must be above"):
            call(a)
    np.testing.assert_allclose(fast.degree(a), [2, 7 / 3], rtol=1e-15)
    with pytest.raises(ValueError, match=r"^similarity: row 0 of group 0, symmetrised, sums to .*, must be above 0$"):
        fast.eigenvalue_laplacian([[[0.3, -0.1, -0.2], [-0.1, 1, 0], [-0.2, 0, 1]]])  # 5.5e-17, or 0, or below


@pytest.mark.parametrize(
    ("function", "settings_", "message"),
    [
        ("kernel_language_entropy", {"kernel": "rbf"}, 'kernel: is "rbf", must be one of heat, matern'),
        ("kernel_language_entropy", {"t": 0}, "t: is 0.0, must be a finite number above 0"),
        ("kernel_language_entropy", {"nu": np.nan}, "nu: is NaN, must be a finite number above 0"),
        ("kernel_language_entropy", {"kappa": np.inf}, "kappa: is inf, must be a finite number above 0"),
        ("eccentricity", {"cut": 0}, "cut: is 0.0, must be a finite number above 0"),
        ("eccentricity", {"cut": np.nan, "per_answer": True}, "cut: is NaN, must be a finite number above 0"),
        ("graph_scores", {"cut": np.inf}, "cut: is inf, must be a finite number above 0"),
        (
            "graph_scores",
            {"names": ["degree", "deg"]},
            'names: is "deg", must be one of eigenvalue_laplacian, degree, eccentricity',
        ),
        ("degree", {"threads": 0}, "threads: is 0, must be a whole number from 1 to 4096"),
    ],
)
def test_wrong_settings_are_named(function, settings_, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        getattr(fast, function)(G8, **settings_)
    assert str(caught.value) == message


def test_rows_without_a_direction_are_named():
    x = np.ones((2, 3, 4))
    x[1, 2, 0] = np.nan
    with pytest.raises(ValueError, match=r"^embeddings: row 5 \(in group 1\) is not finite$"):
        fast.cosine_similarity(x)
    with pytest.raises(ValueError, match=r"^embeddings: rows have no columns$"):
        fast.cosine_similarity(x[:, :, :0])
