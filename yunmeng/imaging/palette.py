"""The palette of a picture: up to five colours with their shares, of its subject and of the whole picture.

What is at the border is taken for background, and what is unlike it for the subject: the boundary prior of Wei, Wen,
Zhu and Sun, "Geodesic Saliency Using Background Priors" (ECCV 2012), here on colours instead of places, as a palette
has none. Where the border has several colours, what is near the centre counts more.
"""

from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from yunmeng.imaging.oklab import oklab
from yunmeng.types import Palette, Swatch

__all__ = ["MOST_COLOURS", "palette"]

MOST_COLOURS: Final = 5

_SIDE: Final = 64
_BITS: Final = 3
"""Bits of a channel by which pixels are put together, each bin under its mean colour: it saves most of the time."""
_SHIFT: Final = 8 - _BITS
_BINS: Final = 1 << 3 * _BITS
_BORDER: Final = 3  # pixels of the small copy
_NEAREST: Final = 0.02
"""Share of the border that must be like a colour for it to be background: the subject may reach over the edge."""
_CHROMA: Final = 2.0  # weight of a difference in hue against one in brightness, which shadows make too
_UNLIKE: Final = 0.08
"""Distance from the border's colours at which a colour is about as likely of the subject as of the background."""
_PLAIN: Final = 0.9
"""Share of the border that is like one colour, where the background is plain: then places do not matter."""
_CENTRE: Final = 0.2  # standard deviation of the weight around the centre, in sides
_LEAST: Final = 0.02
"""Share of the picture that a subject has at least; where all is like the border, the whole picture is the subject."""
_ROUNDS: Final = 2
_SMALLEST: Final = 1 / 255


def palette(image: Image.Image) -> str:
    """Return the palette of an upright sRGB picture of mode RGB, as `Record.palette` holds it."""
    small = np.asarray(image.resize((_SIDE, _SIDE), Image.Resampling.NEAREST))  # averages would be colours of nothing
    channels = small.reshape(-1, 3).T.astype(np.intp)
    red, green, blue = channels >> _SHIFT
    bins = red << 2 * _BITS | green << _BITS | blue
    counts = np.bincount(bins, minlength=_BINS)
    used = np.flatnonzero(counts)
    area = counts[used].astype(np.float32)
    colours = np.array([np.bincount(bins, channel, _BINS)[used] for channel in channels]).T / area[:, None]
    lab = oklab(np.rint(colours).astype(np.uint8))
    border, centre = _places()
    edge = np.bincount(bins[border], minlength=_BINS)[used] / len(border)
    inside = np.bincount(bins, centre, _BINS)[used]
    subject = _subject(lab, area, edge, inside)
    return Palette(_swatches(lab, colours, subject), _swatches(lab, colours, area)).text()


@cache
def _places() -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the places of the border, and the weight of all by their nearness to the centre; both flat."""
    border = np.ones((_SIDE, _SIDE), np.bool_)
    border[_BORDER:-_BORDER, _BORDER:-_BORDER] = False
    places = (np.arange(_SIDE) + 0.5) / _SIDE - 0.5
    weight = np.exp(-(places**2) / (2 * _CENTRE**2))
    return np.flatnonzero(border), np.outer(weight, weight).ravel()


def _subject(
    lab: NDArray[np.float32], area: NDArray[np.float32], edge: NDArray[np.floating], inside: NDArray[Any]
) -> NDArray[np.floating]:
    """Return how much of each colour (n,) belongs to the subject; ``edge`` is its share of the border."""
    scaled = lab * np.array((1, _CHROMA, _CHROMA), np.float32)
    lengths = (scaled**2).sum(axis=1)
    squares = np.maximum(lengths[:, None] + lengths[None] - 2 * scaled @ scaled.T, 0)
    bordering = np.flatnonzero(edge)
    squares = squares[:, bordering]
    order = np.argsort(squares, axis=1)
    reached = np.cumsum(edge[bordering][order], axis=1)
    nearest = np.argmax(reached >= _NEAREST, axis=1)
    rows = np.arange(len(lab))
    unlike = 1 - np.exp(-squares[rows, order[rows, nearest]] / _UNLIKE**2)
    alike = ((squares < _UNLIKE**2) * edge[bordering]).sum(axis=1)
    weight = unlike * (area if alike.max() >= _PLAIN else inside)
    return weight if unlike @ area >= _LEAST * area.sum() else area


def _swatches(
    lab: NDArray[np.float32], colours: NDArray[np.floating], weight: NDArray[np.floating]
) -> tuple[Swatch, ...]:
    """Return the five colours that stand for all of them by weighted k-means, the largest share first."""
    belongs = _grouped(lab, weight)
    total = weight.sum()
    swatches = []
    for group in range(MOST_COLOURS):
        mine = weight * (belongs == group)
        share = mine.sum() / total
        if share >= _SMALLEST:
            red, green, blue = np.rint(mine @ colours / mine.sum()).astype(int).tolist()
            swatches.append(Swatch(red, green, blue, float(share)))
    return tuple(sorted(swatches, key=lambda one: (-one.share, one.hex)))


def _grouped(lab: NDArray[np.float32], weight: NDArray[np.floating]) -> NDArray[np.intp]:
    """Return the number of each colour's group, (n,): k-means, begun at colours that are far from each other."""
    middle = weight @ lab / weight.sum()
    rooted = np.sqrt(weight)  # a small colour begins a group too, if it is far enough from the others
    centres = [lab[np.argmax(rooted * ((lab - middle) ** 2).sum(axis=1))]]
    away = ((lab - centres[0]) ** 2).sum(axis=1)
    for _ in range(MOST_COLOURS - 1):
        centres.append(lab[np.argmax(rooted * away)])
        away = np.minimum(away, ((lab - centres[-1]) ** 2).sum(axis=1))
    found = np.array(centres)
    belongs = _nearest(lab, found)
    for _ in range(_ROUNDS - 1):
        mine = (belongs[:, None] == np.arange(MOST_COLOURS)) * weight[:, None]
        size = mine.sum(axis=0)
        found = np.where(size[:, None] > 0, mine.T @ lab / np.maximum(size, 1e-9)[:, None], found).astype(np.float32)
        belongs = _nearest(lab, found)
    return belongs


def _nearest(lab: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.intp]:
    nearest: NDArray[np.intp] = np.argmin((centres**2).sum(axis=1) - 2 * lab @ centres.T, axis=1)
    return nearest
