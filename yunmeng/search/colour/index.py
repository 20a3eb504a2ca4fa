"""The palettes of a store in memory, so that a question by colour looks at all of them within milliseconds.

A picture takes 140 bytes and its id, some 250 MB for a million pictures. It is read when it is first needed.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from yunmeng.search.colour.naming import BASIC
from yunmeng.search.colour.score import Palettes, joined, named_shares, palettes_of, score
from yunmeng.stores.filters import evaluate
from yunmeng.types import Hit, Record

if TYPE_CHECKING:
    from yunmeng.search.colour.question import ColourQuestion
    from yunmeng.stores.filters import Filter
    from yunmeng.stores.protocol import Store

__all__ = ["LEAST_SHARE", "ColourCounts", "ColourIndex"]

T = TypeVar("T")

LEAST_SHARE: Final = 0.3
"""Share of its subject that a picture must have of a colour to be counted under its name."""

_PAGE: Final = 1_000
_CHUNK: Final = 1_000
"""Pictures that are scored at once: what is computed on the way then stays in the processor's cache."""
_AHEAD: Final = 500
"""Hits that are held against the filter at once,"""
_TRIED: Final = 4_000
"""and how many before the store is asked for all that pass."""
_FEW: Final = 50_000
"""Pictures of a store up to which the palettes of a few of them are taken from memory, all being read first."""


@dataclass(frozen=True, slots=True)
class ColourCounts:
    """How many pictures have each basic colour, by `LEAST_SHARE` of their subject; and how many have no palette."""

    counts: dict[str, int]
    without: int


