"""Classifies what comes in: unchanged, a duplicate, a new picture that is decoded for the encoder, or a failure."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from yunmeng.config import Settings
from yunmeng.encoders.crops.views import Views
from yunmeng.errors import PictureError, Reason
from yunmeng.imaging.files import read
from yunmeng.imaging.fingerprint import sha256
from yunmeng.ingest.decisions import (
    Decision,
    Duplicate,
    Failed,
    New,
    NewPicture,
    NoPicture,
    Several,
    Single,
    Unchanged,
    Undecoded,
)
from yunmeng.ingest.entries import Entry, of_part
from yunmeng.ingest.extraction import extract
from yunmeng.ingest.folders import unread_format
from yunmeng.ingest.in_hand import InHand
from yunmeng.ingest.moves import Moves
from yunmeng.ingest.naming import Names, comes_from_path, longer_ids, path_ids, same_file
from yunmeng.ingest.roots import Roots
from yunmeng.media.readers import identity, is_media, reader_of
from yunmeng.net.fetch import Fetcher, is_url
from yunmeng.stores.ids import is_storable
from yunmeng.stores.protocol import Store
from yunmeng.types import Record

__all__ = ["Classifier"]


class Classifier:
    """Turns entries into decisions. Called from many threads at once; holds no more than one picture a call."""

    def __init__(
        self,
        store: Store,
        views: Views,
        settings: Settings,
        fetcher: Callable[[], Fetcher],
        moves: Moves,
        *,
        names: Names | None = None,
        tidy: bool = False,
        replace: bool = False,
        on_fetched: Callable[[str, bytes], None] | None = None,
        within: Roots | None = None,
        frames: int = 1,
        in_hand: InHand,
        decodes: bool = True,
    ) -> None:
        """``views`` is what the encoder sees; fingerprints and quality are of the picture as it is.

        ``names`` are the ids of the run that the entries belong to. ``tidy``: look also at unchanged pictures for
        records that a killed run left under a former name. ``replace``: a picture may take the id of another.
        ``on_fetched`` is called with the SHA-256 and the bytes of each picture that came from the web. ``within``: what
        files may be read; None for all. ``frames``: how many pictures to take of a file that holds several.
        ``in_hand`` notes which pictures are decoded just now. ``decodes``: decode new pictures here, and not leave them
        to another process as `Undecoded`.
        """
        self._decodes = decodes
        self._tidy = tidy
        self._replace = replace
        self._on_fetched = on_fetched
        self._within = within
        self._frames = frames
        self._in_hand = in_hand
        self._store = store
        self._views = views
        self._settings = settings
        self._fetcher = fetcher
        self._moves = moves
        self._names = names

    def __call__(self, entry: Entry) -> Decision:
        try:
            return self.classify(entry)
        except PictureError as exc:
            return Failed.of(entry, exc)

    def classify(self, entry: Entry) -> Decision:
        """Return the decision on ``entry``, as a call does, but raise `PictureError` if it cannot be indexed."""
        if entry.problem is not None:
            raise entry.problem
        known = self._store.get([entry.id]).get(entry.id)
        if known is not None and is_url(entry.uri) and known.uri == entry.uri and self._same(known, entry):
            return Unchanged()  # a URL that is in is not fetched again
        data = self._bytes(entry)
        if data is None:
            return NoPicture(unread_format(entry.uri))
        digest = sha256(data)
        if self._on_fetched is not None and is_url(entry.uri):
            self._on_fetched(digest, data)
        digest = identity(digest, entry.part)
        if self._frames == 1 and self._is_as_it_was(known, entry, digest) and not self._tidy:
            return Unchanged()
        entry, first = self._settled(entry, digest, known)
        if self._frames == 1 and not isinstance(first, NewPicture):
            return first
        reader, limit = reader_of(data), self._settings.max_pixels
        parts = [entry.part] if entry.part else reader.parts(data, self._frames, max_pixels=limit)
        settled = [first, *(self._part(entry.other_part(part), digest) for part in parts[1:])]
        new = [one for one in settled if isinstance(one, NewPicture)]
        if not self._decodes:
            rest = [one for one in settled if not isinstance(one, NewPicture)]
            return Several([*rest, Undecoded(data, new)] if new else rest)
        pictures = reader.pictures(data, [one.entry.part for one in new], max_pixels=limit)
        if len(parts) == 1:
            return self._new_picture(first, pictures) if isinstance(first, NewPicture) else first
        return Several([self._caught(one, pictures) if isinstance(one, NewPicture) else one for one in settled])

    def _settled(self, entry: Entry, digest: str, known: Record | None) -> tuple[Entry, Single | NewPicture]:
        """Return the entry under its final id, and the decision on it. ``known`` has the id that it has now."""
        if self._is_as_it_was(known, entry, digest) and not self._tidy:
            return entry, Unchanged()
        twins = self._store.find_sha256([digest], vectors=True).get(digest, [])
        if entry.path:
            entry, known = self._named(entry, known, twins)
        elif known is not None and known.sha256 != digest and not self._replace:
            self._check_is_free(known, entry)
        stale = [
            twin for twin in twins if twin.id != entry.id and comes_from_path(twin) and self._has_moved(twin, entry)
        ]
        if self._is_as_it_was(known, entry, digest) and not stale:
            return entry, Unchanged()
        if twins:
            return entry, self._known(entry, digest, known, twins, stale)
        return entry, NewPicture(entry, digest, {} if known is None else known.attributes)

    def _part(self, entry: Entry, digest: str) -> Single | NewPicture:
        """Return the decision on a part of a file with this digest."""
        try:
            known = self._store.get([entry.id]).get(entry.id)
            return self._settled(entry, identity(digest, entry.part), known)[1]
        except PictureError as exc:
            return Failed.of(entry, exc)

    def _caught(self, new: NewPicture, pictures: Iterator[bytes]) -> Single:
        try:
            return self._new_picture(new, pictures)
        except PictureError as exc:
            return Failed.of(new.entry, exc)

    def _is_as_it_was(self, known: Record | None, entry: Entry, digest: str) -> bool:
        return known is not None and known.sha256 == digest and self._same(known, entry)

    def _same(self, known: Record, entry: Entry) -> bool:
        """Return whether the record says already what the entry says."""
        if entry.attributes is not None and dict(entry.attributes) != dict(known.attributes):
            return False
        if entry.path:
            return same_file(known.uri, entry.uri)
        return known.uri == entry.uri or is_url(known.uri) or os.path.lexists(known.uri)

    def _named(self, entry: Entry, known: Record | None, twins: Sequence[Record]) -> tuple[Entry, Record | None]:
        """The entry under the id that its file has, or is to have, and the record that is there.

        In this order: the id that the file had before; that of a record whose file was moved here, if it was a chosen
        key or is this file's path too; the file's path, or where another file has that, the path with more parents.
        """
        if known is not None and _is_of(known, entry):
            return entry, known
        taken = self._store.get([entry.id, *filter(is_storable, path_ids(entry.source))])
        had = [record for record in (*taken.values(), *twins) if _is_of(record, entry)]
        had += [record for record in taken.values() if record.part == entry.part and same_file(record.uri, entry.uri)]
        if not had:
            moved = (twin for twin in twins if twin.id == entry.path or not comes_from_path(twin))
            had += islice((twin for twin in moved if self._has_moved(twin, entry)), 1)
        if had:
            return replace(entry, id=had[0].id), had[0]
        for id in (entry.id, *longer_ids(entry.id, entry.source)):
            if id not in taken and is_storable(id) and self._claim(id, entry.key):
                return replace(entry, id=id), None
        raise PictureError(
            Reason.BAD_ID, f"the id {entry.id} is that of {of_part(taken[entry.id].uri, taken[entry.id].part)} already"
        )

    def _has_moved(self, twin: Record, entry: Entry) -> bool:
        """Return whether a record's file with the same bytes was moved to where the entry is; only one entry may take
        it.
        """
        return self._moves.left(twin.uri) and self._claim(twin.id, entry.key)

    def _claim(self, id: str, key: str) -> bool:
        return self._names is None or self._names.claim(id, key)

    def _check_is_free(self, known: Record, entry: Entry) -> None:
        """Raise where another picture has the id: only a changed version of the same picture may replace a record."""
        if is_url(known.uri) or same_file(known.uri, entry.uri) or self._moves.left(known.uri):
            return
        there = "" if os.path.lexists(known.uri) else ", which is away"
        raise PictureError(
            Reason.BAD_ID, f"the id {entry.id} belongs to {known.uri}{there}: give another id, or delete it first"
        )

    def _bytes(self, entry: Entry) -> bytes | None:
        if entry.data is not None:
            return entry.data
        if is_url(entry.uri):
            return self._fetcher().fetch(entry.uri)
        path = Path(entry.uri)
        if self._within is not None:
            self._within.check(path)
        if not entry.certain and not is_media(path):
            return None
        return read(path, max_bytes=self._settings.max_file_bytes)

    def _known(
        self, entry: Entry, digest: str, known: Record | None, twins: Sequence[Record], stale: Sequence[Record]
    ) -> Duplicate:
        attributes = entry.attributes
        if attributes is None:
            # What was said about a picture goes with it when it moves, and stays with a copy if its file is away.
            before = [known] if known is not None and (known.sha256 == digest or not stale) else [*stale]
            before += [twin for twin in twins if known is None and not _is_there(twin.uri)]
            attributes = before[0].attributes if before else {}
        record = replace(twins[0], id=entry.id, uri=entry.uri, attributes=attributes)
        return Duplicate(record, tuple(twin.id for twin in stale))

    def _new_picture(self, new: NewPicture, pictures: Iterator[bytes]) -> New:
        """The record of a new picture, the next of ``pictures``, without its vector."""
        with self._in_hand.holding(new.digest):
            found = extract(pictures, self._views)
            return New(new.record(found.facts), found.views)


def _is_of(record: Record, entry: Entry) -> bool:
    return (record.uri, record.part) == (entry.uri, entry.part)


def _is_there(uri: str) -> bool:
    return is_url(uri) or os.path.lexists(uri)
