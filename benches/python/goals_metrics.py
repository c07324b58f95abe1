"""What bench_metrics.py found, beside the goals, and as a table; docs/performance.md states both."""

from goals import Check, shown, verdict

NOT_OURS = ("read",)
BESIDE = {"uncal, ECE alone": ("NumPy ECE", "torchmetrics ECE", "netcal ECE")}
"""Whom a variant of ours stands beside, where not all."""
FIRST, LARGE, ALL = 10**6, 10**7, 10**8


class Found:
    """The records, asked by case, rows, threads and name; continuous float32 unless told otherwise."""

    def __init__(self, found: dict):
        self.ns = {
            (r["what"], r["data"], r["rows"], r["dtype"], r["threads"], r["who"]): r["ns"] for r in found["records"]
        }
        self.threads = sorted(found["threads"])

    def time(self, what, rows, threads, who="uncal", data="continuous", dtype="float32"):
        return self.ns.get((what, data, rows, dtype, threads, who))

    def ratio(self, what, rows, threads, who, ours="uncal", **kind):
        """How many times as long as we another took, at its better number of threads: some lose by the second."""
        mine = self.time(what, rows, threads, ours, **kind)
        theirs = [self.time(what, rows, count, who, **kind) for count in self.threads if count <= threads]
        theirs = [ns for ns in theirs if ns is not None]
        return None if mine is None or not theirs else min(theirs) / mine

    def of_reading(self, what, rows, threads, ours="uncal", **kind):
        """Time of merely reading the rows, over ours."""
        mine, reading = (self.time(what, rows, threads, who, **kind) for who in (ours, "read"))
        return None if mine is None or reading is None else reading / mine

    def scaling(self, what, rows):
        one, two = (self.time(what, rows, threads) for threads in (1, 2))
        return None if one is None or two is None else one / two


def goals(found: dict) -> list[dict]:
    """Each goal with its verdict: met, missed, or not measured."""
    f = Found(found)
    ranks, fit, three = "AUROC and AURC", "Platt", "ECE, MCE and Brier"
    ns = f.time(ranks, LARGE, 1)
    checks = {
        "G9 Platt": [
            Check(f"{who}, {rows:.0e}, {threads} thread(s)", f.ratio(fit, rows, threads, name), goal)
            for rows, threads in ((FIRST, 1), (LARGE, 2))
            for who, name, goal in (
                ("newton-cholesky", "scikit-learn LogisticRegression newton-cholesky", 200),
                ("lbfgs", "scikit-learn LogisticRegression lbfgs", 400),
                ("_SigmoidCalibration", "scikit-learn _SigmoidCalibration", 500),
                ("netcal", "netcal LogisticCalibration", 60),
            )
        ]
        # Two and a half passes, each at half the bandwidth, are five times the time of reading.
        + [Check("of reading, 1e8, 1 thread", f.of_reading(fit, ALL, 1), 0.2, "share")],
        "G10 ECE, MCE and Brier together beside ECE alone, 1e6, 1 thread": [
            Check("NumPy bincount", f.ratio(three, FIRST, 1, "NumPy ECE"), 18),
            Check("torchmetrics", f.ratio(three, FIRST, 1, "torchmetrics ECE"), 50),
            Check("netcal", f.ratio(three, FIRST, 1, "netcal ECE"), 150),
            Check("of reading, 1e8, 1 thread", f.of_reading(three, ALL, 1), 0.4, "share"),
        ],
        "G11 AUROC and AURC together beside scikit-learn's AUROC": [
            Check("1e6, 1 thread", f.ratio(ranks, FIRST, 1, "scikit-learn AUROC"), 20),
            Check("1e7, 2 threads", f.ratio(ranks, LARGE, 2, "scikit-learn AUROC"), 30),
            Check("pairs in 8 ns of a thread, 1e7", None if ns is None else 8 / ns, 1),
        ],
        "G12 isotonic beside scikit-learn": [
            Check("1e6, 1 thread", f.ratio("isotonic", FIRST, 1, "scikit-learn IsotonicRegression"), 12),
            Check("1e7, 2 threads", f.ratio("isotonic", LARGE, 2, "scikit-learn IsotonicRegression"), 25),
        ],
        "G13 two threads beside one, 1e7": [
            Check(what, f.scaling(what, LARGE), 1.85) for what in (fit, ranks, "isotonic")
        ],
    }
    return [verdict(*title.split(" ", 1), found["about"]["simd"], parts) for title, parts in checks.items()]


def table(found: dict) -> list[str]:
    """Lines of Markdown: ratios only, since an absolute time says more about the machine than about the code."""
    f, about = Found(found), found["about"]
    names = {"NumPy": "NumPy", "scikit-learn": "scikit-learn", "SciPy": "SciPy"}
    versions = {
        names.get(record["who"].split()[0], record["who"].split()[0]): record["version"]
        for record in found["records"]
        if record["version"]
    }
    lines = [
        "",
        f"{about['machine']}; SIMD {about['simd']}; {about['date']}; "
        + ", ".join(f"{who} {version}" for who, version in sorted(versions.items()))
        + f"; medians of {about['rounds']} turns, 3 where a call takes more than 4 s"
        + (" (a quick trial, not a measurement)." if about["quick"] else "."),
        "",
        "| what | rows | " + " | ".join(f"{count} thread{'s' * (count > 1)}" for count in f.threads) + " |",
        "| --- | --- |" + " --- |" * len(f.threads),
    ]
    for what, data, rows, dtype in dict.fromkeys(key[:4] for key in f.ns):
        whos = dict.fromkeys(who for (*kind, _, who) in f.ns if tuple(kind) == (what, data, rows, dtype))
        ours = [who for who in whos if who.startswith("uncal") and who != "uncal, once"]
        for mine in ours:
            beside = [
                who
                for who in whos
                if not who.startswith("uncal") and who not in NOT_OURS and who in BESIDE.get(mine, whos)
            ]
            variant = mine.removeprefix("uncal, ") if mine != "uncal" else ""
            kind = {"data": data, "dtype": dtype}
            cells = ["<br>".join(cell(f, what, rows, count, mine, beside, kind)) for count in f.threads]
            label = f"{what} ({variant})" if variant else what
            size = f"{rows:.0e}".replace("e+0", "e")
            lines.append(f"| {label} | {size} {dtype}, {data} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def cell(f: Found, what: str, rows: int, threads: int, mine: str, beside: list[str], kind: dict) -> list[str]:
    found = [
        f"{shown(f.ratio(what, rows, threads, who, mine, **kind), 'times')} {who}"
        for who in beside
        if f.ratio(what, rows, threads, who, mine, **kind) is not None
    ]
    share = f.of_reading(what, rows, threads, mine, **kind)
    if share is not None:
        found.append(f"{shown(share, 'share') if share >= 0.01 else f'{100 * share:.1g}%'} of reading")
    once = f.time(what, rows, threads, "uncal, once", **kind)
    if once is not None:
        found.append(f"{f.time(what, rows, threads, **kind) / once:.3g} times a single evaluation")
    return found