class ColourIndex:
    """The palettes of one open store. Threads may share it.

    Writes of this process are followed one by one. If other processes write too, the palettes are read again whenever
    ``version`` of the contents changes, the store's own unless told, and for every question if it has none.
    """

    def __init__(self, store: "Store", version: "Callable[[], str | None] | None" = None) -> None:
        self._store = store
        self._version_of = version or store.version
        self._lock = threading.Lock()
        self._noting = threading.Lock()
        self._changed: set[str] = set()
        self._version: str | None = None
        self._read = False
        self._known = False  # that some picture of a large store has a palette
        self._ids: list[str] = []
        self._rows: dict[str, int] = {}
        self._lacking: set[str] = set()
        self._palettes = palettes_of([])
        store.changes.watch(self._note)

    @property
    def empty(self) -> bool:
        """True where no picture has a palette."""
        if not self._at_hand and not self._known:
            self._known = any(record.palette for record in islice(self._store.iterate(), _AHEAD))
        if self._known and not self._at_hand:
            return False
        with self._lock:
            self._refresh()
            return not self._ids

    @property
    def lacking(self) -> bool:
        """True where pictures have no palette; in a large store that was not read yet, as far as some of them tell."""
        if not self._at_hand:
            return any(not record.palette for record in islice(self._store.iterate(), _AHEAD))
        with self._lock:
            self._refresh()
            return bool(self._lacking)

    @property
    def _at_hand(self) -> bool:
        """True where all palettes are in memory, or soon read."""
        return self._read or self._store.count() <= _FEW

    def counts(self) -> ColourCounts:
        """Return how many pictures have each colour."""
        with self._lock:
            self._refresh()
            counts = np.zeros(len(BASIC), np.intp)
            for rows in self._chunks():
                counts += (named_shares(self._palettes.rows(rows)) >= LEAST_SHARE).sum(axis=0)
            return ColourCounts(dict(zip(BASIC, counts.tolist(), strict=True)), len(self._lacking))

    def scores(self, question: "ColourQuestion", ids: Sequence[str]) -> NDArray[np.float32]:
        """Return the scores of pictures, float32 (n,) in [0, 1]; 0 for those without a palette."""
        found = np.zeros(len(ids), np.float32)
        if self._at_hand:
            with self._lock:
                self._refresh()
                places = [place for place, id in enumerate(ids) if id in self._rows]
                rows = np.array([self._rows[ids[place]] for place in places], np.intp)
                palettes = self._palettes.rows(rows)
        else:
            records = self._store.get(ids)
            places = [place for place, id in enumerate(ids) if id in records and records[id].palette]
            palettes = palettes_of([records[ids[place]].palette for place in places])
        if places:
            found[places] = score(question, palettes)
        return found

    def search(self, question: "ColourQuestion", k: int, filter: "Filter | None" = None) -> list[Hit]:
        """Return the k pictures (that pass ``filter``) with the best score, best first; all if there are fewer."""
        with self._lock:
            self._refresh()
            ids = self._ids.copy()
            found = [score(question, self._palettes.rows(rows)) for rows in self._chunks()]
        scores = np.concatenate([np.zeros(0, np.float32), *found])
        order = np.argsort(-scores, kind="stable").tolist()
        hits: list[Hit] = []
        step = max(k, 1) if filter is None else _AHEAD
        for start in range(0, len(order), step):
            if filter is not None and start >= _TRIED:  # few pass: the store knows which
                passing = {record.id for record in self._store.iterate(filter)}
                rest = [row for row in order[start:] if ids[row] in passing]
                return [*hits, *self._hits(rest[: k - len(hits)], ids, scores, filter)]
            hits += self._hits(order[start : start + step], ids, scores, filter)
            if len(hits) >= k:
                break
        return hits[: max(k, 0)]

    def _hits(
        self, rows: Sequence[int], ids: Sequence[str], scores: NDArray[np.float32], filter: "Filter | None"
    ) -> list[Hit]:
        records = self._store.get([ids[row] for row in rows])
        there = [(row, records[ids[row]]) for row in rows if ids[row] in records]
        return [
            Hit(record.id, float(scores[row]), record.uri, record.attributes)
            for row, record in there
            if filter is None or evaluate(filter, record.attributes)
        ]

    def _note(self, ids: Sequence[str]) -> None:
        with self._noting:
            self._changed.update(ids)

    def _refresh(self) -> None:
        """Bring the palettes up to what the store has now. Called with the lock."""
        version = None
        if not self._store.capabilities.exclusive:
            version = self._version_of()
            self._read = self._read and version is not None and version == self._version
        with self._noting:
            changed, self._changed = self._changed, set()
        if not self._read:
            self._read_all()
            self._read, self._version = True, version
        elif changed:
            for ids in batched(changed, _PAGE):
                self._replace(ids, list(self._store.get(ids).values()))

    def _read_all(self) -> None:
        self._ids, self._lacking = [], set()
        pages = [self._taken(page) for page in batched(self._store.iterate(), _PAGE)]
        self._palettes = joined([palettes_of([]), *pages])
        self._rows = {id: row for row, id in enumerate(self._ids)}

    def _taken(self, records: Sequence[Record]) -> Palettes:
        """Take down the ids of records, and return the palettes of those that have one."""
        having = [record for record in records if record.palette]
        self._ids += [record.id for record in having]
        self._lacking.update(record.id for record in records if not record.palette)
        return palettes_of([record.palette for record in having])

    def _replace(self, ids: Sequence[str], records: Sequence[Record]) -> None:
        self._lacking.difference_update(ids)
        gone = [self._rows[id] for id in ids if id in self._rows]
        if gone:
            kept = np.delete(np.arange(len(self._ids)), gone)
            self._ids = [self._ids[row] for row in kept]
            self._palettes = self._palettes.rows(kept)
        self._palettes = joined([self._palettes, self._taken(records)])
        self._rows = {id: row for row, id in enumerate(self._ids)}

    def _chunks(self) -> Iterator[slice]:
        yield from (slice(start, start + _CHUNK) for start in range(0, len(self._ids), _CHUNK))


def batched(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of at most ``size`` values."""
    every = iter(values)
    while batch := list(islice(every, size)):
        yield batch
