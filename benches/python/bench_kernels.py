"""Kernels of groups beside NumPy, torch, SciPy, scikit-learn and the peers: same arrays, same run, in turns.

    python benches/python/bench_kernels.py [--quick] [--json FILE] [--docs docs/performance.md] [--date 2026-12-31]

docs/performance.md says what is measured, against which goals and how to read it. Each number of threads gets a process
of its own in which every pool of threads is held to that number; the peers run in theirs (benches/peers/sync.sh makes
their environments) and take turns with it.
"""

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from goals import goals, table
from harness import Peers, Timed, in_turns, last_level_cache, machine, rewrite, with_threads
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import AgglomerativeClustering

from uncal import _rust, fast

SHAPES = [(n, d) for n in (5, 10, 20, 64) for d in (384, 768, 1024)]
SHAPES.insert(SHAPES.index((64, 384)), (32, 384))
QUICK_SHAPES = [(5, 384), (10, 384), (20, 384), (64, 384)]
# The peers loop over prompts in Python: their ratios hardly depend on D.
PEER_SHAPES = [(10, 384), (20, 384), (64, 384)]
FOUR_SCORES = ("von_neumann_entropy", "effective_rank", "renyi_entropy", "semantic_volume")
GRAPH_SCORES = ("eigenvalue_laplacian", "degree", "eccentricity")
# Rows of a group have about this cosine with each other, so that clustering at it has something to decide.
COSINE = 0.5


# What is measured beside uncal: the best batch formulas known to us.


def numpy_entropy(x):
    """Gram matrices by one matmul, spectra by one eigvalsh; norms come from the diagonal, cheaper than from rows."""
    gram = x @ x.transpose(0, 2, 1)
    norm = np.sqrt(np.diagonal(gram, axis1=1, axis2=2))
    gram /= norm[:, :, None]
    gram /= norm[:, None, :]
    gram *= 2
    gram -= 2
    np.exp(gram, out=gram)
    gram /= x.shape[1]
    values = np.clip(np.linalg.eigvalsh(gram), 1e-30, None)
    return -np.sum(values * np.log(values), axis=1)


@torch.inference_mode()
def torch_entropy(x):
    x = torch.from_numpy(x)
    gram = torch.bmm(x, x.mT)
    scale = torch.diagonal(gram, dim1=1, dim2=2).rsqrt()
    gram = gram * scale[:, :, None] * scale[:, None, :]
    kernel = gram.mul_(2).sub_(2).exp_().div_(x.shape[1])
    values = torch.linalg.eigvalsh(kernel).clamp_min_(1e-30)
    return -(values * values.log()).sum(1).numpy()


def numpy_eigenvalue_laplacian(w):
    scale = 1 / np.sqrt(w.sum(axis=2))
    laplacian = np.eye(w.shape[1], dtype=w.dtype) - scale[:, :, None] * w * scale[:, None, :]
    return np.maximum(0, 1 - np.linalg.eigvalsh(laplacian)).sum(axis=1)


def scipy_linkage(x):
    return [linkage(rows, "average", metric="cosine") for rows in x]


def sklearn_agglomerative(x):
    model = AgglomerativeClustering(n_clusters=None, metric="cosine", linkage="average", distance_threshold=1 - COSINE)
    return [model.fit(rows).labels_ for rows in x]


def reference_entropy(x):
    """The definition by LAPACK in float64."""
    return numpy_entropy(x.astype(np.float64))


# Inputs.


