"""The bootstrap against one written out in Python, its coverage, and what must always hold."""

import re

import numpy as np
import pytest

from uncal import fast

Q = np.array([0, 0.1, 0.1, 0.35, 0.5, 0.5, 0.8, 0.9, 1, 1])
C = np.array([0, 1, 0, 0, 1, 0, 1, 1, 1, 0], dtype=bool)
METRICS = {"ece": fast.ece, "brier": fast.brier, "auroc": fast.auroc}
GOLDEN = 0x9E3779B97F4A7C15
MASK = 2**64 - 1


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def draw(seed, replicate, n, grouped):
    """The n units that one resample draws; fewer rows than 4096 are the first block, a stream of its own."""
    start = mix((mix((seed + GOLDEN) & MASK) + replicate * GOLDEN) & MASK)
    if not grouped:
        start = mix(mix((start + 2 * GOLDEN) & MASK))
    return [mix((start + (i + 1) * GOLDEN) & MASK) * n >> 64 for i in range(n)]


def bootstrap(q, c, weights, groups, replicates, seed, level, bins):
    """Resample rows, compute each metric anew, take percentiles."""
    if groups is None:
        # rows are numbered by value, then verdict, then weight
        order = np.lexsort([c, q] if weights is None else [weights, c, q])
        units = [[i] for i in order]
    else:
        units = [np.flatnonzero(groups == label) for label in np.unique(groups)]
    found = {name: [] for name in METRICS}
    for replicate in range(replicates):
        rows = np.concatenate([units[u] for u in draw(seed, replicate, len(units), groups is not None)])
        w = None if weights is None else weights[rows]
        if w is not None and not w.any():
            continue
        for name, metric in METRICS.items():
            value = metric(q[rows], c[rows], weights=w, **({"bins": bins} if name == "ece" else {}))
            if not np.isnan(value):
                found[name].append(value)
    intervals = {}
    for name, values in found.items():
        low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
        if name == "ece":
            value = fast.ece(q, c, weights=weights, bins=bins)
            low, high = np.clip([2 * value - high, 2 * value - low], 0, 1)
        intervals[name] = (low, high)
    return intervals


def data(k, seed=0):
    rng = np.random.default_rng(seed)
    q = np.where(rng.uniform(size=k) < 0.5, rng.integers(0, 11, size=k) / 10, rng.uniform(size=k))
    return q, rng.uniform(size=k) < q


@pytest.mark.parametrize("bins", ["width", "mass", "distinct"])
@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_intervals_are_those_of_a_bootstrap_in_python(bins, grouped, weighted):
    q, c = data(60)
    rng = np.random.default_rng(1)
    groups = rng.integers(0, 25, size=60) * 7 - 50 if grouped else None
    weights = rng.integers(0, 3, size=60).astype(float) if weighted else None
    found = fast.evaluate(q, c, weights=weights, bootstrap=40, groups=groups, seed=11, level=0.8, bins=bins)
    expected = bootstrap(q, c, weights, groups, 40, 11, 0.8, bins)
    for name, (low, high) in expected.items():
        assert found[name].low == pytest.approx(low, abs=1e-12), name
        assert found[name].high == pytest.approx(high, abs=1e-12), name


def test_values_are_those_of_the_functions():
    q, c = data(5000, seed=2)
    weights = np.random.default_rng(3).uniform(size=5000)
    values = fast.evaluate(q, c, weights=weights)
    intervals = fast.evaluate(q, c, weights=weights, bootstrap=3)
    for name in values:
        if name == "prr":  # takes no weights
            assert fast.evaluate(q, c)[name] == pytest.approx(fast.prr(1 - q, c), abs=1e-12)
        else:
            value = getattr(fast, name)(q, c, weights=weights)
            assert values[name] == pytest.approx(getattr(value, "value", value), abs=1e-12)
        assert intervals[name].value == values[name]
        assert intervals[name]._fields == ("value", "low", "high")


