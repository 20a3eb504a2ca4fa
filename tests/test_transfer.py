"""Copies of libraries over other stores: the same to the last bit, resumed where they were, compared at the end."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import CommandLine, paint
from tests.imaging.samples import encoded
from tests.postgres_server import PostgresServer
from tests.same import assert_same
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import LibraryError, LibraryExists, StateError, UnknownStore
from yunmeng.library import Library
from yunmeng.library.transfer import MARK, copy_library
from yunmeng.state.keys import Keys
from yunmeng.stores import pages
from yunmeng.stores.augmented import layers
from yunmeng.types import Attributes

Make = Callable[..., Path]


@pytest.fixture
def full(tmp_path: Path, settings: Settings) -> Library:
    """A library with all that one can have, whose store is in memory."""
    (tmp_path / "pictures").mkdir()
    for seed in range(7):
        paint(seed, (200, 200)).save(tmp_path / "pictures" / f"{seed}.png")
    library = Library.create(
        tmp_path / "full", FakeEncoder(), {"price": "float"}, settings, regions=True, augmented=True, store="memory:"
    )
    library.index([tmp_path / "pictures"])
    attributes: Attributes = {"price": 2.5, "undeclared": ["a", "b"], "none": None, "odd": "鞋"}
    library.add(encoded(paint(77, (200, 200)), "PNG"), id="sent\udc80", attributes=attributes)
    library.augment()
    return library


def test_a_copy_over_another_store_is_the_same_and_goes_on(full: Library, tmp_path: Path, settings: Settings) -> None:
    Keys(full.state).create("shop", "search")
    steps: list[tuple[int, int]] = []
    report = copy_library(full, tmp_path / "copy", "zvec:", lambda done, total: steps.append((done, total)))
    records = sum(each.count() for each in layers(full.generation.store))
    assert (report.pictures, report.copied, report.exact, report.records) == (8, records, records, records)
    assert steps[-1] == (2 * records, 2 * records)
    assert steps == sorted(steps)
    part = paint(2, (200, 200)).crop((0, 0, 80, 80))
    with Library.open(tmp_path / "copy", FakeEncoder(), settings) as copy:
        assert_same(full, copy)
        assert copy.config.store == "zvec:"
        assert not (copy.path / MARK).exists()
        assert copy.original("sent\udc80") == full.original("sent\udc80")
        assert copy.verify() == []
        for ask in ({"id": "1.png", "rerank": "expand"}, {"image": part, "regions": True}):
            mine, others = full.search(k=4, **ask), copy.search(k=4, **ask)
            assert [hit.id for hit in others] == [hit.id for hit in mine]
        assert copy.count("price > 2") == 1
        assert len(Keys(copy.state).all()) == 1
        copy.delete(["1.png"])
        again = copy_library(copy, tmp_path / "third")
        assert again.pictures == 7
        with Library.open(tmp_path / "third", FakeEncoder(), settings) as third:
            assert_same(copy, third)
    assert full.count() == 8


def test_the_digest_tells_what_is_in_it(full: Library, tmp_path: Path) -> None:
    first = copy_library(full, tmp_path / "a", "zvec:").digest
    assert copy_library(full, tmp_path / "b", "zvec:").digest == first
    full.set_attributes("1.png", {"price": 3.0})
    assert copy_library(full, tmp_path / "c", "zvec:").digest != first


def test_a_copy_that_was_stopped_is_no_library_and_goes_on(
    full: Library, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    stop = threading.Event()
    first = copy_library(full, tmp_path / "copy", "zvec:", lambda done, _all: stop.set() if done >= 4 else None, stop)
    assert (first.interrupted, first.copied) == (True, 4)
    assert not Library.exists(tmp_path / "copy")
    full.set_attributes(min(full.iterate(), key=lambda one: one.sha256).id, {"price": 9.0})  # one that is copied
    full.delete([sorted(full.iterate(), key=lambda one: one.sha256)[1].id])
    full.augment()
    second = copy_library(full, tmp_path / "copy", "zvec:")
    records = sum(each.count() for each in layers(full.generation.store))
    assert records - 4 <= second.copied < records + 4
    with Library.open(tmp_path / "copy", FakeEncoder(), settings) as copy:
        assert_same(full, copy)


def test_what_a_copy_cannot_go_to(full: Library, tmp_path: Path, settings: Settings) -> None:
    stop = threading.Event()
    stop.set()
    copy_library(full, tmp_path / "begun", "zvec:", stop=stop)
    with Library.create(tmp_path / "other", FakeEncoder(), settings=settings) as other:
        with pytest.raises(LibraryError, match="unfinished copy"):
            copy_library(other, tmp_path / "begun")
        with pytest.raises(LibraryExists, match="another folder"):
            copy_library(full, other.path, "zvec:")
        with pytest.raises(LibraryError, match="not empty"):
            copy_library(other, tmp_path / "pictures")
        with pytest.raises(UnknownStore):
            copy_library(other, tmp_path / "new", "nothing:")
        with pytest.raises(LibraryError, match="in memory"):
            copy_library(other, tmp_path / "new", "memory:")
    assert not (tmp_path / "new").exists()


KILLED = """
import os, sys
from yunmeng.library import Library, transfer
from yunmeng.stores import pages
pages.PAGE = 2
with Library.open("library") as library:
    transfer.copy_library(library, "copy", None, lambda done, all: done >= int(sys.argv[1]) and os._exit(9))
"""


def test_killed_at_any_step_the_command_finishes_it(tmp_path: Path, cache_dir: Path, make_pictures: Make) -> None:
    run = CommandLine(tmp_path, cache_dir)
    assert run("index", make_pictures(9), "--db", "library").returncode == 0
    for steps in (2, 4, 12, 18):  # in the copy, and in the comparison
        killed = subprocess.run(
            [sys.executable, "-c", KILLED, str(steps)],
            cwd=tmp_path,
            check=False,
            env={**os.environ, "YUNMENG_CACHE_DIR": str(cache_dir)},
        )
        assert killed.returncode == 9
        assert run("info", "--db", "copy").returncode == 2
    done = run("copy", "library", "copy", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["pictures"], report["copied"], report["exact"]) == (9, 0, 9)
    assert run("verify", "copy").stdout == "Sound.\n"
    found = [json.loads(run("search", "id:003.jpg", "--db", db, "--json").stdout) for db in ("library", "copy")]
    assert found[0] == found[1]
    again = run("copy", "library", "copy")
    assert (again.returncode, "holds a library already" in again.stderr) == (2, True)


def test_the_state_of_a_copy_may_lie_in_a_postgresql(
    full: Library, tmp_path: Path, settings: Settings, postgres: PostgresServer
) -> None:
    Keys(full.state).create("shop", "search")
    copy_library(full, tmp_path / "copy", "zvec:", state=postgres.url)
    assert not (tmp_path / "copy" / "state.db").exists()
    with Library.open(tmp_path / "copy", FakeEncoder(), settings) as copy:
        assert copy.config.state.startswith(postgres.url)
        assert [key.name for key in Keys(copy.state).all()] == ["shop"]
        assert_same(full, copy)


def test_a_wrong_place_for_the_state_is_told_before_anything_is_made(full: Library, tmp_path: Path) -> None:
    with pytest.raises(StateError, match="postgresql://user@host/database"):
        copy_library(full, tmp_path / "copy", "zvec:", state="mysql://host/photos")
    assert not (tmp_path / "copy").exists()
