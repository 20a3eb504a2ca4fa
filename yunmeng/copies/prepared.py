"""A picture to be verified, with what is worked out of it only once."""

from functools import cached_property
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from yunmeng.copies.features import LocalFeatures, local_features
from yunmeng.copies.pasted_regions import find_insets
from yunmeng.imaging.decode import Picture
from yunmeng.types import Pixels, Region

__all__ = ["FIRST_LOOK", "READ_SIDE", "PreparedPicture"]

READ_SIDE: Final = 800
"""Shorter side in pixels to which pictures are read that are verified, where they have it. Who reads another size may
come to another verdict."""
FIRST_LOOK: Final = (640, 600)
"""The first longer side that local features are looked for at, and how many."""
_THUMBNAIL: Final = 32  # pixels
_SMALLEST_PART: Final = 24  # pixels


class PreparedPicture:
    """A picture to be verified, with what was computed from it so far. Threads may share it."""

    def __init__(self, picture: Picture) -> None:
        self.image = picture.image
        self.size = (picture.width, picture.height)
        self._features: dict[tuple[int, int], LocalFeatures] = {}

    @cached_property
    def pixels(self) -> Pixels:
        """The image as an array, uint8 (h, w, 3)."""
        return np.asarray(self.image)

    @cached_property
    def order(self) -> tuple[int, bytes]:
        """Sort key of two pictures, so that it does not matter which of them is named first."""
        return self.image.width * self.image.height, blake2b(self.image.tobytes(), digest_size=16).digest()

    @cached_property
    def thumbnail(self) -> NDArray[np.float32]:
        """Grey values of the whole, float32 (32, 32)."""
        size = (_THUMBNAIL, _THUMBNAIL)
        return np.asarray(self.image.convert("L").resize(size, Image.Resampling.BOX), dtype=np.float32)

    @cached_property
    def parts(self) -> list[tuple[Region, "PreparedPicture"]]:
        """Rectangles that look as if they were pasted, in fractions of the picture, and each with its picture."""
        width, height = self.image.size
        found = []
        for part in find_insets(self.image):
            left, top = round(part.x * width), round(part.y * height)
            right, bottom = round((part.x + part.w) * width), round((part.y + part.h) * height)
            if min(right - left, bottom - top) >= _SMALLEST_PART:
                exact = Region(left / width, top / height, (right - left) / width, (bottom - top) / height)
                cut = self.image.crop((left, top, right, bottom))
                found.append((exact, PreparedPicture(Picture(cut, cut.width, cut.height, ""))))
        return found

    def features(self, side: int, most: int) -> LocalFeatures:
        """Return the local features at a longer side of ``side`` pixels, at most ``most``. Raises `MissingExtra`."""
        known = self._features.get((side, most))
        if known is None:
            known = self._features[side, most] = local_features(self.image, side, most)
        return known
