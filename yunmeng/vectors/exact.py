"""Exact search: every vector is looked at, so that the answer is right by definition. For a few, or for measuring."""

from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from yunmeng.vectors.engine import faiss

__all__ = ["ExactMetric", "Nearest", "NearestCodes", "nearest", "nearest_codes"]

ExactMetric: TypeAlias = Literal["cosine", "euclidean", "manhattan"]

_METRICS: Final = {"cosine": "METRIC_INNER_PRODUCT", "euclidean": "METRIC_L2", "manhattan": "METRIC_L1"}


class Nearest(NamedTuple):
    """For each query a row, best first: ``rows`` int64 of the vectors, and their similarity or distance, float32.

    Cosine is a similarity in [-1, 1] and falls along a row; the distances, 0 and up, grow.
    """

    rows: NDArray[np.int64]
    values: NDArray[np.float32]


class NearestCodes(NamedTuple):
    """For each query a row, best first: ``rows`` int64 of the codes, and how many bits differ, int32."""

    rows: NDArray[np.int64]
    bits: NDArray[np.int32]


def nearest(
    queries: NDArray[np.float32], vectors: NDArray[np.float32], k: int, metric: ExactMetric = "cosine"
) -> Nearest:
    """Return the ``k`` of ``vectors``, float32 (n, dim), that are nearest to each of ``queries``, float32 (m, dim).

    All of them where there are fewer than ``k``. Vectors need no certain length for the cosine; that of a vector of
    length 0 to any other is 0. Equally near ones come in no particular order. Raises `MissingExtra`, and ValueError
    where the dimensions differ.
    """
    engine = faiss()
    asked, kept = np.ascontiguousarray(queries, np.float32), np.ascontiguousarray(vectors, np.float32)
    _check(asked, kept)
    k = max(min(k, len(kept)), 0)
    if not k or not len(asked):
        return Nearest(np.empty((len(asked), k), np.int64), np.empty((len(asked), k), np.float32))
    if metric == "cosine":
        asked, kept = asked.copy(), kept.copy()
        engine.normalize_L2(asked)
        engine.normalize_L2(kept)
    values, rows = engine.knn(asked, kept, k, getattr(engine, _METRICS[metric]))
    if metric == "cosine":
        values = values.clip(-1, 1)
    elif metric == "euclidean":
        values = np.sqrt(values.clip(0, None))  # FAISS gives squares, and below 0 by rounding
    return Nearest(rows, values)


def nearest_codes(queries: NDArray[np.uint8], codes: NDArray[np.uint8], k: int) -> NearestCodes:
    """Return the ``k`` of ``codes``, uint8 (n, bytes), nearest to each of ``queries``, uint8 (m, bytes), by Hamming.

    Bits are packed eight to a byte, as `numpy.packbits` does. All of them where there are fewer than ``k``. Raises
    `MissingExtra`, and ValueError where the lengths differ.
    """
    engine = faiss()
    asked, kept = np.ascontiguousarray(queries, np.uint8), np.ascontiguousarray(codes, np.uint8)
    _check(asked, kept)
    k = max(min(k, len(kept)), 0)
    if not k or not len(asked):
        return NearestCodes(np.empty((len(asked), k), np.int64), np.empty((len(asked), k), np.int32))
    bits, rows = engine.knn_hamming(asked, kept, k)
    return NearestCodes(rows.astype(np.int64), bits.astype(np.int32))


def _check(asked: NDArray[np.generic], kept: NDArray[np.generic]) -> None:
    if asked.ndim != 2 or kept.ndim != 2 or asked.shape[1] != kept.shape[1]:
        raise ValueError(f"shapes {asked.shape} and {kept.shape} do not go together: both are (count, same length)")
