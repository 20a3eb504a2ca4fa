"""Measure how the looks of a copy were changed: colours, blur, noise, overlays."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.copies.ncc import Plane
from yunmeng.copies.registration import Superposed, blurred, chroma, fitting, is_grey, luma

__all__ = ["Looks", "is_recoloured", "looks", "other_colours", "overlaid"]

_FLAT: Final = 4.0  # grey levels a pixel: where the original is smoother than this, noise can be told from texture
_DARK: Final = 25.0  # beyond these, noise is cut off at black or white
_WHITE: Final = 230.0
_REST: Final = 24.0  # grey levels by which an overlay stands out at least,
_TIMES: Final = 6.0  # and times the usual rest of compression and noise
_INVERTED: Final = 0.5  # correlation of what was bright with what is dark
_COLOURED: Final = 12.0  # grey levels between channels
_SMALLEST: Final = 0.0012  # share of the frame that one overlay has at least
_DEEP: Final = 3  # pixels from edge to edge that it has at least: less is an edge that lies a little off
_SPREAD: Final = 4.5  # levels of Cb and Cr by which colours spread in a picture that is not grey
_SAME_COLOURS: Final = 0.65
"""Correlation of colours from which they are the same, tinted perhaps: the cosine of the angle by which hues are
turned, here 49 degrees. Copies that were edited otherwise have 0.84 at least."""
_CHROMA: Final = np.array([[-0.169, -0.331, 0.5], [0.5, -0.419, -0.081]], np.float32).T
"""From RGB to Cb and Cr of ITU-R BT.601, where a turn of the hues is a rotation."""
_FEWEST: Final = 50  # pixels that tell of colours


@dataclass(frozen=True, slots=True)
class Looks:
    """The differences in the looks of a copy.

    Colours: ``change`` is the root mean square change of the values by the new colours, in grey levels; ``brighter``
    the change of the mean luma; ``contrast`` the factor of its variation; ``saturation`` that of the colourfulness;
    ``tint`` the largest shift of a channel against the others; ``grey`` whether all colour is gone; ``negative``
    whether dark is bright. ``sigma`` is the blur in pixels of the frame; ``noise`` the standard deviation of the noise
    that came to it, in grey levels.
    ``overlays`` is the share of the frame where something else lies over the picture, ``places`` how many such areas.
    """

    change: float
    brighter: float
    contrast: float
    saturation: float
    tint: float
    grey: bool
    negative: bool
    sigma: float
    noise: float
    overlays: float
    places: int


def looks(pair: Superposed) -> Looks:
    """Measure the looks of ``pair.a`` against ``pair.b``."""
    inside = pair.covered
    before, after = blurred(pair.b, pair.sigma)[inside], pair.expected[inside]
    if len(before) == 0:
        return Looks(0, 0, 1, 1, 0, False, False, 0, 0, 0, 0)
    one, other = luma(before), luma(after)
    shift = (after - before).mean(axis=0)
    colours = chroma(before)
    areas = overlaid(pair)
    share = float((areas > 0).sum()) / max(1, int(inside.sum()))
    return Looks(
        change=float(np.sqrt(np.mean((after - before) ** 2))),
        brighter=float((other - one).mean()),
        contrast=float((other.std() + 1) / (one.std() + 1)),
        saturation=float((chroma(after).mean() + 1) / (colours.mean() + 1)),
        tint=float(np.ptp(shift)) / 2,
        grey=is_grey(pair.a[inside]) and bool(np.quantile(colours, 0.95) > _COLOURED),
        negative=float(((one - one.mean()) * (other - other.mean())).mean())
        < -_INVERTED * float(one.std() * other.std()),
        sigma=pair.sigma,
        noise=_noise(pair),
        overlays=share,
        places=int(areas.max()),
    )


def is_recoloured(pair: Superposed) -> bool:
    """Return whether both pictures show the same in other colours, as photographs of two colours of one garment do.

    Only places that match count: a text or a sticker has colours of its own.
    """
    fits = fitting(pair)
    a, b = (blurred(side, 1.5)[fits] for side in (pair.a, pair.b))
    return other_colours(a, b)


def other_colours(a: Plane, b: Plane) -> bool:
    """Return whether two pictures differ in colour at the same places, RGB (n, 3).

    A tint does not count, nor does a grey picture. Opposite colours are expected of a negative.
    """
    if len(a) < _FEWEST:
        return False
    greys = [luma(side) for side in (a, b)]
    sign = 1 if float((greys[0] - greys[0].mean()) @ (greys[1] - greys[1].mean())) >= 0 else -1
    sides = [side @ _CHROMA for side in (a, b)]
    one, other = (side - side.mean(axis=0) for side in sides)
    spreads = [float(np.sqrt((side**2).sum(axis=1).mean())) for side in (one, other)]
    if min(spreads) < _SPREAD:
        return False
    return sign * float((one * other).sum(axis=1).mean()) < _SAME_COLOURS * spreads[0] * spreads[1]


def overlaid(pair: Superposed) -> NDArray[np.int32]:
    """Return the areas where something lies over the picture, numbered from 1, int32 (h, w); 0 elsewhere."""
    from scipy import ndimage

    # Colours count half: where they meet, compression mixes them.
    a, expected = (
        np.dstack([side * np.float32(0.5), luma(side)]) for side in (blurred(pair.a, 0.7), blurred(pair.expected, 0.7))
    )
    above = a - ndimage.maximum_filter(expected, (3, 3, 1))
    below = ndimage.minimum_filter(expected, (3, 3, 1)) - a
    rest = np.maximum(np.maximum(above, below), 0).max(axis=2) * pair.covered
    plain = np.abs(a - expected).max(axis=2)[pair.covered]
    limit = max(_REST, _TIMES * float(np.median(plain))) if plain.size else _REST
    marked = ndimage.binary_closing(rest > limit, iterations=2)
    marked = ndimage.binary_opening(marked, np.ones((_DEEP, _DEEP), dtype=bool))
    joined = ndimage.binary_dilation(marked, iterations=max(2, max(marked.shape) // 60))
    labels, count = ndimage.label(joined)
    sizes = ndimage.sum_labels(marked, labels, np.arange(1, count + 1))
    kept = np.flatnonzero(sizes >= max(_SMALLEST * pair.covered.sum(), 9)) + 1
    renumbered = np.zeros(count + 1, dtype=np.int32)
    renumbered[kept] = np.arange(1, len(kept) + 1)
    numbered: NDArray[np.int32] = renumbered[labels] * marked
    return numbered


def _noise(pair: Superposed) -> float:
    """The fine part of what is left, where the picture itself has none; by the median, which no overlay moves."""
    rest = luma(pair.a - pair.expected)
    fine = rest - blurred(rest, 1.0)
    texture = np.hypot(*np.gradient(luma(pair.expected)))
    bright = luma(pair.expected)
    calm = pair.covered & (texture < _FLAT) & (bright > _DARK) & (bright < _WHITE)
    if calm.sum() < 64:
        return 0.0
    return 1.4826 * float(np.median(np.abs(fine[calm])))
