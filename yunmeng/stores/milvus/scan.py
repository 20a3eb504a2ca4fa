"""A pass over records that shows them as they were at its beginning, whatever this process writes meanwhile."""

import pickle
import tempfile
import weakref
from collections.abc import Iterator
from threading import Lock
from typing import IO, Final

from yunmeng.errors import YunmengError
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
        """Read all that is left now, before a write changes it. Raises what reading raises, as the next step does."""
        with self._lock:
            if self._settled:
                return
            kept: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  # closed when this is dropped
            weakref.finalize(self, kept.close)
            try:
                number = _keep(self._records, kept)
            except YunmengError as exc:
                self._records = _failed(exc)
                raise
            self._records, self._settled = _kept(kept, number), True


def _keep(records: Iterator[Record], file: IO[bytes]) -> int:
    number = 0
    for number, record in enumerate(records, 1):  # noqa: B007  # the last is the count
        pickle.dump(record, file, pickle.HIGHEST_PROTOCOL)
    file.seek(0)
    return number


def _kept(file: IO[bytes], number: int) -> Iterator[Record]:
    for _ in range(number):
        record: Record = pickle.load(file)
        yield record


def _failed(error: YunmengError) -> Iterator[Record]:
    raise error
    yield
