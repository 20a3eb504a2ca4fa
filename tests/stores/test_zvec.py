"""What only the zvec store does: keep its data through restarts, crashes and the company of others."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.forking import fork_server
from tests.stores.examples import DIM, SCHEMA, many, odd_records, record, unit
from tests.stores.kinds import same_record
from tests.stores.zvec_driver import ROOT, driver, forked_driver
from yunmeng.errors import (
    FilterError,
    LibraryExists,
    LibraryLocked,
    LibraryNotFound,
    PictureError,
    QueryError,
    SchemaError,
    StoreError,
)
from yunmeng.stores import parse_filter
from yunmeng.stores.filters import Compare, In, IsNull, Not, Or
from yunmeng.stores.zvec import query as zvec_query
from yunmeng.stores.zvec import store as zvec_store
from yunmeng.stores.zvec.store import ZvecStore
from yunmeng.types import AttributeSchema


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ZvecStore]:
    with ZvecStore.create(tmp_path / "store", DIM, SCHEMA) as store:
        yield store


def test_what_was_written_is_there_after_reopening(tmp_path: Path) -> None:
    records = odd_records(60)
    with ZvecStore.create(tmp_path / "a store 库", DIM, SCHEMA) as store:
        store.upsert(records[:30])
        store.optimise()
        store.upsert(records[30:])
        store.delete([records[0].id])
    for _ in range(2):
        with ZvecStore.open(tmp_path / "a store 库", SCHEMA) as store:
            assert store.dim == DIM
            assert store.count() == 59
            found = store.get([each.id for each in records], vectors=True)
            assert records[0].id not in found
            for written in records[1:]:
                same_record(found[written.id], written)
            store.optimise()


def test_a_store_that_began_empty_finds_all_it_was_given_and_nothing_else(store: ZvecStore) -> None:
    records = odd_records(40)
    assert store.get([records[0].id]) == {}
    assert store.find_sha256([records[0].sha256]) == {}
    store.upsert(records[:30])
    again = replace(records[0], sha256="f" * 64)  # the id has another picture now
    store.upsert([again])
    store.delete([records[1].id])
    there = [again, *records[2:30]]
    assert store.get([one.id for one in records]).keys() == {one.id for one in there}
    assert store.find_sha256([one.sha256 for one in records] + ["f" * 64]).keys() == {one.sha256 for one in there}
    with pytest.raises(PictureError):
        store.get([""])  # an id that cannot be is an error, written or not


@pytest.mark.parametrize("flavour", ["plain", "optimised"])
def test_a_killed_process_loses_nothing_that_was_acknowledged(tmp_path: Path, flavour: str) -> None:
    path = tmp_path / "store"
    if flavour == "optimised":
        with ZvecStore.create(path, DIM, SCHEMA) as store:
            store.upsert([record(f"{n}.jpg", category=f"c{n % 3}") for n in range(48)])
            store.optimise()
    for least in (80, 160):
        with forked_driver("write", path) as writer:
            acknowledged = next(int(line) for line in writer.stdout if int(line) >= least)
            writer.kill()
            assert writer.communicate()[1] == ""
        code = (
            "from yunmeng.stores.zvec.store import ZvecStore; from tests.stores.examples import SCHEMA;"
            f"store = ZvecStore.open({str(path)!r}, SCHEMA); print(store.count()); store.close()"
        )
        opened = fork_server().run("-c", code)
        assert int(opened.stdout) >= acknowledged
        assert opened.stderr == ""
        with ZvecStore.open(path, SCHEMA) as store:
            ids = [f"{n}.jpg" for n in range(acknowledged)]
            assert store.get(ids).keys() == set(ids)
            assert {id for id in ids if store.search(record(id).vector, 1)[0].id != id} == set()  # type: ignore[arg-type]
            assert store.count(Compare("category", "=", "c1")) >= acknowledged // 3


def test_a_store_has_one_process_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "store"
    ZvecStore.create(path, DIM, SCHEMA).close()
    with driver("hold", str(path)) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(LibraryLocked) as error:
            ZvecStore.open(path, SCHEMA)
        assert "\n" not in str(error.value)
        assert re.search(r"another process( \(\d+\))?: wait", str(error.value))
        if Path("/proc/locks").exists():
            assert str(holder.pid) in str(error.value)
        holder.stdin.close()
        holder.wait(timeout=30)
    with ZvecStore.open(path, SCHEMA), pytest.raises(LibraryLocked, match="in this process"):
        ZvecStore.open(path, SCHEMA)


@pytest.mark.parametrize("threads", ["1", ""])
def test_many_threads_do_not_hang(tmp_path: Path, threads: str) -> None:
    """zvec's pool is as large as OMP_NUM_THREADS says, and with 1 a single query would wait for ever."""
    environment = {"OMP_NUM_THREADS": threads} if threads else {}
    with driver("ask", str(tmp_path / "store"), **environment) as process:
        try:
            stdout, stderr = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert stderr == ""
    rounds, least, hanging = map(int, stdout.split())
    assert rounds > 3
    assert least > 3
    assert hanging == 0


