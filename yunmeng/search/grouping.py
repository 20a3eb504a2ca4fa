"""One hit a group: the best of each value of an attribute."""

from collections.abc import Sequence, Set
from typing import TYPE_CHECKING

from yunmeng.stores.filters import And, Compare
from yunmeng.stores.groups import search_groups
from yunmeng.types import Hit, Vector

if TYPE_CHECKING:
    from yunmeng.stores.filters import Filter
    from yunmeng.stores.protocol import Store

__all__ = ["group_heads", "one_each"]


def one_each(hits: Sequence[Hit], group_by: str) -> list[Hit]:
    """Return the first hit of each group, in order; hits without the attribute belong to no group and are left out."""
    best: dict[object, Hit] = {}
    for hit in hits:
        if (group := hit.attributes.get(group_by)) is not None:
            best.setdefault(group, hit)
    return list(best.values())


def group_heads(
    store: "Store", vector: Vector, k: int, group_by: str, filter: "Filter | None", unwanted: Set[str]
) -> list[Hit]:
    """Return the best hit of each of the k groups nearest to ``vector``, skipping ``unwanted`` ones within a group."""
    heads = []
    for hit in search_groups(store, vector, k + len(unwanted), group_by, filter):
        if hit.id in unwanted:
            inside: Filter = Compare(group_by, "=", str(hit.attributes[group_by]))
            inside = inside if filter is None else And((filter, inside))
            others = store.search(vector, 1 + len(unwanted), inside)
            heads += [other for other in others if other.id not in unwanted][:1]
        else:
            heads.append(hit)
    return sorted(heads, key=lambda hit: -hit.score)[:k]
