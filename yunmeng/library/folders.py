"""Folders of a library's pictures: an id is a path below the indexed folder, so the ids are a tree."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Final

from yunmeng.stores.filters import check, evaluate
from yunmeng.stores.parse import read_filter

if TYPE_CHECKING:
    from yunmeng.stores.filters import Filter
    from yunmeng.stores.protocol import Store
    from yunmeng.types import Record

__all__ = ["Folder", "Folders"]

READ: Final = 500
"""Records that are read together to be filtered."""
PATIENCE: Final = 20
"""Times as long as reading the ids took, they are not read again, whatever has changed since."""


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder: its path, how many pictures lie in it and below, and whether folders lie in it."""

    path: str
    pictures: int
    has_folders: bool


class Folders:
    """The folders of one library. The ids are read once, and again after changes. Threads may share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._ids: list[str] = []
        self._of: tuple[int, str | None, int] | None = None  # the store, its version, and its changes
        self._good_until = 0.0

    def below(self, store: "Store", folder: str) -> list[Folder]:
        """Return the folders that lie directly in ``folder``, by name; "" is the outermost."""
        ids, at, end = self._range(store, folder)
        found, skip = [], len(folder) + 1 if folder else 0
        while at < end:
            name, slash, _ = ids[at][skip:].partition("/")
            if not slash:
                at += 1
                continue
            path = ids[at][:skip] + name
            after = bisect_left(ids, path + _AFTER, at, end)
            has_folders = any("/" in id[len(path) + 1 :] for id in islice(ids, at, after))
            found.append(Folder(path, after - at, has_folders))
            at = after
        return found

    def page(
        self, store: "Store", folder: str, limit: int, after: str = "", filter: "str | Filter | None" = None
    ) -> "tuple[list[Record], int]":
        """Return the next ``limit`` pictures of a folder by id, behind ``after``, and how many it has in all.

        Both are of those that pass ``filter``. Raises `FilterError`.
        """
        ids, at, end = self._range(store, folder)
        wanted = read_filter(filter)
        begin = max(at, bisect_left(ids, after + "\0", at, end)) if after else at
        if wanted is None:
            return _read(store, ids[begin : min(begin + limit, end)]), end - at
        check(wanted, store.schema)
        found: list[Record] = []
        total = 0
        for start in range(at, end, READ):
            for record in _read(store, ids[start : min(start + READ, end)]):
                if evaluate(wanted, record.attributes):
                    total += 1
                    if len(found) < limit and record.id > after:
                        found.append(record)
        return found, total

    def _range(self, store: "Store", folder: str) -> tuple[Sequence[str], int, int]:
        """All ids in their order, and where those of ``folder`` begin and end."""
        with self._lock:
            of = (id(store), store.version(), store.changes.number)
            if of[0] != (self._of or (None,))[0] or (of != self._of and monotonic() > self._good_until):
                began = monotonic()
                self._ids = sorted(record.id for record in store.iterate())
                self._of, self._good_until = of, monotonic() + PATIENCE * (monotonic() - began)
            ids = self._ids
        if not folder:
            return ids, 0, len(ids)
        return ids, bisect_left(ids, f"{folder}/"), bisect_left(ids, folder + _AFTER)


_AFTER: Final = chr(ord("/") + 1)
"""Sorts directly behind all that lies in a folder."""


def _read(store: "Store", ids: Sequence[str]) -> "list[Record]":
    records = store.get(ids)
    return [records[id] for id in ids if id in records]
