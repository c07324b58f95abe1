"""Entailment out of a file of pairs that were judged before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from uncal import tables
from uncal.artefacts import sha256
from uncal.errors import ArtefactError
from uncal.types import Entailer, FloatArray

COLUMNS = ("premise", "hypothesis", "entail", "contra")


@dataclass(frozen=True, kw_only=True)
class Replay(Entailer):
    """Give what a file says of each pair.

    Attributes
    ----------
    file : str
        JSONL, JSON, CSV, TSV, Parquet, Arrow, or a folder that `datasets` saved, with the columns premise, hypothesis,
        entail and contra; what those two leave of 1 is neutral. Texts are as the entailer sees them, with the question
        before them where they are judged so; white space around them does not count.
    """

    lasting: ClassVar[bool] = False

    file: str

    def __getstate__(self) -> dict[str, Any]:
        """Leave what was read behind."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_rows", "name")}

    @cached_property
    def name(self) -> str:
        """The file's name and hash."""
        return f"replay {self.file} {sha256(Path(self.file))[:16]}"

    @cached_property
    def _rows(self) -> dict[tuple[str, str], tuple[float, float]]:
        found: dict[tuple[str, str], tuple[float, float]] = {}
        for number, row in tables.rows(Path(self.file)):
            where = f"{self.file}, row {number}"
            if lacking := [name for name in COLUMNS if name not in row]:
                raise ArtefactError(f"{where}: no column {lacking[0]!r}; there are {', '.join(map(str, row))}")
            key = (str(row["premise"]).strip(), str(row["hypothesis"]).strip())
            value = (_probability(row, "entail", where), _probability(row, "contra", where))
            if sum(value) > 1 + 1e-6:
                raise ArtefactError(f"{where}: entail and contra add up to {sum(value):g}; at most 1 is possible")
            if found.setdefault(key, value) != value:
                raise ArtefactError(f"{where}: this pair came before with other numbers")
        return found

    def __call__(self, pairs: Sequence[tuple[str, str]], /) -> FloatArray:
        """Give the rows of pairs, (K,) -> (K, 3)."""
        rows = np.zeros((len(pairs), 3))
        for row, (premise, hypothesis) in zip(rows, pairs, strict=True):
            known = self._rows.get((premise.strip(), hypothesis.strip()))
            if known is None:
                raise ArtefactError(f"{self.file} has no pair {premise!r}, {hypothesis!r}")
            row[:] = known[0], max(0.0, 1 - sum(known)), known[1]
        return rows


def _probability(row: Mapping[str, Any], name: str, where: str) -> float:
    try:
        value = float(row[name])
    except (TypeError, ValueError):
        value = np.nan
    if not 0 <= value <= 1:
        raise ArtefactError(f"{where}: column {name!r} is {row[name]!r}; it must be a probability")
    return value
