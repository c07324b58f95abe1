"""Several objectives on several seeds: one table with intervals and paired tests, as text, JSON and a figure."""

import json
import logging
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from uncal import artefacts, fast
from uncal.errors import ConfigError
from uncal.testbed.cell import START, UNTRAINED, Settings, run

log = logging.getLogger("uncal")
JSON, TABLE, FIGURE = "compare.json", "compare.md", "compare.png"
LEVEL = 0.95
SHOWN = {
    "ece": "ECE",
    "smooth_ece": "smooth ECE",
    "brier": "Brier",
    "auroc": "AUROC",
    "distance": "distance",
}
"""Numbers of the tables, all better if less but AUROC."""
COUNTED = {"accuracy": "accuracy", "malformed": "malformed", "largest_share": "largest share"}
TITLES = {"in": "In distribution: test questions of relations that are trained on", "out": "Held-out relations"}


def compare(
    objectives: Sequence[str],
    seeds: Sequence[int],
    out: Path,
    settings: Settings | None = None,
    objective_settings: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    baseline: str = f"{START}:mean",
    jobs: int = 1,
) -> dict[str, Any]:
    """Train each objective on each seed and set them side by side; what is there already is not made again.

    Writes compare.json, compare.md and, where matplotlib is installed, compare.png into `out`.

    Parameters
    ----------
    objectives : sequence of str
        As `uncal.objectives.make` takes them. The ideal number, the teacher, the untrained model and the distillation
        that rewards start from are added.
    seeds : sequence of int
        Each has a world and a model of its own.
    out : Path
    settings : Settings, optional
    objective_settings : mapping of str to mapping, optional
        Objective -> its settings.
    baseline : str, default="distill:mean"
        What the others are tested against: an objective and how it is read, "stated" or "mean".
    jobs : int, default=1
        Processes, each with one thread where there are several.

    Returns
    -------
    dict
        What compare.json holds.
    """
    settings = settings or Settings()
    told = {name: dict(given) for name, given in (objective_settings or {}).items()}
    names = list(dict.fromkeys([*UNTRAINED, START, *objectives]))
    if strangers := sorted(told.keys() - set(names)):
        raise ConfigError(f"objective_settings name {', '.join(strangers)}, which is not compared")
    if baseline.rpartition(":")[0] not in names or baseline.rpartition(":")[2] not in ("stated", "mean"):
        raise ConfigError(f"baseline is {baseline!r}; it must be one of {', '.join(names)}, with :stated or :mean")
    if not seeds or len(set(seeds)) < len(seeds):
        raise ConfigError(f"seeds are {list(seeds)}; name at least one, each once")
    if jobs < 1:
        raise ConfigError(f"jobs is {jobs}; it must be at least 1")
    # The distillation comes first: it makes what the others of its seed share.
    first = [(START, seed) for seed in seeds]
    others = [(name, seed) for seed in seeds for name in names if name != START]
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for cells in (first, others):
        calls = [(name, seed, out, settings, told.get(name, {})) for name, seed in cells]
        found |= dict(zip(cells, _all(calls, jobs), strict=True))
    results = {name: [found[name, seed] for seed in seeds] for name in names}
    made = {"level": LEVEL, "seeds": list(seeds), "baseline": baseline, "rows": _rows(results, baseline)}
    made["results"] = [result for of_name in results.values() for result in of_name]
    artefacts.write_text(out / JSON, json.dumps(artefacts.finite(made), indent=1) + "\n")
    artefacts.write_text(out / TABLE, as_text(made))
    if find_spec("matplotlib") is None:
        log.warning("testbed: no figure without matplotlib; pip install 'uncal[plots]'")
    else:
        draw(made, out / FIGURE)
    return made


def _all(calls: Sequence[tuple[Any, ...]], jobs: int) -> list[dict[str, Any]]:
    if jobs == 1:
        return [run(*call) for call in calls]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_alone) as pool:
        return [future.result() for future in [pool.submit(run, *call) for call in calls]]


def _alone() -> None:
    """Take one thread: the others are for the other processes."""
    import torch

    torch.set_num_threads(1)
    fast.set_num_threads(1)


