"""The state database: everything a library keeps besides vectors and attributes.

All SQL is in this room and in the tables of apps.
"""

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, overload

from sqlalchemy import URL, Connection, Engine, MetaData, create_engine, delete, event, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from yunmeng.errors import StateError
from yunmeng.state.migrate import migrate
from yunmeng.state.tables import CheckpointRow, FailureRow, JobRow
from yunmeng.types import Closing, Failure, Job, JobStatus, Progress

__all__ = ["Failure", "Job", "Progress", "State"]

KEPT_JOBS = 100
"""Jobs of a kind whose rows are kept; older ones go when a new one starts, so that the database stays small."""


class State(Closing):
    """An open state database. Safe to use from several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._write = threading.Lock()  # SQLite takes one writer; waiting here beats "database is locked"
        self.at_work: set[int] = set()
        """Numbers of the jobs that this process works at: a job that begins beside them, or in one, lets them be."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the SQLite file at ``path``, made where it is missing and migrated where it is old.

        Raises `StateError` if it is no database of ours, or one of a newer version.
        """
        engine = create_engine(URL.create("sqlite", database=str(path)))
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin)
        with _mapped_errors():
            migrate(engine)
        return cls(engine)

    def start_job(self, kind: str, arguments: Mapping[str, Any]) -> Job:
        """Note that a job begins. Jobs marked as running that are not `at_work` are marked as dead."""
        return self._insert_job(kind, arguments, "running")

    def queue_job(self, kind: str, arguments: Mapping[str, Any]) -> Job:
        """Note that a job is to be done; `resume_job` begins it."""
        return self._insert_job(kind, arguments, "queued")

    def requeue_job(self, job_id: int) -> None:
        """Note that a job that has stopped is to go on."""
        with self.transaction() as session:
            session.execute(
                update(JobRow).where(JobRow.id == job_id).values(status="queued", finished_at=None, error=None)
            )

    def resume_job(self, job_id: int) -> None:
        """Note that a queued job begins, or one that has stopped goes on. Its counts start at 0, as it meets all inputs
        again.

        One that was cancelled stays so, until `requeue_job`.
        """
        with self.transaction() as session:
            begun = {"status": "running", "finished_at": None, "error": None}
            session.execute(update(JobRow).where(JobRow.id == job_id, JobRow.status != "cancelled").values(begun))
            session.execute(delete(FailureRow).where(FailureRow.job_id == job_id))
            session.execute(
                update(CheckpointRow).where(CheckpointRow.job_id == job_id).values(indexed=0, skipped=0, failed=0)
            )

    def note(self, job_id: int, arguments: Mapping[str, Any]) -> None:
        """Add to the arguments of a job what it has found out."""
        with self.transaction() as session:
            row = session.get_one(JobRow, job_id)
            row.arguments = {**row.arguments, **arguments}

    def checkpoint(self, job_id: int, progress: Progress, failures: Sequence[Failure] = ()) -> None:
        """Record the progress of a job, with the failures since the last checkpoint."""
        with self.transaction() as session:
            session.execute(
                update(CheckpointRow)
                .where(CheckpointRow.job_id == job_id)
                .values(
                    at=datetime.now(UTC),
                    indexed=progress.indexed,
                    skipped=progress.skipped,
                    failed=progress.failed,
                    last_id=_storable(progress.last_id),
                )
            )
            if failures:
                rows = [{"job_id": job_id, "path": _storable(f.path), "reason": _storable(f.reason)} for f in failures]
                session.execute(insert(FailureRow), rows)

    def finish_job(self, job_id: int, status: JobStatus, error: str | None = None) -> None:
        """Note how a job ended, and why it failed. A cancelled job stays cancelled, however its work ends."""
        with self.transaction() as session:
            ended = {"status": status, "finished_at": datetime.now(UTC), "error": _storable(error)}
            session.execute(update(JobRow).where(JobRow.id == job_id, JobRow.status != "cancelled").values(ended))

    def last_job(self, *kinds: str) -> Job | None:
        """Return the job that was started last (of these kinds)."""
        return next(iter(self.jobs(*kinds, limit=1)), None)

    def jobs(self, *kinds: str, limit: int = KEPT_JOBS) -> list[Job]:
        """Return the jobs (of these kinds), newest first."""
        query = select(JobRow, CheckpointRow).join(CheckpointRow).order_by(JobRow.id.desc()).limit(limit)
        if kinds:
            query = query.where(JobRow.kind.in_(kinds))
        with self.reading() as session:
            return [_job(*found) for found in session.execute(query)]

    def job(self, job_id: int) -> Job | None:
        """Return the job of this number."""
        query = select(JobRow, CheckpointRow).join(CheckpointRow).where(JobRow.id == job_id)
        with self.reading() as session:
            found = session.execute(query).one_or_none()
            return None if found is None else _job(*found)

    def failures(self, job_id: int, limit: int = 1000) -> list[Failure]:
        """Return the inputs that a job could not use, in the order it met them, at most ``limit`` of them."""
        query = select(FailureRow).where(FailureRow.job_id == job_id).order_by(FailureRow.id).limit(limit)
        with self.reading() as session:
            return [Failure(row.path, row.reason) for row in session.scalars(query)]

    def create_missing(self, tables: MetaData) -> None:
        """Create those of ``tables`` that are missing: for apps of other packages, which have no step in migrations."""
        with self._write, _mapped_errors():
            tables.create_all(self._engine)

    def copy_to(self, path: Path) -> None:
        """Write the database, as it is now, to a new file. Raises `StateError`."""
        with _mapped_errors(), self._engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            try:
                driver.execute("VACUUM INTO ?", (str(path),))
            except sqlite3.Error as exc:
                raise StateError(f"cannot copy the state database to {path}: {exc}") from exc

    def damage(self) -> str | None:
        """Return what is wrong with the file of the database, as SQLite finds it; None where nothing is."""
        with _mapped_errors(), self.reading() as session:
            found = session.execute(text("PRAGMA quick_check(1)")).scalar_one()
        return None if found == "ok" else str(found)

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[Session]:
        """Open a session that is committed at the end. For this package, and for the tables of apps.

        With ``durable`` it survives a power cut as soon as it is committed, at the price of a sync; without, a while
        later.
        """
        with (
            self._write,
            _mapped_errors(),
            self._engine.connect() as connection,
            _synced(connection) if durable else nullcontext(),
            Session(connection) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session that only reads. For this package, and for the tables of apps."""
        with _mapped_errors(), Session(self._engine) as session:
            yield session

    def _insert_job(self, kind: str, arguments: Mapping[str, Any], status: JobStatus) -> Job:
        now = datetime.now(UTC)
        with self.transaction() as session:
            if status == "running":
                self._bury_running(session)
            over = select(JobRow.id).where(JobRow.kind == kind, JobRow.status.not_in(("queued", "running")))
            old = over.order_by(JobRow.id.desc()).offset(KEPT_JOBS - 1)
            session.execute(delete(JobRow).where(JobRow.id.in_(old)))
            row = JobRow(kind=kind, arguments=dict(arguments), status=status, started_at=now)
            session.add(row)
            session.flush()
            session.add(CheckpointRow(job_id=row.id, at=now, indexed=0, skipped=0, failed=0))
            return Job(row.id, kind, arguments, status, now, None, Progress())

    def _bury_running(self, session: Session) -> None:
        dead = JobRow.status == "running", JobRow.id.not_in(self.at_work)
        session.execute(update(JobRow).where(*dead).values(status="interrupted"))


