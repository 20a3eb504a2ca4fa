"""From a heat map to the boxes of the separate things in a picture."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.encoders.subject.boxes import box_of, flat, threshold
from yunmeng.types import Region

__all__ = ["MOST", "object_boxes"]

MOST: Final = 5
"""Boxes of a picture, at most."""

_LEAST: Final = 0.03  # area of a box, as a share of the picture
_LEAST_HOT: Final = 0.01  # area of the hot part in it, which may be narrow
_FLOOR: Final = 0.12
"""Heat, as a share of the greatest, above which something may be a thing: a second one is often much fainter."""
_DEPTH: Final = 0.4
"""Two peaks are two things where the heat between them falls by this share of the lower one."""
_EDGE: Final = 0.45  # heat at the edge of a thing, as a share of its own
_BESIDE: Final = 0.3  # area of a further piece of a thing, as a share of its largest
_STEP: Final = 0.05  # between two levels
_OVERLAP: Final = 0.3  # of two boxes, intersection over union


def object_boxes(heat: NDArray[np.float32]) -> list[tuple[Region, float]]:
    """Return the boxes of the things in a heat map, float32 (h, w) in [0, 1], and how far each stands out, in [0, 1].

    The thing with the most heat comes first. There are at most `MOST`, whose boxes hardly overlap; none in a flat map.
    A thing is what stays connected while the map is cut at rising levels, as in the component tree of Jones, "Connected
    Filtering and Segmentation Using Component Trees", Computer Vision and Image Understanding, 1999.
    """
    if flat(heat):
        return []
    ground = float(np.median(heat[heat <= threshold(heat)]))
    above = (heat - ground) / (float(heat.max()) - ground)
    things = [_core(above, one) for area in _areas(above > _FLOOR) for one in _divided(above, area, _FLOOR)]
    found: list[tuple[Region, float]] = []
    for hot in sorted(things, key=lambda hot: -float(above[hot].sum())):
        region = box_of(hot)
        if region.w * region.h >= _LEAST and all(_overlap(region, other) < _OVERLAP for other, _ in found):
            found.append((region, min(1.0, max(0.0, float(heat[hot].mean()) - ground))))
    return found[:MOST]


def _areas(places: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """Return the connected areas of the true places, without those that are too small for a thing."""
    from scipy.ndimage import label

    areas, count = label(places)
    sizes = np.bincount(areas.ravel(), minlength=count + 1)
    return [areas == number for number in range(1, count + 1) if sizes[number] >= _LEAST_HOT * places.size]


def _divided(above: NDArray[np.float32], area: NDArray[np.bool_], level: float) -> "list[NDArray[np.bool_]]":
    """Return the parts of a connected area that hold one thing each: rising levels cut it until it falls apart."""
    for cut in np.arange(level, above[area].max(), _STEP):
        parts = [part for part in _areas(area & (above > cut)) if cut <= (1 - _DEPTH) * above[part].max()]
        if len(parts) > 1:
            return [one for part in parts for one in _divided(above, part, cut)]
    return [area]


def _core(above: NDArray[np.float32], area: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the hot part of the area around a thing, without crumbs."""
    hot = area & (above > max(_FLOOR, _EDGE * float(np.percentile(above[area], 90))))
    pieces = _areas(hot)
    largest = max((int(piece.sum()) for piece in pieces), default=0)
    return np.any([piece for piece in pieces if piece.sum() >= _BESIDE * largest], axis=0) if pieces else hot


def _overlap(a: Region, b: Region) -> float:
    """Return intersection over union."""
    width = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    shared = max(0.0, width) * max(0.0, min(a.y + a.h, b.y + b.h) - max(a.y, b.y))
    return shared / (a.w * a.h + b.w * b.h - shared)
