"""The spectral family beside the entropies, and what vectors and narrow floats must not change."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import pairwise as sklearn_kernels

from uncal import fast

rng = np.random.default_rng(7)
THREE = np.array([[[1.0, 0.0, 0.0], [0.8, 0.6, 0.0], [0.6, 0.0, 0.8]]])
FAN = np.array([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8], [0.0, 1.0]])
ALL = {
    "von_neumann_entropy": {},
    "effective_rank": {},
    "renyi_entropy": {"alpha": 3.0},
    "predictive_kernel_entropy": {},
    "semantic_volume": {"eps": 1e-3},
    "eigen_score": {"alpha": 1e-2},
}


def unit(x):
    norms = np.linalg.norm(x, axis=-1, keepdims=True)
    return x / np.where(norms == 0, 1, norms)


def volume(x, eps, center=False):
    """The definition, by the eigenvalues of the Gram matrix of unit rows."""
    u = unit(x.astype(np.float64))
    gram = u @ u.T
    zero = ~x.any(axis=1)
    gram[np.ix_(zero, zero)] = 1
    if center:
        j = np.eye(len(x)) - 1 / len(x)
        gram = j @ gram @ j
    return np.sum(np.log(np.clip(np.linalg.eigvalsh(gram), 0, None) + eps))


def eigen(x, alpha):
    x = x.astype(np.float64)
    centred = x - x.mean(axis=1, keepdims=True)
    return np.mean(np.log(np.clip(np.linalg.eigvalsh(centred @ centred.T), 0, None) + alpha))


def pke(x, gamma):
    k = sklearn_kernels.rbf_kernel(unit(x.astype(np.float64)), gamma=gamma)
    n = len(x)
    return (np.trace(k) - k.sum()) / (n * (n - 1))


def entropy(x, gamma=1.0):
    u = unit(x.astype(np.float64))
    k = np.exp(-gamma * ((u[:, None] - u[None]) ** 2).sum(axis=2))
    return scipy.stats.entropy(np.clip(scipy.linalg.eigvalsh(k / len(x)), 0, None))


def sample(p, n, d, dtype=np.float64):
    """Groups from alike to unlike, some with repeated rows."""
    x = rng.normal(size=(p, 1, d)) + rng.uniform(0.1, 2, size=(p, 1, 1)) * rng.normal(size=(p, n, d))
    x[::3, n // 2] = x[::3, 0]
    return x.astype(dtype)


@pytest.mark.parametrize("shape", [(30, 2, 3), (20, 5, 40), (11, 10, 384), (3, 33, 17), (2, 64, 100), (1, 90, 30)])
def test_volume_eigen_score_and_kernel_mean_are_their_definitions(shape):
    x = sample(*shape)
    for center in (False, True):
        expected = [volume(g, 1e-3, center) for g in x]
        np.testing.assert_allclose(fast.semantic_volume(x, eps=1e-3, center=center), expected, rtol=1e-10, atol=1e-12)
    expected = [eigen(g, 1e-2) for g in x]
    np.testing.assert_allclose(fast.eigen_score(x, alpha=1e-2), expected, rtol=1e-10, atol=1e-12)
    expected = [pke(g, 0.7) for g in x]
    np.testing.assert_allclose(fast.predictive_kernel_entropy(x, gamma=0.7), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_determinants_of_narrow_floats_are_as_good_as_in_double(dtype):
    x = sample(40, 10, 64, dtype)
    wide = x.astype(np.float64)
    # an eigenvalue near eps = 1e-6 has the 1e-16 * n of the products as its error
    np.testing.assert_allclose(fast.semantic_volume(x), fast.semantic_volume(wide), rtol=1e-9)
    np.testing.assert_allclose(fast.eigen_score(x), fast.eigen_score(wide), rtol=1e-9)
    ours, exact = fast.predictive_kernel_entropy(x), fast.predictive_kernel_entropy(wide)
    np.testing.assert_allclose(ours, exact, rtol=0, atol=5e-7)


def test_known_values():
    for eps, known in [(1e-10, -1.4679383494), (1e-3, -1.4602742141), (1, 1.7917594692)]:
        np.testing.assert_allclose(fast.semantic_volume(THREE, eps=eps), [known], rtol=0, atol=1e-9)
    np.testing.assert_allclose(fast.semantic_volume(THREE, eps=1e-3, center=True), [-9.1588775920], rtol=0, atol=1e-9)
    np.testing.assert_allclose(fast.eigen_score(THREE), [-2.5879423205], rtol=0, atol=1e-9)
    np.testing.assert_allclose(fast.predictive_kernel_entropy(FAN[None]), [-0.5496249416], rtol=0, atol=1e-9)
    rank = fast.spectral_scores(FAN[None], scores=["effective_rank"])["effective_rank"]
    np.testing.assert_allclose(rank, [np.exp(0.8370774578)], rtol=1e-9)


def test_equal_rows_and_single_rows():
    x = np.repeat(rng.normal(size=(9, 1, 12)), 5, axis=1)
    x[4] = 0
    np.testing.assert_array_equal(fast.predictive_kernel_entropy(x), [-1] * 9)
    np.testing.assert_allclose(fast.semantic_volume(x), [np.log(5 + 1e-6) + 4 * np.log(1e-6)] * 9, rtol=1e-9)
    found = fast.spectral_scores(x[:, :1], scores=ALL)
    for name, values in found.items():
        np.testing.assert_array_equal(values, [1 if name == "effective_rank" else 0] * 9)


def test_several_scores_at_once_are_the_same_scores():
    x = sample(50, 7, 31)
    together = fast.spectral_scores(x, scores=ALL, gamma=0.8)
    assert list(together) == list(ALL)
    for name, settings_ in ALL.items():
        kernel = {} if name in ("semantic_volume", "eigen_score") else {"gamma": 0.8}
        if name == "effective_rank":
            alone = np.exp(fast.von_neumann_entropy(x, gamma=0.8))
        else:
            alone = getattr(fast, name)(x, **settings_, **kernel)
        np.testing.assert_allclose(together[name], alone, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_counts_stand_for_repeated_rows(dtype):
    sizes = rng.integers(1, 9, size=40)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    rows = rng.normal(size=(offsets[-1], 16)).astype(dtype)
    counts = rng.integers(1, 5, size=len(rows))
    repeated = np.repeat(rows, counts, axis=0)
    ends = np.concatenate([[0], np.cumsum(counts)])[offsets]
    counted = fast.spectral_scores(rows, offsets, scores=ALL | {"semantic_volume": {"center": True}}, counts=counts)
    plain = fast.spectral_scores(repeated, ends, scores=ALL | {"semantic_volume": {"center": True}})
    for name, values in counted.items():
        np.testing.assert_allclose(values, plain[name], rtol=1e-7, atol=1e-9, err_msg=name)
    for kernel in ["cosine01", "laplacian"]:
        np.testing.assert_allclose(
            fast.renyi_entropy(rows, offsets, kernel=kernel, counts=counts),
            fast.renyi_entropy(repeated, ends, kernel=kernel),
            rtol=0,
            atol=1e-6,
        )
    for bad in (counts * 0, counts[:-1], -counts):
        with pytest.raises(ValueError, match=r"^counts: "):
            fast.von_neumann_entropy(rows, offsets, counts=bad)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_bad_group_is_an_error_or_nan_and_nobody_else_notices(dtype):
    x = sample(30, 6, 20, dtype)
    good = fast.spectral_scores(x, scores=ALL)
    spoilt = x.copy()
    spoilt[3, 2, 5], spoilt[17, 0, 0], spoilt[29, 5, 19] = np.nan, np.inf, -np.inf
    with pytest.raises(ValueError, match=r"^embeddings: row 20 \(in group 3\) is not finite$"):
        fast.von_neumann_entropy(spoilt)
    found = fast.spectral_scores(spoilt, scores=ALL, nan_policy="propagate")
    bad = np.isin(np.arange(30), [3, 17, 29])
    for name, values in found.items():
        np.testing.assert_array_equal(np.isnan(values), bad)
        np.testing.assert_array_equal(values[~bad], good[name][~bad])
    spectra = fast.spectrum(spoilt, nan_policy="propagate").reshape(30, 6)
    np.testing.assert_array_equal(np.isnan(spectra), np.repeat(bad[:, None], 6, axis=1))
    flat, holes = x.reshape(-1, 20), [0, 6, 6, 180]
    np.testing.assert_array_equal(
        np.isnan(fast.von_neumann_entropy(flat, holes, nan_policy="propagate")), [False, True, False]
    )
    with pytest.raises(ValueError, match=r"^offsets: group 1 is empty$"):
        fast.von_neumann_entropy(flat, holes)
    with pytest.raises(ValueError, match=r"^nan_policy: is 'omit', must be 'raise' or 'propagate'$"):
        fast.von_neumann_entropy(x, nan_policy="omit")


def hard_groups(n, d):
    """Where sums in float32 would show: rank 1, near-equal rows, repeats, opposite rows, large and small norms."""
    base = rng.normal(size=(1, d))
    noise = rng.normal(size=(n, d))
    scales = rng.uniform(0.5, 2, size=(n, 1))
    made = [base * scales, base + 1e-6 * noise, base + 1e-4 * noise, base + 1e-2 * noise, base + noise, noise]
    made += [np.repeat(noise[: (n + 1) // 2], 2, axis=0)[:n], np.where(np.arange(n)[:, None] % 2, base, -base)]
    made += [noise * 1e6, noise * 1e-6, noise * scales**40, np.where(np.arange(n)[:, None] % 3, noise, 0)]
    return np.array(made).astype(np.float32)


@pytest.mark.parametrize("n", [2, 5, 10, 20, 64])
@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
def test_float32_entropies_are_good_to_a_millionth(n, gamma):
    x = hard_groups(n, 384)
    exact = fast.von_neumann_entropy(x.astype(np.float64), gamma=gamma)
    definition = [entropy(g, gamma) for g in x[:-1]]  # the last has rows of zeros
    # Rows 1e-6 apart have eigenvalues like n * 1e-16, which are rounding on both sides, times their logarithm.
    np.testing.assert_allclose(exact[:-1], definition, rtol=1e-10, atol=3e-13 * n)
    np.testing.assert_allclose(fast.von_neumann_entropy(x, gamma=gamma), exact, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("n", [2, 10, 64])
@pytest.mark.parametrize("noise", [0, 1e-7, 1e-6, 1e-4, 1e-3, 3e-3])
def test_one_pair_of_near_rows_among_unlike_ones_is_no_matter(dtype, n, noise):
    x = rng.normal(size=(20, n, 384))
    x[::2, 1] = x[::2, 0] * (1 + noise * rng.normal(size=(10, 384)))
    x = x.astype(dtype)
    names = {
        "von_neumann_entropy": {},
        "effective_rank": {},
        "renyi_entropy": {"alpha": np.inf},
        "predictive_kernel_entropy": {},
    }
    exact = fast.spectral_scores(x.astype(np.float64), scores=names)
    assert (exact["effective_rank"] > 1.5).all() or n == 2
    for kernel in ("rbf", "cosine", "cosine01", "poly2"):
        exact = fast.spectral_scores(x.astype(np.float64), scores=names, kernel=kernel)
        found = fast.spectral_scores(x, scores=names, kernel=kernel)
        for name, values in found.items():
            np.testing.assert_allclose(values, exact[name], rtol=1e-6, atol=1e-6, err_msg=f"{kernel} {name}")
        for alpha in (1.0, 2.0, 3.0):
            ours, theirs = (fast.renyi_entropy(rows, alpha=alpha, kernel=kernel) for rows in (x, x.astype(np.float64)))
            np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


def test_counts_are_whole_numbers_and_lie_beside_their_rows():
    x = rng.normal(size=(2, 3, 5))
    for wrong in (np.full((2, 3), 0.25), np.full((3, 2), 1), np.full((2, 3), 1.5)):
        with pytest.raises(ValueError, match=r"^counts: "):
            fast.von_neumann_entropy(x, counts=wrong)
    np.testing.assert_array_equal(fast.von_neumann_entropy(x, counts=np.ones((2, 3), int)), fast.von_neumann_entropy(x))


def test_equal_rows_are_alike_however_steep_the_kernel():
    x = np.array([[[1.0, 2.0], [1.0, 2.0], [2.0, 1.0]]])
    for gamma in (1e3, 1e300, 1.7e308):
        np.testing.assert_allclose(fast.von_neumann_entropy(x, gamma=gamma), [entropy_of_counts([2, 1])], rtol=1e-12)


def entropy_of_counts(counts):
    return scipy.stats.entropy(counts)


def ragged(dtype=np.float32):
    sizes = np.concatenate([rng.integers(1, 70, size=300), [200, 1, 65, 64, 63]])
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    rows = rng.normal(size=(offsets[-1], 24)).astype(dtype)
    rows[rng.random(len(rows)) < 0.1] = 0
    rows[1::7] = rows[::7][: len(rows[1::7])]
    return rows, offsets


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_neither_threads_nor_neighbours_change_a_bit(dtype):
    rows, offsets = ragged(dtype)
    names = {**ALL, "renyi_entropy": {"alpha": 0.5}}
    one = fast.spectral_scores(rows, offsets, scores=names, threads=1)
    for threads in (2, 7):
        many = fast.spectral_scores(rows, offsets, scores=names, threads=threads)
        assert all(np.array_equal(one[name], many[name]) for name in names)
    for p in [0, 17, 299, 300, 301, 304]:
        alone = fast.spectral_scores(rows[offsets[p] : offsets[p + 1]], [0, offsets[p + 1] - offsets[p]], scores=names)
        assert all(one[name][p] == alone[name][0] for name in names)


SCRIPT = """
import json, sys
import numpy as np
from uncal import fast
from tests_of_vectors import ragged, ALL
found = {}
for dtype in ("float16", "float32", "float64"):
    rows, offsets = ragged(np.dtype(dtype))
    for kernel in ("rbf", "cosine", "cosine01", "poly2", "laplacian"):
        for normalize in (True, False):
            scores = fast.spectral_scores(rows, offsets, scores=ALL, kernel=kernel, normalize=normalize)
            found[f"{dtype} {kernel} {normalize}"] = {name: list(v) for name, v in scores.items()}
