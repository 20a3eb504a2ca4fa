"""The fingerprints of a whole library in memory, kept up as pictures come and go."""

import threading
from collections.abc import Sequence
from itertools import islice
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from yunmeng.stores import Store
from yunmeng.types import Record
from yunmeng.vectors import nearest_codes

__all__ = ["Codes", "NearCode"]

_BYTES: Final = 32
_BATCH: Final = 1000
_GROWTH: Final = 1.5


class NearCode(NamedTuple):
    """A picture by its id, and how many bits of 256 its fingerprint differs from the query's nearest one."""

    id: str
    bits: int


class Codes:
    """The PDQ fingerprints of a store's pictures, 32 bytes each; read when first asked, then kept up by its changes.

    Threads may share it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._ids: list[str] = []
        self._rows: dict[str, int] = {}
        self._codes = np.empty((0, _BYTES), np.uint8)
        self._read = False
        self._outdated: set[str] = set()
        self._noted = threading.Lock()
        store.changes.watch(self._note)

    def nearest(self, queries: NDArray[np.uint8], k: int) -> list[NearCode]:
        """The ``k`` pictures with the code nearest to any of ``queries``, uint8 (m, 32), the nearest first.

        Raises `MissingExtra`.
        """
        with self._lock:
            self._catch_up()
            found = nearest_codes(queries, self._codes[: len(self._ids)], k)
            best: dict[str, int] = {}
            for row, bits in zip(found.rows.ravel().tolist(), found.bits.ravel().tolist(), strict=True):
                id = self._ids[row]
                best[id] = min(bits, best.get(id, bits))
        return [NearCode(*one) for one in sorted(best.items(), key=lambda one: one[1])[:k]]

    def _note(self, ids: Sequence[str]) -> None:
        with self._noted:
            self._outdated.update(ids)

    def _catch_up(self) -> None:
        with self._noted:
            outdated, self._outdated = self._outdated, set()
        try:
            if not self._read:
                for record in self._store.iterate():
                    self._put(record)
                self._read = True
            while outdated:
                some = list(islice(outdated, _BATCH))
                found = self._store.get(some)
                for id in some:
                    if id in found:
                        self._put(found[id])
                    else:
                        self._drop(id)
                outdated.difference_update(some)
        except BaseException:
            self._note(list(outdated))
            raise

    def _put(self, record: Record) -> None:
        row = self._rows.setdefault(record.id, len(self._ids))
        if row == len(self._ids):
            self._ids.append(record.id)
            if row == len(self._codes):
                grown = np.empty((int(_GROWTH * row) + _BATCH, _BYTES), np.uint8)
                grown[:row] = self._codes
                self._codes = grown
        self._codes[row] = np.frombuffer(bytes.fromhex(record.pdq), np.uint8)

    def _drop(self, id: str) -> None:
        """The last one takes its place."""
        row = self._rows.pop(id, None)
        if row is None:
            return
        last = self._ids.pop()
        if last != id:
            self._ids[row] = last
            self._rows[last] = row
            self._codes[row] = self._codes[len(self._ids)]
