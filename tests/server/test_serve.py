"""``yunmeng serve`` as a process: what it prints, whom it lets in, how it ends."""

import json
import signal
import socket
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.conftest import CommandLine, write_pictures
from tests.server.conftest import jpeg, process
from yunmeng.config import Settings
from yunmeng.library import Library


@pytest.fixture
def place(tmp_path: Path, settings: Settings) -> Path:
    """A library of the real encoder, closed."""
    with Library.create(tmp_path / "shop", "efficientnet-lite0", {"price": "float"}, settings) as library:
        library.index([write_pictures(tmp_path / "pictures", 6)])
    return tmp_path / "shop"


def test_a_library_is_served_until_sigterm(yunmeng: CommandLine, place: Path) -> None:
    with process(yunmeng, "--db", place) as server:
        server.wait_until_ready()
        found = httpx.post(f"{server.address}/v1/search/upload", files={"file": jpeg(3)}).json()
        assert found["hits"][0]["id"] == "003.jpg"
        locked = yunmeng("info", "--db", place)
        assert (locked.returncode, locked.stderr.count("\n")) == (2, 1)
        log = server.stop()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    (line,) = (line for line in lines if line.get("route") == "/v1/search/upload")
    assert (line["event"], line["status"], line["method"]) == ("request", 200, "POST")
    assert len(line["request_id"]) == 32
    assert yunmeng("info", "--db", place).returncode == 0


def test_sigterm_in_the_middle_of_an_import(yunmeng: CommandLine, place: Path, tmp_path: Path) -> None:
    """The import stops at a clean place, and the next server ends it without encoding anything twice."""
    folder = write_pictures(tmp_path / "more", 240, start=100)
    with process(yunmeng, "--db", place) as server:
        order = httpx.post(f"{server.address}/v1/imports", json={"paths": [str(folder)]}, timeout=30)
        address = f"{server.address}/v1/imports/{order.json()['number']}"
        while httpx.get(address).json()["indexed"] < 32:
            time.sleep(0.02)
        opened = threading.Event()
        following = threading.Thread(target=_read_to_the_end, args=(f"{address}/events", opened))
        following.start()
        assert opened.wait(60)
        server.stop()
        following.join(timeout=60)
        assert not following.is_alive()
    with Library.open(place) as library:
        kept = library.count() - 6
        assert 32 <= kept < 240
    with process(yunmeng, "--db", place) as server:
        deadline = time.monotonic() + 120
        address = f"{server.address}/v1/imports/{order.json()['number']}"
        while (found := httpx.get(address).json())["status"] != "done":
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
    assert (found["indexed"], found["skipped"], found["failed"]) == (240 - kept, kept, 0)
    with Library.open(place) as library:
        assert library.count() == 246


def _read_to_the_end(address: str, opened: threading.Event) -> None:
    with httpx.stream("GET", address, timeout=60) as response:
        for _ in response.iter_lines():
            opened.set()


def test_what_was_accepted_is_finished(yunmeng: CommandLine, place: Path) -> None:
    """Requests that are under way when SIGTERM comes are answered."""
    with process(yunmeng, "--db", place) as server:
        server.wait_until_ready()
        answers: list[httpx.Response] = []
        accepted = threading.Barrier(13)

        def add(seed: int) -> None:
            with httpx.Client(timeout=60) as client:
                client.get(f"{server.address}/health")  # the connection is there by now
                accepted.wait()
                files = [("files", (f"{n}.jpg", jpeg(seed * 10 + n, (900, 700)))) for n in range(3)]
                answers.append(client.post(f"{server.address}/v1/pictures", files=files))

        threads = [threading.Thread(target=add, args=(seed,)) for seed in range(100, 112)]
        for thread in threads:
            thread.start()
        accepted.wait()
        while not answers:  # by the first answer all the others have been sent
            time.sleep(0.005)
        server.running.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join(timeout=60)
        server.running.communicate(timeout=60)
    assert [answer.status_code for answer in answers] == [200] * 12
    added = [result["id"] for answer in answers for result in answer.json()["results"]]
    with Library.open(place) as library:
        assert set(library.reader.get_many(added)) == set(added)


