"""Whether two pictures that can be laid over each other show the same there, or only have a part in common."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from yunmeng.copies.ncc import Plane, correlations
from yunmeng.copies.opencv import opencv
from yunmeng.copies.registration import size_of
from yunmeng.copies.transform import between_centres, to_pixels
from yunmeng.types import Alignment, Pixels

__all__ = ["SIDE", "agreement"]

SIDE: Final = 128
"""Longer side in pixels at which pictures are laid over each other."""
_WINDOW: Final = 15  # pixels, of the places that are compared one by one
_NOISE: Final = 0.5  # grey levels, the standard deviation that is added to a place's
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
    in_pixels = between_centres(to_pixels(alignment, size_of(above), size_of(below)))
    size = size_of(below)
    laid = cv2.warpPerspective(above, in_pixels, size, flags=cv2.INTER_AREA)
    frame = cv2.warpPerspective(np.ones(above.shape[:2], np.uint8), in_pixels, size, flags=cv2.INTER_NEAREST)
    shown = cv2.erode(frame, np.ones((3, 3), np.uint8)) > 0
    a, b = (cv2.GaussianBlur(side.astype(np.float32), (0, 0), 1.0) for side in (laid, below))
    places = _places(a.mean(axis=2), b.mean(axis=2), shown)
    if len(places) < _FEWEST:
        return 0.0
    return min(float(np.quantile(places, 0.25)), _colours(a[shown], b[shown]))


def _places(a: Plane, b: Plane, shown: NDArray[np.bool_]) -> Plane:
    """The correlation around each pixel that is ``shown`` where either of ``a`` and ``b``, (h, w), has any texture."""
    cv2 = opencv()

    def blur(plane: Plane) -> Plane:
        average: Plane = cv2.blur(plane, (_WINDOW, _WINDOW), borderType=cv2.BORDER_CONSTANT)
        return average

    mask = shown.astype(np.float32)
    found = correlations(a, b, mask, blur, _NOISE)
    textured = np.maximum(found.variance_a, found.variance_b) > _TEXTURE**2
    return found.values[shown & (blur(mask) > 0.5) & textured]


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
