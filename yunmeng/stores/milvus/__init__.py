"""The store for many machines: a Milvus server, named by URL. These are the functions of `yunmeng.stores.registry`."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yunmeng.stores.milvus.store import MilvusStore
    from yunmeng.types import AttributeSchema

__all__ = ["create", "open", "remove"]


def create(url: str, place: Path, dim: int, schema: "AttributeSchema", *, text: bool) -> "MilvusStore":  # noqa: ARG001
    """Make a collection on the server. It keeps no words, whatever ``text`` says.

    Raises `LibraryExists`, `SchemaError`, `MissingExtra` or `StoreError`.
    """
    from yunmeng.stores.milvus.store import MilvusStore

    return MilvusStore.create(url, place.name, dim, schema)


def open(url: str, place: Path, dim: int, schema: "AttributeSchema") -> "MilvusStore":
    """Open the collection. Raises `LibraryNotFound`, `SchemaError`, `MissingExtra` or `StoreError`."""
    from yunmeng.stores.milvus.store import MilvusStore

    return MilvusStore.open(url, place.name, dim, schema)


def remove(url: str, place: Path) -> None:
    """Drop the collection, if there is one. Raises `MissingExtra` or `StoreError`."""
    from yunmeng.stores.milvus.address import Address
    from yunmeng.stores.milvus.connection import Connection

    address = Address.parse(url)
    connection = Connection(address, address.collection(place.name))
    try:
        connection.drop()
    finally:
        connection.close()
