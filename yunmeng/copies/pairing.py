"""Which feature of one picture looks like which of another."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.copies.features import Floats, LocalFeatures
from yunmeng.copies.opencv import opencv

__all__ = ["Pairs", "pair"]

RATIO: Final = 0.85
"""Distance to the nearest feature over that to the second nearest, above which a pair says nothing (Lowe 2004, section
7.1). He takes 0.8; here one pair is enough to guess a transform, so that more wrong ones can be borne."""
_MOST: Final = 400


@dataclass(frozen=True, slots=True)
class Pairs:
    """n pairs of features: their numbers in the query and in the target, intp (n,), the surest first."""

    query: NDArray[np.intp]
    target: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.query)


def pair(query: LocalFeatures, target: LocalFeatures, ratio: float = RATIO) -> Pairs:
    """The nearest feature of the target for each of the query's that has a clearly nearest one, at most 400 pairs.

    Where several of the query's have the same, the nearest of them.
    """
    if len(query) < 2 or len(target) < 2:
        return Pairs(np.empty(0, np.intp), np.empty(0, np.intp))
    # Not NumPy's product: its threads wait for each other where many pictures are looked at side by side.
    cv2 = opencv()
    alike: Floats = cv2.gemm(query.descriptors, target.descriptors, 1.0, None, 0.0, flags=cv2.GEMM_2_T)
    nearest = alike.argmax(axis=1)
    rows = np.arange(len(query))
    best = alike[rows, nearest]
    alike[rows, nearest] = -1
    ratios = np.sqrt(_squares(best) / _squares(alike.max(axis=1)))
    kept = np.flatnonzero(ratios < ratio)
    kept = kept[np.argsort(-best[kept], kind="stable")]
    kept = kept[np.unique(nearest[kept], return_index=True)[1]]
    kept = kept[np.argsort(ratios[kept], kind="stable")][:_MOST]
    return Pairs(kept, nearest[kept])


def _squares(cosines: Floats) -> Floats:
    """Squared distances of vectors of length 1."""
    return np.maximum(2 - 2 * cosines, 1e-9)
