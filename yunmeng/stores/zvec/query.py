"""Queries of a zvec collection, within what one zvec query can do."""

from collections.abc import Callable, Iterator, Sequence
from threading import Lock
from typing import Any, Final

from yunmeng.concurrency import ReadWriteLock
from yunmeng.errors import QueryError, StoreError
from yunmeng.stores.changes import Changes
from yunmeng.stores.fulltext import TextQuery
from yunmeng.stores.pages import digest_prefixes
from yunmeng.stores.zvec.engine import engine, mapped
from yunmeng.stores.zvec.kinds import MAX_EF, IndexKind
from yunmeng.stores.zvec.layout import (
    EVERYTHING,
    FIELDS_OF_HIT,
    TEXT,
    VECTOR,
    Condition,
    sha256_condition,
    with_sha256_prefix,
    wording,
)
from yunmeng.types import Vector

__all__ = ["MAX_TOP", "Queries", "Scan"]

MAX_TOP: Final = 100_000
"""Most documents that one zvec query gives."""
SOME_WRITES: Final = 64
"""Changes, counted as `Changes` does, after which about as many documents are there as before."""
MIXED_SEGMENTS: Final = ("mismatching schema", "identically typed")
"""What zvec says where `Condition` explains why it fails, of which it says one or the other."""
HEX: Final = "0123456789abcdef"
SHA256_DIGITS: Final = 64


