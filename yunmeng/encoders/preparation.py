"""Pictures of any size, brought to the square that a network takes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from yunmeng.errors import EncoderError
from yunmeng.types import Pixels

if TYPE_CHECKING:
    from yunmeng.encoders.description import PictureTower

__all__ = ["fit", "squash", "stack"]

_STRIP: Final = 4  # times as long as wide
_RESAMPLING: Final = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def squash(picture: Pixels | Image.Image, side: int) -> Pixels:
    """Return the whole picture, resized to uint8 (side, side, 3) without regard to its shape.

    Bicubic with antialiasing (Pillow's, which widens the kernel when it shrinks). Nothing is cropped: what lies at a
    picture's edge can be what is searched for. A picture that has this size already is returned as it is. Raises
    EncoderError when it is not uint8 (height, width, 3) with at least one pixel.
    """
    if isinstance(picture, Image.Image):  # an array of it, at its full size, would cost a quarter of the resizing
        return np.asarray(_resized(picture, side))
    _check(picture)
    if picture.shape[:2] == (side, side):
        return picture
    return np.asarray(_resized(Image.fromarray(picture), side))


def fit(picture: Pixels | Image.Image, tower: "PictureTower") -> Pixels:
    """Return the picture as ``tower`` takes it, uint8 (side, side, 3): squashed, cropped or padded, as it says.

    A picture that has this size already is returned as it is, array or Pillow image alike, since a prepared one must
    pass unchanged. Cropping and padding follow torchvision and timm to the pixel. Raises EncoderError as `squash` does.
    """
    side = tower.input_size
    if isinstance(picture, np.ndarray):
        _check(picture)
        if picture.shape[:2] == (side, side):
            return picture
        picture = Image.fromarray(picture)
    if picture.size == (side, side):
        return np.asarray(picture)
    resampling = _RESAMPLING[tower.interpolation]
    if tower.resize == "crop":
        return np.asarray(_cropped(picture, side, tower.resize_side or side, resampling))
    if tower.resize == "pad":
        return np.asarray(_padded(picture, side, tower.fill, resampling))
    return np.asarray(picture.resize((side, side), resampling))


def _check(picture: Pixels) -> None:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or 0 in picture.shape:
        raise EncoderError(f"a picture must be uint8 (height, width, 3), not {picture.dtype} {picture.shape}")


def _cropped(image: Image.Image, side: int, shorter: int, resampling: Image.Resampling) -> Image.Image:
    """The centre of the picture whose shorter side is brought to ``shorter``."""
    shortest = min(image.size)
    sizes = [int(shorter * length / shortest) for length in image.size]  # rounded as torchvision does
    starts = [round((size - side) / 2) for size in sizes]
    if max(sizes) <= _STRIP * shorter:
        corners = (*starts, *(start + side for start in starts))
        return image.resize((sizes[0], sizes[1]), resampling).crop((corners[0], corners[1], corners[2], corners[3]))
    # all of a long strip would need gigabytes: only its centre is resized, which may round some values the other way
    left, upper = (start * length / size for start, length, size in zip(starts, image.size, sizes, strict=True))
    right, lower = ((s + side) * length / size for s, length, size in zip(starts, image.size, sizes, strict=True))
    box = (left, upper, min(right, image.width), min(lower, image.height))
    return image.resize((side, side), resampling, box=box)


def _padded(image: Image.Image, side: int, fill: tuple[int, int, int], resampling: Image.Resampling) -> Image.Image:
    longest = max(image.size)
    width, height = (max(1, round(length * side / longest)) for length in image.size)
    canvas = Image.new("RGB", (side, side), fill)
    canvas.paste(image.resize((width, height), resampling), ((side - width) // 2, (side - height) // 2))
    return canvas


def _resized(image: Image.Image, side: int) -> Image.Image:
    return image.resize((side, side), Image.Resampling.BICUBIC)


def stack(batch: Sequence[Pixels], side: int) -> NDArray[np.uint8]:
    """Return n pictures, squashed where they are not yet: uint8 (n, side, side, 3), n may be 0."""
    pixels = np.empty((len(batch), side, side, 3), np.uint8)
    for index, picture in enumerate(batch):
        pixels[index] = squash(picture, side)
    return pixels
