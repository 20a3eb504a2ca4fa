"""Notifications of a store's writes, so that results computed from its records are never out of date."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock

__all__ = ["Changes", "Watcher"]

Watcher = Callable[[Sequence[str]], None]
"""Called with the ids of the records that were written or removed, after that was done or has failed."""


class Changes:
    """Counts the writes of one open store, and notifies watchers of the records that were written.

    ``number`` grows when a write begins and again when it ends: what was read at one number is as fresh as the store
    while the number stays the same. It means nothing across two openings. Of what other processes write, it knows by
    `overtaken` only.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._number = 0
        self._watchers: list[Watcher] = []
        self.around: Callable[[], AbstractContextManager[None]] = nullcontext
        """Makes a context that each write is done in; where it cannot be entered, nothing is written."""
        self._others: list[Callable[[], None]] = []
        self.sound = True
        """False once a write has failed: the next opening may find more of it than this one."""

    @property
    def number(self) -> int:
        """A number that grows at the beginning and at the end of each write."""
        return self._number

    def watch(self, watcher: Watcher) -> None:
        """Call ``watcher`` after each write, on the thread that writes, for as long as the store is open."""
        self._watchers.append(watcher)

    def watch_others(self, watcher: Callable[[], None]) -> None:
        """Call ``watcher`` when other processes have written: any record may be another one now, or be gone."""
        self._others.append(watcher)

    def overtaken(self) -> None:
        """Note that other processes have written, as far as one can know."""
        self._grow()
        for watcher in self._others:
            watcher()

    @contextmanager
    def writing(self, ids: Sequence[str]) -> Iterator[None]:
        """Count a write of records with ``ids`` and notify watchers of it; a store wraps each write in this."""
        with self.around():
            self._grow()
            try:
                yield
            except BaseException:
                self.sound = False
                raise
            finally:
                self._grow()
                for watcher in self._watchers:
                    watcher(ids)

    def _grow(self) -> None:
        with self._lock:
            self._number += 1
