"""Pictures that come into a folder are checked once; findings are kept and sent; false alarms are never told again."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.conftest import STATES, state_of
from tests.copyright.test_checking import file
from tests.imaging.samples import photograph
from tests.needing import need
from yunmeng.apps.copyright import Works
from yunmeng.apps.copyright.watching.tables import Finding
from yunmeng.apps.copyright.watching.webhook import signature
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import PictureError, QueryError, RecordNotFound, SourceError
from yunmeng.library import Library
from yunmeng.types import Failure

need("cv2", "faiss", extra="copies")
need("watchfiles", extra="copyright")


@pytest.fixture(params=STATES)
def state_url(request: pytest.FixtureRequest) -> str:
    return state_of(request)


def suspect(seed: int, quality: int = 70) -> bytes:
    return file(photograph(seed, (240, 180)).crop((10, 10, 230, 170)), quality)


def filled(library: Library) -> Works:
    works = Works(library)
    for seed in range(3):
        library.add(file(photograph(seed, (240, 180))), id=f"work-{seed}")
        works.register(library.get(f"work-{seed}"), owner=f"Owner {seed}", title=f"桥 {seed}")
    return works


@pytest.fixture
def watched(library: Library) -> Works:
    return filled(library)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "downloads"
    place.mkdir()
    return place


def watch_once(works: Works, folder: Path) -> list[Finding | Failure]:
    events: list[Finding | Failure] = []
    works.watch([folder], events.append, threading.Event(), once=True)
    return events


def test_each_picture_is_told_once(watched: Works, folder: Path) -> None:
    (folder / "copy.jpg").write_bytes(suspect(1))
    (folder / "stranger.jpg").write_bytes(suspect(7))
    (folder / "notes.txt").write_text("no picture", encoding="utf-8")
    (event,) = watch_once(watched, folder)
    assert isinstance(event, Finding)
    assert (event.work, event.source, event.found["owner"]) == (2, str(folder / "copy.jpg"), "Owner 1")
    assert watch_once(watched, folder) == []
    (folder / "the same.jpg").write_bytes(suspect(1))
    assert watch_once(watched, folder) == []
    assert [finding.number for finding in watched.findings.all()] == [event.number]


def test_a_broken_picture_is_named_and_tried_again(watched: Works, folder: Path) -> None:
    whole = suspect(2)
    (folder / "half.jpg").write_bytes(whole[:300])
    (event,) = watch_once(watched, folder)
    assert isinstance(event, Failure)
    assert event.path == str(folder / "half.jpg")
    (folder / "half.jpg").write_bytes(whole)
    (event,) = watch_once(watched, folder)
    assert isinstance(event, Finding)


def test_pictures_are_checked_as_they_come(watched: Works, folder: Path) -> None:
    stop, told = threading.Event(), threading.Event()
    events: list[Finding | Failure] = []

    def on_event(event: Finding | Failure) -> None:
        events.append(event)
        told.set()

    thread = threading.Thread(target=watched.watch, args=([folder], on_event, stop))
    thread.start()
    try:
        (folder / "copy.jpg").write_bytes(suspect(0))
        assert told.wait(60)
    finally:
        stop.set()
        thread.join(60)
    assert [event.work for event in events if isinstance(event, Finding)] == [1]


def test_a_false_alarm_is_never_told_again(watched: Works, folder: Path, library: Library) -> None:
    (folder / "copy.jpg").write_bytes(suspect(1))
    (event,) = watch_once(watched, folder)
    assert isinstance(event, Finding)
    assert watched.findings.dismiss(event.number).dismissed
    assert watched.findings.all() == []
    assert [finding.number for finding in watched.findings.all(dismissed=True)] == [event.number]
    assert watched.check(suspect(1)) == []
    assert watched.check(suspect(1, quality=50)) == []  # compressed anew, it is the same picture
    assert [match.work.number for match in watched.check(suspect(2))] == [3]
    (folder / "again.jpg").write_bytes(suspect(1, quality=60))
    assert watch_once(watched, folder) == []
    with pytest.raises(RecordNotFound, match="no finding 99"):
        watched.findings.dismiss(99)


@pytest.fixture
def sending(tmp_path: Path, settings: Settings, httpserver: HTTPServer) -> Iterator[Works]:
    from pydantic import SecretStr

    told = {"webhook_url": httpserver.url_for("/found"), "webhook_secret": SecretStr("密钥")}
    with Library.create(tmp_path / "sending", FakeEncoder(), settings=settings.model_copy(update=told)) as library:
        yield filled(library)


def test_findings_are_sent_signed_and_again_where_that_failed(
    sending: Works, folder: Path, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yunmeng.apps.copyright.watching.webhook._FIRST_WAIT", 0)
    got: list[Request] = []

    def take(request: Request) -> Response:
        request.get_data()
        got.append(request)
        return Response(status=503 if len(got) == 1 else 200)

    httpserver.expect_request("/found", method="POST").respond_with_handler(take)
    (folder / "copy.jpg").write_bytes(suspect(1))
    finding, failure = watch_once(sending, folder)
    assert isinstance(finding, Finding)
    assert isinstance(failure, Failure)
    assert "503" in failure.reason
    assert watch_once(sending, folder) == []  # nothing new is found, and what failed is sent
    assert watch_once(sending, folder) == []
    assert len(got) == 2
    body = got[1].get_data()
    assert json.loads(body)["finding"] == finding.number
    assert json.loads(body)["owner"] == "Owner 1"
    stamp, signed = got[1].headers["X-Yunmeng-Timestamp"], got[1].headers["X-Yunmeng-Signature"]
    assert signed == signature("密钥", stamp, body)
    assert signed != signature("other", stamp, body)


def test_what_cannot_be_watched_is_told(watched: Works, tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(SourceError, match="no such file or folder"):
        watched.watch([tmp_path / "nowhere"], print, threading.Event())
    with pytest.raises(PictureError):
        watched.inspect(str(tmp_path / "nowhere.jpg"))
    told = settings.model_copy(update={"webhook_url": "http://127.0.0.1:9/"})
    library = Library.create(tmp_path / "other", FakeEncoder(), settings=told)
    with library, pytest.raises(QueryError, match="YUNMENG_WEBHOOK_SECRET"):
        Works(library).watch([tmp_path], print, threading.Event())
