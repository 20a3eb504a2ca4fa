"""The query as the user gives it, turned into pixels and then into a vector."""

import math
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from yunmeng.config import Settings
from yunmeng.encoders.protocol import Encoder
from yunmeng.errors import EncoderMismatch, PictureError, QueryError, Reason
from yunmeng.fetch import Fetcher, is_url
from yunmeng.imaging import decode, describe, enhance, from_pillow, read, sha256
from yunmeng.types import Enhancement, Pixels, Record, Region, Vector

__all__ = ["Embedder", "QueryPicture", "Timings", "as_vector", "check_region", "read_bytes", "timed"]

QueryPicture: TypeAlias = str | Path | bytes | Image.Image | NDArray[np.uint8]
"""A path, a URL, a picture file's bytes, a Pillow image, or RGB pixels, uint8 (height, width, 3)."""

Timings: TypeAlias = MutableMapping[str, float]
"""Seconds by the name of a stage."""

EDGE = 1e-6  # by which a region may reach over the picture: fractions are rounded


class Embedder:
    """Embeds queries, treated as pictures are when they are indexed, so that the same file meets itself at 1.0."""

    def __init__(
        self,
        encoder: Encoder,
        settings: Settings,
        enhancements: Sequence[Enhancement] = (),
        fetcher: Callable[[], Fetcher] | None = None,
    ) -> None:
        self._encoder = encoder
        self._settings = settings
        self._enhancements = enhancements
        self._fetcher = fetcher

    def embed(self, picture: QueryPicture, region: Region | None, timings: Timings) -> Vector:
        """The embedding of a picture, or of its ``region``; the seconds of its stages are added to ``timings``.

        Raises `PictureError` for what is no usable picture.
        """
        with timed(timings, "read"):
            image = self._image(picture, region)
            prepared = self._prepared(image if region is None else _crop(image, region))
        return self._encoded(prepared, timings)

    def portrait(self, picture: str | Path | bytes, timings: Timings) -> Record:
        """The record that a picture would have, with its vector; its id is its digest."""
        with timed(timings, "read"):
            data = self._bytes(picture)
            decoded = decode(data, at_least=self._encoder.spec.decoded_side, max_pixels=self._settings.max_pixels)
            fingerprints, quality = describe(decoded)
            prepared = self._prepared(decoded.image)
        digest = sha256(data)
        return Record(
            id=digest,
            uri="",
            sha256=digest,
            phash=fingerprints.phash,
            pdq=fingerprints.pdq,
            width=decoded.width,
            height=decoded.height,
            quality=quality,
            vector=self._encoded(prepared, timings),
        )

    def _image(self, picture: QueryPicture, region: Region | None) -> Image.Image | Pixels:
        if isinstance(picture, np.ndarray):
            return _checked(picture)
        if isinstance(picture, Image.Image):
            return from_pillow(picture)
        # A region is enlarged to the encoder's size, so it must not be cut out of a copy that is too small.
        share = 1.0 if region is None else min(region.w, region.h)
        at_least = math.ceil(self._encoder.spec.decoded_side / share)
        return decode(self._bytes(picture), at_least=at_least, max_pixels=self._settings.max_pixels).image

    def _bytes(self, picture: str | Path | bytes) -> bytes:
        if self._fetcher is not None and isinstance(picture, str) and is_url(picture):
            return self._fetcher().fetch(picture)
        return read_bytes(picture, self._settings)

    def _prepared(self, image: Image.Image | Pixels) -> Pixels:
        if self._enhancements:
            image = enhance(np.asarray(image), **dict.fromkeys(self._enhancements, True))
        return self._encoder.prepare(image)

    def _encoded(self, prepared: Pixels, timings: Timings) -> Vector:
        with timed(timings, "encode"):
            embedding: Vector = self._encoder.encode([prepared])[0]
        return embedding


@contextmanager
def timed(timings: Timings, stage: str) -> Iterator[None]:
    """Adds the seconds that the block takes to those of ``stage``."""
    began = perf_counter()
    yield
    timings[stage] = timings.get(stage, 0.0) + perf_counter() - began


def check_region(values: Sequence[float]) -> Region:
    """Four numbers x, y, w, h as a region. Raises `QueryError` where they are none inside a picture."""
    if len(values) != 4 or not all(math.isfinite(value) for value in values):
        raise QueryError("a region is four numbers: x, y, width and height in fractions of the picture")
    x, y, w, h = values
    if min(x, y) < 0 or min(w, h) <= 0 or max(x + w, y + h) > 1 + EDGE:
        raise QueryError(f"the region {x:g}, {y:g}, {w:g}, {h:g} does not lie inside the picture, which is 0 to 1")
    return Region(x, y, w, h)


def as_vector(values: ArrayLike, dim: int) -> Vector:
    """A query vector as float32 (dim,), L2-normalised. Raises `EncoderMismatch` if it cannot be one."""
    with np.errstate(over="ignore", invalid="ignore"):  # what does not fit becomes infinite, and is refused below
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


def _crop(image: Image.Image | Pixels, region: Region) -> Image.Image:
    whole = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    left, top = int(region.x * whole.width), int(region.y * whole.height)
    right = max(left + 1, min(whole.width, round((region.x + region.w) * whole.width)))
    bottom = max(top + 1, min(whole.height, round((region.y + region.h) * whole.height)))
    return whole.crop((left, top, right, bottom))


def _checked(pixels: NDArray[np.uint8]) -> Pixels:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise PictureError(
            Reason.UNSUPPORTED, f"an array must be uint8 (height, width, 3), this is {pixels.dtype} {pixels.shape}"
        )
    if pixels.size == 0:
        raise PictureError(Reason.ZERO_SIZE, f"an array of shape {pixels.shape} has no pixels")
    return pixels
