"""ECE, Brier score, AUROC and reliability against their definition, scikit-learn, SciPy, and what must always hold."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score

from uncal import fast

Q = np.array([0, 0.1, 0.1, 0.35, 0.5, 0.5, 0.8, 0.9, 1, 1])
C = np.array([0, 1, 0, 0, 1, 0, 1, 1, 1, 0], dtype=bool)
EDGES = ["right", "left", "guo", "left-open"]


def bin_of(q, n_bins, edges="right"):
    """The bin of each confidence by NumPy's edges; -1 for none."""
    grid = np.linspace(0, 1, n_bins + 1)
    if edges in ("right", "guo"):
        place = np.maximum(np.searchsorted(grid, q, side="left") - 1, 0)
        return np.where(q == 0, -1, place) if edges == "guo" else place
    place = np.minimum(np.searchsorted(grid, q, side="right") - 1, n_bins - 1)
    return np.where(q == 1, -1, place) if edges == "left-open" else place


def mass_bin_of(q, weights, n_bins):
    """The bin of each confidence if cuts go to the borders of distinct values nearest to the quantiles."""
    values = np.unique(q[weights > 0])
    borders = np.cumsum([weights[q == v].sum() for v in values])
    cuts = {
        int(np.argmin(np.abs(borders[:-1] - k * borders[-1] / n_bins))) for k in range(1, n_bins) if len(values) > 1
    }
    return np.searchsorted([values[i] for i in sorted(cuts)], q, side="left")


def ece(q, c, place, weights=None, norm="l1", debias=False, total=None):
    weights = np.ones(len(q)) if weights is None else weights
    total = weights[place >= 0].sum() if total is None else total
    terms, gaps = [], []
    for b in np.unique(place[(place >= 0) & (weights > 0)]):
        inside = place == b
        n = weights[inside].sum()
        mean, accuracy = np.average(q[inside], weights=weights[inside]), np.average(c[inside], weights=weights[inside])
        gap, variance = abs(mean - accuracy), accuracy * (1 - accuracy)
        gaps.append(gap)
        if norm == "l2":
            term = gap**2
            if debias:
                term = term - variance / (n - 1) if n >= 2 else 0
        else:
            term = gap
            if debias:
                sd = np.sqrt(variance / n)
                again = scipy.stats.foldnorm.mean(gap / sd, scale=sd) if sd > 0 else gap
                term = 2 * gap - again if n >= 2 else 0
        terms.append(n / total * term)
    if norm == "max":
        return max(gaps)
    return np.sqrt(max(sum(terms), 0)) if norm == "l2" else sum(terms)


def data(k, seed=0):
    """Confidences of which many tie, as stated ones do, and many do not."""
    rng = np.random.default_rng(seed)
    q = np.where(rng.uniform(size=k) < 0.5, rng.integers(0, 21, size=k) / 20, rng.uniform(size=k))
    return q, rng.uniform(size=k) < q**1.5, rng.integers(0, 4, size=k).astype(float)


@pytest.mark.parametrize("edges", EDGES)
@pytest.mark.parametrize("n_bins", [1, 2, 3, 7, 10, 15, 20, 100])
def test_ece_is_its_definition_in_every_dialect(edges, n_bins):
    for k in (1, 10, 5000):
        q, c, weights = data(k)
        place = bin_of(q, n_bins, edges)
        for w in (None, weights if weights.any() else None):
            everything = k if w is None else w.sum()
            total = everything if edges == "guo" else None
            for norm in ("l1", "l2", "max"):
                ours = fast.ece(q, c, n_bins=n_bins, edges=edges, norm=norm, weights=w)
                expected = ece(q, c, place, w, norm, total=total)
                np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("bins", ["width", "mass", "distinct"])
@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_debiased_ece_is_its_definition(bins, norm):
    for k in (2, 30, 400):
        q, c, weights = data(k, seed=1)
        for w in (np.ones(k), weights):
            if bins == "width":
                place = bin_of(q, 8)
            elif bins == "mass":
                place = mass_bin_of(q, w, 8)
            else:
                place = np.unique(q, return_inverse=True)[1]
            ours = fast.ece(q, c, n_bins=8, bins=bins, norm=norm, debias=True, weights=w)
            # the root of a sum that cancels to near 0 magnifies its rounding
            atol = 1e-12 if norm == "l1" else 1e-8
            np.testing.assert_allclose(ours, ece(q, c, place, w, norm, debias=True), rtol=1e-9, atol=atol)


