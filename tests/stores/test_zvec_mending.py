"""A process killed in the middle of a flush: what it leaves is put together from a store before it and after it."""

import errno
import os
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tests.stores.examples import DIM, SCHEMA, record
from tests.stores.kinds import same_record
from tests.stores.zvec_driver import driver
from yunmeng.errors import LibraryLocked
from yunmeng.stores import parse_filter
from yunmeng.stores.zvec.store import ZvecStore
from yunmeng.types import Record

Wreck = Callable[[Path, Path], None]
"""Makes of a copy of the store before a flush, and of one after it, what a kill between leaves, in the first."""


def colours(*names: str) -> list[Record]:
    return [record(f"{name}.jpg", category="colour", tags=["acme", name]) for name in names]


def killed_now(path: Path, copy: Path) -> None:
    """``copy``, what the process would leave if it were killed now: once RocksDB has merged its files, as it does
    after a flush and beside everything else."""

    def state() -> set[tuple[Path, int]]:
        with suppress(FileNotFoundError):
            return {(file, file.stat().st_size) for file in path.rglob("*")}
        return set()

    before: set[tuple[Path, int]] = set()
    while not before or state() != before:
        before = state()
        time.sleep(0.2)
    shutil.copytree(path, copy)


def databases(path: Path) -> list[Path]:
    return [place.parent.relative_to(path) for place in [*path.glob("*/CURRENT"), *path.glob("*/*/CURRENT")]]


def manifests(path: Path) -> list[Path]:
    return sorted(path.glob("manifest.*"))


def databases_flushed(before: Path, after: Path) -> None:
    for database in databases(after):
        if not database.parts[0].startswith("kept"):
            shutil.rmtree(before / database)
            shutil.copytree(after / database, before / database)


def manifest_begun(share: float) -> Wreck:
    def wreck(before: Path, after: Path) -> None:
        databases_flushed(before, after)
        shutil.copytree(after / "0", before / "0", dirs_exist_ok=True)
        for deletions in after.glob("del.*"):
            shutil.copyfile(deletions, before / deletions.name)
        [newest] = manifests(after)
        whole = newest.read_bytes()
        (before / newest.name).write_bytes(whole[: round(share * len(whole))])

    return wreck


def log_not_removed(before: Path, after: Path) -> None:
    manifest_begun(1.0)(before, after)
    for old in manifests(before)[:-1]:
        old.unlink()


def nothing_flushed(before: Path, after: Path) -> None:
    del before, after


WRECKS = {
    "killed before": nothing_flushed,
    "databases": databases_flushed,
    "no manifest yet": manifest_begun(0.0),
    "half a manifest": manifest_begun(0.5),
    "two manifests": manifest_begun(1.0),
    "log not removed": log_not_removed,
}


def killed_in_flush(tmp_path: Path, wreck: Wreck) -> tuple[Path, list[Record]]:
    """A store that ``wreck`` has damaged, and the records that it had acknowledged."""
    before, after = tmp_path / "before", tmp_path / "after"
    with ZvecStore.create(tmp_path / "store", DIM, SCHEMA) as store:
        store.upsert(colours("red", "green", "blue"))
        store.flush()
        store.upsert(colours("cyan", "pink", "grey", "red"))
        store.delete(["green.jpg", "pink.jpg"])
        store.upsert(colours("pink", "cyan"))
        store.delete(["grey.jpg"])
        killed_now(store.path, before)
        store.flush()
        killed_now(store.path, after)
    wreck(before, after)
    return before, colours("red", "blue", "cyan", "pink")


def holds(store: ZvecStore, records: Sequence[Record]) -> None:
    ids = sorted(record.id for record in records)
    assert sorted(found.id for found in store.iterate()) == ids
    found = store.get(ids, vectors=True)
    for written in records:
        same_record(found[written.id], written)
        assert written.vector is not None
        assert store.search(written.vector, 1)[0].id == written.id
    assert store.count() == store.count(parse_filter("category = 'colour'")) == len(records)
    assert sorted(hit.id for hit in store.search_text("acme", 100)) == ids
    assert [hit.id for hit in store.search_text("pink", 100)] == ["pink.jpg"]


