"""Re-ranking by matching local features."""

from dataclasses import replace
from typing import Final

from yunmeng.errors import QueryError
from yunmeng.search.rerank.protocol import RerankContext
from yunmeng.types import Alignment, Hit

__all__ = ["Geometry"]

DEPTH: Final = 50
"""Hits that are looked at: each is read, decoded and aligned."""
HALF: Final = 30
"""Inliers that are worth half of what any number of them is."""


class Geometry:
    """Moves those of the first 50 hits to the front in which the query picture is found by its local features.

    Spatial verification (Philbin, Chum, Isard, Sivic and Zisserman, "Object retrieval with large vocabularies and fast
    spatial matching", CVPR 2007, section 4): verified hits by the number of inliers, then by overlap; they score above
    0.5, up to 1, and carry their ``alignment``. The query's own file scores 1: nothing can agree more. All others keep
    their order behind them, with half of their score.

    Raises `QueryError` where the query is not a single picture, and `MissingExtra` without ``copies``.
    """

    name: Final = "geometry"

    def depth(self, _wanted: int) -> int:
        return DEPTH

    def reorder(self, context: RerankContext, hits: list[Hit]) -> list[Hit]:
        if context.picture is None or context.verify is None:
            raise QueryError("geometry compares pictures: ask with one picture or id, and nothing else")
        found = context.verify(context.picture, [hit.id for hit in hits[:DEPTH]])
        own: list[Hit] = []
        verified: list[tuple[Hit, Alignment]] = []
        others = []
        for hit in hits:
            alignment = found.get(hit.id)
            if hit.id in context.own:
                own.append(replace(hit, score=1.0, alignment=alignment))
            elif alignment is None:
                others.append(replace(hit, score=min(hit.score, 1.0) / 2))
            else:
                verified.append((replace(hit, score=_score(alignment), alignment=alignment), alignment))
        verified.sort(key=lambda pair: (-pair[1].inliers, -pair[1].query_overlap - pair[1].target_overlap))
        return [*own, *(hit for hit, _ in verified), *others]


def _score(alignment: Alignment) -> float:
    return 0.5 + 0.5 * alignment.inliers / (alignment.inliers + HALF)
