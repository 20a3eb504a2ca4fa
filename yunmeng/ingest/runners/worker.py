"""What runs on a worker: files in, facts and vectors out. It knows no store, no state and no cluster."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple, TypeAlias

from yunmeng.encoders.catalogue import load
from yunmeng.encoders.crops.views import Views
from yunmeng.encoders.protocol import Encoder
from yunmeng.errors import PictureError
from yunmeng.imaging.budget import limit_decoding
from yunmeng.ingest.extraction import Extracted, Facts, extract
from yunmeng.ingest.runners.protocol import Setup
from yunmeng.media.readers import reader_of
from yunmeng.types import Region, Vector
from yunmeng.version import __version__

__all__ = ["Encoded", "RawFile", "Worker"]


class RawFile(NamedTuple):
    """The bytes of a file, and the parts of it to take."""

    data: bytes
    parts: Sequence[str]


class Encoded(NamedTuple):
    """A picture that was decoded and encoded; ``regions`` and ``vectors`` are of its views, the main one first."""

    facts: Facts
    regions: Sequence[Region]
    vectors: Sequence[Vector]


Found: TypeAlias = Extracted | PictureError


class Worker:
    """Decodes and encodes files on ``threads`` threads. Made cheaply; `start` loads the encoder."""

    def __init__(self, setup: Setup, threads: int) -> None:
        self._setup = setup._replace(settings=setup.settings.model_copy(update={"threads": threads}))
        self._pool = ThreadPoolExecutor(threads, "decode")
        self._encoder: Encoder
        self._views: Views

    def start(self) -> str:
        """Load the encoder. Returns the version of Yunmeng on this machine. Raises as `catalogue.load` does."""
        setup = self._setup
        limit_decoding(memory=setup.settings.decode_memory, seconds=setup.settings.decode_seconds)
        self._encoder = load(setup.encoder, setup.settings) if isinstance(setup.encoder, str) else setup.encoder
        self._views = setup.views(self._encoder)
        return __version__

    def work(self, files: Sequence[RawFile]) -> list[list[Encoded | PictureError]]:
        """Return what becomes of the parts of each file, in their order. Raises what the encoder raises."""
        found = list(self._pool.map(self._extract, files))
        decoded = [one for parts in found for one in parts if isinstance(one, Extracted)]
        pixels = [view.prepared for one in decoded for view in one.views]
        vectors = iter(self._encoder.encode(pixels) if pixels else ())

        def encoded(one: Extracted) -> Encoded:
            return Encoded(one.facts, [view.region for view in one.views], list(islice(vectors, len(one.views))))

        return [[encoded(one) if isinstance(one, Extracted) else one for one in parts] for parts in found]

    def _extract(self, file: RawFile) -> list[Found]:
        """Decode the parts of a file as `Classifier` does: one that is broken does not cost those before it."""
        try:
            pictures = reader_of(file.data).pictures(file.data, file.parts, max_pixels=self._setup.settings.max_pixels)
        except PictureError as exc:
            return [exc for _ in file.parts]
        return [self._next(pictures) for _ in file.parts]

    def _next(self, pictures: Iterator[bytes]) -> Found:
        try:
            return extract(pictures, self._views)
        except PictureError as exc:
            return exc
