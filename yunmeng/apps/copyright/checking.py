"""Pictures checked against registered works."""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from yunmeng.apps.copyright.intake import batches
from yunmeng.apps.copyright.types import Work, WorkMatch
from yunmeng.copies.remembered import RememberedFeatures
from yunmeng.copies.search import CopySearch
from yunmeng.copies.verifier import Verifier
from yunmeng.errors import FetchError, OriginalGone, RecordNotFound
from yunmeng.stores.memory import MemoryStore
from yunmeng.types import Hit

if TYPE_CHECKING:
    from yunmeng.library.generation import Generation
    from yunmeng.library.library import Library
    from yunmeng.stores.protocol import Store
    from yunmeng.types import Record

__all__ = ["WorkSearch"]

_FEATURE_BYTES: Final = 256_000_000
"""Memory for the local features of works, some 90 kB each: those of the 3,000 works that were looked at last."""


class _Searched(NamedTuple):
    """A search among works, and what it was made from: it holds while that stays the same."""

    generation: "Generation"
    version: tuple[int, int]
    copies: CopySearch
    works: Mapping[str, Work]  # by the id of their picture in the library


class WorkSearch:
    """Finds the works that a picture was made from, as `Library.match` finds originals. Threads may share it.

    The works have a store of their own in memory, so that no other picture of the library, however many there are,
    takes the place of a work among the candidates.
    """

    def __init__(self, library: "Library") -> None:
        self._library = library
        self._lock = threading.Lock()
        self._searched: _Searched | None = None
        self._remembered = RememberedFeatures(_FEATURE_BYTES)

    def match(self, picture: bytes, works: Mapping[str, Work], size: int, k: int, min_chance: float) -> list[WorkMatch]:
        """Return the k likeliest of ``works``, by the SHA-256 of their pictures; ``size`` is that of the register."""
        searched = self._current(works, size)
        hits = searched.copies.match(picture, k, None, min_chance)
        return [self._compared(picture, hit, searched) for hit in hits]

    def compared_with(self, picture: bytes, work: Work, works: Mapping[str, Work], size: int) -> WorkMatch:
        """Return how likely a picture was made from one of ``works``, and what was done to it.

        The chance is 0 where the search does not find the work at all. Raises `RecordNotFound` where its picture is not
        in the library any more.
        """
        searched = self._current(works, size)
        id = next((id for id, one in searched.works.items() if one.number == work.number), None)
        if id is None:
            raise RecordNotFound(f"work {work.number} was withdrawn, or its picture is not in the library any more")
        scored = searched.copies.scored(picture, None, {})
        chance = next((one.score for one in scored if one.record.id == id), 0.0)
        record = searched.generation.find(id)
        return self._compared(picture, Hit(id, chance, record.uri, {}), searched)

    def absent(self, works: Mapping[str, Work], size: int) -> list[Work]:
        """Return those of ``works`` that cannot be found, as their pictures are not in the library any more."""
        there = {work.number for work in self._current(works, size).works.values()}
        return [work for work in works.values() if work.number not in there]

    def _current(self, works: Mapping[str, Work], size: int) -> _Searched:
        with self._lock:
            generation = self._library.generation
            version = generation.store.changes.number, size
            known = self._searched
            if known is None or known.generation is not generation or known.version != version:
                self._searched = known = self._made(generation, version, works)
            return known

    def _made(self, generation: "Generation", version: tuple[int, int], works: Mapping[str, Work]) -> _Searched:
        store = MemoryStore(generation.config.encoder.dim)
        found: dict[str, Work] = {}
        for batch in batches(works):
            records = _records(generation.store, batch)
            store.upsert([replace(record, attributes={}, regions=None) for record in records.values()])
            found.update((record.id, works[digest]) for digest, record in records.items())
        max_pixels = self._library.settings.max_pixels
        verifier = Verifier(generation.read, max_pixels=max_pixels, remembered=self._remembered)
        copies = CopySearch(
            store,
            lambda: generation.encoding.query_encoder,
            lambda: generation.encoding.views,
            lambda: verifier,
            max_pixels,
        )
        return _Searched(generation, version, copies, found)

    def _compared(self, picture: bytes, hit: Hit, searched: _Searched) -> WorkMatch:
        match = WorkMatch(searched.works[hit.id], hit.id, hit.uri, hit.score, None, alignment=hit.alignment)
        try:
            compared = self._library.compare(picture, searched.generation.find(hit.id, vector=True))
        except (OriginalGone, FetchError):  # of the work: the picture is read already
            return match
        return replace(
            match,
            verdict=compared.verdict,
            difference=compared.difference,
            edits=compared.edits,
            alignment=compared.alignment,
        )


def _records(store: "Store", digests: Iterable[str]) -> "dict[str, Record]":
    """Return one record of each picture, with its vector."""
    found = store.find_sha256(list(digests), vectors=True)
    return {digest: min(same, key=lambda record: record.id) for digest, same in found.items()}
