"""The stores of one generation, made and opened together."""

from contextlib import ExitStack
from pathlib import Path
from typing import Protocol, TypeAlias

from yunmeng.library.config import LibraryConfig
from yunmeng.library.paths import LibraryPaths
from yunmeng.stores import AugmentedStore, RegionalStore, ZvecStore, second_schema
from yunmeng.types import AttributeSchema

__all__ = ["GenerationStore", "create_second", "create_store", "open_store"]

GenerationStore: TypeAlias = ZvecStore | RegionalStore | AugmentedStore


class _Make(Protocol):
    def __call__(self, place: Path, schema: AttributeSchema, *, text: bool) -> ZvecStore: ...


def create_store(config: LibraryConfig, paths: LibraryPaths) -> GenerationStore:
    """The store that ``config`` describes, still empty. Raises as `ZvecStore.create` does."""

    def make(place: Path, schema: AttributeSchema, *, text: bool) -> ZvecStore:
        return ZvecStore.create(place, config.encoder.dim, schema, reads_text=text)

    return _composed(config, paths, make)


def open_store(config: LibraryConfig, paths: LibraryPaths) -> GenerationStore:
    """The store that ``config`` describes. Raises as `ZvecStore.open` does."""
    return _composed(config, paths, lambda place, schema, *, text: ZvecStore.open(place, schema))  # noqa: ARG005


def create_second(config: LibraryConfig, paths: LibraryPaths) -> ZvecStore:
    """A store for the second vectors of a generation that has none. Raises as `ZvecStore.create` does."""
    place, schema = paths.augmented(config.generation), second_schema(config.attributes)
    return ZvecStore.create(place, config.encoder.dim, schema, reads_text=False)


def _composed(config: LibraryConfig, paths: LibraryPaths, make: _Make) -> GenerationStore:
    with ExitStack() as opened:
        store: ZvecStore | RegionalStore = opened.enter_context(
            make(paths.store(config.generation), config.attributes, text=True)
        )
        if config.regions:
            parts = opened.enter_context(make(paths.regions(config.generation), config.attributes, text=False))
            store = RegionalStore(store, parts)
        if config.augmented:
            second = make(paths.augmented(config.generation), second_schema(config.attributes), text=False)
            opened.pop_all()
            return AugmentedStore(store, second)
        opened.pop_all()
        return store
