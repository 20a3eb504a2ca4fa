"""Many processes over one library: a store on a server, the state in PostgreSQL, answers in Redis."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.caching.libraries import SCHEMA, png
from tests.caching.sharing import Member, Slow, as_text, compare, members, without_version
from tests.conftest import write_pictures
from tests.installing import files_of, importable, install
from tests.postgres_server import PostgresServer, running_postgres
from tests.redis_server import RedisServer, running_redis
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import Busy, LibraryError, StateError
from yunmeng.library import Library
from yunmeng.server.job_kinds import importing
from yunmeng.server.observe import Metrics
from yunmeng.state import contents, leases, runner
from yunmeng.state.runner import JobRunner


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A store that processes can share, and that cannot tell when one of them writes."""
    folder = install(files_of("A new store"), tmp_path_factory.mktemp("packages"))
    with importable(folder):
        without_version()
        yield f"{folder}:{Path(__file__).parents[1]}"


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
def own(settings: Settings, redis: RedisServer) -> Settings:
    return settings.model_copy(update={"redis_url": redis.url})


@pytest.fixture
def place(package: str, own: Settings, postgres: PostgresServer, tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    create(folder, own, postgres).close()
    return folder


def create(folder: Path, settings: Settings, postgres: PostgresServer) -> Library:
    url = postgres.database()
    return Library.create(folder, FakeEncoder(), SCHEMA, settings, store="pocket:", state=url)


def reopen(place: Path, settings: Settings) -> Library:
    return Library.open(place, FakeEncoder(), settings)


@pytest.mark.parametrize("entries", [0, 100])
def test_no_answer_is_stale_after_hundreds_of_changes_by_either(
    entries: int, place: Path, own: Settings, package: str
) -> None:
    own = own.model_copy(update={"cache_entries": entries})
    with members(place, own, {"PYTHONPATH": package}) as two:
        counts = compare(two, 800, seed=entries)
    assert counts["stale"] == 0
    assert counts["changes"] > 100
    assert counts["cached"] > 50
    assert counts["by_another"] > 10  # the one answers what the other has found


def test_what_was_deleted_is_never_found_again_while_the_other_searches(
    place: Path, own: Settings, package: str
) -> None:
    gone: set[str] = set()
    stale: list[str] = []
    searches = [0, 0]
    over = threading.Event()

    def ask(member: Member) -> None:
        while not over.is_set():
            before = frozenset(gone)
            found = member.do(do="search", picture=as_text(png(1)), category=None)
            searches[found["cached"]] += 1
            stale.extend(id for id, _, _ in found["hits"] if id in before)

    with members(place, own, {"PYTHONPATH": package}, 3) as (writer, *readers):
        threads = [threading.Thread(target=ask, args=(reader,)) for reader in readers]
        for thread in threads:
            thread.start()
        try:
            for number in range(40):
                writer.do(do="add", id=f"{number}", picture=as_text(png(number)), attributes={"category": "hats"})
                if number % 2:
                    assert writer.do(do="delete", id=f"{number - 1}") == 1
                    gone.add(f"{number - 1}")
            seen = sum(searches)
            deadline = time.monotonic() + 60
            while sum(searches) < seen + 50:  # nothing changes any more
                assert time.monotonic() < deadline
                time.sleep(0.01)
        finally:
            over.set()
            for thread in threads:
                thread.join(timeout=60)
    assert stale == []
    assert searches[True] > 0
    assert searches[False] > 0


def test_a_killed_writer_costs_no_answer_and_its_work_is_done_once(
    place: Path, own: Settings, package: str, tmp_path: Path
) -> None:
    """Killed in the middle of a run, by the one; the other finds it interrupted, and does what is left."""
    folder = write_pictures(tmp_path / "pictures", 30)
    quick = {"LEASE_SECONDS": "2", "PYTHONPATH": package}
    with members(place, own.model_copy(update={"batch_size": 1}), quick) as (one, other):
        one.send(do="index", path=str(folder), slowly=0.2)
        while other.do(do="count") < 5:
            time.sleep(0.05)
        assert other.do(do="index", path=str(folder)) == "busy"
        one.process.send_signal(signal.SIGKILL)
        one.process.wait(30)
        there = other.do(do="count")
        deadline = time.monotonic() + 60
        while (report := other.do(do="index", path=str(folder))) == "busy":
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert report == [30 - there, there, 0]
        assert other.do(do="count") == 30
        deadline = time.monotonic() + 60
        while not other.do(do="search", picture=as_text(png(1)), category=None)["cached"]:
            assert time.monotonic() < deadline  # the note of the write that was killed grows old
            time.sleep(0.2)


def test_a_job_of_a_killed_server_is_done_by_the_other_once(
    place: Path, own: Settings, package: str, tmp_path: Path
) -> None:
    folder = write_pictures(tmp_path / "pictures", 30)
    quick = {"LEASE_SECONDS": "2", "PYTHONPATH": package}
    with members(place, own.model_copy(update={"batch_size": 1}), quick) as (one, other):
        one.do(do="serve", slowly=0.5)
        number = one.do(do="order", path=str(folder))
        while other.do(do="count") < 5:
            time.sleep(0.05)
        other.do(do="serve")
        time.sleep(3)
        assert other.do(do="job", number=number)["status"] == "running"  # by the one, which renews its lease
        assert not other.do(do="job", number=number)["here"]
        one.process.send_signal(signal.SIGKILL)
        one.process.wait(30)
        deadline = time.monotonic() + 60
        while (job := other.do(do="job", number=number))["status"] != "done":
            assert time.monotonic() < deadline, job
            time.sleep(0.1)
        assert other.do(do="count") == 30
        assert sum(job["counts"]) == 30
        assert job["counts"][1] >= 5  # what the one had done is not done again


def test_a_library_that_one_process_has_moved_tells_the_others(place: Path, own: Settings) -> None:
    with reopen(place, own) as one:
        one.add(png(1), id="a", attributes={"category": "hats"})
        before = (place / "library.toml").read_bytes()
        with reopen(place, own) as other:
            other.add(png(2), id="b", attributes={"category": "hats"})
            assert len(other.search(png(3))) == 2
            one.declare({"colour": "str"})
            after = (place / "library.toml").read_bytes()
            (place / "library.toml").write_bytes(before)  # as on a machine that has a copy of its own
            for change in (
                lambda: other.add(png(4), id="c"),
                lambda: other.delete(["a"]),
                lambda: other.search(png(3)),
                lambda: other.declare({"size": "int"}),
            ):
                with pytest.raises(LibraryError, match=r"library\.toml"):
                    change()
            (place / "library.toml").write_bytes(after)
            other.add(png(4), id="c", attributes={"colour": "red"})
            assert {hit.id for hit in other.search(png(3), filter="colour = 'red'")} == {"c"}
            assert {hit.id for hit in one.search(png(3))} == {"a", "b", "c"}


def test_others_open_the_generation_that_one_process_has_made(place: Path, own: Settings) -> None:
    """Each learns of it by another call first, and the one who moves it next is not the one who did before."""
    calls: list[Callable[[Library], object]] = [
        lambda library: library.search(png(3), filter="colour = 'red'"),
        lambda library: library.count(),
        lambda library: library.add(png(1), id="a", attributes={"colour": "red"}),
        lambda library: library.set_attributes("a", {"colour": "red"}),
        lambda library: library.embed(png(1)),
        lambda library: library.declare({"size": "int"}),
    ]
    with ExitStack() as stack:
        one, *others = [stack.enter_context(reopen(place, own)) for _ in range(1 + len(calls))]
        one.add(png(1), id="a", attributes={"category": "hats"})
        one.declare({"colour": "str"})
        for call, other in zip(calls, others, strict=True):
            call(other)
            assert "colour" in other.schema
        one.close()  # which removes what was replaced
        for other in others:
            other.add(png(2), id="b", attributes={"size": 3})
            assert {hit.id for hit in other.search(png(3), filter="size = 3")} == {"b"}
            assert other.count() == 2


def test_an_import_goes_on_in_the_generation_that_another_process_has_made(
    place: Path, own: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "LOOK_EVERY", 0.2)
    folder = write_pictures(tmp_path / "pictures", 20)
    quick = own.model_copy(update={"batch_size": 1})
    with Library.open(place, Slow(), quick) as one, reopen(place, own) as other:
        jobs = JobRunner(one.state, lambda *_: None)
        jobs.add(importing(one, Metrics(), None))
        jobs.start()
        try:
            Slow.by = 0.2
            number = jobs.order("import", {"paths": [str(folder)], "manifest": None, "frames": 1}).id
            wait_for(lambda: one.count() > 5)
            other.declare({"colour": "str"})
            Slow.by = 0.0
            wait_for(lambda: _status(one, number) in ("done", "failed"))
            assert _status(one, number) == "done"
            assert one.count() == other.count() == 20
            assert "colour" in one.schema
        finally:
            Slow.by = 0.0
            jobs.stop()


def test_two_processes_do_not_move_a_library_at_once(place: Path, own: Settings) -> None:
    with reopen(place, own) as one, reopen(place, own) as other:
        with one.generations.moving(), pytest.raises(Busy, match="another process"):
            other.declare({"colour": "str"})
        assert other.schema == SCHEMA


def test_nothing_is_written_while_another_process_holds_the_library_still(
    place: Path, own: Settings, make_pictures: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "PATIENCE", 0.2)
    with reopen(place, own) as one, reopen(place, own) as other:
        other.add(png(1), id="a")
        with one.generations.moving(), one.generations.still() as go_on:
            with pytest.raises(Busy, match="try again later"):
                other.add(png(2), id="b")
            run = threading.Thread(target=other.index, args=([make_pictures(2)],))  # which waits for the end
            run.start()
            time.sleep(0.5)
            go_on()
            assert [hit.id for hit in other.search(png(1))] == ["a"]
            assert one.count() == 1
        run.join(timeout=60)
        assert one.count() == 3
        one.add(png(2), id="b")


def test_second_vectors_are_there_from_the_beginning_or_not_at_all(place: Path, own: Settings) -> None:
    with reopen(place, own) as library, pytest.raises(LibraryError, match="--augment"):
        library.augment()


def test_a_restart_of_the_database_stops_changes_only_and_loses_nothing(
    package: str, own: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LEASE", 2.0)
    monkeypatch.setattr(leases, "BEAT", 0.4)
    monkeypatch.setattr(runner, "LOOK_EVERY", 0.2)
    monkeypatch.setattr(contents, "PAUSE", 0.2)
    monkeypatch.setattr(contents, "WRITE_SECONDS", 2.0)
    folder, encoder = write_pictures(tmp_path / "pictures", 30), Slow()
    own = own.model_copy(update={"batch_size": 1})
    with running_postgres() as server:
        url = server.database()
        with Library.create(tmp_path / "library", encoder, SCHEMA, own, store="pocket:", state=url) as library:
            library.add(png(1), id="a")
            jobs = JobRunner(library.state, lambda *_: None)
            jobs.add(importing(library, Metrics(), None))
            jobs.start()
            try:
                Slow.by = 0.2
                number = jobs.order("import", {"paths": [str(folder)], "manifest": None, "frames": 1}).id
                wait_for(lambda: library.count() > 5)
                server.stop(signal.SIGQUIT)
                with pytest.raises(StateError, match="see that PostgreSQL runs there"):
                    library.add(png(2), id="b")
                hits = library.search(png(1), k=1)
                assert ([hit.id for hit in hits], hits.cached) == (["a"], False)
                there = library.count()
                server.start()
                Slow.by = 0.0
                wait_for(lambda: _status(library, number) == "done")
                assert library.count() == 31
                assert there < 31
                library.add(png(2), id="b")
                wait_for(lambda: library.search(png(1)).cached)  # the write that was cut off is forgotten
            finally:
                Slow.by = 0.0
                jobs.stop()


def _status(library: Library, number: int) -> str | None:
    with suppress(StateError):
        job = library.state.job(number)
        return None if job is None else job.status
    return None


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
