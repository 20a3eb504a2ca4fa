"""What strangers send: each is refused with its error, and the server answers the next one."""

import json
import os
import socket
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest
from PIL import Image
from pytest_httpserver import HTTPServer

from tests.conftest import CommandLine, write_pictures
from tests.server.conftest import Process, jpeg, png, process, refused
from yunmeng.config import Settings
from yunmeng.library import Library

SECRET = "root-of-all-secrets"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Iterator[Process]:
    """One server for all of them, as its settings are but for a short time for bodies."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "secret.txt").write_text(SECRET)
    settings = Settings(cache_dir=cache_dir)
    with Library.create(folder / "shop", "efficientnet-lite0", {"category": "str"}, settings) as library:
        library.index([write_pictures(folder / "pictures", 3)])
    (folder / "pictures" / "evil.jpg").symlink_to(folder / "secret.txt")
    yunmeng = CommandLine(folder, cache_dir)
    with process(yunmeng, "--db", folder / "shop", YUNMENG_SERVER_BODY_TIMEOUT="2") as server:
        server.wait_until_ready()
        yield server


@pytest.fixture
def client(server: Process) -> Iterator[httpx.Client]:
    """And after each of them the server still does what it is for, without having kept much of it in memory."""
    with httpx.Client(base_url=server.address, timeout=60) as client:
        yield client
        answer = client.post("/v1/search/upload", files={"file": jpeg(1)})
        assert answer.json()["hits"][0]["id"] == "001.jpg"
    assert server.running.poll() is None


def bomb(side: int) -> bytes:
    """A PNG of side x side grey pixels, in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    row = b"\0" * (side + 1)
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


@contextmanager
def cheap(server: Process) -> Iterator[None]:
    """Check that what is done meanwhile costs the server no more than some seconds of its cores."""

    def spent() -> float:
        times = psutil.Process(server.running.pid).cpu_times()
        return times.user + times.system

    before = spent()
    yield
    assert spent() - before < 5


def test_a_decompression_bomb(server: Process, client: httpx.Client) -> None:
    data = bomb(30_000)
    assert len(data) < 2_000_000
    for path, name in (("/v1/search/upload", "file"), ("/v1/pictures", "files")):
        with cheap(server):
            refused(client.post(path, files={name: data}), 413, "too-many-pixels")
    refused(client.post("/v1/compare", files={"a": data, "b": jpeg(1)}), 413, "too-many-pixels")


def test_a_gigabyte(server: Process, client: httpx.Client) -> None:
    """Refused on its announcement; and where there is none, after what is allowed."""
    before = psutil.Process(server.running.pid).memory_info().rss
    head = "POST /v1/search/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    with _connected(server) as connection:
        connection.sendall(f"{head}Content-Length: {2**30}\r\n\r\n--x\r\n".encode())
        status, body = _answer(connection)
        assert (status, json.loads(body)["error"]["code"]) == (413, "too-large")
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    with _connected(server) as connection:
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n{len(part):x}\r\n".encode() + part + b"\r\n")
        sent, chunk = 0, b"100000\r\n" + b"\0" * 2**20 + b"\r\n"
        try:
            while sent < 2**30:
                connection.sendall(chunk)
                sent += 2**20
        except OSError:  # it has hung up
            pass
        assert sent < 2**28
    assert psutil.Process(server.running.pid).memory_info().rss - before < 300_000_000


def test_a_body_that_drips(server: Process, client: httpx.Client) -> None:
    head = (
        "POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    )
    with _connected(server) as connection:
        connection.sendall(head.encode())
        began = time.monotonic()
        try:
            while time.monotonic() - began < 60:  # all of it would take three times as long
                connection.sendall(b" ")
                connection.settimeout(0.2)
                try:
                    if connection.recv(1, socket.MSG_PEEK):
                        break
                except TimeoutError:
                    pass
        except OSError:
            pass
        connection.settimeout(30)
        status, body = _answer(connection)
        assert (status, json.loads(body)["error"]["code"]) == (408, "slow-body")


def _connected(server: Process) -> socket.socket:
    host, port = server.address.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=30)


