"""An alignment taken apart: mirrored, turned, scaled, stretched, cut, seen aslant, set into something."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.copies.fitting import project
from yunmeng.copies.frames import inverse, to_pixels
from yunmeng.copies.polygons import CORNERS, area, clip
from yunmeng.types import Alignment

__all__ = ["Placing", "placing"]

_SLANTED: Final = 0.012  # of the diagonal, by which a homography departs from the nearest affine transform
_SKEWED: Final = 3.0  # degrees


@dataclass(frozen=True, slots=True)
class Placing:
    """How an original became what a copy shows of it.

    ``mirrored`` is empty or tells between which sides. Then it was turned by ``angle`` degrees clockwise, in
    (-180, 180]. ``scales`` are the factors of the original's width and height; ``skew`` is how far its axes are from a
    right angle in the copy, in degrees; ``slant`` how far the copy is from any affine one, in diagonals of the copy.
    ``shown`` is the share of the original that the copy's frame shows, ``taken`` that of the copy that the original
    takes up, ``margins`` how far it keeps away from the left, upper, right and lower side of it, in fractions.
    ``in_own_frame`` tells that the copy kept the original's frame and was only turned in it, which costs it corners.
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
        """Whether the copy shows the original as if seen from the side."""
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
    """Whether the copy has the frame of the original, in which it was only turned: corners are lost without a cut."""
    centred = bool(np.abs(frame.mean(axis=0) - 0.5).max() < 0.02)
    return centred and all(
        abs(math.log(one * scale / other)) < 0.03 for one, other, scale in zip(original, copy, scales, strict=True)
    )
