"""How a server leaves: it says so first, then it stops to listen, and it ends what it has begun."""

import signal
import time
from pathlib import Path

import httpx
import pytest

from tests.conftest import CommandLine
from tests.server.conftest import Process, process


def test_it_is_not_ready_first_and_stops_to_listen_later(yunmeng: CommandLine, fake_library: Path) -> None:
    with process(yunmeng, "--db", fake_library, YUNMENG_SERVER_DRAIN="2") as server:
        server.wait_until_ready()
        with httpx.Client(base_url=server.address) as client:
            assert "Connection" not in client.get("/health").headers
            began = time.monotonic()
            server.running.send_signal(signal.SIGTERM)
            until_not_ready(client)
            answer = client.get("/v1/library")
            assert (answer.status_code, answer.headers["Connection"]) == (200, "close")  # nobody reuses it
            assert httpx.get(f"{server.address}/health").status_code == 200  # a new connection
            assert server.running.wait(timeout=60) == 0
        assert time.monotonic() - began >= 2
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{server.address}/health")


def until_not_ready(client: httpx.Client) -> None:
    deadline = time.monotonic() + 20
    while (answer := client.get("/ready")).status_code == 200:
        assert time.monotonic() < deadline
    assert answer.json()["error"]["code"] == "not-ready"


@pytest.mark.parametrize(("drain", "signals"), [("0", "T"), ("600", "TT"), ("600", "I"), ("600", "TI")])
def test_it_ends_at_once(yunmeng: CommandLine, fake_library: Path, drain: str, signals: str) -> None:
    """Without a drain, after a second signal, and where a person presses Ctrl-C."""
    with process(yunmeng, "--db", fake_library, YUNMENG_SERVER_DRAIN=drain) as server:
        server.wait_until_ready()
        for number, letter in enumerate(signals):
            if number:
                _until_draining(server)
            server.running.send_signal(signal.SIGTERM if letter == "T" else signal.SIGINT)
        assert server.running.wait(timeout=60) == 0


def _until_draining(server: Process) -> None:
    """Signals of one kind that wait are one: the second is sent when the first has been seen."""
    with httpx.Client(base_url=server.address) as client:
        until_not_ready(client)
