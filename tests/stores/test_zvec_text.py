"""What the zvec store does with words over time: through restarts, crashes, and in collections that have none."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.stores.examples import DIM, SCHEMA, many, record, unit, worded_records
from tests.stores.zvec_driver import ROOT, driver
from yunmeng.errors import FilterError, StoreError
from yunmeng.stores import parse_filter
from yunmeng.stores.filters import Compare
from yunmeng.stores.zvec.engine import engine
from yunmeng.stores.zvec.store import ZvecStore


def make_as_before(path: Path) -> None:
    """A collection without words, for the one declared attribute ``category``, as version 0.1.0 made it."""
    zvec = engine().zvec
    types, ranged = zvec.DataType, zvec.InvertIndexParam(enable_range_optimization=True)
    fields = [
        zvec.FieldSchema("sha256", types.STRING, index_param=ranged),
        *(zvec.FieldSchema(name, types.STRING) for name in ("uri", "attributes", "facts")),
        zvec.FieldSchema("present", types.BOOL),
        zvec.FieldSchema("a_e640e26ddc315ca753e9", types.STRING, True, ranged),
    ]
    index = zvec.HnswIndexParam(metric_type=zvec.MetricType.COSINE, m=32, ef_construction=100)
    vector = zvec.VectorSchema("vector", types.VECTOR_FP32, dimension=DIM, index_param=index)
    collection = zvec.create_and_open(str(path), zvec.CollectionSchema("yunmeng", fields=fields, vectors=[vector]))
    known = record("old", category="red dress")
    collection.upsert(
        [
            zvec.Doc(
                "old",
                vectors={"vector": known.vector},
                fields={
                    "sha256": known.sha256,
                    "uri": known.uri,
                    "attributes": '{"category":"red dress"}',
                    "facts": '{"phash":"0","pdq":"0","width":1,"height":1,"quality":{}}',
                    "present": True,
                    "a_e640e26ddc315ca753e9": "red dress",
                },
            )
        ]
    )
    collection.close()


def test_a_collection_made_before_there_were_words_works_on(tmp_path: Path) -> None:
    path = tmp_path / "store"
    make_as_before(path)
    for run in range(2):
        with ZvecStore.open(path, {"category": "str"}) as store:
            assert not store.capabilities.text
            assert store.search_text("red dress", 5) == store.search_text("red", 5, Compare("category", "=", "x")) == []
            store.upsert([record(f"new {run}", category="red dress")])
            store.optimise()
            assert store.count(Compare("category", "=", "red dress")) == 2 + run
            assert store.search(record("old").vector, 1)[0].id == "old"  # type: ignore[arg-type]
            assert store.get(["old"])["old"].attributes == {"category": "red dress"}
            assert len(list(store.iterate())) == len(store.page(10)) == 2 + run
            with pytest.raises(FilterError):
                store.search_text("red", 5, Compare("colour", "=", "x"))
    with pytest.raises(StoreError, match="closed"):
        store.search_text("red", 5)


def test_a_store_may_be_made_without_words(tmp_path: Path) -> None:
    with ZvecStore.create(tmp_path / "store", DIM, SCHEMA, text=False) as store:
        store.upsert([record("a", category="dress")])
        assert not store.capabilities.text
        assert store.search_text("dress", 5) == []
    with ZvecStore.open(tmp_path / "store", SCHEMA) as store:
        assert not store.capabilities.text
        assert store.count() == 1


def test_words_are_there_after_reopening(tmp_path: Path) -> None:
    with ZvecStore.create(tmp_path / "store", DIM, SCHEMA) as store:
        store.upsert(worded_records())
        store.delete(["chinese|"])
    for _ in range(2):
        with ZvecStore.open(tmp_path / "store", SCHEMA) as store:
            assert store.capabilities.text
            assert [hit.id for hit in store.search_text("连衣裙", 9)] == ["caption|"]
            assert {hit.id for hit in store.search_text("dresses", 9)} == {"caption|", "camel|", "snake|"}
            store.optimise()


@pytest.mark.parametrize("flavour", ["plain", "optimised"])
def test_a_killed_process_loses_no_words(tmp_path: Path, flavour: str) -> None:
    path = tmp_path / "store"
    if flavour == "optimised":
        with ZvecStore.create(path, DIM, SCHEMA) as store:
            store.upsert([record(f"{n}.jpg", category=f"c{n % 3}") for n in range(48)])
            store.optimise()
    with driver("write", str(path)) as writer:
        assert writer.stdout is not None
        acknowledged = next(int(line) for line in writer.stdout if int(line) >= 120)
        writer.kill()
        assert writer.communicate()[1] == ""
    code = (
        "from yunmeng.stores.zvec.store import ZvecStore; from tests.stores.examples import SCHEMA;"
        f"store = ZvecStore.open({str(path)!r}, SCHEMA);"
        f"names = range(3, {acknowledged});"  # up to 2 the categories hold the numbers too
        "print([n for n in names if [hit.id for hit in store.search_text(str(n), 9)] != [f'{n}.jpg']])"
    )
    opened = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (opened.stdout, opened.stderr) == ("[]\n", "")


def test_words_are_found_while_another_thread_writes(tmp_path: Path) -> None:
    with ZvecStore.create(tmp_path / "store", DIM, SCHEMA) as store:
        store.upsert(many(300, category=["red dress", "blue dress", "cat"] * 100, stock=list(range(300))))
        problems: list[BaseException] = []
        done = threading.Event()
        few = parse_filter("stock < 30")

        def ask() -> None:
            try:
                while not done.is_set():
                    assert {hit.id for hit in store.search_text("red dress", 10, few)} == set(map(str, range(0, 30, 3)))
                    assert len(store.search_text("dress", 200)) == 200
                    assert len(store.search(unit(0)[0], 5)) == 5
            except BaseException as error:
                problems.append(error)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for number in range(9):
            store.upsert([record(f"new {number} {n}", category="dog") for n in range(8)])
            (store.flush, store.optimise, lambda: list(store.iterate()))[number % 3]()
        done.set()
        for thread in threads:
            thread.join(timeout=30)
        assert not any(thread.is_alive() for thread in threads)
        assert problems == []
        assert len(store.search_text("dog", 1000)) == 72
