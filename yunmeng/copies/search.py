"""Search for the originals of a suspect picture: candidates by fingerprint and by vector, then by their pixels."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from yunmeng.copies.query_crops import closer_looks, first_looks, read_suspect
from yunmeng.copies.score import ScoredCandidate, Suspect, score_candidates, verify_likely
from yunmeng.search.query import Timings, timed
from yunmeng.stores.augmented import regional_in
from yunmeng.stores.filters import Filter, evaluate
from yunmeng.stores.protocol import Store
from yunmeng.types import Hit, Hits, Record
from yunmeng.vectors.exact import nearest_codes

if TYPE_CHECKING:
    from yunmeng.copies.query_crops import Look
    from yunmeng.copies.verifier import Verifier
    from yunmeng.encoders.crops.views import Source, Views
    from yunmeng.encoders.protocol import Encoder

__all__ = ["Codes", "CopySearch", "NearCode"]

_BYTES: Final = 32
_BATCH: Final = 1000
_GROWTH: Final = 1.5
PATIENCE: Final = 20
"""Times as long as reading all fingerprints took, they are not read again, whatever other processes have written."""


class NearCode(NamedTuple):
    """A picture by its id, and by how many bits of 256 its fingerprint differs from the nearest one of the query."""

    id: str
    bits: int


class Codes:
    """The PDQ fingerprints of a store's pictures, 32 bytes each; read at the first query, then kept up to date.

    Threads may share it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._ids: list[str] = []
        self._rows: dict[str, int] = {}
        self._codes = np.empty((0, _BYTES), np.uint8)
        self._read = False
        self._outdated: set[str] = set()
        self._noted = threading.Lock()
        self._good_until = 0.0
        self._overtaken = False
        store.changes.watch(self._note)
        store.changes.watch_others(self._note_others)

    def nearest(self, queries: NDArray[np.uint8], k: int) -> list[NearCode]:
        """Return the ``k`` pictures with the code nearest to any of ``queries``, uint8 (m, 32), the nearest first.

        Raises `MissingExtra`.
        """
        with self._lock:
            self._catch_up()
            found = nearest_codes(queries, self._codes[: len(self._ids)], k)
            best: dict[str, int] = {}
            for row, bits in zip(found.rows.ravel().tolist(), found.bits.ravel().tolist(), strict=True):
                id = self._ids[row]
                best[id] = min(bits, best.get(id, bits))
        return [NearCode(*one) for one in sorted(best.items(), key=lambda one: one[1])[:k]]

    def _note(self, ids: Sequence[str]) -> None:
        with self._noted:
            self._outdated.update(ids)

    def _note_others(self) -> None:
        self._overtaken = True

    def _catch_up(self) -> None:
        if self._overtaken and time.monotonic() > self._good_until:
            self._overtaken = self._read = False
            self._ids, self._rows = [], {}
        with self._noted:
            outdated, self._outdated = self._outdated, set()
        try:
            if not self._read:
                began = time.monotonic()
                for record in self._store.iterate():
                    self._put(record)
                self._read = True
                self._good_until = time.monotonic() + PATIENCE * (time.monotonic() - began)
            while outdated:
                some = list(islice(outdated, _BATCH))
                found = self._store.get(some)
                for id in some:
                    if id in found:
                        self._put(found[id])
                    else:
                        self._drop(id)
                outdated.difference_update(some)
        except BaseException:
            self._note(list(outdated))
            raise

    def _put(self, record: Record) -> None:
        row = self._rows.setdefault(record.id, len(self._ids))
        if row == len(self._ids):
            self._ids.append(record.id)
            if row == len(self._codes):
                grown = np.empty((int(_GROWTH * row) + _BATCH, _BYTES), np.uint8)
                grown[:row] = self._codes
                self._codes = grown
        self._codes[row] = np.frombuffer(bytes.fromhex(record.pdq), np.uint8)

    def _drop(self, id: str) -> None:
        """Remove a row; the last row takes its place."""
        row = self._rows.pop(id, None)
        if row is None:
            return
        last = self._ids.pop()
        if last != id:
            self._ids[row] = last
            self._rows[last] = row
            self._codes[row] = self._codes[len(self._ids)]


