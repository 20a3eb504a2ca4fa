"""One hit from each group: by the store itself, or by searches that leave out the groups found so far."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from yunmeng.stores.checks import check_group
from yunmeng.stores.filters import And, Filter, In, IsNull, Not
from yunmeng.types import Hit, Vector

if TYPE_CHECKING:
    from yunmeng.stores.protocol import Store

__all__ = ["search_groups", "search_others"]

FIRST = 64
"""Fewest hits asked for at once; each further search asks for twice as many."""
MOST = 10_000
"""Most hits asked for at once of a store that cannot group."""


def search_groups(store: "Store", vector: Vector, k: int, group_by: str, filter: Filter | None = None) -> list[Hit]:
    """Return the best hit of each of the k nearest groups, whether the store can group or not; see `Store`."""
    if store.capabilities.groups:
        return store.search_groups(vector, k, group_by, filter)
    check_group(group_by, store.schema)
    return search_others(lambda size, more: store.search(vector, size, more), k, group_by, filter, MOST)


def search_others(
    search: Callable[[int, Filter], list[Hit]], k: int, group_by: str, filter: Filter | None, most: int
) -> list[Hit]:
    """Return the best hit of each of the k nearest groups, exact if ``search`` is.

    ``search`` gives the best hits for a number, at most ``most``, and a filter. Every hit left out of one answer
    scores below all in it, so the groups of the next answer follow those of this one. A group of thousands costs one
    more search, not thousands of hits.
    """
    found: dict[str, Hit] = {}
    size = min(max(FIRST, 4 * k), most)
    while len(found) < k:
        hits = search(size, _others(group_by, list(found), filter))
        for hit in hits:
            found.setdefault(str(hit.attributes[group_by]), hit)
        if len(hits) < size:
            break
        size = min(2 * size, most)
    return list(found.values())[:k]


def _others(group_by: str, found: list[str], filter: Filter | None) -> Filter:
    """Return ``filter``, and a value of ``group_by`` that is none of ``found``."""
    parts: list[Filter] = [] if filter is None else [filter]
    parts.append(Not(In(group_by, tuple(found))) if found else Not(IsNull(group_by)))
    return And(tuple(parts))
