"""A store that is searched by a FAISS index in a file, and for the rest is the store that the index was made of."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Lock
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from yunmeng.stores.ann.factory import is_lossy
from yunmeng.stores.ann.file import IndexFile
from yunmeng.stores.ann.rows import Rows
from yunmeng.stores.changes import Changes
from yunmeng.stores.checks import check_query
from yunmeng.stores.filters import Filter, check
from yunmeng.stores.layered import LayeredStore
from yunmeng.stores.protocol import Capabilities, FileStore, Store
from yunmeng.types import Hit, Record, Vector

__all__ = ["IndexedStore"]

PAGE: Final = 10_000
KEPT: Final = 32
"""Filters whose matching rows are kept until the next write: finding them costs more than the search."""
MORE: Final = 8
"""Candidates beyond those that are wanted: near ties may come in another order."""
LOSSY: Final = 4
"""How many times as many candidates are scored exactly where the index keeps less than the vectors."""


class IndexedStore(LayeredStore):
    """Searches ``plain`` by an index of its vectors. Everything else is answered by ``plain``. Threads may share it.

    Answers are those of the store as it is now: what was deleted or replaced since the index was made is left out of
    it, and what is new is compared one by one beside it, so an index should be made again when much is new. Hits are
    scored by the store's own vectors. Writes of other processes are noticed where the store has a version.
    """

    def __init__(self, plain: Store, file: IndexFile, dim: int) -> None:
        super().__init__(plain)
        self.contents: Final = file.contents
        self._dim = dim
        self._ids = file.ids
        self._digests = file.digests
        self._more = LOSSY if is_lossy(file.factory) else 1
        self._searched = Rows(file.index)
        self._rows = {id: row for row, id in enumerate(file.ids)}
        self._valid = np.zeros(len(file.ids), bool)
        self._beside: dict[str, Vector] = {}
        self._changed: set[str] = set()
        self._known = False
        self._version: str | None = None
        self._matching: dict[Filter, tuple[int, NDArray[np.bool_], frozenset[str]]] = {}
        self._settling = Lock()
        plain.changes.watch(self._note)

    @property
    def changes(self) -> Changes:
        return self.plain.changes

    @property
    def capabilities(self) -> Capabilities:
        return self.plain.capabilities

    def trust(self) -> None:
        """Take the index as that of the store as it is, without a look at every record."""
        with self._settling:
            self._valid[:] = True
            self._known, self._version = True, self.plain.version()

    def beside(self) -> tuple[int, int]:
        """Return how many pictures the index has still right, and how many are looked through beside it."""
        with self._settling:
            self._settle()
            return int(self._valid.sum()), len(self._beside)

    def search(self, vector: Vector, k: int, filter: Filter | None = None) -> list[Hit]:
        """Return the k nearest by cosine, best first, as exactly as the index finds them; all if there are fewer."""
        query = check_query(vector, self._dim)
        query = query / np.float32(np.linalg.norm(query))
        if filter is not None:
            check(filter, self.schema)
        with self._settling:
            self._settle()
            valid, beside = self._allowed(filter)
        depth = max(k, 0) * self._more + MORE
        while True:
            rows = self._searched.nearest(query, depth, valid) if k > 0 else ()
            ids = [self._ids[row] for row in rows]
            hits = self._scored(query, [*ids, *_nearest(query, beside, depth)], k)
            if len(hits) >= k or len(ids) < depth:
                return hits
            depth *= 2  # some have been deleted since

    def version(self) -> str | None:
        return self.plain.version()

    def check_room(self, beside: int = 0) -> None:
        self.plain.check_room(beside)

    def upsert(self, records: Sequence[Record]) -> None:
        self.plain.upsert(records)

    def delete(self, ids: Sequence[str]) -> int:
        return self.plain.delete(ids)

    def flush(self) -> None:
        self.plain.flush()

    def frozen(self) -> AbstractContextManager[Callable[[Path], None]]:
        return cast(FileStore, self.plain).frozen()

    def close(self) -> None:
        self.plain.close()

    def _note(self, ids: Sequence[str]) -> None:
        self._changed.update(ids)

    def _settle(self) -> None:
        """Learn which rows are right, and what the store has beside them."""
        version = self.plain.version()
        if not self._known or version != self._version:
            self._valid[:] = False
            self._beside.clear()
            for record in self.plain.iterate():
                row = self._rows.get(record.id)
                if row is not None and self._digests[row] == record.sha256:
                    self._valid[row] = True
                else:
                    self._changed.add(record.id)
            self._known, self._version = True, version
        while self._changed:
            ids = [self._changed.pop() for _ in range(min(PAGE, len(self._changed)))]
            found = self.plain.get(ids, vectors=True)
            for id in ids:
                self._learn(id, found.get(id))
            self._matching.clear()

    def _learn(self, id: str, record: Record | None) -> None:
        row = self._rows.get(id)
        right = record is not None and row is not None and self._digests[row] == record.sha256
        if row is not None:
            self._valid[row] = right
        self._beside.pop(id, None)
        if record is not None and record.vector is not None and not right:
            self._beside[id] = record.vector

    def _allowed(self, filter: Filter | None) -> tuple[NDArray[np.bool_], dict[str, Vector]]:
        """Return the rows, and what lies beside them, that a search may find."""
        if filter is None:
            return self._valid.copy(), dict(self._beside)
        number = self.changes.number
        kept = self._matching.get(filter)
        if kept is None or kept[0] != number:
            if len(self._matching) >= KEPT:
                self._matching.pop(next(iter(self._matching)))
            kept = self._matching[filter] = (number, *self._matched(filter))
        _, matching, others = kept
        return matching & self._valid, {id: self._beside[id] for id in others if id in self._beside}

    def _matched(self, filter: Filter) -> tuple[NDArray[np.bool_], frozenset[str]]:
        matching, others, after = np.zeros(len(self._ids), bool), set(), None
        while page := self.plain.page(PAGE, after, filter):
            after = (page[-1].sha256, page[-1].id)
            for record in page:
                if (row := self._rows.get(record.id)) is not None:
                    matching[row] = True
                if record.id in self._beside:
                    others.add(record.id)
        return matching, frozenset(others)

    def _scored(self, query: Vector, ids: Sequence[str], k: int) -> list[Hit]:
        """Return the best k of ``ids`` by the store's own vectors."""
        found = [record for record in self.plain.get(ids, vectors=True).values() if record.vector is not None]
        if not found:
            return []
        matrix = np.stack([record.vector for record in found if record.vector is not None])
        scores = np.clip(matrix @ query / np.linalg.norm(matrix, axis=1), -1, 1)
        best = np.argsort(-scores, kind="stable")[: max(k, 0)]
        return [Hit(found[at].id, float(scores[at]), found[at].uri, found[at].attributes) for at in best]


def _nearest(query: Vector, beside: dict[str, Vector], k: int) -> list[str]:
    if not beside:
        return []
    ids = list(beside)
    scores = np.stack(list(beside.values())) @ query
    return [ids[at] for at in np.argsort(-scores, kind="stable")[:k]]
