"""Entropies and spectra against their definition, SciPy and scikit-learn, known values, and what must always hold."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import pairwise as sklearn_kernels

from uncal import fast

KERNELS = ["rbf", "laplacian", "cosine", "cosine01", "poly2"]
ORDERS = [0.5, 0.9, 1.0, 1.5, 2.0, 3.0, 30.0, np.inf]
FAN = np.array([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8], [0.0, 1.0]])


def gram(x, kernel, gamma=1.0, normalize=True):
    """The kernel matrix, entry by entry."""
    x = x.astype(np.float64)
    zero = ~x.any(axis=1)
    if normalize:
        x = x / np.where(zero, 1.0, np.linalg.norm(x, axis=1))[:, None]
    n = len(x)
    matrix = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            if zero[i] or zero[j]:
                matrix[i, j] = float(zero[i] and zero[j])
            else:
                matrix[i, j] = {
                    "rbf": lambda a, b: np.exp(-gamma * np.sum((a - b) ** 2)),
                    "laplacian": lambda a, b: np.exp(-gamma * np.sum(np.abs(a - b))),
                    "cosine": lambda a, b: a @ b,
                    "cosine01": lambda a, b: (1 + a @ b) / 2,
                    "poly2": lambda a, b: (a @ b) ** 2,
                }[kernel](x[i], x[j])
    return matrix


def eigenvalues(matrix):
    """Of the matrix at trace 1, descending, without what is rounding."""
    values = np.linalg.eigvalsh(matrix / np.trace(matrix))[::-1]
    values = np.where(values <= len(values) * 2.2e-16 * values[0], 0.0, values)
    return values / values.sum()


def renyi(values, alpha):
    """The definition, and its limits at 1 and infinity."""
    values = values[values > 0]
    if alpha == 1:
        return -np.sum(values * np.log(values))
    if alpha == np.inf:
        return -np.log(values.max())
    return np.log(np.sum(values**alpha)) / (1 - alpha)


def groups(p, n, d, seed=0, dtype=np.float64):
    """Groups as a model makes them: some answers repeated, one empty, the rest alike to some degree."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(p, 1, d)) + rng.uniform(0.1, 2, size=(p, 1, 1)) * rng.normal(size=(p, n, d))
    x[::3, n // 2] = x[::3, 0]
    x[1::3, -1] = 0
    return x.astype(dtype)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("shape", [(40, 5, 3), (20, 10, 64), (3, 33, 17)])
def test_each_kernel_is_its_definition(kernel, normalize, shape):
    x = groups(*shape)
    settings_ = {"kernel": kernel, "gamma": 0.3, "normalize": normalize}
    spectra = [eigenvalues(gram(group, **settings_)) for group in x]
    # Both sides round entries and eigenvalues to a few 1e-16.
    np.testing.assert_allclose(fast.spectrum(x, **settings_), np.concatenate(spectra), rtol=0, atol=1e-13)
    for alpha in ORDERS:
        ours = fast.renyi_entropy(x, alpha=alpha, **settings_)
        theirs = [renyi(spectrum, alpha) for spectrum in spectra]
        # Below order 1 the derivative of l ** alpha magnifies rounding in the smallest eigenvalues.
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12 if alpha >= 1 else 1e-6)
    np.testing.assert_array_equal(fast.von_neumann_entropy(x, **settings_), fast.renyi_entropy(x, alpha=1, **settings_))


def test_scipy_and_scikit_learn_agree():
    theirs = {
        "rbf": lambda x: sklearn_kernels.rbf_kernel(x, gamma=0.7),
        "laplacian": lambda x: sklearn_kernels.laplacian_kernel(x, gamma=0.7),
        "cosine": sklearn_kernels.cosine_similarity,
        "cosine01": lambda x: sklearn_kernels.polynomial_kernel(x, degree=1, gamma=0.5, coef0=0.5),
        "poly2": lambda x: sklearn_kernels.polynomial_kernel(x, degree=2, gamma=1, coef0=0),
    }
    x = np.random.default_rng(1).normal(size=(12, 9, 6))
    unit = x / np.linalg.norm(x, axis=2, keepdims=True)
    for kernel, matrix in theirs.items():
        expected = []
        for group in unit:
            values = scipy.linalg.eigvalsh(matrix(group) / len(group))
            expected.append(scipy.stats.entropy(np.clip(values, 0, None)))
        ours = fast.von_neumann_entropy(x, kernel=kernel, gamma=0.7)
        np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_narrow_floats_give_what_the_same_numbers_give_in_double(dtype):
    x = groups(30, 8, 20, dtype=dtype)
    wide = x.astype(np.float64)  # exact
    for kernel in KERNELS:
        # Products summed in float32 are good to some 1e-7 of the norms, and so are the entropies.
        ours, exact = (fast.von_neumann_entropy(rows, kernel=kernel) for rows in (x, wide))
        np.testing.assert_allclose(ours, exact, rtol=1e-6, atol=1e-6)
    # The spectrum shows small eigenvalues, so products are summed in float64.
    np.testing.assert_allclose(fast.spectrum(x), fast.spectrum(wide), rtol=0, atol=1e-14)


