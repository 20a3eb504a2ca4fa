"""The door for stores: one of another package, as docs/extending.md shows it, in place of those that are shipped."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.caching.libraries import SCHEMA as ATTRIBUTES
from tests.caching.libraries import found, in_redis, png, reopen
from tests.installing import files_of, importable, install
from tests.postgres_server import running_postgres
from tests.redis_server import RedisServer, running_redis
from tests.stores.conformance import KeepingConformance
from tests.stores.conformance_search import SearchConformance
from tests.stores.examples import DIM
from tests.stores.kinds import Kind
from yunmeng import stores
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import LibraryLocked, QueryError, StateUnreachable, UnknownStore
from yunmeng.library import Library
from yunmeng.stores.protocol import Capabilities


@pytest.fixture(scope="module", autouse=True)
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = install(files_of("A new store"), tmp_path_factory.mktemp("packages"))
    with importable(folder):
        yield folder


@pytest.fixture(scope="module")
def kind(package: Path) -> Kind:
    return Kind(lambda path, schema: stores.create("pocket:", path, DIM, schema))


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


class TestKeeping(KeepingConformance):
    """All of it."""


class TestSearch(SearchConformance):
    """All of it; it has no words to be found by."""


def make(place: Path, settings: Settings, store: str = "pocket:", **options: Any) -> Library:
    return Library.create(place, FakeEncoder(), ATTRIBUTES, settings, store=store, **options)


def test_a_library_lives_in_it(settings: Settings, tmp_path: Path) -> None:
    place = tmp_path / "library"
    with make(place, settings) as library:
        for number in range(6):
            library.add(png(number), id=f"{number}", attributes={"category": "ab"[number % 2], "price": number})
        hits = library.search(png(3), k=3, filter="price > 1")
        assert (hits[0].id, len(hits)) == ("3", 3)
        heads = library.search(png(3), group_by="category")
        assert [hit.attributes["category"] for hit in heads] == ["b", "a"]
        heads = library.search(png(3), rerank="average", group_by="category")
        assert {hit.attributes["category"] for hit in heads} == {"a", "b"}
        with pytest.raises(QueryError, match=r"not words.*nor has its store full text.*PostgreSQL"):
            library.search(text="anything")
        assert library.info().full_text == "missing"
    assert 'store = "pocket:"' in (place / "library.toml").read_text()
    with reopen(place, settings) as library:
        assert library.count() == 6
        library.delete(filter="category = 'a'")
        assert {hit.id for hit in library.search(png(3))} == {"1", "3", "5"}


def test_regions_and_second_vectors_are_kept_in_it_too(settings: Settings, tmp_path: Path) -> None:
    place = tmp_path / "library"
    with make(place, settings, regions=True, augmented=True) as library:
        library.add(png(1), id="a")
        assert library.search(png(1), regions=True)[0].id == "a"
    assert {child.name for child in place.iterdir()} >= {"store", "regions", "augmented"}
    with reopen(place, settings) as library:
        moved = library.reencode(FakeEncoder(name="other"))
        assert not moved.failed
        assert library.search(png(1))[0].id == "a"
    assert {child.name for child in place.iterdir() if child.is_dir()} >= {"store-1", "regions-1", "augmented-1"}
    assert not (place / "store").exists()


@pytest.mark.parametrize("reads_text", [True, False])
def test_its_words_are_kept_in_postgresql_and_meaning_answers_while_that_is_away(
    settings: Settings, tmp_path: Path, reads_text: bool
) -> None:
    place, encoder = tmp_path / "library", FakeEncoder(reads_text=reads_text)
    with running_postgres() as postgres:
        Library.create(
            place, encoder, ATTRIBUTES, settings, store="pocket:", state=postgres.database(), regions=True
        ).close()
        with Library.open(place, encoder, settings) as one, Library.open(place, encoder, settings) as other:
            one.add(png(1), id="1", attributes={"category": "red dress"})
            one.add(png(2), id="2", attributes={"category": "blue hat"})
            assert other.search(text="dresses")[0].id == "1"
            assert other.search(text="dresses").cached
            one.set_attributes("2", {"category": "blue dress"})
            assert {hit.id for hit in other.search(text="dresses")} == {"1", "2"}
            assert one.info().full_text == "state"
            postgres.stop()
            try:
                if reads_text:
                    assert {hit.id for hit in other.search(text="hat")} == {"1", "2"}
                else:
                    with pytest.raises(StateUnreachable):
                        other.search(text="hat")
            finally:
                postgres.start()


def test_several_have_it_open_and_none_answers_what_is_stale(settings: Settings, tmp_path: Path) -> None:
    place, query = tmp_path / "library", png(3)
    with make(place, settings) as one, reopen(place, settings) as other:
        one.add(png(1), id="a")
        assert {hit.id for hit in other.search(query)} == {"a"}
        assert other.search(query).cached
        one.add(png(2), id="b")
        hits = other.search(query)
        assert not hits.cached
        assert {hit.id for hit in hits} == {"a", "b"}


def test_its_own_version_is_believed_over_a_restart(settings: Settings, redis: RedisServer, tmp_path: Path) -> None:
    place, own, query = tmp_path / "library", in_redis(settings, redis), png(3)
    with make(place, own) as library:
        library.add(png(1), id="a")
        before = library.search(query)
    with reopen(place, own) as library:
        again = library.search(query)
        assert again.cached
        assert found(again) == found(before)
        library.delete("a")
        assert not library.search(query)
    assert not (place / "contents.json").exists()


@pytest.mark.parametrize(("exclusive", "kept"), [(True, True), (False, False)])
def test_what_nothing_can_tell_the_age_of_never_leaves_the_process(
    exclusive: bool,
    kept: bool,
    settings: Settings,
    redis: RedisServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import yunmeng_pocket  # type: ignore[import-not-found]

    monkeypatch.setattr(yunmeng_pocket.PocketStore, "capabilities", Capabilities(exclusive=exclusive))
    redis.client.flushall()
    own, query = settings.model_copy(update={"redis_url": redis.url}), png(3)
    with make(tmp_path / "library", own) as library:
        library.add(png(1), id="a")
        library.search(query)
        assert library.search(query).cached is kept
    assert not redis.client.keys("yunmeng:result:*")
    assert redis.client.keys("yunmeng:vector:*")  # the vector of a query depends on no contents


def test_memory_is_empty_when_it_is_opened_again(settings: Settings, redis: RedisServer, tmp_path: Path) -> None:
    place, own = tmp_path / "library", in_redis(settings, redis)
    with make(place, own, "memory:") as library:
        library.add(png(1), id="a", attributes={"category": "shoes"})
        assert [hit.id for hit in library.search(text="shoes")] == ["a"]
        library.search(png(1))
    with reopen(place, own) as library:
        assert library.search(png(1)) == []


def test_a_library_that_names_no_store_has_zvec(settings: Settings, tmp_path: Path) -> None:
    place = tmp_path / "library"
    with make(place, settings, "zvec:") as library:
        library.add(png(1), id="a")
        with pytest.raises(LibraryLocked):
            reopen(place, settings)
    config = place / "library.toml"
    config.write_text(config.read_text().replace('store = "zvec:"\n', ""))
    with reopen(place, settings) as library:
        assert library.config.store == "zvec:"
        assert library.search(png(1))[0].id == "a"


@pytest.mark.parametrize("url", ["", "zvec", "nonsense:", "nonsense://host/name", ":"])
def test_an_unknown_store_names_those_there_are(settings: Settings, tmp_path: Path, url: str) -> None:
    with pytest.raises(UnknownStore, match="zvec:, milvus:, memory:, pocket:"):
        make(tmp_path / "library", settings, url)
    assert not (tmp_path / "library").exists()


def test_stores_are_removed_by_those_who_made_them(tmp_path: Path) -> None:
    for url in ("zvec:", "memory:", "pocket:"):
        place = tmp_path / url.rstrip(":")
        stores.create(url, place, DIM, {}).close()
        stores.remove(url, place)
        stores.remove(url, place)
        assert not place.exists()
        again = stores.create(url, place, DIM, {})
        assert again.count() == 0
        again.close()


def test_info_says_that_full_text_is_missing(package: Path, settings: Settings, tmp_path: Path) -> None:
    make(tmp_path / "library", settings).close()
    done = subprocess.run(
        [sys.executable, "-m", "yunmeng", "info", "--db", tmp_path / "library"],
        env={"PYTHONPATH": f"{package}:{Path(__file__).parents[2]}"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "full text       missing: words are answered by their meaning only" in done.stdout


def test_only_what_is_used_is_imported(package: Path) -> None:
    code = (
        "import sys; from yunmeng.stores.registry import schemes; print(schemes());"
        "print('yunmeng_pocket' in sys.modules, 'zvec' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": f"{package}:{Path(__file__).parents[2]}"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["('zvec', 'milvus', 'memory', 'pocket')", "False False"]
