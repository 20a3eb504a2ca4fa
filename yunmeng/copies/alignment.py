"""The alignment of one picture with another, by their local features and then by their pixels.

Each pair of SIFT features alone says how one picture lies in the other: shifted, turned and scaled. So every pair is
tried, none left to chance (Philbin, Chum, Isard, Sivic and Zisserman, "Object retrieval with large vocabularies and
fast spatial matching", CVPR 2007, section 4), and the guess with most pairs behind it is made better: to an affine
transform by least squares, and to a homography by MAGSAC++ (Barath et al., CVPR 2020) where that explains more.
"""

from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from yunmeng.copies.features import Floats, LocalFeatures, Pairs, pair
from yunmeng.copies.opencv import opencv
from yunmeng.copies.registration import covers, luma, size_of, warped
from yunmeng.copies.transform import (
    CORNERS,
    Frame,
    Transform,
    area,
    clip,
    frame,
    inverse,
    project,
    to_fractions,
    to_pixels,
)
from yunmeng.types import Alignment, Pixels, Region

__all__ = ["FEWEST_INLIERS", "Doubles", "Fit", "align", "fit", "inverted", "laid_out", "refine", "within"]

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
    """Return the transform on which most pairs agree, or None where fewer than three do."""
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


def _grown(
    source: Doubles, goal: Doubles, inliers: NDArray[np.bool_], alike: NDArray[np.bool_], near: float
) -> Fit | None:
    """Fit an affine transform to the ``inliers``, take in the pairs that now agree with it, and repeat a few times."""
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
    """Return a homography near the affine transform if it explains more pairs, else the affine transform."""
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


FEWEST_INLIERS: Final = 8
"""Features that must agree. Strangers reach 5 or 6 by chance."""
_MOST_STRETCHED: Final = 4.0
"""Times by which a transform may stretch one direction against the other."""
_LEAST_ZOOM: Final = 1 / 40  # of the query's side, in the target's
_LEAST_VIEW: Final = 0.2
"""Least ratio of the depths (the homogeneous coordinates) of the query's corners: less is no picture seen aslant."""


def align(query: LocalFeatures, target: LocalFeatures, fewest: int = FEWEST_INLIERS) -> Alignment | None:
    """Return how the query, or its mirror image, lies in the target; None where too few features agree.

    The transform must be sound too: a picture is never folded. Callers who look at the pixels as well may take fewer
    than the usual ``fewest`` features.

    Raises `MissingExtra`.
    """
    found = []
    for mirrored in (False, True):
        side = query.mirrored() if mirrored else query
        pairs = pair(side, target)
        fitted = fit(side, target, pairs)
        if fitted is None:
            continue
        inliers = _distinct(side.points[pairs.query[fitted.inliers]], target.points[pairs.target[fitted.inliers]])
        found.append((inliers, mirrored, fitted))
    found.sort(key=lambda one: one[0], reverse=True)
    for inliers, mirrored, fitted in found:
        if inliers >= fewest:
            alignment = _alignment(inliers, mirrored, fitted, query.size, target.size)
            if alignment is not None:
                return alignment
    return None


def _distinct(*points: Floats) -> int:
    """Return the number of distinct places; one place has several features where it has several directions."""
    return min(len(np.unique(side.round(), axis=0)) for side in points)


def _alignment(
    inliers: int, mirrored: bool, fitted: Fit, query: tuple[int, int], target: tuple[int, int]
) -> Alignment | None:
    matrix = _in_fractions(fitted.matrix, query, target)
    return laid_out(inliers, mirrored, matrix) if _sound(matrix, query, target) else None


def laid_out(inliers: int, mirrored: bool, matrix: Doubles) -> Alignment | None:
    """Return the alignment of a transform of fractions, (3, 3); None where neither picture shows any of the other."""
    outline = clip(project(matrix, CORNERS))
    covered = clip(project(np.linalg.inv(matrix).astype(np.float64), CORNERS))
    if len(outline) < 3 or len(covered) < 3:
        return None
    return Alignment(
        inliers=inliers,
        transform=tuple(matrix.ravel().tolist()),  # type: ignore[arg-type]  # nine of them
        mirrored=mirrored,
        outline=tuple((float(x), float(y)) for x, y in outline.clip(0, 1)),
        query_overlap=min(1.0, abs(area(covered))),
        target_overlap=min(1.0, abs(area(outline))),
    )


