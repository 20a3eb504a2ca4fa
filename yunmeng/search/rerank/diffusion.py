"""Re-ranking along a graph of neighbours."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.search.rerank.protocol import RerankContext, behind, by_scores
from yunmeng.types import Hit

__all__ = ["Diffusion", "diffused"]

DEPTH: Final = 400
NEIGHBOURS: Final = 20
"""Edges of a picture at the most. The paper has 50, for thousands of candidates."""
SOURCES: Final = 5
"""Nearest pictures that the query's score flows from. The paper has 10; here the tenth is a stranger too often."""
GAMMA: Final = 3
"""The power of a cosine that is the weight of an edge: the paper's value."""
ALPHA: Final = 0.8
"""What part of a score comes from the neighbours. By the paper's 0.99, scores flow on to strangers of all kinds."""


class Diffusion:
    """Lets scores flow from the query's nearest along the graph of neighbours among the first 400 hits.

    Ranking on data manifolds (Zhou, Weston, Gretton, Bousquet and Schölkopf, NIPS 2003) in the form of Iscen, Tolias,
    Avrithis, Furon and Chum, "Efficient Diffusion on Region Manifolds", CVPR 2017, sections 3.1 and 3.2, solved
    directly, as the graph is small. A score is the share of what the first one got, in [0, 1].
    """

    name: Final = "diffusion"

    def depth(self, _wanted: int) -> int:
        return DEPTH

    def reorder(self, context: RerankContext, hits: list[Hit]) -> list[Hit]:
        looked = hits[:DEPTH]
        if not looked:
            return []
        ids = [hit.id for hit in looked]
        vectors = context.vectors(ids)
        scores = diffused(vectors @ vectors.T, context.cosines(ids))
        ranked = by_scores(looked, scores)
        return [*ranked, *behind(hits[DEPTH:], ranked[-1].score)]


def diffused(cosines: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the scores of n pictures as shares of the highest, (n,) in [0, 1]; all 0 if none is like the query.

    ``cosines`` (n, n) are those of the pictures with each other, ``query`` (n,) those with the query.
    """
    from scipy.linalg import solve

    affinity = np.maximum(cosines.astype(np.float64), 0) ** GAMMA
    np.fill_diagonal(affinity, 0)
    affinity = np.where(_mutual(affinity), affinity, 0)
    root = np.sqrt(affinity.sum(axis=1))
    inverse = np.divide(1, root, out=np.zeros_like(root), where=root > 0)
    system = np.eye(len(query)) - ALPHA * inverse[:, None] * affinity * inverse
    source = np.maximum(query.astype(np.float64), 0) ** GAMMA
    source[np.argsort(-source, kind="stable")[SOURCES:]] = 0
    flow: NDArray[np.float64] = np.maximum(solve(system, source, assume_a="pos"), 0)
    flow /= flow.max() or 1.0
    return flow


def _mutual(affinity: NDArray[np.float64]) -> NDArray[np.bool_]:
    near = np.zeros(affinity.shape, np.bool_)
    np.put_along_axis(near, np.argsort(-affinity, axis=1, kind="stable")[:, :NEIGHBOURS], True, axis=1)
    return near & near.T
