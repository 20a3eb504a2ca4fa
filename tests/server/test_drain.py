"""How a server leaves: it says so first, then it stops to listen, and it ends what it has begun."""

import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.conftest import CommandLine
from tests.console import fakeserver
from tests.server.conftest import Process
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library


@pytest.fixture
def place(tmp_path: Path, settings: Settings) -> Path:
    """A library that the server of `fakeserver` opens."""
    Library.create(tmp_path / "library", FakeEncoder(reads_text=True), settings=settings).close()
    return tmp_path / "library"


@contextmanager
def draining(yunmeng: CommandLine, place: Path, seconds: str) -> Iterator[Process]:
    """A server that is ready, and drains for so long when SIGTERM comes."""
    with tempfile.TemporaryFile("w+") as log:
        started = yunmeng.start(
            "--db", place, "--port", "0", program=(fakeserver.__file__,), stderr=log, YUNMENG_SERVER_DRAIN=seconds
        )
        with started:
            try:
                server = Process(started, started.stdout.readline().split()[1].rstrip("/"), log)
                server.wait_until_ready()
                yield server
            finally:
                started.kill()


def test_it_is_not_ready_first_and_stops_to_listen_later(yunmeng: CommandLine, place: Path) -> None:
    with draining(yunmeng, place, "600") as server, httpx.Client(base_url=server.address, timeout=30) as client:
        assert "Connection" not in client.get("/health").headers
        server.running.send_signal(signal.SIGTERM)
        until_not_ready(client)
        answer = client.get("/v1/library")
        assert (answer.status_code, answer.headers["Connection"]) == (200, "close")  # nobody reuses it
        assert httpx.get(f"{server.address}/health", timeout=30).status_code == 200  # a new connection
    with draining(yunmeng, place, "1") as server:
        began = time.monotonic()
        server.running.send_signal(signal.SIGTERM)
        assert server.running.wait(timeout=60) == 0
        assert time.monotonic() - began >= 1
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{server.address}/health")


def until_not_ready(client: httpx.Client) -> None:
    deadline = time.monotonic() + 60
    while (answer := client.get("/ready")).status_code == 200:
        assert time.monotonic() < deadline
    assert answer.json()["error"]["code"] == "not-ready"


@pytest.mark.parametrize(("drain", "signals"), [("0", "T"), ("600", "TT"), ("600", "I"), ("600", "TI")])
def test_it_ends_at_once(yunmeng: CommandLine, place: Path, drain: str, signals: str) -> None:
    """Without a drain, after a second signal, and where a person presses Ctrl-C."""
    with draining(yunmeng, place, drain) as server:
        for number, letter in enumerate(signals):
            if number:
                _until_draining(server)
            server.running.send_signal(signal.SIGTERM if letter == "T" else signal.SIGINT)
        assert server.running.wait(timeout=60) == 0


def _until_draining(server: Process) -> None:
    """Signals of one kind that wait are one: the second is sent when the first has been seen."""
    with httpx.Client(base_url=server.address, timeout=30) as client:
        until_not_ready(client)
