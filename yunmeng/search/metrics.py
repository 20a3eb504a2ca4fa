"""Similarities of vectors and codes by the usual metrics: higher is always better."""

from collections.abc import Sequence
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray

from yunmeng.errors import QueryError
from yunmeng.types import LibraryMetric, Metric

__all__ = [
    "LIBRARY_METRICS",
    "METRICS",
    "check_library_metric",
    "codes_of_hex",
    "equal_bits",
    "sign_codes",
    "similarities",
]

LIBRARY_METRICS: Final[tuple[LibraryMetric, ...]] = get_args(LibraryMetric)
"""Those of vectors: fingerprints are of pictures only, and words have none."""

METRICS: Final[tuple[Metric, ...]] = get_args(Metric)

BLOCK: Final = 4_000_000
"""Differences that are held at once: 32 MB."""


def similarities(queries: NDArray[np.floating], vectors: NDArray[np.floating], metric: Metric) -> NDArray[np.float64]:
    """Return the similarities of ``queries`` (n, dim) to ``vectors`` (m, dim): float64 (n, m), higher is better.

    - ``cosine``: in [-1, 1]; 0 to a vector of length 0.
    - ``euclidean``, ``manhattan``: 1 / (1 + distance), in (0, 1], 1 where they are equal.
    - ``hamming``: the share of equal bits of their `sign_codes`, in [0, 1]. For unit vectors it grows with the cosine:
      a random hyperplane separates two of them with a chance of angle / pi (Charikar, "Similarity estimation
      techniques from rounding algorithms", STOC 2002, section 3); here the hyperplanes are those of the axes.

    Raises `QueryError` for ``fingerprint``, which is of pictures and not of vectors: see `equal_bits`.
    """
    one, other = np.asarray(queries, np.float64), np.asarray(vectors, np.float64)
    match metric:
        case "cosine":
            return np.clip(_unit(one) @ _unit(other).T, -1, 1)
        case "euclidean":
            return 1 / (1 + _distances(one, other, euclidean=True))
        case "manhattan":
            return 1 / (1 + _distances(one, other, euclidean=False))
        case "hamming":
            return equal_bits(sign_codes(one), sign_codes(other), one.shape[1])
    raise QueryError(f"vectors cannot be compared by the metric {metric}: {', '.join(LIBRARY_METRICS)} do")


def check_library_metric(metric: str) -> None:
    """Check that a library can have the metric. Raises `QueryError`."""
    if metric not in LIBRARY_METRICS:
        raise QueryError(f"a library's metric is one of {', '.join(LIBRARY_METRICS)}, not {metric!r}")


def sign_codes(vectors: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return which numbers of ``vectors`` (n, dim) are above 0: uint8 (n, ceil(dim / 8)), eight to a byte."""
    return np.packbits(np.asarray(vectors) > 0, axis=1)


def codes_of_hex(hashes: Sequence[str]) -> NDArray[np.uint8]:
    """Return hashes of one length, given as hex, as codes: uint8 (n, digits / 2)."""
    return np.array([np.frombuffer(bytes.fromhex(digits), np.uint8) for digits in hashes], np.uint8)


def equal_bits(codes: NDArray[np.uint8], others: NDArray[np.uint8], bits: int | None = None) -> NDArray[np.float64]:
    """Return the share of equal bits of ``codes`` (n, bytes) and ``others`` (m, bytes): float64 (n, m) in [0, 1].

    For hashes of pictures it is 1 - Hamming distance / number of bits. ``bits`` is the number of bits where the last
    byte is not full.
    """
    total = 8 * codes.shape[1] if bits is None else bits
    different = np.empty((len(codes), len(others)), np.float64)
    for rows in _blocks(len(codes), others.size):
        differing = np.bitwise_count(codes[rows, None] ^ others[None])
        different[rows] = differing.sum(axis=2, dtype=np.int64)
    return 1 - different / max(total, 1)


def _distances(one: NDArray[np.float64], other: NDArray[np.float64], *, euclidean: bool) -> NDArray[np.float64]:
    """By differences: by products, equal vectors would not be at 0."""
    found = np.empty((len(one), len(other)))
    for rows in _blocks(len(one), other.size):
        difference = one[rows, None] - other[None]
        if euclidean:
            found[rows] = np.sqrt(np.einsum("nmd,nmd->nm", difference, difference))
        else:
            found[rows] = np.abs(difference, out=difference).sum(axis=2)
    return found


def _blocks(count: int, each: int) -> list[slice]:
    """Rows to take at once, where each row needs ``each`` differences."""
    size = max(1, BLOCK // max(each, 1))
    return [slice(start, start + size) for start in range(0, count, size)]


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)
