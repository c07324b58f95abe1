"""Functions of other libraries on pairs (confidence, right or wrong), for run.py; benches/python/bench_metrics.py times them.

Each maker takes `confidence` (K,) and `correct` (K,) bool, and gives the call that is timed and what turns its result
into the numbers that are compared: metrics as they are, fits as confidences at GRID. What a caller would have in that
form anyway (columns, tensors, both probabilities) is made outside the clock.
"""

import os
import warnings

import numpy as np

GRID = np.arange(1, 32) / 32  # the same in float32
BINS = 15
REPLICATES = 3
"""So many resamples of a bootstrap are timed."""
THREADS = int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1))


def same(result):
    return np.atleast_1d(np.asarray(result, np.float64))


def log_odds(q):
    return np.log(q) - np.log1p(-q)


# Fits


def sklearn_logistic(solver):
    def make(confidence, correct):
        from sklearn.linear_model import LogisticRegression

        x, grid = log_odds(confidence)[:, None], log_odds(GRID).astype(confidence.dtype)[:, None]
        model = LogisticRegression(C=np.inf, solver=solver)
        return lambda: model.fit(x, correct), lambda fitted: fitted.predict_proba(grid)[:, 1]

    return make


def sklearn_sigmoid(confidence, correct):
    from sklearn.calibration import _SigmoidCalibration

    x, model = log_odds(confidence), _SigmoidCalibration()
    return lambda: model.fit(x, correct), lambda fitted: fitted.predict(log_odds(GRID))


def netcal_scaling(name):
    """It takes the log-odds inside: uncal's `fit_platt` is given them. In float32 netcal 1.4.0 ends where it starts (its
    gradients are differences too small for that), so it always gets float64.
    """

    def make(confidence, correct):
        import netcal.scaling

        model, confidence = getattr(netcal.scaling, name), confidence.astype(np.float64)
        return lambda: model().fit(confidence, correct), lambda fitted: fitted.transform(GRID)

    return make


def betacal_abm(confidence, correct):
    from betacal import BetaCalibration

    x = confidence[:, None]
    return lambda: BetaCalibration("abm").fit(x, correct), lambda fitted: fitted.predict(GRID[:, None])


def sklearn_isotonic(confidence, correct):
    from sklearn.isotonic import IsotonicRegression

    y = correct.astype(confidence.dtype)
    return lambda: IsotonicRegression().fit(confidence, y), lambda fitted: fitted.predict(
        GRID.astype(confidence.dtype)
    )


def scipy_isotonic(confidence, correct):
    """The sort is the caller's there, so it is timed. Values of rows, looked up at the grid as scikit-learn does."""
    from scipy.optimize import isotonic_regression

    def call():
        order = np.argsort(confidence)
        return confidence[order], isotonic_regression(correct[order]).x

    return call, lambda fitted: np.interp(GRID.astype(confidence.dtype), *fitted)


def venn_abers_fit(confidence, correct):
    from venn_abers import VennAbers

    both, grid = np.column_stack([1 - confidence, confidence]), np.column_stack([1 - GRID, GRID])

    def call():
        model = VennAbers()
        model.fit(both, correct)
        return model

    return call, lambda fitted: fitted.predict_proba(grid)[1].T.reshape(-1)


# Metrics


def numpy_ece(q, c):
    """By the fewest passes known to us: one `bincount` of the gaps."""
    place = np.minimum((q * q.dtype.type(BINS)).astype(np.intp), BINS - 1)
    return np.abs(np.bincount(place, weights=q - c, minlength=BINS)).sum() / len(q)


def numpy_three(q, c):
    place = np.minimum((q * q.dtype.type(BINS)).astype(np.intp), BINS - 1)
    gap = q - c
    total = np.bincount(place, weights=gap, minlength=BINS)
    count = np.bincount(place, minlength=BINS)
    return np.abs(total).sum() / len(q), (np.abs(total) / np.maximum(count, 1)).max(), np.dot(gap, gap) / len(q)


def numpy_aurc(q, c):
    """Ties as they come from the sort."""
    wrong = ~c[np.argsort(-q, kind="stable")]
    return float((np.cumsum(wrong) / np.arange(1, len(q) + 1)).mean())


def numpy_all(q, c):
    """Twelve of the fifteen metrics of `evaluate`, in its order; without smooth ECE, PRR and MMCE."""
    from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

    n, rate = len(q), c.mean()
    ece, _, brier = numpy_three(q, c)
    gap = float(np.mean(q, dtype=np.float64) - rate)
    order = np.argsort(-q, kind="stable")
    wrong = ~c[order]
    errors = np.cumsum(wrong)
    aurc = (errors / np.arange(1, n + 1)).mean()
    risk = 1 - rate
    best = risk + (1 - risk) * np.log1p(-risk)
    augrc = errors.mean() / n
    cumulated = np.cumsum((q - c)[order][::-1], dtype=np.float64) / n
    return (
        ece,
        gap,
        brier,
        1 - brier / (rate * (1 - rate)),
        log_loss(c, q),
        roc_auc_score(c, q),
        average_precision_score(c, q),
        aurc,
        aurc - best,
        augrc,
        np.abs(cumulated).max(),
        max(cumulated.max(), 0) - min(cumulated.min(), 0),
    )


