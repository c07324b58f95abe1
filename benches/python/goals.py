"""What bench_kernels.py found, beside the goals, and as a table; docs/performance.md states both."""

from typing import NamedTuple


class Check(NamedTuple):
    """One number of a goal; `measured` is None where something that it needs was not there."""

    label: str
    measured: float | None
    goal: float
    form: str = "times"

    def met(self) -> bool:
        return self.measured <= self.goal if self.form == "error" else self.measured >= self.goal


def shown(value: float | None, form: str) -> str:
    if value is None:
        return "n/a"
    return {"times": times(value), "share": f"{100 * value:.0f}%", "error": f"{value:.1e}"}[form]


def times(ratio: float) -> str:
    return f"{ratio:.3g}x" if ratio < 1000 else f"{ratio:.0f}x"


class Found:
    """The records, asked by kernel, shape, threads and name."""

    def __init__(self, found: dict):
        self.ns = {(r["what"], r["n"], r["d"], r["threads"], r["who"]): r["ns"] for r in found["records"]}
        self.errors = {(r["what"], r["n"], r["d"], r["threads"], r["who"]): r["error"] for r in found["records"]}
        self.gflops = {int(threads): rate for threads, rate in found["gflops"].items()}

    def ratio(self, what, n, d, threads, who, ours="uncal"):
        """How many times as long as we another took, at its better number of threads: some lose by the second."""
        mine = self.ns.get((what, n, d, threads, ours))
        theirs = [self.ns.get((what, n, d, count, who)) for count in self.gflops if count <= threads]
        theirs = [ns for ns in theirs if ns is not None]
        return None if mine is None or not theirs else min(theirs) / mine

    def of_reading(self, n, d, threads, ours="uncal"):
        """Time of merely reading the embeddings, by the fastest way measured in this process, over ours."""
        mine = self.ns.get(("entropy", n, d, threads, ours))
        reads = [self.ns.get(("entropy", n, d, threads, who)) for who in ("read", "read by words")]
        reads = [ns for ns in reads if ns is not None]
        return None if mine is None or not reads else min(reads) / mine

    def of_arithmetic(self, n, d, threads, ours="uncal"):
        """N (N + 1) D operations for the Gram matrix, alone, over what the cores could do in our time."""
        mine, roof = self.ns.get(("entropy", n, d, threads, ours)), self.gflops.get(threads)
        return None if mine is None or roof is None else n * (n + 1) * d / mine / roof

    def shapes(self):
        return sorted({(n, d) for what, n, d, _, _ in self.ns if what == "entropy"})


def goals(found: dict) -> list[dict]:
    """Each goal with its verdict: met, missed, or not measured."""
    f = Found(found)
    wide = "512" in found["about"]["simd"] or found["about"]["simd"] == "unknown"
    narrow = " (goal of a machine without AVX-512)"

    def worst(values):
        """The smallest, unless one is missing."""
        values = list(values)
        return None if not values or None in values else min(values)

    def entropy(n, threads, who, ours="uncal"):
        return f.ratio("entropy", n, 384, threads, who, ours)

    small = [(n, d) for n, d in f.shapes() if n <= 10]
    large = [(n, d) for n, d in f.shapes() if n >= 32]
    accuracies = [
        error
        for (what, _, _, _, who), error in f.errors.items()
        if what == "entropy" and who in ("uncal", "uncal, four scores") and error is not None
    ]
    eigen_score = "uncal eigen_score" if ("entropy", 10, 384, 1, "uncal eigen_score") in f.ns else "uncal"
    checks = {
        f"G1 four scores in one pass, N=10 D=384, 1 thread{'' if wide else narrow}": [
            Check("NumPy", entropy(10, 1, "NumPy", "uncal, four scores"), 14 if wide else 8),
            Check("torch", entropy(10, 1, "torch", "uncal, four scores"), 12 if wide else 8),
        ],
        "G2 entropy, D=384, 2 threads": [
            Check("NumPy N=10", entropy(10, 2, "NumPy"), 20),
            Check("torch N=10", entropy(10, 2, "torch"), 12),
            Check("NumPy N=20", entropy(20, 2, "NumPy"), 24),
            Check("torch N=20", entropy(20, 2, "torch"), 16),
        ],
        "G3 entropy, N<=10, the worst shape, of the read bandwidth": [
            Check("1 thread", worst(f.of_reading(n, d, 1) for n, d in small), 0.80, "share"),
            Check("2 threads", worst(f.of_reading(n, d, 2) for n, d in small), 0.90, "share"),
        ],
        "G4 entropy, N>=32, 1 thread": [
            Check(
                "of multiply-add rate, the worst shape",
                worst(f.of_arithmetic(n, d, 1) for n, d in large),
                0.55,
                "share",
            ),
            Check(
                "the faster of NumPy and torch, N=64 D=384",
                worst(entropy(64, 1, who) for who in ("NumPy", "torch")),
                10,
            ),
        ],
        "G5 entropy against LAPACK in float64, the worst of all groups": [
            Check("largest error", max(accuracies, default=None), 1e-6, "error"),
        ],
        "G6 entropy, N=10 D=384, 1 thread": [
            Check("lm-polygraph vn_entropy", entropy(10, 1, "lm-polygraph vn_entropy"), 50),
            Check("luq", entropy(10, 1, "luq von_neumann_entropy"), 50),
            Check(
                f"lm-polygraph EigenScore by {eigen_score}", entropy(10, 1, "lm-polygraph EigenScore", eigen_score), 250
            ),
        ],
        "G7 clusters, N=10, 1 thread": [
            Check(
                "lm-polygraph SemanticClasses",
                f.ratio("clusters of entailment", 10, None, 1, "lm-polygraph SemanticClasses"),
                60,
            ),
            Check("SciPy linkage", f.ratio("clusters of embeddings", 10, 384, 1, "SciPy linkage"), 150),
            Check(
                "scikit-learn Agglomerative",
                f.ratio("clusters of embeddings", 10, 384, 1, "scikit-learn AgglomerativeClustering"),
                300,
            ),
        ],
        "G8 eigenvalue, degree and eccentricity scores together, 1 thread, beside the eigenvalue score alone": [
            Check(f"{who} N={n}", f.ratio("graph scores", n, None, 1, name, "uncal, three scores"), goal)
            for who, name, goal in (
                ("NumPy", "NumPy eigenvalue_laplacian", 15),
                ("lm-polygraph", "lm-polygraph EigValLaplacian", 80),
            )
            for n in (10, 20)
        ],
    }
    return [verdict(*title.split(" ", 1), found["about"]["simd"], parts) for title, parts in checks.items()]