def test_halves_whose_squares_overflow_are_fine():
    x = np.array([[[60000, 0], [0, 60000], [60000, 60000]]], dtype=np.float16)
    expected = renyi(eigenvalues(gram(x[0].astype(float), "rbf")), 1)
    np.testing.assert_allclose(fast.von_neumann_entropy(x), [expected], rtol=1e-6)


@pytest.mark.parametrize(
    ("rows", "rbf", "cosine"),
    [
        ([[1, 0], [0, 1]], 0.6839611991, 0.6931471806),
        ([[1, 0], [1, 0], [0, 1]], 0.6280249298, 0.6365141683),
        (np.eye(3), 1.0809740516, 1.0986122887),
        ([[1, 0], [-1, 0]], 0.6929794399, 0.0),
        (FAN, 0.8370774578, 0.5730569171),
    ],
)
def test_known_entropies(rows, rbf, cosine):
    x = np.array([rows], dtype=np.float64)
    np.testing.assert_allclose(fast.von_neumann_entropy(x), [rbf], rtol=0, atol=1e-9)
    np.testing.assert_allclose(fast.von_neumann_entropy(x, kernel="cosine"), [cosine], rtol=0, atol=1e-9)


def test_known_spectrum_and_orders():
    known = [0.6790348287, 0.2306057935, 0.0855780787, 0.0047812991]
    np.testing.assert_allclose(fast.spectrum(FAN[None]), known, rtol=0, atol=1e-9)
    for alpha, entropy in [(0.5, 1.0207721743), (2, 0.6508278136), (3, 0.5604515623), (np.inf, 0.3870828586)]:
        np.testing.assert_allclose(fast.renyi_entropy(FAN[None], alpha=alpha), [entropy], rtol=0, atol=1e-9)
    for gamma, entropy in [(0.5, 0.6085865034), (10, 1.3337884909)]:
        np.testing.assert_allclose(fast.von_neumann_entropy(FAN[None], gamma=gamma), [entropy], rtol=0, atol=1e-9)
    purity = np.exp(-fast.renyi_entropy(FAN[None]))
    np.testing.assert_allclose(purity, [0.5216137998], rtol=0, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_one_row_and_equal_rows_are_exactly_positive_zero(dtype):
    rng = np.random.default_rng(2)
    x = np.repeat(rng.normal(size=(50, 1, 13)), 6, axis=1).astype(dtype)
    x[7] = 0
    x[8, ::2] *= -0.0  # makes rows of zeros of both signs
    x[8, 1::2] = 0.0
    for kernel in KERNELS:
        for normalize in [True, False]:
            for alpha in ORDERS:
                for rows in (x, x[:, :1]):
                    entropy = fast.renyi_entropy(rows, alpha=alpha, kernel=kernel, normalize=normalize)
                    assert not entropy.view(np.int64).any(), (kernel, normalize, alpha)
            spectra = fast.spectrum(x, kernel=kernel, normalize=normalize).reshape(50, 6)
            np.testing.assert_array_equal(spectra, np.eye(6)[[0] * 50])


def test_rows_without_any_likeness_reach_the_logarithm_of_their_number():
    x = np.eye(17)[None]
    np.testing.assert_allclose(fast.von_neumann_entropy(x, kernel="cosine"), [np.log(17)], rtol=1e-14)
    np.testing.assert_allclose(fast.von_neumann_entropy(x, gamma=1e6), [np.log(17)], rtol=1e-14)


def test_a_row_of_zeros_is_unlike_all_but_its_kind():
    x = np.array([[[0.0, 0], [1, 0], [0, 0], [1, 0]]])
    for kernel in KERNELS:
        for normalize in [True, False]:
            entropy = fast.von_neumann_entropy(x, kernel=kernel, normalize=normalize)
            np.testing.assert_allclose(entropy, [np.log(2)], rtol=1e-15)


@pytest.mark.parametrize("scale", [1e-320, 1e-200, 1e-160, 1e160, 1e200, 1e307])
def test_norms_that_overflow_or_vanish_do_not_matter(scale):
    x = FAN[None] * 4  # the smallest scale leaves few digits of the rows, so compare with the rows that it leaves
    rows = x * scale
    restored = rows / 2.0**-1060 if scale < 1e-300 else rows / scale
    np.testing.assert_allclose(fast.von_neumann_entropy(rows), fast.von_neumann_entropy(restored), rtol=1e-12, atol=0)


def test_nearly_equal_rows_keep_their_digits():
    # Two unit rows at distance d: eigenvalues (1 +- exp(-d^2)) / 2, so the smaller is about d^2 / 2.
    d = 1e-4
    x = np.array([[[1.0, 0.0], [np.cos(d), np.sin(d)]]])
    distance2 = np.sum((x[0, 0] - x[0, 1]) ** 2)
    small = -np.expm1(-distance2) / 2
    exact = -small * np.log(small) - (1 - small) * np.log1p(-small)
    # The matrix holds exp(-d^2) to 1e-16, so the small eigenvalue has 1e-16 / d^2 = 1e-8 of relative error.
    np.testing.assert_allclose(fast.von_neumann_entropy(x), [exact], rtol=1e-7)


def test_a_thousand_rows():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(1000, 4))
    values = np.linalg.eigvalsh(
        sklearn_kernels.rbf_kernel(x / np.linalg.norm(x, axis=1, keepdims=True), gamma=5) / 1000
    )
    values = np.clip(values, 0, None)
    np.testing.assert_allclose(fast.von_neumann_entropy(x[None], gamma=5), [scipy.stats.entropy(values)], rtol=1e-9)
    spectrum = fast.spectrum(x[None], gamma=5)
    np.testing.assert_allclose(spectrum, values[::-1], rtol=0, atol=1e-13)
    halves = np.repeat(x[:2], 500, axis=0)  # a thousand rows, two of them distinct
    np.testing.assert_allclose(
        fast.von_neumann_entropy(halves[None]), fast.von_neumann_entropy(x[None, :2]), rtol=1e-13
    )


