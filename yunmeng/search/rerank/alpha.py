"""Query expansion in which near hits count more."""

from typing import Final

from yunmeng.search.rerank.expansion import expanded
from yunmeng.search.rerank.protocol import RerankContext
from yunmeng.search.rerank.requery import requery
from yunmeng.types import Hit

__all__ = ["Alpha"]

NEIGHBOURS: Final = 5
"""Best hits that are averaged with the query."""
ALPHA: Final = 3.0
"""The power of a hit's cosine that is its weight: the paper's value."""


class Alpha:
    """Searches again with the query and its best hits, weighted by a power of their cosines.

    Alpha query expansion (Radenović, Tolias and Chum, "Fine-tuning CNN Image Retrieval with No Human Annotation", TPAMI
    2019, section 3.3). Scores are cosines with the weighted mean, in [-1, 1].
    """

    name: Final = "alpha"

    def depth(self, _wanted: int) -> int:
        return NEIGHBOURS

    def reorder(self, context: RerankContext, hits: list[Hit]) -> list[Hit]:
        near = [hit.id for hit in hits[:NEIGHBOURS]]
        return requery(context, expanded(context.vector, context.vectors(near), context.cosines(near), ALPHA), hits)