class Queries:
    """Reads from the collection that ``opened`` returns, on no more threads at a time than ``readers`` allows.

    ``changes`` counts what is written to it. Every method raises `StoreError` where zvec fails, or ``opened`` does.
    """

    def __init__(self, opened: Callable[[], Any], readers: ReadWriteLock, index: IndexKind, changes: Changes) -> None:
        self._index = index
        self._opened = opened
        self._readers = readers
        self._changes = changes
        self._reindexed = 0
        self._stated: tuple[tuple[int, int], tuple[int, float]] | None = None

    def reindexed(self) -> None:
        """Note that documents have come into the index without a change of any."""
        self._reindexed += 1

    def fetch(self, keys: Sequence[str], *, vectors: bool) -> dict[str, Any]:
        """Return the existing documents, by key."""
        with self._readers, mapped("cannot read records"):
            docs: dict[str, Any] = self._opened().fetch(list(keys), include_vector=vectors)
            return docs

    def unindexed(self) -> int:
        """Return how many documents the index does not hold yet."""
        documents, completeness = self._stats()
        return round((1 - completeness) * documents)

    def count(self, where: Condition | None) -> int:
        return self._stats()[0] if where is None else self._count(where)

    def affordable(self, k: int) -> int:
        """Return ``k``, or as many hits as there can be. Raises `QueryError` where one query cannot give as many."""
        if k > MAX_TOP and self.count(None) > MAX_TOP:
            raise QueryError(f"{k:,} hits are asked for, a search gives at most {MAX_TOP:,}: use iterate for more")
        return min(k, MAX_TOP)

    def nearest(self, vector: Vector, k: int, where: Condition | None) -> list[Any]:
        """Return the documents of the k nearest. If the index finds fewer, an exact scan is made."""
        if k < 1:
            return []
        docs = self._ranked(vector, k, where, thorough=k > MAX_EF)
        if len(docs) < k <= MAX_EF and (where is not None or len(docs) < self.count(None)):
            docs = self._ranked(vector, k, where, thorough=True)
        return docs

    def worded(self, question: TextQuery, k: int, where: Condition | None) -> tuple[list[Any], list[Any]]:
        """Return the best k documents that hold every phrase of ``question``, and the best k that hold any of them.

        The second list may repeat documents of the first, and is searched only if the first has fewer than k.
        """
        if k < 1 or not question.phrases:
            return [], []
        whole = self._filtered(self._match(wording(question.needed, question.helpful)), k, where)
        if len(whole) >= k or len(question.phrases) == 1:
            return whole, []
        return whole, self._filtered(self._match(wording((), question.phrases)), k, where)

    def copies(self, digests: Sequence[str], *, vectors: bool) -> list[Any]:
        """Return the documents with these digests, in several queries if one cannot return them all."""
        docs = self._query(filter=sha256_condition(digests).text, topk=MAX_TOP, include_vector=vectors)
        if len(docs) < MAX_TOP:
            return docs
        if len(digests) == 1:
            raise StoreError(f"{digests[0]} is the digest of {MAX_TOP:,} records or more: use iterate")
        half = len(digests) // 2
        return self.copies(digests[:half], vectors=vectors) + self.copies(digests[half:], vectors=vectors)

    def by_digest(self, where: Condition | None, start: str, size: int) -> Iterator[list[Any]]:
        """Yield the documents that match, range by range of digests, from the range that holds ``start`` on.

        The ranges ascend and hold about ``size`` documents each.
        """
        for prefix in digest_prefixes(self.count(where), start, size):
            yield self._query(filter=with_sha256_prefix(where or EVERYTHING, prefix).text, topk=MAX_TOP)

    def _stats(self) -> tuple[int, float]:
        """Return how many documents there are, and the share of them that the index holds.

        They are kept until the next change: once any document is deleted, zvec goes through all to count them.
        """
        self._opened()  # a closed store counts nothing
        now = self._changes.number, self._reindexed
        known = self._stated
        if known is not None and known[0] == now:
            return known[1]
        with self._readers, mapped("cannot count"):
            stats = self._opened().stats
            found = int(stats.doc_count), float(stats.index_completeness[VECTOR])
        self._stated = now, found
        return found

    def _about(self) -> int:
        """Return about how many documents there are, without counting again after each of many writes."""
        known = self._stated
        if known is not None and self._changes.number - known[0][0] < SOME_WRITES:
            return known[1][0]
        return self._stats()[0]

    def _query(self, **options: Any) -> list[Any]:
        with self._readers, mapped("cannot search"):
            docs: list[Any] = self._opened().query(**options)
            return docs

    def _ranked(self, vector: Vector, k: int, where: Condition | None, *, thorough: bool) -> list[Any]:
        zvec = engine().zvec
        how = self._index.query(zvec, k, self._about(), filtered=where is not None, thorough=thorough)
        query = zvec.Query(VECTOR, vector=vector, param=how)
        return self._filtered(query, k, where)

    def _match(self, words: str) -> Any:
        zvec = engine().zvec
        return zvec.Query(TEXT, fts=zvec.Fts(query_string=words))

    def _filtered(self, query: Any, k: int, where: Condition | None) -> list[Any]:
        def asked(text: str | None) -> list[Any]:
            return self._query(queries=query, topk=k, filter=text, output_fields=FIELDS_OF_HIT)

        if where is None:
            return asked(None)
        if self.unindexed() == 0:  # most likely all is in one segment, and the quicker text will do
            try:
                return asked(where.text)
            except StoreError as exc:
                if not any(said in str(exc) for said in MIXED_SEGMENTS):
                    raise
        return asked(where.beside_vector)

    def _count(self, where: Condition, prefix: str = "") -> int:
        """Return how many documents match, counted by the digits of their SHA-256 if one query cannot return all."""
        part = with_sha256_prefix(where, prefix) if prefix else where
        found = len(self._query(filter=part.text, topk=MAX_TOP, output_fields=list(part.columns)))
        if found < MAX_TOP or len(prefix) == SHA256_DIGITS:
            return found
        return sum(self._count(where, prefix + digit) for digit in HEX)


class Scan(Iterator[Any]):
    """zvec's iterator, which another thread may close: the next step then raises `StoreError`."""

    def __init__(self, docs: Any) -> None:
        self._docs = docs
        self._lock = Lock()
        self._cut = False
        self.open = True

    def __next__(self) -> Any:
        with self._lock:
            if self._cut:
                raise StoreError("the store was closed during an iteration")
            if not self.open:
                raise StopIteration
            with mapped("cannot iterate"):
                doc = next(self._docs, None)
            if doc is None:
                self.open = False
                raise StopIteration
            return doc

    def close(self) -> None:
        """End the pass, if it has not ended."""
        with self._lock:
            self._cut = self.open
            self.open = False
            self._docs.close()
