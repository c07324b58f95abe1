"""Sampling through servers and engines that fail or are killed: every row is done or failed with its reason."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from uncal import schema
from uncal.artefacts import made_by
from uncal.stages import questions

KEY = "sk-very-secret-0123456789"


@pytest.fixture
def ask(tmp_path: Path) -> Callable[[list[str]], Path]:
    """Maker of a run folder with questions."""

    def write(prompts: list[str]) -> Path:
        source = tmp_path / "asked.jsonl"
        rows = [{"id": f"q{i:03d}", "prompt": prompt, "answers": ["x"]} for i, prompt in enumerate(prompts)]
        source.write_text("".join(json.dumps(row) + "\n" for row in rows))
        questions.questions(source, tmp_path / "run" / schema.QUESTIONS)
        return tmp_path / "run"

    return write


def flags(run: Path, server: Any, *, retries: int = 2, **settings: object) -> list[object]:
    """`uncal sample` with the openai backend, four questions a shard."""
    told = {"base_url": server.url, "retries": retries, "pause": 0.01} | settings
    pairs = [f"{name}={value}" for name, value in told.items()]
    return [
        *("sample", "--run", run, "--backend", "openai", "--model", "hostile", "--n-completions", 2),
        *("--answer-prompt", "{question}", "--shard-size", 4, "--backend-settings", *pairs),
    ]


def rows(run: Path) -> dict[str, dict[str, Any]]:
    return {row["prompt"]: row for row in pq.read_table(run / schema.COMPLETIONS).to_pylist()}


def is_whole(run: Path) -> bool:
    """Whether every row is exactly one of done and failed with a reason."""
    for row in rows(run).values():
        values = [row[name] for name in ("answer", "completions", "logprobs", "finish_reasons")]
        if row["status"] == schema.DONE:
            assert row["error"] is None
            assert None not in values
            assert len(row["completions"]) == len(row["logprobs"]) == len(row["finish_reasons"]) == 2
        else:
            assert row["status"] == schema.FAILED
            assert row["error"]
            assert values == [None] * 4
    return True


def shards(run: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of every finished shard: they change when it is written anew."""
    parts = run / f"{schema.COMPLETIONS}.parts"
    return {p.name: (p.stat().st_ino, p.stat().st_mtime_ns) for p in parts.glob("[0-9]*") if p.is_file()}


