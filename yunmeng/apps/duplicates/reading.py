"""Reads what a search for duplicates needs of a library's records, in little memory: vectors go to a file."""

import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.imaging.quality import FLAT_BELOW
from yunmeng.types import Record

__all__ = ["Gathered", "gathered"]

_CODE: Final = 32  # bytes of a PDQ code
_BITS: Final = (96, 160)
"""Bits of a PDQ code that are set. It splits at the median, so that a picture's has about 128; others say nothing."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """The n pictures with different files, and the twins of each: pictures whose files have the same bytes.

    ``ids`` are of the n pictures; ``twins`` maps an id to the ids of its twins, where it has any. ``vectors`` are
    float16 (n, dim) in a file; ``looks`` int64 (n,), equal where vectors are equal; ``codes`` PDQ, uint8 (n, 32), and
    ``telling`` whether a code means anything; ``flat`` whether a picture has next to no contrast.
    """

    ids: list[str]
    twins: dict[int, list[str]]
    vectors: NDArray[np.float16]
    looks: NDArray[np.int64]
    codes: NDArray[np.uint8]
    telling: NDArray[np.bool_]
    flat: NDArray[np.bool_]
    pictures: int


@contextmanager
def gathered(
    records: Iterable[Record],
    dim: int,
    folder: Path,
    on_done: Callable[[int], None],
    stop: threading.Event,
) -> Iterator[Gathered]:
    """Read ``records``, which have their vectors of ``dim`` numbers, into a file in ``folder`` that goes afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        rows = _Rows()
        for record in records:
            if stop.is_set():
                break
            if record.vector is not None and (row := rows.add(record)) is not None:
                file.write(row)
            if rows.pictures % 1000 == 0:
                on_done(rows.pictures)
        on_done(rows.pictures)
        file.flush()
        n = len(rows.ids)
        shape = (n, dim)
        vectors = np.memmap(file, np.float16, "r", shape=shape) if n else np.empty(shape, np.float16)
        yield rows.gathered(vectors)


class _Rows:
    """The columns as they grow."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.pictures = 0
        self._twins: dict[int, list[str]] = {}
        self._files: dict[bytes, int] = {}
        self._looks: list[int] = []
        self._codes = bytearray()
        self._flat = bytearray()

    def add(self, record: Record) -> bytes | None:
        """The vector of a picture that is new by its bytes, as it is kept."""
        self.pictures += 1
        assert record.vector is not None
        row = self._files.setdefault(_bytes(record.sha256), len(self.ids)) if record.sha256 else len(self.ids)
        if row < len(self.ids):
            self._twins.setdefault(row, []).append(record.id)
            return None
        vector = np.asarray(record.vector, np.float16).tobytes()
        self.ids.append(record.id)
        self._looks.append(hash(vector))
        code = _bytes(record.pdq)
        self._codes += code if len(code) == _CODE else bytes(_CODE)
        self._flat.append(record.quality.get("contrast", 1.0) < FLAT_BELOW)
        return vector

    def gathered(self, vectors: NDArray[np.float16]) -> Gathered:
        codes = np.frombuffer(bytes(self._codes), np.uint8).reshape(-1, _CODE)
        flat = np.frombuffer(bytes(self._flat), np.bool_)
        bits = np.bitwise_count(codes).sum(axis=1, dtype=np.int64)
        telling = (bits >= _BITS[0]) & (bits <= _BITS[1]) & ~flat
        self._files.clear()
        looks = np.array(self._looks, np.int64)
        return Gathered(self.ids, self._twins, vectors, looks, codes, telling, flat, self.pictures)


def _bytes(digits: str) -> bytes:
    """Of hexadecimal digits; of any other text, as programs may have put it there, its own."""
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return digits.encode()
