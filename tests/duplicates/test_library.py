"""What a library keeps of its duplicates."""

import io
import threading
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from tests.conftest import STATES, state_of, write_pictures
from tests.imaging.samples import photograph
from tests.needing import need
from yunmeng.apps.duplicates import Duplicates
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import QueryError, RecordNotFound, StoreError
from yunmeng.library import Library

need("faiss", "cv2", extra="copies")


@pytest.fixture(params=STATES)
def state_url(request: pytest.FixtureRequest) -> str:
    return state_of(request)


@pytest.fixture
def twins(library: Library, tmp_path: Path) -> Library:
    """Three pictures, and one of them again."""
    folder = write_pictures(tmp_path / "pictures", 3)
    (folder / "000-b.jpg").write_bytes((folder / "000.jpg").read_bytes())
    library.index([folder])
    return library


def test_a_search_that_is_stopped_leaves_what_was_found_before(twins: Library) -> None:
    before = Duplicates(twins).find().numbers
    stop = threading.Event()
    stop.set()
    assert Duplicates(twins).find(stop=stop).interrupted
    search, counts = Duplicates(twins).last_search()
    assert (search.status, counts.groups) == ("cancelled", 1)
    assert [group.number for group in Duplicates(twins).groups()] == list(before)


def test_why_a_search_failed_is_kept(twins: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise StoreError("the disk is on fire")

    monkeypatch.setattr(type(twins.generation.store), "iterate", fail)
    with pytest.raises(StoreError):
        Duplicates(twins).find()
    assert Duplicates(twins).last_search()[0].status == "failed"
    assert Duplicates(twins).last_search()[0].error == "the disk is on fire"


def test_numbers_never_come_to_mean_other_groups(twins: Library) -> None:
    first = Duplicates(twins).find().numbers
    assert set(Duplicates(twins).find().numbers).isdisjoint(first)
    with pytest.raises(RecordNotFound):
        Duplicates(twins).decide(first[0], [])


def test_what_was_discarded_outlives_the_next_search_and_another_encoder(
    twins: Library, settings: Settings, tmp_path: Path
) -> None:
    (number,) = Duplicates(twins).find().numbers
    Duplicates(twins).decide(number, ["000-b.jpg"])
    twins.reencode(FakeEncoder(), regions=True)
    assert Duplicates(twins).find().groups == []
    with pytest.raises(QueryError):
        Duplicates(twins).decide(number, [])
    (group,) = Duplicates(twins).groups()
    assert [(one.record.id, one.there) for one in group.members] == [("000.jpg", True), ("000-b.jpg", False)]
    Duplicates(twins).undo(number)
    again = twins.search(id="000-b.jpg", regions=True)
    assert {hit.id for hit in again[:2]} == {"000.jpg", "000-b.jpg"}


def test_pictures_of_the_web_are_not_fetched_again(tmp_path: Path, settings: Settings, httpserver: HTTPServer) -> None:
    whole = photograph(1, (480, 360))
    for name, image in (("/a.jpg", whole), ("/b.jpg", whole.crop((40, 30, 480, 360)))):
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=90)
        httpserver.expect_request(name).respond_with_data(stream.getvalue(), content_type="image/jpeg")
    open_here = settings.model_copy(update={"private_urls": True})
    with Library.create(tmp_path / "web", FakeEncoder(), settings=open_here) as library:
        for name in ("/a.jpg", "/b.jpg"):
            library.add(httpserver.url_for(name))
        asked = len(httpserver.log)
        one, other = (library.get(httpserver.url_for(name), vector=True).vector for name in ("/a.jpg", "/b.jpg"))
        assert one is not None
        assert other is not None
        assert float(one @ other) > 0.6  # close enough to be looked at
        Duplicates(library).find()
        assert len(httpserver.log) == asked
