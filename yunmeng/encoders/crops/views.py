"""From a picture to the pixels that go to the encoder.

Pictures that are indexed and pictures that are asked with take the same way, so that the same file meets itself at a
score of 1.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from yunmeng.encoders.crops.grid import grid
from yunmeng.encoders.protocol import Encoder
from yunmeng.imaging.decode import Picture, decode, from_array, from_pillow
from yunmeng.imaging.enhance import enhance
from yunmeng.types import Enhancement, Pixels, Region

if TYPE_CHECKING:
    from yunmeng.encoders.subject.finding import Subject

__all__ = ["WHOLE", "Source", "View", "Views"]

Source: TypeAlias = bytes | Image.Image | NDArray[np.uint8]
"""A picture file's bytes, a Pillow image, or RGB pixels, uint8 (height, width, 3)."""

WHOLE: Final = Region(0.0, 0.0, 1.0, 1.0)


class View(NamedTuple):
    """A part of a picture, and its pixels as the encoder takes them."""

    region: Region
    prepared: Pixels


class Views:
    """The views of a picture that one library encodes."""

    def __init__(
        self,
        encoder: Encoder,
        *,
        enhancements: Sequence[Enhancement] = (),
        subject: bool = False,
        regions: bool = False,
        max_pixels: int,
    ) -> None:
        self._encoder = encoder
        self._enhancements = enhancements
        self._subject = subject
        self._regions = regions
        self._max_pixels = max_pixels

    @property
    def most(self) -> int:
        """Largest number of views that one picture has, about."""
        return 1 + (len(grid(1, 1)) if self._regions else 0)

    def decode(self, data: bytes) -> Picture:
        """Decode a picture as large as the encoder needs it. Raises `PictureError`."""
        return self._decode(data, 1.0)

    def main(self, source: Source, decoded: Picture | None = None, *, subject: bool | None = None) -> View:
        """Return the whole picture, or its main subject where the library, or ``subject``, says so.

        ``decoded`` is the result of `decode` for the bytes, if the caller has it. Raises `PictureError`.
        """
        image = self._image(source, WHOLE) if decoded is None else decoded.image
        if self._subject if subject is None else subject:
            from yunmeng.encoders.subject.finding import find_subject

            region = find_subject(np.asarray(image)).region
            if region != WHOLE:
                return self.part(source, region)
        return View(WHOLE, self._prepared(image))

    def all(self, data: bytes, decoded: Picture) -> list[View]:
        """Return every view by which a picture is to be found, the main one first. Raises `PictureError`."""
        return [self.main(data, decoded), *self.parts(data, decoded)]

    def part(self, source: Source, region: Region) -> View:
        """Return one part of a picture, decoded large enough for it. Raises `PictureError`."""
        return View(region, self._prepared(_crop(self._image(source, region), region)))

    def parts(self, data: bytes, decoded: Picture) -> list[View]:
        """Return all parts by which a picture is to be found; none if the library keeps no parts."""
        if not self._regions:
            return []
        regions = grid(decoded.width, decoded.height)
        large = self._decode(data, min(min(region.w, region.h) for region in regions)).image
        return [View(region, self._prepared(_crop(large, region))) for region in regions]

    def pixels(self, source: Source, region: Region | None = None) -> Pixels:
        """Return a picture, or one part of it, as large as the encoder needs it. Raises `PictureError`."""
        if region is None:
            return np.asarray(self._image(source, WHOLE))
        return np.asarray(_crop(self._image(source, region), region))

    def subject_of(self, source: Source) -> "Subject":
        """Return where the main subject is. Raises `PictureError`."""
        from yunmeng.encoders.subject.finding import find_subject

        return find_subject(np.asarray(self._image(source, WHOLE)))

    def objects_of(self, source: Source) -> "list[Subject]":
        """Return where the separate things in a picture are, the main one first. Raises `PictureError`."""
        from yunmeng.encoders.subject.finding import find_objects

        return find_objects(np.asarray(self._image(source, WHOLE)))

    def _image(self, source: Source, region: Region) -> Image.Image | Pixels:
        if isinstance(source, np.ndarray):
            return from_array(source)
        if isinstance(source, Image.Image):
            return from_pillow(source)
        return self._decode(source, min(region.w, region.h)).image

    def _decode(self, data: bytes, share: float) -> Picture:
        """The picture, so large that ``share`` of it has the encoder's size."""
        at_least = math.ceil(self._encoder.spec.decoded_side / share)
        return decode(data, at_least=at_least, max_pixels=self._max_pixels)

    def _prepared(self, image: Image.Image | Pixels) -> Pixels:
        if self._enhancements:
            image = enhance(np.asarray(image), **dict.fromkeys(self._enhancements, True))
        return self._encoder.prepare(image)


def _crop(image: Image.Image | Pixels, region: Region) -> Image.Image:
    whole = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    left, top = int(region.x * whole.width), int(region.y * whole.height)
    right = max(left + 1, min(whole.width, round((region.x + region.w) * whole.width)))
    bottom = max(top + 1, min(whole.height, round((region.y + region.h) * whole.height)))
    return whole.crop((left, top, right, bottom))
