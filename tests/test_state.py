"""The state database."""

import importlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.command import upgrade
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, select, text

import yunmeng.state
from tests.conftest import STATES, state_of
from yunmeng.apps import APPS
from yunmeng.errors import StateError
from yunmeng.state import Failure, Progress, State
from yunmeng.state.migrate import NEWEST
from yunmeng.state.sqlite import SQLiteBackend
from yunmeng.state.tables import Base, CheckpointRow, JobRow
from yunmeng.state.word_tables import TABLES

Open = Callable[[], State]


@pytest.fixture(params=STATES)
def state_url(request: pytest.FixtureRequest) -> str:
    return state_of(request)


@pytest.fixture
def opened(state_url: str, tmp_path: Path) -> Open:
    """Opens one and the same database each time."""
    return lambda: State.open(tmp_path / "state.db", state_url)


def test_a_job_is_kept_with_its_last_checkpoint_and_failures(opened: Open) -> None:
    with opened() as state:
        job = state.start_job("index", {"sources": ["照片"]})
        state.checkpoint(job.id, Progress(10, 1, 1, "a.jpg"), [Failure("x.jpg", "empty")])
        state.checkpoint(job.id, Progress(20, 2, 2, "b.jpg"), [Failure("y\udcff.jpg", "truncated")])
        state.finish_job(job.id, "done")
    with opened() as state:
        found = state.last_job("index")
        assert found is not None
        assert (found.status, found.arguments, found.progress) == (
            "done",
            {"sources": ["照片"]},
            Progress(20, 2, 2, "b.jpg"),
        )
        assert found.started_at == job.started_at
        assert found.finished_at is not None
        assert found.finished_at >= found.started_at
        assert state.failures(job.id) == [Failure("x.jpg", "empty"), Failure("y\\udcff.jpg", "truncated")]
        assert state.last_job("export") is None


def test_a_job_left_running_is_found_interrupted(tmp_path: Path) -> None:
    with State.open(tmp_path / "state.db") as state:
        first = state.start_job("index", {})
        assert state.last_job() == first
        second = state.start_job("export", {})
        assert state.last_job("index") is not None
        assert state.last_job("index").status == "interrupted"  # type: ignore[union-attr]
        assert state.last_job() == second


def test_old_jobs_go_with_all_their_rows(opened: Open) -> None:
    with opened() as state:
        first = state.start_job("index", {})
        state.checkpoint(first.id, Progress(), [Failure("x", "empty")])
        state.finish_job(first.id, "failed")
        for _ in range(100):
            state.finish_job(state.start_job("index", {}).id, "done")
        assert state.failures(first.id) == []
        with state.reading() as session:
            counts = [session.scalar(select(func.count()).select_from(table)) for table in (JobRow, CheckpointRow)]
        assert counts == [100, 100]


def test_a_durable_transaction_is_synced(tmp_path: Path) -> None:
    with State.open(tmp_path / "state.db") as state:
        for durable, level in ((False, 1), (True, 2), (False, 1)):  # SQLite's NORMAL and FULL
            with state.transaction(durable=durable) as session:
                assert session.scalar(text("PRAGMA synchronous")) == level


def test_migrations_make_exactly_the_tables_that_the_code_uses(opened: Open) -> None:
    for app in APPS:
        if app.tables is not None:
            importlib.import_module(app.tables)
    with opened() as state, state.reading() as session:
        tables = [Base.metadata, TABLES] if state.shared else [Base.metadata]
        context = MigrationContext.configure(session.connection())
        assert compare_metadata(context, tables) == []  # type: ignore[arg-type]  # it takes several as well


def test_a_new_file_has_the_tables_that_the_steps_make_in_an_old_one(tmp_path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(yunmeng.state.__file__).with_name("migrations")))
    with closing(SQLiteBackend(tmp_path / "old.db")) as old, old.engine.begin() as connection:
        config.attributes["connection"] = connection
        upgrade(config, "0001")
    made = {}
    for name in ("old.db", "new.db"):
        with State.open(tmp_path / name) as state, state.reading() as session:
            tables = session.execute(text("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"))
            made[name] = [tuple(row) for row in tables], session.scalar(text("SELECT version_num FROM alembic_version"))
    assert made["new.db"] == made["old.db"]


def test_the_newest_revision_is_the_one_that_is_named() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(yunmeng.state.__file__).with_name("migrations")))
    assert ScriptDirectory.from_config(config).get_current_head() == NEWEST


@pytest.mark.parametrize("damage", ["other file", "newer version"])
def test_what_is_no_state_database_of_ours_is_refused_in_one_line(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "state.db"
    if damage == "other file":
        path.write_bytes(b"this is no database" * 100)
    else:
        State.open(path).close()
        connection = sqlite3.connect(path)
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
        connection.close()
    with pytest.raises(StateError) as error:
        State.open(path)
    assert "\n" not in str(error.value)
