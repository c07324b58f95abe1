"""Samples that lm-evaluation-harness logged (``--log_samples``) as confidences and verdicts.

Read are tasks of the output type multiple_choice: ``samples_TASK_TIME.jsonl``, or a folder of such files.
"""

import math
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from uncal import tables
from uncal.errors import ArtefactError
from uncal.group_files import Source

COLUMNS = ("confidence", "correct", "task", "doc_id")


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
    if not path.exists():
        raise ArtefactError(f"no file {path}")
    files = sorted(path.glob("samples_*.jsonl")) if path.is_dir() else [path]
    if not files:
        raise ArtefactError(f"{path} has no samples_*.jsonl; lm-eval writes them with --log_samples")

    def batches(columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        made = (_row(file, line, sample) for file in files for line, sample in tables.rows(file))
        while part := list(islice(made, rows)):
            yield pa.RecordBatch.from_pylist(part).select(columns)

    def at(row: int) -> str:
        file, line = next(islice(((file, line) for file in files for line, _ in tables.rows(file)), row, None))
        return f"{file}, line {line}"

    return Source(path, list(COLUMNS), batches, None, at)


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
    task = re.sub(r"^samples_|_\d{4}-\d\d-\d\dT[\d.:-]+$", "", file.stem)
    confidence = 1 / math.fsum(math.exp(option - best) for option in options)
    return {"confidence": confidence, "correct": sample["acc"], "task": task, "doc_id": str(sample.get("doc_id", line))}
