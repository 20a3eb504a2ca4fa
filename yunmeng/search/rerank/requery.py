"""A second search, with another query vector."""

from dataclasses import replace
from typing import TYPE_CHECKING

from yunmeng.search.fusing import merged
from yunmeng.stores.groups import search_groups
from yunmeng.types import Hit, Vector

if TYPE_CHECKING:
    from yunmeng.search.rerank.protocol import RerankContext

__all__ = ["requery"]


def requery(context: "RerankContext", vector: Vector, hits: list[Hit]) -> list[Hit]:
    """Search again with ``vector`` in the query's place: as many hits as before, then those of ``hits`` it left out.

    Hits are new, but keep what earlier steps have found out about them. Scores are cosines with ``vector``, in [-1, 1].
    """
    context.vector = vector
    known = {hit.id: hit for hit in hits}
    near = context.store.search(vector, len(hits), context.filter)
    if context.group_by is not None and hits:  # the groups that are nearest now are others than before
        near = merged(near, search_groups(context.store, vector, context.wanted, context.group_by, context.filter))
    found = [_merged(known.get(hit.id), hit) for hit in near]
    brought = {hit.id for hit in found}
    missed = [hit for hit in hits if hit.id not in brought]
    last = found[-1].score if found else 1.0
    scores = context.cosines([hit.id for hit in missed])
    rest = [replace(hit, score=min(float(score), last)) for hit, score in zip(missed, scores, strict=True)]
    return [*found, *sorted(rest, key=lambda hit: -hit.score)]


def _merged(known: Hit | None, hit: Hit) -> Hit:
    return hit if known is None else replace(known, score=hit.score)
