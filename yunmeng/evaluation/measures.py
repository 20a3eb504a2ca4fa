"""Measures of a ranking where relevance is having the same class."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ClassScores", "class_scores", "first_hits", "leave_one_out", "order_scores", "overlap"]

BLOCK = 256
"""Queries that are ranked at once: a block's similarities to 100,000 pictures take 100 MB."""


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Means over the queries, each in [0, 1]."""

    map: float
    precision_at_1: float
    precision_at_10: float


def class_scores(
    gallery: NDArray[np.float32],
    gallery_classes: NDArray[np.int64],
    queries: NDArray[np.float32],
    query_classes: NDArray[np.int64],
) -> ClassScores:
    """Rank the whole gallery for each query by inner product and score the rankings.

    ``gallery`` is (n, dim), ``queries`` (q, dim), both L2-normalised; classes are integers, (n,) and (q,). Average
    precision is the mean of the precision at each relevant rank (Manning, Raghavan, Schütze: Introduction to
    Information Retrieval, 8.4), with ties in gallery order. A query whose class the gallery lacks scores 0.
    """

    def order(start: int) -> NDArray[np.intp]:
        similarities = queries[start : start + BLOCK] @ gallery.T
        return np.argsort(-similarities, axis=1, kind="stable")

    return order_scores(map(order, range(0, len(queries), BLOCK)), gallery_classes, query_classes)


def leave_one_out(vectors: NDArray[np.float32], classes: NDArray[np.int64]) -> ClassScores:
    """Rank all the others for each vector, float32 (n, dim), L2-normalised, and score the rankings.

    A vector without another one of its class scores 0.
    """

    def order(start: int) -> NDArray[np.intp]:
        similarities = vectors[start : start + BLOCK] @ vectors.T
        rows = np.arange(len(similarities))
        similarities[rows, start + rows] = np.inf  # itself comes first, and is cut off
        return np.argsort(-similarities, axis=1, kind="stable")[:, 1:]

    return order_scores(map(order, range(0, len(vectors), BLOCK)), classes, classes)


def order_scores(
    orders: Iterable[NDArray[np.intp]], gallery_classes: NDArray[np.int64], query_classes: NDArray[np.int64]
) -> ClassScores:
    """Score given rankings: ``orders`` are blocks of them, (b, n), a row of gallery rows for each query, all of
    them or the first."""
    average_precisions, hits = [], []
    start = 0
    for order in orders:
        ranks = np.arange(1, order.shape[1] + 1)
        relevant = gallery_classes[order] == query_classes[start : start + len(order), None]
        start += len(order)
        precisions = np.cumsum(relevant, axis=1) / ranks
        found = relevant.sum(axis=1)
        average_precisions.append((precisions * relevant).sum(axis=1) / np.maximum(found, 1))
        hits.append(relevant[:, :10])
    first_ten = np.concatenate(hits)
    return ClassScores(
        map=float(np.concatenate(average_precisions).mean()),
        precision_at_1=float(first_ten[:, 0].mean()),
        precision_at_10=float(first_ten.mean()),
    )


def first_hits(gallery: NDArray[np.float32], queries: NDArray[np.float32], k: int = 10) -> NDArray[np.intp]:
    """Return the rows of the k gallery vectors nearest to each query by inner product, the nearest first: (q, k)."""
    blocks = (queries[start : start + BLOCK] for start in range(0, len(queries), BLOCK))
    return np.concatenate([np.argsort(-(block @ gallery.T), axis=1, kind="stable")[:, :k] for block in blocks])


def overlap(hits: NDArray[np.intp], others: NDArray[np.intp]) -> float:
    """Return the mean share, in [0, 1], of each query's ``hits``, rows of (q, k), that are among its ``others``."""
    shared = (hits[:, :, None] == others[:, None, :]).any(axis=2)
    return float(shared.mean())