@pytest.mark.parametrize("wreck", WRECKS.values(), ids=WRECKS)
def test_killed_in_a_flush(tmp_path: Path, wreck: Wreck) -> None:
    path, records = killed_in_flush(tmp_path, wreck)
    more = colours("white", "black")
    with ZvecStore.open(path, SCHEMA) as store:
        holds(store, records)
    with ZvecStore.open(path, SCHEMA) as store:
        holds(store, records)
        store.upsert(more)
        store.optimise()
        holds(store, [*records, *more])
    with ZvecStore.open(path, SCHEMA) as store:
        holds(store, [*records, *more])


def test_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(os, "link", refuse)
    path, records = killed_in_flush(tmp_path, databases_flushed)
    with ZvecStore.open(path, SCHEMA) as store:
        holds(store, records)


def test_killed_again_in_the_flush_that_follows(tmp_path: Path) -> None:
    """What was played from a log is flushed without anything being written before."""
    path, records = killed_in_flush(tmp_path, databases_flushed)
    again, after = tmp_path / "again", tmp_path / "after again"
    with ZvecStore.open(path, SCHEMA) as store:
        killed_now(path, again)
        store.flush()
        killed_now(path, after)
    databases_flushed(again, after)
    with ZvecStore.open(again, SCHEMA) as store:
        holds(store, records)


def test_killed_while_the_databases_were_kept(tmp_path: Path) -> None:
    path, records = killed_in_flush(tmp_path, databases_flushed)
    shutil.copytree(path / "idmap.0", path / "kept.new" / "idmap.0")
    (path / "kept.0" / "idmap.0").mkdir(parents=True)
    with ZvecStore.open(path, SCHEMA) as store:
        holds(store, records)
        store.upsert(colours("red"))
        assert len(list(path.glob("kept.*"))) == 1


@pytest.mark.parametrize(
    "pattern",
    ["0/scalar.index.*/OPTIONS-*", "0/fts.*/OPTIONS-*", "1", "1/fts.*", "manifest.*", "[0-9]"],
    ids=["sealing an index", "sealing words", "new part", "its words", "flushing", "any part"],
)
def test_killed_while_it_optimised(tmp_path: Path, pattern: str) -> None:
    path, records = tmp_path / "store", colours("red", "pink", "blue")
    with ZvecStore.create(path, DIM, SCHEMA) as store:
        store.upsert([*records, *colours("grey", "green")])
        store.delete(["grey.jpg", "green.jpg"])
        killed_now(path, tmp_path / "killed")
    for place in (path, tmp_path / "killed"):  # one has all in its manifest, the other in its log
        died = driver("die", str(place), pattern)
        assert died.wait() == -signal.SIGKILL
        died.communicate()
        with ZvecStore.open(place, SCHEMA) as store:
            holds(store, records)
            store.upsert(colours("white"))
            store.optimise()
            holds(store, [*records, *colours("white")])


@pytest.mark.parametrize("size", [0, 1, 63])
def test_killed_before_the_log_had_a_header(tmp_path: Path, size: int) -> None:
    with ZvecStore.create(tmp_path / "store", DIM, SCHEMA) as store:
        store.upsert(colours("red", "pink"))
        store.flush()
        store.upsert(colours("blue"))
        killed_now(store.path, tmp_path / "killed")
    [log] = (tmp_path / "killed").glob("*/*.wal")
    os.truncate(log, size)
    with ZvecStore.open(tmp_path / "killed", SCHEMA) as store:
        holds(store, colours("red", "pink"))


def test_what_another_process_has_open_is_let_be(tmp_path: Path) -> None:
    with ZvecStore.create(tmp_path / "store", DIM, SCHEMA) as store:
        store.upsert(colours("red", "pink"))
        begun = store.path / "0" / "99.wal"
        begun.touch()
        with pytest.raises(LibraryLocked):
            ZvecStore.open(store.path, SCHEMA)
        assert begun.exists()
        begun.unlink()
        holds(store, colours("red", "pink"))
