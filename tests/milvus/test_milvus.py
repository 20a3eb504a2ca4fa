"""What only a server can do or suffer: fresh records, several who write, restarts, processes that are killed."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.milvus_server import MilvusServer, running_milvus
from tests.stores.examples import DIM, SCHEMA, many, record, unit
from tests.stores.kinds import vector_of
from yunmeng import stores
from yunmeng.errors import LibraryExists, LibraryNotFound, SchemaError, StoreError
from yunmeng.stores.filters import Compare
from yunmeng.stores.groups import search_groups
from yunmeng.stores.milvus.store import MilvusStore
from yunmeng.types import Record

ROOT = Path(__file__).parents[2]

WRITE = """
import sys
from tests.stores.examples import DIM, SCHEMA, record
from yunmeng.stores.milvus.store import MilvusStore
store = MilvusStore.open(sys.argv[1], "store", DIM, SCHEMA)
for batch in range(10_000):
    store.upsert([record(f"{batch} {number}") for number in range(32)])
    print(batch, flush=True)
"""


def clustered(count: int, dim: int, clusters: int, seed: int) -> NDArray[np.float32]:
    """Vectors that lie in groups, as those of photographs do."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((clusters, dim))
    vectors = centres[rng.integers(clusters, size=count)] + 0.7 * rng.standard_normal((count, dim))
    normal: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return normal


