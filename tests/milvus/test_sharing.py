"""Processes that share a library in Milvus, with the state in PostgreSQL and answers in Redis."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.caching.libraries import SCHEMA, png
from tests.caching.sharing import as_text, compare, members
from tests.milvus_server import MilvusServer
from tests.postgres_server import PostgresServer
from tests.redis_server import running_redis
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