def test_others_do_not_see_how_zvec_is_made_ready() -> None:
    code = (
        "import os; before = dict(os.environ); from yunmeng.stores.zvec.engine import engine; engine();"
        "assert dict(os.environ) == before"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_THREAD_LIMIT": "2"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == done.stderr == ""


def test_a_host_program_may_use_zvec_as_well(tmp_path: Path) -> None:
    code = (
        "import zvec; zvec.init(log_level=zvec.LogLevel.ERROR); from yunmeng.stores.zvec.store import ZvecStore;"
        f"store = ZvecStore.create({str(tmp_path / 'store')!r}, 2); print(store.count()); store.close()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_places_where_there_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(LibraryNotFound, match="missing"):
        ZvecStore.open(tmp_path / "missing")
    (tmp_path / "file").write_text("")
    with pytest.raises(LibraryNotFound, match="file"):
        ZvecStore.open(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    with pytest.raises(StoreError, match="empty"):
        ZvecStore.open(tmp_path / "empty")
    for taken in ("file", "empty"):
        with pytest.raises(LibraryExists, match=taken):
            ZvecStore.create(tmp_path / taken, DIM)
    with pytest.raises(StoreError, match="dimension"):
        ZvecStore.create(tmp_path / "new", 0)


def test_a_broken_store_is_told_in_one_line(tmp_path: Path) -> None:
    with ZvecStore.create(tmp_path / "store", DIM, SCHEMA) as store:
        store.upsert(many(10))
    for manifest in (tmp_path / "store").glob("manifest.*"):
        manifest.write_bytes(b"nonsense")
    with pytest.raises(StoreError, match=r"cannot open the store .*yunmeng restore") as error:
        ZvecStore.open(tmp_path / "store", SCHEMA)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({**SCHEMA, "price": "int"}, "'price' of type int"),
        ({**SCHEMA, "new": "str"}, "'new' of type str"),
        ({"category": "str"}, "more attributes"),
    ],
)
def test_attributes_are_those_of_the_beginning(tmp_path: Path, schema: AttributeSchema, said: str) -> None:
    ZvecStore.create(tmp_path / "store", DIM, SCHEMA).close()
    with pytest.raises(SchemaError, match=said):
        ZvecStore.open(tmp_path / "store", schema)
    ZvecStore.open(tmp_path / "store", dict(reversed(list(SCHEMA.items())))).close()


def test_optimise_brings_all_into_the_index(store: ZvecStore) -> None:
    assert store.unindexed() == 0
    store.upsert(many(100))
    assert store.unindexed() == 100
    store.optimise()
    assert store.unindexed() == 0
    store.upsert(many(25, seed=1))
    assert store.count() == 100
    store.upsert([record(f"new {n}") for n in range(25)])
    assert 25 <= store.unindexed() <= 50


def test_optimise_waits_for_no_iteration(store: ZvecStore) -> None:
    store.upsert(many(20))
    iteration = store.iterate()
    next(iteration)
    with pytest.raises(StoreError, match="iterat"):
        store.optimise()
    assert len(list(iteration)) == 19
    store.optimise()
    iteration = store.iterate()
    next(iteration)
    del iteration
    store.optimise()


def test_closing_cuts_an_iteration_off(tmp_path: Path) -> None:
    store = ZvecStore.create(tmp_path / "store", DIM, SCHEMA)
    store.upsert(many(20))
    iteration, ended = store.iterate(), store.iterate()
    assert len(list(ended)) == 20
    next(iteration)
    store.close()
    with pytest.raises(StoreError, match="closed"):
        next(iteration)
    assert list(ended) == []
    ZvecStore.open(tmp_path / "store", SCHEMA).close()


def test_closing_waits_for_searches(tmp_path: Path) -> None:
    store = ZvecStore.create(tmp_path / "store", DIM, SCHEMA)
    store.upsert(many(500))
    told: list[str] = []

    def ask() -> None:
        try:
            while True:
                assert len(store.search(unit(0)[0], 5)) == 5
        except StoreError as error:
            told.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    store.close()
    for thread in threads:
        thread.join(timeout=30)
    assert len(told) == 4
    assert all("closed" in each for each in told)


def test_counts_and_searches_beyond_what_one_query_gives(store: ZvecStore, monkeypatch: pytest.MonkeyPatch) -> None:
    records = many(300, stock=list(range(300)))
    store.upsert(records)
    monkeypatch.setattr(zvec_query, "MAX_TOP", 20)
    assert store.count(Compare("stock", ">=", 0)) == 300
    assert store.count(Compare("stock", "<", 77)) == 77
    assert store.count(Or((Compare("stock", "<", 3), Compare("stock", "=", 5)))) == 4
    assert len(store.search(unit(0)[0], 20)) == 20
    with pytest.raises(QueryError, match="at most 20"):
        store.search(unit(0)[0], 21)
    assert store.find_sha256([record.sha256 for record in records]).keys() == {record.sha256 for record in records}
    store.upsert([replace(record(f"same {n}"), sha256="f" * 64) for n in range(25)])
    with pytest.raises(StoreError, match="ffff"):
        store.find_sha256(["f" * 64])
    store.delete([f"same {n}" for n in range(25)])
    store.delete([str(n) for n in range(290)])
    assert len(store.search(unit(0)[0], 21)) == 10


def test_more_hits_than_hnsw_ranks_are_exact(store: ZvecStore) -> None:
    records = many(2300)
    store.upsert(records)
    store.optimise()
    query = unit(1)[0]
    hits = store.search(query, 2200)
    matrix = np.stack([unit(0, 2300)[n] for n in range(2300)])
    assert [hit.score for hit in hits] == pytest.approx(sorted(matrix @ query, reverse=True)[:2200], abs=1e-5)


def test_segments_that_zvec_cannot_put_together(store: ZvecStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.upsert(many(140, category=["a"] * 140))
    store.optimise()
    store.upsert([record(f"b {n}", category=None if n > 40 else "b") for n in range(140)])
    monkeypatch.setattr(zvec_query.Queries, "unindexed", lambda queries: 0)  # so that it is tried the quick way first
    assert len(store.search(unit(0)[0], 280, Not(IsNull("category")))) == 181


def test_long_lists(store: ZvecStore) -> None:
    store.upsert(many(50, stock=list(range(50)), category=[f"c{n}" for n in range(50)]))
    assert store.count(In("stock", tuple(range(45, 30_045)))) == 5
    assert store.count(Not(In("stock", tuple(range(45, 30_045))))) == 45
    assert store.count(In("category", tuple(f"c{n}" for n in range(40, 25_000)))) == 10


def test_filters_cannot_be_broken_out_of(store: ZvecStore) -> None:
    store.upsert([record("a", category="x' or sha256 is not null or 'a' = '"), record("b", category="y")])
    for text in ("x' or '1' = '1", "\\' or sha256 is not null --", "'", "\\", "') or (sha256 is not null"):
        assert store.count(Compare("category", "=", text)) == 0
        assert store.count(In("category", (text, "y"))) == 1
    assert store.count(parse_filter("category like 'x'' or %'")) == 1
    with pytest.raises(FilterError):
        store.count(Compare("sha256 is not null or x", "=", "1"))


def test_batches_leave_no_files_behind(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with ZvecStore.create(path, DIM, SCHEMA) as store:
        store.upsert([record("first")])
        files = len(list(path.rglob("*")))
        for part in range(60):
            store.upsert([record(f"{part} {n}") for n in range(8)])
        assert store.count() == 481
        assert len(list(path.rglob("*"))) < files + 10


def test_a_flush_bears_that_a_merge_removes_folders(store: ZvecStore, monkeypatch: pytest.MonkeyPatch) -> None:
    merged, scandir = store.path / "99", os.scandir
    merged.mkdir()

    def vanished(place: Any = ".") -> Any:
        if str(place) == str(merged):  # listed a moment ago, and merged into another since
            raise FileNotFoundError(place)
        return scandir(place)

    store.upsert([record("first")])
    monkeypatch.setattr(os, "scandir", vanished)
    store.flush()
    assert store.count() == 1


def test_many_short_runs_leave_few_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zvec_store, "MAX_PARTS", 5)
    path = tmp_path / "store"
    ZvecStore.create(path, DIM, SCHEMA).close()
    most = 0
    for run in range(12):
        with ZvecStore.open(path, SCHEMA) as store:
            store.upsert([record(str(run))])
            held = store.iterate() if run == 5 else None  # during which nothing can be merged
            store.flush()
            del held
            most = max(most, len(list(path.glob("*/*.proxima"))))
    assert 5 <= most <= 7
    with ZvecStore.open(path, SCHEMA) as store:
        assert store.count() == 12
        assert store.unindexed() < 12
