"""The stores of one generation, made, opened and removed together."""

from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from yunmeng.errors import StateError
from yunmeng.stores import registry
from yunmeng.stores.augmented import AugmentedStore
from yunmeng.stores.dba import second_schema
from yunmeng.stores.regional import RegionalStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from yunmeng.library.config import LibraryConfig
    from yunmeng.library.paths import LibraryPaths
    from yunmeng.state.database import State
    from yunmeng.stores.ann.file import IndexFile
    from yunmeng.stores.protocol import Store
    from yunmeng.types import AttributeSchema

__all__ = ["create_second", "create_store", "open_store", "remove_older", "remove_second", "remove_stores"]

SharedState: TypeAlias = "Callable[[], State] | None"
"""Opens the state where it is on PostgreSQL: a store without full text has the words of its records there."""


class _Make(Protocol):
    def __call__(self, place: Path, schema: "AttributeSchema", *, text: bool) -> "Store": ...


def create_store(config: "LibraryConfig", paths: "LibraryPaths", state: SharedState = None) -> "Store":
    """Make the store that ``config`` describes, still empty. Raises as `yunmeng.stores.create` does."""

    def make(place: Path, schema: "AttributeSchema", *, text: bool) -> "Store":
        store = registry.create(config.store, place, config.encoder.dim, schema, text=text)
        return _worded(store, place, state, new=True) if text else store

    return _composed(config, paths, make)


def open_store(
    config: "LibraryConfig", paths: "LibraryPaths", state: SharedState = None, index: "IndexFile | None" = None
) -> "Store":
    """Open the store that ``config`` describes, searched by ``index``. Raises as `yunmeng.stores.open` does."""

    def make(place: Path, schema: "AttributeSchema", *, text: bool) -> "Store":
        store = registry.open(config.store, place, config.encoder.dim, schema)
        if text:
            store = _worded(store, place, state, new=False)
        if index is None or place != paths.store(config.generation):
            return store
        from yunmeng.stores.ann.indexed import IndexedStore

        return IndexedStore(store, index, config.encoder.dim)

    return _composed(config, paths, make)


def create_second(config: "LibraryConfig", paths: "LibraryPaths") -> "Store":
    """Make a store for the second vectors of a generation that has none. Raises as `yunmeng.stores.create` does."""
    place, schema = paths.augmented(config.generation), second_schema(config.attributes)
    return registry.create(config.store, place, config.encoder.dim, schema, text=False)


def remove_second(config: "LibraryConfig", paths: "LibraryPaths") -> None:
    """Delete the store of the second vectors of a generation, if there is one."""
    registry.remove(config.store, paths.augmented(config.generation))


def remove_stores(config: "LibraryConfig", paths: "LibraryPaths", state: SharedState = None) -> None:
    """Delete the stores of all generations but that of ``config``: those that were replaced or given up."""
    _remove(config, paths, [each for each in range(config.generation + 2) if each != config.generation], state)


def remove_older(config: "LibraryConfig", paths: "LibraryPaths", state: SharedState = None) -> None:
    """Delete the stores of the generations before that of ``config``; another process may be making the next one."""
    with suppress(StateError):  # of the words; the next generation removes them
        _remove(config, paths, range(config.generation), state)


def _remove(config: "LibraryConfig", paths: "LibraryPaths", generations: "Iterable[int]", state: SharedState) -> None:
    places = [place for generation in generations for place in paths.stores(generation)]
    for place in places:
        registry.remove(config.store, place)
    if state is not None and places:
        from yunmeng.state.words import forget

        forget(state(), [place.name for place in places])


def _worded(store: "Store", place: Path, state: SharedState, *, new: bool) -> "Store":
    """Return a store that finds by words too, if the state can keep them."""
    if state is None or store.capabilities.text:
        return store
    from yunmeng.library.words import WordedStore
    from yunmeng.state.words import RecordWords

    words = RecordWords(state, place.name)
    if new:
        try:
            words.begin()
        except BaseException:
            store.close()
            raise
    return WordedStore(store, words)


def _composed(config: "LibraryConfig", paths: "LibraryPaths", make: _Make) -> "Store":
    with ExitStack() as opened:

        def made(place: Path, schema: "AttributeSchema", *, text: bool) -> "Store":
            store = make(place, schema, text=text)
            opened.callback(store.close)
            return store

        store = made(paths.store(config.generation), config.attributes, text=True)
        if config.regions:
            parts = made(paths.regions(config.generation), config.attributes, text=False)
            store = RegionalStore(store, parts)
        if config.augmented:
            second = made(paths.augmented(config.generation), second_schema(config.attributes), text=False)
            store = AugmentedStore(store, second)
        opened.pop_all()
        return store
