"""A store that keeps a second vector of every picture: its own averaged with those of its neighbours."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.concurrency import ReadWriteLock
from yunmeng.errors import DiskFull
from yunmeng.stores.changes import Changes
from yunmeng.stores.dba import (
    MARK,
    Augmenter,
    Mark,
    augment_all,
    done,
    redescribed,
    second_of,
    second_schema,
    tombstone,
)
from yunmeng.stores.filters import Compare, Filter, check
from yunmeng.stores.layered import LayeredStore
from yunmeng.stores.memory import MemoryStore
from yunmeng.stores.protocol import Capabilities, Store, both_frozen, joined, joined_version
from yunmeng.stores.regional import RegionalStore
from yunmeng.stores.schema import conform
from yunmeng.types import Hit, Record, Vector

__all__ = ["AugmentedStore", "augmented_in_memory", "layers", "regional_in"]

_NEW: Final = Compare(MARK, "=", int(Mark.NEW))

BATCH: Final = 64
"""Second vectors that are worked out at once: writes wait for a tenth of a second at the most."""
EVERYWHERE: Final = -1.0
"""The radius of a neighbourhood that holds every other picture."""
PAGE: Final = 4096
"""Ids that are looked for at once."""
SAME: Final = 1e-5
"""By how much the numbers of a vector may be off that comes back from a store."""


class AugmentedStore(LayeredStore):
    """Keeps pictures in ``plain`` and their second vectors in ``second``, made with `second_schema`.

    Database-side augmentation (Arandjelović and Zisserman, "Three things everyone should know to improve object
    retrieval", CVPR 2012, section 5): `search_augmented` finds pictures by the mean of their neighbourhood. A new
    picture is found there by its own vector until `refresh` has averaged it. It is marked as stale before that, and the
    mark is as durable as the picture: if the process is killed, the next `refresh` goes on. Everything else is answered
    from ``plain``.
    """

    def __init__(self, plain: Store, second: Store) -> None:
        super().__init__(plain)
        self.second: Final = second
        self.changes = Changes()
        for store in (plain, second):
            self.changes.watch_others(store.changes.overtaken)
        self._augmenter = Augmenter(plain, second)
        self._writing = ReadWriteLock(1)

    @property
    def capabilities(self) -> Capabilities:
        return joined(self.plain, self.second)

    def version(self) -> str | None:
        return joined_version(self.plain, self.second)

    def check_room(self, beside: int = 0) -> None:
        self.second.check_room(beside)
        self.plain.check_room(beside)

    def upsert(self, records: Sequence[Record]) -> None:
        fitted = [replace(record, attributes=conform(record.attributes, self.schema)) for record in records]
        with self.changes.writing([record.id for record in records]), self._writing:
            self.second.upsert(list(self._seconds(fitted)))
            self.plain.upsert(fitted)

    def delete(self, ids: Sequence[str]) -> int:
        with self.changes.writing(ids), self._writing:
            return sum(self._delete(ids[start : start + PAGE]) for start in range(0, len(ids), PAGE))

    def get_augmented(self, ids: Sequence[str]) -> dict[str, Vector]:
        """Return the second vectors of those that exist among ``ids``, by id."""
        found = self.second.get(ids, vectors=True)
        return {id: record.vector for id, record in found.items() if record.vector is not None}

    def search_augmented(self, vector: Vector, k: int, filter: Filter | None = None) -> list[Hit]:
        """Return the k pictures whose second vectors are nearest by cosine, best first; all if there are fewer."""
        if filter is not None:
            check(filter, self.schema)
        size = max(k, 0)
        while True:
            found = self.second.search(vector, size, filter)
            pictures = self.plain.get([hit.id for hit in found])
            hits = [
                Hit(hit.id, hit.score, pictures[hit.id].uri, pictures[hit.id].attributes)
                for hit in found
                if hit.id in pictures  # others have been deleted, and are still to be told of
            ]
            if len(hits) >= k or len(found) < size:
                return hits[: max(k, 0)]
            size *= 2

    def flush(self) -> None:
        self.second.flush()
        self.plain.flush()

    def optimise(self) -> None:
        """Index the pictures' own vectors. `refresh` writes the second vectors: index those after it."""
        self.plain.optimise()

    def frozen(self) -> AbstractContextManager[Callable[[Path], None]]:
        return both_frozen(self.second, self.plain)

    def close(self) -> None:
        try:
            self.second.close()
        finally:
            self.plain.close()

    def steps_left(self) -> int:
        """Return the number of steps left for `refresh`: one for each stale second vector, two for a new one."""
        return self.second.count(Compare(MARK, ">", int(Mark.DONE))) + self.second.count(_NEW)

    def refresh(self, most: int) -> int:
        """Take at most ``most`` steps to bring second vectors up to date. Returns how many; 0 when none is stale.

        Neighbours are found by the store's own search, so they are as exact as that is. Pictures that have a new or
        deleted picture as a neighbour are looked for among its fifty nearest. Writes may wait for a batch, searches
        never do.
        """
        taken = self._work_off(most, Compare(MARK, ">", int(Mark.STALE)), self._mark_stale)
        return taken + self._work_off(most - taken, Compare(MARK, "=", int(Mark.STALE)), self._average)

    def adopt(self, ids: Sequence[str]) -> None:
        """Copy these from ``plain`` into ``second``, as if just written, and remove those that ``plain`` lacks."""
        with self.changes.writing(ids), self._writing:
            present = self.plain.get(ids, vectors=True)
            self.second.upsert([second_of(record, self.schema, Mark.NEW) for record in present.values()])
            self.second.delete([id for id in ids if id not in present])

    def _work_off(self, most: int, which: Filter, work: Callable[[Sequence[str]], None]) -> int:
        taken = 0
        while taken < most and (found := self.second.page(min(PAGE, most - taken), filter=which)):
            work([record.id for record in found])
            taken += len(found)
        return taken

    def _mark_stale(self, ids: Sequence[str]) -> None:
        averaged = self.second.count(Compare(MARK, "=", int(Mark.DONE))) > 0
        for start in range(0, len(ids), BATCH):
            with self.changes.around(), self._writing:
                self._augmenter.mark_stale(ids[start : start + BATCH], averaged=averaged)

    def _average(self, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), BATCH):
            part = ids[start : start + BATCH]
            with self.changes.writing(part), self._writing:
                self._augmenter.average(part)

    def _seconds(self, records: Sequence[Record]) -> Iterator[Record]:
        """Return what is kept in ``second`` of records that are about to be written."""
        ids = [record.id for record in records]
        before = self.plain.get(ids, vectors=True)
        kept = self.second.get(ids, vectors=True)
        for record in records:
            old, second = before.get(record.id), kept.get(record.id)
            if old is not None and second is not None and _same(old.vector, record.vector):
                yield redescribed(second, record, self.schema)
                continue
            if old is not None:
                yield tombstone(old)
            yield second_of(record, self.schema, Mark.NEW)

    def _delete(self, ids: Sequence[str]) -> int:
        with suppress(DiskFull):  # neighbours that are not told keep its share; deleting makes room
            self.second.upsert([tombstone(record) for record in self.plain.get(ids, vectors=True).values()])
        deleted = self.plain.delete(ids)
        self.second.delete(ids)
        return deleted


