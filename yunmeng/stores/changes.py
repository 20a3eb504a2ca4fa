"""What a store tells of its writes, so that what was worked out from its records is never older than they are."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

__all__ = ["Changes", "Watcher"]

Watcher = Callable[[Sequence[str]], None]
"""Called with the ids of the records that were written or removed, after that was done or has failed."""


class Changes:
    """Counts the writes of one open store, and tells whoever watches which records they were of.

    ``number`` is another one from the beginning of each write, and another one from its end: what was read at a number
    is as fresh as the store for as long as the number stays. It says nothing across two openings.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._number = 0
        self._watchers: list[Watcher] = []
        self.sound = True
        """False once a write has failed: the next opening may find more of it than this one."""

    @property
    def number(self) -> int:
        """Grows at the beginning and at the end of each write."""
        return self._number

    def watch(self, watcher: Watcher) -> None:
        """Have ``watcher`` called after each write, on the thread that writes, for as long as the store is open."""
        self._watchers.append(watcher)

    @contextmanager
    def writing(self, ids: Sequence[str]) -> Iterator[None]:
        """Count a write of records with ``ids`` and tell of it: what a store does around each."""
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
