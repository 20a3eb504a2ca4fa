"""The stores of one edition, made and opened together."""

from contextlib import ExitStack
from pathlib import Path
from typing import Protocol, TypeAlias

from yunmeng.library.paths import Card, Layout
from yunmeng.stores import AugmentedStore, RegionalStore, ZvecStore, second_schema
from yunmeng.types import AttributeSchema

__all__ = ["EditionStore", "create_second", "create_store", "open_store"]

EditionStore: TypeAlias = ZvecStore | RegionalStore | AugmentedStore


class _Make(Protocol):
    def __call__(self, place: Path, schema: AttributeSchema, *, text: bool) -> ZvecStore: ...


def create_store(card: Card, layout: Layout) -> EditionStore:
    """The store that ``card`` describes, still empty. Raises as `ZvecStore.create` does."""

    def make(place: Path, schema: AttributeSchema, *, text: bool) -> ZvecStore:
        return ZvecStore.create(place, card.encoder.dim, schema, reads_text=text)

    return _composed(card, layout, make)


def open_store(card: Card, layout: Layout) -> EditionStore:
    """The store that ``card`` describes. Raises as `ZvecStore.open` does."""
    return _composed(card, layout, lambda place, schema, *, text: ZvecStore.open(place, schema))  # noqa: ARG005


def create_second(card: Card, layout: Layout) -> ZvecStore:
    """A store for the second vectors of an edition that has none. Raises as `ZvecStore.create` does."""
    place, schema = layout.augmented(card.edition), second_schema(card.attributes)
    return ZvecStore.create(place, card.encoder.dim, schema, reads_text=False)


def _composed(card: Card, layout: Layout, make: _Make) -> EditionStore:
    with ExitStack() as opened:
        store: ZvecStore | RegionalStore = opened.enter_context(
            make(layout.store(card.edition), card.attributes, text=True)
        )
        if card.regions:
            parts = opened.enter_context(make(layout.regions(card.edition), card.attributes, text=False))
            store = RegionalStore(store, parts)
        if card.augmented:
            second = make(layout.augmented(card.edition), second_schema(card.attributes), text=False)
            opened.pop_all()
            return AugmentedStore(store, second)
        opened.pop_all()
        return store