def test_failed_rows_are_counted_and_only_they_are_drawn_again(
    cli: Any, hostile: Any, ask: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cli.environment, "OPENAI_API_KEY", KEY)
    fine = [f"What is {i}?" for i in range(7)]
    passing, lasting = "[broken 7] Who?", "[wrong 999] Where?"  # three tries for the answer, three for the completions
    run = ask([*fine, passing, lasting])
    first = cli(*flags(run, hostile))
    assert first.code == 0, first.err
    assert f"sample: 2 questions failed; column `error` of {run / schema.COMPLETIONS} says why" in first.err
    assert is_whole(run)
    before, asked = rows(run), len(hostile.requests())
    assert [prompt for prompt, row in before.items() if row["error"]] == [passing, lasting]
    assert "status 500" in before[passing]["error"]
    assert "maximum context length is 256 tokens" in before[lasting]["error"]
    assert before[fine[0]]["completions"] == ["WHAT IS 0? 0", "WHAT IS 0? 1"]

    kept = cli(*flags(run, hostile))
    assert "sample: completions.parquet is up to date" in kept.err
    assert "sample: 2 questions failed" in kept.err
    assert len(hostile.requests()) == asked

    again = cli(*flags(run, hostile), "--retry-failed")
    assert again.code == 0, again.err
    assert "sample: drawing 2 questions again that failed" in again.err
    assert "sample: 1 questions failed" in again.err
    assert {request["body"]["messages"][0]["content"] for request in hostile.requests()[asked:]} == {passing, lasting}
    assert is_whole(run)
    after = rows(run)
    assert list(after) == list(before)
    assert after[passing]["completions"] == ["WHO? 0", "WHO? 1"]
    assert {prompt: row for prompt, row in after.items() if prompt != passing} == {
        prompt: row for prompt, row in before.items() if prompt != passing
    }
    assert not (run / f"{schema.COMPLETIONS}.parts").exists()
    assert cli(*flags(run, hostile)).code == 0

    # The key went to the server, and nowhere else.
    assert {request["key"] for request in hostile.requests()} == {f"Bearer {KEY}"}
    said = [ended.out + ended.err for ended in (first, kept, again)]
    assert not [text for text in said if KEY in text]
    assert not [path for path in run.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert json.loads(pq.read_schema(run / schema.COMPLETIONS).metadata[b"uncal.backend"])["base_url"] == hostile.url


def test_run_draws_failed_questions_again_and_makes_anew_what_follows(
    cli: Any, hostile: Any, ask: Callable[..., Path], tmp_path: Path
) -> None:
    run = ask(["What is 1?", "[cut 4] Who?"])
    (tmp_path / "pipeline.toml").write_text(
        f"""
        stages = ["questions", "sample", "embed"]
        [questions]
        source = "asked.jsonl"
        [sample]
        model = "hostile"
        backend = "openai"
        backend_settings = {{ base_url = "{hostile.url}", retries = 1, pause = 0.01 }}
        n_completions = 2
        answer_prompt = "{{question}}"
        [embed]
        embedder = "hashing"
        """
    )
    ended = [cli("run", tmp_path / "pipeline.toml", "--run", run, *more) for more in ((), ("--retry-failed",), ())]
    assert [one.code for one in ended] == [0, 0, 0], ended
    assert "1 questions failed" in ended[0].err
    assert "embed: making embeddings.arrow anew (input completions changed)" in ended[1].err
    assert "failed" not in ended[2].err
    assert made_by(run / schema.EMBEDDINGS) is not None
    assert {row["status"] for row in rows(run).values()} == {schema.DONE}


def test_retrying_that_is_killed_leaves_the_file_as_it_was_and_goes_on(
    cli: Any, hostile: Any, ask: Callable[..., Path]
) -> None:
    run = ask([f"[busy 2] Who is {i}?" for i in range(12)] + ["Who?"])
    told = {"retries": 0, "timeout": 20}
    assert "12 questions failed" in cli(*flags(run, hostile, **told)).err
    out = run / schema.COMPLETIONS
    before = out.read_bytes()
    again = [*flags(run, hostile, **told), "--retry-failed"]
    cli.stop_when(lambda: len(shards(run)) >= 1, *again)
    assert out.read_bytes() == before
    kept = shards(run)
    assert 1 <= len(kept) < 3
    ended = cli(*again)
    assert ended.code == 0, ended.err
    assert f"went on after {len(kept)} finished shards of 3" in ended.err
    assert {row["status"] for row in rows(run).values()} == {schema.DONE}
    assert is_whole(run)


def test_a_killed_client_goes_on_after_its_last_shard(cli: Any, hostile: Any, ask: Callable[..., Path]) -> None:
    run = ask([f"[slow 999] What is {i}?" for i in range(40)])
    cli.stop_when(lambda: len(shards(run)) >= 3, *flags(run, hostile))
    kept = shards(run)
    asked = {request["body"]["messages"][0]["content"] for request in hostile.requests()}
    assert len(asked) <= 4 * (len(kept) + 1)
    ended = cli(*flags(run, hostile))
    assert ended.code == 0, ended.err
    assert f"went on after {len(kept)} finished shards of 10" in ended.err
    assert is_whole(run)
    assert {row["status"] for row in rows(run).values()} == {schema.DONE}


def test_a_killed_server_is_one_line_and_the_same_command_goes_on_when_it_is_back(
    cli: Any, hostile: Any, ask: Callable[..., Path]
) -> None:
    run = ask([f"[slow 999] What is {i}?" for i in range(40)])
    process = cli.start(*flags(run, hostile))
    end = time.monotonic() + 60
    while len(shards(run)) < 3:
        assert time.monotonic() < end
        time.sleep(0.01)
    hostile.kill()
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert err == (
        f"uncal: {hostile.url} cannot be reached; what came before is kept, and the same command goes on there\n"
    )
    kept = shards(run)
    assert 3 <= len(kept) < 10
    hostile.start()
    ended = cli(*flags(run, hostile))
    assert ended.code == 0, ended.err
    assert f"went on after {len(kept)} finished shards of 10" in ended.err
    assert {row["status"] for row in rows(run).values()} == {schema.DONE}  # nobody's row was given up
    assert is_whole(run)


def test_a_server_that_comes_back_in_time_is_not_noticed(cli: Any, hostile: Any, ask: Callable[..., Path]) -> None:
    run = ask([f"[slow 999] What is {i}?" for i in range(12)])
    process = cli.start(*flags(run, hostile, retries=8, pause=0.5))
    end = time.monotonic() + 60
    while not shards(run):
        assert time.monotonic() < end
        time.sleep(0.01)
    hostile.kill()
    hostile.start()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert {row["status"] for row in rows(run).values()} == {schema.DONE}


@pytest.mark.slow
@pytest.mark.usefixtures("vllm_installed")
def test_vllm_killed_itself_or_its_engine_loses_the_chunk_in_flight_and_leaves_no_process(
    cli: Any, tiny_model: Path, ask: Callable[..., Path], strays: Callable[[Path], list[str]]
) -> None:
    run = ask([f"What is {i}?" for i in range(200)])
    command = [
        *("sample", "--run", run, "--backend", "vllm", "--model", tiny_model, "--n-completions", 2),
        *("--answer-prompt", "{question}", "--shard-size", 4, "--max-tokens", 48, "--top-logprobs", 2, "--keep-tokens"),
    ]
    found: list[int] = []

    def under_way() -> bool:
        found[:] = _children(_at_work(run)) if len(shards(run)) >= 2 else []
        return bool(found)

    cli.stop_when(under_way, *command)
    kept = shards(run)
    assert 2 <= len(kept) < 50
    assert _gone(found)

    process = cli.start(*command)
    end = time.monotonic() + 300
    while len(shards(run)) < len(kept) + 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)
    engine, *others = _children(process.pid)
    for pid in (engine, *others):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, "")
    # Python's tracker of shared memory was killed too, and the next one may say that it does not know of it.
    (said,) = (line for line in err.splitlines() if line.startswith("uncal: "))
    assert said.startswith(f"uncal: vLLM's engine for {str(tiny_model)!r} died (")
    assert said.endswith("; what came before is kept, and the same command goes on there")
    now = shards(run)
    assert kept.items() <= now.items()
    assert len(kept) < len(now) < 50

    ended = cli(*command)
    assert ended.code == 0, ended.err
    assert f"went on after {len(now)} finished shards of 50" in ended.err
    assert is_whole(run)
    assert {row["status"] for row in rows(run).values()} == {schema.DONE}
    table = pq.read_table(run / schema.COMPLETIONS)
    for row in table.slice(0, 5).to_pylist():
        for tokens, logprobs, top in zip(row["tokens"], row["logprobs"], row["top_logprobs"], strict=True):
            assert len(tokens) == len(logprobs) == len(top)
            assert {len(largest) for largest in top} == {2}
        assert len(row["answer_tokens"]) == len(row["answer_logprobs"]) == len(row["answer_top_logprobs"])
    said = json.loads(table.schema.metadata[b"uncal.backend"])
    assert (said["backend"], said["engine_seed"]) == ("vllm", 0)
    assert strays(run) == []


def _at_work(run: Path) -> int:
    """The `uncal sample` at work on a run."""
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            if b"uncal" in words and b"sample" in words and str(run).encode() in words:
                return int(entry.name)
    return 0


def _children(pid: int) -> list[int]:
    """A process's children and theirs."""
    found = []
    for entry in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, entry.read_text().split()):
                found += [child, *_children(child)]
    return found


def _gone(pids: list[int], timeout: float = 60) -> bool:
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if not [pid for pid in pids if Path(f"/proc/{pid}").exists()]:
            return True
        time.sleep(0.1)
    return False
