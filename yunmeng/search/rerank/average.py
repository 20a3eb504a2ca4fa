"""Average query expansion."""

from typing import Final

from yunmeng.search.rerank.expansion import expanded
from yunmeng.search.rerank.protocol import RerankContext
from yunmeng.search.rerank.requery import requery
from yunmeng.types import Hit

__all__ = ["Average"]

NEIGHBOURS: Final = 5
"""Best hits that are averaged with the query. Of ten, too many are strangers where a thing has twenty pictures."""


class Average:
    """Searches again with the mean of the query and its best hits.

    Average query expansion (Chum, Philbin, Sivic, Isard and Zisserman, "Total Recall", ICCV 2007, section 5.2), of
    embeddings and without verifying the hits first. Scores are cosines with the mean, in [-1, 1].
    """

    name: Final = "average"

    def depth(self, _wanted: int) -> int:
        return NEIGHBOURS

    def reorder(self, context: RerankContext, hits: list[Hit]) -> list[Hit]:
        near = [hit.id for hit in hits[:NEIGHBOURS]]
        return requery(context, expanded(context.vector, context.vectors(near), context.cosines(near), 0.0), hits)
