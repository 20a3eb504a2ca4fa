"""Imports over HTTP: progress, cancel, resume, failures."""

import json
import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_httpserver import HTTPServer
from starlette.testclient import TestClient

from tests.conftest import CommandLine, write_pictures
from tests.live import serving
from tests.server.conftest import Open, process, refused
from yunmeng.config import ServerSettings, Settings
from yunmeng.encoders.crops import Views
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library
from yunmeng.server import create_app
from yunmeng.state import State


def order(client: TestClient, *paths: Path, **more: Any) -> Any:
    response = client.post("/v1/imports", json={"paths": [str(path) for path in paths], **more})
    assert response.status_code == 202, response.text
    return response.json()


def follow(client: TestClient, number: int) -> list[tuple[str, Any]]:
    """The events of an import until the stream ends."""
    events, kind = [], ""
    with client.stream("GET", f"/v1/imports/{number}/events") as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        for line in response.iter_lines():
            if line.startswith("event:"):
                kind = line.partition(":")[2].strip()
            elif line.startswith("data:"):
                events.append((kind, json.loads(line.partition(":")[2])))
    return events


def test_an_import_brings_a_folder_in(client: TestClient, library: Library, tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "照片", 20)
    (folder / "broken.jpg").write_bytes(b"no picture")
    first = order(client, folder)
    assert first["status"] in ("queued", "running")
    kind, end = follow(client, first["number"])[-1]
    assert (kind, end["status"]) == ("end", "done")
    assert (end["indexed"], end["failed"], end["total"]) == (20, 1, 21)
    assert library.count() == 20
    assert client.get(f"/v1/imports/{first['number']}").json() == end
    failures = client.get(f"/v1/imports/{first['number']}/failures").json()["failures"]
    assert [(Path(one["path"]).name, one["reason"].split(":")[0]) for one in failures] == [
        ("broken.jpg", "not-a-picture")
    ]
    second = order(client, folder)
    assert follow(client, second["number"])[-1][1]["skipped"] == 20
    listed = client.get("/v1/imports").json()["imports"]
    assert [one["number"] for one in listed] == [second["number"], first["number"]]
    assert listed[0]["sources"] == [str(folder)]


def test_a_manifest_beside_a_folder(client: TestClient, library: Library, tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "pictures", 3)
    manifest = tmp_path / "catalogue.csv"
    manifest.write_text("path,price\n000.jpg,7\n", encoding="utf-8")
    number = order(client, folder, manifest=str(manifest))["number"]
    assert follow(client, number)[-1][1]["indexed"] == 3
    assert library.get("000.jpg").attributes == {"price": 7.0}


def test_what_cannot_be_imported(client: TestClient, tmp_path: Path) -> None:
    refused(client.post("/v1/imports", json={"paths": [str(tmp_path / "nowhere")]}), 422, "source")
    refused(client.post("/v1/imports", json={"paths": []}), 422, "invalid")
    assert client.get("/v1/imports").json() == {"imports": []}
    for way in ("", "/events", "/failures"):
        refused(client.get(f"/v1/imports/7{way}"), 404, "not-found")


def test_an_import_that_fails_as_a_whole_says_why(client: TestClient, tmp_path: Path) -> None:
    manifest = tmp_path / "catalogue.csv"
    manifest.write_text("nothing,of,use\n1,2,3\n", encoding="utf-8")
    end = follow(client, order(client, manifest)["number"])[-1][1]
    assert end["status"] == "failed"
    assert "column" in end["error"]
    refused(client.post(f"/v1/imports/{end['number']}/cancel"), 409, "import-over")
    manifest.write_text(f"path\n{write_pictures(tmp_path / 'p', 1) / '000.jpg'}\n", encoding="utf-8")
    assert client.post(f"/v1/imports/{end['number']}/resume").status_code == 202
    end = follow(client, end["number"])[-1][1]
    assert (end["status"], end["error"], end["indexed"]) == ("done", None, 1)
    refused(client.post(f"/v1/imports/{end['number']}/resume"), 409, "import-over")


