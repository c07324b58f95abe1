"""Calibrators and metrics beside NumPy, SciPy, scikit-learn and the peers: same rows, same run, in turns.

    python benches/python/bench_metrics.py [--quick] [--json FILE] [--docs docs/performance.md] [--date 2026-12-31]

docs/performance.md says what is measured, against which goals and how to read it. Each number of threads gets a process
of its own in which every pool of threads is held to that number; the peers run in theirs (benches/peers/sync.sh makes
their environments) and take turns with it. Before anything is timed, each peer's numbers are compared with uncal's.
"""

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from goals_metrics import goals, table
from harness import Peers, clock, in_turns, machine, rewrite, with_threads

from uncal import _rust, fast

GRID = np.arange(1, 32) / 32
"""Where fits are compared, as in benches/peers/pairs.py."""
LIMIT = 10.0
"""Seconds that a peer's call may take to be measured at ten times the rows."""
BOOTSTRAP = ("ece", "brier", "auroc")
RESAMPLES, TIMED_THERE = 1000, 3
"""Resamples of the bootstrap, and how many of them NumPy's loop is timed on."""


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def log_odds(q):
    return np.log(q) - np.log1p(-q)


@dataclass(frozen=True)
class Case:
    """What is measured: uncal's ways to it, the peers', and how far apart their numbers may be."""

    what: str
    ours: dict[str, Callable]
    numbers: Callable
    peers: tuple[str, ...]
    tolerance: float
    tied: bool = False
    """Measured on the eleven values too."""
    most: int = 10**7
    """Rows for the peers."""
    alone: bool = False
    """uncal is measured at a hundred million rows."""


def cases(threads):
    t = {"threads": threads}
    return [
        Case(
            "Platt",
            {"uncal": lambda d: fast.fit_platt(d.scores, d.correct, **t)},
            lambda fit: sigmoid(fit.slope * log_odds(GRID) + fit.intercept),
            (
                "scikit-learn LogisticRegression newton-cholesky",
                "scikit-learn LogisticRegression lbfgs",
                "scikit-learn _SigmoidCalibration",
                "netcal LogisticCalibration",
            ),
            tolerance=1e-3,  # some stop early, and only one smooths its targets
            alone=True,
        ),
        Case(
            "temperature",
            {"uncal": lambda d: fast.fit_temperature(d.confidence, d.correct, **t)},
            lambda fit: sigmoid(log_odds(GRID) / fit.temperature),
            ("netcal TemperatureScaling",),
            tolerance=1e-3,
        ),
        Case(
            "beta",
            {"uncal": lambda d: fast.fit_beta(d.confidence, d.correct, **t)},
            lambda fit: sigmoid(fit.a * np.log(GRID) - fit.b * np.log1p(-GRID) + fit.c),
            ("betacal BetaCalibration",),
            tolerance=1e-3,
        ),
        Case(
            "isotonic",
            {"uncal": lambda d: fast.fit_isotonic(d.confidence, d.correct, increasing=True, **t)},
            lambda fit: np.interp(GRID, fit.x, fit.y),
            ("scikit-learn IsotonicRegression", "SciPy isotonic_regression"),
            tolerance=1e-3,  # scikit-learn pools float32 scores within 1e-6, SciPy leaves ties as they are
            alone=True,
        ),
        Case(
            "Venn-Abers",
            {"uncal": lambda d: fast.fit_venn_abers(d.confidence, d.correct, increasing=True, **t)},
            lambda fit: np.concatenate(fast.venn_abers(fit, GRID)[:2]),
            ("venn-abers VennAbers",),
            tolerance=1e-3,  # between two scores either may be taken
            most=10**5,  # its time grows as the square
        ),
        Case(
            "ECE, MCE and Brier",
            {
                "uncal": lambda d: (
                    fast.ece(d.confidence, d.correct, **t),
                    fast.ece(d.confidence, d.correct, norm="max", **t),
                    fast.brier(d.confidence, d.correct, **t),
                ),
                "uncal, ECE alone": lambda d: fast.ece(d.confidence, d.correct, **t),
            },
            np.atleast_1d,
            (
                "NumPy ECE",
                "torchmetrics ECE",
                "netcal ECE",
                "NumPy ECE, MCE and Brier",
                "torchmetrics ECE, MCE and Brier",
                "netcal ECE, MCE and Brier",
            ),
            tolerance=1e-3,  # torchmetrics adds up float32 in float32
            tied=True,
            alone=True,
        ),
        Case(
            "AUROC",
            {"uncal": lambda d: fast.auroc(d.confidence, d.correct, **t)},
            np.atleast_1d,
            ("scikit-learn AUROC", "torchmetrics AUROC"),
            tolerance=1e-5,
            tied=True,
        ),
        Case(
            "AUROC and AURC",
            {"uncal": lambda d: list(fast.evaluate(d.confidence, d.correct, metrics=("auroc", "aurc"), **t).values())},
            np.atleast_1d,
            ("scikit-learn AUROC", "torchmetrics AUROC", "scikit-learn AUROC, NumPy AURC"),
            tolerance=1e-5,
            alone=True,
        ),
        Case(
            "smooth ECE",
            {"uncal": lambda d: fast.smooth_ece(d.confidence, d.correct, **t)},
            np.atleast_1d,
            ("relplot smECE",),
            tolerance=1e-3,  # it halves the width of the kernel ten times, and lays rows on a mesh
        ),
        Case(
            "evaluate, fifteen metrics",
            {"uncal": lambda d: fast.evaluate(d.confidence, d.correct, **t)},
            lambda found: [value for name, value in found.items() if name not in ("smooth_ece", "prr", "mmce")],
            ("scikit-learn and NumPy, all",),
            tolerance=1e-4,  # sums of float32
        ),
    ]


