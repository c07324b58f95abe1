"""Time functions of other libraries on the arrays of a folder.

    python run.py FOLDER [--runs 5] [--seconds 0.3]
    python run.py --serve [--seconds 0.3]

The folder holds what the functions read, by these names: embeddings.npy (P, N, D) float32 unit rows, entail.npy and
contra.npy (P, N, N) probabilities, similarity.npy (P, N, N), texts.npy (P, N); or confidence.npy (K,) and correct.npy
(K,) for the functions in pairs.py, which get all K rows: what is said of prompts below is true of rows there. The first
form prints one JSON line for each function that finds its arrays and its library: the median of the runs in ns a prompt,
all functions taking turns.
The second answers requests, one JSON line each, so that another program can take turns with them: {"folder": F} gives
the names, {"folder": F, "function": NAME} runs NAME once.

Functions are called as their libraries have them, on as many of the first prompts as fill `--seconds`. What a caller
would have in that form anyway (lists, tensors, dictionaries of statistics) is made outside the clock. What a function
returned lies in the folder afterwards, as NAME.out.npy. Threads are those of OMP_NUM_THREADS.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module, metadata
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from statistics import median

import numpy as np
import pairs

THREADS = int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1))


def module(name):
    """Import one module of lm-polygraph without its packages' __init__, which import servers, data sets and models."""
    path = None
    for package in ("lm_polygraph", "lm_polygraph.utils", "lm_polygraph.estimators", "lm_polygraph.stat_calculators"):
        if package not in sys.modules:
            sys.modules[package] = module_from_spec(PathFinder.find_spec(package, path))
        path = sys.modules["lm_polygraph"].__path__
    return import_module(f"lm_polygraph.{name}")


def rbf(x):
    return np.exp(2 * (x @ x.T) - 2)


def lm_polygraph_vn_entropy(embeddings):
    vn_entropy = module("estimators.kernel_language_entropy").vn_entropy
    return lambda: [vn_entropy(rbf(x), normalize=True, scale=False, jitter=0.0) for x in embeddings]


def lm_polygraph_vn_entropy_alone(embeddings):
    vn_entropy = module("estimators.kernel_language_entropy").vn_entropy
    kernels = [rbf(x) for x in embeddings]
    return lambda: [vn_entropy(kernel, normalize=True, scale=False, jitter=0.0) for kernel in kernels]


def lm_polygraph_eigen_score(embeddings):
    score = module("estimators.eigenscore").EigenScore()
    stats = {"sample_embeddings": list(embeddings)}
    return lambda: score(stats)


def luq_von_neumann_entropy(embeddings):
    import torch
    from luq.models.kernel_language_entropy import KernelLanguageEntropyEstimator

    entropy = KernelLanguageEntropyEstimator().compute_entropy
    groups = list(torch.from_numpy(embeddings))
    return lambda: [float(entropy(torch.exp(2 * (x @ x.T) - 2), normalize=True)) for x in groups]


def luq_von_neumann_entropy_alone(embeddings):
    import torch
    from luq.models.kernel_language_entropy import KernelLanguageEntropyEstimator

    entropy = KernelLanguageEntropyEstimator().compute_entropy
    kernels = [torch.exp(2 * (x @ x.T) - 2) for x in torch.from_numpy(embeddings)]
    return lambda: [float(entropy(kernel, normalize=True)) for kernel in kernels]


def probly_spectral_entropy(embeddings):
    import torch
    from probly.quantification.measure.spectral import spectral_entropy
    from probly.representation.embedding.torch import TorchEmbedding

    batch = TorchEmbedding(torch.from_numpy(embeddings))
    return lambda: spectral_entropy(batch).numpy()


def spectral_uncertainty_formula(embeddings):
    """Not a library's code: the formula of MLO-lab/spectral_uncertainty_decomposition, which is no package, written out."""
    from scipy.linalg import eigh
    from scipy.stats import entropy
    from sklearn.metrics.pairwise import rbf_kernel

    def one(x):
        return entropy(np.clip(eigh(rbf_kernel(x, gamma=1.0) / len(x), eigvals_only=True), 0, None))

    return lambda: [one(x) for x in embeddings]


def lm_polygraph_semantic_classes(entail, contra):
    calculator = module("stat_calculators.semantic_classes").SemanticClassesCalculator()
    classes = np.stack([contra, 1 - entail - contra, entail], axis=-1).argmax(-1)
    stats = {
        "semantic_matrix_classes": classes,
        "entailment_id": 2,
        "sample_texts": [[""] * entail.shape[1]] * len(entail),
    }

    def call():
        found = calculator(stats, None, None)["semantic_classes_entail"]["sample_to_class"]
        return [[found[p][i] for i in range(entail.shape[1])] for p in range(len(entail))]

    return call


def lm_polygraph_graph(module_name, class_name):
    def make(similarity):
        score = getattr(module(f"estimators.{module_name}"), class_name)()
        stats = {"semantic_matrix_entail": similarity, "sample_texts": [[""] * similarity.shape[1]] * len(similarity)}
        return lambda: score(stats)

    return make


