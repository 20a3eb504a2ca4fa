"""Version names of a library's contents, so that cached answers of other processes are used only while they hold."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from yunmeng.state.contents import SharedContents
    from yunmeng.stores.protocol import Store

__all__ = ["ContentVersion"]

_NOT_CONTENTS: Final = frozenset({"cache", "uploads"})


class ContentVersion:
    """Names the contents of one open library. The name changes with every write, and other contents never have it.

    The name comes from what the store can tell (`yunmeng.stores.protocol.VersionSource`):

    - by itself: its own version is the name;
    - by its files: the name is left in the file ``place`` at a clean close and taken away at the next opening, so that
      it is there only while the library is closed and nothing has changed: after a crash there is none, and the
      contents get a new one. Nor is one believed that is older than a file of the library's: another program may have
      written since;
    - by nothing: an exclusive store's contents have a name of this process's, any other's the name that all processes
      know by ``shared``, the state database that they have in common; without one they have none.

    Create the object before the store is opened, and call `begin` after that, when no other process can have it open.
    """

    def __init__(self, place: Path, generation: int, shared: "SharedContents | None" = None) -> None:
        self._place = place
        self._shared = shared
        self._generation = generation
        self._session = secrets.token_hex(16)
        self._name = self._left()
        self._found = False
        self._start = 0
        self._store: Store | None = None
        self._by_others = 0

    def begin(self, store: "Store") -> None:
        """Name the contents of ``store`` from now on; by the name in the file, if it still holds."""
        self._store = store
        if self.by_files:
            before, self._name = self._name, self._read()
            self._place.unlink(missing_ok=True)
            self._found = before is not None and before == self._name  # a process may have come between
            if not self._found:
                self._name = secrets.token_hex(16)
        else:
            self._name = None
        self._start = store.changes.number

    @property
    def name(self) -> str | None:
        """Name of the contents now; None where nothing can tell whether they change, so that no answer may be kept.

        What is read of the store after that holds all that other processes had written before.
        """
        if self._store is None:
            return None
        told = self._store.capabilities
        shared = self._look()
        if told.version == "store":
            return self._store.version()
        if not told.exclusive:
            return shared
        number = self._store.changes.number
        return f"{self._session}-{number}" if number != self._start or self._name is None else self._name

    def _look(self) -> str | None:
        """Return the name that all processes know, and tell the store if others have written."""
        if self._shared is None or self._store is None or self._store.capabilities.exclusive:
            return None
        name = self._shared.name(self._generation)
        if self._by_others != self._shared.by_others:
            self._by_others = self._shared.by_others
            self._store.changes.overtaken()
        return name

    @property
    def lasts(self) -> bool:
        """True where other processes will give the same contents the same name."""
        if self._store is None:
            return False
        told = self._store.capabilities
        return told.version != "none" or not (told.exclusive or self._shared is None)

    @property
    def found(self) -> bool:
        """True where the contents still had the name that the last process left in the file."""
        return self._found

    def keep(self) -> None:
        """Have the name written at the close, although nobody had left one."""
        self._found = True

    @property
    def by_files(self) -> bool:
        """True where the name is written to the file at the close, see `leaving`."""
        return self._store is not None and self._store.capabilities.version == "files"

    @contextmanager
    def leaving(self) -> Iterator[None]:
        """Write the name to the file for the next opening. The block closes the library; nothing writes then."""
        last = self.name
        with suppress(OSError):  # then the next process begins anew
            self._place.write_text(json.dumps({"edition": self._generation, "contents": last}), encoding="utf-8")
        closed = False
        try:
            yield
            closed = self.name == last
        finally:
            with suppress(OSError):  # gone: another process has the library open by now
                if closed:
                    os.utime(self._place)  # the name is as new as the last of the library's files
                else:
                    self._place.unlink()

    def _left(self) -> str | None:
        """Return the name in the file, unless a file of the library is newer."""
        name = self._read()
        try:
            return None if name is None or self._newest() > self._place.stat().st_mtime_ns else name
        except OSError:
            return None

    def _read(self) -> str | None:
        try:
            found = json.loads(self._place.read_bytes())
            return str(found["contents"]) if found["edition"] == self._generation else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _newest(self) -> int:
        """When something in the stores was written last, in nanoseconds."""
        stores = [child for child in self._place.parent.iterdir() if child.is_dir() and child.name not in _NOT_CONTENTS]
        return max((path.stat().st_mtime_ns for store in stores for path in (store, *store.rglob("*"))), default=0)