@dataclass
class Data:
    """Rows: confidences, their log-odds as scores, and verdicts of a model that is too sure of itself."""

    confidence: np.ndarray
    scores: np.ndarray
    correct: np.ndarray
    tied: bool

    @classmethod
    def drawn(cls, rows, dtype, tied):
        generator = np.random.default_rng([rows, tied])
        made = cls(np.empty(rows, dtype), np.empty(rows, dtype), np.empty(rows, bool), tied)
        for start in range(0, rows, 1 << 20):
            part = slice(start, min(rows, start + (1 << 20)))
            q = generator.random(part.stop - start)
            q = (np.floor(11 * q) / 10) if tied else np.clip(q, 1e-6, 1 - 1e-6)
            inside = np.clip(q, 0.01, 0.99)
            made.confidence[part] = q
            made.scores[part] = log_odds(np.clip(q, 1e-6, 1 - 1e-6))
            made.correct[part] = generator.random(len(q)) < sigmoid(0.8 * log_odds(inside) - 0.3)
        return made

    @property
    def label(self):
        return "11 values" if self.tied else "continuous"


class Local:
    """A function of uncal's on all rows; each call says how many ns a row took. Short calls are repeated."""

    def __init__(self, function, data, seconds):
        self.function, self.data, self.prompts = function, data, len(data.confidence)
        function(data)
        self.repeats = max(1, min(1000, round(seconds / clock(lambda: function(data)))))

    def __call__(self):
        def repeated():
            for _ in range(self.repeats):
                self.function(self.data)

        return clock(repeated) / self.repeats / self.prompts * 1e9


def read(threads):
    """Look at the bytes of a confidence and a verdict of every row, no more."""

    def reading(data):
        whole = len(data.correct) // 4 * 4
        _rust._read_bytes(data.confidence.view(np.float32), threads)
        _rust._read_bytes(data.correct[:whole].view(np.float32), threads)

    return reading