def recall(store: stores.Store, vectors: NDArray[np.float32], kept: NDArray[np.int64], filter: Compare) -> float:
    """The share of the true ten nearest among ``kept`` that are found, over 60 records as queries."""
    found = 0
    for query in vectors[:: len(vectors) // 60][:60]:
        true = {str(row) for row in kept[np.argsort(-(vectors[kept] @ query))[:10]]}
        found += len(true & {hit.id for hit in store.search(query, 10, filter)})
    return found / 600


def test_a_filter_finds_all_right_after_an_import_and_when_all_is_indexed(milvus: MilvusServer) -> None:
    """Milvus 2.3 answers for fresh records from an index that finds half of these, whatever it is asked."""
    count = 12_000
    vectors, rows = clustered(count, 64, 120, 1), np.arange(count)
    with MilvusStore.create(f"{milvus.url}/fresh", "store", 64, {"stock": "int", "category": "str"}) as store:
        written = [
            record(str(row), vectors[row], stock=row % 100, category=f"group {row % 100} {row // 100 % 30}")
            for row in range(count)
        ]
        store.upsert(written)
        assert store.unindexed() == count
        few, kept = Compare("stock", "=", 7), rows[rows % 100 == 7]
        assert recall(store, vectors, kept, few) >= 0.99
        assert_groups_are_right(store, written, vectors[5], few)
        store.optimise()
        assert store.unindexed() == 0
        assert recall(store, vectors, kept, few) >= 0.99
        assert recall(store, vectors, rows[rows % 100 < 30], Compare("stock", "<", 30)) >= 0.99
        assert_groups_are_right(store, written, vectors[5], few)


def assert_groups_are_right(store: MilvusStore, records: list[Record], query: Any, few: Compare) -> None:
    best: dict[Any, str] = {}
    kept = (each for each in records if each.attributes["stock"] == few.value)
    for each in sorted(kept, key=lambda each: -float(vector_of(each) @ query)):
        best.setdefault(each.attributes["category"], each.id)
    assert [hit.id for hit in search_groups(store, query, 12, "category", few)] == list(best.values())[:12]


def test_others_see_what_one_writes(milvus: MilvusServer) -> None:
    url = f"{milvus.url}/several"
    with MilvusStore.create(url, "store", DIM, SCHEMA) as one, MilvusStore.open(url, "store", DIM, SCHEMA) as other:
        one.upsert(many(40))
        assert one.count() == 40
        assert within(10, lambda: other.count() == 40)
        other.delete(["3"])
        other.upsert([record("new")])
        assert other.get(["3", "new"]).keys() == {"new"}
        assert within(10, lambda: one.get(["3", "new"]).keys() == {"new"})
        with MilvusStore.open(url, "store", DIM, SCHEMA) as third:  # what was written before is there at once
            assert third.count() == 40


def test_what_was_made_is_found_again_as_it_was_made(milvus: MilvusServer) -> None:
    url = f"{milvus.url}/again"
    with pytest.raises(LibraryNotFound, match="again_store"):
        MilvusStore.open(url, "store", DIM, SCHEMA)
    MilvusStore.create(url, "store", DIM, SCHEMA).close()
    with pytest.raises(LibraryExists, match="again_store"):
        MilvusStore.create(url, "store", DIM, SCHEMA)
    with pytest.raises(SchemaError, match="of 16 numbers, not of 17"):
        MilvusStore.open(url, "store", DIM + 1, SCHEMA)
    for schema in ({**SCHEMA, "price": "str"}, {**SCHEMA, "more": "str"}, {"price": "float"}):
        with pytest.raises(SchemaError, match=r"attribute"):
            MilvusStore.open(url, "store", DIM, schema)  # type: ignore[arg-type]  # literals
    stores.remove(url, Path("store"))
    stores.remove(url, Path("store"))
    with pytest.raises(LibraryNotFound):
        MilvusStore.open(url, "store", DIM, SCHEMA)


@pytest.mark.parametrize("options", ["index=IVF_SQ8&nlist=16&nprobe=16&shards=2", "index=DISKANN", "index=FLAT"])
def test_other_indexes_find_the_same(milvus: MilvusServer, options: str) -> None:
    place = options.replace("&", "_")
    with MilvusStore.create(f"{milvus.url}/indexes?{options}", place, DIM, SCHEMA) as store:
        records = many(200)
        store.upsert(records)
        nearest = np.argsort(-(unit(0, 200) @ vector_of(records[9])))[:5]
        assert [hit.id for hit in store.search(vector_of(records[9]), 5)] == [str(row) for row in nearest]
    stores.remove(f"{milvus.url}/indexes?{options}", Path(place))


def test_killed_while_it_writes_it_has_lost_nothing_that_was_acknowledged(milvus: MilvusServer) -> None:
    url = f"{milvus.url}/killed"
    MilvusStore.create(url, "store", DIM, SCHEMA).close()
    writer = subprocess.Popen([sys.executable, "-c", WRITE, url], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    with writer.stdout:
        for _ in range(12):
            last = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        last = int((writer.stdout.read().split() or [last])[-1])
    writer.wait()
    with MilvusStore.open(url, "store", DIM, SCHEMA) as store:
        written = {each.id for each in store.iterate()}
        assert {f"{batch} {number}" for batch in range(last + 1) for number in range(32)} <= written
        assert store.count() == len(written)


def test_a_dead_server_is_told_of_and_one_that_is_back_is_used(
    milvus: MilvusServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_milvus(milvus.binaries) as own:
        url = f"{own.url}/photos"
        monkeypatch.setenv("YUNMENG_MILVUS_TIMEOUT", "120")
        with MilvusStore.create(url, "store", DIM, SCHEMA) as store:
            store.upsert(many(300, category=["a", "b", "c"] * 100))
            iteration = store.iterate()
            next(iteration)
            own.kill()
            calls: tuple[Callable[[], Any], ...] = (
                lambda: store.search(unit(0)[0], 1),
                lambda: store.upsert([record("lost")]),
                lambda: store.delete(["1"]),
                lambda: MilvusStore.open(url, "store", DIM, SCHEMA),
            )
            for call in calls:
                with pytest.raises(StoreError, match=r"does not answer: start it") as error:
                    call()
                assert "\n" not in str(error.value)
            own.start()
            assert [hit.id for hit in store.search(unit(0, 300)[7], 1)] == ["7"]
            assert store.count(Compare("category", "=", "b")) == 100
            store.upsert([record("new")])
            assert store.count() == 301


def test_an_iteration_keeps_what_a_write_changes_however_much_it_is(
    milvus: MilvusServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yunmeng.stores.milvus.scan.IN_MEMORY", 1000)
    with MilvusStore.create(f"{milvus.url}/scans", "store", DIM, SCHEMA) as store:
        store.upsert(many(3000))
        scans = [store.iterate(vectors=True) for _ in range(2)]
        first = [next(scans[0]) for _ in range(500)]
        store.delete([str(row) for row in range(2000)])
        seen = [*first, *scans[0]]
        assert len(seen) == len({each.id for each in seen}) == 3000
        assert sum(1 for _ in scans[1]) == 3000
        ordered = store.page(1000)
        assert all((one.sha256, one.id) < (two.sha256, two.id) for one, two in pairwise(ordered))
        left = store.iterate()
        store.close()
        with pytest.raises(StoreError, match="closed"):
            list(left)


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Whether it holds at last: other processes see a write a little later."""
    deadline = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return held
