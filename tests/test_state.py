"""The state database."""

import importlib
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

import yunmeng.state
from yunmeng.apps import APPS
from yunmeng.errors import StateError
from yunmeng.state import Failure, Progress, State
from yunmeng.state.migrate import NEWEST
from yunmeng.state.tables import Base


def test_a_job_is_kept_with_its_last_checkpoint_and_failures(tmp_path: Path) -> None:
    with State.open(tmp_path / "state.db") as state:
        job = state.start_job("index", {"sources": ["照片"]})
        state.checkpoint(job.id, Progress(10, 1, 1, "a.jpg"), [Failure("x.jpg", "empty")])
        state.checkpoint(job.id, Progress(20, 2, 2, "b.jpg"), [Failure("y\udcff.jpg", "truncated")])
        state.finish_job(job.id, "done")
    with State.open(tmp_path / "state.db") as state:
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


def test_old_jobs_go_with_all_their_rows(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with State.open(path) as state:
        first = state.start_job("index", {})
        state.checkpoint(first.id, Progress(), [Failure("x", "empty")])
        for _ in range(100):
            state.start_job("index", {})
        assert state.failures(first.id) == []
    with sqlite3.connect(path) as connection:
        counts = [connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("jobs", "checkpoints")]
    connection.close()
    assert counts == [100, 100]


def test_a_durable_transaction_is_synced(tmp_path: Path) -> None:
    with State.open(tmp_path / "state.db") as state:
        for durable, level in ((False, 1), (True, 2), (False, 1)):  # SQLite's NORMAL and FULL
            with state.transaction(durable=durable) as session:
                assert session.scalar(text("PRAGMA synchronous")) == level


def test_migrations_make_exactly_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    for app in APPS:
        if app.tables is not None:
            importlib.import_module(app.tables)
    State.open(tmp_path / "state.db").close()
    engine = create_engine(f"sqlite:///{tmp_path}/state.db")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()


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
