"""Hits in the order of another metric."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.errors import QueryError
from yunmeng.search.metrics import codes_of_hex, equal_bits, similarities
from yunmeng.search.rerank.protocol import RerankContext, by_scores
from yunmeng.types import Hit, Metric

__all__ = ["Rescore"]

FEWEST: Final = 200
"""Candidates that are scored anew."""
TIMES: Final = 4
"""Candidates for each hit that is wanted, where that is more."""


class Rescore:
    """Scores the nearest hits by cosine again, exactly, by another metric; ``fingerprint`` counts equal bits of PDQ.

    At least 200 candidates are scored, and four for each hit that is wanted. The number is doubled until it is enough,
    so that it stays the same over several pages.
    """

    def __init__(self, metric: Metric) -> None:
        self.name: Metric = metric

    def depth(self, wanted: int) -> int:
        enough = FEWEST
        while enough < TIMES * wanted:
            enough *= 2
        return enough

    def reorder(self, context: RerankContext, hits: list[Hit]) -> list[Hit]:
        ids = [hit.id for hit in hits]
        scores = self._of_fingerprints(context, ids) if self.name == "fingerprint" else self._of_vectors(context, ids)
        return by_scores(hits, scores)

    def _of_vectors(self, context: RerankContext, ids: Sequence[str]) -> NDArray[np.float64]:
        scores: NDArray[np.float64] = similarities(context.vector[None], context.vectors(ids), self.name)[0]
        return scores

    @staticmethod
    def _of_fingerprints(context: RerankContext, ids: Sequence[str]) -> NDArray[np.float64]:
        if context.pdq is None:
            raise QueryError("the metric fingerprint compares pictures: ask with one picture or id, and nothing else")
        found = context.store.get(ids)
        scores = np.zeros(len(ids))
        rows = [row for row, id in enumerate(ids) if id in found]  # some may have been deleted meanwhile
        if rows:
            codes = codes_of_hex([found[ids[row]].pdq for row in rows])
            scores[rows] = equal_bits(codes_of_hex([context.pdq]), codes)[0]
        return scores