def _answer(connection: socket.socket) -> tuple[int, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += connection.recv(65536)
    return int(head.split()[1]), body


PRIVATE = [
    "http://127.0.0.1:{port}/a.jpg",
    "http://localhost:{port}/a.jpg",
    "http://LOCALHOST.:{port}/a.jpg",
    "http://2130706433:{port}/a.jpg",
    "http://0x7f000001:{port}/a.jpg",
    "http://0177.0.0.1:{port}/a.jpg",
    "http://127.1:{port}/a.jpg",
    "http://0.0.0.0:{port}/a.jpg",
    "http://[::1]:{port}/a.jpg",
    "http://[::ffff:127.0.0.1]:{port}/a.jpg",
    "http://[::ffff:7f00:1]:{port}/a.jpg",
    "http://[64:ff9b::7f00:1]:{port}/a.jpg",
    "http://user@127.0.0.1:{port}/a.jpg",
    "http://169.254.169.254/latest/meta-data/",
    "http://10.0.0.1/a.jpg",
    "http://192.168.0.1/a.jpg",
    "http://[fe80::1%25lo]:{port}/a.jpg",
    "http://[fd00::1]/a.jpg",
    "http://１２７.０.０.１:{port}/a.jpg",
    "http://ip6-localhost:{port}/a.jpg",
]


@pytest.mark.parametrize("form", PRIVATE)
def test_addresses_inside(client: httpx.Client, httpserver: HTTPServer, form: str) -> None:
    httpserver.expect_request("/a.jpg").respond_with_data(jpeg(1))
    url = form.format(port=httpserver.port)
    refused(client.post("/v1/search", json={"url": url}), 422, "unfetchable")
    assert httpserver.log == []


def test_every_way_to_name_a_url_is_guarded(client: httpx.Client, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a.jpg").respond_with_data(jpeg(1))
    url = httpserver.url_for("/a.jpg")
    refused(client.post("/v1/pictures/url", json={"url": url}), 422, "unfetchable")
    refused(client.get("/v1/previews", params={"url": url}), 422, "unfetchable")
    refused(client.post("/v1/compare", data={"a_url": url, "b_id": "001.jpg"}), 422, "unfetchable")
    number = client.post("/v1/imports", json={"paths": [url]}).json()["number"]
    while (found := client.get(f"/v1/imports/{number}").json())["status"] != "done":
        time.sleep(0.05)
    assert (found["indexed"], found["failed"]) == (0, 1)
    assert httpserver.log == []


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "gopher://x/",
        "/etc/passwd",
        "data:image/png;base64,AA",
        "javascript:1",
        "C:\\x",
    ],
)
def test_other_schemes(client: httpx.Client, url: str) -> None:
    refused(client.post("/v1/search", json={"url": url}), 422, "query")
    refused(client.post("/v1/pictures/url", json={"url": url}), 422, "query")


@pytest.mark.parametrize(
    "path",
    [
        "../../secret.txt", "..%2f..%2fsecret.txt", "/etc/passwd", "%2fetc%2fpasswd", "....//....//etc/passwd",
        "%2e%2e/%2e%2e/secret.txt", "..\\..\\secret.txt", "001.jpg/../../secret.txt", "evil.jpg", "001.jpg%00.txt",
        "../library.toml", "state.db", "../shop/state.db", "%c0%ae%c0%ae/secret.txt",
    ],
)  # fmt: skip
def test_paths_that_climb(server: Process, client: httpx.Client, path: str) -> None:
    for kind in ("originals", "thumbnails", "pictures"):
        status, body = _raw_get(server, f"/v1/{kind}/{path}")
        assert status in (404, 422), body
        assert json.loads(body)["error"]["code"] in ("not-found", "bad-id")
        assert SECRET.encode() not in body
    for root in ("/console/", "/docs/page/", "/docs/swagger/", "/"):
        status, body = _raw_get(server, root + path)
        assert status in (404, 405), body
        assert b"root:" not in body
        assert SECRET.encode() not in body


def _raw_get(server: Process, target: str) -> tuple[int, bytes]:
    """As it stands: clients would tidy the path up."""
    with _connected(server) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode("latin-1"))
        return _answer(connection)


def test_a_file_that_takes_the_place_of_a_picture(client: httpx.Client, tmp_path: Path, server: Process) -> None:
    folder = write_pictures(tmp_path / "own", 1, start=50)
    order = client.post("/v1/imports", json={"paths": [str(folder)]}).json()
    while client.get(f"/v1/imports/{order['number']}").json()["status"] != "done":
        time.sleep(0.05)
    (tmp_path / "secret").write_text(SECRET)
    (folder / "050.jpg").unlink()
    (folder / "050.jpg").symlink_to(tmp_path / "secret")
    refused(client.get("/v1/originals/050.jpg"), 410, "gone")
    refused(client.get("/v1/thumbnails/050.jpg"), 410, "gone")
    (folder / "050.jpg").unlink()
    os.mkfifo(folder / "050.jpg")
    refused(client.get("/v1/originals/050.jpg"), 410, "gone")
    assert client.delete("/v1/pictures/050.jpg").status_code == 204