def lm_polygraph_jaccard(texts):
    similarity = module("estimators.common").compute_sim_score
    groups = texts.tolist()
    return lambda: [similarity(answers, "entail", "Jaccard_score") for answers in groups]


def lm_polygraph_rouge_l(texts):
    score = module("estimators.lexical_similarity").LexicalSimilarity("rougeL")
    stats = {"sample_texts": texts.tolist()}
    return lambda: score(stats)


# Name: the library that it is from, the arrays that it reads, what makes the call.
FUNCTIONS = {
    "lm-polygraph vn_entropy": ("lm-polygraph", ("embeddings",), lm_polygraph_vn_entropy),
    "lm-polygraph vn_entropy (kernel given)": ("lm-polygraph", ("embeddings",), lm_polygraph_vn_entropy_alone),
    "lm-polygraph EigenScore": ("lm-polygraph", ("embeddings",), lm_polygraph_eigen_score),
    "luq von_neumann_entropy": ("luq", ("embeddings",), luq_von_neumann_entropy),
    "luq von_neumann_entropy (kernel given)": ("luq", ("embeddings",), luq_von_neumann_entropy_alone),
    "probly spectral_entropy": ("probly", ("embeddings",), probly_spectral_entropy),
    "MLO-lab formula": ("scikit-learn", ("embeddings",), spectral_uncertainty_formula),
    "lm-polygraph SemanticClasses": ("lm-polygraph", ("entail", "contra"), lm_polygraph_semantic_classes),
    "lm-polygraph EigValLaplacian": (
        "lm-polygraph",
        ("similarity",),
        lm_polygraph_graph("eig_val_laplacian", "EigValLaplacian"),
    ),
    "lm-polygraph Eccentricity": ("lm-polygraph", ("similarity",), lm_polygraph_graph("eccentricity", "Eccentricity")),
    "lm-polygraph DegMat": ("lm-polygraph", ("similarity",), lm_polygraph_graph("deg_mat", "DegMat")),
    "lm-polygraph Jaccard": ("lm-polygraph", ("texts",), lm_polygraph_jaccard),
    "lm-polygraph LexicalSimilarity": ("lm-polygraph", ("texts",), lm_polygraph_rouge_l),
}
FUNCTIONS |= {
    name: (package, ("confidence", "correct"), maker) for name, (package, maker) in pairs.FUNCTIONS.items()
}


class Peer:
    """One function on the arrays of one folder; each call runs it once and says how long a prompt took."""

    def __init__(self, name, folder, seconds):
        package, reads, make = FUNCTIONS[name]
        self.name, self.version = name, metadata.version(package)
        arrays = [np.load(folder / f"{array}.npy") for array in reads]
        if name in pairs.FUNCTIONS:
            self.prompts = len(arrays[0])
            self.call, numbers = make(*arrays)
            np.save(folder / f"{name}.out.npy", numbers(self.call()))
            return
        trial = make(*(array[:16] for array in arrays))
        trial()
        per_prompt = clock(trial)[0] / min(16, len(arrays[0]))
        self.prompts = max(1, min(len(arrays[0]), int(seconds / per_prompt)))
        self.call = make(*(array[: self.prompts] for array in arrays))
        np.save(folder / f"{name}.out.npy", np.asarray(self.call()))

    def __call__(self):
        return clock(self.call)[0] / self.prompts * 1e9

    def about(self, ns):
        return {
            "function": self.name,
            "version": self.version,
            "threads": THREADS,
            "prompts": self.prompts,
            "ns": ns,
        }


def clock(call):
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def installed(package):
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def names(folder):
    return [
        name
        for name, (package, reads, _) in FUNCTIONS.items()
        if installed(package) and all((folder / f"{array}.npy").exists() for array in reads)
    ]


def serve(seconds):
    answers = sys.stdout
    sys.stdout = sys.stderr  # what the libraries print is no answer
    peers = {}
    for line in sys.stdin:
        request = json.loads(line)
        folder = Path(request["folder"])
        if "function" not in request:
            peers.clear()
            answer = names(folder)
        else:
            key = (folder, request["function"])
            if key not in peers:
                peers[key] = Peer(request["function"], folder, seconds)
            answer = peers[key].about(peers[key]())
        print(json.dumps(answer), file=answers, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    pairs.quiet()
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="about so long for each run")
    arguments = parser.parse_args()
    if installed("torch"):
        import torch

        torch.set_num_threads(THREADS)
    if arguments.serve:
        serve(arguments.seconds)
        return
    if arguments.folder is None:
        parser.error("name a FOLDER, or --serve")
    peers = [Peer(name, arguments.folder, arguments.seconds) for name in names(arguments.folder)]
    times = [[peer() for peer in peers] for _ in range(arguments.runs)]
    for peer, found in zip(peers, zip(*times, strict=True), strict=True):
        print(json.dumps(peer.about(median(found))))


if __name__ == "__main__":
    main()
