"""Behind a proxy: whose headers are believed, what follows from them, and how the server lives below a prefix."""

import json
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.testclient import TestClient

from tests.conftest import CommandLine
from tests.server.conftest import jpeg, process, refused
from yunmeng.config import ServerSettings
from yunmeng.errors import SettingsError
from yunmeng.library import Library
from yunmeng.server import create_app
from yunmeng.state import Keys

PROXY = "10.0.0.5"
TRUSTED = ["10.0.0.5", "10.1.0.0/16", "fd00::/64"]


class Behind:
    """Opens servers over one library, and clients whose peer address is a test's to choose."""

    def __init__(self, library: Library) -> None:
        self.key = Keys(library.state).create("me", "admin")[1]
        self._library = library
        self._stack = ExitStack()

    def __call__(self, peer: str = PROXY, **settings: Any) -> TestClient:
        settings = {"trusted_proxies": TRUSTED, **settings}
        app = create_app(self._library, ServerSettings(**settings))
        client = TestClient(app, base_url="http://pictures.example", client=(peer, 4711), follow_redirects=False)
        return self._stack.enter_context(client)

    def close(self) -> None:
        self._stack.close()


@pytest.fixture
def behind(library: Library) -> Iterator[Behind]:
    opened = Behind(library)
    yield opened
    opened.close()


def addresses(client: TestClient, *headers: dict[str, str]) -> list[str]:
    """The addresses that requests with these headers are counted for, as the limit of calls knows them."""
    app: Any = client.app
    limiter, seen = app.state.context.guard._limiter, []
    original = limiter.hit

    def hit(limit: object, counted: str) -> bool:
        seen.append(counted)
        return bool(original(limit, counted))

    limiter.hit = hit
    for given in headers:
        assert client.get("/v1/shop", headers=given).status_code == 200
    return seen


@pytest.mark.parametrize(
    ("headers", "client"),
    [
        ({}, PROXY),
        ({"X-Forwarded-For": "9.9.9.9"}, "9.9.9.9"),
        ({"X-Forwarded-For": "6.6.6.6, 9.9.9.9"}, "9.9.9.9"),  # the first was said by the client itself
        ({"X-Forwarded-For": "6.6.6.6, 9.9.9.9, 10.1.2.3"}, "9.9.9.9"),  # through two proxies
        ({"X-Forwarded-For": "10.1.2.3"}, "10.1.2.3"),
        ({"X-Forwarded-For": "9.9.9.9:1234"}, "9.9.9.9"),
        ({"X-Forwarded-For": "[2001:db8::1]:1234"}, "2001:db8::1"),
        ({"X-Forwarded-For": "2001:db8::1"}, "2001:db8::1"),
        ({"X-Forwarded-For": "::ffff:9.9.9.9"}, "9.9.9.9"),
        ({"X-Forwarded-For": "nonsense"}, PROXY),
        ({"X-Forwarded-For": "unknown, 10.1.2.3"}, "10.1.2.3"),
        ({"X-Forwarded-For": ""}, PROXY),
        ({"Forwarded": "for=9.9.9.9"}, "9.9.9.9"),
        ({"Forwarded": 'for=6.6.6.6, For="[2001:db8::1]:80";proto=https, for=10.1.0.1'}, "2001:db8::1"),
        ({"Forwarded": "for=_hidden"}, PROXY),
        ({"Forwarded": 'for="a,b";host="x,y", for=9.9.9.9'}, "9.9.9.9"),
        ({"Forwarded": "for=9.9.9.9", "X-Forwarded-For": "9.9.9.9"}, "9.9.9.9"),
    ],
)
def test_the_callers_address(behind: Behind, headers: dict[str, str], client: str) -> None:
    server = behind(embed_origins=["https://shop.example"])
    assert addresses(server, headers) == [client]


@pytest.mark.parametrize("peer", ["9.9.9.8", "10.0.0.6", "fd01::1", "127.0.0.1", "testclient"])
def test_others_are_not_believed(behind: Behind, peer: str) -> None:
    said = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Prefix": "/evil",
    }
    server = behind(peer, embed_origins=["https://shop.example"])
    assert addresses(server, said, {"Forwarded": "for=6.6.6.6"}) == [peer, peer]
    cookie = server.post("/v1/session", json={"key": behind.key}, headers=said).headers["Set-Cookie"]
    assert ("Secure" in cookie, "Path=/;" in cookie) == (False, True)
    assert "servers" not in server.get("/openapi.json", headers=said).json()
    evil = {"Origin": "http://evil.example", **said}
    refused(server.post("/v1/session", json={"key": behind.key}, headers=evil), 403, "cross-origin")


@pytest.mark.parametrize("peer", ["10.0.0.5", "10.1.255.255", "fd00::77", "::ffff:10.0.0.5"])
def test_networks_and_both_kinds_of_addresses(behind: Behind, peer: str) -> None:
    server = behind(peer, embed_origins=["https://shop.example"])
    assert addresses(server, {"X-Forwarded-For": "9.9.9.9"}) == ["9.9.9.9"]


