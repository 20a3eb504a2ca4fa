"""Whether the pixels of two pictures agree where their features, or their fingerprints, say that they lie."""

from typing import Final

import numpy as np
from PIL import Image

from yunmeng.matching.features import Floats
from yunmeng.matching.fitting import Doubles
from yunmeng.matching.opencv import opencv
from yunmeng.types import Alignment

__all__ = ["agreement", "laid_over"]

_SIDE: Final = 64
"""Longer side in pixels of the copies that are compared: blur, noise and small misalignment vanish at that size."""
_LEAST_SIDE: Final = 8
_WINDOW: Final = 9
_TEXTURE: Final = 3.0  # grey levels of variation, below which a window shows nothing to agree on
_LEAST_TEXTURED: Final = 0.02  # of the windows


def agreement(query: Image.Image, target: Image.Image, alignment: Alignment) -> float:
    """Correlation in [-1, 1] of a query, moved by ``alignment``, and the target, in small windows of what both show.

    0 where they show nothing that could agree.
    """
    cv2 = opencv()
    xs, ys = np.array(alignment.outline).T
    low, extent = np.array([xs.min(), ys.min()]), np.array([np.ptp(xs), np.ptp(ys)])
    pixels = np.maximum(extent * target.size, 1e-6)
    width, height = np.maximum(_LEAST_SIDE, np.round(pixels * min(1.0, _SIDE / pixels.max()))).astype(int).tolist()
    place = np.array([[extent[0] / width, 0, low[0]], [0, extent[1] / height, low[1]], [0, 0, 1]])
    mirror = np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]]) if alignment.mirrored else np.eye(3)
    onto_query = mirror @ np.linalg.inv(np.array(alignment.transform).reshape(3, 3)) @ place
    below = _seen(target, place, (width, height))
    above = _seen(query, onto_query, (width, height))
    corners = np.array([[x * 16, y * 16] for x, y in (np.array(alignment.outline) - low) / extent * (width, height)])
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, np.round(corners - 8).astype(np.int32), 1, shift=4)
    return _correlation(above, below, mask.astype(np.float32))


def laid_over(query: Image.Image, target: Image.Image) -> float:
    """The same for two pictures that show the whole of each other, whatever their shapes."""
    size = (_SIDE * 3 // 4, _SIDE * 3 // 4)
    one, other = (
        np.asarray(side.convert("L").resize(size, Image.Resampling.BOX, reducing_gap=2.0), np.float32)
        for side in (query, target)
    )
    return _correlation(one, other, np.ones(one.shape, np.float32))


def _seen(image: Image.Image, frame: Doubles, size: tuple[int, int]) -> Floats:
    """A picture's grey values through a frame of ``size`` pixels, which ``frame`` takes to fractions of the picture."""
    cv2 = opencv()
    centre = frame @ [size[0] / 2, size[1] / 2, 1]
    steps = (frame[:2, :2] - np.outer(centre[:2] / centre[2], frame[2, :2])) / centre[2]
    # What is shown smaller is made smaller first, or it would be sampled and not averaged.
    wanted = 1 / np.maximum(np.linalg.norm(steps, axis=1), 1e-6)
    width, height = np.clip(np.round(wanted), 1, image.size).astype(int).tolist()
    grey = np.asarray(image.convert("L").resize((width, height), Image.Resampling.BOX, reducing_gap=2.0), np.float32)
    centred = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    matrix = np.linalg.inv(centred) @ np.diag([width, height, 1.0]) @ frame @ centred
    seen: Floats = cv2.warpPerspective(
        grey, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    return seen


def _correlation(a: Floats, b: Floats, mask: Floats) -> float:
    """In windows, each weighed by how much b shows in it: what was laid over a, or filled in, has no say of its own."""
    cv2 = opencv()

    def mean(plane: Floats) -> Floats:
        average: Floats = cv2.blur(plane * mask, (_WINDOW, _WINDOW)) / weight
        return average

    weight = cv2.blur(mask, (_WINDOW, _WINDOW)) + np.float32(1e-6)
    mean_a, mean_b = mean(a), mean(b)
    var_a, var_b = np.maximum(mean(a * a) - mean_a**2, 0), np.maximum(mean(b * b) - mean_b**2, 0)
    noise = np.float32(_TEXTURE**2)
    correlation = (mean(a * b) - mean_a * mean_b) / np.sqrt((var_a + noise) * (var_b + noise))
    shown = np.sqrt(var_b) * mask * (var_b > noise)
    if (shown > 0).sum() < _LEAST_TEXTURED * max(1.0, float(mask.sum())):
        return 0.0
    return float((correlation * shown).sum() / shown.sum())
