"""Hits that are unlike each other."""

from dataclasses import replace
from typing import Final

import numpy as np

from yunmeng.search.rerank.protocol import RerankContext, behind
from yunmeng.types import Hit

__all__ = ["Diverse"]

DEPTH: Final = 200
LAMBDA: Final = 0.7
"""How much relevance counts; the rest is for being unlike the hits before."""


class Diverse:
    """Takes in turn the hit that fits best and is least like those before it, among the first 200.

    Maximal marginal relevance (Carbonell and Goldstein, "The use of MMR, diversity-based reranking", SIGIR 1998): a
    hit's score is 0.7 x the score it had - 0.3 x its greatest cosine with a hit before it, or 0 where that is below 0.
    """

    name: Final = "diverse"

    def depth(self, _wanted: int) -> int:
        return DEPTH

    def reorder(self, context: RerankContext, hits: list[Hit]) -> list[Hit]:
        looked = hits[:DEPTH]
        vectors = context.vectors([hit.id for hit in looked])
        alike = vectors @ vectors.T
        relevance = LAMBDA * np.array([hit.score for hit in looked])
        likest = np.zeros(len(looked))
        left = np.ones(len(looked), np.bool_)
        ranked: list[Hit] = []
        for _ in looked:
            value = np.where(left, relevance - (1 - LAMBDA) * likest, -np.inf)
            best = int(np.argmax(value))
            ranked.append(replace(looked[best], score=float(value[best])))
            left[best] = False
            likest = np.maximum(likest, alike[best])
        return [*ranked, *behind(hits[DEPTH:], ranked[-1].score, LAMBDA)] if ranked else []
