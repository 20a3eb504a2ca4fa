"""What would stop a server: each is refused, or answered in its time, while others are answered and memory stays.

A real server and real sockets, on loopback only; each attack is bounded in number and time, and stops by itself. More
attacks, such as pictures that cost much to decode, belong into `ATTACKS`.
"""

import http.client
import json
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from tests.conftest import CommandLine, write_pictures
from tests.server.conftest import Process, jpeg, png, process
from yunmeng.config import Settings, cores
from yunmeng.library import Library
from yunmeng.state import Keys

ANSWERED = 1.0
"""Seconds in which ``/health`` must be answered, whatever else goes on, not counting those without a core to run on."""
MEMORY = 1_500_000_000
FORM = "multipart/form-data; boundary=x"
PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
END = b"\r\n--x--\r\n"


class Watch(threading.Thread):
    """Asks for /health again and again, each time on a new connection, and looks at the memory."""

    def __init__(self, server: Process) -> None:
        super().__init__()
        self._server = server
        self._process = psutil.Process(server.running.pid)
        self._over = threading.Event()
        self._schedule = Path(f"/proc/{server.running.pid}/task/{server.running.pid}/schedstat")
        self.slowest = self.longest = 0.0
        self.memory = 0
        self.failed: list[str] = []

    def run(self) -> None:
        while True:
            began, waited = time.monotonic(), self._waited()
            try:
                with connected(self._server) as connection:
                    connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                    assert connection.recv(65536).startswith(b"HTTP/1.1 200")
            except (OSError, AssertionError) as exc:
                self.failed.append(repr(exc))
            took = time.monotonic() - began
            # Two ways to tell what an idle machine would take; the load is the last minute's, and comes late.
            own = min(took - (self._waited() - waited), took / max(1, os.getloadavg()[0] / cores()))
            self.slowest, self.longest = max(self.slowest, own), max(self.longest, took)
            self.memory = max(self.memory, self._process.memory_info().rss)
            if self._over.wait(0.05):
                return

    def stop(self) -> None:
        self._over.set()
        self.join()

    def _waited(self) -> float:
        """The seconds that the thread of the event loop has been ready to run while other threads had the cores."""
        try:
            return int(self._schedule.read_text().split()[1]) / 1e9
        except FileNotFoundError:  # only Linux counts them
            return 0.0


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Path:
    """A library of a few pictures, one of them of 18 MB."""
    folder = tmp_path_factory.mktemp("attacked")
    pictures = write_pictures(folder / "pictures", 3)
    noise = np.random.default_rng(0).integers(0, 256, (2500, 2400, 3), dtype=np.uint8)
    Image.fromarray(noise).save(pictures / "large.png", compress_level=0)
    with Library.create(folder / "shop", "efficientnet-lite0", settings=Settings(cache_dir=cache_dir)) as library:
        library.index([pictures])
    return folder / "shop"


@pytest.fixture(scope="module")
def open_to_all(shop: Path, cache_dir: Path) -> Iterator[Process]:
    """A server that asks nobody for a key, and may fetch from this machine."""
    with process(CommandLine(shop.parent, cache_dir), "--db", shop, YUNMENG_PRIVATE_URLS="true") as server:
        server.wait_until_ready()
        yield server


def attacked(server: Process, attack: Callable[[Process], None]) -> Watch:
    """Carry out ``attack``; check that others were answered meanwhile, and that memory stayed. Return what was seen."""
    watch = Watch(server)
    watch.start()
    try:
        attack(server)
    finally:
        watch.stop()
    print(f"{watch.slowest:.2f} s ({watch.longest:.2f} s on the clock), {watch.memory / 1e6:.0f} MB")
    assert not watch.failed
    assert watch.slowest < ANSWERED
    assert watch.memory < MEMORY
    assert server.running.poll() is None
    return watch


