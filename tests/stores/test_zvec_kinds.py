"""The kinds of index of the embedded store, by URL: kept, reopened, and as right as each can be."""

from pathlib import Path

import numpy as np
import pytest

from tests.stores.examples import DIM, many, unit
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import SchemaError, StoreError
from yunmeng.library import Library
from yunmeng.stores import registry
from yunmeng.stores.filters import Compare
from yunmeng.types import AttributeSchema

SCHEMA: AttributeSchema = {"stock": "int"}


@pytest.mark.parametrize(
    "url",
    [
        "zvec:",
        "zvec:?index=hnsw",
        "zvec:?quantize=int8",
        "zvec:?index=hnsw&quantize=fp16",
        "zvec:?index=ivf&lists=20",
        "zvec:?index=flat",
    ],
)
def test_an_index_is_right_through_optimising_and_reopening(url: str, tmp_path: Path) -> None:
    records = many(2000, stock=list(range(2000)))
    matrix = np.array([record.vector for record in records])
    store = registry.create(url, tmp_path / "store", DIM, SCHEMA)
    store.upsert(records[:1500])
    store.optimise()
    store.upsert(records[1500:])

    def recall(least: int) -> float:
        found = 0
        for query in unit(5, 40):
            scores = np.where(np.arange(2000) >= least, matrix @ query, -2)
            hits = store.search(query, 10, Compare("stock", ">=", least) if least else None)
            assert len(hits) == 10
            assert [hit.score for hit in hits] == pytest.approx([matrix[int(hit.id)] @ query for hit in hits], abs=1e-5)
            found += len({hit.id for hit in hits} & {str(row) for row in np.argsort(-scores)[:10]})
        return found / 400

    floor = 0.5 if "ivf" in url else 0.95  # random vectors are the worst for lists: each list is near every query
    for _ in range(2):
        assert store.unindexed() in (0, 500)
        assert recall(0) >= floor
        assert recall(1980) == 1.0
        assert len(store.search(unit(6)[0], 1999)) == 1999
        kept = {record.id: record.vector for record in store.iterate(vectors=True)}
        np.testing.assert_array_equal([kept[record.id] for record in records], matrix)
        store.optimise()
        store.close()
        store = registry.open(url, tmp_path / "store", DIM, SCHEMA)
        assert store.unindexed() == 0
    store.close()
    with pytest.raises(SchemaError, match="made with the index"):
        registry.open("zvec:?index=ivf&lists=3", tmp_path / "store", DIM, SCHEMA)


@pytest.mark.parametrize(
    "url",
    [
        "zvec:here",
        "zvec:?index=tree",
        "zvec:?lists=3",
        "zvec:?index=ivf&lists=0",
        "zvec:?a=b",
        "zvec:?index=ivf&quantize=int8",
    ],
)
def test_what_no_url_is(url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="zvec:"):
        registry.create(url, tmp_path / "store", DIM, {})


def test_a_library_keeps_its_kind(tmp_path: Path, settings: Settings) -> None:
    with Library.create(tmp_path / "a", FakeEncoder(), settings=settings, store="zvec:?index=ivf"):
        pass
    with Library.open(tmp_path / "a", FakeEncoder(), settings) as library:
        assert library.config.store == "zvec:?index=ivf"
        assert 'store = "zvec:?index=ivf"' in (library.path / "library.toml").read_text()
        library.augment()  # its other stores are of the same kind
