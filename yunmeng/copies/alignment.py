"""How one picture lies in another, as their local features tell."""

from typing import Final

import numpy as np

from yunmeng.copies.features import Floats, LocalFeatures
from yunmeng.copies.fitting import Doubles, Fit, fit, project
from yunmeng.copies.pairing import pair
from yunmeng.copies.polygons import CORNERS, area, clip
from yunmeng.types import Alignment, Region

__all__ = ["FEWEST_INLIERS", "align", "laid_out", "within"]

FEWEST_INLIERS: Final = 8
"""Features that must agree. Strangers reach 5 or 6 by chance."""
_MOST_STRETCHED: Final = 4.0
"""Times by which a transform may stretch one direction against the other."""
_LEAST_ZOOM: Final = 1 / 40  # of the query's side, in the target's
_LEAST_VIEW: Final = 0.2
"""Least ratio of the depths (the homogeneous coordinates) of the query's corners: less is no picture seen aslant."""


def align(query: LocalFeatures, target: LocalFeatures, fewest: int = FEWEST_INLIERS) -> Alignment | None:
    """How the query, or its mirror image, lies in the target; None where too few features agree on a sound transform.

    Less than the usual ``fewest`` is for callers who look at the pixels as well.

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
    """How many places there are; one place has several features where it has several directions."""
    return min(len(np.unique(side.round(), axis=0)) for side in points)


def _alignment(
    inliers: int, mirrored: bool, fitted: Fit, query: tuple[int, int], target: tuple[int, int]
) -> Alignment | None:
    matrix = _in_fractions(fitted.matrix, query, target)
    return laid_out(inliers, mirrored, matrix) if _sound(matrix, query, target) else None


def laid_out(inliers: int, mirrored: bool, matrix: Doubles) -> Alignment | None:
    """The alignment of a transform of fractions, (3, 3); None where neither picture shows anything of the other."""
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
    """The alignment of a whole query from that of its ``part``; None where it goes on behind the horizon."""
    left = 1 - part.x - part.w if alignment.mirrored else part.x
    of_part = np.array([(1 / part.w, 0, -left / part.w), (0, 1 / part.h, -part.y / part.h), (0, 0, 1)])
    whole: Doubles = np.array(alignment.transform).reshape(3, 3) @ of_part
    depths = whole[2] @ np.column_stack([CORNERS, np.ones(4)]).T
    if depths.min() <= 0:
        return None
    return laid_out(alignment.inliers, alignment.mirrored, whole / whole[2, 2])


def _in_fractions(matrix: Doubles, query: tuple[int, int], target: tuple[int, int]) -> Doubles:
    """A transform of fractions of the query to fractions of the target, from one of pixels, whose centres lie at whole
    numbers."""
    from_fractions = np.array([(query[0], 0, -0.5), (0, query[1], -0.5), (0, 0, 1)])
    to_fractions = np.array([(1 / target[0], 0, 0.5 / target[0]), (0, 1 / target[1], 0.5 / target[1]), (0, 0, 1)])
    scaled: Doubles = to_fractions @ matrix @ from_fractions
    return scaled / (scaled[2, 2] or 1.0)


def _sound(matrix: Doubles, query: tuple[int, int], target: tuple[int, int]) -> bool:
    """Whether a transform of fractions is one that a picture can have undergone, neither folded nor flattened."""
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
