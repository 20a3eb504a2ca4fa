"""Factory strings of FAISS: which are taken, how many vectors they need, and which one suits a library."""

import re
from typing import Any, Final

from yunmeng.errors import QueryError
from yunmeng.vectors.engine import faiss

__all__ = ["check_size", "default_factory", "is_lossy", "make_index", "training_size"]

POINTS: Final = 39
"""Vectors for each centroid, below which k-means places them badly: FAISS's own bound."""
ENOUGH: Final = 256
"""Vectors for each centroid, beyond which FAISS draws a sample."""
SMALL: Final = 10_000
"""Pictures up to which comparing with all is quick."""
LARGE: Final = 1_000_000
"""Pictures from which a graph takes too long to build, and lists are made."""

_LISTS: Final = re.compile(r"IVF(\d+)")
_CODES: Final = re.compile(r"PQ\d+(?:x(\d+))?(?!\w)")


def default_factory(count: int) -> str:
    """Return the factory string that suits ``count`` pictures: exact, a graph, or 4 * sqrt(n) inverted lists."""
    if count < SMALL:
        return "Flat"
    return "HNSW64" if count < LARGE else f"IVF{min(int(4 * count**0.5), count // POINTS)},Flat"


def make_index(dim: int, factory: str) -> Any:
    """Return a new index by inner product, not trained yet.

    Raises `QueryError` for a string that FAISS does not know, or whose index cannot be searched as ours are.
    """
    module = faiss("an index in a file", "faiss")
    try:
        index = module.index_factory(dim, factory, module.METRIC_INNER_PRODUCT)
    except RuntimeError as exc:
        reason = str(exc).rpartition(": ")[2] if "multiple" not in str(exc) else "its parts must divide the dimension"
        raise QueryError(f"{factory!r} is no index for vectors of {dim} numbers: {reason.strip()[:200]}") from exc
    inner = module.downcast_index(index)
    if isinstance(inner, module.IndexPreTransform):
        inner = module.downcast_index(inner.index)
    kinds = module.IndexFlat, module.IndexIVF, module.IndexHNSW, module.IndexPQ, module.IndexScalarQuantizer
    if not isinstance(inner, kinds):
        raise QueryError(f"{factory!r} is not among the indexes that can be searched: Flat, IVF, HNSW, PQ, SQ")
    return index


def check_size(factory: str, count: int) -> None:
    """Raise `QueryError` if ``count`` pictures are too few to train the index."""
    needed = POINTS * _centroids(factory)
    if count >= max(needed, 1):
        return
    if count < 1:
        raise QueryError("the library has no pictures: there is nothing to index")
    instead = f"IVF{count // POINTS},Flat, HNSW64 or Flat" if count >= 2 * POINTS else "Flat or HNSW64"
    raise QueryError(f"{factory} needs {needed:,} pictures to be trained, the library has {count:,}: choose {instead}")


def training_size(factory: str) -> int:
    """Return how many vectors to train the index with; 0 where it learns nothing."""
    return ENOUGH * _centroids(factory) or (100_000 if re.search("OPQ|PCA|SQ|ITQ", factory) else 0)


def is_lossy(factory: str) -> bool:
    """Return whether the index keeps less of the vectors than there is, so that its scores are no cosines."""
    return re.fullmatch(r"Flat|HNSW\d*(,Flat)?|IVF\d+(_HNSW\d*)?,Flat", factory) is None


def _centroids(factory: str) -> int:
    lists = _LISTS.search(factory)
    codes = _CODES.search(factory)
    return max(int(lists[1]) if lists else 0, 2 ** int(codes[1] or 8) if codes else 0)
