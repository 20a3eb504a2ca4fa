"""Processes that share a library in Milvus, with the state in PostgreSQL and answers in Redis."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.caching.libraries import SCHEMA, png
from tests.caching.sharing import as_text, compare, members
from tests.conftest import CommandLine, write_pictures
from tests.milvus_server import MilvusServer
from tests.postgres_server import PostgresServer
from tests.redis_server import running_redis
from tests.server.conftest import process
from yunmeng.client import Client
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library


@pytest.fixture
def own(settings: Settings) -> Iterator[Settings]:
    with running_redis() as redis:
        yield settings.model_copy(update={"redis_url": redis.url})


@pytest.fixture
def place(milvus: MilvusServer, postgres: PostgresServer, own: Settings, tmp_path: Path) -> Path:
    folder, store = tmp_path / "library", f"{milvus.url}/{tmp_path.name.replace('-', '_')}"
    Library.create(folder, FakeEncoder(), SCHEMA, own, store=store, state=postgres.url).close()
    return folder


def test_no_answer_is_stale_after_changes_by_either(place: Path, own: Settings) -> None:
    with members(place, own, {}) as two:
        counts = compare(two, 300, seed=3)
    assert counts["stale"] == 0
    assert counts["changes"] > 50
    assert counts["by_another"] > 5


def test_what_one_has_written_the_other_reads(place: Path, own: Settings) -> None:
    """Also where nothing is kept, and at once: Milvus itself shows it some time later."""
    own = own.model_copy(update={"redis_url": None, "cache_entries": 0})
    with members(place, own, {}) as two:
        for number in range(12):
            one, other = two[number % 2], two[1 - number % 2]
            one.do(do="add", id=f"{number}", picture=as_text(png(number)), attributes={"category": "hats"})
            assert other.do(do="count") == number % 3 + 1
            found = other.do(do="search", picture=as_text(png(number)), category=None)
            assert found["hits"][0][0] == f"{number}"
            if number % 3 == 2:
                for gone in range(number - 2, number + 1):
                    assert other.do(do="delete", id=f"{gone}") == 1
                assert one.do(do="count") == 0


def test_servers_take_up_what_another_process_has_made_of_the_library(
    milvus: MilvusServer, postgres: PostgresServer, yunmeng: CommandLine, tmp_path: Path
) -> None:
    """One command gives it another encoder, another one an attribute; two servers go on, and nothing is restarted."""
    pictures = write_pictures(tmp_path / "pictures", 6)

    def run(*arguments: str | Path) -> None:
        done = yunmeng(*arguments, "--db", "lib")
        assert done.returncode == 0, done.stderr

    servers = ("--store", f"{milvus.url}/moving", "--state", postgres.database())
    run("index", pictures, "--encoder", "efficientnet-lite0", *servers)
    with ExitStack() as stack:
        started = [stack.enter_context(process(yunmeng, "--db", "lib")) for _ in range(2)]
        clients = [stack.enter_context(Client(each.address, timeout=120)) for each in started]
        for client in clients:
            assert client.search(pictures / "003.jpg", k=1)[0].id == "003.jpg"
        run("reencode", "efficientnet-lite2")
        for client in clients:
            hit = client.search(pictures / "003.jpg", k=1)[0]
            assert hit.id == "003.jpg"
            assert hit.score == pytest.approx(1, abs=1e-4)
            assert client.info().encoder == "efficientnet-lite2"
        run("declare", "colour:str")
        clients[0].set_attributes("003.jpg", {"colour": "red"})
        for client in clients:
            assert [hit.id for hit in client.search(pictures / "001.jpg", filter="colour = 'red'")] == ["003.jpg"]
            assert client.count() == 6
