"""Bands of scores in words, learnt by each library: how alike a hit is, against what is usual among its own pictures.

A cosine of 0.6 is a near likeness in an archive of everything, and what any two shoes have in a shop of shoes. Two
samples tell what is usual: the scores of pictures with their nearest other picture, and those of random pairs.

========== =============================================================================================================
distant    below ``alike``
alike      from the score on at which both samples are wrong equally often: the share of random pairs that reach it is
           the share of nearest pictures that do not (their equal error rate)
very-alike nearer than the nearest other picture of three in four
same       nearer than the nearest other picture of 99 in 100, and nine times as likely an edited copy as another
           picture, by the library's calibration; without one, 0.95 at the least
========== =============================================================================================================

Scores with words have no bands: they are ranks, or lie on another scale; nor have mixtures, which are nearer to
everything than a picture is, and parts of pictures, of which the best of many counts.
"""

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from yunmeng.types import Band

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yunmeng.search.calibration import Calibration

__all__ = ["Bands", "learn"]

FEW: Final = 0.75
RARE: Final = 0.99
SURELY: Final = 0.9
"""The chance from which a score is a copy's."""
UNKNOWN: Final = 0.95
"""The least score of the band ``same`` where nothing is known of copies: untouched ones have 1.0."""
ROUNDED: Final = 1e-4
"""By which a copy's cosine may fall short of 1: stores keep vectors in half precision too."""


class Bands(BaseModel):
    """The least score of each band but the last, learnt for one ``edition`` of a library with so many ``pictures``."""

    model_config = ConfigDict(frozen=True)

    edition: int
    pictures: int
    same: float
    very_alike: float
    alike: float

    def band(self, score: float) -> Band:
        """Return the band of a score as `Store.search` gives it."""
        if score >= self.same:
            return "same"
        if score >= self.very_alike:
            return "very-alike"
        return "alike" if score >= self.alike else "distant"


def learn(
    nearest: "Sequence[float] | NDArray[np.float64]",
    pairs: "Sequence[float] | NDArray[np.float64]",
    calibration: "Calibration | None",
    *,
    edition: int,
    pictures: int,
) -> Bands:
    """Return the bands by scores of pictures with their ``nearest`` other picture, and of random ``pairs``."""
    near, far = np.sort(np.asarray(nearest, np.float64)), np.sort(np.asarray(pairs, np.float64))
    alike = _equal_error(near, far)
    very_alike = max(alike, float(np.quantile(near, FEW)))
    copy = UNKNOWN if calibration is None else _score_of(calibration, SURELY)
    same = min(max(very_alike, copy, float(np.quantile(near, RARE))), 1 - ROUNDED)
    return Bands(
        edition=edition, pictures=pictures, same=same, very_alike=min(very_alike, same), alike=min(alike, same)
    )


def _equal_error(near: NDArray[np.float64], far: NDArray[np.float64]) -> float:
    """The score at which as large a share of ``far`` lies above as of ``near`` lies below; both are sorted."""
    scores = np.unique(np.concatenate([near, far]))
    below = np.searchsorted(near, scores, side="left") / len(near)
    above = 1 - np.searchsorted(far, scores, side="left") / len(far)
    return float(scores[np.argmax(below >= above)])


def _score_of(calibration: "Calibration", chance: float) -> float:
    """The score that has this chance; 1 where none has."""
    if calibration.chance(1.0) < chance:
        return 1.0
    odds = math.log(chance / (1 - chance))
    return math.cos(min(math.exp((calibration.offset - odds) / calibration.slope), math.pi))