def test_two_headers_that_differ_are_refused(behind: Behind) -> None:
    """One of them is the client's own, and nobody can know which."""
    said = {"Forwarded": "for=6.6.6.6", "X-Forwarded-For": "9.9.9.9"}
    message = refused(behind().get("/v1/library", headers=said), 400, "bad-request")
    assert "Forwarded" in message


def test_of_two_families_of_headers_never_a_mixture(behind: Behind) -> None:
    server = behind()
    for said in (
        {"X-Forwarded-For": "9.9.9.9", "Forwarded": "for=9.9.9.9;proto=https"},
        {"Forwarded": "for=9.9.9.9", "X-Forwarded-Proto": "https"},
        {"X-Forwarded-Proto": "https, http"},
        {"X-Forwarded-Proto": "gopher"},
    ):
        cookie = server.post("/v1/session", json={"key": behind.key}, headers=said).headers["Set-Cookie"]
        assert "Secure" not in cookie, said


@pytest.mark.parametrize("said", [{"X-Forwarded-Proto": "https"}, {"Forwarded": "for=9.9.9.9;proto=HTTPS"}])
def test_cookies_are_for_https_only_where_the_caller_came_by_https(behind: Behind, said: dict[str, str]) -> None:
    assert "Secure" in behind().post("/v1/session", json={"key": behind.key}, headers=said).headers["Set-Cookie"]


def test_the_name_is_that_by_which_the_caller_came(behind: Behind) -> None:
    server = behind()
    own = {"Origin": "https://shown.example", "X-Forwarded-Host": "shown.example", "X-Forwarded-Proto": "https"}
    assert server.post("/v1/session", json={"key": behind.key}, headers=own).status_code == 200
    for wrong in ("other.example", "shown.example/x", "a b", ""):
        refused(
            server.post("/v1/session", json={"key": behind.key}, headers={**own, "X-Forwarded-Host": wrong}),
            403,
            "cross-origin",
        )


def test_whoever_comes_through_a_proxy_needs_a_key(behind: Behind, library: Library, tmp_path: Path) -> None:
    """The proxy may be on this machine, and the server may listen there only: a stranger is no admin for that."""
    server = behind("127.0.0.1", trusted_proxies=["127.0.0.1"])
    for headers in ({}, {"X-Forwarded-For": "127.0.0.1"}, {"X-Forwarded-For": "::1"}, {"Host": "localhost"}):
        refused(server.get("/v1/library", headers=headers), 401, "no-key")
    bearer = {"Authorization": f"Bearer {behind.key}"}
    order = {"paths": [str(tmp_path)]}
    assert server.post("/v1/imports", json=order, headers=bearer).status_code == 422  # as where others can reach it


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"])
def test_a_server_without_keys_refuses_what_a_proxy_passes_on(behind: Behind, name: str) -> None:
    server = behind("127.0.0.1", trusted_proxies=[], allowed_hosts=["pictures.example"])
    assert server.get("/v1/library").status_code == 200
    assert "TRUSTED_PROXIES" in refused(server.get("/v1/library", headers={name: "127.0.0.1"}), 403, "proxy")


PREFIXED = [
    ({"path_prefix": "/search"}, {}, "/search"),  # the proxy leaves the prefix in the path
    ({"path_prefix": "/search"}, {}, ""),  # it takes it out
    ({}, {"X-Forwarded-Prefix": "/search"}, "/search"),
    ({}, {"X-Forwarded-Prefix": "/search/"}, ""),
    ({"path_prefix": "/search"}, {"X-Forwarded-Prefix": "/evil"}, "/search"),
]


@pytest.mark.parametrize(("chosen", "headers", "sent"), PREFIXED)
def test_below_a_prefix(
    behind: Behind, library: Library, chosen: dict[str, str], headers: dict[str, str], sent: str
) -> None:
    server = behind(embed_origins=["https://shop.example"], **chosen)
    server.headers.update(headers)
    id = "a/b?c 猫.jpg"
    library.add(jpeg(1), id=id)
    cookie = server.post(f"{sent}/v1/session", json={"key": behind.key}).headers["Set-Cookie"]
    assert "Path=/search;" in cookie
    gone = server.delete(f"{sent}/v1/session").headers["Set-Cookie"]
    assert "Path=/search;" in gone
    server.cookies.clear()
    server.headers["Authorization"] = f"Bearer {behind.key}"
    assert server.get(f"{sent}/v1/pictures/a%2Fb%3Fc%20%E7%8C%AB.jpg").json()["id"] == id
    assert server.get(f"{sent}/openapi.json").json()["servers"] == [{"url": "/search"}]
    assert server.get(f"{sent}/console/icon.svg").headers["Content-Type"] == "image/svg+xml"
    assert server.get(f"{sent}/docs/swagger/swagger-ui.css").status_code == 200
    assert server.options(f"{sent}/v1/library").status_code == 204
    assert server.head(f"{sent}/health").status_code == 200
    module = server.get(f"{sent}/console/main.js").text
    assert 'from "/search/console/lib/api.js"' in module
    assert 'from "/console/' not in module
    page = server.get(f"{sent}/?embed=1")
    assert "frame-ancestors https://shop.example" in page.headers["Content-Security-Policy"]
    shared = server.get(f"{sent}/v1/shop", headers={"Origin": "https://shop.example"})
    assert shared.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    called = server.post(f"{sent}/v1/shop/search", json={"text": "x"}, headers={"Origin": "https://shop.example"})
    assert called.status_code != 403
    refused(server.get(f"{sent}/nothing"), 404, "not-found")
    assert server.get("/searching").status_code == 404