print(json.dumps(found))
"""


def test_every_instruction_set_gives_the_same_scores(tmp_path):
    (tmp_path / "tests_of_vectors.py").write_bytes(Path(__file__).read_bytes())
    results = {}
    for name in ("portable", "avx2", "avx512"):
        environment = {**os.environ, "UNCAL_SIMD": name, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
        done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True)
        if done.returncode != 0 and "UNCAL_SIMD: is" in done.stderr:
            continue  # this machine does not have it
        assert done.returncode == 0, done.stderr
        results[name] = json.loads(done.stdout)
    assert "portable" in results
    for name, found in results.items():
        for case, scores in found.items():
            for score, values in scores.items():
                # float64 and determinants: rounding in another order; float32: products good to some 1e-7
                narrow = "float64" not in case and score not in ("semantic_volume", "eigen_score")
                np.testing.assert_allclose(
                    values,
                    results["portable"][case][score],
                    rtol=2e-6 if narrow else 1e-9,
                    atol=2e-6 if narrow else 1e-12,
                    err_msg=f"{name} {case} {score}",
                )


def test_an_instruction_set_that_is_not_there_is_named():
    script = "from uncal import fast; import numpy as np; fast.renyi_entropy(np.eye(2)[None])"
    environment = {**os.environ, "UNCAL_SIMD": "mmx"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert 'ValueError: UNCAL_SIMD: is "mmx", must be avx512, avx2 or portable' in done.stderr


def test_known_decomposition():
    rows = np.array([[[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.0, 1.0]]])
    parts = fast.spectral_decomposition(rows, None, [[0, 0, 1, 1]])
    np.testing.assert_allclose(np.ravel(parts), [0.8406749500, 0.6168703413, 0.2238046087], rtol=0, atol=1e-9)


small = st.integers(1, 4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(small, min_size=1, max_size=4), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_parts_of_the_entropy_add_up_and_stay_in_range(readings, seed):
    generator = np.random.default_rng(seed)
    sizes = [sum(group) for group in readings]
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    rows = generator.normal(size=(offsets[-1], 3)).round(1)
    ids = np.concatenate([np.repeat(np.arange(len(group)), group) for group in readings])
    parts = fast.spectral_decomposition(rows, offsets, ids)
    np.testing.assert_allclose(parts.total, fast.von_neumann_entropy(rows, offsets))
    np.testing.assert_allclose(parts.aleatoric + parts.epistemic, parts.total, atol=1e-12)
    assert (parts.aleatoric >= 0).all()
    assert (parts.aleatoric <= [np.log(len(group)) + 1e-12 for group in readings]).all()
    for p, group in enumerate(readings):
        inner = np.split(rows[offsets[p] : offsets[p + 1]], np.cumsum(group)[:-1])
        weighted = sum(entropy_of_rows(part) * len(part) for part in inner) / sizes[p]
        np.testing.assert_allclose(parts.epistemic[p], weighted, atol=1e-12)
    shuffled = np.concatenate([s + generator.permutation(n) for s, n in zip(offsets, sizes, strict=False)])
    again = fast.spectral_decomposition(rows[shuffled], offsets, ids[shuffled])
    np.testing.assert_allclose(np.array(again), np.array(parts), atol=1e-12)


def entropy_of_rows(rows):
    return fast.von_neumann_entropy(rows[None])[0]


@settings(max_examples=80, deadline=None)
@given(
    st.binary(max_size=200),
    st.lists(st.integers(-3, 12) | st.integers(-(2**63), 2**63 - 1), max_size=6),
    st.integers(0, 5),
    st.sampled_from(["float16", "float32", "float64"]),
)
def test_no_bytes_and_no_offsets_do_more_than_raise(data, offsets, d, dtype):
    values = np.frombuffer(data[: len(data) // 8 * 8], dtype)
    count = len(values) // max(d, 1)
    rows = values[: count * d].reshape(count, d)
    for policy in ("raise", "propagate"):
        try:
            found = fast.spectral_scores(rows, offsets, scores=ALL, nan_policy=policy)
        except ValueError as error:
            assert str(error).partition(":")[0] in {"embeddings", "offsets"}, error  # noqa: PT017
        else:
            assert {len(values) for values in found.values()} == {len(offsets) - 1}
            if policy == "raise":
                assert all(np.isfinite(values).all() for values in found.values())


def test_scores_and_settings_that_are_not_known_are_named():
    x = np.eye(3)[None]
    with pytest.raises(ValueError, match=r"^scores: no 'entropy', only effective_rank, "):
        fast.spectral_scores(x, scores=["entropy"])
    with pytest.raises(ValueError, match=r"^scores: 'eigen_score' has no setting 'eps'$"):
        fast.spectral_scores(x, scores={"eigen_score": {"eps": 1}})
    with pytest.raises(ValueError, match=r"^eps: is 0\.0, must be a number above 0$"):
        fast.semantic_volume(x, eps=0)
    with pytest.raises(ValueError, match=r"^alpha: is NaN, must be a number above 0$"):
        fast.eigen_score(x, alpha=np.nan)
    with pytest.raises(ValueError, match=r"^clarification_ids: has 2 rows, 3 expected$"):
        fast.spectral_decomposition(x, None, [0, 1])


def test_kernel_values_that_are_hardly_above_zero_leave_the_spectrum_alone():
    step = np.sqrt(-np.log(2.4e-140))
    rows = np.array([[[1.0, 20.0], [1.0, 0.0], [1.0 + step, 0.0]]])
    np.testing.assert_allclose(fast.spectrum(rows, normalize=False), 1 / 3, rtol=1e-14)
    np.testing.assert_allclose(fast.von_neumann_entropy(np.eye(5)[None], gamma=160.75), np.log(5), rtol=1e-14)


@pytest.mark.parametrize("scale", [1e-49, 1e-42, 1e40, 1e49])
def test_the_scale_of_raw_rows_does_not_change_their_entropy(scale):
    rows = np.random.default_rng(0).normal(size=(1, 5, 8))
    settings = {"kernel": "poly2", "normalize": False}
    for alpha in (1.0, 2.0, 3.0):
        expected = fast.renyi_entropy(rows, alpha=alpha, **settings)
        np.testing.assert_allclose(fast.renyi_entropy(rows * scale, alpha=alpha, **settings), expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_where_rows_lie_in_memory_changes_no_bit(dtype):
    rows = np.random.default_rng(1).normal(size=2 * 40 * 64).astype(dtype)
    buffer = np.zeros(rows.size + 32, dtype)
    found = set()
    for start in range(32):
        moved = buffer[start : start + rows.size]
        moved[:] = rows
        moved = moved.reshape(2, 40, 64)
        found.add((fast.von_neumann_entropy(moved).tobytes(), fast.cosine_similarity(moved).tobytes()))
    assert len(found) == 1


@pytest.mark.parametrize("d", [384, 4096])
@pytest.mark.parametrize("noise", [0.01, 0.05, 0.1, 0.15])
def test_near_pairs_of_long_rows_are_good_to_a_millionth(d, noise):
    rng = np.random.default_rng(2)
    rows = (rng.normal(size=(100, 1, d)) + noise * rng.normal(size=(100, 2, d))).astype(np.float32)
    exact = fast.von_neumann_entropy(rows.astype(np.float64))
    np.testing.assert_allclose(fast.von_neumann_entropy(rows), exact, rtol=0, atol=1e-6)


def test_a_few_huge_columns_drown_nothing():
    rows = (0.3 * np.random.default_rng(3).normal(size=(50, 10, 4096))).astype(np.float32)
    rows[:, :, 7], rows[:, :, 99] = 2000, 1500
    exact = fast.von_neumann_entropy(rows.astype(np.float64))
    np.testing.assert_allclose(fast.von_neumann_entropy(rows), exact, rtol=0, atol=1e-6)


def test_rows_whose_products_round_to_equal_are_not_equal():
    rows = np.zeros((1, 2, 1024), np.float32)
    rows[0, :, 0] = 1
    rows[0, 1, 16::16] = 2.4e-4
    np.testing.assert_allclose(fast.von_neumann_entropy(rows), fast.von_neumann_entropy(rows.astype(float)), atol=1e-7)
    assert fast.cluster_embeddings(rows, threshold=1.0).tolist() == [0, 1]


@pytest.mark.parametrize("kernel", ["cosine", "poly2"])
def test_rows_that_are_nearly_opposite_are_good_to_a_millionth(kernel):
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(100, 1, 384)) + 0.01 * rng.normal(size=(100, 2, 384))
    rows = (rows * [[[1.0], [-1.0]]]).astype(np.float32)
    exact = fast.von_neumann_entropy(rows.astype(np.float64), kernel=kernel)
    np.testing.assert_allclose(fast.von_neumann_entropy(rows, kernel=kernel), exact, rtol=0, atol=1e-6)


def test_a_ridge_is_a_finite_number():
    for wrong in (np.inf, 1e-320):
        with pytest.raises(ValueError, match="eps: is "):
            fast.semantic_volume(np.ones((1, 2, 2)), eps=wrong)
