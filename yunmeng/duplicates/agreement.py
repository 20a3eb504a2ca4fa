"""Whether two pictures that can be laid over each other show the same there, or only have a part in common."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from yunmeng.matching.opencv import opencv
from yunmeng.types import Alignment, Pixels

__all__ = ["SIDE", "agreement"]

SIDE: Final = 128
"""Longer side in pixels at which pictures are laid over each other."""
_WINDOW: Final = 15  # pixels, of the places that are compared one by one
_NOISE: Final = 2.0  # grey levels, the standard deviation that is added to a place's
_TEXTURE: Final = 4.0  # grey levels, the standard deviation from which on a place has something to compare
_COLOUR: Final = 8.0  # levels, by which colours spread in a picture that is not grey
_FEWEST: Final = 50  # pixels in such places


def agreement(query: Image.Image, target: Image.Image, alignment: Alignment) -> float:
    """How alike two RGB pictures are where they overlap, in [-1, 1], once one is laid over the other by ``alignment``.

    It is the normalised cross-correlation around each place, at the quarter of the places that agree least: another
    garment on the same floor, even of the same shape, differs in more of them than a text or a sticker covers. And it
    is no more than the correlation of their colours, so that another tint does no harm and another colour does, unless
    one of them has next to none. 0 where there is next to nothing to compare. Raises `MissingExtra`.
    """
    cv2 = opencv()
    below, above = _small(target), _small(query)
    if alignment.mirrored:
        above = np.ascontiguousarray(above[:, ::-1])
    transform = np.reshape(alignment.transform, (3, 3))
    in_pixels = _pixels(below) @ transform @ np.linalg.inv(_pixels(above))
    size = (below.shape[1], below.shape[0])
    laid = cv2.warpPerspective(above, in_pixels, size, flags=cv2.INTER_AREA)
    frame = cv2.warpPerspective(np.ones(above.shape[:2], np.uint8), in_pixels, size, flags=cv2.INTER_NEAREST)
    shown = cv2.erode(frame, np.ones((3, 3), np.uint8)) > 0
    a, b = (cv2.GaussianBlur(side.astype(np.float32), (0, 0), 1.0) for side in (laid, below))
    places = _places(a.mean(axis=2), b.mean(axis=2), shown)
    if len(places) < _FEWEST:
        return 0.0
    return min(float(np.quantile(places, 0.25)), _colours(a[shown], b[shown]))


def _places(a: NDArray[np.float32], b: NDArray[np.float32], shown: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The correlation around each pixel that is ``shown`` where either of ``a`` and ``b``, (h, w), has any texture."""
    cv2 = opencv()
    weight = shown.astype(np.float32)

    def around(values: NDArray[np.float32]) -> NDArray[np.float32]:
        summed: NDArray[np.float32] = cv2.boxFilter(
            values * weight, -1, (_WINDOW, _WINDOW), borderType=cv2.BORDER_CONSTANT
        )
        return summed

    total = around(np.ones_like(a))
    full = shown & (total > 0.5)
    total = np.maximum(total, np.float32(1e-6))
    mean_a, mean_b = around(a) / total, around(b) / total
    spread_a, spread_b = around(a * a) / total - mean_a**2, around(b * b) / total - mean_b**2
    common = around(a * b) / total - mean_a * mean_b
    some = full & (np.maximum(spread_a, spread_b) > _TEXTURE**2)
    spread = np.maximum(spread_a, 0)[some] * np.maximum(spread_b, 0)[some]
    return np.asarray(common[some] / np.sqrt(spread + _NOISE**2), np.float32)


def _colours(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """The correlation of how far red and blue are from green, of RGB (pixels, 3); 1 where either is without colour."""
    sides = [side[:, [0, 2]] - side[:, [1]] for side in (a, b)]
    one, other = (side - side.mean(axis=0) for side in sides)
    spreads = [float(np.sqrt((side**2).sum(axis=1).mean())) for side in (one, other)]
    if min(spreads) < _COLOUR:
        return 1.0
    return float((one * other).sum(axis=1).mean()) / (spreads[0] * spreads[1])


def _small(image: Image.Image) -> Pixels:
    scale = SIDE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return np.asarray(image.resize(size, Image.Resampling.BOX))


def _pixels(picture: Pixels) -> NDArray[np.float64]:
    """Fractions of a picture to its pixels, whose centres lie at whole numbers."""
    height, width = picture.shape[:2]
    return np.array([(width, 0, -0.5), (0, height, -0.5), (0, 0, 1)], np.float64)