def test_debiasing_takes_off_what_chance_adds():
    rng = np.random.default_rng(2)
    errors = {}
    for debias in (False, True):
        for norm in ("l1", "l2"):
            found = []
            for _ in range(300):
                q = rng.uniform(size=200)
                found.append(fast.ece(q, rng.uniform(size=200) < q, norm=norm, debias=debias))
            errors[norm, debias] = np.mean(found)
    # These confidences are calibrated, so all of it is chance: a gap of sd s is 0.80 s on average, and 1.13 s once
    # noise of the same size is added again, so 2 * 0.80 - 1.13 = 0.47 s are left.
    assert errors["l1", True] == pytest.approx(0.59 * errors["l1", False], rel=0.1)
    assert errors["l2", True] < 0.5 * errors["l2", False]


@pytest.mark.parametrize("n_bins", [1, 2, 5, 10, 40])
def test_equal_mass_is_its_definition(n_bins):
    for k in (1, 2, 10, 3000):
        q, c, weights = data(k, seed=3)
        for w in (np.ones(k), weights + 0.5):
            place = mass_bin_of(q, w, n_bins)
            ours = fast.ece(q, c, n_bins=n_bins, bins="mass", weights=w)
            np.testing.assert_allclose(ours, ece(q, c, place, w), rtol=1e-10, atol=1e-12)


def test_distinct_bins_are_the_distinct_confidences():
    q, c, _ = data(2000, seed=4)
    place = np.unique(q, return_inverse=True)[1]
    np.testing.assert_allclose(fast.ece(q, c, bins="distinct"), ece(q, c, place), rtol=1e-10)


@pytest.mark.parametrize(
    ("n_bins", "known"),
    [
        (5, {"left-open": 0.18125, "left": 0.185, "guo": 0.225, "right": 0.225}),
        (10, {"left-open": 0.18125, "left": 0.225, "guo": 0.245, "right": 0.245}),
        (20, {"left-open": 0.18125, "left": 0.245, "guo": 0.245, "right": 0.245}),
    ],
)
def test_known_errors_of_every_dialect(n_bins, known):
    for edges, value in known.items():
        assert fast.ece(Q, C, n_bins=n_bins, edges=edges) == pytest.approx(value, abs=1e-12)


def test_known_debiased_error():
    q = np.array([0.05, 0.1, 0.2, 0.3, 0.35, 0.4, 0.55, 0.6, 0.7, 0.8, 0.9, 0.95])
    c = np.array([0, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 1])
    assert fast.ece(q, c, n_bins=3, norm="l2") == pytest.approx(0.0728868986, abs=1e-9)
    assert fast.ece(q, c, n_bins=3, norm="l2", debias=True) == 0.0  # the square is -0.0641


@pytest.mark.parametrize("edges", EDGES)
def test_every_edge_and_its_neighbours_fall_where_numpy_puts_them(edges):
    for n_bins in (*range(1, 40), 99, 100, 128, 1000):
        grid = np.linspace(0, 1, n_bins + 1)
        q = np.concatenate([grid, np.nextafter(grid, 2)[:-1], np.nextafter(grid, -1)[1:], [0.3, 0.6, 0.7]])
        place = bin_of(q, n_bins, edges)
        # A verdict of its own for every bin, so that one misplaced confidence changes the sum.
        for c in (place % 2 == 0, place % 3 == 0):
            total = len(q) if edges == "guo" else None
            ours = fast.ece(q, c, n_bins=n_bins, edges=edges)
            assert ours == pytest.approx(ece(q, c, place, total=total), abs=1e-12), n_bins


def test_where_the_literals_fall():
    diagram = fast.reliability([0.3, 0.6, 0.7], [1, 1, 1], n_bins=10)
    assert np.flatnonzero(diagram.count).tolist() == [2, 5, 6]  # (0.2, 0.3], (0.5, 0.6], (0.6, 0.7]
    np.testing.assert_array_equal(diagram.edges, np.linspace(0, 1, 11))


def test_no_row_in_any_bin_is_nan():
    assert np.isnan(fast.ece([1, 1], [True, False], edges="left-open"))
    assert np.isnan(fast.ece([0, 0], [True, False], edges="guo"))


def test_equal_confidences_stay_together_in_bins_of_equal_mass():
    q = np.array([0.2] * 7 + [0.9] * 3)
    diagram = fast.reliability(q, np.arange(10) % 2, n_bins=5, bins="mass")
    np.testing.assert_array_equal(diagram.count, [7, 3])
    np.testing.assert_allclose(diagram.edges, [0, 0.55, 1])


