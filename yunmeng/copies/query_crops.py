"""Views of a suspect picture: whole, turned, and parts of it that may be pictures of their own."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageOps

from yunmeng.copies.pasted_regions import find_insets
from yunmeng.copies.prepared import READ_SIDE
from yunmeng.imaging.decode import Picture, decode, from_array, from_pillow
from yunmeng.types import Region

if TYPE_CHECKING:
    from yunmeng.encoders.crops.views import Source

__all__ = ["Look", "closer_looks", "first_looks", "read_suspect"]

_WHOLE: Final = Region(0.0, 0.0, 1.0, 1.0)
_CENTRE: Final = Region(0.15, 0.15, 0.7, 0.7)
_QUARTERS: Final = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
_EIGHTHS: Final = (45, 135, 225, 315)  # degrees
_WINDOW: Final = 0.33  # side of the windows, in sides of the picture
_WINDOWS: Final = 4  # in a row and in a column
_LEAST_SIDE: Final = 24  # pixels of a part that is looked at


@dataclass(frozen=True, slots=True)
class Look:
    """One view of a suspect.

    ``wanted`` says how many of the pictures nearest to it are worth a closer look. ``region`` is the part of the
    suspect that it shows, None where it is turned. ``hashed``: it may be the whole of an original, so its fingerprint
    counts. ``negative``: it shows the suspect inverted.
    """

    picture: Image.Image
    wanted: int
    region: Region | None
    hashed: bool = False
    negative: bool = False

    @property
    def is_whole(self) -> bool:
        """True where it shows the whole suspect, upright and in its own colours."""
        return self.region == _WHOLE

    @property
    def is_part(self) -> bool:
        """True where it shows a part of the suspect, upright."""
        return self.region is not None and not self.is_whole


def read_suspect(source: "Source", max_pixels: int) -> Picture:
    """Read the suspect, upright and RGB, as large as it is verified. Raises `PictureError`."""
    if isinstance(source, bytes):
        return decode(source, at_least=READ_SIDE, max_pixels=max_pixels)
    image = Image.fromarray(from_pillow(source) if isinstance(source, Image.Image) else from_array(source))
    factor = 1 << max(0, (min(image.size) // READ_SIDE).bit_length() - 1)  # as `decode` reduces a file
    return Picture(image.reduce(factor), image.width, image.height, "")


def first_looks(suspect: Image.Image) -> list[Look]:
    """Return the views that find most copies: the whole turned and inverted, parts that look pasted, and the centre."""
    parts = [Look(_cut(suspect, part), 5, part, hashed=True) for part in find_insets(suspect) if _fits(suspect, part)]
    centre = [Look(_cut(suspect, _CENTRE), 3, _CENTRE)] if _fits(suspect, _CENTRE) else []
    turned = [Look(suspect.transpose(turn), 3, None) for turn in _QUARTERS]
    inverted = Look(ImageOps.invert(suspect), 3, None, hashed=True, negative=True)
    return [Look(suspect, 10, _WHOLE, hashed=True), *parts, *centre, *turned, inverted]


def closer_looks(suspect: Image.Image) -> list[Look]:
    """Return the views to try if those find nothing: small parts everywhere, and turns by odd angles."""
    places = np.linspace(0, 1 - _WINDOW, _WINDOWS).tolist()
    windows = [Region(x, y, _WINDOW, _WINDOW) for y in places for x in places]
    turned = (suspect.rotate(angle, Image.Resampling.BILINEAR, expand=True) for angle in _EIGHTHS)
    return [
        *(Look(_cut(suspect, part), 2, part) for part in windows if _fits(suspect, part)),
        *(Look(_cut(picture, _CENTRE), 4, None) for picture in turned if _fits(picture, _CENTRE)),
    ]


def _cut(image: Image.Image, part: Region) -> Image.Image:
    """By the same whole pixels as `Look.region` says, within half of one."""
    left, top = round(part.x * image.width), round(part.y * image.height)
    return image.crop((left, top, round((part.x + part.w) * image.width), round((part.y + part.h) * image.height)))


def _fits(image: Image.Image, part: Region) -> bool:
    return min(part.w * image.width, part.h * image.height) >= _LEAST_SIDE
