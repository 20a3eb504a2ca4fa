"""Ids that come from paths: no two files of a library have the same."""

import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Final

from yunmeng.errors import PictureError, Reason
from yunmeng.ingest.entries import Entry, of_part
from yunmeng.net.fetch import is_url
from yunmeng.types import Record

__all__ = ["Names", "comes_from_path", "longer_ids", "path_ids", "same_file"]

CLAIMS: Final = 100_000
"""Ids that a run remembers: far more than there are pictures on their way to the store, which knows the others."""


class Names:
    """The ids of one run. Each file has its path for an id, with more parent folders where others have the same.

    The store is not consulted here: see `yunmeng.ingest.Classifier`. Threads may share it.
    """

    def __init__(self) -> None:
        self._claims: OrderedDict[str, str] = OrderedDict()  # id -> uri
        self._chosen: dict[str, str] = {}  # ids that the caller chose -> where
        self._lock = threading.Lock()

    def apart(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield the entries, each with an id of its own; the first that names an id has it.

        An id that the caller chose is never changed: a second entry with the same one is reported. A file that is
        reached in two ways is yielded once.
        """
        for entry in entries:
            if entry.problem is not None:
                yield entry
            elif entry.path:
                yield from self._of_path(entry)
            else:
                yield from self._of_choice(entry)

    def claim(self, id: str, uri: str) -> bool:
        """Take ``id`` for the picture at ``uri``. Returns False if another one of this run has it."""
        return self._holder(id, uri) == uri

    def _of_path(self, entry: Entry) -> Iterator[Entry]:
        holder = ""
        for id in (entry.path, *longer_ids(entry.path, entry.uri)):
            holder = self._holder(id, entry.uri)
            if holder == entry.uri:
                yield replace(entry, id=id)
                return
            if same_file(holder, entry.uri):
                return
        yield _taken(entry, holder)

    def _of_choice(self, entry: Entry) -> Iterator[Entry]:
        if entry.id not in self._chosen:
            self._chosen[entry.id] = entry.place
            holder = self._holder(entry.id, entry.uri)
            yield entry if holder == entry.uri else _taken(entry, holder)
        elif entry.place:
            yield _taken(entry, self._chosen[entry.id] or "another source")
        # else a list names one URL twice

    def _holder(self, id: str, uri: str) -> str:
        with self._lock:
            holder = self._claims.setdefault(id, uri)
            if len(self._claims) > CLAIMS:
                self._claims.popitem(last=False)
            return holder


def path_ids(uri: str) -> list[str]:
    """Return the ids that the file at ``uri`` may have by its path: the last part, the last two, and so on."""
    parts = uri.replace(os.sep, "/").split("/")
    return ["/".join(parts[-count:]) for count in range(1, len(parts) + 1)]


def longer_ids(path: str, uri: str) -> list[str]:
    """Return ``path`` with one more parent folder, with two more, and so on."""
    return path_ids(uri)[path.count("/") + 1 :] if not os.path.isabs(path) else []  # noqa: PTH117  no Path a file


def comes_from_path(record: Record) -> bool:
    """Return whether the record's id is a path, which a moved file gives up, and no key that somebody chose."""
    uri = of_part(record.uri, record.part).replace(os.sep, "/")
    return not is_url(uri) and (uri == record.id or uri.endswith(f"/{record.id}"))


def same_file(one: str, other: str) -> bool:
    """Return whether two uris are of one file, by whatever links it is reached."""
    if one == other:
        return True
    if is_url(one) or is_url(other):
        return False
    with suppress(OSError, ValueError):
        return os.path.samefile(one, other)  # noqa: PTH121  no Path a file
    return False


def _taken(entry: Entry, holder: str) -> Entry:
    place = f"{entry.place}: " if entry.place else ""
    return replace(entry, problem=PictureError(Reason.BAD_ID, f"{place}the id {entry.id} is that of {holder} already"))
