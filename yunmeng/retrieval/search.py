"""From a query vector to hits."""

from yunmeng.errors import QueryError
from yunmeng.stores.filters import Filter
from yunmeng.stores.parse import parse_filter
from yunmeng.stores.protocol import Store
from yunmeng.types import Hit, Vector

__all__ = ["nearest", "read_filter"]


def read_filter(filter: str | Filter | None) -> Filter | None:
    """A filter given as text or as a tree; blank text means none. Raises `FilterError`."""
    if isinstance(filter, str):
        return parse_filter(filter) if filter.strip() else None
    return filter


def nearest(
    store: Store, vector: Vector, k: int, filter: str | Filter | None, min_score: float | None, offset: int = 0
) -> list[Hit]:
    """The k best hits that pass ``filter`` behind the first ``offset``; those below ``min_score`` are left out."""
    if k < 1 or offset < 0:
        raise QueryError(f"k must be at least 1 and offset at least 0, not {k} and {offset}")
    hits = store.search(vector, offset + k, read_filter(filter))[offset:]
    return hits if min_score is None else [hit for hit in hits if hit.score >= min_score]
