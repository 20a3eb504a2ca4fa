"""The embedded store: zvec, in the folder of the library. These are the functions of `yunmeng.stores.registry`."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yunmeng.stores.zvec.store import ZvecStore
    from yunmeng.types import AttributeSchema

__all__ = ["create", "open", "remove"]


def create(url: str, place: Path, dim: int, schema: "AttributeSchema", *, text: bool) -> "ZvecStore":
    """Make a collection in the folder ``place``. Raises as `ZvecStore.create` does, and `StoreError`."""
    from yunmeng.stores.zvec.kinds import read_kind
    from yunmeng.stores.zvec.store import ZvecStore

    return ZvecStore.create(place, dim, schema, text=text, index=read_kind(url))


def open(url: str, place: Path, dim: int, schema: "AttributeSchema") -> "ZvecStore":
    """Open the collection in the folder ``place``. Raises as `ZvecStore.open` does, and `StoreError`."""
    from yunmeng.errors import SchemaError
    from yunmeng.stores.zvec.kinds import read_kind
    from yunmeng.stores.zvec.store import ZvecStore

    wanted = read_kind(url)
    store = ZvecStore.open(place, schema)
    if store.index != wanted:
        store.close()
        raise SchemaError(f"the store at {place} was made with the index {store.index.name}, and not as {url} says")
    if store.dim != dim:
        store.close()
        raise SchemaError(f"the store at {place} is for vectors of {store.dim} numbers, not of {dim}")
    return store


def remove(_url: str, place: Path) -> None:
    """Delete the folder ``place``, as far as that is possible."""
    shutil.rmtree(place, ignore_errors=True)
