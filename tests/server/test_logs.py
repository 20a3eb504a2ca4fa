"""What strangers name is one line in the log, and moves no terminal's cursor."""

import pytest
from starlette.testclient import TestClient

from tests.conftest import CommandLine
from tests.server.conftest import process
from yunmeng.library import Library
from yunmeng.server import observe


@pytest.mark.parametrize("text", ["a\nINFO forged", "\x1b[2J", "\x9b2J", "\u202egpj.exe", "\u2028x", "\r"])
def test_nothing_that_is_logged_begins_a_line(text: str) -> None:
    event = observe._printable(None, "info", {"event": "failed", "message": f"no picture has the id {text}", "ms": 1})
    assert event["message"].isprintable()
    assert event["message"].startswith("no picture has the id ")
    assert event["ms"] == 1


def test_a_request_id_that_is_none_is_not_repeated(client: TestClient) -> None:
    for given in ("a b", "x" * 65, "<script>", "\x1b[2J"):
        assert client.get("/health", headers={"X-Request-ID": given}).headers["X-Request-ID"] != given
    assert client.get("/health", headers={"X-Request-ID": "order-7"}).headers["X-Request-ID"] == "order-7"


def test_a_server_that_demands_keys_and_has_none_says_how_to_make_one(yunmeng: CommandLine, library: Library) -> None:
    place = library.path
    library.close()
    with process(yunmeng, "--db", place, "--require-keys") as server:
        assert "yunmeng keys create" in server.stop()
