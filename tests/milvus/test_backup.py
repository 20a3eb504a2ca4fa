"""Backups of a library on servers: of one moment while two processes write, and restored to either kind of store."""

import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.caching.libraries import SCHEMA, png
from tests.milvus_server import MilvusServer
from tests.postgres_server import PostgresServer
from tests.same import assert_same
from yunmeng import stores
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import LibraryExists
from yunmeng.library import Library
from yunmeng.library.backup import check_backup
from yunmeng.library.restore import restore


def test_a_backup_holds_one_moment_of_what_two_processes_write(
    milvus: MilvusServer, postgres: PostgresServer, tmp_path: Path, settings: Settings
) -> None:
    """Each writes a picture, and then its twin: no twin is ever there without the first."""
    place, over = tmp_path / "library", threading.Event()
    url = f"{milvus.url}/backup"
    Library.create(place, FakeEncoder(), SCHEMA, settings, store=url, state=postgres.database()).close()

    def write(library: Library, name: str) -> None:
        for number in range(1000):
            if over.is_set():
                return
            library.add(png(number), id=f"{name} {number} first", attributes={"category": name})
            library.add(png(number), id=f"{name} {number} twin", attributes={"category": name})

    with ExitStack() as stack:
        two = [stack.enter_context(Library.open(place, FakeEncoder(), settings)) for _ in range(2)]
        threads = [threading.Thread(target=write, args=pair) for pair in zip(two, "ab", strict=True)]
        for thread in threads:
            thread.start()
        try:
            while two[0].count() < 8:
                assert all(thread.is_alive() for thread in threads)
            made = two[0].backup(tmp_path / "backup")
        finally:
            over.set()
            for thread in threads:
                thread.join()
        assert made is not None
        assert (made.store, check_backup(tmp_path / "backup")) == (url, [])
        restore(tmp_path / "backup", tmp_path / "embedded")
        with Library.open(tmp_path / "embedded", FakeEncoder(), settings) as embedded:
            there = {record.id for record in embedded.iterate()}
            assert 8 <= len(there) == made.pictures <= two[1].count()
            for name in "ab":
                firsts = sum(id.startswith(name) and id.endswith("first") for id in there)
                twins = sum(id.startswith(name) and id.endswith("twin") for id in there)
                assert firsts - twins in (0, 1)
            assert (embedded.config.store, embedded.config.state) == ("zvec:", "sqlite:")
            assert embedded.verify() == []
            with pytest.raises(LibraryExists, match="backup_store"):
                restore(tmp_path / "backup", tmp_path / "again", store=url)
            again = f"{milvus.url}/restored"
            restore(tmp_path / "backup", tmp_path / "other", store=again, state=postgres.url)
            with Library.open(tmp_path / "other", FakeEncoder(), settings) as other:
                assert other.config.store == again
                assert other.config.state.startswith(postgres.url)
                assert_same(embedded, other, within=1e-6)
                other.add(png(5000), id="new")
                assert other.search(png(5000), k=1)[0].id == "new"
    for each in (url, again):
        stores.remove(each, Path("store"))
