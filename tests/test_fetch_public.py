"""Fetching for strangers: nothing that is not public is ever connected to. The servers are real ones, on loopback."""

import gzip
import socket
import ssl
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import httpcore
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from yunmeng.config import Settings
from yunmeng.errors import FetchError, Reason
from yunmeng.net.addresses import Address, is_public, resolve
from yunmeng.net.fetch import Fetcher

LOOPBACK = ip_address("127.0.0.1")
PUBLIC = ip_address("93.184.215.14")
SETTINGS = Settings(url_timeout=30.0, url_max_bytes=1000)


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)


@pytest.fixture
def strict() -> Iterator[Fetcher]:
    with Fetcher(SETTINGS, public_only=True) as fetcher:
        yield fetcher


@pytest.fixture
def lenient() -> Iterator[Fetcher]:
    """Takes 127.0.0.1, where the tests' servers are, for public, and nothing else."""
    with Fetcher(SETTINGS, public_only=True, is_allowed=lambda address: address == LOOPBACK) as fetcher:
        yield fetcher


def refusal(fetcher: Fetcher, url: str) -> str:
    with pytest.raises(FetchError) as error:
        fetcher.fetch(url)
    assert error.value.reason == Reason.UNFETCHABLE
    assert "\n" not in str(error.value)
    return error.value.detail


class Names:
    """Resolves every name to the next of some answers, the last of them for ever, and remembers who asked."""

    def __init__(self, *answers: list[Address]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, seconds: float) -> list[Address]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "169.254.169.254",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "233.252.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1",
    "64:ff9b:1::808:808",
    "2002:7f00:1::",
    "2002:c0a8:101::1",
    "2001:0:808:808:0:0:80ff:fffe",  # Teredo: server 8.8.8.8, client 127.0.0.1
    "2001:0:7f00:1:0:0:f7f7:f7f7",  # Teredo: server 127.0.0.1, client 8.8.8.8
    "2001:db8::1",
    "2001:10::1",
    "3fff::1",
    "5f00::1",
    "100::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%1",
    "2606:2800::1%1",
    "fec0::1",
    "ff02::1",
    "4000::1",
]


