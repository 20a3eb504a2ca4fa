"""The state where many processes have it open: PostgreSQL."""

import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.conftest import CommandLine, told_in_one_line
from tests.postgres_server import PostgresServer, running_postgres
from yunmeng.config import Settings
from yunmeng.errors import Busy, LibraryError, LibraryExists, LibraryMoved, StateError
from yunmeng.state import State, contents, leases, runner
from yunmeng.state.contents import SharedContents
from yunmeng.state.keys import Keys
from yunmeng.state.postgresql import PostgreSQLBackend
from yunmeng.state.runner import JobKind, JobRun, JobRunner
from yunmeng.state.urls import check_state, named_state, same_state

NOWHERE = Path("not", "used")


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.database()


@pytest.fixture
def two(url: str) -> Iterator[tuple[State, State]]:
    """Two processes, as far as the database can tell."""
    with State.open(NOWHERE, url) as one, State.open(NOWHERE, url) as other:
        yield one, other


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "LEASE", 1.0)
    monkeypatch.setattr(leases, "BEAT", 0.2)
    monkeypatch.setattr(runner, "LOOK_EVERY", 0.1)


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _open(url: str, begin: Any, made: Any) -> None:
    begin.wait()
    with State.open(NOWHERE, url) as state:
        made.put(state.start_job("index", {}).id)


def test_processes_that_open_a_fresh_database_at_once_migrate_it_once(url: str) -> None:
    context = multiprocessing.get_context("spawn")
    begin, made = context.Barrier(3), context.Queue()
    processes = [context.Process(target=_open, args=(url, begin, made)) for _ in range(3)]
    for process in processes:
        process.start()
    assert sorted(made.get(timeout=120) for _ in processes) == [1, 2, 3]
    for process in processes:
        process.join(60)
        assert process.exitcode == 0


def test_libraries_share_a_database_by_schemas(postgres: PostgresServer) -> None:
    urls = [named_state(postgres.url, name) for name in ("我的店", "2 Shops!", "2 Shops!")]
    assert [url.rpartition("=")[2][:-9] for url in urls] == ["library", "library_2_shops", "library_2_shops"]
    assert len(set(urls)) == 3
    for number, url in enumerate(urls):
        assert same_state(postgres.url, url)
        with State.create(NOWHERE, url) as state:
            Keys(state).create(f"{number}", "search")
    for number, url in enumerate(urls):
        with State.open(NOWHERE, url) as state:
            assert [key.name for key in Keys(state).all()] == [f"{number}"]
    with pytest.raises(LibraryExists, match="another schema"):
        State.create(NOWHERE, urls[0])
    assert not same_state(urls[0], urls[1])
    assert not same_state("sqlite:", urls[0])


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://me:secret@host/db", "YUNMENG_STATE_PASSWORD"),
        ("postgresql://me@host/db?password=secret", "YUNMENG_STATE_PASSWORD"),
        ("postgresql://host", "postgresql://user@host/database"),
        ("mysql://host/db", "postgresql://user@host/database"),
        ("sqlite:///elsewhere.db", "postgresql://user@host/database"),
        ("nonsense", "postgresql://user@host/database"),
        ("", "postgresql://user@host/database"),
        ("postgresql://host/db?schema=Größe", "schema"),
        ("postgresql://host/db?schema=pg_catalog", "schema"),
    ],
)
def test_a_wrong_url_is_refused_in_one_line_that_tells_no_secret(url: str, told: str) -> None:
    with pytest.raises(StateError, match=told) as error:
        check_state(url)
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)


def test_a_database_that_is_not_there_is_told_in_one_line(postgres: PostgresServer) -> None:
    for url in (
        "postgresql://me@127.0.0.1:1/db",
        postgres.url.replace("/postgres?", "/nothing?"),
        f"{postgres.url}&x=y",
    ):
        with pytest.raises(StateError) as error:
            State.open(NOWHERE, url, Settings(state_password="secret"))
        assert "\n" not in str(error.value)
        assert "secret" not in str(error.value)


def test_a_server_that_was_restarted_is_used_again(url: str) -> None:
    with running_postgres() as server, State.open(NOWHERE, server.database()) as state:
        keys = Keys(state)
        _, secret = keys.create("a", "search")
        for how in (signal.SIGINT, signal.SIGQUIT):
            server.stop(how)
            with pytest.raises(StateError, match="see that PostgreSQL runs there") as error:
                keys.find(secret)
            assert "\n" not in str(error.value)
            server.start()
            assert keys.find(secret) is not None


