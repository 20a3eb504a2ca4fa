"""Whether the pixels of two pictures agree where their features, or their fingerprints, say that they lie."""

from typing import Final

import numpy as np
from PIL import Image

from yunmeng.copies.fitting import project
from yunmeng.copies.frames import Transform, between_centres, frame, inverse, jacobian
from yunmeng.copies.ncc import Plane, correlations
from yunmeng.copies.opencv import opencv
from yunmeng.types import Alignment

__all__ = ["agreement", "laid_over"]

_SIDE: Final = 64
"""Longer side in pixels of the copies that are compared: blur, noise and small misalignment vanish at that size."""
_WINDOW: Final = 9
_TEXTURE: Final = 3.0  # grey levels of variation, below which a window shows nothing to agree on
_LEAST_TEXTURED: Final = 0.02  # of the windows


def agreement(query: Image.Image, target: Image.Image, alignment: Alignment) -> float:
    """Correlation in [-1, 1] of a query, moved by ``alignment``, and the target, in small windows of what both show.

    0 where they show nothing that could agree.
    """
    cv2 = opencv()
    seen = frame(query.size, target.size, alignment, _SIDE)
    above, below = _seen(query, seen.onto_a, seen.size), _seen(target, seen.onto_b, seen.size)
    outline = project(inverse(seen.onto_b), np.array(alignment.outline) * target.size)
    mask = np.zeros(below.shape, np.uint8)
    cv2.fillConvexPoly(mask, np.round(outline * 16 - 8).astype(np.int32), 1, shift=4)
    return _correlation(above, below, mask.astype(np.float32))


def laid_over(query: Image.Image, target: Image.Image) -> float:
    """The same for two pictures that show the whole of each other, whatever their shapes."""
    size = (_SIDE * 3 // 4, _SIDE * 3 // 4)
    one, other = (
        np.asarray(side.convert("L").resize(size, Image.Resampling.BOX, reducing_gap=2.0), np.float32)
        for side in (query, target)
    )
    return _correlation(one, other, np.ones(one.shape, np.float32))


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


def _correlation(a: Plane, b: Plane, mask: Plane) -> float:
    """In windows, each weighed by how much b shows in it: what was laid over a, or filled in, has no say of its own."""
    cv2 = opencv()
    found = correlations(a, b, mask, lambda plane: cv2.blur(plane, (_WINDOW, _WINDOW)), _TEXTURE)
    shown = np.sqrt(found.variance_b) * mask * (found.variance_b > _TEXTURE**2)
    if (shown > 0).sum() < _LEAST_TEXTURED * max(1.0, float(mask.sum())):
        return 0.0
    return float((found.values * shown).sum() / shown.sum())
