"""A store in memory: exact, small, and with the same meaning as those on disk. For tests and for experiments."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from yunmeng.concurrency import ReadWriteLock
from yunmeng.errors import StoreError
from yunmeng.stores import bm25
from yunmeng.stores.changes import Changes
from yunmeng.stores.checks import check_group, check_query, check_records
from yunmeng.stores.filters import Filter, check, evaluate
from yunmeng.stores.fulltext import share, text_of, text_query
from yunmeng.stores.ids import check_ids
from yunmeng.stores.protocol import Capabilities
from yunmeng.stores.schema import check_schema
from yunmeng.types import AttributeSchema, Closing, Hit, Record, Vector

__all__ = ["MemoryStore", "create", "open", "remove"]


class MemoryStore(Closing):
    """Keeps records in a dict and searches them all by NumPy. Nothing outlives it."""

    def __init__(self, dim: int, schema: AttributeSchema | None = None) -> None:
        self.dim = dim
        self.changes = Changes()
        self._schema = check_schema(schema or {})
        self._records: dict[str, Record] = {}
        self._words: dict[str, list[str]] = {}
        self._matrix: NDArray[np.float32] | None = None  # the vectors in the order of _records; None after a write
        self._lock = ReadWriteLock(1)
        self._closed = False

    @property
    def schema(self) -> AttributeSchema:
        return self._schema

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(text=True, groups=True, exclusive=True)

    def version(self) -> None:
        return None

    def check_room(self, beside: int = 0) -> None:
        pass

    def upsert(self, records: Sequence[Record]) -> None:
        checked = check_records(records, self.dim, self._schema)
        with self.changes.writing([record.id for record in checked]), self._opened():
            self._records.update((record.id, _copied(record)) for record in checked)
            self._words.update((record.id, bm25.stemmed(text_of(record))) for record in checked)
            self._matrix = None

    def delete(self, ids: Sequence[str]) -> int:
        check_ids(ids)
        with self.changes.writing(ids), self._opened():
            self._matrix = None
            for id in ids:
                self._words.pop(id, None)
            return sum(self._records.pop(id, None) is not None for id in ids)

    def get(self, ids: Sequence[str], *, vectors: bool = False) -> dict[str, Record]:
        check_ids(ids)
        with self._opened():
            return {id: _copied(self._records[id], vectors=vectors) for id in ids if id in self._records}

    def find_sha256(self, digests: Sequence[str], *, vectors: bool = False) -> dict[str, list[Record]]:
        found: dict[str, list[Record]] = {}
        with self._opened():
            wanted = set(digests)
            for record in self._records.values():
                if record.sha256 in wanted:
                    found.setdefault(record.sha256, []).append(_copied(record, vectors=vectors))
        return found

    def search(self, vector: Vector, k: int, filter: Filter | None = None) -> list[Hit]:
        return self._ranked(vector, filter)[: max(k, 0)]

    def search_groups(self, vector: Vector, k: int, group_by: str, filter: Filter | None = None) -> list[Hit]:
        check_group(group_by, self._schema)
        best: dict[object, Hit] = {}
        for hit in self._ranked(vector, filter):
            if (group := hit.attributes.get(group_by)) is not None:
                best.setdefault(group, hit)
        return list(best.values())[: max(k, 0)]

    def search_text(self, query: str, k: int, filter: Filter | None = None) -> list[Hit]:
        with self._opened():
            matching = self._matching(filter)
            found = bm25.rank(self._words, text_query(query))
        scored = [(share(found[each.id][0], whole=found[each.id][1]), each) for each in matching if each.id in found]
        return _as_hits(scored)[: max(k, 0)]

    def count(self, filter: Filter | None = None) -> int:
        with self._opened():
            return len(self._matching(filter))

    def iterate(self, filter: Filter | None = None, *, vectors: bool = False) -> Iterator[Record]:
        with self._opened():
            matching = self._matching(filter)
        return (_copied(record, vectors=vectors) for record in matching)

    def page(self, limit: int, after: tuple[str, str] | None = None, filter: Filter | None = None) -> list[Record]:
        with self._opened():
            ordered = sorted(self._matching(filter), key=lambda record: (record.sha256, record.id))
        behind = (record for record in ordered if after is None or (record.sha256, record.id) > after)
        return [_copied(record, vectors=False) for record in islice(behind, max(limit, 0))]

    def flush(self) -> None:
        self._opened()

    def unindexed(self) -> int:
        self._opened()
        return 0

    def optimise(self) -> None:
        self._opened()

    def close(self) -> None:
        self._closed = True

    def _opened(self) -> ReadWriteLock:
        if self._closed:
            raise StoreError("the store is closed")
        return self._lock

    def _matching(self, filter: Filter | None) -> list[Record]:
        if filter is None:
            return list(self._records.values())
        check(filter, self._schema)
        return [record for record in self._records.values() if evaluate(filter, record.attributes)]

    def _ranked(self, vector: Vector, filter: Filter | None) -> list[Hit]:
        """Return every record that matches, best first."""
        query = check_query(vector, self.dim)
        with self._opened():
            scores = self._vectors() @ (query / np.linalg.norm(query))
            rows = {id: row for row, id in enumerate(self._records)}
            matching = self._matching(filter)
        scored = [(float(np.clip(scores[rows[record.id]], -1, 1)), record) for record in matching]
        return _as_hits(scored)

    def _vectors(self) -> NDArray[np.float32]:
        if self._matrix is None:
            vectors = [record.vector for record in self._records.values() if record.vector is not None]
            matrix = np.stack(vectors) if vectors else np.empty((0, self.dim), np.float32)
            self._matrix = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
        return self._matrix


def create(_url: str, _place: Path, dim: int, schema: AttributeSchema, *, text: bool) -> MemoryStore:  # noqa: ARG001
    """Make an empty store."""
    return MemoryStore(dim, schema)


def open(_url: str, _place: Path, dim: int, schema: AttributeSchema) -> MemoryStore:
    """Make an empty store: its content is lost with the process, or when it is closed."""
    return MemoryStore(dim, schema)


def remove(_url: str, _place: Path) -> None:
    """Do nothing: nothing is left once the store is closed."""


def _as_hits(scored: list[tuple[float, Record]]) -> list[Hit]:
    """Best first."""
    scored.sort(key=lambda pair: pair[0], reverse=True)
    return [Hit(record.id, score, record.uri, _copied(record).attributes) for score, record in scored]


def _copied(record: Record, *, vectors: bool = True) -> Record:
    """Return ``record`` with values of its own, so that a caller who changes them changes nothing here."""
    attributes = {name: list(value) if isinstance(value, list) else value for name, value in record.attributes.items()}
    vector = record.vector.copy() if vectors and record.vector is not None else None
    return replace(record, attributes=attributes, quality=dict(record.quality), vector=vector)