def test_a_pool_that_is_used_up_names_the_setting(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with State.open(NOWHERE, url, Settings(state_pool=4)) as state:
        monkeypatch.setattr(state._engine.pool, "_timeout", 0.1)
        opened = [state.reading() for _ in range(4)]
        for one in opened:
            one.__enter__().execute(text("SELECT 1"))
        with pytest.raises(StateError, match="YUNMENG_STATE_POOL"):
            state.jobs()
        for one in opened:
            one.__exit__(None, None, None)
        assert state.jobs() == []


def test_transactions_of_processes_wait_for_each_other(two: tuple[State, State]) -> None:
    """Each adds one to what it reads, as the tables of apps do."""

    def count(state: State) -> None:
        for _ in range(50):
            with state.transaction() as session:
                number = session.scalar(text("SELECT name FROM api_keys WHERE id = 'n'"))
                session.execute(text("UPDATE api_keys SET name = :name"), {"name": str(int(number or 0) + 1)})

    with two[0].transaction() as session:
        session.execute(text("INSERT INTO api_keys VALUES ('n', '0', 'search', '', now())"))
    threads = [threading.Thread(target=count, args=(state,)) for state in two]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [key.name for key in Keys(two[0]).all()] == ["100"]


def test_one_process_at_a_time_has_a_lock(two: tuple[State, State]) -> None:
    one, other = two
    with one.exclusive("move"):
        with other.exclusive("records"):
            pass
        with pytest.raises(Busy), other.exclusive("move", wait=False):
            pass
    with other.exclusive("move", wait=False):
        pass


def test_a_backup_of_all_rows_goes_into_a_file_and_back(
    two: tuple[State, State], postgres: PostgresServer, tmp_path: Path
) -> None:
    one, _ = two
    job = one.start_job("index", {"sources": ["照片\0\udcff"]})
    _, secret = Keys(one).create("店\0", "write")
    one.finish_job(job.id, "done")
    file = tmp_path / "state.db"
    one.copy_to(file)
    with State.open(file) as copied:
        assert copied.last_job() == one.last_job()
        assert Keys(copied).find(secret) == Keys(one).find(secret)
    with State.create(NOWHERE, postgres.database()) as back:
        back.fill_from(file)
        assert back.last_job() == one.last_job()
        assert Keys(back).find(secret) == Keys(one).find(secret)
        assert back.start_job("index", {}).id > job.id
        assert back.damage() is None


def test_damage_is_told(two: tuple[State, State]) -> None:
    one, other = two
    assert other.damage() is None
    with one.transaction() as session:
        session.execute(text("DROP TABLE failures"))
    assert other.damage() == "the table failures is missing"


class TestLeases:
    def test_a_job_is_taken_once_by_whoever_comes_first(self, two: tuple[State, State]) -> None:
        numbers = [two[0].queue_job("import", {}).id for _ in range(40)]
        taken: list[int] = []

        def take(state: State) -> None:
            while (job := state.take_job("import")) is not None or state.free_jobs({"import"}):
                if job is not None:
                    taken.append(job.id)
                    state.finish_job(job.id, "done")

        threads = [threading.Thread(target=take, args=(two[number % 2],)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(taken) == numbers

    def test_one_of_a_kind_runs_at_a_time_in_all_processes(self, two: tuple[State, State]) -> None:
        one, other = two
        first, second = one.queue_job("import", {}), one.queue_job("import", {})
        assert one.take_job("import") == first
        assert other.take_job("import") is None
        with pytest.raises(Busy, match=f"job {first.id} "):
            other.start_job("index", {}, beside=("index", "import"))
        one.finish_job(first.id, "done")
        running = other.start_job("index", {}, beside=("index", "import"))
        assert one.take_job("import", beside=("index",)) is None
        other.finish_job(running.id, "done")
        assert one.take_job("import", beside=("index",)) == second

    @pytest.mark.usefixtures("hurried")
    def test_a_lease_that_is_renewed_is_nobody_elses(
        self, two: tuple[State, State], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(leases, "LEASE", 2.5)  # a beat may come late
        one, other = two
        job = one.queue_job("import", {})
        assert one.take_job("import") is not None
        with one.holding(job.id, threading.Event()):
            time.sleep(3)
            assert other.take_job("import") is None
            assert other.free_jobs({"import"}) == set()
        eventually(lambda: other.take_job("import") is not None)

    @pytest.mark.usefixtures("hurried")
    def test_who_seemed_dead_is_stopped_and_changes_nothing(
        self, two: tuple[State, State], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, other = two
        job, stop = one.queue_job("import", {}), threading.Event()
        one.take_job("import")
        eventually(lambda: other.take_job("import") is not None)
        with one.holding(job.id, stop):
            assert stop.wait(30)
        one.finish_job(job.id, "failed", "of the one that is late")
        found = other.job(job.id)
        assert found is not None
        assert (found.status, found.error) == ("running", None)
        other.finish_job(job.id, "done")
        found = one.job(job.id)
        assert found is not None
        assert found.status == "done"

    @pytest.mark.usefixtures("hurried")
    def test_a_job_is_cancelled_by_a_process_that_does_not_run_it(self, two: tuple[State, State]) -> None:
        began = threading.Event()

        def work(run: JobRun) -> bool:
            began.set()
            assert run.stop.wait(30)
            return False

        one, other = (JobRunner(state, lambda *_: None) for state in two)
        for each in (one, other):
            each.add(JobKind(name="wait", work=work))
        one.start()
        try:
            job = other.order("wait", {})  # it is not started, as in a process that serves nothing
            assert began.wait(30)
            assert other.cancel(job.id)
            other.wait(job.id)
            eventually(lambda: not one.works_at(job.id))
            assert two[0].job(job.id).status == "cancelled"  # type: ignore[union-attr]
        finally:
            one.stop()

    @pytest.mark.usefixtures("hurried")
    def test_who_ends_hands_its_job_on(self, two: tuple[State, State]) -> None:
        done: list[str] = []
        began = threading.Event()

        def working(name: str) -> Callable[[JobRun], bool]:
            def work(run: JobRun) -> bool:
                began.set()
                if name == "one":
                    run.stop.wait(30)
                    return False
                done.append(name)
                return True

            return work

        one, other = (JobRunner(state, lambda *_: None) for state in two)
        one.add(JobKind(name="wait", work=working("one")))
        other.add(JobKind(name="wait", work=working("other")))
        one.start()
        job = one.order("wait", {})
        assert began.wait(30)
        other.start()
        one.stop()
        eventually(lambda: two[1].job(job.id).status == "done")  # type: ignore[union-attr]
        other.stop()
        assert done == ["other"]


class TestContents:
    @pytest.fixture
    def pair(self, two: tuple[State, State]) -> tuple[SharedContents, SharedContents]:
        one, other = two
        return SharedContents(lambda: one, 0), SharedContents(lambda: other, 0)

    def named(self, contents: SharedContents, generation: int = 0) -> str:
        eventually(lambda: contents.name(generation) is not None)
        name = contents.name(generation)
        assert name is not None
        return name

    def test_all_know_the_same_name_which_never_comes_back(self, pair: tuple[SharedContents, SharedContents]) -> None:
        one, other = pair
        names = [self.named(one)]
        for writer in (one, other, one):
            assert other.name(0) == names[-1]
            with writer.writing(0):
                assert one.name(0) is None
                assert other.name(0) is None
            names.append(self.named(one))
        assert len(set(names)) == 4

    def test_there_is_no_name_until_the_last_write_has_ended(self, pair: tuple[SharedContents, SharedContents]) -> None:
        one, other = pair
        before = self.named(one)
        with one.writing(0):
            with other.writing(0):
                pass
            assert other.name(0) is None
        assert self.named(other) != before

    def test_what_a_killed_writer_did_is_not_known(
        self, pair: tuple[SharedContents, SharedContents], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, other = pair
        before = self.named(one)
        killed = one.writing(0)
        killed.__enter__()
        assert other.name(0) is None
        monkeypatch.setattr(contents, "WRITE_SECONDS", 0.2)
        after = self.named(other)
        assert after != before
        killed.__exit__(None, None, None)  # it was only slow
        assert self.named(other) not in (before, after)

    def test_a_failed_write_changes_the_name_too(self, pair: tuple[SharedContents, SharedContents]) -> None:
        one, other = pair
        before = self.named(one)
        with pytest.raises(ZeroDivisionError), one.writing(0):
            _ = 1 / 0
        assert self.named(other) != before

    def test_without_the_database_nothing_is_written_and_nothing_has_a_name(self) -> None:
        with running_postgres() as server, State.open(NOWHERE, server.database()) as state:
            contents = SharedContents(lambda: state, 0)
            self.named(contents)
            server.stop()
            assert contents.name(0) is None
            wrote = False
            with pytest.raises(StateError), contents.writing(0):
                wrote = True
            assert not wrote

    def test_a_move_waits_for_writes_and_keeps_later_ones_out(
        self, pair: tuple[SharedContents, SharedContents]
    ) -> None:
        one, other = pair
        order: list[str] = []
        began = threading.Event()

        def write() -> None:
            with other.writing(0):
                began.set()
                time.sleep(0.3)
                order.append("written")

        thread = threading.Thread(target=write)
        thread.start()
        assert began.wait(30)
        with one.moving(1) as about_to:
            order.append("moved")
            with pytest.raises(Busy), other.writing(0):
                pass
            with one.writing(1):
                pass
            about_to()
        thread.join()
        assert order == ["written", "moved"]
        with pytest.raises(LibraryMoved), other.writing(0):
            pass
        with pytest.raises(LibraryMoved):
            other.name(0)
        self.named(one, 1)

    def test_a_move_that_fails_leaves_all_as_it_was(self, pair: tuple[SharedContents, SharedContents]) -> None:
        one, other = pair
        with pytest.raises(ZeroDivisionError), one.moving(1):
            _ = 1 / 0
        with other.writing(0):
            pass
        self.named(other, 0)

    def test_a_move_that_took_too_long_is_given_up(
        self, pair: tuple[SharedContents, SharedContents], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, other = pair
        monkeypatch.setattr(contents, "MOVE_SECONDS", 0.0)

        def move() -> None:
            with one.moving(1) as about_to:
                with other.writing(0):
                    pass
                about_to()

        with pytest.raises(Busy, match="once more"):
            move()
        self.named(other, 0)

    def test_who_was_killed_right_after_a_move_tells_of_it_later(self, two: tuple[State, State]) -> None:
        one, other = two
        self.named(SharedContents(lambda: one, 0))
        self.named(SharedContents(lambda: other, 1), 1)
        with pytest.raises(LibraryError):
            SharedContents(lambda: one, 0).name(0)


def test_by_command(yunmeng: CommandLine, postgres: PostgresServer, make_pictures: Callable[..., Path]) -> None:
    pictures = make_pictures(2)
    index = ("index", pictures, "--db", "library", "--encoder", "efficientnet-lite0", "--state")
    told_in_one_line(yunmeng(*index, "postgresql://me:secret@host/db"), "YUNMENG_STATE_PASSWORD")
    told_in_one_line(yunmeng(*index, "postgresql://me@127.0.0.1:1/db"), "see that PostgreSQL runs there")
    for counts in ("2 indexed, 0 skipped", "0 indexed, 2 skipped"):
        done = yunmeng(*index, postgres.url)
        assert done.returncode == 0, done.stderr
        assert counts in done.stdout
    told_in_one_line(yunmeng(*index, postgres.database()), "leave --state out")
    assert not (yunmeng.folder / "library" / "state.db").exists()
    made = yunmeng("keys", "create", "店", "--scope", "write", "--db", "library")
    assert made.returncode == 0
    assert "店" in yunmeng("keys", "list", "--db", "library").stdout
    assert yunmeng("verify", "library").stdout == "Sound.\n"
    assert yunmeng("backup", "copy", "--db", "library").returncode == 0
    assert yunmeng("restore", "copy", "--db", "again", "--state", postgres.url).returncode == 0
    assert "店" in yunmeng("keys", "list", "--db", "again").stdout
    assert yunmeng("restore", "copy", "--db", "file").returncode == 0
    assert "店" in yunmeng("keys", "list", "--db", "file").stdout


def test_the_password_comes_from_the_settings(postgres: PostgresServer) -> None:
    """The server trusts everybody: what the driver is given is looked at."""
    backend = PostgreSQLBackend(postgres.database(), Settings(state_password="secret"))
    assert backend.engine.url.password == "secret"
    assert "secret" not in repr(backend.engine.url)
    backend.close()
    backend = PostgreSQLBackend(postgres.database(), Settings())
    assert backend.engine.url.password is None  # libpq then looks at PGPASSWORD and ~/.pgpass
    backend.close()
