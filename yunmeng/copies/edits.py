"""Edits that made a copy of a picture: found from where the copy lies in it, and from how it looks there."""

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from yunmeng.copies.photometric import Looks, looks
from yunmeng.copies.registration import Superposed
from yunmeng.copies.transform import CORNERS, Placing, inverse, project, to_pixels
from yunmeng.types import Alignment, Edit, Pixels

__all__ = ["Edit", "find_edits"]

_CROPPED: Final = 0.97  # share of the original below which it was cut
_SURROUNDED: Final = 0.97  # share of the copy below which there is something around
_MARGIN: Final = 0.012  # of the copy's side that is wide enough for a border
_TURNED: Final = 1.0  # degrees
_SCALED: Final = 0.04  # as a change, and so for stretching
_STRETCHED: Final = 0.035
_RECOLOURED: Final = 5.0  # grey levels
_BLURRED: Final = 0.9  # pixels of the frame
_NOISY: Final = 4.0  # grey levels; strong compression leaves up to 3.6
_LAID_OVER: Final = 0.002  # share of what both show
_PLAIN: Final = 14.0  # grey levels: a surrounding that varies less is a border


def find_edits(
    pair: Superposed, place: Placing, a: Pixels, alignment: Alignment, *, recoloured: bool = False
) -> list[Edit]:
    """Return all edits, the most visible first.

    ``a`` is the copy, ``pair`` shows it laid over the original; ``recoloured`` says that it has other hues.
    """
    look = looks(pair)
    return [*_places(place, a, alignment), *_colours(look, recoloured=recoloured), *_textures(look, pair)]


def _places(place: Placing, a: Pixels, alignment: Alignment) -> Iterator[Edit]:
    across, down = place.scales
    inset = place.taken < _SURROUNDED and max(place.margins) > _MARGIN
    plain = inset and _is_plain_around(a, alignment)
    if inset:
        what = "set in a border" if plain else "set inside another picture"
        yield Edit("inset", place.taken, f"{what}: the original takes up {place.taken:.0%} of it")
    turned_only = place.in_own_frame and abs(place.angle) > _TURNED and not inset
    if place.shown < _CROPPED and not turned_only:
        yield Edit("crop", place.shown, f"cropped: shows {place.shown:.0%} of the original")
    if place.mirrored:
        yield Edit("flip", None, f"mirrored {place.mirrored}")
    if abs(place.angle) > _TURNED:
        way = "" if abs(place.angle) > 179 else " clockwise" if place.angle > 0 else " anticlockwise"
        yield Edit("rotation", place.angle, f"turned by {abs(place.angle):.0f}°{way}")
    if place.aslant:
        yield Edit("perspective", None, "seen aslant")
    elif abs(math.log(across / down)) > _STRETCHED:
        side = "width" if across < down else "height"
        part = min(across, down) / max(across, down)
        yield Edit("stretch", across / down, f"squeezed to {part:.0%} of its {side}")
    # Stretching makes one side longer or shorter: the other one says how the whole was scaled.
    scale = min(across, down, key=lambda one: abs(math.log(one)))
    if abs(math.log(scale)) > _SCALED and not place.aslant and (plain or not inset):
        yield Edit("scale", scale, f"scaled to {scale:.0%}")


def _colours(look: Looks, *, recoloured: bool) -> Iterator[Edit]:
    if look.grey:
        yield Edit("grey", None, "without colour")
    if look.negative:
        yield Edit("negative", None, "colours inverted, as in a negative")
        return
    if recoloured:
        yield Edit("recoloured", None, "the same shape in other colours")
    elif look.change > _RECOLOURED and not (look.grey and abs(look.brighter) < 8 and 0.85 < look.contrast < 1.18):
        yield Edit("colour", look.change, f"colours changed: {_recolouring(look)}")


def _recolouring(look: Looks) -> str:
    said = []
    if abs(look.brighter) > 6:
        said.append("brighter" if look.brighter > 0 else "darker")
    if not 0.9 < look.contrast < 1.11:
        said.append("more contrast" if look.contrast > 1 else "less contrast")
    if not 0.85 < look.saturation < 1.18 and not look.grey:
        said.append("more saturated" if look.saturation > 1 else "less saturated")
    if look.tint > 8 and not look.grey:
        said.append("tinted")
    return ", ".join(said) or "slightly"


def _textures(look: Looks, pair: Superposed) -> Iterator[Edit]:
    if look.sigma > _BLURRED:
        sigma = look.sigma * pair.pixels
        yield Edit("blur", sigma, f"blurred over about {max(1, round(2 * sigma))} pixels")
    if look.noise > _NOISY:
        yield Edit("noise", look.noise, "noise added")
    if look.overlays > _LAID_OVER:
        where = "one place" if look.places == 1 else f"{look.places} places"
        yield Edit("overlay", look.overlays, f"something laid over it in {where}, {look.overlays:.1%} of what it shows")


def _is_plain_around(a: Pixels, alignment: Alignment) -> bool:
    """Return whether the area around the original in the copy is of one colour, as borders are."""
    image = Image.fromarray(a)
    image.thumbnail((200, 200))
    onto = inverse(to_pixels(alignment, image.size, (1, 1)))
    corners = project(onto, CORNERS)
    inside = Image.new("1", image.size, 0)
    ImageDraw.Draw(inside).polygon([(float(x), float(y)) for x, y in corners], fill=1, outline=1, width=5)
    around = np.asarray(image)[~np.asarray(inside)]
    return len(around) < 16 or float(np.quantile(around.std(axis=0), 0.5)) < _PLAIN
