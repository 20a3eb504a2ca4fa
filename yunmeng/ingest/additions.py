"""Single pictures that are sent to a library, as a program adds them."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from yunmeng.encoders.protocol import Encoder
from yunmeng.errors import PictureError, Reason
from yunmeng.imaging.fingerprint import sha256
from yunmeng.ingest.classifier import Classifier
from yunmeng.ingest.decisions import Duplicate, New, Unchanged
from yunmeng.ingest.entries import Entry
from yunmeng.net.fetch import is_url
from yunmeng.stores.protocol import Store
from yunmeng.types import Addition, AddStatus, Attributes, Record

__all__ = ["Addition", "Additions", "MediaKeeper"]


class MediaKeeper(Protocol):
    """Keeps the files of pictures that come as bytes."""

    def place(self, data: bytes) -> Path: ...
    def keep(self, path: Path, data: bytes) -> None: ...
    def discard(self, uri: str) -> None: ...


class Additions:
    """Adds pictures one by one. Adding the same twice changes nothing; threads may share it.

    ``classifier`` must let pictures replace others under their id. ``writing`` makes a context in which a record is
    changed that was read before, and no other.
    """

    def __init__(
        self,
        store: Store,
        encoder: Encoder,
        classifier: Classifier,
        keeper: MediaKeeper,
        writing: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._store = store
        self._encoder = encoder
        self._classifier = classifier
        self._keeper = keeper
        self._writing = writing

    def add(self, picture: bytes | str, id: str | None, attributes: Attributes | None, part: str = "") -> Addition:
        """Add a picture file's bytes, a path or a URL. Without ``id`` it is the SHA-256 of the bytes, or the URL.

        ``part`` names one picture of a file that holds several.
        Its file is written before its record, so that a record never lacks it. Raises `PictureError`.
        """
        entry = replace(self._entry(picture, id, attributes), part=part)
        known = self._store.get([entry.id]).get(entry.id)
        if known is not None and entry.data is not None and known.sha256 == sha256(entry.data) and _there(known.uri):
            entry = replace(entry, uri=known.uri)  # the file that is kept already will do
        decision = self._classifier.classify(entry)
        match decision:
            case Unchanged():
                return Addition(entry.id, "unchanged")
            case New():
                record = decision.with_vectors([*self._encoder.encode([view.prepared for view in decision.views])])
                stale: tuple[str, ...] = ()
            case Duplicate(record, stale):
                pass
            case _:
                raise PictureError(Reason.NOT_A_PICTURE, entry.uri)
        return Addition(entry.id, self._write(entry, record, stale))

    def set_attributes(self, id: str, attributes: Attributes) -> Record | None:
        """Give a picture these attributes in place of its own. None where there is no such picture."""
        with self._writing():  # a picture that is replaced meanwhile must not come back with its former vector
            known = self._store.get([id], vectors=True).get(id)
            if known is None:
                return None
            self._store.upsert([replace(known, attributes=attributes)])
        return self._store.get([id]).get(id)

    def _entry(self, picture: bytes | str, id: str | None, attributes: Attributes | None) -> Entry:
        if isinstance(picture, str):
            return Entry(id=picture if id is None else id, uri=picture, attributes=attributes)
        if not picture:
            raise PictureError(Reason.EMPTY, "the file has no bytes")
        uri = str(self._keeper.place(picture))
        return Entry(id=sha256(picture) if id is None else id, uri=uri, attributes=attributes, data=picture)

    def _write(self, entry: Entry, record: Record, stale: tuple[str, ...]) -> AddStatus:
        """Keep a picture's file, then its record; its id may have got another picture since it was looked at."""
        with self._writing():
            now = self._store.get([entry.id]).get(entry.id)
            if entry.attributes is None and now is not None:
                record = replace(record, attributes=now.attributes)
            written = entry.data is not None and not os.path.lexists(record.uri)
            if written and entry.data is not None:
                self._keeper.keep(Path(record.uri), entry.data)
            try:
                self._store.upsert([record])
                self._store.delete(stale)
            except BaseException:
                if written:
                    self._keeper.discard(record.uri)
                raise
            if now is not None and now.uri != record.uri:
                self._keeper.discard(now.uri)
        if now is None:
            return "added"
        if now.sha256 != record.sha256:
            return "replaced"
        return "unchanged" if dict(now.attributes) == dict(record.attributes) else "updated"


def _there(uri: str) -> bool:
    return is_url(uri) or os.path.lexists(uri)
