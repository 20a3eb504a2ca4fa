"""The fixtures of the conformance suite, for any ``kind`` of store."""

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import pytest

from tests.stores.examples import SCHEMA, many, odd_records, worded_records
from tests.stores.kinds import Fill, Kind, Make, Odd
from yunmeng.stores.protocol import Store
from yunmeng.types import AttributeSchema, Record


@pytest.fixture
def make(kind: Kind, tmp_path: Path) -> Make:
    """Makes stores, each in a folder of its own."""

    def made(schema: AttributeSchema) -> Store:
        return kind.make(tmp_path / f"store-{len(list(tmp_path.iterdir()))}", schema)

    return made


@pytest.fixture
def store(make: Make) -> Iterator[Store]:
    store = make(SCHEMA)
    yield store
    store.close()


@pytest.fixture(scope="module")
def fill(kind: Kind) -> Fill:
    """Writes records in three parts, between which the store settles."""

    def filled(store: Store, records: Sequence[Record]) -> None:
        third = len(records) // 3
        for step, part in enumerate((records[:third], records[third : 2 * third], records[2 * third :]), 1):
            store.upsert(part)
            if step < 3:
                kind.settle(store, step)

    return filled


@pytest.fixture(scope="module")
def odd(kind: Kind, fill: Fill, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Odd]:
    store, records = kind.make(tmp_path_factory.mktemp("odd") / "store", SCHEMA), odd_records(150)
    fill(store, records)
    yield Odd(store, records)
    store.close()


@pytest.fixture(scope="module")
def lettered(kind: Kind, fill: Fill, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Odd]:
    """A store of all short texts of letters that mean something to ``like``, or lie at an end of Unicode."""
    texts = ["".join(text) for size in range(3) for text in product("a%_!\\\ud7ff\ue000\U0010ffff[", repeat=size)]
    records = many(len(texts), category=texts)
    store = kind.make(tmp_path_factory.mktemp("lettered") / "store", SCHEMA)
    fill(store, records)
    yield Odd(store, records)
    store.close()


@pytest.fixture(scope="module")
def worded(kind: Kind, fill: Fill, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store whose records are to be found by words, each id's last part saying which it is."""
    store = kind.make(tmp_path_factory.mktemp("worded") / "store", SCHEMA)
    fill(store, worded_records())
    yield store
    store.close()
