"""From an alignment that is right to some pixels to one that is right to a fraction of one."""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.copies.alignment import laid_out
from yunmeng.copies.features import LocalFeatures
from yunmeng.copies.fitting import project
from yunmeng.copies.frames import Frame, Transform, frame, inverse, to_fractions, to_pixels
from yunmeng.copies.opencv import opencv
from yunmeng.copies.pairing import pair
from yunmeng.copies.polygons import CORNERS
from yunmeng.copies.registration import luma, size_of, warped
from yunmeng.types import Alignment, Pixels

__all__ = ["refined"]

_STAGES: Final = ((96, 60, 5), (280, 30, 3))
"""Longer side of the frame in pixels, iterations at the most, pixels of the filter before: rough, then fine."""
_ENOUGH: Final = 1e-5  # gain in correlation below which it ends
_AROUND: Final = 0.1  # of the longer side of b: where a pair may lie for a homography near the alignment
_EXACT: Final = 2.0  # pixels within which a pair agrees with it
_AT_INFINITY: Final = 1e-9
_FEWEST: Final = 12  # pairs for a homography


def refined(
    a: Pixels, b: Pixels, alignment: Alignment, features_a: LocalFeatures, features_b: LocalFeatures
) -> Alignment:
    """``alignment`` of ``a`` with ``b``, moved to where their pixels correlate best; as it was where that fails.

    First a homography through the pairs of features that lie near it. Then the enhanced correlation coefficient is
    maximised over homographies (Evangelidis and Psarakis, "Parametric Image Alignment Using Enhanced Correlation
    Coefficient Maximization", PAMI 2008), which does not see gain and offset of the grey values. Raises `MissingExtra`.
    """
    current = _through_pairs(alignment, features_a, features_b) or alignment
    for side, rounds, smooth in _STAGES:
        seen = frame(size_of(a), size_of(b), current, side)
        moved = _moved(a, b, seen, rounds, smooth)
        if moved is not None:
            transform = seen.onto_b @ inverse(seen.onto_a @ moved)
            current = _updated(current, transform, size_of(a), size_of(b)) or current
    return current


def _through_pairs(alignment: Alignment, a: LocalFeatures, b: LocalFeatures) -> Alignment | None:
    side = a.mirrored() if alignment.mirrored else a
    pairs = pair(side, b)
    source, goal = side.points[pairs.query].astype(np.float64), b.points[pairs.target].astype(np.float64)
    before = to_pixels(replace(alignment, mirrored=False), a.size, b.size)
    near = _misses(before, source, goal) < _AROUND * max(b.size)
    if near.sum() < _FEWEST:
        return None
    cv2 = opencv()
    matrix, _ = cv2.findHomography(source[near], goal[near], cv2.USAC_MAGSAC, _EXACT, maxIters=2000)
    if matrix is None or not np.isfinite(matrix).all():
        return None
    agreeing = [int((_misses(one, source[near], goal[near]) < _EXACT).sum()) for one in (before, matrix)]
    if agreeing[1] <= max(agreeing[0], _FEWEST - 1):
        return None
    mirror = np.array([[-1.0, 0, a.size[0]], [0, 1, 0], [0, 0, 1]]) if alignment.mirrored else np.eye(3)
    return _updated(alignment, matrix @ mirror, a.size, b.size)


def _misses(matrix: NDArray[np.float64], source: NDArray[np.float64], goal: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):  # points on the horizon agree with nothing
        misses: NDArray[np.float64] = np.linalg.norm(project(matrix, source) - goal, axis=1)
    return misses


def _moved(a: Pixels, b: Pixels, seen: Frame, rounds: int, smooth: int) -> NDArray[np.float64] | None:
    cv2 = opencv()
    over, covered = warped(a, seen.onto_a, seen.size)
    under, _ = warped(b, seen.onto_b, seen.size)
    start = np.eye(3, dtype=np.float32)
    ends = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, rounds, _ENOUGH)
    mask = covered.astype(np.uint8)
    try:
        _, found = cv2.findTransformECC(luma(under), luma(over), start, cv2.MOTION_HOMOGRAPHY, ends, mask, smooth)
    except cv2.error:  # no correlation to climb: flat, or not the same at all
        return None
    moved = found.astype(np.float64)
    return moved if np.isfinite(moved).all() and abs(np.linalg.det(moved)) > 1e-6 else None


def _updated(alignment: Alignment, transform: Transform, a: tuple[int, int], b: tuple[int, int]) -> Alignment | None:
    """``alignment`` with another ``transform``, of pixels; None where it is no view of a picture."""
    matrix = to_fractions(transform, alignment, a, b)
    if abs(matrix[2, 2]) < _AT_INFINITY:
        return None
    matrix /= matrix[2, 2]
    if min(matrix[2] @ [*corner, 1.0] for corner in CORNERS) < 0.1:
        return None
    return laid_out(alignment.inliers, alignment.mirrored, matrix)
