"""Re-ranking by neighbours in common."""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from yunmeng.search.rerank.protocol import RerankContext, behind, by_scores
from yunmeng.types import Hit

__all__ = ["Reciprocal"]

Matrix: TypeAlias = NDArray[np.float32]
Sets: TypeAlias = NDArray[np.bool_]

DEPTH: Final = 400
K1: Final = 20
K2: Final = 6
LAMBDA: Final = 0.3
"""This and those above are the paper's values (section 4.2), but for the depth: it ranks whole galleries."""


class Reciprocal:
    """Moves hits to the front that share the query's neighbours, among the first 400.

    k-reciprocal encoding (Zhong, Zheng, Cao and Li, "Re-ranking Person Re-identification with k-reciprocal Encoding",
    CVPR 2017, section 3) over the query and its candidates; the distance is 1 - cosine. A score is 1 - the paper's
    final distance: 0.7 x the Jaccard similarity of the neighbourhoods + 0.3 x the cosine, in [-0.3, 1].
    """

    name: Final = "reciprocal"

    def depth(self, _wanted: int) -> int:
        return DEPTH

    def reorder(self, context: RerankContext, hits: list[Hit]) -> list[Hit]:
        looked = hits[:DEPTH]
        if not looked:
            return []
        vectors = np.vstack([context.vector, context.vectors([hit.id for hit in looked])])
        cosines: Matrix = np.clip(vectors @ vectors.T, -1, 1)
        scores = (1 - LAMBDA) * jaccard(cosines, K1, K2) + LAMBDA * cosines[0, 1:]
        ranked = by_scores(looked, scores)
        return [*ranked, *behind(hits[DEPTH:], ranked[-1].score, LAMBDA)]


def jaccard(cosines: Matrix, k1: int, k2: int) -> Matrix:
    """Return how much the first picture's neighbourhood shares with those of the others, (n - 1,) in [0, 1].

    ``cosines`` (n, n) is symmetric. Equations 1 to 11 of the paper.
    """
    order = np.argsort(-(cosines + 4 * np.eye(len(cosines), dtype=np.float32)), axis=1, kind="stable")  # itself first
    reciprocal, half = _mutual(order, k1), _mutual(order, round(k1 / 2)).astype(np.float32)
    shared = reciprocal.astype(np.float32) @ half.T
    trusted = reciprocal & (shared >= 2 / 3 * half.sum(axis=1))
    robust = reciprocal | (trusted.astype(np.float32) @ half > 0)
    encoded = np.where(robust, np.exp(cosines - 1), 0)
    spread = _nearest(order, k2).astype(np.float32)
    encoded = spread @ encoded / spread.sum(axis=1, keepdims=True)
    least, most = np.minimum(encoded[0], encoded[1:]), np.maximum(encoded[0], encoded[1:])
    shares: Matrix = least.sum(axis=1) / most.sum(axis=1)
    return shares


def _nearest(order: NDArray[np.intp], k: int) -> Sets:
    """Each picture's k nearest, itself among them: a row of flags for each."""
    near = np.zeros(order.shape, np.bool_)
    np.put_along_axis(near, order[:, :k], True, axis=1)
    return near


def _mutual(order: NDArray[np.intp], k: int) -> Sets:
    """Return which pictures have each other among their k nearest, beside themselves."""
    near = _nearest(order, k + 1)
    return near & near.T
