"""The transforms of an `Alignment`: in pixels, in the frame that both pictures share, and taken apart into edits.

What one picture shows of another is a convex polygon, (n, 2) by its corners.
"""

import math
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from yunmeng.types import Alignment

__all__ = [
    "CORNERS",
    "Frame",
    "Placing",
    "Transform",
    "area",
    "between_centres",
    "clip",
    "frame",
    "inverse",
    "jacobian",
    "placing",
    "project",
    "to_fractions",
    "to_pixels",
]

Transform: TypeAlias = NDArray[np.float64]
"""A homography, (3, 3), that takes points in pixels to points in pixels: (x, y, 1), continuous, the corner at 0."""

_MIRROR: Final = np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]])
_CENTRED: Final = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
_LEAST_SIDE: Final = 8


class Frame(NamedTuple):
    """A window of ``size``, width and height in pixels, with the transforms from its points to either picture's."""

    size: tuple[int, int]
    onto_a: Transform
    onto_b: Transform


def frame(a: tuple[int, int], b: tuple[int, int], alignment: Alignment, side: int) -> Frame:
    """Return the frame around what both pictures show, as fine as the coarser one, at most ``side`` pixels long.

    ``a`` and ``b`` are their sizes, width and height in pixels.
    """
    onto = inverse(to_pixels(alignment, a, b))  # points of b to points of a
    xs, ys = np.array(alignment.outline).T
    low = np.clip([xs.min(), ys.min()], 0, 1) * b
    high = np.clip([xs.max(), ys.max()], 0, 1) * b
    extent = np.maximum(high - low, 1.0)
    middle = (low + high) / 2
    density = np.linalg.svd(jacobian(onto, (middle[0], middle[1])), compute_uv=False)[1]
    scale = min(1.0, float(density), side / float(extent.max()))
    width, height = (max(_LEAST_SIDE, round(length * scale)) for length in extent)
    place = np.array([[extent[0] / width, 0, low[0]], [0, extent[1] / height, low[1]], [0, 0, 1]])
    return Frame((width, height), onto @ place, place)


def to_pixels(alignment: Alignment, a: tuple[int, int], b: tuple[int, int]) -> Transform:
    """Return the transform of an alignment in pixels of pictures that are ``a`` and ``b`` (width, height) large."""
    fractions = np.array(alignment.transform, dtype=np.float64).reshape(3, 3)
    whole: Transform = np.diag([*b, 1.0]) @ fractions @ _mirror(alignment) @ np.diag([1 / a[0], 1 / a[1], 1.0])
    return whole


def to_fractions(transform: Transform, alignment: Alignment, a: tuple[int, int], b: tuple[int, int]) -> Transform:
    """Return a transform in pixels as one of fractions, mirrored as ``alignment`` is: the inverse of `to_pixels`."""
    whole: Transform = np.diag([1 / b[0], 1 / b[1], 1.0]) @ transform @ np.diag([*a, 1.0]) @ _mirror(alignment)
    return whole


def jacobian(transform: Transform, point: tuple[float, float]) -> NDArray[np.float64]:
    """Return how the image of ``point`` moves with it, (2, 2)."""
    x, y, w = transform @ [point[0], point[1], 1.0]
    rows: NDArray[np.float64] = (transform[:2, :2] - np.outer([x / w, y / w], transform[2, :2])) / w
    return rows


def between_centres(transform: Transform) -> Transform:
    """Return the same transform for points that count from the centre of the first pixel, as OpenCV's do."""
    counted: Transform = inverse(_CENTRED) @ transform @ _CENTRED
    return counted