def augmented_in_memory(records: Sequence[Record]) -> AugmentedStore:
    """Return a store of ``records``, one or more, with exact second vectors, in memory: for evaluation of rankings."""
    vectors = np.array([record.vector for record in records], np.float32)
    plain, second = MemoryStore(vectors.shape[1]), MemoryStore(vectors.shape[1], second_schema({}))
    plain.upsert(records)
    averages = zip(records, augment_all(vectors), strict=True)
    second.upsert([done(record, vector, {}, EVERYWHERE) for record, vector in averages])
    return AugmentedStore(plain, second)


def layers(store: Store) -> tuple[Store, ...]:
    """Return the stores that ``store`` is made of: that of pictures first, then of regions and of second vectors."""
    match store:
        case AugmentedStore():
            return (*layers(store.plain), store.second)
        case RegionalStore():
            return (store.plain, store.parts)
        case _:
            return (store,)


def regional_in(store: Store) -> RegionalStore | None:
    """Return the part of ``store`` that finds pictures by their parts, if there is one."""
    whole = store.plain if isinstance(store, AugmentedStore) else store
    return whole if isinstance(whole, RegionalStore) else None


def _same(one: NDArray[np.float32] | None, other: NDArray[np.float32] | None) -> bool:
    return one is not None and other is not None and one.shape == other.shape and np.allclose(one, other, atol=SAME)
