"""What is kept outlives a process only where nothing can have changed."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.caching.libraries import create, found, in_redis, png, reopen
from tests.redis_server import RedisServer, running_redis
from yunmeng.config import Settings
from yunmeng.errors import StoreError


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


def test_a_library_that_was_closed_is_known_when_it_opens_again(
    settings: Settings, redis: RedisServer, tmp_path: Path
) -> None:
    own, query = in_redis(settings, redis), png(3)
    with create(tmp_path / "library", own) as library:
        library.add(png(1), id="a")
        before = library.search(query)
        assert not before.cached
    with reopen(tmp_path / "library", settings) as library:  # by somebody without Redis, who only looks
        assert found(library.search(query)) == found(before)
    with reopen(tmp_path / "library", own) as library:
        again = library.search(query)
        assert again.cached
        assert found(again) == found(before)
        library.add(png(2), id="b")
        assert {hit.id for hit in library.search(query)} == {"a", "b"}


def test_a_change_by_somebody_without_redis_is_seen(settings: Settings, redis: RedisServer, tmp_path: Path) -> None:
    own, query = in_redis(settings, redis), png(3)
    with create(tmp_path / "library", own) as library:
        library.add(png(1), id="a")
        library.search(query)
    with reopen(tmp_path / "library", settings) as library:
        library.delete(["a"])
    with reopen(tmp_path / "library", own) as library:
        hits = library.search(query)
        assert not hits
        assert not hits.cached


@pytest.mark.parametrize("write", ["delete", "nothing"])
def test_a_killed_process_leaves_nothing_to_believe(
    write: str, settings: Settings, redis: RedisServer, tmp_path: Path
) -> None:
    own, query = in_redis(settings, redis), png(3)
    place = tmp_path / "library"
    with create(place, own) as library:
        library.add(png(1), id="a")
        library.search(query)
    os.utime(place / "contents.json", (4e9, 4e9))  # newer than all files to come: only that it is gone tells anything
    driver = [sys.executable, "-m", "tests.caching.killed", str(place), redis.url, write]
    root = Path(__file__).parents[2]
    with subprocess.Popen(driver, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
        process.send_signal(signal.SIGKILL)
    with reopen(place, own) as library:
        hits = library.search(query)
        assert not hits.cached
        assert [hit.id for hit in hits] == ([] if write == "delete" else ["a"])


def test_a_name_that_is_older_than_the_library_is_not_believed(
    settings: Settings, redis: RedisServer, tmp_path: Path
) -> None:
    own, query = in_redis(settings, redis), png(3)
    place = tmp_path / "library"
    with create(place, own) as library:
        library.add(png(1), id="a")
        library.search(query)
    name, then = (place / "contents.json").read_bytes(), (place / "contents.json").stat()
    with reopen(place, settings) as library:
        library.delete(["a"])
    (place / "contents.json").write_bytes(name)  # as if that had been a version which does not know the file
    os.utime(place / "contents.json", ns=(then.st_atime_ns, then.st_mtime_ns))
    with reopen(place, own) as library:
        assert not library.search(query)


def test_copies_of_a_library_go_their_own_ways(settings: Settings, redis: RedisServer, tmp_path: Path) -> None:
    own, query = in_redis(settings, redis), png(3)
    with create(tmp_path / "a", own) as library:
        library.add(png(1), id="a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    for name in ("a", "b"):
        with reopen(tmp_path / name, own) as library:
            library.add(png(2), id=f"only in {name}")
            assert {hit.id for hit in library.search(query)} == {"a", f"only in {name}"}
    for name in ("a", "b"):
        with reopen(tmp_path / name, own) as library:
            hits = library.search(query)
            assert hits.cached
            assert {hit.id for hit in hits} == {"a", f"only in {name}"}


def test_a_write_that_failed_leaves_no_name(
    settings: Settings, redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "library"
    with create(place, in_redis(settings, redis)) as library:
        library.add(png(1), id="a")
    assert (place / "contents.json").exists()
    with reopen(place, in_redis(settings, redis)) as library, monkeypatch.context() as broken:
        assert not (place / "contents.json").exists()

        def fail(*_: object) -> None:
            raise StoreError("the disk is full")

        broken.setattr("yunmeng.stores.zvec.store.ZvecStore._write", fail)
        with pytest.raises(StoreError):
            library.add(png(2), id="b")
    assert not (place / "contents.json").exists()