def test_script_in_attributes_and_ids_is_text(client: httpx.Client) -> None:
    script = "<script>alert(1)</script>"
    fields = {"ids": [script], "attributes": json.dumps({"category": script, script: script})}
    files = {"files": ("<img src=x onerror=alert(1)>.jpg", jpeg(77))}
    assert client.post("/v1/pictures", files=files, data=fields).json()["results"][0]["status"] == "added"
    found = client.post("/v1/search", json={"id": script, "k": 1})
    assert found.headers["Content-Type"] == "application/json"
    assert found.headers["X-Content-Type-Options"] == "nosniff"
    assert found.json()["hits"][0]["attributes"] == {"category": script, script: script}
    original = client.get("/v1/originals/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    assert original.headers["Content-Type"] == "image/jpeg"
    assert "<" not in original.headers["Content-Disposition"]
    assert "sandbox" in original.headers["Content-Security-Policy"]
    assert client.post("/v1/pictures/delete", json={"ids": [script]}).json() == {"deleted": 1}


def test_a_page_that_claims_to_be_a_picture_is_not_kept(client: httpx.Client) -> None:
    polyglot = b"<html><script>alert(1)</script></html>"
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
    for data in (polyglot, svg, b"GIF89a" + polyglot, b"%PDF-1.7", b"PK\x03\x04"):
        response = client.post("/v1/pictures", files={"files": ("a.png", data, "image/png")})
        assert response.status_code in (415, 422)
        assert response.json()["error"]["code"] in ("not-a-picture", "unsupported", "truncated", "corrupt")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b'"x"', b"\xff", b'{"id": 3}', b'{"id": "x", "k": "many"}', b'{"k": 1e999}',
     b'{"id": "x", "min_score": NaN}', b'{"vector": [1e999, 1]}', b'{"id": "\\ud800"}', b'{"id": "\\u0000"}',
     b'{"id": "' + b"x" * 5000 + b'"}', b'{"a":' * 50_000],
)  # fmt: skip
def test_broken_json(client: httpx.Client, body: bytes) -> None:
    response = client.post("/v1/search", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code in (400, 404, 422), response.text
    known = ("bad-json", "bad-request", "invalid", "not-found", "encoder-mismatch")
    assert response.json()["error"]["code"] in known


@pytest.mark.parametrize(
    "filter",
    ["(" * 5000, "not " * 5000 + "category = 'x'", "category = '" + "x" * 9000, "category like '%'; drop table x",
     " or ".join(["category = 'a'"] * 500), "1=1 --", "\0", "category in (" + "'a'," * 2000 + "'a')"],
    ids=range(8),
)  # fmt: skip
def test_filters_that_are_hard(server: Process, client: httpx.Client, filter: str) -> None:
    with cheap(server):
        response = client.post("/v1/search", json={"id": "001.jpg", "filter": filter})
    assert response.status_code in (200, 422), response.text


def test_a_form_of_many_parts(client: httpx.Client) -> None:
    response = client.post("/v1/search/upload", files=[("file", b"x")] * 3000)
    assert response.status_code in (400, 422)
    assert response.json()["error"]["code"] in ("bad-request", "invalid")
    response = client.post("/v1/search/upload", files={"file": jpeg(1)}, data={f"f{n}": "x" for n in range(3000)})
    assert response.status_code in (400, 422)


def test_a_picture_whose_header_lies(client: httpx.Client) -> None:
    data = bytearray(png(Image.new("RGB", (64, 64))))
    data[16:24] = struct.pack(">II", 9_000, 9_000)
    response = client.post("/v1/search/upload", files={"file": bytes(data)})
    assert response.status_code == 422
    assert response.json()["error"]["code"] in ("corrupt", "truncated")


def test_requests_that_are_no_http(server: Process, client: httpx.Client) -> None:
    for nonsense in (b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", b"\0" * 1000, b"GET " + b"a" * 100_000):
        with _connected(server) as connection:
            connection.sendall(nonsense)
            connection.settimeout(0.3)
            with suppress(OSError):
                connection.recv(1000)
