"""Two pictures, held against each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from yunmeng.imaging import hamming
from yunmeng.types import Record

__all__ = ["Comparison", "compare_records"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How alike two pictures are.

    ``phash_distance`` counts the bits of 64 that differ, ``pdq_distance`` of 256; ``score`` is the cosine of their
    embeddings in [-1, 1]; ``timings`` are the seconds that each stage took: read, encode.
    """

    same_file: bool
    phash_distance: int
    pdq_distance: int
    score: float
    timings: Mapping[str, float] = field(default_factory=dict)


def compare_records(a: Record, b: Record, timings: Mapping[str, float]) -> Comparison:
    """``a`` against ``b``, both with their vectors."""
    assert a.vector is not None
    assert b.vector is not None
    return Comparison(
        same_file=a.sha256 == b.sha256,
        phash_distance=hamming(a.phash, b.phash),
        pdq_distance=hamming(a.pdq, b.pdq),
        score=min(1.0, max(-1.0, float(a.vector @ b.vector))),
        timings=timings,
    )
