"""From pairs of features to the one transform that many of them agree on.

Each pair of SIFT features alone says how one picture lies in the other: shifted, turned and scaled. So every pair is
tried, none left to chance (Philbin, Chum, Isard, Sivic and Zisserman, "Object retrieval with large vocabularies and
fast spatial matching", CVPR 2007, section 4), and the guess with most pairs behind it is made better: to an affine
transform by least squares, and to a homography by MAGSAC++ (Barath et al., CVPR 2020) where that explains more.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from yunmeng.copies.features import LocalFeatures
from yunmeng.copies.opencv import opencv
from yunmeng.copies.pairing import Pairs

__all__ = ["Doubles", "Fit", "fit", "project"]

Doubles = NDArray[np.float64]

_NEAR: Final = 0.012
"""How far a pair may lie from where the transform puts it, in longer sides of the target."""
_ROUGHLY: Final = 2.5  # times as far, for the first guess from one pair
_TURN: Final = np.pi / 6  # by which the direction of a pair may differ from that of the transform,
_ZOOM: Final = 0.8  # and its scale, in natural logarithms: stretching a picture changes both
_ROUNDS: Final = 4
_FEWEST_FOR_HOMOGRAPHY: Final = 12
_GAIN: Final = 1.15
"""By how much a homography must explain more than an affine transform, which has two freedoms fewer to go wrong in."""


class Fit(NamedTuple):
    """A transform, (3, 3), of the query's pixels to the target's, and which pairs agree on it, bool (n,)."""

    matrix: Doubles
    inliers: NDArray[np.bool_]


def fit(query: LocalFeatures, target: LocalFeatures, pairs: Pairs) -> Fit | None:
    """The transform on which most pairs agree, or None where fewer than three do."""
    if len(pairs) < 3:
        return None
    source, goal = (points.astype(np.float64) for points in (query.points[pairs.query], target.points[pairs.target]))
    turns = (target.angles[pairs.target] - query.angles[pairs.query]).astype(np.float64)
    zooms = np.log(target.scales[pairs.target] / query.scales[pairs.query]).astype(np.float64)
    near = _NEAR * max(target.size)
    linear = np.exp(zooms + 1j * turns)
    shifts = _complex(goal) - linear * _complex(source)
    misses = np.abs(linear[:, None] * _complex(source)[None] + shifts[:, None] - _complex(goal)[None])
    alike = (np.abs(zooms[:, None] - zooms[None]) < _ZOOM) & (_turned(turns[:, None] - turns[None]) < _TURN)
    agreeing = (misses < _ROUGHLY * near) & alike
    best = int(agreeing.sum(axis=1).argmax())
    affine = _grown(source, goal, agreeing[best], alike[best], near)
    if affine is None or affine.inliers.sum() < _FEWEST_FOR_HOMOGRAPHY:
        return affine
    return _bent(source, goal, affine, alike[best], near)


def project(matrix: Doubles, points: Doubles) -> Doubles:
    """Where a homography, (3, 3), takes points, (n, 2)."""
    homogeneous = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    moved: Doubles = homogeneous[:, :2] / homogeneous[:, 2:]
    return moved


def _grown(
    source: Doubles, goal: Doubles, inliers: NDArray[np.bool_], alike: NDArray[np.bool_], near: float
) -> Fit | None:
    """The affine transform that fits the ``inliers`` best, and then those that it brings, some rounds."""
    matrix = np.eye(3)
    for round_ in range(_ROUNDS):
        if inliers.sum() < 3:
            return None
        known = np.column_stack([source[inliers], np.ones(inliers.sum())])
        matrix[:2] = np.linalg.lstsq(known, goal[inliers], rcond=None)[0].T
        reach = near * (_ROUGHLY if round_ == 0 else 1.0)
        inliers = alike & (np.linalg.norm(project(matrix, source) - goal, axis=1) < reach)
    return Fit(matrix, inliers) if inliers.sum() >= 3 else None


def _bent(source: Doubles, goal: Doubles, affine: Fit, alike: NDArray[np.bool_], near: float) -> Fit:
    """A homography near the affine transform, where it explains more."""
    cv2 = opencv()
    around = alike & (np.linalg.norm(project(affine.matrix, source) - goal, axis=1) < 4 * _ROUGHLY * near)
    matrix, _ = cv2.findHomography(source[around], goal[around], cv2.USAC_MAGSAC, near, maxIters=1000)
    if matrix is None or not np.isfinite(matrix).all():
        return affine
    with np.errstate(divide="ignore", invalid="ignore"):
        misses = np.linalg.norm(project(matrix, source) - goal, axis=1)
    inliers = alike & (misses < near)
    return Fit(matrix, inliers) if inliers.sum() > _GAIN * affine.inliers.sum() else affine


def _complex(points: Doubles) -> NDArray[np.complex128]:
    return points[:, 0] + 1j * points[:, 1]


def _turned(angles: Doubles) -> Doubles:
    """The size of angles, in [0, pi]."""
    return np.abs((angles + np.pi) % (2 * np.pi) - np.pi)
