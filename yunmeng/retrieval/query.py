"""The query as the user gives it, turned into pixels and then into a vector."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from yunmeng.config import Settings
from yunmeng.encoders.protocol import Encoder
from yunmeng.errors import EncoderMismatch, PictureError, Reason
from yunmeng.fetch import Fetcher, is_url
from yunmeng.imaging import decode, enhance, from_pillow, read
from yunmeng.types import Enhancement, Pixels, Vector

__all__ = ["QueryPicture", "as_vector", "read_bytes", "read_picture"]

QueryPicture: TypeAlias = str | Path | bytes | Image.Image | NDArray[np.uint8]
"""A path, a URL, a picture file's bytes, a Pillow image, or RGB pixels, uint8 (height, width, 3)."""


def read_picture(
    picture: QueryPicture, encoder: Encoder, settings: Settings, enhancements: Sequence[Enhancement] = ()
) -> Pixels:
    """Pixels of a query, treated as pictures are when they are indexed, so that the same file meets itself at 1.0.

    Raises `PictureError` for what is no usable picture.
    """
    pixels = _pixels(picture, encoder, settings)
    return enhance(pixels, **dict.fromkeys(enhancements, True)) if enhancements else pixels


def _pixels(picture: QueryPicture, encoder: Encoder, settings: Settings) -> Pixels:
    if isinstance(picture, np.ndarray):
        return _checked(picture)
    if isinstance(picture, Image.Image):
        return from_pillow(picture)
    data = read_bytes(picture, settings)
    return decode(data, at_least=encoder.spec.decoded_side, max_pixels=settings.max_pixels).pixels


def as_vector(values: ArrayLike, dim: int) -> Vector:
    """A query vector as float32 (dim,), L2-normalised. Raises `EncoderMismatch` if it cannot be one."""
    vector = np.asarray(values, dtype=np.float32)
    if vector.shape != (dim,):
        raise EncoderMismatch(f"the library's vectors have shape ({dim},), the query's {vector.shape}")
    norm = math.sqrt(vector @ vector)  # np.linalg.norm takes five times as long
    if not math.isfinite(norm) or norm == 0.0:
        raise EncoderMismatch("the query vector must be finite and not all zeros")
    return vector / np.float32(norm)


def read_bytes(picture: str | Path | bytes, settings: Settings) -> bytes:
    """A picture file's bytes, from a path or a URL. Raises `PictureError`."""
    if isinstance(picture, bytes):
        return picture
    if isinstance(picture, str) and is_url(picture):
        with Fetcher(settings) as fetcher:
            return fetcher.fetch(picture)
    return read(Path(picture), max_bytes=settings.max_file_bytes)


def _checked(pixels: NDArray[np.uint8]) -> Pixels:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise PictureError(
            Reason.UNSUPPORTED, f"an array must be uint8 (height, width, 3), this is {pixels.dtype} {pixels.shape}"
        )
    if pixels.size == 0:
        raise PictureError(Reason.ZERO_SIZE, f"an array of shape {pixels.shape} has no pixels")
    return pixels