class Bench:
    """Measures one case after another and keeps a record of every figure."""

    def __init__(self, threads, rounds, seconds, scratch):
        self.threads, self.rounds, self.seconds, self.scratch = threads, rounds, seconds, scratch
        self.peers, self.records = Peers(threads, seconds), []
        self.slow = set()
        """Peers that take too long for ten times the rows."""
        if not self.peers.processes:
            print("peers: none, since benches/peers has no environment; benches/peers/sync.sh makes it")

    def on(self, data):
        """The folder of some rows, and the peers' functions on them."""
        folder = Path(tempfile.mkdtemp(dir=self.scratch))
        np.save(folder / "confidence.npy", data.confidence)
        np.save(folder / "correct.npy", data.correct)
        return folder, self.peers.on(folder)

    def compare(self, case, right, remote, folder):
        """Run each peer once; take out of `remote` those whose numbers are not uncal's."""
        apart = {}
        for name, peer in list(remote.items()):
            peer()
            theirs = np.load(folder / f"{name}.out.npy")
            apart[name] = float(np.abs(theirs - right[: len(theirs)]).max())
            if not apart[name] <= case.tolerance:
                print(f"\n{case.what}: {name} is left out, {apart[name]:.1e} off uncal, above {case.tolerance:.0e}")
                del remote[name]
        return apart

    def turns(self, case, data, folder=None, found=None):
        local = {name: Local(call, data, self.seconds) for name, call in case.ours.items()}
        local = {"read": Local(read(self.threads), data, self.seconds)} | local
        rows = len(data.confidence)
        wanted = [name for name in case.peers if rows <= case.most and name not in self.slow]
        remote = {name: found[name] for name in wanted if name in found} if found else {}
        right = np.asarray(case.numbers(case.ours["uncal"](data)))
        apart = self.compare(case, right, remote, folder)
        times = in_turns(local | remote, self.rounds)
        self.slow |= {name for name in remote if 10 * times[name] * rows > LIMIT * 1e9}
        self.record(case.what, data, times, {name: peer.version for name, peer in remote.items()}, apart)

    def record(self, what, data, times, versions, apart):
        rows, dtype = len(data.confidence), str(data.confidence.dtype)
        print(f"\n{what}, {data.label}, {rows:.0e} {dtype}, {self.threads} thread(s)")
        for name, ns in times.items():
            difference = f"   {apart[name]:.1e} off uncal" if name in apart else ""
            print(f"  {name:50} {ns:12.3f} ns a pair {ns / times['uncal']:10.2f}x{difference}", flush=True)
            self.records.append(
                {
                    "what": what,
                    "data": data.label,
                    "rows": rows,
                    "dtype": dtype,
                    "threads": self.threads,
                    "who": name,
                    "version": versions.get(name, ""),
                    "ns": ns,
                    "apart": apart.get(name),
                }
            )

    def bootstrap(self, data, folder, found):
        """A loop over resamples in NumPy, timed on a few of them and scaled; ours scaled too where it takes long."""

        def ours(resamples):
            def call(data):
                found = fast.evaluate(
                    data.confidence, data.correct, metrics=BOOTSTRAP, bootstrap=resamples, threads=self.threads
                )
                return [value[0] if isinstance(value, tuple) else value for value in found.values()]

            return call

        few, limit = 5, max(1.0, 100 * self.seconds)  # seconds
        takes = clock(lambda: ours(few)(data)) * RESAMPLES / few
        timed = RESAMPLES if takes < limit else max(few, int(RESAMPLES * limit / takes))
        name = f"uncal, {timed} resamples"
        local = {"uncal": Local(ours(timed), data, 0), "uncal, once": Local(ours(0), data, self.seconds)}
        remote = {"NumPy bootstrap": found["NumPy bootstrap"]} if "NumPy bootstrap" in found else {}
        case = Case("", {}, np.asarray, (), tolerance=1e-5)
        apart = self.compare(case, np.asarray(ours(0)(data)), remote, folder)
        times = in_turns(local | remote, self.rounds)
        times["uncal"] *= RESAMPLES / timed
        if remote:
            times["NumPy bootstrap"] *= RESAMPLES / TIMED_THERE
        print(f"\n({name} are timed, {TIMED_THERE} of NumPy's loop; both figures are of {RESAMPLES})")
        versions = {name: peer.version for name, peer in remote.items()}
        self.record(f"bootstrap, {RESAMPLES:,} resamples", data, times, versions, apart)