@pytest.mark.parametrize("distinct", [False, True])
@pytest.mark.parametrize("grouped", [False, True])
def test_a_metric_is_the_same_whatever_else_is_asked_for(distinct, grouped):
    q, c = data(9000, seed=16)
    q = np.round(q, 1) if distinct else q
    groups = np.arange(9000) // 7 if grouped else None
    everything = fast.evaluate(q, c, bootstrap=10, groups=groups)
    for names in (["brier"], ("auroc", "ece", "brier"), {"smooth_ece"}, list(everything)[::-1], "mmce"):
        found = fast.evaluate(q, c, bootstrap=10, groups=groups, metrics=names)
        chosen = [names] if isinstance(names, str) else names
        assert list(found) == [name for name in everything if name in chosen]
        assert all(found[name] == everything[name] for name in found)
        values = fast.evaluate(q, c, metrics=names)
        assert values == {name: everything[name].value for name in found}
    other = np.sqrt(q)
    both = fast.compare(q, other, c, bootstrap=10, groups=groups)
    assert fast.compare(q, other, c, bootstrap=10, groups=groups, metrics=["auprc"]) == {"auprc": both["auprc"]}


@pytest.mark.parametrize("digits", [1, 3, 17])
def test_intervals_are_as_wide_as_those_of_resampled_rows(digits):
    rng = np.random.default_rng(17)
    k, times = 9000, 600
    q = np.round(rng.uniform(size=k), digits)
    c = rng.uniform(size=k) < q
    names = ["ece", "brier", "auroc"]
    found = fast.evaluate(q, c, bootstrap=times, method="percentile", metrics=names)
    drawn = [rng.integers(0, k, size=k) for _ in range(times)]
    for name in names:
        known = np.quantile([METRICS[name](q[rows], c[rows]) for rows in drawn], [0.025, 0.975])
        width = known[1] - known[0]
        np.testing.assert_allclose([found[name].low, found[name].high], known, atol=0.2 * width)


def test_number_and_kind_of_bins_reach_the_ece():
    q, c = data(300, seed=4)
    assert fast.evaluate(q, c, n_bins=4, bins="mass")["ece"] == fast.ece(q, c, n_bins=4, bins="mass")
    assert fast.evaluate(q, c, n_bins=4)["ece"] == fast.ece(q, c, n_bins=4)


def test_percentile_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(5)
    covered = {"brier": 0, "auroc": 0}
    truth = {"brier": 1 / 6, "auroc": 5 / 6}  # calibrated confidences spread evenly over [0, 1]
    for trial in range(200):
        q = rng.uniform(size=150)
        c = rng.uniform(size=150) < q
        found = fast.evaluate(q, c, bootstrap=200, seed=trial, level=0.9)
        for name in covered:
            covered[name] += found[name].low <= truth[name] <= found[name].high
    # 180 expected, standard deviation 4.2; percentile intervals of few rows fall a little short
    assert all(160 <= count <= 195 for count in covered.values()), covered


def test_groups_that_repeat_their_rows_widen_the_interval():
    q, c = data(100, seed=6)
    times = 9
    groups = np.repeat(np.arange(100), times)
    many = fast.evaluate(np.repeat(q, times), np.repeat(c, times), bootstrap=300, groups=groups)
    rows = fast.evaluate(np.repeat(q, times), np.repeat(c, times), bootstrap=300)
    width, too_narrow = (x["brier"].high - x["brier"].low for x in (many, rows))
    assert 2.4 < width / too_narrow < 3.6  # by the root of 9


def test_labels_of_groups_may_be_anything_that_sorts():
    q, c = data(40, seed=7)
    numbers = np.arange(40) // 4
    names = np.array([f"question {n:03d}" for n in numbers])
    expected = fast.evaluate(q, c, bootstrap=50, groups=numbers)
    for labels in (names, list(names), names.astype(object), numbers.astype(np.uint8), numbers * 10 - 7):
        assert fast.evaluate(q, c, bootstrap=50, groups=labels) == expected


def test_order_of_rows_does_not_matter():
    q, c = data(200, seed=8)
    groups = np.random.default_rng(9).integers(0, 30, size=200)
    weights = np.random.default_rng(15).uniform(size=200)
    order = np.random.default_rng(10).permutation(200)
    for labels in (None, groups):
        for w in (None, weights):
            one = fast.evaluate(q, c, weights=w, bootstrap=100, groups=labels)
            other = fast.evaluate(
                q[order],
                c[order],
                weights=None if w is None else w[order],
                bootstrap=100,
                groups=None if labels is None else labels[order],
            )
            for name in METRICS:
                np.testing.assert_allclose(other[name], one[name], rtol=1e-12)


def test_seeds_give_their_own_intervals_and_the_same_each_time():
    first = fast.evaluate(Q, C, bootstrap=100, seed=1)
    assert fast.evaluate(Q, C, bootstrap=100, seed=1) == first
    assert fast.evaluate(Q, C, bootstrap=100, seed=2) != first
    assert fast.evaluate(Q, C, bootstrap=100, seed=2**64 - 1) != first


