"""The grid of regions that a picture is cut into.

Squares that overlap, as the regions of R-MAC do (Tolias, Sicre and Jégou, "Particular Object Retrieval with Integral
Max-Pooling of CNN Activations", ICLR 2016, section 3.2), but measured by the picture's area and not by its shorter
side: what fills a given share of a picture is met at the same size whatever the picture's shape is.
"""

import math
from typing import Final

from yunmeng.types import Region

__all__ = ["grid"]

_SIDE: Final = 0.4
"""Side of the squares over the root of the picture's area. Larger ones beside them cost half as much again and find
hardly more; docs/fusion.md has the figures."""
_OVERLAP: Final = 0.3  # of neighbours, at least: what lies across two of them is nearly whole in one
_MOST: Final = 6
"""Regions in a row or column. In a long strip they are longer than high instead, so that their number has an end."""


def grid(width: int, height: int) -> tuple[Region, ...]:
    """Return the parts of a picture of ``width`` x ``height`` pixels, in fractions; the whole is not among them.

    Row by row; 16 of a square picture, 12 of a photograph of 4:3, 15 of 16:9, and 6 of a long strip.
    """
    side = min(_SIDE * math.sqrt(width * height), width, height)
    columns, rows = _places(side / width), _places(side / height)
    return tuple(Region(x, y, w, h) for y, h in rows for x, w in columns)


def _places(share: float) -> list[tuple[float, float]]:
    """Start and length of intervals that cover [0, 1] evenly, each ``share`` long where `_MOST` of them suffice."""
    step = share * (1 - _OVERLAP)
    count = min(_MOST, math.ceil((1 - share) / step - 1e-9) + 1)  # of exact multiples, rounding must not add one
    length = max(share, 1 / (1 + (count - 1) * (1 - _OVERLAP)))
    return [(index * (1 - length) / max(count - 1, 1), length) for index in range(count)]
