"""All pictures of a library are checked against the works; a run that was stopped goes on where it was."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import STATES, state_of
from tests.copyright.test_checking import file
from tests.imaging.samples import photograph
from tests.live import serving
from tests.needing import need
from yunmeng.apps.copyright import Works
from yunmeng.apps.copyright.watching.libraries import LibraryTally
from yunmeng.apps.copyright.watching.tables import Finding
from yunmeng.client import Client
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library
from yunmeng.server import create_app
from yunmeng.types import Failure

need("cv2", "faiss", extra="copies")

Event = Finding | Failure


@pytest.fixture(params=STATES)
def state_url(request: pytest.FixtureRequest) -> str:
    return state_of(request)


def picture(seed: int, quality: int = 90) -> bytes:
    return file(photograph(seed, (240, 180)), quality)


@pytest.fixture
def works(library: Library) -> Works:
    """Two works, and a copy of the second."""
    works = Works(library)
    for seed in range(2):
        library.add(picture(seed), id=f"work-{seed}")
        works.register(library.get(f"work-{seed}"), owner=f"Owner {seed}")
    library.add(picture(1, 60), id="copy")
    return works


@pytest.fixture
def other(tmp_path: Path, settings: Settings) -> Iterator[Library]:
    with Library.create(tmp_path / "other", FakeEncoder(), settings=settings) as other:
        (tmp_path / "same.jpg").write_bytes(picture(0))
        (tmp_path / "copy.jpg").write_bytes(picture(1, 60))
        other.index([tmp_path / "same.jpg", tmp_path / "copy.jpg"])
        yield other


def numbers(events: list[Event]) -> dict[str, int]:
    return {Path(event.source).name: event.work for event in events if isinstance(event, Finding)}


def test_the_library_itself_is_checked_without_its_works(works: Works) -> None:
    events: list[Event] = []
    assert works.check_library(events.append) == LibraryTally(total=3, checked=1, skipped=2)
    assert numbers(events) == {"id:copy": 2}
    assert [finding.source for finding in works.findings.all()] == ["id:copy"]
    assert works.check_library(events.append) == LibraryTally(total=3, skipped=3)
    assert len(events) == 1


def test_another_library_is_checked_with_what_is_equal(works: Works, other: Library) -> None:
    events: list[Event] = []
    assert works.check_library(events.append, other).checked == 2
    assert numbers(events) == {"same.jpg": 1, "copy.jpg": 2}


def test_a_run_that_is_stopped_keeps_what_it_found(works: Works, other: Library) -> None:
    stop = threading.Event()
    events: list[Event] = []

    def after_the_first(tally: LibraryTally) -> None:
        if tally.checked:
            stop.set()

    first = works.check_library(events.append, other, on_check=after_the_first, stop=stop)
    assert (first.checked, first.interrupted) == (1, True)
    rest = works.check_library(events.append, other)
    assert (rest.checked, rest.skipped, rest.interrupted) == (1, 1, False)
    assert len(numbers(events)) == 2


def test_a_picture_that_is_gone_is_named(works: Works, other: Library, tmp_path: Path) -> None:
    (tmp_path / "same.jpg").unlink()
    events: list[Event] = []
    assert works.check_library(events.append, other).failed == 1
    (failure,) = (event for event in events if isinstance(event, Failure))
    assert failure.path.endswith("same.jpg")


def test_the_check_is_a_job_of_the_server(works: Works, library: Library) -> None:
    with serving(create_app(library)) as address, Client(address) as client:
        *_, job = client.follow_job(client.check_library().job)
        assert (job.status, job.done, job.failed) == ("done", 3, 0)
        assert [finding.source for finding in client.copy_findings()] == ["id:copy"]