class Patient(FakeEncoder):
    """Encodes three batches, and one for each further turn, until it is told to hurry."""

    def __init__(self) -> None:
        super().__init__()
        self.turns = threading.Semaphore(3)
        self.hurry = threading.Event()

    def encode(self, batch):  # type: ignore[no-untyped-def]
        while not (self.hurry.is_set() or self.turns.acquire(timeout=0.01)):
            pass
        return super().encode(batch)


@pytest.fixture
def patient(tmp_path: Path, settings: Settings) -> Any:
    encoder = Patient()
    with (
        Library.create(tmp_path / "patient", encoder, settings=settings) as library,
        TestClient(create_app(library), base_url="http://127.0.0.1") as client,
    ):
        yield client, encoder, library
        encoder.hurry.set()


def until(client: TestClient, number: int, *, indexed: int) -> None:
    deadline = time.monotonic() + 60
    while client.get(f"/v1/imports/{number}").json()["indexed"] < indexed:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_import_is_cancelled_and_resumed(patient: Any, tmp_path: Path) -> None:
    client, encoder, library = patient
    folder = write_pictures(tmp_path / "pictures", 40)  # fewer than a library learns its scores from
    number = order(client, folder)["number"]
    waiting = order(client, write_pictures(tmp_path / "more", 3, start=100))["number"]
    until(client, number, indexed=4)
    refused(client.post(f"/v1/imports/{number}/resume"), 409, "import-running")
    assert client.post(f"/v1/imports/{waiting}/cancel").json()["status"] == "cancelled"
    client.post(f"/v1/imports/{number}/cancel")
    encoder.hurry.set()
    end = follow(client, number)[-1][1]
    assert end["status"] == "cancelled"
    kept = library.count()
    assert 4 <= kept < 40
    before = encoder.encoded
    assert client.post(f"/v1/imports/{number}/resume").json()["status"] in ("queued", "running")
    end = follow(client, number)[-1][1]
    assert (end["status"], end["indexed"], end["skipped"]) == ("done", 40 - kept, kept)
    assert encoder.encoded - before == 40 - kept
    assert client.get(f"/v1/imports/{waiting}").json()["status"] == "cancelled"


