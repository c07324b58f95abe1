"""All metrics of `uncal.fast.evaluate` as one of Hugging Face's library `evaluate`: ``pip install evaluate``."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from uncal import fast
from uncal.fast import Bins

if TYPE_CHECKING:
    from evaluate import Metric

ABOUT = "How far stated confidences are from the truth, and how well they tell right answers from wrong ones."
INPUTS = """
Args:
    predictions: confidences in [0, 1]
    references: which answers were right, True and False or 1 and 0
    and any other argument of `uncal.fast.evaluate`, such as weights or groups, with as many entries
"""


def load(
    metrics: Collection[str] | None = None,
    *,
    n_bins: int = 15,
    bins: Bins = "width",
    bootstrap: int = 0,
    level: float = 0.95,
    seed: int = 0,
    **settings: Any,
) -> "Metric":
    """Make what `evaluate.load` would: a metric with `add`, `add_batch` and `compute`, also for `evaluate.combine`.

    Parameters
    ----------
    metrics : collection of str, optional
        Names of keys of `uncal.fast.evaluate`, all by default.
    n_bins, bins, bootstrap, level, seed
        As for `uncal.fast.evaluate`.
    **settings
        Arguments of `evaluate.Metric`, such as keep_in_memory, experiment_id, num_process and process_id.

    Returns
    -------
    evaluate.Metric
        ``compute(predictions=confidences, references=correct)`` is a dict of floats by the names of metrics; with
        `bootstrap` the ends of the interval of "ece" are "ece_low" and "ece_high". `compute` takes the arguments of
        `uncal.fast.evaluate` too, for that one call: ``weights``, ``groups``, ``bootstrap``. Where rows came by `add`,
        weights and groups are those of all of them, in their order.

    Raises
    ------
    ModuleNotFoundError
        If `evaluate` is not installed.
    ValueError
        By `compute`, of `uncal.fast.evaluate`: predictions are its `confidence`, references its `correct`.

    Notes
    -----
    Status: verified against evaluate 0.4.6, which keeps rows in a file below its cache unless keep_in_memory is set,
    and hands them on as Python's numbers: for a million rows call `uncal.fast.evaluate` itself.

    Examples
    --------
    >>> metric = load(["brier", "auroc"], keep_in_memory=True)
    >>> metric.compute(predictions=[0.75, 0.5, 0.25], references=[True, True, False])
    {'brier': 0.125, 'auroc': 1.0}
    """
    import datasets
    import evaluate

    chosen = {"metrics": metrics, "n_bins": n_bins, "bins": bins, "bootstrap": bootstrap, "level": level, "seed": seed}

    class Uncal(evaluate.Metric):  # type: ignore[misc]  # its name is the metric's
        def _info(self) -> Any:
            # Bools would be read by their truth, and 0.5 be right; as numbers they are checked by `fast`.
            number = datasets.Value("float64")
            features = datasets.Features({"predictions": number, "references": number})
            return evaluate.MetricInfo(description=ABOUT, inputs_description=INPUTS, citation="", features=features)

        def _compute(self, *, predictions: Any, references: Any, **options: Any) -> dict[str, float]:
            measured = fast.evaluate(predictions, references, **(chosen | options))
            return {key: number for name, value in measured.items() for key, number in _flat(name, value)}

    return Uncal(**settings)


def _flat(name: str, value: float | fast.Interval) -> list[tuple[str, float]]:
    if not isinstance(value, tuple):
        return [(name, value)]
    return [(name, value.value), (f"{name}_low", value.low), (f"{name}_high", value.high)]
