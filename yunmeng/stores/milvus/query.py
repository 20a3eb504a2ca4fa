"""Queries of a Milvus collection, within what one query can do, and exact where its index would not be."""

import time
from collections.abc import Iterator, Mapping, Sequence
from threading import Lock
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.errors import QueryError
from yunmeng.stores.milvus.address import Index
from yunmeng.stores.milvus.connection import Connection
from yunmeng.stores.milvus.expressions import EVERYTHING, ids_expression, range_expression
from yunmeng.stores.milvus.layout import FIELDS_OF_HIT, VECTOR, digest_number
from yunmeng.stores.pages import digest_prefixes
from yunmeng.types import Vector

__all__ = ["MAX_TOP", "SCANNED", "Queries"]

MAX_TOP: Final = 16_384
"""Most hits that one search gives."""
MAX_CANDIDATES: Final = 32_768
"""Longest list of candidates that a search may keep."""
DEPTH_FILTERED: Final = 4
"""How much farther a search with a filter looks: it may leave only pictures far from the query."""
EXACT: Final = 4096
"""Records left by a filter whose vectors are fetched and compared one by one while some are not indexed."""
SCANNED: Final = 1000
"""Records without an index that Milvus compares one by one itself."""
A_WHILE: Final = 1.0
"""Seconds for which the number of records without an index is remembered."""
BYTES: Final = 48_000_000
"""Vectors that are fetched at once: an answer may have 100 MB."""
MAX_LISTED: Final = 1024
"""Ids and digests in one query."""
SMALL: Final = 1024
"""Segments of fewer records get no index: Milvus compares them one by one."""


class Queries:
    """Reads through ``connection``. Every method raises `StoreError` where the server fails or the store is closed."""

    def __init__(self, connection: Connection, dim: int, index: Index) -> None:
        self._connection = connection
        self._dim = dim
        self._index = index
        self._lock = Lock()
        self._fresh: tuple[float, int] = (0.0, 0)  # until when it holds, and how many records have no index

    def wrote(self) -> None:
        """Forget what is not true any more after a write."""
        with self._lock:
            self._fresh = (0.0, 0)

    def fetch(self, keys: Sequence[str], fields: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """Yield the rows that exist among the escaped ids ``keys``."""
        for start in range(0, len(keys), MAX_LISTED):
            yield from self._rows(ids_expression(keys[start : start + MAX_LISTED]), fields)

    def copies(self, digests: Sequence[str], fields: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """Yield the rows with these digests."""
        wanted = list(dict.fromkeys(digests))
        for start in range(0, len(wanted), MAX_LISTED):
            part = set(wanted[start : start + MAX_LISTED])
            numbers = ", ".join(sorted({str(digest_number(digest)) for digest in part}))
            yield from (row for row in self._rows(f"digest in [{numbers}]", fields) if row["sha256"] in part)

    def count(self, where: str | None, **options: Any) -> int:
        """Return how many records match, or how many there are."""
        rows = self._connection.read("cannot count", "query", filter=where or "", output_fields=["count(*)"], **options)
        return int(rows[0]["count(*)"])

    def affordable(self, k: int) -> int:
        """Return ``k``, or as many hits as there can be. Raises `QueryError` where one search cannot give as many."""
        if k > MAX_TOP and self.count(None) > MAX_TOP:
            raise QueryError(f"{k:,} hits are asked for, a search gives at most {MAX_TOP:,}: use iterate for more")
        return min(k, MAX_TOP)

    def nearest(self, vector: Vector, k: int, where: str | None) -> Sequence[Mapping[str, Any]]:
        """Return the k nearest as pymilvus gives hits, all there are if there are fewer.

        Milvus answers for records that are not indexed yet by an index of the meantime, which a filter makes miss most.
        So where a filter leaves few, their vectors are compared here; also where the index finds fewer than there are.
        """
        if k < 1:
            return []
        if where is not None and self.unindexed() > SCANNED and self.count(where) <= EXACT:
            return self._exact(vector, k, where)
        hits = self._ranked(vector, k, where)
        if len(hits) < k and len(hits) < self.count(where):
            return self._exact(vector, k, where or EVERYTHING)
        return hits

    def by_digest(self, where: str, start: str, size: int, fields: Sequence[str]) -> Iterator[list[Mapping[str, Any]]]:
        """Yield the rows that match, range by range of digests, from the range that holds ``start`` on.

        The ranges ascend and hold about ``size`` rows each.
        """
        for prefix in digest_prefixes(self.count(where), start, size):
            first, last = digest_number(prefix), digest_number(prefix, last=True)
            yield self._rows(range_expression(where, first, last), fields)

    def unindexed(self) -> int:
        """Return how many records Milvus does not hold in a finished index yet, of segments large enough for one."""
        with self._lock:
            until, number = self._fresh
        if time.monotonic() < until:
            return number
        growing = self.count(None) - self.count(None, ignore_growing=True)
        segments = self._connection.call("cannot look at the segments", "list_loaded_segments")
        sealed = sum(int(each.num_rows) for each in segments if not each.index_name and each.num_rows >= SMALL)
        with self._lock:
            self._fresh = (time.monotonic() + A_WHILE, growing + sealed)
        return growing + sealed

    def _rows(self, where: str, fields: Sequence[str]) -> list[Mapping[str, Any]]:
        rows: list[Mapping[str, Any]] = list(
            self._connection.read("cannot read records", "query", filter=where, output_fields=list(fields))
        )
        return rows

    def _ranked(self, vector: Vector, k: int, where: str | None) -> Sequence[Mapping[str, Any]]:
        index = self._index
        depth = index.depth if where is None else DEPTH_FILTERED * index.depth
        depth = min(max(depth, k), MAX_CANDIDATES) if index.candidates else min(depth, index.build["nlist"])
        found: Sequence[Sequence[Mapping[str, Any]]] = self._connection.read(
            "cannot search",
            "search",
            data=[vector],
            limit=k,
            filter=where or "",
            output_fields=FIELDS_OF_HIT,
            search_params={"metric_type": "COSINE", "params": {index.reach: depth} if index.reach else {}},
        )
        return found[0]

    def _exact(self, vector: Vector, k: int, where: str) -> list[Mapping[str, Any]]:
        """Return the k nearest by comparing every vector that matches."""
        query = vector / np.linalg.norm(vector)
        keys: list[str] = []
        scores: NDArray[np.float32] = np.empty(0, np.float32)
        for rows in self.by_digest(where, "", BYTES // (16 * 4 * self._dim), ["id", VECTOR]):
            if not rows:
                continue
            vectors = np.array([row[VECTOR] for row in rows], np.float32)
            scores = np.concatenate([scores, (vectors @ query) / np.linalg.norm(vectors, axis=1)])
            keys += [str(row["id"]) for row in rows]
            best = np.argsort(-scores, kind="stable")[:k]
            keys, scores = [keys[place] for place in best], scores[best]
        entities = {row["id"]: row for row in self.fetch(keys, ["id", *FIELDS_OF_HIT])}
        return [
            {"id": key, "distance": float(score), "entity": entities[key]}
            for key, score in zip(keys, scores, strict=True)
            if key in entities
        ]
