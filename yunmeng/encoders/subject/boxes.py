"""From a heat map to the box of its hot part."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.types import Region

__all__ = ["WHOLE", "box_of", "flat", "subject_box", "threshold"]

WHOLE: Final = Region(0.0, 0.0, 1.0, 1.0)

_BINS: Final = 64
_LEAST_RANGE: Final = 0.02
"""Difference between the hottest and the coldest place below which nothing stands out."""
_SECOND: Final = 0.5
"""Heat of a second thing, as a share of the first's, from which both are the subject, as a pair of shoes."""
_MARGIN: Final = 0.05  # on each side, in widths and heights of the box


def subject_box(heat: NDArray[np.float32]) -> tuple[Region, float]:
    """Return the box of the main subject in a heat map, float32 (h, w) in [0, 1], and how far it stands out, in [0, 1].

    The part above Otsu's threshold falls into connected areas. The subject is the area with the most heat, and others
    with nearly as much.
    """
    from scipy.ndimage import label, sum_labels

    if flat(heat):
        return WHOLE, 0.0
    areas, count = label(heat > threshold(heat))
    heats = sum_labels(heat, areas, np.arange(1, count + 1))
    subject = np.isin(areas, 1 + np.flatnonzero(heats >= _SECOND * heats.max()))
    confidence = float(heat[subject].mean() - heat[~subject].mean())
    return box_of(subject), min(1.0, max(0.0, confidence))


def flat(heat: NDArray[np.float32]) -> bool:
    """Return whether nothing stands out in a heat map, or it is broken."""
    return not np.isfinite(heat).all() or float(np.ptp(heat)) < _LEAST_RANGE


def box_of(hot: NDArray[np.bool_]) -> Region:
    """Return the box around the true places, of which there are some, with a narrow margin."""
    (left, right), (top, bottom) = (_widened(np.asarray(hot.any(axis=axis))) for axis in (0, 1))
    return Region(left, top, right - left, bottom - top)


def threshold(heat: NDArray[np.float32]) -> float:
    """Return the value that divides the map best in two; it lies below the greatest value.

    Otsu, "A Threshold Selection Method from Gray-Level Histograms", IEEE Transactions on Systems, Man, and Cybernetics,
    1979.
    """
    counts, edges = np.histogram(heat, _BINS)
    shares = counts / counts.sum()
    below = shares.cumsum()[:-1]  # of all places, up to each inner edge: never 0 and never 1
    weighted = (shares * (edges[:-1] + edges[1:]) / 2).cumsum()
    between = (weighted[-1] * below - weighted[:-1]) ** 2 / (below * (1 - below))
    return float(edges[1 + int(between.argmax())])


def _widened(hot: NDArray[np.bool_]) -> tuple[float, float]:
    """First and last true place with the margin, in fractions."""
    places = np.flatnonzero(hot)
    first, last = float(places[0]) / len(hot), float(places[-1] + 1) / len(hot)
    margin = _MARGIN * (last - first)
    return max(0.0, first - margin), min(1.0, last + margin)