def project(matrix: Transform, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the images of points, (n, 2), under a homography, (3, 3)."""
    homogeneous = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    moved: NDArray[np.float64] = homogeneous[:, :2] / homogeneous[:, 2:]
    return moved


def inverse(transform: Transform) -> Transform:
    """Return the inverse of a transform."""
    return np.asarray(np.linalg.inv(transform), dtype=np.float64)


def _mirror(alignment: Alignment) -> Transform:
    return _MIRROR if alignment.mirrored else np.eye(3)


CORNERS = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
"""Of the unit square, clockwise as it is seen."""


def clip(polygon: NDArray[np.float64]) -> NDArray[np.float64]:
    """Clip a convex polygon to the unit square; returns (m, 2), or (0, 2) where nothing lies in it.

    By the sides of the square, one after the other (Sutherland and Hodgman, "Reentrant Polygon Clipping",
    Communications of the ACM, 1974).
    """
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
    """Return the area of a polygon that does not cross itself, positive where it runs clockwise as it is seen."""
    following = np.roll(polygon, -1, axis=0)
    return float((polygon[:, 0] * following[:, 1] - following[:, 0] * polygon[:, 1]).sum() / 2)


_SLANTED: Final = 0.012  # of the diagonal, by which a homography departs from the nearest affine transform
_SKEWED: Final = 3.0  # degrees


@dataclass(frozen=True, slots=True)
class Placing:
    """The way from an original to what a copy shows of it, taken apart into steps.

    ``mirrored`` is empty or says between which sides. After that it was turned by ``angle`` degrees clockwise, in
    (-180, 180]. ``scales`` are the factors of the original's width and height; ``skew`` is how far its axes are from a
    right angle in the copy, in degrees; ``slant`` how far the copy is from any affine one, in diagonals of the copy.
    ``shown`` is the share of the original that the copy's frame shows, ``taken`` that of the copy that the original
    takes up, ``margins`` how far it keeps away from the left, upper, right and lower side of it, in fractions.
    ``in_own_frame`` says that the copy kept the original's frame and was only turned in it, so that corners are lost.
    """

    mirrored: str
    angle: float
    scales: tuple[float, float]
    skew: float
    slant: float
    shown: float
    in_own_frame: bool
    taken: float
    margins: tuple[float, float, float, float]

    @property
    def aslant(self) -> bool:
        """True where the copy shows the original as if seen from the side."""
        return self.slant > _SLANTED or self.skew > _SKEWED


def placing(alignment: Alignment, copy: tuple[int, int], original: tuple[int, int]) -> Placing:
    """Take apart how ``copy`` lies in ``original``; both are sizes, width and height in pixels."""
    onto_copy = inverse(to_pixels(alignment, copy, original))
    points = np.array(alignment.outline) * original
    linear, slant = _affine(points, project(onto_copy, points), copy)
    mirrored = bool(np.linalg.det(linear) < 0)
    if mirrored:
        linear = np.diag([-1.0, 1.0]) @ linear  # what was turned is the mirror image, seen in a mirror
    angle = math.degrees(math.atan2(linear[1, 0] - linear[0, 1], linear[0, 0] + linear[1, 1]))
    turn = _rotation(angle)
    upright = turn.T @ linear  # symmetric, as the rotation is the one nearest to the transform
    scales = (float(np.hypot(*upright[:, 0])), float(np.hypot(*upright[:, 1])))
    cosine = float(linear[:, 0] @ linear[:, 1]) / (scales[0] * scales[1])
    mirrors = ""
    if mirrored:
        angle, mirrors = -angle, "left to right"
        if abs(angle) > 135:
            angle, mirrors = angle - math.copysign(180, angle), "top to bottom"
    frame = project(onto_copy, CORNERS * original) / copy
    low, high = frame.min(axis=0).clip(0, 1), frame.max(axis=0).clip(0, 1)
    return Placing(
        mirrored=mirrors,
        angle=angle,
        scales=scales,
        skew=abs(90 - math.degrees(math.acos(max(-1.0, min(1.0, cosine))))),
        slant=slant,
        shown=alignment.target_overlap,
        in_own_frame=_in_own_frame(frame, copy, original, scales),
        taken=abs(area(clip(frame if area(frame) > 0 else frame[::-1]))),
        margins=(float(low[0]), float(low[1]), float(1 - high[0]), float(1 - high[1])),
    )


def _affine(
    points: NDArray[np.float64], moved: NDArray[np.float64], copy: tuple[int, int]
) -> tuple[NDArray[np.float64], float]:
    """The affine transform that is nearest to where ``points`` go, and how far it is from that, in diagonals."""
    known = np.column_stack([points, np.ones(len(points))])
    solution = np.asarray(np.linalg.lstsq(known, moved, rcond=None)[0], dtype=np.float64)
    off = float(np.linalg.norm(known @ solution - moved, axis=1).max()) / math.hypot(*copy)
    return solution[:2].T, off


def _rotation(degrees: float) -> NDArray[np.float64]:
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[cosine, -sine], [sine, cosine]])


def _in_own_frame(
    frame: NDArray[np.float64], copy: tuple[int, int], original: tuple[int, int], scales: tuple[float, float]
) -> bool:
    """Return whether the copy kept the original's frame and was only turned in it, so that its corners are lost."""
    centred = bool(np.abs(frame.mean(axis=0) - 0.5).max() < 0.02)
    return centred and all(
        abs(math.log(one * scale / other)) < 0.03 for one, other, scale in zip(original, copy, scales, strict=True)
    )
