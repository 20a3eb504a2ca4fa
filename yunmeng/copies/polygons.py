"""Convex polygons, (n, 2) by their corners: cutting them to a rectangle, and their area."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["CORNERS", "area", "clip"]

CORNERS = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
"""Of the unit square, clockwise as it is seen."""


def clip(polygon: NDArray[np.float64]) -> NDArray[np.float64]:
    """What of a convex polygon lies in the unit square, (m, 2), by its sides one after the other (Sutherland and
    Hodgman, "Reentrant Polygon Clipping", Communications of the ACM, 1974); (0, 2) where nothing does."""
    for axis, bound, sign in ((0, 0.0, 1), (0, 1.0, -1), (1, 0.0, 1), (1, 1.0, -1)):
        if len(polygon) == 0:
            break
        inside = sign * (polygon[:, axis] - bound)
        following, ahead = np.roll(polygon, -1, axis=0), np.roll(inside, -1)
        kept = []
        for point, successor, here, there in zip(polygon, following, inside, ahead, strict=True):
            if here >= 0:
                kept.append(point)
            if (here >= 0) != (there >= 0):
                kept.append(point + (successor - point) * here / (here - there))
        polygon = np.array(kept).reshape(-1, 2)
    return polygon


def area(polygon: NDArray[np.float64]) -> float:
    """The area of a polygon that does not cross itself, positive for one that is clockwise as it is seen."""
    following = np.roll(polygon, -1, axis=0)
    return float((polygon[:, 0] * following[:, 1] - following[:, 0] * polygon[:, 1]).sum() / 2)
