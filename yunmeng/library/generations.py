"""The generations of an open library: the current one, and those it has replaced."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, TypeVar

from yunmeng.concurrency import ReadWriteLock
from yunmeng.errors import LibraryError, LibraryMoved, YunmengError
from yunmeng.library.config import read_config
from yunmeng.library.opening import SharedState, remove_older
from yunmeng.types import Closing

if TYPE_CHECKING:
    from yunmeng.library.generation import Generation
    from yunmeng.library.paths import LibraryPaths

__all__ = ["Generations"]

T = TypeVar("T")


class Generations(Closing):
    """Holds the current generation, and switches to the next while no change is under way.

    Each query and each change takes ``current`` once, and uses it to its end. Where another process has moved a library
    that is shared, the next read or change opens the new generation, unless it is ``pinned``.
    """

    def __init__(
        self, paths: "LibraryPaths", current: "Generation", *, pinned: bool = False, state: SharedState = None
    ) -> None:
        self._paths = paths
        self._state = state
        self._pinned = pinned
        self._current = current
        self._replaced: list[Generation] = []  # searches may still be at them
        self._changes = ReadWriteLock()
        self._moving = threading.Lock()
        self._switching = threading.Lock()
        self._has_moved = False  # this process has moved the library, and removes what was replaced

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
            self._caught_up()
            yield

    @property
    def fresh(self) -> "Generation":
        """The current generation; what is read of it holds all that other processes had written before.

        Raises `LibraryError` where they have moved the library, and ``library.toml`` does not say where to.
        """
        return self._caught_up()

    def answer(self, ask: Callable[["Generation"], T]) -> T:
        """Return what ``ask`` says of the current generation, without a look for others before.

        If it raises an error because another process has moved the library, the new generation is asked.
        """
        generation = self._current
        try:
            return ask(generation)
        except YunmengError:
            if not generation.shared or (after := self._caught_up()) is generation:
                raise
        return ask(after)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Return a context in which records may be changed: many threads at once, but none during a switch.

        It must not be entered again inside itself, as a switch that waits between the two would never begin.
        """
        with self._changes:
            self._caught_up()
            yield

    def still(self) -> AbstractContextManager[Callable[[], None]]:
        """Return a context in which no process writes to the store, see `Generation.still`.

        It is for the one who has entered `moving`.
        """
        return self._current.still()

    def switch(self, finish: Callable[[], "Generation"]) -> None:
        """Let ``finish`` make the next generation while nothing changes, and take it.

        The old one stays open for the searches that still use it, unless the next one has taken over its store.
        """
        with self._changes.exclusive(), self._switching:
            before, self._current = self._current, finish()
            if before.config.generation != self._current.config.generation:
                self._replaced.append(before)
                self._has_moved = True

    def close_replaced(self) -> None:
        """Close the generations that were replaced and that no search uses any more."""
        while self._replaced:
            self._replaced.pop().close()

    def close(self) -> None:
        """Write what is outstanding, and remove what was replaced. Closing twice does no harm."""
        self.close_replaced()
        self._current.close()
        if self._has_moved:
            self._has_moved = False
            remove_older(self._current.config, self._paths, self._state)

    def _caught_up(self) -> "Generation":
        """Return the current generation, after a look for what other processes have written, and where they are."""
        while True:
            generation = self._current
            try:
                generation.catch_up()
            except LibraryMoved:
                if self._pinned:
                    raise
                self._follow(generation)
            else:
                return generation

    def _follow(self, before: "Generation") -> None:
        """Open the generation to which another process has moved the library; ``before`` is what was current."""
        with self._switching:
            if self._current is not before:
                return
            config = read_config(self._paths)
            if config.generation <= before.config.generation:
                raise LibraryError(
                    "another machine has moved the library to another generation: take over library.toml from it, or "
                    "share the folder"
                )
            self._current = before.following_one(config)
            self._replaced.append(before)  # searches may still be at it
