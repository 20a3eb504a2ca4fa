"""Tastes: groups of pictures that a user liked and that are like each other."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["ALIKE", "centred", "clusters"]

ALIKE: Final = 0.15
"""Mean cosine, about the library's centre, from which two groups are one taste: strangers have 0 on average. Chosen on
photographs of clothing: below it, tastes mix kinds of garments; above it, one kind makes many tastes."""


def centred(vectors: NDArray[np.float32], centre: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``vectors``, (n, dim), less the library's mean vector, L2-normalised; one that is the mean stays 0.

    Embeddings of one library all have something in common, which says nothing of a taste.
    """
    moved = np.asarray(vectors, np.float32) - centre
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    result: NDArray[np.float32] = moved / np.maximum(lengths, np.float32(1e-6))
    return result


def clusters(vectors: NDArray[np.float32], weights: Sequence[float]) -> list[list[int]]:
    """Return the rows of centred ``vectors``, (n, dim), in groups: the heaviest group first, and its heaviest row.

    Groups are merged by their mean cosine (average linkage) while that is at least `ALIKE`; so there are as many as
    there are tastes. Clusters of what a user liked, rather than one mean, are from PinnerSage (Pal et al., KDD 2020).
    """
    if len(vectors) < 2:
        return [[row] for row in range(len(vectors))]
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    distances = 1.0 - np.clip(vectors.astype(np.float64) @ vectors.T.astype(np.float64), -1, 1)
    np.fill_diagonal(distances, 0.0)
    labels = fcluster(linkage(squareform(distances, checks=False), "average"), 1.0 - ALIKE, "distance")
    groups: dict[int, list[int]] = {}
    for row in sorted(range(len(vectors)), key=lambda row: -weights[row]):
        groups.setdefault(int(labels[row]), []).append(row)
    return sorted(groups.values(), key=lambda rows: -sum(weights[row] for row in rows))