def within(alignment: Alignment, part: Region) -> Alignment | None:
    """Return the alignment of a whole query from that of its ``part``; None where it passes the horizon."""
    left = 1 - part.x - part.w if alignment.mirrored else part.x
    of_part = np.array([(1 / part.w, 0, -left / part.w), (0, 1 / part.h, -part.y / part.h), (0, 0, 1)])
    whole: Doubles = np.array(alignment.transform).reshape(3, 3) @ of_part
    depths = whole[2] @ np.column_stack([CORNERS, np.ones(4)]).T
    if depths.min() <= 0:
        return None
    return laid_out(alignment.inliers, alignment.mirrored, whole / whole[2, 2])


def inverted(alignment: Alignment) -> Alignment | None:
    """Return how the target lies in the query; None where it passes the horizon."""
    mirror = np.array([(-1.0, 0, 1), (0, 1, 0), (0, 0, 1)]) if alignment.mirrored else np.eye(3)
    matrix: Doubles = mirror @ np.linalg.inv(np.array(alignment.transform).reshape(3, 3)) @ mirror
    depths = matrix[2] @ np.column_stack([CORNERS, np.ones(4)]).T
    if depths.min() * depths.max() <= 0:
        return None
    return laid_out(alignment.inliers, alignment.mirrored, matrix / matrix[2, 2])


def _in_fractions(matrix: Doubles, query: tuple[int, int], target: tuple[int, int]) -> Doubles:
    """A transform of fractions of the query to fractions of the target, from one of pixels, whose centres lie at whole
    numbers."""
    from_fractions = np.array([(query[0], 0, -0.5), (0, query[1], -0.5), (0, 0, 1)])
    to_fractions = np.array([(1 / target[0], 0, 0.5 / target[0]), (0, 1 / target[1], 0.5 / target[1]), (0, 0, 1)])
    scaled: Doubles = to_fractions @ matrix @ from_fractions
    return scaled / (scaled[2, 2] or 1.0)


def _sound(matrix: Doubles, query: tuple[int, int], target: tuple[int, int]) -> bool:
    """Return whether a picture can have undergone a transform of fractions, neither folded nor flattened."""
    if not np.isfinite(matrix).all():
        return False
    depths = matrix[2] @ np.column_stack([CORNERS, np.ones(4)]).T
    if depths.min() <= _LEAST_VIEW * depths.max():
        return False
    corners = project(matrix, CORNERS)
    sides = np.roll(corners, -1, axis=0) - corners
    following = np.roll(sides, -1, axis=0)
    if ((sides[:, 0] * following[:, 1] - sides[:, 1] * following[:, 0]) <= 0).any():
        return False
    linear = np.diag(target) @ (corners[[1, 3]] - corners[0]).T @ np.diag(1 / np.array(query))
    longest, shortest = np.linalg.svd(linear, compute_uv=False)
    zoomed = longest * max(query) / max(target)
    return bool(shortest > longest / _MOST_STRETCHED and _LEAST_ZOOM < zoomed < 1 / _LEAST_ZOOM)


_STAGES: Final = ((96, 60, 5), (280, 30, 3))
"""Longer side of the frame in pixels, iterations at the most, pixels of the filter before: rough, then fine."""
_ENOUGH: Final = 1e-5  # gain in correlation below which it ends
_AROUND: Final = 0.1  # of the longer side of b: where a pair may lie for a homography near the alignment
_EXACT: Final = 2.0  # pixels within which a pair agrees with it
_AT_INFINITY: Final = 1e-9
_FEWEST: Final = 12  # pairs for a homography


def refine(
    a: Pixels, b: Pixels, alignment: Alignment, features_a: LocalFeatures, features_b: LocalFeatures
) -> Alignment:
    """Return ``alignment`` of ``a`` with ``b`` where their pixels correlate best; unchanged where that fails.

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
    over, covered = warped(a, seen.onto_a, seen.size), covers(a, seen.onto_a, seen.size)
    under = warped(b, seen.onto_b, seen.size)
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