def test_progress_is_told_while_it_happens(tmp_path: Path, settings: Settings) -> None:
    encoder = Patient()
    with (
        Library.create(tmp_path / "patient", encoder, settings=settings) as library,
        serving(create_app(library)) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        answer = client.post("/v1/imports", json={"paths": [str(write_pictures(tmp_path / "pictures", 28))]})
        kinds, counts = [], []
        with client.stream("GET", f"/v1/imports/{answer.json()['number']}/events") as response:
            for line in response.iter_lines():
                if line.startswith("event:"):
                    kinds.append(line.partition(":")[2].strip())
                elif line.startswith("data:"):
                    counts.append(json.loads(line.partition(":")[2])["indexed"])
                    encoder.turns.release()  # it goes on when this has been told
    assert counts == sorted(counts)
    assert len(set(counts)) >= 4
    assert kinds == ["progress"] * (len(kinds) - 1) + ["end"]


def test_searches_go_on_while_pictures_come_in(patient: Any, tmp_path: Path) -> None:
    client, _, _ = patient
    number = order(client, write_pictures(tmp_path / "pictures", 40))["number"]
    until(client, number, indexed=4)
    assert client.post("/v1/search", json={"id": "000.jpg"}).json()["hits"][0]["id"] == "000.jpg"
    assert client.get(f"/v1/imports/{number}").json()["status"] == "running"


@pytest.mark.parametrize("left", ["running", "interrupted", "queued"])
def test_what_the_last_server_left_goes_on(library: Library, open_server: Open, tmp_path: Path, left: str) -> None:
    folder = write_pictures(tmp_path / "pictures", 5)
    job = library.state.queue_job("import", {"paths": [str(folder)], "manifest": None})
    if left != "queued":
        library.state.resume_job(job.id)
    if left == "interrupted":
        library.state.finish_job(job.id, "interrupted")
    cancelled = library.state.queue_job("import", {"paths": [str(folder)], "manifest": None})
    library.state.finish_job(cancelled.id, "cancelled")
    client = open_server()
    assert follow(client, job.id)[-1][1]["indexed"] == 5
    assert client.get(f"/v1/imports/{cancelled.id}").json()["status"] == "cancelled"


class Stuck:
    """Decoding that does not come back until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.entered = threading.Event()
        self.go_on = threading.Event()
        decode = Views.decode

        def stuck(views: Views, data: bytes) -> Any:
            self.entered.set()
            self.go_on.wait(60)
            return decode(views, data)

        monkeypatch.setattr(Views, "decode", stuck)


def test_an_import_is_cancelled_while_a_picture_takes_its_time(
    monkeypatch: pytest.MonkeyPatch, library: Library, tmp_path: Path
) -> None:
    stuck = Stuck(monkeypatch)
    with TestClient(create_app(library), base_url="http://127.0.0.1") as client:
        number = order(client, write_pictures(tmp_path / "pictures", 5))["number"]
        assert stuck.entered.wait(30)
        assert client.post(f"/v1/imports/{number}/cancel").json()["status"] == "cancelled"
        with State.open(library.path / "state.db", library.config.state) as state:  # whatever becomes of this process
            job = state.job(number)
            assert job is not None
            assert job.status == "cancelled"
        refused(client.post(f"/v1/imports/{number}/cancel"), 409, "import-over")
        assert follow(client, number)[-1][1]["status"] == "cancelled"
        assert client.post(f"/v1/imports/{number}/resume").json()["status"] in ("queued", "running")
        stuck.go_on.set()
        assert follow(client, number)[-1][1]["indexed"] == 5


def test_what_was_resumed_while_it_ended_goes_on(monkeypatch: pytest.MonkeyPatch, patient: Any, tmp_path: Path) -> None:
    client, encoder, library = patient
    number = order(client, write_pictures(tmp_path / "pictures", 20))["number"]
    until(client, number, indexed=4)
    client.post(f"/v1/imports/{number}/cancel")
    client.post(f"/v1/imports/{number}/resume")
    encoder.hurry.set()
    deadline = time.monotonic() + 60
    while client.get(f"/v1/imports/{number}").json()["status"] != "done":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert library.count() == 20


def test_the_server_stops_while_a_picture_takes_its_time(
    monkeypatch: pytest.MonkeyPatch, library: Library, tmp_path: Path
) -> None:
    stuck = Stuck(monkeypatch)
    with TestClient(create_app(library), base_url="http://127.0.0.1") as client:
        number = order(client, write_pictures(tmp_path / "pictures", 5))["number"]
        assert stuck.entered.wait(30)
    assert not stuck.go_on.is_set()
    job = library.state.job(number)
    assert job is not None
    assert job.status == "interrupted"
    stuck.go_on.set()


SLOW_SERVER = """
import time
from yunmeng.encoders.crops import Views
Views.decode = lambda views, data: time.sleep(600)
from yunmeng.cli import main
main()
"""


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_process_ends_while_a_picture_takes_its_time(
    yunmeng: CommandLine, settings: Settings, tmp_path: Path, end: signal.Signals
) -> None:
    """And what was cancelled in it does not begin again in the next one."""
    folder = write_pictures(tmp_path / "pictures", 3)
    place = tmp_path / "shop"
    Library.create(place, "efficientnet-lite0", settings=settings).close()
    with yunmeng.start("serve", "--db", place, "--port", "0", program=("-c", SLOW_SERVER)) as server:
        try:
            address = server.stdout.readline().split()[1]
            number = httpx.post(f"{address}v1/imports", json={"paths": [str(folder)]}).json()["number"]
            deadline = time.monotonic() + 60
            while httpx.get(f"{address}v1/imports/{number}").json()["status"] != "running":
                assert time.monotonic() < deadline
                time.sleep(0.02)
            assert httpx.post(f"{address}v1/imports/{number}/cancel").json()["status"] == "cancelled"
            server.send_signal(end)
            server.wait(60)
        finally:
            server.kill()
    if end == signal.SIGTERM:
        assert server.returncode == 0
        return
    with process(yunmeng, "--db", place) as again:
        assert httpx.get(f"{again.address}/v1/imports/{number}").json()["status"] == "cancelled"
        assert httpx.get(f"{again.address}/v1/library").json()["pictures"] == 0


# Roots


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Pictures that may be imported, others that may not, and links from the ones to the others."""
    inside, outside = write_pictures(tmp_path / "inside", 2), write_pictures(tmp_path / "outside", 2, start=10)
    (inside / "file.jpg").symlink_to(outside / "010.jpg")
    (inside / "folder").symlink_to(outside)
    (inside / "own.jpg").symlink_to(inside / "000.jpg")
    (tmp_path / "link").symlink_to(inside)
    manifest = inside / "catalogue.csv"
    manifest.write_text(f"path\n../outside/011.jpg\n{outside}/010.jpg\n001.jpg\n", encoding="utf-8")
    return tmp_path


def test_imports_stay_in_the_folders_that_are_named(open_server: Open, library: Library, disk: Path) -> None:
    client = open_server(import_roots=[disk / "inside"])
    for place in ("outside", "outside/010.jpg", "inside/../outside", "inside/folder", "nowhere", "inside-too"):
        message = refused(client.post("/v1/imports", json={"paths": [str(disk / place)]}), 422, "source")
        assert "YUNMENG_SERVER_IMPORT_ROOTS" in message
    manifest = {"paths": [], "manifest": str(disk / "outside" / "none.csv")}
    assert "ROOTS" in refused(client.post("/v1/imports", json=manifest), 422, "source")
    end = follow(client, order(client, disk / "link")["number"])[-1][1]
    assert (end["status"], end["indexed"], end["failed"]) == ("done", 3, 2)
    failures = client.get(f"/v1/imports/{end['number']}/failures").json()["failures"]
    assert {Path(one["path"]).name for one in failures} == {"file.jpg", "folder"}
    assert all("YUNMENG_SERVER_IMPORT_ROOTS" in one["reason"] for one in failures)
    end = follow(client, order(client, disk / "inside" / "catalogue.csv")["number"])[-1][1]
    assert end["failed"] == 2
    assert sorted(record.uri.rpartition("/")[2] for record in library.iterate()) == ["000.jpg", "001.jpg", "own.jpg"]


def test_a_server_for_others_imports_nothing_of_the_disk_unless_told(
    library: Library, disk: Path, httpserver: HTTPServer, settings: Settings
) -> None:
    httpserver.expect_request("/a.jpg").respond_with_data((disk / "inside" / "000.jpg").read_bytes())
    app = create_app(library, ServerSettings(), open_to_others=True)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        answer = client.post("/v1/imports", json={"paths": [str(disk / "inside")]})
        assert "YUNMENG_SERVER_IMPORT_ROOTS" in refused(answer, 422, "source")
        answer = client.post("/v1/imports", json={"paths": [httpserver.url_for("/a.jpg")]})
        assert follow(client, answer.json()["number"])[-1][1]["indexed"] == 1


def test_so_many_follow_an_import_and_no_more(
    monkeypatch: pytest.MonkeyPatch, library: Library, tmp_path: Path
) -> None:
    """Each stream looks at the database all the time; who goes away makes room."""
    monkeypatch.setattr("yunmeng.server.jobs.MOST_STREAMS", 3)
    stuck = Stuck(monkeypatch)
    with serving(create_app(library, ServerSettings())) as url, httpx.Client(base_url=url, timeout=30) as client:
        answer = client.post("/v1/imports", json={"paths": [str(write_pictures(tmp_path / "pictures", 2))]})
        events = f"/v1/imports/{answer.json()['number']}/events"
        with ExitStack() as streams:
            for _ in range(3):
                assert streams.enter_context(client.stream("GET", events)).status_code == 200
            refused(client.get(events), 503, "busy")
        deadline = time.monotonic() + 60
        while client.head(events).status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        stuck.go_on.set()