def run_one(threads, arguments):
    """All cases at one number of threads; what it found, ready for JSON."""
    measured = cases(threads)
    first = 3 * 10**5 if arguments.quick else 10**6
    with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
        bench = Bench(threads, arguments.rounds, arguments.seconds, scratch)
        for dtype in ("float32",) if arguments.quick else ("float32", "float64"):
            for tied in (False, True):
                data = Data.drawn(first, dtype, tied)
                folder, found = bench.on(data)
                for case in measured:
                    if case.most >= first and (case.tied or not tied):
                        bench.turns(case, data, folder, found)
                if dtype == "float32" and not tied:
                    bench.bootstrap(data, folder, found)
        data = Data.drawn(2 * 10**4 if arguments.quick else 10**5, "float32", False)
        folder, found = bench.on(data)
        for case in measured:
            if case.most < first:
                bench.turns(case, data, folder, found)
        if not arguments.quick:
            data = Data.drawn(10**7, "float32", False)
            folder, found = bench.on(data)
            for case in measured:
                if case.most >= len(data.correct):
                    bench.turns(case, data, folder, found)
        bench.peers.close()
        if not arguments.quick:
            data = Data.drawn(10**8, "float32", False)
            for case in measured:
                if case.alone:
                    bench.turns(case, data)
    return {"threads": threads, "records": bench.records}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="float32 alone, few rows: a trial")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5, help="turns of each, at least 5")
    parser.add_argument("--seconds", type=float, help="short calls are repeated for about so long")
    parser.add_argument("--folder", type=Path, help="where rows lie for the peers, instead of the temporary folder")
    parser.add_argument("--json", type=Path, help="write every figure here")
    parser.add_argument("--docs", type=Path, help="rewrite the table in this page")
    parser.add_argument("--date", default=str(datetime.date.today()), help="of the run, for the table")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.rounds = max(5, arguments.rounds)
    arguments.seconds = arguments.seconds or (0.02 if arguments.quick else 0.1)

    if arguments.worker:
        arguments.json.write_text(json.dumps(run_one(arguments.worker, arguments)))
        return

    about = {
        "date": arguments.date,
        "machine": machine(),
        "simd": getattr(_rust, "_simd", lambda: "unknown")(),
        "quick": arguments.quick,
        "rounds": arguments.rounds,
    }
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    runs = []
    for threads in arguments.threads:
        with tempfile.TemporaryDirectory() as scratch:
            out = Path(scratch) / "found.json"
            settings = [
                "--rounds",
                arguments.rounds,
                "--seconds",
                arguments.seconds,
                "--worker",
                threads,
                "--json",
                out,
            ]
            settings += ["--folder", arguments.folder] if arguments.folder else []
            settings += ["--quick"] if arguments.quick else []
            command = [sys.executable, __file__, *map(str, settings)]
            subprocess.run(command, check=True, env=with_threads(threads))
            runs.append(json.loads(out.read_text()))
    found = {"about": about, "threads": arguments.threads, "records": [r for run in runs for r in run["records"]]}
    print()
    found["goals"] = goals(found)
    print("\n".join(f"{goal['name']} {goal['verdict']}: {goal['text']}" for goal in found["goals"]))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")
    if arguments.docs:
        rewrite(arguments.docs, "metrics", table(found))


if __name__ == "__main__":
    main()
