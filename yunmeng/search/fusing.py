"""Fusion of several answers to one query by rank alone, as their scores may be of different kinds."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from yunmeng.types import Hit

__all__ = ["fuse", "merged"]

K: Final = 60
"""How slowly a rank loses weight: the value of the paper, which found others near it no better."""


def fuse(lists: Sequence[Sequence[Hit]], weights: Sequence[float], k: int) -> list[Hit]:
    """Return the k best of ``lists``, each best first, by reciprocal rank fusion (Cormack, Clarke and Buettcher 2009).

    A hit's score is the sum of weight / (60 + rank) over the lists that have it, ranks from 1, as a share of what the
    first of every list would get: in (0, 1]. Lists that are empty or have the weight 0 do not count. All other fields
    of a hit are from the first list that has it, except a region that only a later list knows. Equal scores are ordered
    by the ranks in the first list, then in the second and so on; a missing hit comes last.

    Raises `ValueError` unless there is one weight, finite and not negative, for each list.
    """
    if len(weights) != len(lists):
        raise ValueError(f"{len(lists)} lists have {len(weights)} weights")
    if not all(math.isfinite(weight) and weight >= 0 for weight in weights):
        raise ValueError(f"the weights must be finite and not negative: {list(weights)}")
    counted = [(hits, weight) for hits, weight in zip(lists, weights, strict=True) if hits and weight > 0]
    if not counted or k < 1:
        return []
    largest = max(weight for _, weight in counted)  # so that no sum of weights overflows
    shares = [weight / largest for _, weight in counted]
    found: dict[str, Hit] = {}
    ranks: dict[str, list[float]] = {}
    for row, (hits, _) in enumerate(counted):
        for rank, hit in enumerate(hits, 1):
            known = found.setdefault(hit.id, hit)
            if known.region is None and hit.region is not None:
                found[hit.id] = replace(known, region=hit.region)
            placed = ranks.setdefault(hit.id, [math.inf] * len(counted))
            placed[row] = min(placed[row], rank)
    scores = {id: _score(placed, shares) for id, placed in ranks.items()}
    best = sorted(ranks, key=lambda id: (-scores[id], ranks[id], id))[:k]
    return [replace(found[id], score=scores[id]) for id in best]


def merged(hits: Sequence[Hit], others: Sequence[Hit]) -> list[Hit]:
    """Both, each picture once, best first."""
    known = {hit.id for hit in hits}
    return sorted([*hits, *(hit for hit in others if hit.id not in known)], key=lambda hit: -hit.score)


def _score(ranks: Sequence[float], shares: Sequence[float]) -> float:
    parts = [share * ((K + 1) / (K + rank)) for share, rank in zip(shares, ranks, strict=True)]
    return math.fsum(parts) / math.fsum(shares)