@pytest.mark.parametrize("bins", ["width", "mass", "distinct"])
def test_a_diagram_is_its_definition(bins):
    q, c, w = data(600, seed=5)
    diagram = fast.reliability(q, c, n_bins=12, bins=bins, weights=w)
    place = {"width": bin_of(q, 12), "mass": mass_bin_of(q, w, 12)}.get(bins)
    if place is None:
        values = np.unique(q[w > 0])
        place = np.where(w > 0, np.searchsorted(values, q), -1)
    n_bins = place.max() + 1
    assert [len(field) for field in diagram] == [n_bins + 1, *[n_bins] * 5]
    for b in range(n_bins):
        inside = (place == b) & (w > 0)
        assert diagram.count[b] == w[inside].sum()
        np.testing.assert_allclose(diagram.mean_confidence[b], np.average(q[inside], weights=w[inside]), rtol=1e-10)
        np.testing.assert_allclose(diagram.accuracy[b], np.average(c[inside], weights=w[inside]), rtol=1e-10)
        n, right = int(w[inside].sum()), int(w[inside & c].sum())
        wilson = scipy.stats.binomtest(right, n).proportion_ci(0.95, method="wilson")
        np.testing.assert_allclose([diagram.low[b], diagram.high[b]], wilson, rtol=1e-10, atol=1e-12)
        assert diagram.edges[b] <= q[inside].min()
        assert q[inside].max() <= diagram.edges[b + 1]


def test_empty_bins_have_no_means():
    diagram = fast.reliability([0.1, 0.9], [True, False], n_bins=4)
    np.testing.assert_array_equal(diagram.count, [1, 0, 0, 1])
    for field in diagram[2:]:
        np.testing.assert_array_equal(np.isnan(field), [False, True, True, False])


def test_brier_is_its_definition_and_scikit_learns():
    for k in (1, 10, 70_000):
        q, c, w = data(k, seed=6)
        np.testing.assert_allclose(fast.brier(q, c), np.mean((q - c) ** 2), rtol=1e-10)
        w = w + 0.25
        np.testing.assert_allclose(fast.brier(q, c, weights=w), np.average((q - c) ** 2, weights=w), rtol=1e-10)
        expected = brier_score_loss(c, q, sample_weight=w, labels=[False, True])
        np.testing.assert_allclose(fast.brier(q, c, weights=w), expected, rtol=1e-10)
    assert fast.brier(Q, C) == pytest.approx(0.24925, abs=1e-15)


def test_auroc_is_its_definition():
    q, c, w = data(300, seed=7)
    w = w + 0.25
    wins = (q[c][:, None] > q[~c]) + 0.5 * (q[c][:, None] == q[~c])
    np.testing.assert_allclose(fast.auroc(q, c), wins.mean(), rtol=1e-10)
    pairs = np.outer(w[c], w[~c])
    np.testing.assert_allclose(fast.auroc(q, c, weights=w), (wins * pairs).sum() / pairs.sum(), rtol=1e-10)


def test_auroc_is_that_of_scikit_learn_for_any_finite_score():
    for scale in (1, -1e300, 1e-310):
        q, c, w = data(20_000, seed=8)
        score = (q - 0.5) * scale
        np.testing.assert_allclose(fast.auroc(score, c), roc_auc_score(c, score), rtol=1e-10)
        expected = roc_auc_score(c, score, sample_weight=w)
        np.testing.assert_allclose(fast.auroc(score, c, weights=w), expected, rtol=1e-10)
    assert fast.auroc(Q, C) == pytest.approx(0.7, abs=1e-15)


def test_auroc_of_one_class_is_nan():
    assert np.isnan(fast.auroc([0.1, 0.9], [True, True]))
    assert np.isnan(fast.auroc([0.1, 0.9], [False, False]))
    assert np.isnan(fast.auroc([0.1, 0.9], [True, False], weights=[1, 0]))


def test_zeros_of_both_signs_tie():
    assert fast.auroc([0.0, -0.0], [True, False]) == 0.5
    assert fast.auroc([-0.0, 0.0], [True, False]) == 0.5


graded = st.lists(
    st.tuples(st.one_of(st.integers(0, 10).map(lambda x: x / 10), st.floats(0, 1)), st.booleans(), st.integers(0, 3)),
    min_size=1,
    max_size=40,
)
how = st.fixed_dictionaries({"bins": st.sampled_from(["width", "mass", "distinct"]), "n_bins": st.integers(1, 20)})
quick = settings(max_examples=80, deadline=None)


def columns(rows):
    q, c, w = zip(*rows, strict=True)
    return np.array(q), np.array(c), np.array(w, dtype=float)