def unit_rows(rng, prompts, n, d):
    """Rows of length 1, as encoders of sentences leave them, since some peers take them so; a centre for each group."""
    x = rng.standard_normal((prompts, n, d), dtype=np.float32)
    x += rng.standard_normal((prompts, 1, d), dtype=np.float32)
    for part in np.array_split(x, max(1, prompts // 1000)):
        part /= np.linalg.norm(part, axis=2, keepdims=True)
    return x


def hard_groups(rng, n, d):
    """Groups on which rounding shows: repeated rows, rank 1, rows that nearly agree (all, and two among unlike ones,
    where a wrong entropy could not pass for a small one), opposite, large and small rows.
    """
    x = unit_rows(rng, 64, n, d)
    repeated = np.take_along_axis(x, rng.integers((n + 1) // 2, size=(64, n, 1)), axis=1)
    scale = rng.uniform(1e-3, 1e3, size=(64, n, 1)).astype(np.float32)
    near = x[:, :1] + np.float32(1e-4) * x
    pair = x.copy()
    pair[:, 1] = pair[:, 0] + np.float32(1e-4) * rng.standard_normal((64, d), dtype=np.float32) / np.float32(d**0.5)
    sign = rng.choice(np.float32([-1, 1]), size=(64, n, 1))
    return np.concatenate([repeated, x[:, :1] * scale, near, pair, x[:, :1] * sign, x * scale])


def relations(rng, prompts, n):
    """P(entail) and P(contradict) of every ordered pair, and a symmetric similarity with a diagonal of 1."""
    draws = rng.standard_gamma(np.float32(0.7), size=(3, prompts, n, n), dtype=np.float32)
    entail, contra, _ = draws / draws.sum(axis=0)
    diagonal = np.arange(n)
    entail[:, diagonal, diagonal], contra[:, diagonal, diagonal] = 1, 0
    return entail, contra, (entail + entail.transpose(0, 2, 1)) / 2


def sentences(rng, prompts, n):
    words = ["the", "of", "in", "is", "was", "not", "city", "capital", "river", "Paris", "Rome", "London", "largest"]
    return np.array([[" ".join(rng.choice(words, rng.integers(4, 16))) for _ in range(n)] for _ in range(prompts)])


# One process: everything at one number of threads.


class Bench:
    """Measures one kernel after another and keeps a record of every figure."""

    def __init__(self, threads, rounds, seconds, scratch):
        self.threads, self.rounds, self.seconds, self.scratch = threads, rounds, seconds, scratch
        self.peers = Peers(threads, seconds)
        self.records = []
        if not self.peers.processes:
            print("peers: none, since benches/peers has no environment; benches/peers/sync.sh makes it")

    def peers_on(self, **arrays):
        """The peers' functions on these arrays, which are written for them; more prompts than they get through."""
        folder = Path(tempfile.mkdtemp(dir=self.scratch))
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array[:20_000])
        return folder, self.peers.on(folder)

    def turns(self, what, n, d, contenders, errors=lambda: {}):
        """Run all in turns; `errors` is asked afterwards for the largest error of each, where there is one."""
        found = in_turns(contenders, self.rounds)
        errors = errors()
        ours = next((name for name in found if name.startswith("uncal")), None)
        print(f"\n{what}, N={n}" + (f", D={d}" if d else "") + f", {self.threads} thread(s)")
        for name, ns in found.items():
            ratio = "" if ours is None or name == ours else f"{ns / found[ours]:10.2f}x"
            error = f"   error {errors[name]:.1e}" if name in errors else ""
            print(f"  {name:40} {ns:12.1f} ns a prompt {ratio:11}{error}", flush=True)
            self.records.append(
                {
                    "what": what,
                    "n": n,
                    "d": d,
                    "threads": self.threads,
                    "who": name,
                    "version": getattr(contenders[name], "version", ""),
                    "prompts": contenders[name].prompts,
                    "ns": ns,
                    "error": errors.get(name),
                }
            )

    def timed(self, function, *arrays, **settings):
        return Timed(function, *arrays, seconds=self.seconds, **settings)

    def entropy(self, n, d, megabytes, with_peers):
        rng = np.random.default_rng([n, d])
        x = unit_rows(rng, max(64, int(megabytes * 1e6 / (4 * n * d))), n, d)
        local = {"uncal": lambda x: fast.von_neumann_entropy(x, threads=self.threads)}
        if hasattr(fast, "spectral_scores"):
            local["uncal, four scores"] = lambda x: fast.spectral_scores(x, scores=FOUR_SCORES, threads=self.threads)
        local |= {"NumPy": numpy_entropy, "torch": torch_entropy}
        contenders = {"read": self.timed(lambda x: np.dot(x.reshape(-1), x.reshape(-1)), x, everything=True)}
        if hasattr(_rust, "_read_bytes"):
            contenders["read by words"] = self.timed(
                lambda x: _rust._read_bytes(x.reshape(-1), self.threads), x, everything=True
            )
        contenders |= {name: self.timed(function, x, everything=True) for name, function in local.items()}
        folder, remote = self.peers_on(embeddings=x) if with_peers else (None, {})
        contenders |= remote
        if remote and hasattr(fast, "eigen_score"):
            eigen_score = self.timed(lambda x: fast.eigen_score(x, threads=self.threads), x, everything=True)
            contenders["uncal eigen_score"] = eigen_score

        def errors():
            sample = np.concatenate([x[:1000], hard_groups(rng, n, d)])
            right = reference_entropy(sample)
            # The peers' own outputs are of the first prompts; they take unit rows, so the hard groups are not for them.
            theirs = {
                name: np.abs(np.load(folder / f"{name}.out.npy")[:1000] - right[: min(1000, contenders[name].prompts)])
                for name in remote
                if "EigenScore" not in name
            }
            found = {name: np.abs(one_entropy(function(sample)) - right) for name, function in local.items()} | theirs
            return {name: float(difference.max()) for name, difference in found.items()}

        self.turns("entropy", n, d, contenders, errors)

    def clusters_of_entailment(self, n, megabytes):
        entail, contra, _ = relations(np.random.default_rng(n), int(megabytes * 1e6 / (8 * n * n)), n)
        contenders = {}
        if hasattr(fast, "cluster_entailment"):

            def ours(entail, contra):
                return fast.cluster_entailment(entail, contra, threads=self.threads)

            contenders["uncal"] = self.timed(ours, entail, contra, everything=True)
        folder, remote = self.peers_on(entail=entail, contra=contra)

        def errors():
            if "uncal" not in contenders:
                return {}
            theirs = {name: np.load(folder / f"{name}.out.npy") for name in remote}
            return {
                name: float((ours(entail, contra)[: labels.size] != labels.reshape(-1)).mean())
                for name, labels in theirs.items()
            }

        self.turns("clusters of entailment", n, None, contenders | remote, errors)

    def clusters_of_embeddings(self, n, d, megabytes):
        x = unit_rows(np.random.default_rng([n, d]), max(64, int(megabytes * 1e6 / (4 * n * d))), n, d)
        contenders = {}
        if hasattr(fast, "cluster_embeddings"):

            def ours(x):
                return fast.cluster_embeddings(x, threshold=COSINE, linkage="average", threads=self.threads)

            contenders["uncal"] = self.timed(ours, x, everything=True)
        contenders["SciPy linkage"] = self.timed(scipy_linkage, x)
        contenders["scikit-learn AgglomerativeClustering"] = self.timed(sklearn_agglomerative, x)

        def errors():
            """Share of groups that fall into other clusters than by SciPy's tree."""
            right = [fcluster(tree, 1 - COSINE, "distance") for tree in scipy_linkage(x[:200])]
            found = {"scikit-learn AgglomerativeClustering": sklearn_agglomerative(x[:200])}
            if "uncal" in contenders:
                found["uncal"] = ours(x[:200]).reshape(-1, n)
            return {
                name: float(np.mean([not same_partition(*pair) for pair in zip(labels, right, strict=True)]))
                for name, labels in found.items()
            }

        self.turns("clusters of embeddings", n, d, contenders, errors)

    def graph_scores(self, n, megabytes):
        _, _, w = relations(np.random.default_rng(n), int(megabytes * 1e6 / (4 * n * n)), n)
        contenders = {}
        if hasattr(fast, "graph_scores"):

            def ours(w):
                return fast.graph_scores(w, names=GRAPH_SCORES, threads=self.threads)

            contenders["uncal, three scores"] = self.timed(ours, w, everything=True)
        if hasattr(fast, "eigenvalue_laplacian"):

            def alone(w):
                return fast.eigenvalue_laplacian(w, threads=self.threads)

            contenders["uncal eigenvalue_laplacian"] = self.timed(alone, w, everything=True)
        contenders["NumPy eigenvalue_laplacian"] = self.timed(numpy_eigenvalue_laplacian, w)
        folder, remote = self.peers_on(similarity=w)

        def errors():
            right = numpy_eigenvalue_laplacian(w[:1000].astype(np.float64))
            found = {"NumPy eigenvalue_laplacian": numpy_eigenvalue_laplacian(w[:1000])}
            if "uncal, three scores" in contenders:
                found["uncal, three scores"] = ours(w[:1000])["eigenvalue_laplacian"]
            if "uncal eigenvalue_laplacian" in contenders:
                found["uncal eigenvalue_laplacian"] = alone(w[:1000])
            if (name := "lm-polygraph EigValLaplacian") in remote:
                found[name] = np.load(folder / f"{name}.out.npy")[:1000]
            return {name: float(np.abs(values - right[: len(values)]).max()) for name, values in found.items()}

        self.turns("graph scores", n, None, contenders | remote, errors)

    def similarity_of_texts(self, n, prompts):
        texts = sentences(np.random.default_rng(n), prompts, n)

        def flat(texts):
            return pa.array(texts.reshape(-1).tolist()), np.arange(len(texts) + 1) * n

        contenders = {
            f"uncal {name}": self.timed(
                lambda texts, offsets, name=name: getattr(fast, name)(texts, offsets, threads=self.threads),
                texts,
                prepare=flat,
                everything=True,
            )
            for name in ("jaccard_similarity", "rouge_l_similarity")
            if hasattr(fast, name)
        }
        _, remote = self.peers_on(texts=texts)
        self.turns("similarity of texts", n, None, contenders | remote)


def one_entropy(found):
    return found["von_neumann_entropy"] if isinstance(found, dict) else found


def same_partition(a, b):
    pairs = set(zip(a.tolist(), b.tolist(), strict=True))
    return len(pairs) == len(set(a.tolist())) == len(set(b.tolist()))


def run_one(threads, arguments):
    """All kernels at one number of threads; what it found, ready for JSON."""
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(threads, arguments.rounds, arguments.seconds, scratch)
        for n, d in QUICK_SHAPES if arguments.quick else SHAPES:
            # Above N = 20 it is arithmetic that takes the time: the array need not exceed the cache by much.
            megabytes = arguments.megabytes if n <= 20 else arguments.megabytes / 4
            bench.entropy(n, d, megabytes, (n, d) in PEER_SHAPES and not (arguments.quick and n > 20))
        for n in (10, 20):
            bench.clusters_of_entailment(n, arguments.megabytes / 4)
            bench.clusters_of_embeddings(n, 384, arguments.megabytes)
            bench.graph_scores(n, arguments.megabytes / 4)
        bench.similarity_of_texts(10, 200 if arguments.quick else 2000)
        bench.peers.close()
    rate = getattr(_rust, "_fma_rate", None)
    return {
        "threads": threads,
        "records": bench.records,
        # In float32: multiply and add count as two.
        "gflops": None if rate is None else rate(0.5, threads),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small arrays, few shapes, five rounds: a trial")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, help="turns of each, at least 5")
    parser.add_argument("--seconds", type=float, help="about so long for each turn")
    parser.add_argument("--megabytes", type=float, help="size of an array of embeddings")
    parser.add_argument("--json", type=Path, help="write every figure here")
    parser.add_argument("--docs", type=Path, help="rewrite the table in this page")
    parser.add_argument("--date", default=str(datetime.date.today()), help="of the run, for the table")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.rounds = max(5, arguments.rounds or (5 if arguments.quick else 7))
    arguments.seconds = arguments.seconds or (0.03 if arguments.quick else 0.2)
    # An array that only just fits the cache would be read from there.
    arguments.megabytes = arguments.megabytes or (50 if arguments.quick else max(400, 4e-6 * last_level_cache()))

    if arguments.worker:
        arguments.json.write_text(json.dumps(run_one(arguments.worker, arguments)))
        return

    about = {
        "date": arguments.date,
        "machine": machine(),
        "simd": getattr(_rust, "_simd", lambda: "unknown")(),
        "quick": arguments.quick,
        "rounds": arguments.rounds,
        "megabytes": round(arguments.megabytes),
        "numpy": np.__version__,
        "torch": torch.__version__,
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
                "--megabytes",
                arguments.megabytes,
            ]
            settings += ["--worker", threads, "--json", out, *(["--quick"] if arguments.quick else [])]
            command = [sys.executable, __file__, *map(str, settings)]
            subprocess.run(command, check=True, env=with_threads(threads))
            runs.append(json.loads(out.read_text()))
    found = {
        "about": about,
        "gflops": {str(run["threads"]): run["gflops"] for run in runs},
        "records": [record for run in runs for record in run["records"]],
    }
    print()
    found["goals"] = goals(found)
    print("\n".join(f"{goal['name']} {goal['verdict']}: {goal['text']}" for goal in found["goals"]))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")
    if arguments.docs:
        rewrite(arguments.docs, "measured", table(found))


if __name__ == "__main__":
    main()