def test_the_prefix_alone_leads_to_the_console(behind: Behind) -> None:
    answer = behind(path_prefix="/a/search").get("/a/search?embed=1")
    assert (answer.status_code, answer.headers["Location"]) == (308, "/a/search/?embed=1")


@pytest.mark.parametrize("prefix", ["//evil.example", "/..", "search", "/a b", "/a/", "/a;b", "/a\nb", "https://x"])
def test_what_is_no_prefix(behind: Behind, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUNMENG_SERVER_PATH_PREFIX", prefix)
    with pytest.raises(SettingsError, match="PATH_PREFIX"):
        ServerSettings.load()
    monkeypatch.undo()
    if "\n" not in prefix and prefix != "/a/":
        said = {"X-Forwarded-Prefix": prefix}
        assert "servers" not in behind().get("/openapi.json", headers=said).json()


def test_wrong_addresses_of_proxies_are_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ('["nginx.lan"]', '["10.0.0.0/33"]', "10.0.0.1"):
        monkeypatch.setenv("YUNMENG_SERVER_TRUSTED_PROXIES", wrong)
        with pytest.raises(SettingsError) as caught:
            ServerSettings.load()
        assert "\n" not in str(caught.value)


def test_the_process_behind_a_proxy(yunmeng: CommandLine, fake_library: Path) -> None:
    """It wants a key to be there, writes the caller into its log, and counts connections for callers."""
    trust = {"YUNMENG_SERVER_TRUSTED_PROXIES": '["127.0.0.1"]', "YUNMENG_SERVER_MAX_CONNECTIONS": "8"}
    without = yunmeng("serve", "--db", fake_library, "--port", "0", **trust)
    assert (without.returncode, without.stderr.count("\n")) == (2, 1)
    assert "TRUSTED_PROXIES" in without.stderr
    assert yunmeng("keys", "create", "me", "--db", fake_library).returncode == 0
    with process(yunmeng, "--db", fake_library, **trust) as server:
        many = [_asked(server.address, "6.6.6.6") for _ in range(5)]
        few = [_asked(server.address, "7.7.7.7") for _ in range(3)]
        with ExitStack() as stack:
            for one in (*many, *few):
                stack.callback(one.close)
            last = _asked(server.address, "8.8.8.8")  # one too many: of the caller with the most, one is closed
            stack.callback(last.close)
            closed, _, _ = select.select(many, [], [], 60)
            assert [one.recv(1) for one in closed] == [b""]
            for one in {*many, *few, last} - {*closed}:
                _ask(one, "7.7.7.7")  # it is open
        log = server.stop()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert {line["client"] for line in lines if line.get("route") == "/health"} == {"6.6.6.6", "7.7.7.7", "8.8.8.8"}


def _asked(address: str, client: str) -> socket.socket:
    """A connection on which one request was answered, and which stays open."""
    host, port = urlsplit(address).hostname, urlsplit(address).port
    connection = socket.create_connection((host, port), timeout=60)
    _ask(connection, client)
    return connection


def _ask(connection: socket.socket, client: str) -> None:
    connection.sendall(f"GET /health HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {client}\r\n\r\n".encode())
    answer = b""
    while not answer.endswith(b"}"):
        part = connection.recv(65536)
        assert part, "it was closed"
        answer += part
    assert answer.startswith(b"HTTP/1.1 200")


def test_nobody_on_this_machine_is_believed_unless_named(yunmeng: CommandLine, fake_library: Path) -> None:
    """uvicorn alone would take X-Forwarded-For from 127.0.0.1."""
    assert yunmeng("keys", "create", "me", "--db", fake_library).returncode == 0
    with process(yunmeng, "--db", fake_library, "--require-keys") as server:
        assert httpx.get(f"{server.address}/health", headers={"X-Forwarded-For": "6.6.6.6"}).status_code == 200
        assert "6.6.6.6" not in server.stop()