_SURE: Final = 0.75
"""Chance of the best candidate from which nobody looks any further: that of a verified copy which seemed one before."""
_AGREED: Final = 0.5  # correlation of pixels, below which an alignment is none
_HASHED: Final = 6  # pictures with the nearest fingerprints that are worth a closer look,
_NEAR: Final = 112  # where no more bits differ: of strangers, one in some hundred
_IN_PARTS: Final = 5  # pictures with the nearest parts, where the library keeps such
_FILTERED: Final = 500  # nearest fingerprints among which those that pass a filter are looked for


class CopySearch:
    """Finds originals in one store. Threads may share it."""

    def __init__(
        self,
        store: Store,
        encoder: Callable[[], "Encoder"],
        views: Callable[[], "Views"],
        verifier: Callable[[], "Verifier"],
        max_pixels: int,
    ) -> None:
        self._store = store
        self._encoder = encoder
        self._views = views
        self._verifier = verifier
        self._max_pixels = max_pixels
        self._codes = Codes(store)

    def match(self, source: "Source", k: int, filter: Filter | None, min_score: float) -> Hits:
        """Return the likeliest originals, as `yunmeng.Library.match` says."""
        timings: dict[str, float] = {}
        hits = [
            Hit(
                one.record.id,
                one.score,
                one.record.uri,
                one.record.attributes,
                alignment=one.alignment if one.evidence.agreement > _AGREED and one.is_copy is not False else None,
                recoloured=one.verification is not None and one.verification.recoloured,
            )
            for one in self.scored(source, filter, timings)[:k]
        ]
        return Hits([hit for hit in hits if hit.score >= min_score], timings)

    def scored(self, source: "Source", filter: Filter | None, timings: Timings) -> list[ScoredCandidate]:
        """Return all candidates that were examined, the likeliest first."""
        with timed(timings, "read"):
            suspect = Suspect(read_suspect(source, self._max_pixels))
        scored: list[ScoredCandidate] = []
        for looks in (first_looks, closer_looks):
            with timed(timings, "read"):
                more = looks(suspect.picture)
            scored += self._pursued(suspect, more, {one.record.id for one in scored}, filter, timings)
            scored.sort(key=lambda one: one.score, reverse=True)
            if scored and scored[0].score >= _SURE:
                break
        return scored

    def _pursued(
        self, suspect: Suspect, looks: "Sequence[Look]", known: set[str], filter: Filter | None, timings: Timings
    ) -> list[ScoredCandidate]:
        """Return the candidates that more views of the suspect bring, beside those that are known."""
        if not looks:
            return []
        with timed(timings, "encode"):
            views = self._views()
            vectors = self._encoder().encode([views.main(np.asarray(look.picture)).prepared for look in looks])
            suspect.add(looks, vectors)
        with timed(timings, "search"):
            records = self._candidates(suspect, len(looks), known, filter)
        with timed(timings, "verify"):
            return verify_likely(suspect, score_candidates(suspect, records, self._verifier()), self._verifier())

    def _candidates(self, suspect: Suspect, count: int, known: set[str], filter: Filter | None) -> Mapping[str, Record]:
        """Return the records, with vectors, that the last ``count`` views find."""
        ids: dict[str, None] = {}
        looks = list(zip(suspect.looks, suspect.vectors, suspect.codes, strict=True))[-count:]
        codes = [code for look, _, code in looks if look.hashed]
        if codes:
            ids.update(dict.fromkeys(self._hashed(np.concatenate(codes), filter)))
        regional = regional_in(self._store)
        for look, vector, _ in looks:
            if regional is not None and look.is_whole:
                ids.update(dict.fromkeys(hit.id for hit in regional.search_regions(vector, _IN_PARTS, filter)))
            ids.update(dict.fromkeys(hit.id for hit in self._store.search(vector, look.wanted, filter)))
        return self._store.get([id for id in ids if id not in known], vectors=True)

    def _hashed(self, codes: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]", filter: Filter | None) -> list[str]:
        near = self._codes.nearest(codes, _HASHED if filter is None else _FILTERED)
        ids = [one.id for one in near if one.bits <= _NEAR]
        if filter is None:
            return ids
        found = self._store.get(ids)
        return [id for id in ids if id in found and evaluate(filter, found[id].attributes)][:_HASHED]
