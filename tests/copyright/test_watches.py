"""A server watches URLs in the background: added and removed over HTTP, with how the last round of each went."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from tests.copyright.test_checking import file
from tests.imaging.samples import photograph
from tests.live import serving
from tests.needing import need
from yunmeng.apps.copyright import Works
from yunmeng.client import Client
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import QueryError, RecordNotFound
from yunmeng.library import Library
from yunmeng.server import create_app

need("cv2", "faiss", extra="copies")


@pytest.fixture
def library(tmp_path: Path, settings: Settings) -> Iterator[Library]:
    told = settings.model_copy(update={"private_urls": True})
    with Library.create(tmp_path / "watching", FakeEncoder(), settings=told) as library:
        Works(library).register(file(photograph(1, (240, 180))), owner="Lin")
        yield library


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come")


def test_a_server_watches_while_there_is_something_to_watch(library: Library, httpserver: HTTPServer) -> None:
    names = f"{httpserver.url_for('/copy.jpg')}\n{httpserver.url_for('/gone.jpg')}"
    httpserver.expect_request("/list.txt").respond_with_data(names)
    httpserver.expect_request("/copy.jpg").respond_with_data(file(photograph(1, (240, 180))))
    httpserver.expect_request("/gone.jpg").respond_with_data("", status=404)
    with serving(create_app(library)) as address, Client(address) as client:
        assert (client.watched_urls().watches, client.watched_urls().running) == ([], False)
        added = client.watch_url(httpserver.url_for("/list.txt"), every=600)
        assert (added.every, added.round_at) == (600, None)
        wait_for(lambda: client.watched_urls().watches[0].round_at is not None)
        listed = client.watched_urls()
        (watched,) = listed.watches
        assert (listed.running, watched.pictures, watched.failures) == (True, 2, 1)
        assert "gone.jpg: unfetchable: HTTP status 404" in watched.problem
        (found,) = client.copy_findings()
        assert (found.source, found.work) == (httpserver.url_for("/copy.jpg"), 1)
        with pytest.raises(QueryError, match="already"):
            client.watch_url(httpserver.url_for("/list.txt"))
        assert client.unwatch_url(added.number).watches == []
        wait_for(lambda: not client.watched_urls().running)
        with pytest.raises(RecordNotFound):
            client.unwatch_url(added.number)


def test_watches_go_on_when_the_server_starts_again(library: Library, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/copy.jpg").respond_with_data(file(photograph(1, (240, 180))))
    with serving(create_app(library)) as address, Client(address) as client:
        client.watch_url("http://127.0.0.1:9/none.txt")
    Works(library).watches.add(httpserver.url_for("/copy.jpg"))
    with serving(create_app(library)) as address, Client(address) as client:
        wait_for(lambda: bool(list(client.copy_findings())))


def test_what_cannot_be_watched_is_refused(library: Library) -> None:
    watches = Works(library).watches
    with pytest.raises(QueryError, match="http or https"):
        watches.add("/etc")
    with pytest.raises(QueryError, match="10 to"):
        watches.add("https://a.example/", every=1)
    assert watches.all() == []
