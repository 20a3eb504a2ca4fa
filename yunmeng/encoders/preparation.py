"""Pictures of any size, brought to the square that a network takes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from yunmeng.errors import EncoderError
from yunmeng.types import Pixels

__all__ = ["squash", "stack"]


def squash(picture: Pixels | Image.Image, side: int) -> Pixels:
    """The whole picture, resized to uint8 (side, side, 3) without regard to its shape.

    Bicubic with antialiasing (Pillow's, which widens the kernel when it shrinks). Nothing is cropped: what lies
    at a picture's edge can be what is searched for. A picture of this size already is returned as it is. Raises
    EncoderError when it is not uint8 (height, width, 3) with at least one pixel.
    """
    if isinstance(picture, Image.Image):  # an array of it, at its full size, would cost a quarter of the resizing
        return np.asarray(_resized(picture, side))
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or 0 in picture.shape:
        raise EncoderError(f"a picture must be uint8 (height, width, 3), not {picture.dtype} {picture.shape}")
    if picture.shape[:2] == (side, side):
        return picture
    return np.asarray(_resized(Image.fromarray(picture), side))


def _resized(image: Image.Image, side: int) -> Image.Image:
    return image.resize((side, side), Image.Resampling.BICUBIC)


def stack(batch: Sequence[Pixels], side: int) -> NDArray[np.uint8]:
    """n pictures, squashed where they are not yet: uint8 (n, side, side, 3), n may be 0."""
    pixels = np.empty((len(batch), side, side, 3), np.uint8)
    for index, picture in enumerate(batch):
        pixels[index] = squash(picture, side)
    return pixels
