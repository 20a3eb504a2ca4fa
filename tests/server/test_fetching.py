"""What the server fetches for its callers: slow hosts hold nobody up, and other web sites have nothing fetched."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from itertools import islice

import httpx
import pytest
from pytest_httpserver import HTTPServer
from starlette.testclient import TestClient

from tests.live import serving
from tests.server.conftest import Open, jpeg, refused
from yunmeng.config import ServerSettings, Settings
from yunmeng.library import Library
from yunmeng.server import create_app

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    """Fetches may take longer than any test does, or as long as its parameter says."""
    return settings.model_copy(update={"private_urls": True, "url_timeout": getattr(request, "param", 120.0)})


class Silent:
    """A host that takes requests and answers none until it is let go."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0), backlog=100)
        self._taken: list[socket.socket] = []
        self._changed = threading.Condition()
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}/a.jpg"
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with self._changed:
                self._taken.append(connection)
                self._changed.notify_all()

    def wait(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._taken) >= count, 30)

    @property
    def taken(self) -> int:
        return len(self._taken)

    def close(self) -> None:
        """Break all connections off, and take no more."""
        if self._server.fileno() < 0:
            return
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()
        for connection in self._taken:
            connection.close()


@contextmanager
def silent() -> Iterator[Silent]:
    host = Silent()
    try:
        yield host
    finally:
        host.close()


def test_slow_hosts_hold_neither_thumbnails_nor_searches_up(filled: Library) -> None:
    with (
        silent() as host,
        serving(create_app(filled, ServerSettings(queue=1))) as address,
        httpx.Client(base_url=address, timeout=60, limits=httpx.Limits(max_connections=None)) as client,
        ThreadPoolExecutor(12) as pool,
    ):
        waiting = [pool.submit(client.get, "/v1/previews", params={"url": host.url}) for _ in range(6)]
        waiting += [pool.submit(client.post, "/v1/search", json={"url": host.url}) for _ in range(6)]
        host.wait(4)
        for number in range(12):
            assert client.get(f"/v1/thumbnails/{number:03}.jpg").status_code == 200
        assert client.post("/v1/search/upload", files={"file": jpeg(1)}).json()["hits"][0]["id"] == "001.jpg"
        assert not any(future.done() for future in waiting)
        assert host.taken == 4  # one caller has so many at once
        host.close()
        for future in waiting:
            refused(future.result(), 422, "unfetchable")


def test_one_caller_cannot_have_any_number_of_fetches_wait(filled: Library) -> None:
    with (
        silent() as host,
        serving(create_app(filled, ServerSettings())) as address,
        httpx.Client(base_url=address, timeout=60, limits=httpx.Limits(max_connections=None)) as client,
        ThreadPoolExecutor(30) as pool,
    ):
        asked = [pool.submit(client.get, "/v1/previews", params={"url": host.url}) for _ in range(30)]
        for future in islice(as_completed(asked, timeout=60), 30 - 16):
            refused(future.result(), 503, "busy")
        host.close()
        codes = [future.result().json()["error"]["code"] for future in asked]
        assert codes.count("busy") == 30 - 16
        assert codes.count("unfetchable") == 16


@pytest.mark.parametrize("settings", [1.0], indirect=True)
def test_all_urls_of_a_request_share_its_time(filled: Library) -> None:
    with silent() as host, TestClient(create_app(filled), base_url="http://127.0.0.1") as client:
        mix = [{"url": f"{host.url}?{number}"} for number in range(50)]
        refused(client.post("/v1/search", json={"mix": mix}), 422, "unfetchable")
        assert host.taken == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"},
        {"Origin": "https://evil.example"},
        {"Referer": "https://evil.example/page", **BROWSER},
        BROWSER,
    ],
)
def test_another_web_site_has_nothing_fetched(
    client: TestClient, library: Library, httpserver: HTTPServer, headers: dict[str, str]
) -> None:
    httpserver.expect_request("/a.jpg").respond_with_data(jpeg(1))
    url = httpserver.url_for("/a.jpg")
    library.add(url, id="web")
    asked = len(httpserver.log)
    client.headers.pop("User-Agent")
    refused(client.get("/v1/previews", params={"url": url}, headers=headers), 403, "cross-origin")
    refused(client.get("/v1/originals/web", headers=headers), 403, "cross-origin")
    refused(client.get("/v1/thumbnails/web", params={"side": "512"}, headers=headers), 403, "cross-origin")
    assert len(httpserver.log) == asked


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin", **BROWSER},
        {"Sec-Fetch-Site": "none", **BROWSER},
        {"Referer": "http://127.0.0.1/", **BROWSER},
    ],
)
def test_our_own_pages_and_programs_have_pictures_fetched(
    open_server: Open, httpserver: HTTPServer, headers: dict[str, str]
) -> None:
    httpserver.expect_request("/a.jpg").respond_with_data(jpeg(1))
    answer = open_server().get("/v1/previews", params={"url": httpserver.url_for("/a.jpg")}, headers=headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/webp")
