"""The generations of an open library: the current one, and those it has replaced."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from yunmeng.concurrency import ReadWriteLock
from yunmeng.library.opening import remove_stores
from yunmeng.types import Closing

if TYPE_CHECKING:
    from yunmeng.library.generation import Generation
    from yunmeng.library.paths import LibraryPaths

__all__ = ["Generations"]


class Generations(Closing):
    """Holds the current generation, and switches to the next while no change is under way.

    Each query and each change takes ``current`` once, and uses it to its end.
    """

    def __init__(self, paths: "LibraryPaths", current: "Generation") -> None:
        self._paths = paths
        self._current = current
        self._replaced: list[Generation] = []  # searches may still be at them
        self._changes = ReadWriteLock()
        self._moving = threading.Lock()

    @property
    def current(self) -> "Generation":
        """The generation that answers queries."""
        return self._current

    @contextmanager
    def moving(self) -> Iterator[None]:
        """Make the library into another one meanwhile: one thread at a time.

        Raises `Busy` where another process does so.
        """
        with self._moving, self._current.across("move", wait=False):
            yield

    @property
    def fresh(self) -> "Generation":
        """The current generation; what is read of it holds all that other processes had written before."""
        self._current.catch_up()
        return self._current

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Return a context in which records may be changed: many threads at once, but none during a switch.

        It must not be entered again inside itself, as a switch that waits between the two would never begin.
        """
        with self._changes:
            self._current.catch_up()
            yield

    def holding(self) -> AbstractContextManager[None]:
        """Return a context in which no record is changed by `changing`: for what needs them as they are."""
        return self._changes.exclusive()

    def switch(self, finish: Callable[[], "Generation"]) -> None:
        """Let ``finish`` make the next generation while nothing changes, and take it.

        The old one stays open for the searches that still use it, unless the next one has taken over its store.
        """
        with self._changes.exclusive():
            before, self._current = self._current, finish()
            if before.config.generation != self._current.config.generation:
                self._replaced.append(before)

    def close_replaced(self) -> None:
        """Close the generations that were replaced and that no search uses any more."""
        while self._replaced:
            self._replaced.pop().close()

    def close(self) -> None:
        """Write what is outstanding, and remove what was replaced. Closing twice does no harm."""
        cleared = bool(self._replaced)
        self.close_replaced()
        self._current.close()
        if cleared:
            remove_stores(self._current.config, self._paths)
