"""Other content on one template, and another moment of one scene: pictures that align well and are no copies.

An edit covers what was there, or adds to it. Two things are no edits. If text was removed and other text stands beside
its place, it is another text on one template. If what has changed is found again a few pixels away, looking the same,
it is another moment: a face that smiled, a hand that moved.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from yunmeng.copies.ncc import Plane
from yunmeng.copies.photometric import other_colours
from yunmeng.copies.registration import Superposed, blurred, covers, luma, recoloured, size_of, warped
from yunmeng.copies.transform import frame
from yunmeng.types import Alignment, Pixels

__all__ = ["equal_at_sight", "other_content", "other_moment"]

Grey: TypeAlias = NDArray[np.uint8]
Mask: TypeAlias = NDArray[np.bool_]

_SIDE: Final = 1400
"""Longer side in pixels at which drawn and written pictures are looked at: one character counts."""
_DRAWN: Final = 0.55
"""Share of the four most frequent of 64 grey values from which a picture is drawn, or written, on a plain ground.
Documents, slides, cards and screens have 0.65 to 0.97, photographs of clothes 0.13 to 0.55."""
_WRITTEN: Final = 8
"""Characters from which nothing may be added to a picture either: it is a document."""

_SMALL: Final = 400
"""Longer side in pixels up to which pictures that local features align lie off by less than a pixel, and strokes are
one pixel wide."""

_IN_LINE: Final = 3  # others of its size that a character has beside it,
_ENOUGH: Final = 1000  # and characters that are looked at

_BEYOND: Final = 24  # grey levels by which what is shown by one picture only stands out,
_STRONG: Final = 60  # or, where nothing was taken away for it,
_BARE: Final = 0.35  # and share of its contrast to the ground that the other picture has there at most
_GROUNDS_ALIKE: Final = 16  # grey levels
_REPLACED: Final = 6  # pixels of a character that went, and of another in its place
_ADDED: Final = 40  # pixels that were added, at least,
_EDGES: Final = 8  # and times what is left at edges, in grey levels
_EDGE: Final = 40  # grey levels between neighbours
_GROUND: Final = 200  # pixels of the longer side at which the ground is looked for,
_OVER: Final = 13  # and of the window whose median it is
_NEAR: Final = 80  # parts of the longer side in the reach within which characters belong together

_SHARP: Final = 0.9
"""Pixels of blur of the frame up to which little that moved can be told: a picture that was warped, or lies a little
off all over, looks blurred against its original."""
_SHAPE: Final = 0.02  # by which the shapes of two pictures differ that were only scaled
_MOVED_SIDE: Final = 256  # pixels of the longer side at which what moved is looked for,
_SHIFTS: Final = range(-8, 9, 2)  # pixels by which it moved, each way,
_PLACE: Final = 11  # and of the places that are looked for
_TEXTURE: Final = 6.0  # grey levels of variation of a place that shows something
_DIFFERS: Final = 8.0  # grey levels by which a place differs at least,
_ALIKE: Final = 0.85  # and correlation that it has at most
_FOUND: Final = 0.5  # share of the difference that is left where it is found again
_SOME: Final = 0.003  # of the places that differ, below which nothing moved
_MOVED: Final = (0.012, 0.25)
"""Share of the places, and of those that differ, from which something moved. Faces of one person have 0.03 and 0.28 at
least; text and stickers on photographs 0.03 and 0.14 at most."""
_MOVED_MUCH: Final = (0.17, 0.5)
"""The same, however blurred it looks. Frames of a video, seconds apart, have 0.2 and 0.51 at least; a copy that lies
off has 0.15 and 0.47."""


class _Layers(NamedTuple):
    """Two pictures in one frame, grey: the suspect, the original as it should look there, and the area both show."""

    a: Grey
    b: Grey
    shown: Mask


def other_content(a: Pixels, b: Pixels, alignment: Alignment, pair: Superposed) -> bool:
    """Return whether ``a`` has other text or drawings than ``b`` on the same layout; ``pair`` lays a over b."""
    if _drawn(_layers(pair)) < _DRAWN:
        return False
    layers = _fine(a, b, alignment, pair)
    lies_off = alignment.inliers > 0 and max(layers.a.shape) > _SMALL
    return _rewritten(layers, 2 if lies_off else 1)


def other_moment(pair: Superposed) -> bool:
    """Return whether a part of the scene that ``pair`` shows twice has moved from one picture to the other."""
    return _moved(_layers(pair), [_MOVED, _MOVED_MUCH] if pair.sigma <= _SHARP else [_MOVED_MUCH])


def equal_at_sight(a: Image.Image, b: Image.Image) -> bool:
    """Return whether two RGB pictures are one photograph, compressed or scaled again: no closer look is needed then."""
    if abs(a.width * b.height - b.width * a.height) > _SHAPE * a.width * b.height:
        return False
    size = _within(_MOVED_SIDE, a.size)
    small = [side.resize(size, Image.Resampling.BOX, reducing_gap=2.0) for side in (a, b)]
    one, other = (np.asarray(side.convert("L")) for side in small)
    if _drawn(_Layers(one, other, np.ones(one.shape, np.bool_))) >= _DRAWN:
        return False
    reach = int(max(size) == _MOVED_SIDE)  # of a smaller picture one pixel is much
    if int(np.maximum(_beyond(one, other, reach), _beyond(other, one, reach)).max()) > _BEYOND:
        return False
    colours = [np.asarray(side, np.float32).reshape(-1, 3) for side in small]
    return not other_colours(colours[0], colours[1])


def _layers(pair: Superposed) -> _Layers:
    return _Layers(_bytes(luma(pair.a)), _bytes(luma(pair.expected)), pair.covered)


def _drawn(layers: _Layers) -> float:
    values = np.bincount(layers.b[layers.shown] // 4, minlength=64)
    return float(np.sort(values)[-4:].sum() / max(1, values.sum()))


def _fine(a: Pixels, b: Pixels, alignment: Alignment, pair: Superposed) -> _Layers:
    """Return both at the finest resolution that they have, but no finer than a blurred copy shows them."""
    whole = max(frame(size_of(a), size_of(b), alignment, _SIDE).size)
    sigma = pair.sigma * whole / max(pair.covered.shape)
    if sigma > 1:
        whole, sigma = round(whole / sigma), 1.0
    seen = frame(size_of(a), size_of(b), alignment, max(64, whole))
    over, covered = warped(a, seen.onto_a, seen.size), covers(a, seen.onto_a, seen.size)
    expected = recoloured(blurred(warped(b, seen.onto_b, seen.size), sigma), pair.colours)
    return _Layers(_bytes(luma(over)), _bytes(luma(expected)), _eroded(covered, 3))


def _rewritten(layers: _Layers, reach: int) -> bool:
    """Return whether something was written where something else was or, in a document, written at all."""
    from scipy import ndimage

    a, b, shown = layers
    grounds = _ground(a), _ground(b)
    on_a, on_b = (np.abs(side.astype(np.int16) - ground) for side, ground in zip((a, b), grounds, strict=True))
    common = shown & (np.abs(grounds[0] - grounds[1]) < _GROUNDS_ALIKE)
    more_a, more_b = _beyond(a, b, reach), _beyond(b, a, reach)
    gone = common & (more_b > _BEYOND) & (on_a < _BARE * on_b)
    came = common & (more_a > _BEYOND) & (on_b < _BARE * on_a)
    labels, count = ndimage.label(_near(gone | came, np.maximum, max(2, max(a.shape) // _NEAR)))
    at_edge = np.unique(np.concatenate([labels[~shown], *(labels[side] for side in (0, -1)), *labels.T[[0, -1]]]))
    sizes = np.minimum(*(np.bincount(labels[part], minlength=count + 1) for part in (gone, came)))
    sizes[at_edge] = 0  # also what is no character, label 0
    if sizes.max() >= _REPLACED:
        return True
    if _characters(on_b > _EDGE) < _WRITTEN:
        return False
    rest = np.maximum(more_a, more_b) * shown
    edges = shown & (_near(b, np.maximum, 1).astype(np.int16) - _near(b, np.minimum, 1) > _EDGE)
    usual = float(np.quantile(rest[edges], 0.95)) if edges.any() else 0.0
    added = ndimage.binary_opening(rest > _STRONG, np.ones((2, 2)))
    labels, _ = ndimage.label(_near(added, np.maximum, max(2, max(a.shape) // _NEAR)))
    return bool(np.bincount(labels[added], minlength=1).max() >= max(_ADDED, _EDGES * usual))


def _characters(ink: Mask) -> int:
    """Return the number of things of the size of characters that stand in lines, as characters do."""
    from scipy import ndimage

    side = max(ink.shape)
    places = ndimage.find_objects(ndimage.label(ink)[0])
    boxes = np.array([(down.start, down.stop, across.start, across.stop) for down, across in places]).reshape(-1, 4)
    high, wide = boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2]
    boxes = boxes[(high >= max(5, side / 150)) & (np.maximum(high, wide) < side / 12)][:_ENOUGH]
    high = boxes[:, 1] - boxes[:, 0]
    tallest, least = (pick.outer(high, high) for pick in (np.maximum, np.minimum))
    level, beside = (np.abs(np.subtract.outer(middle, middle)) for middle in (boxes[:, :2].sum(1) / 2, boxes[:, 2]))
    in_line = (level < 0.35 * least) & (tallest < 1.8 * least) & (beside < 5 * tallest)
    return int((in_line.sum(axis=1) > _IN_LINE).sum())


def _ground(grey: Grey) -> NDArray[np.int16]:
    """Return the background of a picture, without what is written or drawn on it."""
    from scipy.ndimage import median_filter

    image = Image.fromarray(grey)
    small = np.asarray(image.resize(_within(_GROUND, image.size), Image.Resampling.BOX))
    ground = Image.fromarray(median_filter(small, _OVER, mode="nearest"))
    return np.asarray(ground.resize(image.size, Image.Resampling.BILINEAR), dtype=np.int16)


def _beyond(one: Grey, other: Grey, reach: int) -> NDArray[np.int16]:
    """By how much ``one`` is brighter or darker than all of ``other`` within ``reach``, (h, w): 0 where it lies off by
    no more than that."""
    here = one.astype(np.int16)
    bright, dark = (_near(other, pick, reach).astype(np.int16) for pick in (np.maximum, np.minimum))
    return np.asarray(np.maximum(np.maximum(here - bright, dark - here), 0), np.int16)


def _near(plane: NDArray[Any], pick: Callable[..., NDArray[Any]], reach: int) -> NDArray[Any]:
    """The greatest or least value within ``reach`` of each pixel, across and down."""
    for _ in range(reach):
        padded = np.pad(plane, 1, mode="edge")
        rows = pick(pick(padded[:-2], padded[1:-1]), padded[2:])
        plane = pick(pick(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
    return plane


def _moved(layers: _Layers, shares: Sequence[tuple[float, float]]) -> bool:
    """Return whether what differs is found again close by: one of ``shares``, of all places and of differing ones."""
    scale = _MOVED_SIDE / max(layers.a.shape)
    size = max(8, round(scale * layers.a.shape[1])), max(8, round(scale * layers.a.shape[0]))
    a, b = (np.asarray(Image.fromarray(side).resize(size, Image.Resampling.BOX), np.float32) for side in layers[:2])
    shown = _eroded(np.asarray(Image.fromarray(layers.shown).resize(size, Image.Resampling.NEAREST)), 3)
    mean_a, mean_b = _mean(a), _mean(b)
    spread_a, spread_b = (np.sqrt(np.maximum(_mean(s * s) - m * m, 0)) for s, m in ((a, mean_a), (b, mean_b)))

    def apart(shift: tuple[int, int], still: tuple[Plane, Plane], other: tuple[Plane, Plane]) -> Plane:
        """The mean square difference at each place to that of ``other`` by ``shift`` pixels; brightness counts less."""
        there, mean = (np.roll(plane, shift, (0, 1)) for plane in other)
        return np.maximum(_mean((still[0] - there) ** 2) - np.float32(0.75) * (still[1] - mean) ** 2, 0)

    places = shown & (np.minimum(spread_a, spread_b) > _TEXTURE)
    if not places.any():
        return False
    here = apart((0, 0), (a, mean_a), (b, mean_b))
    alike = np.abs(_mean(a * b) - mean_a * mean_b) / np.maximum(spread_a * spread_b, 1)
    usual = 2 * float(np.sqrt(np.median(here[shown])))
    least = np.maximum(np.float32(max(_DIFFERS, usual)), 0.5 * np.minimum(spread_a, spread_b))
    differing = places & (np.sqrt(here) > least) & (alike < _ALIKE)
    if differing.sum() < _SOME * places.sum():
        return False
    shifts = [(down, across) for down in _SHIFTS for across in _SHIFTS]
    around = _around(differing, abs(_SHIFTS[0]) + _PLACE)

    def found_again(still: tuple[Plane, Plane], other: tuple[Plane, Plane]) -> bool:
        nearby = [(planes[0][around], planes[1][around]) for planes in (still, other)]
        best = np.minimum.reduce([apart(shift, *nearby) for shift in shifts])
        found = int((differing[around] & (np.sqrt(best) < _FOUND * np.sqrt(here[around]))).sum())
        return any(found >= some * places.sum() and found >= most * differing.sum() for some, most in shares)

    # Both ways: what is laid over a smooth picture hides what goes on beside it, but is not found there itself.
    return found_again((a, mean_a), (b, mean_b)) and found_again((b, mean_b), (a, mean_a))


def _around(mask: Mask, margin: int) -> tuple[slice, slice]:
    """The rows and columns of all that is marked, and ``margin`` pixels around it."""
    down, across = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    rows, columns = (slice(max(0, int(side[0]) - margin), int(side[-1]) + margin + 1) for side in (down, across))
    return rows, columns


def _within(side: int, size: tuple[int, int], least: int = 1) -> tuple[int, int]:
    """``size``, width and height in pixels, scaled down to a longer side of at most ``side``."""
    scale = min(1.0, side / max(size))
    return max(least, round(size[0] * scale)), max(least, round(size[1] * scale))


def _mean(plane: Plane) -> Plane:
    from scipy.ndimage import uniform_filter

    mean: Plane = uniform_filter(plane, _PLACE, mode="nearest")
    return mean


def _eroded(mask: Mask, by: int) -> Mask:
    from scipy.ndimage import binary_erosion

    return np.asarray(binary_erosion(mask, iterations=by, border_value=1), np.bool_)


def _bytes(plane: Plane) -> Grey:
    return plane.round().clip(0, 255).astype(np.uint8)
