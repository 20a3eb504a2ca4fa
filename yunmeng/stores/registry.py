"""The registry of stores, by the scheme of their URL: those of Yunmeng, and those of other packages."""

from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol, cast

from yunmeng import plugins
from yunmeng.errors import UnknownStore
from yunmeng.stores.protocol import Store
from yunmeng.types import AttributeSchema

__all__ = ["DEFAULT_STORE", "StoreKind", "check_url", "create", "open", "remove", "schemes"]

DEFAULT_STORE: Final = "zvec:"

BUILT_IN: Final = {
    "zvec": "yunmeng.stores.zvec",
    "milvus": "yunmeng.stores.milvus",
    "memory": "yunmeng.stores.memory",
}
"""Modules with the functions of `StoreKind`, by scheme."""


class StoreKind(Protocol):
    """A kind of store, for one scheme: three functions, usually of a module, with these arguments.

    ``url`` is what ``library.toml`` names, the scheme included. A library has up to three stores: its pictures, their
    regions and their second vectors, and as many again while it is re-encoded. ``place`` distinguishes them: a path in
    the library's folder, such as ``store`` or ``regions-2``. A store that keeps no files uses its name only.
    """

    def create(self, url: str, place: Path, dim: int, schema: AttributeSchema, *, text: bool) -> Store:
        """Make an empty store for vectors of ``dim`` numbers. Without ``text`` it need not index words.

        Raises `LibraryExists` where there is a store already, `SchemaError` or `StoreError`.
        """
        ...

    def open(self, url: str, place: Path, dim: int, schema: AttributeSchema) -> Store:
        """Open a store that was made before, with the same ``dim`` and ``schema``.

        Raises `LibraryNotFound`, `LibraryLocked` if another process has it open and only one may, `SchemaError` or
        `StoreError`.
        """
        ...

    def remove(self, url: str, place: Path) -> None:
        """Delete a store and all that is in it; do nothing where there is none."""
        ...


def create(url: str, place: Path, dim: int, schema: AttributeSchema, *, text: bool = True) -> Store:
    """Make the store at ``url``. Raises as `StoreKind.create` does, and as `check_url`."""
    return check_url(url).create(url, place, dim, schema, text=text)


def open(url: str, place: Path, dim: int, schema: AttributeSchema) -> Store:
    """Open the store at ``url``. Raises as `StoreKind.open` does, and as `check_url`."""
    return check_url(url).open(url, place, dim, schema)


def remove(url: str, place: Path) -> None:
    """Delete the store at ``url``. Raises as `check_url` does."""
    check_url(url).remove(url, place)


def check_url(url: str) -> StoreKind:
    """Return the kind of store for the scheme of ``url``.

    Raises `UnknownStore`, which lists the known schemes, and `PluginError` for a broken package.
    """
    scheme, colon, _ = url.partition(":")
    if colon and scheme in BUILT_IN:
        return cast(StoreKind, import_module(BUILT_IN[scheme]))
    if colon and (plugin := plugins.find("stores").get(scheme)):
        loaded: Any = plugins.load(plugin)
        return cast(StoreKind, loaded)
    named = ", ".join(f"{name}:" for name in schemes())
    raise UnknownStore(f"there is no store {url!r}: name one of {named}; see: yunmeng plugins")


def schemes() -> tuple[str, ...]:
    """Return the schemes that can be used, those that come with Yunmeng first. Imports no plugin."""
    return (*BUILT_IN, *(name for name in plugins.find("stores") if name not in BUILT_IN))
