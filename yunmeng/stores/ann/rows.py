"""The nearest rows of a FAISS index among those that are allowed: as many as are wanted, whenever there are so many."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.types import Vector
from yunmeng.vectors.engine import faiss

__all__ = ["Rows"]

Ids = NDArray[np.int64]

SCANNED: Final = 4096
"""Allowed rows that are compared one by one: it is as quick as a search that passes nearly all rows over."""
BLOCK: Final = 16_384
PROBED: Final = 8
"""The part of the inverted lists, one in so many, that is looked through; with a filter four times as many."""
FEWEST_LISTS: Final = 8
CANDIDATES: Final = 128
"""Candidates that a search of a graph keeps at least."""


class Rows:
    """Searches one index by inner product. Threads may share it."""

    def __init__(self, index: Any) -> None:
        self._index = index
        self._faiss: Any = faiss("an index in a file", "faiss")
        self._inner = self._faiss.downcast_index(index)
        self._transformed = isinstance(self._inner, self._faiss.IndexPreTransform)
        if self._transformed:
            self._inner = self._faiss.downcast_index(self._inner.index)
        self._lists = isinstance(self._inner, self._faiss.IndexIVF)
        self._graph = isinstance(self._inner, self._faiss.IndexHNSW)
        self._selects = not isinstance(self._inner, self._faiss.IndexPQ)
        if self._lists:
            self._inner.make_direct_map()

    def nearest(self, query: Vector, k: int, allowed: NDArray[np.bool_]) -> Ids:
        """Return the k nearest rows that are ``allowed``, (ntotal,), best first; all of them if there are fewer."""
        count = int(allowed.sum())
        k = min(k, count)
        every = count == len(allowed)
        if k < 1:
            return np.empty(0, np.int64)
        if count <= SCANNED or not (every or self._selects):
            return self._scanned(query, k, allowed)
        found = self._searched(query, k, None if every else allowed, thorough=False)
        if len(found) < k and self._lists:
            found = self._searched(query, k, None if every else allowed, thorough=True)
        return found if len(found) >= k else self._scanned(query, k, allowed)

    def _searched(self, query: Vector, k: int, allowed: NDArray[np.bool_] | None, *, thorough: bool) -> Ids:
        packed = None if allowed is None else np.packbits(allowed, bitorder="little")
        selector = None if packed is None else self._faiss.IDSelectorBitmap(packed)
        _, rows = self._index.search(query[None, :], k, params=self._parameters(selector, k, thorough=thorough))
        found: Ids = rows[0][rows[0] >= 0]
        return found

    def _parameters(self, selector: Any, k: int, *, thorough: bool) -> Any:
        module = self._faiss
        chosen = {} if selector is None else {"sel": selector}
        if self._lists:
            lists = int(self._inner.nlist)
            probed = max(FEWEST_LISTS, lists // PROBED) * (1 if selector is None else 4)
            probed = lists if thorough else min(lists, probed)
            parameters = module.SearchParametersIVF(nprobe=probed, **chosen)
        elif self._graph:
            effort = max(CANDIDATES, 2 * k) * (1 if selector is None else 4)
            parameters = module.SearchParametersHNSW(efSearch=effort, **chosen)
        else:
            parameters = module.SearchParameters(**chosen) if chosen else None
        if self._transformed and parameters is not None:
            return module.SearchParametersPreTransform(index_params=parameters)
        return parameters

    def _scanned(self, query: Vector, k: int, allowed: NDArray[np.bool_]) -> Ids:
        rows = np.flatnonzero(allowed)
        scores = np.concatenate(
            [self._index.reconstruct_batch(rows[start : start + BLOCK]) @ query for start in range(0, len(rows), BLOCK)]
        )
        best: Ids = rows[np.argsort(-scores, kind="stable")[:k]]
        return best
