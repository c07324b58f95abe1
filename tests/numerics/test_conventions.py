"""Other libraries' calibration errors against their own numbers, which benches/peers/conventions.py wrote down."""

import json
import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uncal import fast

GOLDEN = json.loads((Path(__file__).parent / "data" / "conventions.json").read_text())
CASES = GOLDEN["cases"]
CONVENTIONS = get_args(fast.Convention)
Q = np.array([0, 0.1, 0.1, 0.35, 0.5, 0.5, 0.8, 0.9, 1, 1])
C = np.array([0, 1, 0, 0, 1, 0, 1, 1, 1, 0], dtype=bool)


def rows(case):
    return np.array(case["confidence"], dtype=case["dtype"]), np.array(case["correct"], dtype=bool)


@pytest.mark.parametrize("convention", [name for name in CONVENTIONS if name != "rlcr"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_error_is_the_number_of_the_library(convention, dtype):
    # What these sum in single precision is off by some units of it; netcal and relplot turn to double.
    tolerance = 1e-6 if dtype == "float32" and convention not in ("netcal", "relplot") else 1e-12
    seen = 0
    for case in (case for case in CASES if case["dtype"] == dtype):
        q, c = rows(case)
        for n_bins, error in zip(GOLDEN["n_bins"], case["ece"][convention], strict=True):
            found = fast.ece(q, c, convention=convention, n_bins=n_bins)
            expected = np.nan if error is None else error
            assert found == pytest.approx(expected, abs=tolerance, rel=0, nan_ok=True), (case["name"], n_bins)
            seen += 1
    assert seen >= 200


def test_the_smooth_error_is_the_number_of_relplot():
    for case in CASES:
        for sigma, error in case.get("smooth", {}).items():
            if sigma != "width":
                width = None if sigma == "auto" else float(sigma)
                found = fast.smooth_ece(*rows(case), sigma=width, convention="relplot")
                assert found == pytest.approx(error, abs=1e-12), (case["name"], sigma)
    assert fast.smooth_ece(Q, C, convention="relplot") == pytest.approx(0.1288455427, abs=1e-10)
    assert fast.smooth_ece(Q, C, sigma=0.05, convention="relplot") == pytest.approx(0.2106110117, abs=1e-10)
    q = np.repeat([1.0, 0.5], [900, 100])
    c = np.append(np.arange(900) < 630, np.arange(100) < 50)
    assert fast.smooth_ece(q, c, convention="relplot") == pytest.approx(0.2456882434, abs=1e-10)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 60), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_rlcr_bins_between_edges_of_numpy_with_the_outer_ones_at_infinity(k, n_bins, seed):
    rng = np.random.default_rng(seed)
    q = np.append(rng.random(20), rng.integers(0, k + 1, 20) / k)
    c = rng.random(40) < q
    edges = np.linspace(0, 1, n_bins + 1)
    edges[0], edges[-1] = -np.inf, np.inf
    place = np.digitize(q, edges)
    error = sum(abs((q - c)[place == b].sum()) for b in np.unique(place)) / 40
    assert fast.ece(q, c, convention="rlcr", n_bins=n_bins) == pytest.approx(error, abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 80), st.integers(0, 2**32 - 1), st.sampled_from(CONVENTIONS), st.sampled_from([None, 1, 7, 49]))
def test_order_does_not_matter_and_weights_repeat_rows(n, seed, convention, n_bins):
    rng = np.random.default_rng(seed)
    q = rng.integers(0, 11, n) / 10
    c = rng.random(n) < 0.5
    weights = rng.integers(0, 4, n)
    weights[0] = 1
    order = rng.permutation(n)

    def error(q, c, **settings_):
        return fast.ece(q, c, convention=convention, n_bins=n_bins, **settings_)

    np.testing.assert_allclose(error(q[order], c[order]), error(q, c), atol=1e-12)
    again = error(np.repeat(q, weights), np.repeat(c, weights))
    np.testing.assert_allclose(error(q, c, weights=weights), again, atol=1e-12)
    smooth = fast.smooth_ece(q, c, weights=weights, convention="relplot")
    again = fast.smooth_ece(np.repeat(q, weights), np.repeat(c, weights), convention="relplot")
    assert smooth == pytest.approx(again, abs=1e-9)


def test_more_threads_and_more_rows_give_the_same_bits():
    rng = np.random.default_rng(2)
    q = rng.integers(0, 1001, 100_000) / 1000
    c = rng.random(100_000) < q**2
    for convention in CONVENTIONS:
        errors = {fast.ece(q, c, convention=convention, threads=threads) for threads in (1, 2, 7)}
        assert len(errors) == 1
    own = fast.ece(q, c, n_bins=10)
    assert fast.ece(q, c, convention="uqlm") == pytest.approx(own, abs=1e-12)
    assert fast.ece(q, c, convention="lm_polygraph", n_bins=10) == pytest.approx(own, abs=1e-12)
    left = fast.ece(q, c, n_bins=10, edges="left")
    assert fast.ece(q, c, convention="netcal") == pytest.approx(left, abs=1e-12)


def test_the_page_on_metrics_prints_what_its_lines_give():
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
    names, seen = {}, 0
    for line in "".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL)).splitlines():
        exec(line, names)
        if told := re.match(r"(fast\..*?)  # ([\d.]+)", line):
            assert f"{eval(told[1], names):.3f}" == told[2], line
            seen += 1
    assert seen == 11


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"bins": "mass"}, "bins: the convention says which, and they cannot both be given"),
        ({"edges": "left"}, "edges: the convention says which, and they cannot both be given"),
        ({"edges": "right"}, "edges: the convention says which, and they cannot both be given"),
        ({"norm": "max"}, "norm: the convention says which, and they cannot both be given"),
        ({"debias": True}, "debias: the convention says which, and they cannot both be given"),
        ({"n_bins": 0}, "n_bins: is 0, must be a whole number from 1 to 10000000"),
        (
            {"convention": "sklearn"},
            'convention: is "sklearn", must be one of netcal, torchmetrics, uqlm, lm_polygraph, relplot, mapie, rlcr',
        ),
    ],
)
def test_what_a_convention_contradicts_is_named(settings_, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        fast.ece(Q, C, **{"convention": "netcal", **settings_})
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fast.ece(Q, C, convention=3), "convention: is 3, must be one of netcal, torchmetrics, "),
        (lambda: fast.smooth_ece(Q, C, convention="netcal"), "convention: is 'netcal', must be one of relplot"),
        (lambda: fast.smooth_ece(Q, C, sigma=1e-4, convention="relplot"), "sigma: is 0.0001, must be a finite number"),
        (lambda: fast.smooth_ece(Q + 0.5, C, convention="relplot"), "confidence: row 6 is 1.3, must be a number in"),
        (
            lambda: fast.ece(Q, C * 0.5, convention="uqlm"),
            "correct: has numbers between 0 and 1, which convention does not take",
        ),
    ],
)
def test_wrong_settings_and_rows_are_named(call, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        call()
    assert str(caught.value).startswith(message)
