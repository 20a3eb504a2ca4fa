"""From what speaks for a copy to one number: the chance that it is one."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Evidence", "chance", "cues"]

_FAR: Final = 128
"""Bits by which the fingerprints of strangers differ."""
_CHANCE: Final = 0.5
"""Correlation of pixels that strangers with the same pose or the same background reach."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for one picture being the original of another.

    ``cosine`` is the greatest similarity of any look at the suspect to the picture, ``bits`` the least distance of a
    fingerprint of the suspect, of 256. ``laid`` is the correlation of their pixels where they are laid one over the
    other as the fingerprints say. ``inliers`` counts the local features that agree, 0 where too few do; ``agreement``
    is the correlation of pixels as they then lie, and ``overlap`` the greater share of the two that the other shows.
    ``read`` says whether the picture's file could be looked at.
    """

    cosine: float
    bits: int
    read: bool = False
    laid: float = 0.0
    inliers: int = 0
    agreement: float = 0.0
    overlap: float = 0.0


def cues(evidence: Evidence) -> NDArray[np.float64]:
    """The numbers that `chance` weighs, (n,)."""
    near = max(0.0, 1 - evidence.bits / _FAR) ** 2
    if not evidence.read:
        return np.array([evidence.cosine, near])
    laid, agreed = (max(0.0, value - _CHANCE) for value in (evidence.laid, evidence.agreement))
    counted = math.log1p(evidence.inliers)
    return np.array([evidence.cosine, near, laid, counted, agreed, counted * agreed])


_SEEN: Final = (np.array([0.772, 11.381, 4.421, 1.225, 8.524, 1.35]), -9.158)
_UNSEEN: Final = (np.array([12.908, 18.767]), -13.654)
"""Weights of the cues, and an offset, with the file of the candidate and without it."""


def chance(evidence: Evidence) -> float:
    """The chance in [0, 1] that the suspect was made from the picture."""
    weights, offset = _SEEN if evidence.read else _UNSEEN
    return 1 / (1 + math.exp(-float(weights @ cues(evidence) + offset)))