@quick
@given(graded, how, st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter_with_ties_present(rows, how, random):
    q, c, _ = columns(rows)
    shuffled, shuffled_c, _ = columns(random.sample(rows, len(rows)))
    np.testing.assert_array_equal(fast.auroc(q, c), fast.auroc(shuffled, shuffled_c))
    np.testing.assert_allclose(fast.brier(shuffled, shuffled_c), fast.brier(q, c), rtol=1e-14)
    np.testing.assert_allclose(fast.ece(shuffled, shuffled_c, **how), fast.ece(q, c, **how), rtol=0, atol=1e-14)


@quick
@given(graded, how)
def test_weights_repeat_rows(rows, how):
    q, c, w = columns(rows)
    assume(w.any())
    times = w.astype(int)
    many_q, many_c = np.repeat(q, times), np.repeat(c, times)
    np.testing.assert_array_equal(fast.auroc(q, c, weights=w), fast.auroc(many_q, many_c))
    np.testing.assert_allclose(fast.brier(q, c, weights=w), fast.brier(many_q, many_c), rtol=1e-13)
    ours, repeated = fast.ece(q, c, weights=w, **how), fast.ece(many_q, many_c, **how)
    np.testing.assert_allclose(ours, repeated, rtol=0, atol=1e-13)


@quick
@given(graded, how)
def test_repeating_all_rows_changes_nothing(rows, how):
    q, c, _ = columns(rows)
    twice_q, twice_c = np.tile(q, 2), np.tile(c, 2)
    np.testing.assert_array_equal(fast.auroc(q, c), fast.auroc(twice_q, twice_c))
    np.testing.assert_allclose(fast.brier(twice_q, twice_c), fast.brier(q, c), rtol=1e-13)
    np.testing.assert_allclose(fast.ece(twice_q, twice_c, **how), fast.ece(q, c, **how), rtol=0, atol=1e-13)


@quick
@given(graded)
def test_auroc_and_its_mirror_add_up_to_one(rows):
    q, c, w = columns(rows)
    assume(w.any())
    total = fast.auroc(q, c, weights=w) + fast.auroc(-q, c, weights=w)
    assume(not np.isnan(total))
    assert total == pytest.approx(1, abs=1e-15)


@quick
@given(graded, how)
def test_calibration_errors_are_ordered(rows, how):
    q, c, _ = columns(rows)
    l1, l2, largest = (fast.ece(q, c, norm=norm, **how) for norm in ("l1", "l2", "max"))
    assert abs(q.mean() - c.mean()) <= l1 + 1e-12
    assert l1 <= l2 + 1e-12
    assert l2 <= largest + 1e-12
    assert largest <= 1 + 1e-12


@quick
@given(graded)
def test_perfect_and_hopeless_answers_reach_the_ends(rows):
    _, c, _ = columns(rows)
    right = c.astype(float)
    assert fast.ece(right, c) == 0
    assert fast.brier(right, c) == 0
    assert fast.ece(1 - right, c) == 1
    assert fast.brier(1 - right, c) == 1


@pytest.mark.parametrize("threads", [2, 7])
def test_threads_change_no_bit(threads):
    q, c, w = data(150_000, seed=9)
    w = w * 0.1
    for function in (fast.brier, fast.auroc, fast.ece):
        assert function(q, c, weights=w, threads=1) == function(q, c, weights=w, threads=threads)
    for bins in ("mass", "distinct"):
        one = fast.ece(q, c, weights=w, bins=bins, threads=1)
        assert one == fast.ece(q, c, weights=w, bins=bins, threads=threads)
    one = fast.reliability(q, c, weights=w, threads=1)
    for a, b in zip(one, fast.reliability(q, c, weights=w, threads=threads), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"n_bins": 0}, "n_bins: is 0, must be a whole number from 1 to 10000000"),
        ({"n_bins": 10**8}, "n_bins: is 100000000, must be a whole number from 1 to 10000000"),
        ({"n_bins": 2.5}, "n_bins: is 2.5, must be a whole number"),
        ({"bins": "equal"}, 'bins: is "equal", must be one of width, mass, distinct, sweep'),
        ({"edges": "middle"}, 'edges: is "middle", must be one of right, left, guo, left-open'),
        ({"norm": "l3"}, 'norm: is "l3", must be one of l1, l2, max'),
        ({"norm": "max", "debias": True}, 'debias: not known for norm="max"'),
        ({"bins": "mass", "edges": "left"}, 'edges: only bins="width" has confidences on its edges'),
    ],
)
def test_wrong_settings_are_named(settings_, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        fast.ece(Q, C, **settings_)
    assert str(caught.value) == message
