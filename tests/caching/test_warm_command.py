"""``yunmeng warm``, as a process, on a closed library and on a server that runs."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import CommandLine, told_in_one_line, write_pictures
from tests.live import serving
from tests.redis_server import RedisServer, running_redis
from yunmeng.client import Client
from yunmeng.config import ServerSettings, Settings
from yunmeng.library import Library
from yunmeng.server import create_app
from yunmeng.state import Keys


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
def place(tmp_path: Path, settings: Settings) -> Path:
    """A library of eight pictures, closed."""
    with Library.create(tmp_path / "library", "efficientnet-lite0", settings=settings) as library:
        library.index([write_pictures(tmp_path / "pictures", 8)])
    return tmp_path / "library"


def write_list(folder: Path) -> Path:
    file = folder / "list.txt"
    file.write_text("id:001.jpg\n\npictures/002.jpg\n  003 \nid:nowhere\nmissing.jpg\n", encoding="utf-8")
    return file


def test_a_closed_library_is_warm_when_a_server_opens_it(
    yunmeng: CommandLine, place: Path, redis: RedisServer, settings: Settings
) -> None:
    done = yunmeng("warm", "--db", place, "--list", write_list(yunmeng.folder), "--json", YUNMENG_REDIS_URL=redis.url)
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    assert told["warmed"] == 3
    assert sorted(failure["query"] for failure in told["failed"]) == ["id:nowhere", "missing.jpg"]
    own = settings.model_copy(update={"redis_url": redis.url})
    with (
        Library.open(place, settings=own) as library,
        serving(create_app(library, ServerSettings(warm=0))) as url,
        Client(url) as client,
    ):
        assert client.search(id="001.jpg").cached
        assert client.search(yunmeng.folder / "pictures" / "002.jpg").cached
        assert client.search(text="003").cached
        assert library.search(id="001.jpg").cached
        assert not client.search(id="004.jpg").cached
    done = yunmeng("warm", "--db", place, YUNMENG_REDIS_URL=redis.url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("3 asked ahead, 0 failed")


def test_a_server_asks_ahead_what_the_command_names(yunmeng: CommandLine, place: Path, settings: Settings) -> None:
    with Library.open(place, settings=settings) as library:
        _, secret = Keys(library.state).create("admin", "admin")
        app = create_app(library, ServerSettings(warm=0), keys_required=True)
        with serving(app) as url, Client(url, secret) as client:
            arguments = ("warm", "--server", url, "--key", secret)
            done = yunmeng(*arguments, "--list", write_list(yunmeng.folder), "--json")
            assert done.returncode == 1, done.stderr
            told = json.loads(done.stdout)
            assert told["warmed"] == 3
            assert sorted(failure["query"] for failure in told["failed"]) == ["id:nowhere", "missing.jpg"]
            assert client.search(id="001.jpg").cached
            assert client.search(yunmeng.folder / "pictures" / "002.jpg").cached
            assert client.search(text="003").cached
            done = yunmeng(*arguments, "--top", "2")
            assert done.returncode == 0, done.stderr
            assert done.stdout.startswith("2 asked ahead, 0 failed")
            told_in_one_line(yunmeng("warm", "--server", url, "--key", "ym_wrong"), "there is no such key")


def test_what_cannot_be_is_told(yunmeng: CommandLine, place: Path) -> None:
    told_in_one_line(yunmeng("warm", "--db", place), "set YUNMENG_REDIS_URL, or name a server")
    nobody = {"YUNMENG_REDIS_URL": f"unix://{place}/nobody.sock"}
    done = yunmeng("warm", "--db", place, **nobody)
    assert done.returncode == 2
    assert "yunmeng: Redis does not answer" in done.stderr
    assert "Traceback" not in done.stderr
    told_in_one_line(yunmeng("warm"), "name a library with --db, or a server with --server")
    told_in_one_line(yunmeng("warm", "--db", place, YUNMENG_REDIS_URL="http://x"), "YUNMENG_REDIS_URL is wrong")
