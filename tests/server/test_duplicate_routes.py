"""Duplicates over HTTP: looking for them, deciding, undoing, also behind a restart."""

import errno
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.imaging.samples import photograph
from tests.needing import need
from tests.server.conftest import HERE, Open, png, refused
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import StateError
from yunmeng.library import Library
from yunmeng.server import create_app
from yunmeng.state import Keys

need("faiss", "cv2", extra="copies")


@pytest.fixture
def doubled(library: Library, tmp_path: Path) -> Library:
    """Eight pictures; three of the first one, two of the second."""
    folder = tmp_path / "doubled"
    folder.mkdir()
    for seed in range(5):
        photograph(seed, (480, 360)).save(folder / f"{seed}.jpg", quality=92)
    for name in ("0-b.jpg", "0-c.jpg"):
        (folder / name).write_bytes((folder / "0.jpg").read_bytes())
    with Image.open(folder / "1.jpg") as one:
        one.resize((240, 180)).save(folder / "1-small.jpg", quality=80)
    library.index([folder])
    return library


def look(client: TestClient, **order: Any) -> Any:
    """Order a search and wait for its end."""
    response = client.post("/v1/duplicates", json=order)
    assert response.status_code == 202, response.text
    deadline = time.monotonic() + 60
    while (answer := client.get("/v1/duplicates").json())["status"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return answer


def groups(client: TestClient, **asked: Any) -> Any:
    response = client.get("/v1/duplicates/groups", params=asked)
    assert response.status_code == 200, response.text
    return response.json()["groups"]


def shown(group: Any) -> list[tuple[str, bool, bool, str]]:
    return [(member["picture"]["id"], member["keep"], member["there"], member["reason"]) for member in group["members"]]


def test_nothing_has_been_looked_for(client: TestClient) -> None:
    answer = client.get("/v1/duplicates").json()
    assert (answer["status"], answer["groups"], answer["finished_at"]) == ("none", 0, None)
    assert groups(client) == []
    refused(client.post("/v1/duplicates/groups/7", json={"discard": []}), 404, "not-found")
    refused(client.post("/v1/duplicates/groups/7/undo"), 404, "not-found")
    assert client.post("/v1/duplicates/cancel").json()["status"] == "none"


def test_groups_are_found_and_paged_through(doubled: Library, client: TestClient) -> None:
    answer = look(client)
    assert (answer["status"], answer["groups"], answer["pictures"], answer["open"]) == ("done", 2, 5, 2)
    assert answer["finished_at"]
    three, two = groups(client)
    assert shown(three) == [
        ("0.jpg", True, True, "same-file"),
        ("0-b.jpg", False, True, "same-file"),
        ("0-c.jpg", False, True, "same-file"),
    ]
    assert shown(two) == [("1.jpg", True, True, "same-picture"), ("1-small.jpg", False, True, "same-picture")]
    assert all(member["score"] > 0.9 for member in two["members"])
    page = client.get("/v1/duplicates/groups", params={"limit": 1}).json()
    assert (page["groups"], page["next_offset"]) == ([three], 1)
    page = client.get("/v1/duplicates/groups", params={"limit": 1, "offset": 1}).json()
    assert (page["groups"], page["next_offset"]) == ([two], None)
    assert look(client, keep="smallest")["groups"] == 2
    assert shown(groups(client)[1])[0][0] == "1-small.jpg"


def test_a_decision_takes_pictures_out_and_is_undone(doubled: Library, client: TestClient) -> None:
    look(client)
    number = groups(client)[0]["number"]
    before = {id: doubled.get(id, vector=True) for id in ("0.jpg", "0-b.jpg", "0-c.jpg")}
    decided = client.post(f"/v1/duplicates/groups/{number}", json={"discard": ["0.jpg", "0-c.jpg"]}).json()
    assert decided["decided"]
    assert [(id, keep, there) for id, keep, there, _ in shown(decided)] == [
        ("0.jpg", False, False),
        ("0-b.jpg", True, True),
        ("0-c.jpg", False, False),
    ]
    assert doubled.count() == 6
    refused(client.get("/v1/pictures/0.jpg"), 404, "not-found")
    assert "0.jpg" not in [hit["id"] for hit in client.post("/v1/search", json={"id": "0-b.jpg"}).json()["hits"]]
    assert [group["number"] for group in groups(client, open=False)] == [number]
    assert client.get("/v1/duplicates").json()["open"] == 1
    refused(client.post(f"/v1/duplicates/groups/{number}", json={"discard": []}), 422, "query")
    back = client.post(f"/v1/duplicates/groups/{number}/undo").json()
    assert not back["decided"]
    assert [(keep, there) for _, keep, there, _ in shown(back)] == [(True, True), (False, True), (False, True)]
    for id, record in before.items():
        again = doubled.get(id, vector=True)
        assert record.vector is not None
        assert again.vector is not None
        assert float(record.vector @ again.vector) == pytest.approx(1, abs=1e-6)
        assert (again.uri, again.sha256, again.attributes) == (record.uri, record.sha256, record.attributes)
    assert client.post(f"/v1/duplicates/groups/{number}/undo").status_code == 200


def test_only_pictures_of_the_group_are_discarded(doubled: Library, client: TestClient) -> None:
    look(client)
    number = groups(client)[0]["number"]
    refused(client.post(f"/v1/duplicates/groups/{number}", json={"discard": ["1.jpg"]}), 422, "query")
    refused(client.post(f"/v1/duplicates/groups/{number}", json={"discard": ["0.jpg", "0.jpg"]}), 422, "invalid")
    refused(client.post("/v1/duplicates", json={"keep": "nicest"}), 422, "invalid")
    assert doubled.count() == 8


def test_pictures_that_were_sent_come_back_with_their_files(
    tmp_path: Path, settings: Settings, encoder: FakeEncoder
) -> None:
    """Behind a restart, too, and after another search."""
    sent = png(photograph(1, (480, 360)))
    with (
        Library.create(tmp_path / "sent", encoder, {"category": "str"}, settings) as library,
        TestClient(create_app(library), base_url=HERE) as client,
    ):
        for id in ("one", "other"):
            library.add(sent, id=id, attributes={"category": "红色"})
        look(client)
        (group,) = groups(client)
        client.post(f"/v1/duplicates/groups/{group['number']}", json={"discard": ["other"]})
        assert look(client)["open"] == 0
    with (
        Library.open(tmp_path / "sent", encoder, settings) as library,
        TestClient(create_app(library), base_url=HERE) as client,
    ):
        assert library.count() == 1
        assert client.get("/v1/duplicates").json()["status"] == "done"
        assert client.post(f"/v1/duplicates/groups/{group['number']}/undo").status_code == 200
        assert client.get("/v1/originals/other").content == sent
        assert library.get("other").attributes == {"category": "红色"}


def test_a_picture_comes_back_with_its_parts(tmp_path: Path, settings: Settings, encoder: FakeEncoder) -> None:
    with (
        Library.create(tmp_path / "parts", encoder, settings=settings, regions=True) as library,
        TestClient(create_app(library), base_url=HERE) as client,
    ):
        data = png(photograph(1, (480, 360)))
        for id in ("one", "other"):
            library.add(data, id=id)
        before = [(hit.id, hit.score) for hit in library.search(data, regions=True)]
        look(client)
        (group,) = groups(client)
        client.post(f"/v1/duplicates/groups/{group['number']}", json={"discard": ["one", "other"]})
        assert library.search(data, regions=True) == []
        client.post(f"/v1/duplicates/groups/{group['number']}/undo")
        again = [(hit.id, hit.score) for hit in library.search(data, regions=True)]
        assert sorted(id for id, _ in again) == ["one", "other"]
        assert [score for _, score in again] == pytest.approx([score for _, score in before])


def test_a_picture_that_came_back_otherwise_stays_as_it_is(doubled: Library, client: TestClient) -> None:
    look(client)
    number = groups(client)[1]["number"]
    client.post(f"/v1/duplicates/groups/{number}", json={"discard": ["1-small.jpg"]})
    doubled.add(png(photograph(9, (480, 360))), id="1-small.jpg")
    new = doubled.get("1-small.jpg").sha256
    client.post(f"/v1/duplicates/groups/{number}/undo")
    assert doubled.get("1-small.jpg").sha256 == new


def test_a_picture_that_was_deleted_otherwise_is_left_out(doubled: Library, client: TestClient) -> None:
    look(client)
    doubled.delete(["0-b.jpg"])
    assert [id for id, *_ in shown(groups(client)[0])] == ["0.jpg", "0-c.jpg"]


@pytest.fixture
def held(doubled: Library, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Searches wait in the middle until the event is set."""
    go_on = threading.Event()
    iterate = type(doubled.generation.store).iterate

    def slowly(*arguments: Any, **options: Any) -> Any:
        for record in iterate(*arguments, **options):
            go_on.wait(60)
            yield record

    monkeypatch.setattr(type(doubled.generation.store), "iterate", slowly)
    yield go_on
    go_on.set()


def let_go_when_stopped(client: TestClient, held: threading.Event) -> None:
    """Let the search go on once it has been told to stop."""
    runs = client.app.state.context.jobs._runs  # type: ignore[attr-defined]

    def watch() -> None:
        while not any(run.stop.wait(0.01) for run in list(runs.values())):
            pass
        held.set()

    threading.Thread(target=watch, daemon=True).start()


def test_a_search_goes_on_beside_everything_else_and_is_cancelled(
    doubled: Library, client: TestClient, held: threading.Event
) -> None:
    assert client.post("/v1/duplicates", json={}).json()["status"] == "running"
    again = client.post("/v1/duplicates", json={"keep": "newest"})
    assert (again.status_code, again.json()["status"]) == (202, "running")
    assert client.post("/v1/search", json={"id": "0.jpg"}).json()["hits"]
    assert client.delete("/v1/pictures/4.jpg").status_code == 204
    doubled.add(png(photograph(11)), id="new")
    let_go_when_stopped(client, held)
    assert client.post("/v1/duplicates/cancel").json()["status"] == "cancelled"
    assert groups(client) == []
    assert look(client)["status"] == "done"


def test_a_search_ends_with_the_server(doubled: Library, open_server: Open, held: threading.Event) -> None:
    with TestClient(create_app(doubled), base_url=HERE) as client:
        client.post("/v1/duplicates", json={})
        let_go_when_stopped(client, held)
    assert open_server().get("/v1/duplicates").json()["status"] == "cancelled"


def test_a_search_on_a_full_disk_says_so(doubled: Library, open_server: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    client = open_server()

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def unwritable(*_: object) -> None:
        raise StateError("the state database failed: database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr("tempfile.TemporaryFile", full)
        patched.setattr("yunmeng.apps.duplicates.tables.DuplicateTables.finish", unwritable)
        answer = look(client)
    assert answer["status"] == "failed"
    assert "No space left on device" in answer["error"]
    assert answer["finished_at"]
    cut_off = open_server().get("/v1/duplicates").json()  # all that the database has of it is that it began
    assert cut_off["status"] == "failed"
    assert "look for duplicates again" in cut_off["error"]
    with monkeypatch.context() as patched:
        patched.setattr("yunmeng.apps.duplicates.tables.DuplicateTables.begin", unwritable)
        answer = look(client)
    assert (answer["status"], answer["error"]) == ("failed", "the state database failed: database or disk is full")
    with monkeypatch.context() as patched:
        patched.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=15_000_000))
        answer = look(client)
    assert (answer["status"], "the disk is nearly full" in answer["error"]) == ("failed", True)
    assert look(client)["status"] == "done"


def test_who_may_only_search_decides_nothing(doubled: Library, open_server: Open) -> None:
    keys = Keys(doubled.state)
    client = open_server(keys_required=True)
    headers = {"Authorization": f"Bearer {keys.create('reader', 'search')[1]}"}
    refused(client.post("/v1/duplicates", json={}, headers=headers), 403, "scope")
    for method, path in (("GET", ""), ("POST", "/cancel"), ("GET", "/groups"), ("POST", "/groups/1/undo")):
        refused(client.request(method, f"/v1/duplicates{path}", headers=headers), 403, "scope")
