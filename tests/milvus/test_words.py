"""Full text of a library in Milvus, whose words are in PostgreSQL."""

import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.caching.libraries import SCHEMA, png
from tests.conftest import write_pictures
from tests.milvus.conftest import Pool
from tests.milvus.words_driver import word
from tests.milvus_server import MilvusServer
from tests.postgres_server import PostgresServer
from tests.stores.conformance_text import TextConformance
from tests.stores.kinds import Kind
from tests.stores.worded import worded_kind
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library
from yunmeng.library.restore import restore
from yunmeng.library.transfer import copy_library
from yunmeng.state.word_tables import WORDS
from yunmeng.state.words import forget

ROOT = Path(__file__).parents[2]
TEXTS = ["红色连衣裙", "red dress", "a cat and a dress", "海滩"]


@pytest.fixture(scope="module")
def kind(pool: Pool, postgres: PostgresServer) -> Iterator[Kind]:
    with worded_kind(postgres, pool.make) as kind:
        yield kind


class TestText(TextConformance):
    """All of it."""


@pytest.fixture
def place(milvus: MilvusServer, postgres: PostgresServer, settings: Settings, tmp_path: Path) -> Path:
    """A library of `TEXTS`."""
    folder, url = tmp_path / "library", f"{milvus.url}/words_{tmp_path.name.replace('-', '_')}"
    with Library.create(folder, FakeEncoder(), SCHEMA, settings, store=url, state=postgres.database()) as library:
        for number, text in enumerate(TEXTS):
            library.add(png(number), id=f"{number}", attributes={"category": text, "price": number})
    return folder


def found(library: Library, text: str, filter: str | None = None) -> list[str]:
    return [hit.id for hit in library.search(text=text, filter=filter)]


def check(library: Library) -> None:
    """Check that the library is found by `TEXTS`."""
    assert library.info().full_text in ("state", "store")
    assert library.info().words_missing == 0
    assert found(library, "连衣裙") == ["0"]
    assert found(library, "red dresses") == ["1", "2"]
    assert found(library, "dress", "price > 1") == ["2"]
    assert found(library, "zebra") == []


def test_words_follow_every_change(place: Path, settings: Settings) -> None:
    with Library.open(place, FakeEncoder(), settings) as one, Library.open(place, FakeEncoder(), settings) as other:
        for library in (one, other):
            check(library)
        one.set_attributes("3", {"category": "beach dress"})
        assert set(found(other, "dress")) == {"1", "2", "3"}
        other.delete("1")
        assert set(found(one, "dress")) == {"2", "3"}
        one.delete(all=True)
        assert found(other, "dress") == []


def test_words_come_along_to_another_generation_and_the_old_ones_go(place: Path, settings: Settings) -> None:
    with Library.open(place, FakeEncoder(), settings) as one, Library.open(place, FakeEncoder(), settings) as other:
        assert found(other, "连衣裙") == ["0"]
        one.declare({"colour": "str"})
        one.set_attributes("3", {"colour": "蓝色", "category": TEXTS[3]})
        for library in (one, other):
            check(library)
            assert found(library, "蓝色", "colour = '蓝色'") == ["3"]
    with Library.open(place, FakeEncoder(), settings) as one, one.state.reading() as session:
        assert {row.store for row in session.execute(WORDS.select())} == {"store-1"}
        check(one)


def test_a_library_of_before_gets_its_words_by_upkeep_and_by_indexing(
    place: Path, settings: Settings, tmp_path: Path
) -> None:
    with Library.open(place, FakeEncoder(), settings) as library:
        for upkeep in (True, False):
            forget(library.state, ["store"])
            assert library.info().words_missing == len(TEXTS)
            assert found(library, "dress") == []
            if upkeep:
                library.maintenance.maintain()
            else:
                library.index([write_pictures(tmp_path / "more", 1, start=50)])
            check(library)


def test_indexing_reads_words_again_that_are_of_an_earlier_day(place: Path, settings: Settings, tmp_path: Path) -> None:
    with Library.open(place, FakeEncoder(), settings) as library:
        with library.state.transaction() as session:
            session.execute(WORDS.delete().where(WORDS.c.id == "0"))
        assert found(library, "连衣裙") == []
        library.index([write_pictures(tmp_path / "more", 1, start=50)])
        check(library)


def test_words_come_along_to_other_stores_and_out_of_backups(
    place: Path, settings: Settings, milvus: MilvusServer, postgres: PostgresServer, tmp_path: Path
) -> None:
    with Library.open(place, FakeEncoder(), settings) as library:
        copy_library(library, tmp_path / "embedded", "zvec:")
        library.backup(tmp_path / "backup")
    with Library.open(tmp_path / "embedded", FakeEncoder(), settings) as library:
        check(library)
        copy_library(library, tmp_path / "again", f"{milvus.url}/words_again", state=postgres.url)
    restore(tmp_path / "backup", tmp_path / "restored", state=postgres.url, store=f"{milvus.url}/words_restored")
    for name in ("again", "restored"):
        with Library.open(tmp_path / name, FakeEncoder(), settings) as library:
            assert library.info().full_text == "state"
            check(library)


def test_words_are_kept_beside_regions_and_second_vectors_too(
    milvus: MilvusServer, postgres: PostgresServer, settings: Settings, tmp_path: Path
) -> None:
    place, url = tmp_path / "library", f"{milvus.url}/words_parts"
    options: dict[str, Any] = {"store": url, "state": postgres.database()}
    with Library.create(place, FakeEncoder(), SCHEMA, settings, regions=True, augmented=True, **options) as library:
        for number, text in enumerate(TEXTS):
            library.add(png(number), id=f"{number}", attributes={"category": text, "price": number})
        library.augment()
        check(library)
        library.delete("1")
        assert found(library, "red dress") == ["2"]


def test_what_was_acknowledged_is_found_by_its_words_after_a_kill(place: Path, settings: Settings) -> None:
    """Two processes are killed at any moment, and the next one's upkeep repairs what they were at."""
    told: dict[str, str] = {}
    draw = random.Random(7)
    for run in range(2):
        writer = subprocess.Popen(
            [sys.executable, "-m", "tests.milvus.words_driver", place, f"{100_000 * (run + 1)}"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout is not None
        enough = draw.randint(3, 7)
        for _ in range(enough):
            id, kept = writer.stdout.readline().split()
            told[id] = kept
        killer = threading.Timer(draw.random() * 0.1, writer.kill)
        killer.start()
        for line in writer.stdout:
            id, kept = line.split()
            told[id] = kept
        writer.wait()
        writer.stdout.close()
        with Library.open(place, FakeEncoder(), settings) as library:
            library.maintenance.maintain()
            assert library.info().words_missing == 0
            there = {record.id: record.attributes["category"] for record in library.iterate()}
            assert told.keys() <= there.keys()
            for id, kept in told.items():
                # A change that was not acknowledged may have been made all the same.
                assert there[id] in (kept, word(int(id) + 5_000_000))
            for id in there.keys() - {"0", "1", "2", "3"}:
                assert found(library, str(there[id])) == [id]