def on_pairs(function):
    return lambda confidence, correct: (lambda: function(confidence, correct), same)


def netcal_ece(confidence, correct):
    from netcal.metrics import ECE

    return lambda: ECE(BINS).measure(confidence, correct), same


def netcal_three(confidence, correct):
    """It has no Brier score for pairs; NumPy's stands in."""
    from netcal.metrics import ECE, MCE

    def call():
        return (
            ECE(BINS).measure(confidence, correct),
            MCE(BINS).measure(confidence, correct),
            np.mean((confidence - correct) ** 2, dtype=np.float64),
        )

    return call, same


def torchmetrics_on(names):
    def make(confidence, correct):
        import torch
        from torchmetrics.functional.classification import binary_auroc, binary_calibration_error

        torch.set_num_threads(THREADS)
        q, c = torch.from_numpy(confidence), torch.from_numpy(correct)
        kinds = {
            "ece": lambda: binary_calibration_error(q, c, n_bins=BINS),
            "mce": lambda: binary_calibration_error(q, c, n_bins=BINS, norm="max"),
            "brier": lambda: torch.mean((q - c.to(q.dtype)) ** 2),
            "auroc": lambda: binary_auroc(q, c),
        }
        return lambda: [float(kinds[name]()) for name in names], same

    return make


def sklearn_auroc(q, c):
    from sklearn.metrics import roc_auc_score

    return roc_auc_score(c, q)


def sklearn_auroc_numpy_aurc(q, c):
    return sklearn_auroc(q, c), numpy_aurc(q, c)


def relplot_smooth_ece(confidence, correct):
    import relplot

    return lambda: relplot.smECE(confidence, correct), same


def numpy_bootstrap(confidence, correct):
    """A loop over REPLICATES resamples; its result is of the rows as they are, to compare."""
    generator = np.random.default_rng(0)

    def three(q, c):
        _, _, brier = numpy_three(q, c)
        return numpy_ece(q, c), brier, sklearn_auroc(q, c)

    def call():
        for _ in range(REPLICATES):
            rows = generator.integers(len(confidence), size=len(confidence))
            three(confidence[rows], correct[rows])

    return call, lambda _: np.array(three(confidence, correct))


# Name: the library that it is from, what makes the call. All read confidence.npy and correct.npy.
FUNCTIONS = {
    "scikit-learn LogisticRegression newton-cholesky": ("scikit-learn", sklearn_logistic("newton-cholesky")),
    "scikit-learn LogisticRegression lbfgs": ("scikit-learn", sklearn_logistic("lbfgs")),
    "scikit-learn _SigmoidCalibration": ("scikit-learn", sklearn_sigmoid),
    "netcal LogisticCalibration": ("netcal", netcal_scaling("LogisticCalibration")),
    "netcal TemperatureScaling": ("netcal", netcal_scaling("TemperatureScaling")),
    "betacal BetaCalibration": ("betacal", betacal_abm),
    "scikit-learn IsotonicRegression": ("scikit-learn", sklearn_isotonic),
    "SciPy isotonic_regression": ("scipy", scipy_isotonic),
    "venn-abers VennAbers": ("venn-abers", venn_abers_fit),
    "NumPy ECE": ("numpy", on_pairs(numpy_ece)),
    "torchmetrics ECE": ("torchmetrics", torchmetrics_on(["ece"])),
    "netcal ECE": ("netcal", netcal_ece),
    "NumPy ECE, MCE and Brier": ("numpy", on_pairs(numpy_three)),
    "torchmetrics ECE, MCE and Brier": ("torchmetrics", torchmetrics_on(["ece", "mce", "brier"])),
    "netcal ECE, MCE and Brier": ("netcal", netcal_three),
    "scikit-learn AUROC": ("scikit-learn", on_pairs(sklearn_auroc)),
    "torchmetrics AUROC": ("torchmetrics", torchmetrics_on(["auroc"])),
    "scikit-learn AUROC, NumPy AURC": ("scikit-learn", on_pairs(sklearn_auroc_numpy_aurc)),
    "relplot smECE": ("relplot", relplot_smooth_ece),
    "scikit-learn and NumPy, all": ("scikit-learn", on_pairs(numpy_all)),
    "NumPy bootstrap": ("numpy", numpy_bootstrap),
}


def quiet():
    """Hold back what libraries say of their own dependencies."""
    warnings.simplefilter("ignore")
