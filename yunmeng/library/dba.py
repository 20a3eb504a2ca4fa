"""Database-side augmentation (DBA) of a library: a second vector of each picture, averaged with its neighbours."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from yunmeng.ingest.pipeline import OPTIMISE_FROM
from yunmeng.library.config import FORMAT, write_config
from yunmeng.library.opening import create_second, remove_second
from yunmeng.stores.augmented import AugmentedStore
from yunmeng.types import Closing

if TYPE_CHECKING:
    from yunmeng.library.generation import Generation
    from yunmeng.library.paths import LibraryPaths
    from yunmeng.stores.protocol import Store

__all__ = ["AugmentReport", "Augmentation", "OnStep", "refresh", "refresh_some"]

OnStep = Callable[[int, int], None]
"""Called with how many steps are taken and how many there are; two for a new picture, one for a stale one."""

PAGE: Final = 1000
PORTION: Final = 1000
"""Steps that are taken at once: two seconds of work, after which a run may be stopped."""


@dataclass(frozen=True, slots=True)
class AugmentReport:
    """Result of a run. ``steps`` is how many it took; ``interrupted`` says that it was stopped before all were."""

    pictures: int
    steps: int
    seconds: float
    interrupted: bool = False


class Augmentation(Closing):
    """Gives a generation second vectors while it goes on answering and changing.

    First all pictures are copied as they are, and marked as stale. Only then does ``library.toml`` say, in one step,
    that there are second vectors. If the process is killed before that, the next one removes what it has left.
    """

    def __init__(self, generation: "Generation", paths: "LibraryPaths") -> None:
        assert not isinstance(generation.store, AugmentedStore)
        self._generation = generation
        self._paths = paths
        self._config = generation.config.model_copy(update={"format": FORMAT, "augmented": True})
        remove_second(generation.config, paths)
        self._second = create_second(generation.config, paths)
        self._store = AugmentedStore(generation.store, self._second)
        self._changed: set[str] = set()
        self._over = False
        generation.store.changes.watch(self._note)

    def run(self, stop: threading.Event) -> bool:
        """Copy the pictures that there are. Returns whether it came to the end."""
        after = None
        while not stop.is_set() and (page := self._generation.store.page(PAGE, after)):
            self._store.adopt([record.id for record in page])
            after = (page[-1].sha256, page[-1].id)
        return not stop.is_set()

    def finish(self) -> "Generation":
        """Copy what has changed since, and make the second vectors the library's. Nothing may change meanwhile."""
        for ids in _batches(self._changed):
            self._store.adopt(ids)
        self._second.flush()
        write_config(self._paths, self._config)
        self._over = True
        return self._generation.with_store(self._config, self._store)

    def close(self) -> None:
        """Release second vectors that have not become the library's."""
        if not self._over:
            self._over = True
            self._second.close()
            remove_second(self._config, self._paths)

    def _note(self, ids: Sequence[str]) -> None:
        if not self._over:
            self._changed.update(ids)


def refresh(store: "Store", stop: threading.Event, on_step: OnStep | None = None) -> int:
    """Compute all stale second vectors, and index them, until ``stop``. Returns the number of steps."""
    if not isinstance(store, AugmentedStore):
        return 0
    taken, total = 0, store.steps_left()
    while not stop.is_set() and (steps := store.refresh(PORTION)):
        taken += steps
        total = max(total, taken)  # others become stale on the way
        if on_step is not None:
            on_step(taken, total)
    if not stop.is_set() and store.second.unindexed() >= OPTIMISE_FROM:
        store.second.optimise()
    if taken:
        store.second.flush()
    return taken


def refresh_some(store: "Store") -> None:
    """Run one bounded portion of that work; returns at once if nothing is stale."""
    if not isinstance(store, AugmentedStore):
        return
    if store.refresh(PORTION) < PORTION and store.second.unindexed() >= OPTIMISE_FROM:
        store.second.optimise()


def _batches(ids: set[str]) -> Iterator[list[str]]:
    every = iter(sorted(ids))
    while batch := list(islice(every, PAGE)):
        yield batch
