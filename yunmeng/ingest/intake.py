"""One picture's way in, up to the encoder: read, look whether it is known, decode, describe."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from yunmeng.config import Settings
from yunmeng.errors import PictureError, Reason
from yunmeng.fetch import Fetcher, is_url
from yunmeng.imaging import describe, is_picture, read, sha256
from yunmeng.ingest.entries import Entry
from yunmeng.ingest.in_hand import InHand
from yunmeng.stores.protocol import Store
from yunmeng.types import Attributes, Record, RegionVector, Vector
from yunmeng.views import View, Views

__all__ = ["Failed", "Fresh", "Intake", "Known", "NoPicture", "Outcome", "Unchanged"]


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The library has it as it is."""


@dataclass(frozen=True, slots=True)
class NoPicture:
    """A file that never claimed to be a picture, and is none."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It cannot be indexed."""

    uri: str
    reason: str


@dataclass(frozen=True, slots=True)
class Known:
    """Its bytes are in the library, so its vector is too: only the record changes. ``stale`` are ids to remove."""

    record: Record
    stale: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fresh:
    """It has to be encoded: a record that lacks its vectors, and what goes to the encoder, the main view first."""

    record: Record
    views: Sequence[View]

    def with_vectors(self, vectors: Sequence[Vector]) -> Record:
        """The record, with the vectors that the encoder has made of its views."""
        parts = zip(self.views, vectors, strict=True) if len(self.views) > 1 else ()
        regions = tuple(RegionVector(view.region, vector) for view, vector in parts)
        return replace(self.record, vector=vectors[0], regions=regions)


Outcome: TypeAlias = Unchanged | NoPicture | Failed | Known | Fresh


class Intake:
    """Turns entries into outcomes. Called from many threads at once; holds no more than one picture a call."""

    def __init__(
        self,
        store: Store,
        views: Views,
        settings: Settings,
        fetcher: Callable[[], Fetcher],
        *,
        tidy: bool = False,
        replace: bool = False,
        on_fetched: Callable[[str, bytes], None] | None = None,
        in_hand: InHand,
    ) -> None:
        """``views`` is what the encoder sees; fingerprints and quality are of the picture as it is.

        ``tidy``: look also at unchanged pictures for records that a killed run left under a former name.
        ``replace``: a picture may take the id of another. ``on_fetched`` is called with the SHA-256 and the bytes of
        each picture that came from the web. ``in_hand`` notes which pictures are decoded just now.
        """
        self._tidy = tidy
        self._replace = replace
        self._on_fetched = on_fetched
        self._in_hand = in_hand
        self._store = store
        self._views = views
        self._settings = settings
        self._fetcher = fetcher

    def __call__(self, entry: Entry) -> Outcome:
        try:
            return self.look(entry)
        except PictureError as exc:
            return Failed(entry.uri, str(exc))

    def look(self, entry: Entry) -> Outcome:
        """As a call, but raises `PictureError` for what cannot be indexed."""
        if entry.problem is not None:
            raise entry.problem
        known = self._store.get([entry.id]).get(entry.id)
        if known is not None and is_url(entry.uri) and known.uri == entry.uri and _same(known, entry):
            return Unchanged()  # a URL that is in is not fetched again
        data = self._bytes(entry)
        if data is None:
            return NoPicture()
        digest = sha256(data)
        if self._on_fetched is not None and is_url(entry.uri):
            self._on_fetched(digest, data)
        unchanged = known is not None and known.sha256 == digest and _same(known, entry)
        if unchanged and not self._tidy:
            return Unchanged()
        if known is not None and known.sha256 != digest and not self._replace:
            _check_id_is_free(known, entry)
        twins = self._store.find_sha256([digest], vectors=True).get(digest, [])
        stale = [twin for twin in twins if twin.id != entry.id and _gone(twin.uri)]
        if unchanged and not stale:
            return Unchanged()
        if twins:
            return _known(entry, known, twins, stale)
        with self._in_hand.holding(digest):
            return self._fresh(entry, data, digest, {} if known is None else known.attributes)

    def _bytes(self, entry: Entry) -> bytes | None:
        if entry.data is not None:
            return entry.data
        if is_url(entry.uri):
            return self._fetcher().fetch(entry.uri)
        path = Path(entry.uri)
        if not entry.certain and not is_picture(path):
            return None
        return read(path, max_bytes=self._settings.max_file_bytes)

    def _fresh(self, entry: Entry, data: bytes, digest: str, attributes: Attributes) -> Fresh:
        picture = self._views.decode(data)
        fingerprints, quality = describe(picture)
        record = Record(
            id=entry.id,
            uri=entry.uri,
            sha256=digest,
            phash=fingerprints.phash,
            pdq=fingerprints.pdq,
            width=picture.width,
            height=picture.height,
            quality=quality,
            attributes=attributes if entry.attributes is None else entry.attributes,
        )
        return Fresh(record, self._views.all(data, picture))


def _same(known: Record, entry: Entry) -> bool:
    """Whether the record says already what the entry says."""
    if entry.attributes is not None and dict(entry.attributes) != dict(known.attributes):
        return False
    return known.uri == entry.uri or not _gone(known.uri)


def _known(entry: Entry, known: Record | None, twins: Sequence[Record], stale: Sequence[Record]) -> Known:
    keeps: Attributes = {}
    if known is not None:
        keeps = known.attributes
    elif stale:
        keeps = stale[0].attributes  # it was moved: what was said about it still holds
    attributes = keeps if entry.attributes is None else entry.attributes
    record = replace(twins[0], id=entry.id, uri=entry.uri, attributes=attributes)
    return Known(record, tuple(twin.id for twin in stale))


def _check_id_is_free(known: Record, entry: Entry) -> None:
    """A changed picture replaces its record; another picture with the same id must not do so unseen."""
    if known.uri != entry.uri and not is_url(known.uri) and not _gone(known.uri):
        raise PictureError(
            Reason.BAD_ID,
            f"the id {entry.id} belongs to {known.uri}: index a folder above both, or give ids in a manifest",
        )


def _gone(uri: str) -> bool:
    return not is_url(uri) and not os.path.lexists(uri)