@pytest.mark.parametrize("threads", [2, 7])
def test_threads_change_no_bit(threads):
    q, c = data(3000, seed=11)
    groups = np.random.default_rng(12).integers(0, 500, size=3000)
    weights = np.random.default_rng(13).uniform(size=3000)
    for labels in (None, groups):
        one = fast.evaluate(q, c, weights=weights, bootstrap=64, groups=labels, threads=1)
        assert one == fast.evaluate(q, c, weights=weights, bootstrap=64, groups=labels, threads=threads)


def test_the_interval_of_an_ece_makes_up_for_the_noise_of_resampling():
    rng = np.random.default_rng(14)
    q = rng.uniform(size=400)
    c = rng.uniform(size=400) < q  # calibrated: what the ECE shows is chance
    found = fast.evaluate(q, c, bootstrap=200)["ece"]
    assert 0 <= found.low <= found.high <= 1
    assert found.low < found.value
    assert found.low < 0.03  # plain percentiles would all lie above the value of 0.05 or so


def test_one_row_and_one_group_leave_no_doubt():
    single = fast.evaluate([0.25], [True], bootstrap=20)
    assert single["brier"] == (0.5625, 0.5625, 0.5625)
    assert single["ece"] == (0.75, 0.75, 0.75)
    assert np.isnan(single["auroc"]).all()
    for found in fast.evaluate(Q, C, bootstrap=20, groups=["all"] * 10).values():
        np.testing.assert_allclose([found.low, found.high], [found.value] * 2, rtol=1e-14)


def test_resamples_of_one_class_are_left_out_with_a_warning():
    with pytest.warns(UserWarning, match="does not exist") as caught:
        found = fast.evaluate([0.2, 0.7, 0.6], [False, True, True], bootstrap=200)
    for name in ("auroc", "prr", "brier_skill"):
        pattern = rf"{name}: does not exist in \d+ of 200 resamples, which its interval leaves out"
        assert any(re.fullmatch(pattern, str(warning.message)) for warning in caught)
    assert found["auroc"] == (1, 1, 1)


def test_weights_that_a_resample_can_miss_are_left_out_with_a_warning():
    with pytest.warns(UserWarning, match=r"^\w+: does not exist in \d+ of 200 resamples") as caught:
        found = fast.evaluate([0.2, 0.7], [True, True], weights=[0, 3], bootstrap=200)
    assert found["brier"].low == pytest.approx(0.09, abs=1e-15)
    assert any(str(warning.message).startswith("brier: ") for warning in caught)


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"bootstrap": -1}, "bootstrap: is -1, must be a whole number from 0 to 10000000"),
        ({"bootstrap": 9, "level": 1}, "level: is 1.0, must be a number between 0 and 1"),
        ({"bootstrap": 9, "level": np.nan}, "level: is NaN, must be a number between 0 and 1"),
        ({"bootstrap": 9, "seed": -1}, "seed: is -1, must be a whole number from 0 to 18446744073709551615"),
        ({"bootstrap": 9, "groups": [1, 2]}, "groups: has 2 rows, 10 expected"),
        ({"bootstrap": 9, "groups": Q}, "groups: dtype is float64, must be integers or strings"),
        ({"bootstrap": 9, "groups": np.eye(10, dtype=int)}, "groups: has shape (10, 10), must be 1-D"),
        (
            {"metrics": ["ece", "accuracy"]},
            'metrics: is "accuracy", must be one or more of ece, smooth_ece, signed_gap, brier, brier_skill, log_loss, '
            "auroc, auprc, aurc, e_aurc, augrc, prr, ks_calibration_error, kuiper_calibration_error, mmce",
        ),
        ({"metrics": [1]}, "metrics: has 1 in it, must be names"),
        ({"n_bins": 0}, "n_bins: is 0, must be a whole number from 1 to 10000000"),
    ],
)
def test_wrong_settings_are_named(settings_, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        fast.evaluate(Q, C, **settings_)
    assert str(caught.value) == message


def test_labels_that_do_not_sort_are_named():
    with pytest.raises(ValueError, match=r"^groups: cannot be told apart: "):
        fast.evaluate([0.5, 0.5], [True, False], bootstrap=5, groups=["a", None])
