"""Rankings of a whole gallery, put in order by the steps of a search."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from yunmeng.copies.verifier import Verifier
from yunmeng.imaging.decode import decode
from yunmeng.imaging.files import read
from yunmeng.imaging.fingerprint import fingerprint
from yunmeng.search.ranking import Candidates, ranked
from yunmeng.search.rerank.protocol import RerankContext
from yunmeng.stores.augmented import augmented_in_memory
from yunmeng.stores.memory import MemoryStore
from yunmeng.types import Record, Vector

if TYPE_CHECKING:
    from yunmeng.config import Settings
    from yunmeng.encoders.protocol import Encoder
    from yunmeng.search.rerank.protocol import Step
    from yunmeng.stores.protocol import Store

__all__ = ["Labelled", "reranked"]


class Labelled(NamedTuple):
    """A picture, its class, and its embedding."""

    path: Path
    label: int
    vector: Vector


def reranked(
    gallery: Sequence[Labelled],
    queries: Sequence[Labelled],
    steps: "Sequence[Step]",
    encoder: "Encoder",
    settings: "Settings",
) -> Iterator[NDArray[np.intp]]:
    """Yield a ranking of the whole gallery for each query, (1, n); pictures that no step looked at keep their order.

    The steps see a store of the gallery, in memory, and the files of the pictures.
    """
    files = _Files(encoder, settings, hashes=any(step.name == "fingerprint" for step in steps))
    store = _filled([files.record(row, picture) for row, picture in enumerate(gallery)], steps)
    verifier = Verifier(lambda id: files.read(gallery[int(id)].path), max_pixels=settings.max_pixels)
    for query in queries:
        hits = store.search(query.vector, len(gallery))
        asked = RerankContext(query.vector, store, len(gallery), verify=verifier.align, pdq=files.pdq(query.path))
        if any(step.name == "geometry" for step in steps):
            asked.picture = files.read(query.path)
        order = [int(hit.id) for hit in ranked(Candidates(hits, query.vector), asked, steps)]
        yield np.array([order], np.intp)


def _filled(records: Sequence[Record], steps: "Sequence[Step]") -> "Store":
    """Return a store of the records, with second vectors where a step searches by them."""
    if any(step.name == "expand" for step in steps):
        return augmented_in_memory(records)
    assert records[0].vector is not None  # each has been encoded
    store = MemoryStore(len(records[0].vector))
    store.upsert(records)
    return store


class _Files:
    """Reads the files of labelled pictures."""

    def __init__(self, encoder: "Encoder", settings: "Settings", *, hashes: bool) -> None:
        self._side = encoder.spec.decoded_side
        self._settings = settings
        self._hashes = hashes

    def read(self, path: Path) -> bytes:
        return read(path, max_bytes=self._settings.max_file_bytes)

    def pdq(self, path: Path) -> str | None:
        """Return the fingerprint of a picture, where fingerprints are asked for."""
        if not self._hashes:
            return None
        picture = decode(self.read(path), at_least=self._side, max_pixels=self._settings.max_pixels)
        return fingerprint(np.asarray(picture.image)).pdq

    def record(self, row: int, picture: Labelled) -> Record:
        return Record(
            id=str(row),
            uri=str(picture.path),
            sha256="",
            phash="",
            pdq=self.pdq(picture.path) or "",
            width=1,
            height=1,
            vector=picture.vector,
        )
