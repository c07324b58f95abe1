"""Samples that lm-evaluation-harness logged (``--log_samples``): ``samples_TASK_TIME.jsonl``, or a folder of them.

Of tasks of the output type multiple_choice confidences and verdicts are read, of generate_until the texts.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from uncal import tables
from uncal.errors import ArtefactError
from uncal.group_files import Source, list_of

COLUMNS = ("confidence", "correct", "task", "doc_id")
TEXT_COLUMNS = {
    "id": "doc_id",
    "texts": "resps",
    "prompt": "arguments",
    "answer": "filtered_resps",
    "answers": "target",
}
"""What of a generated sample is where, as `open_texts` gives it."""


def open_samples(path: Path) -> Source:
    """Look at logged samples.

    Parameters
    ----------
    path : Path
        A file, or a folder of which every ``samples_*.jsonl`` is read.

    Returns
    -------
    Source
        Columns `confidence` (softmax of the options' log-likelihoods, of the most likely one), `correct` (`acc`, which
        is of that option), `task` (of the file's name) and `doc_id`.

    Raises
    ------
    ArtefactError
        If there is no such file, or, when batches are read, a sample has no log-likelihoods of options or no `acc`.

    Notes
    -----
    Status: verified against lm_eval 0.4.13, which logs ``filtered_resps`` as one (log-likelihood, is greedy) for each
    option, numbers as text, and for `acc_mutual_info` as many unconditional ones behind them, which are not read.
    """
    files = _files(path)

    def batches(columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        made = (_row(file, line, sample) for file in files for line, sample in tables.rows(file))
        while part := list(islice(made, rows)):
            yield pa.RecordBatch.from_pylist(part).select(columns)

    def at(row: int) -> str:
        file, line = next(islice(((file, line) for file in files for line, _ in tables.rows(file)), row, None))
        return f"{file}, line {line}"

    return Source(path, list(COLUMNS), batches, None, at)


def open_texts(path: Path) -> Source:
    """Look at logged samples of tasks that generate text.

    Parameters
    ----------
    path : Path
        A file, or a folder of which every ``samples_*.jsonl`` is read.

    Returns
    -------
    Source
        Columns `doc_id` (behind the task's name where `path` is a folder), `arguments` (the prompt), `target` (a text,
        or texts), `resps` (all generated texts) and `filtered_resps` (the first text that the filter left). A document
        that comes once for each of several filters is read once, by the first filter of its file.

    Raises
    ------
    ArtefactError
        If there is no such file, or, when batches are read, a sample is not one of generated texts.

    Notes
    -----
    Status: verified against lm_eval 0.4.13, which logs ``resps`` as a list of the repeats of each request, of which
    such tasks have one, ``arguments`` as {"gen_args_0": {"arg_0": prompt, ...}}, and ``target`` as text, also where the
    task has a list.
    """
    files = _files(path)

    def kept() -> Iterator[tuple[Path, int, dict[str, Any]]]:
        for file in files:
            first: Any = None
            for line, sample in tables.rows(file):
                first = first if first is not None else sample.get("filter", "none")
                if sample.get("filter", "none") == first:
                    yield file, line, sample

    def batches(columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        made = (_texts(file, line, sample, of_folder=path.is_dir()) for file, line, sample in kept())
        while part := list(islice(made, rows)):
            yield pa.RecordBatch.from_pylist(part, _GENERATED).select(columns)

    def at(row: int) -> str:
        file, line = next(islice(((file, line) for file, line, _ in kept()), row, None))
        return f"{file}, line {line}"

    return Source(path, _GENERATED.names, batches, None, at)


_GENERATED = pa.schema(
    [
        ("doc_id", pa.string()),
        ("arguments", pa.string()),
        ("target", pa.list_(pa.string())),
        ("resps", pa.list_(pa.string())),
        ("filtered_resps", pa.string()),
    ]
)


def _texts(file: Path, line: int, sample: Mapping[str, Any], *, of_folder: bool) -> dict[str, Any]:
    try:
        request, *others = sample["resps"]
        left = sample["filtered_resps"][0]
        if others or not request or not all(isinstance(text, str) for text in request):
            raise ValueError
        arguments = sample["arguments"]
        prompt = arguments["gen_args_0"]["arg_0"] if isinstance(arguments, dict) else arguments[0][0]
        target = sample["target"]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ArtefactError(
            f"{file}, line {line}: 'resps' holds no generated texts of one request; only samples of tasks of the "
            "output type generate_until do (those of multiple_choice: `uncal evaluate --format lm-eval`)"
        ) from error
    left = left[0] if isinstance(left, list) and left else left
    name = str(sample["doc_id"])
    return {
        "doc_id": f"{_task(file)}/{name}" if of_folder else name,
        "arguments": prompt if isinstance(prompt, str) else json.dumps(prompt, ensure_ascii=False),
        "target": _targets(target),
        "resps": request,
        "filtered_resps": left if isinstance(left, str) else None,
    }


def _targets(target: Any) -> list[str]:
    if isinstance(target, str) and target.startswith("["):
        try:
            target = list_of(target)
        except ValueError:  # a text that only starts so
            return [target]
    return [str(one) for one in (target if isinstance(target, list) else [target])]


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise ArtefactError(f"no file {path}")
    files = sorted(path.glob("samples_*.jsonl")) if path.is_dir() else [path]
    if not files:
        raise ArtefactError(f"{path} has no samples_*.jsonl; lm-eval writes them with --log_samples")
    return files


def _task(file: Path) -> str:
    return re.sub(r"^samples_|_\d{4}-\d\d-\d\dT[\d.:-]+$", "", file.stem)


def _row(file: Path, line: int, sample: Mapping[str, Any]) -> dict[str, Any]:
    try:
        options = [float(option[0]) for option in sample["filtered_resps"]]
        if "acc_mutual_info" in sample:
            options = options[: len(options) // 2]
        if len(options) < 2 or math.isnan(sum(options)) or max(options) in (math.inf, -math.inf):
            raise ValueError
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ArtefactError(
            f"{file}, line {line}: 'filtered_resps' holds no log-likelihoods of several options; only samples of tasks "
            "of the output type multiple_choice do"
        ) from error
    if "acc" not in sample:
        raise ArtefactError(f"{file}, line {line}: no 'acc'; it says whether the most likely option is right")
    best = max(options)
    confidence = 1 / math.fsum(math.exp(option - best) for option in options)
    return {
        "confidence": confidence,
        "correct": sample["acc"],
        "task": _task(file),
        "doc_id": str(sample.get("doc_id", line)),
    }
