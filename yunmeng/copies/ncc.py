"""Normalised cross-correlation of two grey pictures around each place, and its mean as one lies over the other.

It is blind to light and contrast, which differ from place to place where a picture was edited.
"""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from yunmeng.copies.opencv import opencv
from yunmeng.copies.transform import Transform, between_centres, frame, inverse, jacobian, project
from yunmeng.types import Alignment

__all__ = ["Plane", "WindowedNcc", "aligned_ncc", "whole_ncc", "windowed_ncc"]

Plane: TypeAlias = NDArray[np.float32]


class WindowedNcc(NamedTuple):
    """The correlation in [-1, 1] around each pixel, and the variance of either picture there, (h, w) each."""

    values: Plane
    variance_a: Plane
    variance_b: Plane


def windowed_ncc(a: Plane, b: Plane, mask: Plane, blur: Callable[[Plane], Plane], noise: float) -> WindowedNcc:
    """Return the normalised cross-correlation of ``a`` and ``b``, (h, w), around each pixel, where ``mask`` is 1.

    ``blur`` averages a plane over the window around each pixel. ``noise``, a standard deviation in grey levels, is
    added to that of either, so that places where nothing is shown do not correlate by chance.
    """
    weight = blur(mask) + np.float32(1e-6)

    def mean(plane: Plane) -> Plane:
        average: Plane = blur(plane * mask) / weight
        return average

    mean_a, mean_b = mean(a), mean(b)
    variance_a = np.maximum(mean(a * a) - mean_a**2, 0)
    variance_b = np.maximum(mean(b * b) - mean_b**2, 0)
    floor = np.float32(noise**2)
    values = (mean(a * b) - mean_a * mean_b) / np.sqrt((variance_a + floor) * (variance_b + floor))
    return WindowedNcc(values, variance_a, variance_b)


_SIDE: Final = 64
"""Longer side in pixels of the copies that are compared: blur, noise and small misalignment vanish at that size."""
_WINDOW: Final = 9
_TEXTURE: Final = 3.0  # grey levels of variation, below which a window shows nothing to agree on
_LEAST_TEXTURED: Final = 0.02  # of the windows


def aligned_ncc(query: Image.Image, target: Image.Image, alignment: Alignment) -> float:
    """Return the correlation in [-1, 1] of a query, moved by ``alignment``, and the target, in small windows.

    Only the area that both show counts; 0 where there is nothing in it that could agree.
    """
    cv2 = opencv()
    seen = frame(query.size, target.size, alignment, _SIDE)
    above, below = _seen(query, seen.onto_a, seen.size), _seen(target, seen.onto_b, seen.size)
    outline = project(inverse(seen.onto_b), np.array(alignment.outline) * target.size)
    mask = np.zeros(below.shape, np.uint8)
    cv2.fillConvexPoly(mask, np.round(outline * 16 - 8).astype(np.int32), 1, shift=4)
    return _mean_ncc(above, below, mask.astype(np.float32))


def whole_ncc(query: Image.Image, target: Image.Image) -> float:
    """Return the same for two pictures that show the whole of each other, whatever their shapes."""
    size = (_SIDE * 3 // 4, _SIDE * 3 // 4)
    one, other = (
        np.asarray(side.convert("L").resize(size, Image.Resampling.BOX, reducing_gap=2.0), np.float32)
        for side in (query, target)
    )
    return _mean_ncc(one, other, np.ones(one.shape, np.float32))


def _seen(image: Image.Image, onto: Transform, size: tuple[int, int]) -> Plane:
    """A picture's grey values through a frame of ``size`` pixels, which ``onto`` takes to pixels of the picture."""
    cv2 = opencv()
    # What is shown smaller is made smaller first, or it would be sampled and not averaged.
    steps = np.linalg.norm(jacobian(onto, (size[0] / 2, size[1] / 2)), axis=1)
    width, height = np.clip(np.round(image.size / np.maximum(steps, 1e-6)), 1, image.size).astype(int).tolist()
    grey = np.asarray(image.convert("L").resize((width, height), Image.Resampling.BOX, reducing_gap=2.0), np.float32)
    shrink = np.diag([width / image.width, height / image.height, 1.0])
    seen: Plane = cv2.warpPerspective(
        grey,
        between_centres(shrink @ onto),
        size,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return seen


def _mean_ncc(a: Plane, b: Plane, mask: Plane) -> float:
    """Return the mean over windows, each weighted by how much b shows in it, so that areas laid over a do not count."""
    cv2 = opencv()
    found = windowed_ncc(a, b, mask, lambda plane: cv2.blur(plane, (_WINDOW, _WINDOW)), _TEXTURE)
    shown = np.sqrt(found.variance_b) * mask * (found.variance_b > _TEXTURE**2)
    if (shown > 0).sum() < _LEAST_TEXTURED * max(1.0, float(mask.sum())):
        return 0.0
    return float((found.values * shown).sum() / shown.sum())