def test_ragged_groups_are_each_their_own():
    rng = np.random.default_rng(4)
    sizes = [1, 7, 2, 30, 1, 3]
    rows = rng.normal(size=(sum(sizes), 5))
    offsets = np.cumsum([0, *sizes])
    entropies = fast.von_neumann_entropy(rows, offsets)
    spectra = fast.spectrum(rows, offsets)
    assert spectra.shape == (sum(sizes),)
    for p, (start, end) in enumerate(pairwise(offsets)):
        assert entropies[p] == fast.von_neumann_entropy(rows[None, start:end])[0]
        np.testing.assert_array_equal(spectra[start:end], fast.spectrum(rows[None, start:end]))
        np.testing.assert_allclose(spectra[start:end].sum(), 1, rtol=1e-14)


def test_no_groups_give_no_entropies():
    assert fast.von_neumann_entropy(np.empty((0, 4, 3))).shape == (0,)
    assert fast.von_neumann_entropy(np.empty((0, 3)), [0]).shape == (0,)
    assert fast.spectrum(np.empty((0, 4, 3))).shape == (0,)


@pytest.mark.parametrize("threads", [2, 7])
def test_threads_change_no_bit(threads):
    rng = np.random.default_rng(5)
    sizes = rng.integers(1, 20, size=300)
    rows = rng.normal(size=(sizes.sum(), 24)).astype(np.float32)
    offsets = np.cumsum([0, *sizes])
    for kernel in KERNELS:
        for function in (fast.von_neumann_entropy, fast.renyi_entropy, fast.spectrum):
            one = function(rows, offsets, kernel=kernel, threads=1)
            np.testing.assert_array_equal(one, function(rows, offsets, kernel=kernel, threads=threads))


# Coarse entries, so that equal rows, opposite rows and rows of zeros turn up; fine ones, so that nearly equal rows do.
entries = st.one_of(st.integers(-2, 2).map(float), st.floats(-1, 1, width=32).map(lambda x: round(x, 3)))
rows = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9).flatmap(
    lambda shape: hnp.arrays(np.float64, shape, elements=entries)
)
kernels = st.sampled_from(KERNELS)
quick = settings(max_examples=60, deadline=None)


