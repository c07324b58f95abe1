"""Judged pairs on disk: an SQLite file, whole after a kill at any moment."""

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from uncal.errors import ArtefactError
from uncal.types import FloatArray

_ID = 0x756E6361  # "unca" as the application's number in the header of the file
_AT_ONCE = 500


class PairCache:
    """Rows of pairs by the entailer that judged them.

    A row is found by a 128-bit hash of the entailer's name and the two texts; the texts are not kept. Each `put` is one
    transaction: after a kill all of it is there, or nothing. Several processes may use a file at a time.

    Parameters
    ----------
    path : Path
        Made if it is not there.
    entailer : str
        Its `name`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, PairCache(Path(folder) / "pairs.sqlite", "mine") as cache:
    ...     cache.put([("a", "b")], np.array([[0.5, 0.25, 0.25]]))
    ...     print(cache.get([("b", "a"), ("a", "b")]))
    {1: (0.5, 0.25, 0.25)}
    """

    def __init__(self, path: Path, entailer: str) -> None:
        self.path, self.entailer = path, entailer

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._file = sqlite3.connect(self.path, timeout=60, isolation_level=None)
            self._file.execute("PRAGMA synchronous = NORMAL")
            found = self._file.execute("PRAGMA application_id").fetchone()[0]
            if found != _ID:
                if self._file.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    raise ArtefactError(f"{self.path} is a database of another program; name another file as the cache")
                self._file.execute(f"PRAGMA application_id = {_ID}")
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS pairs"
                " (key BLOB PRIMARY KEY, entail REAL, neutral REAL, contra REAL) WITHOUT ROWID"
            )
        except sqlite3.Error as error:
            raise ArtefactError(
                f"cache of pairs {self.path} cannot be used ({error}); remove it or name another"
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def get(self, pairs: Sequence[tuple[str, str]]) -> dict[int, tuple[float, float, float]]:
        """Give the rows that are known, by the places of their pairs."""
        places = {self._key(pair): place for place, pair in enumerate(pairs)}
        found: dict[int, tuple[float, float, float]] = {}
        keys = list(places)
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            marks = ",".join("?" * len(some))
            asked = f"SELECT key, entail, neutral, contra FROM pairs WHERE key IN ({marks})"
            found |= {places[key]: (entail, neutral, contra) for key, entail, neutral, contra in self._run(asked, some)}
        return dict(sorted(found.items()))

    def put(self, pairs: Sequence[tuple[str, str]], rows: FloatArray) -> None:
        """Keep rows, (K, 3), all of them or none."""
        values = [(self._key(pair), *row) for pair, row in zip(pairs, np.asarray(rows).tolist(), strict=True)]
        if values:
            marks = ",".join(["(?,?,?,?)"] * len(values))
            flat = [part for value in values for part in value]
            self._run(f"INSERT OR REPLACE INTO pairs VALUES {marks}", flat)

    def _run(self, statement: str, values: Iterable[object]) -> list[Any]:
        try:
            return self._file.execute(statement, list(values)).fetchall()
        except sqlite3.Error as error:
            raise ArtefactError(f"cache of pairs {self.path} cannot be used: {error}") from error

    def _key(self, pair: tuple[str, str]) -> bytes:
        digest = hashlib.blake2b(digest_size=16)
        for text in (self.entailer, *pair):
            data = text.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "little"))
            digest.update(data)
        return digest.digest()
