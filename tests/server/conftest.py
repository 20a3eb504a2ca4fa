"""A server in process over a small library, and one as a process of its own."""

import io
import json
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeAlias

import httpx
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.conftest import CommandLine, paint, write_pictures
from tests.forking import Forked
from yunmeng.config import ServerSettings, Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library
from yunmeng.schemas import ErrorBody
from yunmeng.server import create_app
from yunmeng.server.observe import configure_logs

HERE = "http://127.0.0.1"
SCHEMA = {"category": "str", "price": "float", "stock": "int", "sale": "bool", "tags": "list[str]"}

Open: TypeAlias = Callable[..., TestClient]


def jpeg(seed: int, size: tuple[int, int] = (64, 48)) -> bytes:
    """The bytes of `tests.conftest.paint`'s picture as a JPEG file."""
    stream = io.BytesIO()
    paint(seed, size).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def refused(response: Any, status: int, code: str) -> str:
    """Check that an answer is this error, in the one shape that errors have; its message."""
    assert response.status_code == status, response.text
    error = ErrorBody.model_validate(response.json()).error
    assert (error.code, error.request_id) == (code, response.headers["X-Request-ID"])
    assert "\n" not in error.message
    assert error.message
    return error.message


@pytest.fixture(scope="session", autouse=True)
def _logs() -> None:
    """As a server writes them, which is a line each."""
    configure_logs()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With leave to fetch from this machine, where the tests' web servers are."""
    return settings.model_copy(update={"private_urls": True})


@pytest.fixture
def open_server(library: Library) -> Iterator[Open]:
    """Serves ``library`` in process, with settings of one's own."""
    opened: list[TestClient] = []

    def open(*, keys_required: bool = False, **settings: Any) -> TestClient:
        app = create_app(library, ServerSettings(**settings), keys_required=keys_required)
        client = TestClient(app, base_url=HERE, raise_server_exceptions=False)
        client.__enter__()
        opened.append(client)
        return client

    yield open
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture
def client(open_server: Open) -> TestClient:
    return open_server()


def fill(library: Library, folder: Path) -> Library:
    """Index twelve pictures, 000.jpg to 011.jpg, every third of them shoes, at prices from 0 to 110."""
    pictures = write_pictures(folder / "pictures", 12)
    rows = [
        {
            "path": f"{number:03}.jpg",
            "category": "shoes" if number % 3 == 0 else "hats",
            "price": number * 10,
            "stock": number,
            "sale": number % 2 == 0,
            "tags": ["red", "new"] if number < 4 else ["blue"],
        }
        for number in range(12)
    ]
    manifest = folder / "catalogue.jsonl"
    manifest.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    library.index([pictures], manifest=manifest)
    return library


@pytest.fixture
def filled(library: Library, tmp_path: Path) -> Library:
    """A library that `fill` has filled."""
    return fill(library, tmp_path)


@contextmanager
def process(yunmeng: CommandLine, *arguments: str | Path, **environment: str) -> "Iterator[Process]":
    """``yunmeng serve`` as users start it, on a free port; ended by SIGTERM if it has not ended."""
    with tempfile.TemporaryFile("w+") as log:  # a pipe that nobody reads would fill up, and hold the server
        started = yunmeng.start("serve", "--port", "0", *arguments, stderr=log, **environment)
        try:
            line = started.stdout.readline()
            if not line.startswith("Console:"):
                log.seek(0)  # only now: the server writes where this file's position is
                raise AssertionError(line + log.read())
            yield Process(started, line.split()[1].rstrip("/"), log)
        finally:
            if started.poll() is None:
                started.send_signal(signal.SIGTERM)
            started.communicate(timeout=60)


class Process:
    """A server that runs, and where it is."""

    def __init__(self, running: Forked, address: str, log: IO[str]) -> None:
        self.running = running
        self.address = address
        self._log = log

    def stop(self) -> str:
        """End it by SIGTERM; what it wrote into its log."""
        self.running.send_signal(signal.SIGTERM)
        self.running.communicate(timeout=60)
        assert self.running.returncode == 0
        self._log.seek(0)
        return self._log.read()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + 60
        while httpx.get(f"{self.address}/ready").status_code != 200:
            assert time.monotonic() < deadline, "the server does not become ready"
            time.sleep(0.05)


@pytest.fixture
def fake_library(tmp_path: Path, settings: Settings) -> Path:
    """A library that a test fills itself, closed."""
    place = tmp_path / "library"
    Library.create(place, FakeEncoder(), SCHEMA, settings).close()  # type: ignore[arg-type]
    return place