@quick
@given(rows, kernels, st.booleans(), st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(x, kernel, normalize, random):
    if not normalize:
        x = x + np.eye(*x.shape)  # so that not all rows are too small for a trace
    order = random.sample(range(len(x)), len(x))
    entropy = fast.von_neumann_entropy(x[None], kernel=kernel, normalize=normalize)
    shuffled = fast.von_neumann_entropy(x[order][None], kernel=kernel, normalize=normalize)
    np.testing.assert_allclose(shuffled, entropy, rtol=0, atol=1e-12)


@quick
@given(rows, kernels, st.integers(2, 4), st.sampled_from([1.0, 1.5, 2.0, np.inf]))
def test_repeating_all_rows_changes_nothing(x, kernel, times, alpha):
    entropy = fast.renyi_entropy(x[None], alpha=alpha, kernel=kernel)
    repeated = fast.renyi_entropy(np.tile(x, (times, 1))[None], alpha=alpha, kernel=kernel)
    np.testing.assert_allclose(repeated, entropy, rtol=0, atol=1e-12)


@quick
@given(rows, st.sampled_from(["rbf", "cosine", "cosine01", "poly2"]), st.integers(0, 2**32 - 1))
def test_rotation_changes_nothing(x, kernel, seed):
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(x.shape[1], x.shape[1])))[0]
    entropy = fast.von_neumann_entropy(x[None], kernel=kernel)
    rotated = fast.von_neumann_entropy((x @ rotation)[None], kernel=kernel)
    # Rotation rounds entries to 1e-16, which moves a zero eigenvalue that far: l ln l of that is 4e-15 each.
    np.testing.assert_allclose(rotated, entropy, rtol=0, atol=1e-12)


@quick
@given(rows, kernels, st.floats(0.01, 100))
def test_scale_of_rows_does_not_matter_once_normalized(x, kernel, scale):
    entropy = fast.von_neumann_entropy(x[None], kernel=kernel)
    np.testing.assert_allclose(fast.von_neumann_entropy(x[None] * scale, kernel=kernel), entropy, rtol=0, atol=1e-12)


@quick
@given(rows, kernels, st.floats(0.01, 20))
def test_entropies_are_ordered_by_their_order(x, kernel, gamma):
    falling = [np.log(len(x))]
    falling += [fast.renyi_entropy(x[None], alpha=a, kernel=kernel, gamma=gamma)[0] for a in (0.5, 1, 2, np.inf)]
    falling.append(0.0)
    assert all(high >= low - 1e-12 for high, low in pairwise(falling)), falling
    assert 0 <= falling[2] <= falling[0]  # in range to the last bit


@quick
@given(rows, st.floats(0.01, 5), st.floats(1, 10))
def test_entropy_grows_with_gamma(x, gamma, factor):
    narrow = fast.von_neumann_entropy(x[None], gamma=gamma * factor)
    assert narrow[0] >= fast.von_neumann_entropy(x[None], gamma=gamma)[0] - 1e-12


def test_entropy_tends_to_that_of_the_distinct_rows_as_gamma_grows():
    x = np.array([[1.0, 0], [1, 0], [1, 0], [0, 1], [-1, 0], [-1, 0]])
    counts = np.array([3, 1, 2]) / 6
    far = fast.von_neumann_entropy(x[None], gamma=1e5)
    np.testing.assert_allclose(far, [scipy.stats.entropy(counts)], rtol=1e-14)
    assert fast.von_neumann_entropy(x[None], gamma=1e-12)[0] < 1e-9


@quick
@given(rows, kernels)
def test_a_spectrum_is_a_falling_distribution(x, kernel):
    values = fast.spectrum(x[None], kernel=kernel)
    assert values.shape == (len(x),)
    assert (values >= 0).all()
    assert (np.diff(values) <= 0).all()
    np.testing.assert_allclose(values.sum(), 1, rtol=1e-14)


def test_raw_rows_out_of_range_are_an_error_that_names_the_group():
    x = np.full((3, 2, 2), 1.0)
    x[1] = 1e200
    with pytest.raises(ValueError, match=r"^embeddings: the kernel matrix of group 1 has trace inf; rescale the rows"):
        fast.von_neumann_entropy(x, kernel="cosine", normalize=False)
    x[1] = 1e-200
    with pytest.raises(ValueError, match=r"^embeddings: the kernel matrix of group 1 has trace 0\.0; rescale the rows"):
        fast.von_neumann_entropy(x, kernel="cosine", normalize=False)


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"gamma": 0}, "gamma: is 0.0, must be a finite number above 0"),
        ({"gamma": -1.5}, "gamma: is -1.5, must be a finite number above 0"),
        ({"gamma": np.nan}, "gamma: is NaN, must be a finite number above 0"),
        ({"gamma": np.inf}, "gamma: is inf, must be a finite number above 0"),
        ({"kernel": "linear"}, 'kernel: is "linear", must be one of rbf, laplacian, cosine, cosine01, poly2'),
        ({"alpha": 0}, "alpha: is 0.0, must be a number above 0, or infinity"),
        ({"alpha": -2}, "alpha: is -2.0, must be a number above 0, or infinity"),
        ({"alpha": np.nan}, "alpha: is NaN, must be a number above 0, or infinity"),
    ],
)
def test_wrong_settings_are_named(settings_, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        fast.renyi_entropy(FAN[None], **settings_)
    assert str(caught.value) == message