@pytest.mark.parametrize("text", PRIVATE)
def test_what_is_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "8.8.8.8",
        "93.184.215.14",
        "192.0.1.1",
        "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
        "2400:3200::1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::1",
    ],
)
def test_what_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "127.1",
        "127.0.1",
        "localhost",
        "LOCALHOST",
        "0.0.0.0",
        "0",
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
    ],
)
def test_no_spelling_of_loopback_is_connected_to(strict: Fetcher, httpserver: HTTPServer, host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        detail = refusal(strict, f"http://{host}:{server.getsockname()[1]}/a.jpg")
        with pytest.raises(BlockingIOError):
            server.accept()
    assert detail == f"{host.lower().strip('[]')} has no public address"


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "10.0.0.1", "192.168.0.1", "[64:ff9b::7f00:1]", "[fe80::1]", "[fd00:ec2::254]", "3232235521"],
)
def test_private_hosts_are_refused_at_once(strict: Fetcher, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[object] = []  # connections: one to such a host would be waited for until its time is over
    monkeypatch.setattr(socket.socket, "connect", lambda _socket, address: tried.append(address))
    assert refusal(strict, f"https://{host}/latest/meta-data/") == f"{host.strip('[]')} has no public address"
    assert not tried


@pytest.mark.parametrize(
    "host",
    [
        "localhost.",
        "0177.0.0.1",
        "[fe80::1%25lo]",
        "[fe80::1%lo]",
        "[::1%25lo]",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "127.0.0.1%00.example.com",
    ],
)
def test_odd_spellings_do_not_get_through_either(strict: Fetcher, host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        assert refusal(strict, f"http://{host}:{server.getsockname()[1]}/")
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize(
    "url",
    [
        "ws://127.0.0.1/",
        "file:///etc/passwd",
        "ftp://example.com/a.jpg",
        "gopher://127.0.0.1:70/_x",
        "data:image/png,x",
        "a.jpg",
        "//x",
    ],
)
def test_other_schemes_are_refused(lenient: Fetcher, url: str) -> None:
    assert refusal(lenient, url) == "only http and https are fetched"


def test_a_url_with_a_password_is_refused_and_not_repeated(lenient: Fetcher, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a").respond_with_data(b"picture")
    for user in ("somebody:secret@", "somebody@", "example.com%2F@"):
        detail = refusal(lenient, httpserver.url_for("/a").replace("://", f"://{user}"))
        assert "user name or a password" in detail
        assert "secret" not in detail
    assert not httpserver.log


def test_a_public_host_is_fetched_at_any_port_by_its_name(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a", headers={"Host": f"shop.example:{httpserver.port}"}).respond_with_data(b"picture")
    names = Names([LOOPBACK])
    with Fetcher(SETTINGS, public_only=True, resolve=names, is_allowed=lambda address: True) as fetcher:
        assert fetcher.fetch(f"http://shop.example:{httpserver.port}/a") == b"picture"
    assert names.asked == ["shop.example"]


@pytest.mark.parametrize("found", [[LOOPBACK], [PUBLIC, LOOPBACK], [LOOPBACK, PUBLIC], [PUBLIC, ip_address("::1")], []])
def test_a_name_with_any_private_address_is_refused_once_and_for_all(
    httpserver: HTTPServer, found: list[Address]
) -> None:
    names = Names(found)
    with Fetcher(SETTINGS, public_only=True, resolve=names) as fetcher:
        detail = refusal(fetcher, f"http://intranet.example:{httpserver.port}/a")
    assert detail == "intranet.example has no public address"
    assert names.asked == ["intranet.example"]
    assert not httpserver.log


def test_a_name_that_nobody_knows_is_told_as_one_that_is_private() -> None:
    """Strangers are not to learn which names there are inside."""
    asked: list[str] = []

    def unknown(host: str, seconds: float) -> list[Address]:
        asked.append(host)
        raise OSError("Name or service not known")

    with Fetcher(SETTINGS, public_only=True, resolve=unknown) as fetcher:
        unknown_name = refusal(fetcher, "http://intranet.example/")
    with Fetcher(SETTINGS, public_only=True, resolve=Names([ip_address("10.0.0.1")])) as fetcher:
        assert refusal(fetcher, "http://intranet.example/") == unknown_name
    assert len(asked) == 1


def test_a_host_that_drips_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, httpserver: HTTPServer) -> None:
    def drip(_: Request) -> Response:
        def body() -> Iterator[bytes]:
            for _ in range(100):
                yield b"x"
                threading.Event().wait(0.05)  # time.sleep is taken away from the retries here

        return Response(body(), headers={"Content-Length": "100"})

    monkeypatch.setattr("yunmeng.net.connections.GRACE", 0.2)
    httpserver.expect_request("/a").respond_with_handler(drip)
    settings = Settings(url_timeout=60.0)
    with Fetcher(settings, public_only=True, is_allowed=lambda address: address == LOOPBACK) as fetcher:
        assert "bytes/s" in refusal(fetcher, httpserver.url_for("/a"))
    assert len(httpserver.log) <= 1


def test_the_next_address_is_tried_where_one_is_dead(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a").respond_with_data(b"picture")
    names = Names([ip_address("127.0.0.9"), LOOPBACK])
    with Fetcher(SETTINGS, public_only=True, resolve=names, is_allowed=lambda address: True) as fetcher:
        assert fetcher.fetch(f"http://shop.example:{httpserver.port}/a") == b"picture"


def test_an_address_that_does_not_answer_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed: list[float] = []

    def silent(_: object, host: str, port: int, timeout: float, *others: object) -> None:
        allowed.append(timeout)
        raise httpcore.ConnectTimeout("timed out")

    monkeypatch.setattr("httpcore.SyncBackend.connect_tcp", silent)
    monkeypatch.setattr("yunmeng.net.fetch.ATTEMPTS", 1)
    names = Names([ip_address(f"8.8.8.{n}") for n in range(4)])
    with Fetcher(SETTINGS, public_only=True, resolve=names) as fetcher:
        assert "Timeout" in refusal(fetcher, "http://shop.example/")
    assert allowed == pytest.approx([30 / 4, 30 / 3, 30 / 2, 30], abs=3)


def test_a_name_is_looked_up_once_for_a_connection(httpserver: HTTPServer) -> None:
    """DNS rebinding: allowed when it is checked, private when it would be asked again."""
    httpserver.expect_request("/a").respond_with_data(b"picture")
    names = Names([LOOPBACK], [ip_address("127.0.0.2")])
    with Fetcher(SETTINGS, public_only=True, resolve=names, is_allowed=lambda address: address == LOOPBACK) as fetcher:
        assert fetcher.fetch(f"http://rebind.example:{httpserver.port}/a") == b"picture"
        assert names.asked == ["rebind.example"]


def test_a_name_that_turned_private_is_refused_on_a_new_connection(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a").respond_with_data(b"", status=503, headers={"Connection": "close"})
    names = Names([LOOPBACK], [ip_address("127.0.0.2")])
    with Fetcher(SETTINGS, public_only=True, resolve=names, is_allowed=lambda address: address == LOOPBACK) as fetcher:
        assert refusal(fetcher, f"http://rebind.example:{httpserver.port}/a") == "rebind.example has no public address"
    assert len(httpserver.log) == 1


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.2:{port}/secret",
        "http://[::1]:{port}/secret",
        "http://2130706434:{port}/secret",
        "//169.254.169.254/latest/meta-data/",
        "http://user:password@127.0.0.1:{port}/secret",
        "file:///etc/passwd",
        "ftp://127.0.0.1/secret",
        "ws://127.0.0.1:{port}/secret",
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_held_to_the_same_rules(
    lenient: Fetcher, httpserver: HTTPServer, location: str, status: int
) -> None:
    target = location.format(port=httpserver.port)
    httpserver.expect_request("/a").respond_with_data(b"", status=status, headers={"Location": target})
    httpserver.expect_request("/secret").respond_with_data(b"secret")
    refusal(lenient, httpserver.url_for("/a"))
    assert {request.path for request, _ in httpserver.log} == {"/a"}


def test_a_redirect_to_a_public_host_is_followed(lenient: Fetcher, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a").respond_with_data(b"", status=302, headers={"Location": httpserver.url_for("/b")})
    httpserver.expect_request("/b").respond_with_data(b"picture")
    assert lenient.fetch(httpserver.url_for("/a")) == b"picture"


def test_a_refusal_does_not_tell_what_a_name_resolved_to() -> None:
    with Fetcher(SETTINGS, public_only=True, resolve=Names([ip_address("10.20.30.40")])) as fetcher:
        assert "10.20" not in refusal(fetcher, "http://intranet.example/")


def test_proxies_of_the_environment_are_not_used(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, strict: Fetcher
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, httpserver.url_for(""))
    with Fetcher(SETTINGS, public_only=True) as fetcher:
        assert "no public address" in refusal(fetcher, "http://127.0.0.1/")
    assert not httpserver.log


def test_without_the_rule_private_hosts_and_proxies_serve(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpserver.expect_request("/a").respond_with_data(b"picture")
    with Fetcher(SETTINGS) as fetcher:
        assert fetcher.fetch(f"http://localhost:{httpserver.port}/a") == b"picture"
    monkeypatch.setenv("http_proxy", httpserver.url_for(""))
    monkeypatch.delenv("no_proxy", raising=False)
    with Fetcher(SETTINGS) as fetcher:
        assert fetcher.fetch("http://shop.example/a") == b"picture"


def test_tls_is_for_the_name_and_not_for_the_address() -> None:
    """What the server is greeted with (SNI) is the name, although the connection goes to a number."""
    greeted: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda _socket, name, _context: greeted.append(name)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, pytest.raises(ssl.SSLError):
                context.wrap_socket(connection, server_side=True)  # there is no certificate: it ends here

        thread = threading.Thread(target=serve)
        thread.start()
        with (
            pytest.MonkeyPatch.context() as patch,
            Fetcher(SETTINGS, public_only=True, resolve=Names([LOOPBACK]), is_allowed=lambda address: True) as fetcher,
        ):
            patch.setattr("yunmeng.net.fetch.ATTEMPTS", 1)
            refusal(fetcher, f"https://shop.example:{server.getsockname()[1]}/a")
        thread.join()
    assert greeted == ["shop.example"]


def test_no_cookie_is_kept(lenient: Fetcher, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a").respond_with_data(b"picture", headers={"Set-Cookie": "who=me; Path=/"})
    lenient.fetch(httpserver.url_for("/a"))
    lenient.fetch(httpserver.url_for("/a"))
    assert [request.headers.get("Cookie") for request, _ in httpserver.log] == [None, None]


def test_a_packed_body_is_unpacked_up_to_the_limit(lenient: Fetcher, httpserver: HTTPServer) -> None:
    packed = {"Content-Encoding": "gzip"}
    httpserver.expect_request("/good").respond_with_data(gzip.compress(b"x" * 1000), headers=packed)
    httpserver.expect_request("/bomb").respond_with_data(gzip.compress(b"x" * 900_000), headers=packed)
    httpserver.expect_request("/broken").respond_with_data(b"not gzip", headers=packed)
    assert lenient.fetch(httpserver.url_for("/good")) == b"x" * 1000
    with pytest.raises(FetchError, match="too-large: more than 1,000 bytes"):
        lenient.fetch(httpserver.url_for("/bomb"))
    assert "gzip" in refusal(lenient, httpserver.url_for("/broken"))


def test_a_bomb_is_not_unpacked_beyond_the_limit(lenient: Fetcher, httpserver: HTTPServer) -> None:
    bomb = gzip.compress(bytes(200_000_000))
    httpserver.expect_request("/bomb").respond_with_data(bomb, headers={"Content-Encoding": "gzip"})
    with Fetcher(Settings(url_max_bytes=100_000), public_only=True, is_allowed=lambda address: True) as fetcher:
        tracemalloc.start()
        try:
            with pytest.raises(FetchError, match="too-large"):
                fetcher.fetch(httpserver.url_for("/bomb"))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 50_000_000  # a quarter of the bomb: what other threads of the process hold is counted too


@pytest.mark.parametrize("encoding", ["gzip, gzip", "deflate", "br", "zstd", "x" * 1000])
def test_other_packings_are_refused_unread(lenient: Fetcher, httpserver: HTTPServer, encoding: str) -> None:
    bomb = gzip.compress(gzip.compress(b"x" * 900_000))
    httpserver.expect_request("/a").respond_with_data(bomb, headers={"Content-Encoding": encoding})
    assert len(refusal(lenient, httpserver.url_for("/a"))) < 100


@contextmanager
def dripping(prelude: bytes, drip: bytes) -> Iterator[int]:
    """The port of a server that answers ``prelude`` at once and then ``drip`` again and again, slowly."""
    server = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            try:
                connection.sendall(prelude)
                while not done.wait(0.05):
                    connection.sendall(drip)
            except OSError:
                return

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        done.set()
        thread.join()
        server.close()


@pytest.mark.parametrize("public_only", [True, False])
@pytest.mark.parametrize(
    ("prelude", "drip"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\nX-", b"x"),
        (b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    ],
    ids=["body", "chunks", "header", "informational"],
)
def test_whatever_drips_ends_at_the_deadline(public_only: bool, prelude: bytes, drip: bytes) -> None:
    with (
        dripping(prelude, drip) as port,
        Fetcher(Settings(url_timeout=0.4), public_only=public_only, is_allowed=lambda address: True) as fetcher,
    ):
        assert refusal(fetcher, f"http://127.0.0.1:{port}/") == "not done after 0.4 s (YUNMENG_URL_TIMEOUT)"


def test_what_drips_through_a_proxy_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    with dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", b"x") as port:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        with Fetcher(Settings(url_timeout=0.4)) as fetcher:
            assert "YUNMENG_URL_TIMEOUT" in refusal(fetcher, "http://shop.example/")


def test_silence_ends_at_the_deadline_and_is_not_waited_for_again() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Fetcher(Settings(url_timeout=0.4), public_only=True, is_allowed=lambda address: True) as fetcher,
    ):
        assert "Timeout" in refusal(fetcher, f"http://127.0.0.1:{server.getsockname()[1]}/")
        server.settimeout(0)
        server.accept()[0].close()
        with pytest.raises(BlockingIOError):  # there was one connection only
            server.accept()


def test_a_name_that_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("yunmeng.net.addresses.socket.getaddrinfo", missing)
    with Fetcher(Settings(url_timeout=0.4), public_only=True) as fetcher:
        assert "has no public address" in refusal(fetcher, "http://shop.example/")


def test_a_name_that_is_not_found_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def slow(*_: object, **__: object) -> list[object]:
        over.wait(60)
        return []

    monkeypatch.setattr("yunmeng.net.addresses.socket.getaddrinfo", slow)
    with Fetcher(Settings(url_timeout=0.4), public_only=True) as fetcher:
        try:
            assert "ConnectTimeout" in refusal(fetcher, "http://shop.example/")
        finally:
            over.set()  # it was not waited for, though it has not answered


def test_resolving_knows_zones_and_all_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1", 0, 0, 2)),
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2606:2800::1", 0, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 0)),
    ]
    monkeypatch.setattr("yunmeng.net.addresses.socket.getaddrinfo", lambda *_, **__: entries)
    assert list(map(str, resolve("x", 1))) == ["fe80::1%2", "2606:2800::1", "8.8.8.8"]


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..b", "\ud800"])
def test_what_is_no_host_name(host: str) -> None:
    with pytest.raises(OSError, match=r"."):
        resolve(host, 5)
