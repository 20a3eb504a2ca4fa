"""Fetching, against a real HTTP server."""

import socket
import threading
from collections.abc import Iterator

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from yunmeng.config import Settings
from yunmeng.errors import FetchError, Reason
from yunmeng.net.fetch import Fetcher


@pytest.fixture
def fetcher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fetcher]:
    monkeypatch.setattr("yunmeng.net.fetch.LONGEST_WAIT", 0.01)
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    with Fetcher(Settings(url_timeout=30.0, url_max_bytes=1000)) as fetcher:
        yield fetcher


def reason(fetcher: Fetcher, url: str) -> tuple[Reason, str]:
    with pytest.raises(FetchError) as error:
        fetcher.fetch(url)
    assert "\n" not in str(error.value)
    return error.value.reason, error.value.detail


def test_a_body_is_fetched_also_through_redirects(fetcher: Fetcher, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a").respond_with_data(b"", status=302, headers={"Location": "/b"})
    httpserver.expect_request("/b").respond_with_data(b"picture")
    assert fetcher.fetch(httpserver.url_for("/a")) == b"picture"


def test_endless_redirects_are_given_up(fetcher: Fetcher, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a").respond_with_data(b"", status=302, headers={"Location": "/a"})
    assert reason(fetcher, httpserver.url_for("/a"))[0] == Reason.UNFETCHABLE
    assert len(httpserver.log) == 6


def test_a_redirect_to_another_scheme_is_not_followed(fetcher: Fetcher, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a").respond_with_data(b"", status=302, headers={"Location": "file:///etc/passwd"})
    assert reason(fetcher, httpserver.url_for("/a"))[0] == Reason.UNFETCHABLE


@pytest.mark.parametrize(("status", "attempts"), [(404, 1), (403, 1), (503, 3), (429, 3)])
def test_what_may_pass_is_tried_again_and_what_will_not_is_not(
    fetcher: Fetcher, httpserver: HTTPServer, status: int, attempts: int
) -> None:
    httpserver.expect_request("/a").respond_with_data(b"", status=status)
    assert reason(fetcher, httpserver.url_for("/a")) == (Reason.UNFETCHABLE, f"HTTP status {status}")
    assert len(httpserver.log) == attempts


def test_a_server_that_recovers_is_waited_for(fetcher: Fetcher, httpserver: HTTPServer) -> None:
    httpserver.expect_ordered_request("/a").respond_with_data(b"", status=503, headers={"Retry-After": "1"})
    httpserver.expect_ordered_request("/a").respond_with_data(b"picture")
    assert fetcher.fetch(httpserver.url_for("/a")) == b"picture"


def test_a_body_over_the_limit_is_not_read_to_its_end(fetcher: Fetcher, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/announced").respond_with_data(b"x" * 2000)

    def endless(_: Request) -> Response:
        return Response((b"x" * 100 for _ in iter(int, 1)), direct_passthrough=True)

    httpserver.expect_request("/endless").respond_with_handler(endless)
    for path in ("/announced", "/endless"):
        assert reason(fetcher, httpserver.url_for(path))[0] == Reason.TOO_LARGE


def test_an_empty_body_is_told(fetcher: Fetcher, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a").respond_with_data(b"")
    assert reason(fetcher, httpserver.url_for("/a"))[0] == Reason.EMPTY


def test_nobody_there(fetcher: Fetcher) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    assert reason(fetcher, f"http://127.0.0.1:{port}/")[0] == Reason.UNFETCHABLE


def test_bytes_that_drip_end_at_the_deadline() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def drip() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
            while not done.wait(0.05):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        with Fetcher(Settings(url_timeout=0.5)) as fetcher:
            assert "YUNMENG_URL_TIMEOUT" in reason(fetcher, f"http://127.0.0.1:{server.getsockname()[1]}/")[1]
    finally:
        done.set()
        thread.join()
        server.close()


def test_what_is_no_url_is_refused(fetcher: Fetcher) -> None:
    for url in ("http://", "https://[::1", "http://\x00"):
        assert reason(fetcher, url)[0] == Reason.UNFETCHABLE
