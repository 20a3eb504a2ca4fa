"""The query's picture, turned into pixels and then into a vector."""

import math
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from yunmeng.errors import EncoderMismatch, QueryError
from yunmeng.imaging.describe import describe
from yunmeng.imaging.files import read
from yunmeng.imaging.fingerprint import sha256
from yunmeng.net.fetch import Fetcher, is_url
from yunmeng.types import Pixels, QueryPicture, Record, Region, Vector

if TYPE_CHECKING:
    from yunmeng.config import Settings
    from yunmeng.encoders.crops.views import Source, View, Views
    from yunmeng.encoders.protocol import Encoder
    from yunmeng.search.cache.query_vectors import QueryVectors

__all__ = ["Embedder", "QueryPicture", "Timings", "as_vector", "check_region", "read_bytes", "timed"]

Timings: TypeAlias = MutableMapping[str, float]
"""Seconds by the name of a stage."""

EDGE = 1e-6  # by which a region may reach over the picture: fractions are rounded


class Embedder:
    """Embeds queries in the same way as indexed pictures, so that the same file has a score of 1.0.

    ``read`` returns the bytes at a path or URL; given bytes it returns as they are.
    """

    def __init__(
        self,
        encoder: "Encoder",
        views: "Views",
        read: Callable[[str | Path | bytes], bytes],
        vectors: "QueryVectors | None" = None,
    ) -> None:
        self._encoder = encoder
        self._views = views
        self._read = read
        self._vectors = vectors

    def embed(
        self, picture: QueryPicture, region: Region | None, timings: Timings, *, subject: bool | None = None
    ) -> Vector:
        """Return the embedding of a picture, or of its ``region``; the seconds of each stage are added to ``timings``.

        ``subject``: True for its main subject, False for all of it, None for what the library does with its pictures.
        Raises `PictureError` for what is no usable picture.
        """
        with timed(timings, "read"):
            source = self.source(picture)
            kept = self._vectors if isinstance(source, bytes) else None
            known = None if kept is None else kept.find(source, region, subject)
            if known is not None:
                return known
            view = self._views.main(source, subject=subject) if region is None else self._views.part(source, region)
        vector = self._encoded(view, timings)
        if kept is not None:
            kept.keep(vector, source, region, subject)
        return vector

    def portrait(self, picture: str | Path | bytes, timings: Timings) -> Record:
        """Return the record that a picture would have, with its vector; its id is its digest."""
        with timed(timings, "read"):
            data = self._read(picture)
            decoded = self._views.decode(data)
            fingerprints, quality, colours = describe(decoded)
            view = self._views.main(data, decoded)
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
            palette=colours,
            vector=self._encoded(view, timings),
        )

    def pixels(self, source: "Source", region: Region | None = None) -> Pixels:
        """Return a picture, or its ``region``, upright, uint8 (h, w, 3). Raises `PictureError`."""
        return self._views.pixels(source, region)

    def source(self, picture: QueryPicture) -> "Source":
        """Return what `Views` take: the bytes at a path or URL, or the picture as it is. Raises `PictureError`."""
        return self._read(picture) if isinstance(picture, str | Path) else picture

    def _encoded(self, view: "View", timings: Timings) -> Vector:
        with timed(timings, "encode"):
            embedding: Vector = self._encoder.encode([view.prepared])[0]
        return embedding


@contextmanager
def timed(timings: Timings, stage: str) -> Iterator[None]:
    """Add the seconds that the block takes to those of ``stage``."""
    began = perf_counter()
    yield
    timings[stage] = timings.get(stage, 0.0) + perf_counter() - began


def check_region(values: Sequence[float]) -> Region:
    """Return four numbers x, y, w, h as a region. Raises `QueryError` where they are no region of a picture."""
    if len(values) != 4 or not all(math.isfinite(value) for value in values):
        raise QueryError("a region is four numbers: x, y, width and height in fractions of the picture")
    x, y, w, h = values
    if min(x, y) < 0 or min(w, h) <= 0 or max(x + w, y + h) > 1 + EDGE:
        raise QueryError(f"the region {x:g}, {y:g}, {w:g}, {h:g} does not lie inside the picture, which is 0 to 1")
    return Region(x, y, w, h)


def as_vector(values: ArrayLike, dim: int) -> Vector:
    """Return a query vector as float32 (dim,), L2-normalised. Raises `EncoderMismatch` if it cannot be one."""
    with np.errstate(over="ignore", invalid="ignore"):  # what does not fit becomes infinite, and is refused below
        vector = np.asarray(values, dtype=np.float32)
        if vector.shape != (dim,):
            raise EncoderMismatch(f"the library's vectors have shape ({dim},), the query's {vector.shape}")
        norm = math.sqrt(vector @ vector)  # np.linalg.norm takes five times as long
    if not math.isfinite(norm) or norm == 0.0:
        raise EncoderMismatch("the query vector must be finite and not all zeros")
    return vector / np.float32(norm)


def read_bytes(picture: str | Path | bytes, settings: "Settings") -> bytes:
    """Return a picture file's bytes, from a path or a URL. Raises `PictureError`."""
    if isinstance(picture, bytes):
        return picture
    if isinstance(picture, str) and is_url(picture):
        with Fetcher(settings) as fetcher:
            return fetcher.fetch(picture)
    return read(Path(picture), max_bytes=settings.max_file_bytes)
