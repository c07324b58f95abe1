"""Calibration errors over classes against their definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uncal import fast


@st.composite
def tables(draw):
    n, k = draw(st.integers(1, 40)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    told = rng.dirichlet(np.ones(k), n) if draw(st.booleans()) else rng.integers(0, 5, (n, k)) / 4
    return told.astype(draw(st.sampled_from([np.float32, np.float64]))), rng.integers(0, k, n), rng


def width_error(q, c, n_bins):
    place = np.digitize(q.astype(float), np.linspace(0, 1, n_bins + 1)[1:-1], right=True)
    return sum(abs((q - c)[place == b].sum()) for b in range(n_bins)) / len(q)


@settings(deadline=None, max_examples=80)
@given(tables(), st.integers(1, 12), st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_errors_are_those_of_their_definitions(data, n_bins, threshold):
    told, labels, rng = data
    errors = []
    for k in range(told.shape[1]):
        kept = told[:, k] >= threshold
        if kept.any():
            errors.append(width_error(told[kept, k].astype(float), labels[kept] == k, n_bins))
    found = fast.classwise_ece(told, labels, n_bins=n_bins, threshold=threshold)
    assert found == pytest.approx(np.mean(errors) if errors else float("nan"), abs=1e-12, nan_ok=True)
    top = width_error(told.max(1).astype(float), told.argmax(1) == labels, n_bins)
    assert fast.top_label_ece(told, labels, n_bins=n_bins) == pytest.approx(top, abs=1e-12)

    order, weights = rng.permutation(len(labels)), rng.integers(0, 3, len(labels))
    weights[0] = 1
    again = np.repeat(told, weights, axis=0), np.repeat(labels, weights)
    for metric in (fast.classwise_ece, fast.top_label_ece):
        for bins in ("width", "mass", "distinct"):
            plain = metric(told, labels, bins=bins)
            assert metric(told[order], labels[order], bins=bins) == pytest.approx(plain, abs=1e-12)
            assert metric(told, labels, bins=bins, weights=weights) == pytest.approx(
                metric(*again, bins=bins), abs=1e-12
            )
    # classes have no order either
    names = rng.permutation(told.shape[1])
    renamed = fast.classwise_ece(told[:, names], np.argsort(names)[labels], n_bins=n_bins)
    assert renamed == pytest.approx(fast.classwise_ece(told, labels, n_bins=n_bins), abs=1e-12)


def test_two_classes_have_the_error_of_one():
    rng = np.random.default_rng(5)
    q = rng.random(500)
    labels = (rng.random(500) < q).astype(int)
    told = np.stack([1 - q, q], axis=1)
    assert fast.classwise_ece(told, labels, bins="distinct") == pytest.approx(fast.ece(q, labels, bins="distinct"))


@pytest.mark.parametrize(
    ("told", "labels", "settings_", "message"),
    [
        ([0.5], [0], {}, "probabilities: has shape (1,), must be (K, C)"),
        (np.zeros((0, 2)), [], {}, "probabilities: empty, needs at least one row"),
        ([[0.5, 1.5]], [0], {}, "probabilities: row 0 has 1.5 for class 1, must be numbers in [0, 1]"),
        ([[0.5, np.nan]], [0], {}, "probabilities: row 0 has nan for class 1, must be numbers in [0, 1]"),
        ([[0.5, 0.5]], [2], {}, "labels: row 0 is 2, must be a class from 0 to 1"),
        ([[0.5, 0.5]], [-1], {}, "labels: row 0 is -1, must be a class from 0 to 1"),
        ([[0.5, 0.5]], [0, 1], {}, "labels: has 2 rows, 1 expected"),
        ([[0.5, 0.5]], [0.0], {}, "labels: dtype is float64, must be integers"),
        ([["a", "b"]], [0], {}, "probabilities: dtype is <U1, must be numbers"),
        ([[0.5, 0.5]], [0], {"weights": [1, 2]}, "weights: has 2 rows, 1 expected"),
    ],
)
@pytest.mark.parametrize("metric", [fast.classwise_ece, fast.top_label_ece])
def test_what_makes_no_sense_is_named(metric, told, labels, settings_, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        metric(told, labels, **settings_)
    assert str(caught.value) == message


def test_a_threshold_beyond_all_probabilities_leaves_nothing():
    assert np.isnan(fast.classwise_ece([[0.5, 0.5]], [0], threshold=0.6))
    with pytest.raises(ValueError, match=r"^threshold: is 2\.0, must be a number in"):
        fast.classwise_ece([[0.5, 0.5]], [0], threshold=2.0)
