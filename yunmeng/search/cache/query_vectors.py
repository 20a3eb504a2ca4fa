"""Cached vectors of queries: the same query with another k or filter is not encoded again."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.encoders.protocol import EncoderSpec, TextEncoder
from yunmeng.search.cache.digests import digest
from yunmeng.search.cache.tiers import Cache
from yunmeng.types import Vector

__all__ = ["CachedTexts", "QueryVectors"]


class QueryVectors:
    """The vectors of queries, by their content and by ``space``: all else that the vectors depend on."""

    def __init__(self, cache: Cache, spec: EncoderSpec, *space: object) -> None:
        self._cache = cache
        self._dim = spec.dim
        self._space: Final = digest(spec, *space)

    def find(self, *content: object) -> Vector | None:
        """Return the vector of a query's content, float32 (dim,); None where it is not known."""
        kept = self._cache.get(digest(self._space, content)) if self._cache.on else None
        if kept is None or len(kept) != self._dim * np.dtype(np.float32).itemsize:
            return None
        return np.frombuffer(kept, "<f4").astype(np.float32)

    def keep(self, vector: Vector, *content: object) -> None:
        """Keep the vector of a query's content."""
        if self._cache.on:
            self._cache.put(digest(self._space, content), vector.astype("<f4").tobytes())


class CachedTexts:
    """A `TextEncoder` whose vectors are cached."""

    def __init__(self, texts: TextEncoder, vectors: QueryVectors) -> None:
        self._texts = texts
        self._vectors = vectors

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return embeddings of texts, float32 (n, dim), L2-normalised."""
        return np.array([self._vector(text) for text in texts], np.float32)

    def _vector(self, text: str) -> Vector:
        known = self._vectors.find("text", text)
        if known is None:
            known = self._texts.encode_texts([text])[0]
            self._vectors.keep(known, "text", text)
        return known
