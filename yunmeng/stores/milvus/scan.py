"""A pass over records that shows them as they were at its beginning, whatever this process writes meanwhile."""

import pickle
import tempfile
from collections.abc import Iterator
from threading import Lock
from typing import IO, Final

from yunmeng.types import Record

__all__ = ["Scan"]

IN_MEMORY: Final = 64_000_000
"""Bytes of records that are kept in memory; more go to a temporary file."""


class Scan(Iterator[Record]):
    """Records that are read from a server as they are asked for, until `settle` reads the rest at once."""

    def __init__(self, records: Iterator[Record]) -> None:
        self._records = records
        self._lock = Lock()
        self._settled = False

    def __next__(self) -> Record:
        with self._lock:
            return next(self._records)

    def settle(self) -> None:
        """Read all that is left now, before a write changes it."""
        with self._lock:
            if self._settled:
                return
            kept: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  # closed by the generator
            number = 0
            for record in self._records:
                pickle.dump(record, kept, pickle.HIGHEST_PROTOCOL)
                number += 1
            kept.seek(0)
            self._records = _kept(kept, number)
            self._settled = True


def _kept(file: IO[bytes], number: int) -> Iterator[Record]:
    with file:
        for _ in range(number):
            record: Record = pickle.load(file)
            yield record
