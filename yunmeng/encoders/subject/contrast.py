"""A heat map without a network: what differs in colour from the picture's border, towards the centre more.

That the border is mostly background is the boundary prior of Wei, Wen, Zhu and Sun, "Geodesic Saliency Using Background
Priors" (ECCV 2012); of its two measures, distance in colour and along paths, the first served better here.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from yunmeng.types import Pixels

__all__ = ["contrast"]

_SIDE: Final = 48
_BORDER: Final = 3  # pixels of the small copy
_NEAREST: Final = 0.05
"""Share of the border that must be like a pixel for it to count as background: the subject may reach over the edge."""
_CHROMA: Final = 2.0  # weight of a difference in hue against one in brightness, which shadows make too
_BLUR: Final = 1.5
_CENTRE: Final = 0.4  # standard deviation of the weight around the centre, in sides


def contrast(pixels: Pixels) -> NDArray[np.float32]:
    """Return how much each place of a picture, uint8 (height, width, 3), stands out: float32 (48, 48) in [0, 1]."""
    from scipy.ndimage import gaussian_filter

    small = Image.fromarray(pixels).resize((_SIDE, _SIDE), Image.Resampling.BOX).convert("YCbCr")
    colours = np.asarray(small, np.float32) * np.array((1, _CHROMA, _CHROMA), np.float32)
    border = np.ones((_SIDE, _SIDE), bool)
    border[_BORDER:-_BORDER, _BORDER:-_BORDER] = False
    nearest = int(_NEAREST * border.sum())
    squares = np.partition(_squared_distances(colours.reshape(-1, 3), colours[border]), nearest, axis=1)[:, nearest]
    strangeness = np.sqrt(squares).reshape(_SIDE, _SIDE)
    places = (np.arange(_SIDE) + 0.5) / _SIDE - 0.5
    weight = np.exp(-(places**2) / (2 * _CENTRE**2))
    farthest = 255 * np.sqrt(1 + 2 * _CHROMA**2)
    heat: NDArray[np.float32] = gaussian_filter(strangeness / farthest, _BLUR) * np.outer(weight, weight)
    return heat.astype(np.float32)


def _squared_distances(some: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of n colours to m others: (n, m). By one product of matrices, which needs no array (n, m, 3)."""
    lengths = (some**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)[None]
    distances: NDArray[np.float32] = lengths - 2 * some @ others.T
    return np.maximum(distances, 0)  # rounding may fall below