def _job(row: JobRow, checkpoint: CheckpointRow) -> Job:
    progress = Progress(checkpoint.indexed, checkpoint.skipped, checkpoint.failed, checkpoint.last_id)
    status: JobStatus = row.status  # type: ignore[assignment]  # only `JobStatus` is ever written
    return Job(
        row.id, row.kind, row.arguments, status, _utc(row.started_at), _utc(row.finished_at), progress, row.error
    )


@overload
def _utc(moment: datetime) -> datetime: ...
@overload
def _utc(moment: None) -> None: ...
def _utc(moment: datetime | None) -> datetime | None:
    """SQLite forgets the time zone; all that is written is UTC."""
    return moment and moment.replace(tzinfo=UTC)


def _storable(text: str | None) -> str | None:
    """File names that are not UTF-8 arrive with lone surrogates, which no database takes."""
    return None if text is None else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _configure_sqlite(connection: Any, _record: object) -> None:
    # Python's driver would commit before each DDL statement, so that a kill could leave half a migration.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")  # a commit then costs one sync at a checkpoint, not one each
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.close()


@contextmanager
def _synced(connection: Connection) -> Iterator[None]:
    """Have SQLite sync each commit; every other database does so anyway."""
    if connection.dialect.name != "sqlite":
        yield
        return
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute("PRAGMA synchronous=FULL")
    try:
        yield
    finally:
        driver.execute("PRAGMA synchronous=NORMAL")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


@contextmanager
def _mapped_errors() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as exc:
        cause = getattr(exc, "orig", None) or exc
        told = str(cause).splitlines()[0]
        damaged = "malformed" in told or "not a database" in told  # SQLite's words
        advice = "; it is damaged, restore the last backup: yunmeng restore" if damaged else ""
        raise StateError(f"the state database failed: {told}{advice}") from exc