def test_it_searches_by_an_exported_index(yunmeng: CommandLine, place: Path, tmp_path: Path) -> None:
    """Find what is written while it serves beside the index, and refuse a file of another library."""
    exported = yunmeng("export", "shop.faiss", "--factory", "HNSW8", "--db", place, "--json")
    assert json.loads(exported.stdout)["factory"] == "HNSW8"
    with process(yunmeng, "--db", place, "--index", tmp_path / "shop.faiss") as server:
        server.wait_until_ready()

        def ids() -> list[str]:
            found = httpx.post(f"{server.address}/v1/search/upload", files={"file": jpeg(3)}, timeout=60).json()
            return [hit["id"] for hit in found["hits"]]

        assert (ids()[0], len(ids())) == ("003.jpg", 6)
        new = httpx.post(f"{server.address}/v1/pictures", files={"files": ("new.jpg", jpeg(3))}, timeout=60)
        assert new.status_code == 200
        assert set(ids()[:2]) == {"003.jpg", new.json()["results"][0]["id"]}
        httpx.delete(f"{server.address}/v1/pictures/003.jpg").raise_for_status()
        assert "003.jpg" not in ids()
    with Library.create(tmp_path / "other", "efficientnet-lite0") as library:
        library.index([tmp_path / "pictures" / "003.jpg"])
    refused = yunmeng("serve", "--db", tmp_path / "other", "--index", tmp_path / "shop.faiss")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)


def test_where_others_can_reach_it_callers_need_keys(yunmeng: CommandLine, place: Path) -> None:
    without = yunmeng("serve", "--host", "0.0.0.0", "--port", "0", "--db", place)
    assert (without.returncode, without.stderr.count("\n")) == (2, 1)
    assert "yunmeng keys create" in without.stderr
    key = json.loads(yunmeng("keys", "create", "me", "--scope", "write", "--db", place, "--json").stdout)["key"]
    with process(yunmeng, "--host", "0.0.0.0", "--db", place) as server:
        assert httpx.get(f"{server.address}/v1/library").status_code == 401
        headers = {"Authorization": f"Bearer {key}"}
        assert httpx.get(f"{server.address}/v1/library", headers=headers).json()["pictures"] == 6
        assert httpx.get(f"{server.address}/v1/imports", headers=headers).status_code == 403
        assert key not in server.stop()


def test_keys_can_be_demanded_on_loopback_too(yunmeng: CommandLine, place: Path) -> None:
    with process(yunmeng, "--db", place, "--require-keys") as server:
        assert httpx.get(f"{server.address}/v1/library").status_code == 401


def test_what_it_cannot_serve(yunmeng: CommandLine, place: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        wrong: list[tuple[list[str | Path], str]] = [
            (["--db", tmp_path / "nowhere"], "yunmeng index"),
            (["--db", place, "--port", port], "--port"),
            (["--db", place, "--host", "no.such.host.invalid"], "no.such.host.invalid"),
        ]
        for arguments, words in wrong:
            done = yunmeng("serve", *arguments)
            assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
            assert words in done.stderr
    done = yunmeng("serve", "--db", place, YUNMENG_SERVER_RATE_LIMIT="often")
    assert (done.returncode, "RATE_LIMIT" in done.stderr) == (2, True)


def test_it_starts_while_the_encoder_is_missing(yunmeng: CommandLine, place: Path) -> None:
    """Readiness says so, and searches say why, while what needs no encoder works."""
    with process(yunmeng, "--db", place, YUNMENG_DEVICE="cuda") as server:
        assert httpx.get(f"{server.address}/ready").json()["error"]["code"] == "not-ready"
        assert httpx.get(f"{server.address}/health").status_code == 200
        answer = httpx.post(f"{server.address}/v1/search/upload", files={"file": jpeg(3)}, timeout=60)
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "encoder")
        by_id = httpx.post(f"{server.address}/v1/search", json={"id": "003.jpg"})
        assert by_id.json()["hits"][0]["id"] == "003.jpg"
        assert httpx.get(f"{server.address}/ready").json()["error"]["code"] == "not-ready"  # now that it has tried