def connected(server: Process) -> socket.socket:
    place = urlsplit(server.address)
    connection = socket.create_connection((place.hostname, place.port), timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def head(target: str, kind: str = "application/json", length: int | None = None, **headers: str) -> bytes:
    """The beginning of a request with a body."""
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"POST {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\n{size}\r\n{more}\r\n".encode()


def told(connection: socket.socket) -> tuple[int, str]:
    """Status and code of an answer."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    is_error = response.getheader("Content-Type") == "application/json" and response.status >= 400
    return response.status, json.loads(response.read())["error"]["code"] if is_error else ""


def sent(server: Process, request: bytes, body: bytes = b"") -> tuple[int, str]:
    """Send all of it, as clients do, and only then read."""
    with connected(server) as connection:
        with suppress(ConnectionError):
            connection.sendall(request)
            for begin in range(0, len(body), 2**20):
                connection.sendall(body[begin : begin + 2**20])
        return told(connection)


def together(*work: Callable[[], object]) -> None:
    """Do all of it at once. Raises what was raised."""
    raised: list[BaseException] = []

    def done(one: Callable[[], object]) -> None:
        try:
            one()
        except BaseException as exc:
            raised.append(exc)

    threads = [threading.Thread(target=done, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


# Bodies


def large_json(server: Process) -> None:
    body = b"[" + b"[]," * 2_000_000
    together(*(lambda: _refused(sent(server, head("/v1/search", length=len(body)), body), 413, "too-large"),) * 4)


def _refused(answer: tuple[int, str], status: int, code: str) -> None:
    assert answer == (status, code)


def dense_json(server: Process) -> None:
    """Each of two megabytes at most, and of much more once it is parsed, or once all of its faults are listed."""
    most = 1_950_000
    bodies = [
        '{"mix": [' + "[]," * (most // 3) + "1]}",
        '{"fields": [' + "1," * (most // 2) + "1]}",
        '{"id": "a", "fields": [' + "1," * 90_000 + "1]}",
        "{" + ",".join(f'"{number:x}":1' for number in range(180_000)) + "}",
        '{"vector": [' + "[]," * 90_000 + "1]}",
        "[" * most,
        '{"a":' * (most // 5),
        '{"k": ' + "9" * most + "}",
        '{"k": 1e' + "9" * most + "}",
        '{"id": "' + "x" * most + '"}',
        '{"id": "' + "\\u0000" * (most // 6) + '"}',
        "\0" * most,
    ]

    def ask(body: bytes) -> None:
        status, code = sent(server, head("/v1/search", length=len(body)), body)
        assert (status, code) in ((400, "bad-json"), (422, "invalid")), body[:30]

    together(*(partial(ask, body.encode()) for body in bodies))
    attributes = b'{"attributes": {"a": [' + b"[]," * 90_000 + b"1]}}"
    request = head("/v1/attributes/000.jpg", length=len(attributes)).replace(b"POST", b"PUT")
    together(*(lambda: sent(server, request, attributes),) * 6)


def endless_json(server: Process) -> None:
    chunk = b"100000\r\n" + b" " * 2**20 + b"\r\n"

    def ask() -> None:
        with connected(server) as connection:
            connection.sendall(head("/v1/search"))
            with suppress(ConnectionError):
                for _ in range(60):
                    connection.sendall(chunk)
                connection.sendall(b"0\r\n\r\n")
            _refused(told(connection), 413, "too-large")

    together(*(ask,) * 4)


def packed_body(server: Process) -> None:
    for encoding in ("gzip", "br", "deflate", "zstd", "gzip, gzip"):
        answer = sent(server, head("/v1/search", length=20, Content_Encoding=encoding), b"\x1f\x8b" + b"x" * 18)
        _refused(answer, 415, "content-encoding")


def forms(server: Process) -> None:
    """Of many parts, of long headers and names, of lines that look like boundaries."""
    field = b'--x\r\nContent-Disposition: form-data; name="k"\r\n\r\n'
    bodies = [
        PART.replace(b"a.jpg", b"a" * 1_000_000) + b"x" + END,
        PART.replace(b"\r\n\r\n", b"\r\nX: y" * 100_000 + b"\r\n\r\n") + END,
        b"".join(PART + b"x\r\n" for _ in range(20_000)) + END,
        b"".join(field + b"1\r\n" for _ in range(20_000)) + END,
        field + b"1" * 20_000_000 + END,
        PART + b"\r\n--" * 5_000_000 + END,
        PART + b"\r" * 20_000_000 + END,
        b"\r\n" * 5_000_000,
        b"--x" * 5_000_000,
    ]

    def ask(body: bytes) -> None:
        status, _ = sent(server, head("/v1/search/upload", FORM, len(body)), body)
        assert status in (400, 413, 415, 422)

    together(*(partial(ask, body) for body in bodies))


def dripping_bodies(server: Process) -> None:
    """Three hundred of them; what matters is that others are answered."""
    with ExitStack() as stack:
        connections = [stack.enter_context(connected(server)) for _ in range(300)]
        for number, connection in enumerate(connections):
            kind = FORM if number % 2 else "application/json"
            connection.sendall(head("/v1/search/upload" if number % 2 else "/v1/search", kind, 100_000) + b" ")
        for _ in range(5):
            time.sleep(0.2)
            for connection in connections:
                connection.sendall(b" ")


# Headers and connections


def large_headers(server: Process) -> None:
    line = b"X-Filler: " + b"x" * 8000 + b"\r\n"
    starts = {
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ": b"x" * 2**20,
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n": line * 130,
        b"GET /health?": b"x" * 2**20,
        b"GET /health HTTP/1.1\r\n": b"a:\r\n" * 2**18,
    }

    def ask(start: bytes, piece: bytes) -> None:
        with connected(server) as connection:
            total = 0
            with suppress(ConnectionError):
                connection.sendall(start)
                while total < 100_000_000:
                    connection.sendall(piece)
                    total += len(piece)
            assert total < 50_000_000, "all of it was taken"

    together(*(partial(ask, *one) for one in starts.items()))
    _refused(sent(server, b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 200_000), 431, "large-header")
    long = b"GET /health?" + b"x" * 30_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    assert sent(server, long)[0] == 200


def half_requests(server: Process) -> None:
    """Fifteen hundred that never end: they make room for others at once, and are all gone in a while."""
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        for number in range(1500):
            connection = stack.enter_context(connected(server))
            connection.sendall((b"", b"GET /hea", b"POST /v1/search HTTP/1.1\r\nHost: x\r\nX: ", b"\r\n")[number % 4])
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_READ)
        deadline = time.monotonic() + 60
        while selector.get_map() and time.monotonic() < deadline:
            for key, _ in selector.select(1):
                data = b""
                with suppress(ConnectionError):
                    data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                if not data:
                    selector.unregister(key.fileobj)
        assert not selector.get_map()


def many_requests_ahead(server: Process) -> None:
    request = b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    for _ in range(10):
        with connected(server) as connection, suppress(ConnectionError):
            connection.sendall(request * 5000)


def clients_that_do_not_read(server: Process) -> None:
    """Of eighteen megabytes each; they take the beginning only."""
    with ExitStack() as stack:
        for _ in range(80):
            connection = stack.enter_context(connected(server))
            connection.sendall(b"GET /v1/originals/large.png HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        time.sleep(2)


def odd_requests(server: Process) -> None:
    """Upgrades, ranges, methods, tags: each has an answer."""
    ranges = ",".join(f"{number}-{number}" for number in range(4000))
    tags = ",".join(f'"{number}"' for number in range(5000))
    host = "Host: 127.0.0.1\r\nConnection: "
    for request, statuses in (
        (f"GET / HTTP/1.1\r\n{host}Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n", (200, 400)),
        (f"GET /v1/search HTTP/1.1\r\n{host}Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n", (400, 405)),
        (f"GET /console/lib/api.js HTTP/1.1\r\n{host}close\r\nRange: bytes={ranges}\r\n\r\n", (200, 206, 400, 416)),
        (f"GET /v1/originals/large.png HTTP/1.1\r\n{host}close\r\nRange: bytes={ranges}\r\n\r\n", (200, 206, 416)),
        (f"GET /v1/thumbnails/000.jpg HTTP/1.1\r\n{host}close\r\nIf-None-Match: {tags}\r\n\r\n", (200, 304)),
        (f"OPTIONS /v1/pictures HTTP/1.1\r\n{host}close\r\n\r\n", (204,)),
        (f"TRACE / HTTP/1.1\r\n{host}close\r\n\r\n", (405,)),
        (f"GET /v1/pictures/{'%2e%2e%2f' * 2000} HTTP/1.1\r\n{host}close\r\n\r\n", (404, 422)),
        (f"GET /v1/pictures?cursor={'A' * 4000} HTTP/1.1\r\n{host}close\r\n\r\n", (422,)),
        (f"POST /v1/search HTTP/1.1\r\n{host}close\r\nContent-Length: -1\r\n\r\n", (400,)),
        (f"POST /v1/search HTTP/1.1\r\n{host}close\r\nContent-Length: {'9' * 30}\r\n\r\n", (400, 413)),
        (f"POST /v1/search HTTP/1.1\r\n{host}close\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", (400,)),
    ):
        assert sent(server, request.encode())[0] in statuses, request[:60]


# The rest of the world


def silent_hosts(server: Process) -> None:
    """Twenty previews and searches of a host that never answers; thumbnails and searches go on."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent, ExitStack() as stack:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a.jpg"
        body = json.dumps({"url": url}).encode()
        for number in range(20):
            connection = stack.enter_context(connected(server))
            preview = f"GET /v1/previews?url={url} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
            connection.sendall(preview if number % 2 else head("/v1/search", length=len(body)) + body)
        with httpx.Client(base_url=server.address, timeout=60) as client:
            for side in ("128", "512"):
                for number in range(3):
                    assert client.get(f"/v1/thumbnails/{number:03}.jpg", params={"side": side}).status_code == 200
            assert client.post("/v1/search/upload", files={"file": jpeg(1)}).json()["hits"][0]["id"] == "001.jpg"


def large_uploads(server: Process) -> None:
    """Twelve at once; thumbnails are answered meanwhile."""
    noise = np.random.default_rng(1).integers(0, 256, (1200, 1200, 3), dtype=np.uint8)
    data = png(Image.fromarray(noise).resize((2500, 2500), Image.Resampling.NEAREST))
    files = {"file": ("a.png", data, "image/png")}

    def upload() -> None:
        assert httpx.post(f"{server.address}/v1/search/upload", files=files, timeout=60).status_code in (200, 503)

    def look() -> None:
        answer = httpx.get(f"{server.address}/v1/thumbnails/001.jpg", params={"side": "1024"}, timeout=60)
        assert answer.status_code == 200

    together(*[upload] * 12, look)


ATTACKS = [
    large_json,
    dense_json,
    endless_json,
    packed_body,
    forms,
    dripping_bodies,
    large_headers,
    many_requests_ahead,
    clients_that_do_not_read,
    odd_requests,
    silent_hosts,
    large_uploads,
    half_requests,
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_an_attack(open_to_all: Process, attack: Callable[[Process], None]) -> None:
    attacked(open_to_all, attack)


# Without a key


@pytest.fixture
def keyed(shop: Path, tmp_path: Path, cache_dir: Path) -> Iterator[tuple[Process, str]]:
    """A server that demands keys, and one of them."""
    settings = Settings(cache_dir=cache_dir)
    with Library.create(tmp_path / "shop", "efficientnet-lite0", settings=settings) as library:
        _, secret = Keys(library.state).create("shop", "search")
    with process(CommandLine(tmp_path, cache_dir), "--db", tmp_path / "shop", "--require-keys") as server:
        yield server, secret


def test_who_has_no_key_costs_nothing(keyed: tuple[Process, str]) -> None:
    """Whatever is sent, its body is not looked at."""
    server, secret = keyed
    body = b"[" + b"[]," * 31_000_000

    def attack(_: Process) -> None:
        def ask(target: str, kind: str, **headers: str) -> tuple[int, str]:
            return sent(server, head(target, kind, len(body), **headers), body)

        together(
            lambda: _refused(ask("/v1/search", "application/json"), 401, "no-key"),
            lambda: _refused(ask("/v1/search", "application/json", Authorization="Bearer ym_x"), 401, "wrong-key"),
            lambda: _refused(ask("/v1/search/upload", FORM), 401, "no-key"),
            lambda: _refused(ask("/v1/imports", "application/json", Authorization=f"Bearer {secret}"), 403, "scope"),
            lambda: _refused(ask("/v1/session", "application/json"), 413, "too-large"),
            lambda: _refused(ask("/v1/nothing", "application/json"), 404, "not-found"),
        )
        with httpx.Client(base_url=server.address, timeout=60) as client:
            for number in range(300):
                answer = client.get("/v1/library", headers={"Authorization": f"Bearer ym_{number}"})
                assert answer.status_code == 401
            assert client.get("/v1/library", headers={"Authorization": f"Bearer {secret}"}).status_code == 200

    before = psutil.Process(server.running.pid).memory_info().rss
    assert attacked(server, attack).memory < before + len(body), "a body was kept"
