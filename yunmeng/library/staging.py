"""Changes of many records that readers see at one moment: a new generation takes them while the old one answers."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from yunmeng.ingest.pipeline import OPTIMISE_FROM
from yunmeng.library.config import read_next_config, write_config, write_next_config
from yunmeng.library.library import Library
from yunmeng.library.opening import create_store, open_store, remove_stores
from yunmeng.stores.augmented import regional_in

if TYPE_CHECKING:
    from yunmeng.library.generation import Generation
    from yunmeng.library.resources import LibraryResources
    from yunmeng.stores.filters import Filter

__all__ = ["change_at_once"]

PAGE: Final = 1000


def change_at_once(
    library: Library, change: Callable[[Library], bool], *, others: "Filter", stop: threading.Event
) -> bool:
    """Change a copy of a library's records, and put it in their place at one moment. Returns whether that was done.

    Searches and other changes go on meanwhile. Killed or failed before that moment, the library is as it was; the same
    call then goes on with the copy, so that no picture is encoded twice.

    Args:
        library: The library.
        change: Changes the library that it is given; the other one stays as it is if it returns False. It deletes by
            ``generation.store.delete`` alone, as the files of pictures that were sent belong to both.
        others: The records that ``change`` leaves alone: what happens to them meanwhile is not lost. What others change
            meanwhile about the rest is.
        stop: Ends the copying cleanly when set.
    """
    generations = library.generations
    with generations.moving():
        generations.close_replaced()
        old = generations.current
        new = _begin(old, library.resources)
        new.calibrator.held = True  # what it would write down now is of a generation that may come to nothing
        taken = False
        try:
            if _copy(old, new, None, stop) and change(Library(library.resources, new, pinned=True)):
                if new.store.unindexed() >= OPTIMISE_FROM:
                    new.store.optimise()
                generations.switch(lambda: _finish(old, new, others, library.resources))
                taken = True
        finally:
            if not taken:
                new.close()
    if taken:
        new.calibrator.keep_up()
    return taken


def _begin(old: "Generation", resources: "LibraryResources") -> "Generation":
    """Make the next generation, or open the one that an earlier attempt has left."""
    config = old.config.next_generation(old.config.encoder, subject=None, regions=None)
    if read_next_config(resources.paths) == config:
        store = open_store(config, resources.paths, resources.shared_state)
    else:
        remove_stores(old.config, resources.paths, resources.shared_state)
        store = create_store(config, resources.paths, resources.shared_state)
        write_next_config(resources.paths, config)
    return old.with_store(config, store)


def _copy(old: "Generation", new: "Generation", filter: "Filter | None", stop: threading.Event) -> bool:
    """Write all records (that pass ``filter``) as they are, with their vectors. Returns False if it was stopped."""
    regional = regional_in(old.store)
    after = None
    while page := old.store.page(PAGE, after, filter):
        if stop.is_set():
            return False
        after = (page[-1].sha256, page[-1].id)
        there = new.store.get([record.id for record in page])
        found = old.store.get([one.id for one in page if there.get(one.id) != one], vectors=True).values()
        if regional is None:
            new.store.upsert(list(found))
        else:
            parts = regional.regions([record.sha256 for record in found])
            new.store.upsert([replace(record, regions=parts.get(record.sha256, ())) for record in found])
    return True


def _finish(old: "Generation", new: "Generation", others: "Filter", resources: "LibraryResources") -> "Generation":
    """Bring over what has happened to the other records meanwhile, and make ``new`` the library's generation."""
    with new.following() as about_to:
        _copy(old, new, others, threading.Event())
        ids = [record.id for record in new.store.iterate(others)]
        kept = {record.id for record in old.store.iterate(others)}
        new.store.delete([id for id in ids if id not in kept])
        new.store.flush()
        new.calibrator.held = False
        new.calibrator.take_over(old.calibrator)
        about_to()
        write_config(resources.paths, new.config)
    return new