def verdict(name: str, what: str, simd: str, checks: list[Check]) -> dict:
    missing = any(check.measured is None for check in checks)
    missed = any(check.measured is not None and not check.met() for check in checks)
    numbers = "; ".join(
        f"{check.label} measured {shown(check.measured, check.form)}, goal {shown(check.goal, check.form)}"
        for check in checks
    )
    return {
        "name": name,
        "verdict": "missed" if missed else "not measured in full" if missing else "met",
        "text": f"{what}, SIMD {simd}: {numbers}",
        "checks": [check._asdict() for check in checks],
    }


# Whom our variants stand beside. The first of ours at a shape stands beside all but those of another quantity.
BESIDE = {
    "uncal, four scores": ("NumPy", "torch"),
    "uncal eigen_score": ("lm-polygraph EigenScore",),
    "uncal eigenvalue_laplacian": ("NumPy eigenvalue_laplacian", "lm-polygraph EigValLaplacian"),
    "uncal jaccard_similarity": ("lm-polygraph Jaccard",),
    "uncal rouge_l_similarity": ("lm-polygraph LexicalSimilarity",),
}
OTHER_QUANTITIES = ("uncal eigen_score", "uncal rouge_l_similarity")


def table(found: dict) -> list[str]:
    """Lines of Markdown: ratios only, since an absolute time says more about the machine than about the code."""
    f, about = Found(found), found["about"]
    threads = sorted(f.gflops)
    peers = {record["who"].split()[0]: record["version"] for record in found["records"] if record["version"]}
    versions = {"NumPy": about["numpy"], "torch": about["torch"], **peers}
    versions.pop("MLO-lab", None)
    lines = [
        "",
        f"{about['machine']}; SIMD {about['simd']}; {about['date']}; "
        + ", ".join(f"{who} {version}" for who, version in versions.items())
        + f"; medians of {about['rounds']} turns, {about['megabytes']} MB of embeddings"
        + (" (a quick trial, not a measurement)." if about["quick"] else "."),
        "",
        "| kernel | " + " | ".join(f"{count} thread{'s' * (count > 1)}" for count in threads) + " |",
        "| --- |" + " --- |" * len(threads),
    ]
    for what, n, d in dict.fromkeys((what, n, d) for what, n, d, _, _ in f.ns):
        whos = dict.fromkeys(who for (*shape, _, who) in f.ns if tuple(shape) == (what, n, d))
        ours = [who for who in whos if who.startswith("uncal")]
        for mine in ours:
            others = {who for our in ours[1:] if our in OTHER_QUANTITIES for who in BESIDE[our]}
            peers = [who for who in whos if who not in ours and not who.startswith("read")]
            beside = [who for who in peers if who in BESIDE.get(mine, ()) or (mine == ours[0] and who not in others)]
            cells = [
                "<br>".join(
                    [f"{shown(f.ratio(what, n, d, count, who, mine), 'times')} {who}" for who in beside]
                    + shares(f, what, n, d, count, mine)
                )
                for count in threads
            ]
            variant = mine.removeprefix("uncal").strip(" ,")
            label = f"{what}{f' ({variant})' if variant else ''}, N={n}" + (f", D={d}" if d else "")
            lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def shares(f: Found, what: str, n: int, d: int, threads: int, mine: str) -> list[str]:
    """How near to the machine's limits an entropy is."""
    if what != "entropy" or mine == "uncal eigen_score":
        return []
    found = [f"{shown(f.of_reading(n, d, threads, mine), 'share')} of reading"]
    if n >= 32:
        found.append(f"{shown(f.of_arithmetic(n, d, threads, mine), 'share')} of multiply-add")
    return found
