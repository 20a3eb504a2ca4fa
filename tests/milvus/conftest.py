"""One Milvus for all tests of this folder, and the fixtures of the conformance suite over it."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.milvus_server import MilvusServer, running_milvus
from tests.stores.conftest import fill, lettered, make, odd, store, worded
from tests.stores.examples import DIM
from tests.stores.kinds import Kind
from yunmeng.errors import StoreError
from yunmeng.stores.milvus.store import MilvusStore
from yunmeng.stores.protocol import Store
from yunmeng.types import AttributeSchema

__all__ = ["Pool", "fill", "lettered", "make", "odd", "store", "worded"]


@pytest.fixture(scope="session")
def milvus() -> Iterator[MilvusServer]:
    with running_milvus() as server:
        yield server


class Pool:
    """Collections that tests use one after the other: making one takes three seconds, emptying one a tenth."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._made: list[tuple[str, AttributeSchema, MilvusStore]] = []

    def make(self, _path: Path, schema: AttributeSchema) -> Store:
        for number, (place, declared, before) in enumerate(self._made):
            if declared == schema and _is_closed(before):
                store = MilvusStore.open(f"{self._url}/pool", place, DIM, schema)
                store.delete([record.id for record in store.iterate()])
                self._made[number] = place, schema, store
                return store
        place = f"store-{len(self._made)}"
        store = MilvusStore.create(f"{self._url}/pool", place, DIM, schema)
        self._made.append((place, schema, store))
        return store


@pytest.fixture(scope="session")
def pool(milvus: MilvusServer) -> Pool:
    return Pool(milvus.url)


@pytest.fixture(scope="session")
def kind(pool: Pool) -> Kind:
    return Kind(pool.make)


def _is_closed(store: MilvusStore) -> bool:
    with suppress(StoreError):
        store.count()
        return False
    return True