def _rows(results: Mapping[str, Sequence[Mapping[str, Any]]], baseline: str) -> list[dict[str, Any]]:
    """Put together what the seeds gave, for each objective and way of reading."""
    base, _, base_read = baseline.rpartition(":")
    rows = []
    for name, of_seeds in results.items():
        for how in of_seeds[0]["regions"]["in"]:
            row: dict[str, Any] = {"objective": name, "read": how, "regions": {}}
            for region in TITLES:
                mine = [result["regions"][region].get(how, {}) for result in of_seeds]
                theirs = [result["regions"][region].get(base_read, {}) for result in results[base]]
                row["regions"][region] = {
                    number: interval([_number(of.get(number)) for of in mine]) for number in (*SHOWN, *COUNTED)
                }
                row["regions"][region]["against"] = {
                    number: paired([_number(of.get(number)) for of in mine], [_number(of.get(number)) for of in theirs])
                    for number in SHOWN
                }
            rows.append(row)
    return rows


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def interval(values: Sequence[float], level: float = LEVEL) -> dict[str, Any]:
    """Mean of a number over seeds, with Student's t interval; none below two seeds.

    Examples
    --------
    >>> {name: value if name == "values" else round(value, 3) for name, value in interval([0.1, 0.2, 0.3]).items()}
    {'mean': 0.2, 'low': -0.048, 'high': 0.448, 'values': [0.1, 0.2, 0.3]}
    """
    from scipy.stats import t

    told = np.array(values, dtype=np.float64)
    mean = float(told.mean())
    reach = math.nan
    if len(told) > 1:
        reach = float(t.ppf((1 + level) / 2, len(told) - 1) * told.std(ddof=1) / math.sqrt(len(told)))
    return {"mean": mean, "low": mean - reach, "high": mean + reach, "values": [float(value) for value in told]}


def paired(values: Sequence[float], others: Sequence[float], level: float = LEVEL) -> dict[str, Any]:
    """Mean difference to a baseline on the same seeds, with the interval and the p-value of the paired t-test.

    Examples
    --------
    >>> found = paired([0.3, 0.4, 0.6], [0.1, 0.3, 0.3])
    >>> round(found["mean"], 3), round(found["p"], 3)
    (0.2, 0.074)
    """
    from scipy.stats import t

    differences = np.array(values, dtype=np.float64) - np.array(others, dtype=np.float64)
    found = interval(differences.tolist(), level)
    n = len(differences)
    spread = float(differences.std(ddof=1)) if n > 1 else math.nan
    p = math.nan
    if spread > 0:
        p = float(2 * t.sf(abs(found["mean"]) / (spread / math.sqrt(n)), n - 1))
    return found | {"p": p}


def as_text(made: Mapping[str, Any]) -> str:
    """Set what `compare` gives in tables, as Markdown."""
    seeds = made["seeds"]
    parts = []
    for region, title in TITLES.items():
        lines = [
            f"### {title}",
            "",
            f"Mean over {len(seeds)} seeds ± half of Student's {made['level']:.0%} interval.",
            "",
        ]
        lines += _head(["objective", "read", *SHOWN.values(), *COUNTED.values()])
        lines += [
            _line(
                [
                    row["objective"],
                    row["read"],
                    *(_with_reach(row["regions"][region][name]) for name in (*SHOWN, *COUNTED)),
                ]
            )
            for row in made["rows"]
        ]
        lines += ["", f"Difference to {made['baseline']} on the same seeds, [interval]; * where it leaves 0 out.", ""]
        lines += _head(["objective", "read", *SHOWN.values()])
        lines += [
            _line([row["objective"], row["read"], *(_difference(row["regions"][region]["against"][n]) for n in SHOWN)])
            for row in made["rows"]
            if f"{row['objective']}:{row['read']}" != made["baseline"]
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _head(names: Sequence[str]) -> list[str]:
    return [_line(names), _line(["---"] * len(names))]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _with_reach(found: Mapping[str, Any]) -> str:
    mean, high = (_number(found[name]) for name in ("mean", "high"))
    if math.isnan(mean):
        return "-"
    return f"{mean:.3f}" if math.isnan(high) else f"{mean:.3f} ± {high - mean:.3f}"


def _difference(found: Mapping[str, Any]) -> str:
    mean, low, high = (_number(found[name]) for name in ("mean", "low", "high"))
    if math.isnan(mean):
        return "-"
    if math.isnan(low):
        return f"{mean:+.3f}"
    return f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]{'*' if low > 0 or high < 0 else ''}"


def draw(made: Mapping[str, Any], path: Path) -> None:
    """Draw ECE against AUROC of every row, with intervals, a panel for each region; right below is better."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.5, 4.8), layout="constrained")
    panels = figure.subplots(1, len(TITLES))
    names = list(dict.fromkeys(row["objective"] for row in made["rows"]))
    for ax, (region, title) in zip(panels, TITLES.items(), strict=True):
        for row in made["rows"]:
            x, y = (row["regions"][region][name] for name in ("auroc", "ece"))
            if math.isnan(_number(x["mean"])) or math.isnan(_number(y["mean"])):
                continue
            reach = [[0.0 if math.isnan(_number(of["high"])) else of["high"] - of["mean"]] for of in (x, y)]
            ax.errorbar(
                x["mean"],
                y["mean"],
                xerr=reach[0],
                yerr=reach[1],
                marker="o" if row["read"] == "stated" else "D",
                markerfacecolor=None if row["read"] == "stated" else "white",
                color=f"C{names.index(row['objective']) % 10}",
                linestyle="none",
                label=f"{row['objective']}, {row['read']}",
            )
        ax.set(xlabel="AUROC", ylabel="ECE", title=title.partition(":")[0])
        ax.set_ylim(bottom=0)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize="small")
    with artefacts.aside(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150)
