"""The state database: everything a library keeps besides vectors and attributes.

All SQL is in this room and in the tables of apps.
"""

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, overload

from sqlalchemy import ColumnElement, MetaData, and_, delete, insert, or_, select, true, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from yunmeng.errors import Busy, LibraryExists
from yunmeng.state.backend import DEFAULT_STATE, Backend
from yunmeng.state.leases import Leases, lease_end, now_there
from yunmeng.state.migrate import migrate
from yunmeng.state.sqlite import SQLiteBackend
from yunmeng.state.tables import CheckpointRow, FailureRow, JobRow
from yunmeng.state.transfer import rows_from_file
from yunmeng.types import Closing, Failure, Job, JobStatus, Progress

if TYPE_CHECKING:
    from yunmeng.config import Settings

__all__ = ["Failure", "Job", "Progress", "State"]

KEPT_JOBS = 100
"""Jobs of a kind whose rows are kept; older ones go when a new one starts, so that the database stays small."""


class State(Closing):
    """An open state database. Safe to use from several threads.

    Where it is ``shared``, many processes on many machines have it open at once, and whoever runs a job holds a lease,
    see `yunmeng.state.leases`. Else what one process has left as running is dead when the next one starts a job.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._engine = backend.engine
        self._write = threading.Lock()  # SQLite takes one writer; waiting here beats "database is locked"
        self._leases = Leases(self._renew)
        self.at_work: set[int] = set()
        """Numbers of the jobs that this process works at: a job that begins beside them, or in one, lets them be."""

    @classmethod
    def open(cls, path: Path, url: str = DEFAULT_STATE, settings: "Settings | None" = None) -> Self:
        """Open the SQLite file at ``path``, or the PostgreSQL at ``url``: made where missing, migrated where old.

        Raises `StateError` if it is no database of ours, or one of a newer version, or does not answer, and
        `MissingExtra`.
        """
        return cls._opened(path, url, settings)[0]

    @classmethod
    def create(cls, path: Path, url: str, settings: "Settings | None" = None) -> Self:
        """Make a database, and open it as `open` does. Raises `LibraryExists` where a library has it already."""
        state, new = cls._opened(path, url, settings)
        if not new:
            state.close()
            raise LibraryExists(
                "this database holds the state of a library already: name another schema in its URL, ?schema=NAME"
            )
        return state

    @property
    def shared(self) -> bool:
        """True where other processes may run jobs of the same library."""
        return self._backend.shared

    def start_job(self, kind: str, arguments: Mapping[str, Any], beside: Collection[str] = ()) -> Job:
        """Note that a job begins. Jobs marked as running that are not `at_work` are marked as dead.

        Raises `Busy` where another process runs a job of one of the kinds ``beside``.
        """
        return self._insert_job(kind, arguments, "running", beside)

    def queue_job(self, kind: str, arguments: Mapping[str, Any]) -> Job:
        """Note that a job is to be done; `resume_job` begins it."""
        return self._insert_job(kind, arguments, "queued")

    def requeue_job(self, job_id: int) -> None:
        """Note that a job that has stopped is to go on. Where another process works at it already, it does."""
        stopped = or_(JobRow.status != "running", _DEAD) if self.shared else true()
        with self.transaction() as session:
            session.execute(update(JobRow).where(JobRow.id == job_id, stopped).values(_QUEUED))

    def resume_job(self, job_id: int) -> None:
        """Note that a queued job begins, or one that has stopped goes on. Its counts start at 0, as it meets all inputs
        again.

        One that was cancelled stays so, until `requeue_job`.
        """
        with self.transaction() as session:
            begun = {"status": "running", "finished_at": None, "error": None, **self._lease()}
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
                .where(CheckpointRow.job_id == job_id, CheckpointRow.job_id.in_(self._mine(job_id)))
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
        """Note how a job ended, and why it failed. A cancelled job stays cancelled, however its work ends.

        Where another process has taken the job over, nothing is noted, except that it is cancelled.
        """
        with self.transaction() as session:
            ended = {"status": status, "finished_at": datetime.now(UTC), "error": _storable(error)}
            which = JobRow.id.in_([job_id] if status == "cancelled" else self._mine(job_id))
            session.execute(update(JobRow).where(which, JobRow.status != "cancelled").values(**ended, **_FREE))

    def take_job(self, kind: str, beside: Collection[str] = ()) -> Job | None:
        """Take the oldest job of a kind that waits, or whose process is dead. For shared databases.

        It is returned as it was. None where there is none, or while any process runs a job of this kind or of those
        ``beside``.
        """
        with self.transaction() as session:
            if self._live(session, (kind, *beside)) is not None:
                return None
            free = select(JobRow.id).where(JobRow.kind == kind, or_(JobRow.status == "queued", _DEAD))
            # A lease that is being renewed at this moment is none to take.
            number = session.scalar(free.order_by(JobRow.id).limit(1).with_for_update(skip_locked=True))
            if number is None:
                return None
            query = select(JobRow, CheckpointRow).join(CheckpointRow).where(JobRow.id == number)
            job = _job(*session.execute(query).one())
            taken = {"status": "running", "finished_at": None, "error": None, **self._lease()}
            session.execute(update(JobRow).where(JobRow.id == number).values(taken))
            return job

    def free_jobs(self, kinds: Collection[str]) -> set[str]:
        """Return those of ``kinds`` of which a job waits, or has a dead process. For shared databases."""
        query = select(JobRow.kind).where(JobRow.kind.in_(kinds), or_(JobRow.status == "queued", _DEAD)).distinct()
        with self.reading() as session:
            return set(session.scalars(query))

    def holding(self, job_id: int, stop: threading.Event) -> AbstractContextManager[None]:
        """Return a context in which this process works at a running job.

        ``stop`` is set when another process has cancelled the job, or taken it over as this one seemed dead.
        """
        return self._leases.holding(job_id, stop) if self.shared else nullcontext()

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
        with self._write, self._mapped_errors(), self._engine.begin() as connection:
            self._backend.alone_to_migrate(connection)
            tables.create_all(connection)

    def copy_to(self, path: Path) -> None:
        """Write the database, as it is now, to a new SQLite file. Raises `StateError`."""
        with self._mapped_errors():
            self._backend.copy_to(path)

    def fill_from(self, path: Path) -> None:
        """Write all rows of a file that `copy_to` has made to this database, which is new. Raises `StateError`."""
        with self._mapped_errors():
            rows_from_file(path, self._engine)

    def damage(self) -> str | None:
        """Return what is wrong with the database, as it finds itself; None where nothing is."""
        with self._mapped_errors():
            return self._backend.damage()

    def close(self) -> None:
        self._leases.close()
        self._backend.close()

    @contextmanager
    def transaction(self, *, durable: bool = False, alone: bool = True) -> Iterator[Session]:
        """Open a session that is committed at the end. For this package, and for the tables of apps.

        With ``durable`` it survives a power cut as soon as it is committed, at the price of a sync; without, a while
        later. No other such transaction of any process runs meanwhile, so that what was read stays true until it is
        written; without ``alone`` one does not wait for that.
        """
        with (
            self._write if alone or not self.shared else nullcontext(),
            self._mapped_errors(),
            self._engine.connect() as connection,
            self._backend.synced(connection) if durable else nullcontext(),
            Session(connection) as session,
            session.begin(),
        ):
            if alone:
                self._backend.alone(session, "transaction")
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session that only reads. For this package, and for the tables of apps."""
        with self._mapped_errors(), Session(self._engine) as session:
            yield session

    def exclusive(self, what: str, *, wait: bool = True) -> AbstractContextManager[None]:
        """Return a context that one process at a time is in, by the word ``what``; threads must see to that themselves.

        Raises `StateError`, and without ``wait`` `Busy` where another process is in it.
        """
        return self._exclusive(what, wait=wait) if self.shared else nullcontext()

    @classmethod
    def _opened(cls, path: Path, url: str, settings: "Settings | None") -> tuple[Self, bool]:
        state = cls(SQLiteBackend(path) if url == DEFAULT_STATE else _postgresql(url, settings))
        try:
            with state._mapped_errors():
                return state, migrate(state._backend)
        except BaseException:
            state.close()
            raise

    @contextmanager
    def _exclusive(self, what: str, *, wait: bool) -> Iterator[None]:
        with self._mapped_errors():
            lock = self._backend.hold(what, wait=wait)
        if lock is None:
            raise Busy("another process is at this in the same library: try again when it is done")
        try:
            yield
        finally:
            lock()

    def _insert_job(
        self, kind: str, arguments: Mapping[str, Any], status: JobStatus, beside: Collection[str] = ()
    ) -> Job:
        now = datetime.now(UTC)
        with self.transaction() as session:
            if status == "running":
                self._bury_running(session, kind)
                if self.shared and (other := self._live(session, beside)) is not None:
                    raise Busy(f"another process works at job {other} of this library: try again when it is done")
            over = select(JobRow.id).where(JobRow.kind == kind, JobRow.status.not_in(("queued", "running")))
            old = over.order_by(JobRow.id.desc()).offset(KEPT_JOBS - 1)
            session.execute(delete(JobRow).where(JobRow.id.in_(old)))
            lease = self._lease() if status == "running" else {}
            row = JobRow(kind=kind, arguments=dict(arguments), status=status, started_at=now, **lease)
            session.add(row)
            session.flush()
            session.add(CheckpointRow(job_id=row.id, at=now, indexed=0, skipped=0, failed=0))
            return Job(row.id, kind, arguments, status, now, None, Progress())

    def _bury_running(self, session: Session, kind: str) -> None:
        running = JobRow.status == "running", JobRow.id.not_in(self.at_work)
        # Those of other kinds are left to the runners of other processes, which take over what can go on.
        dead = and_(JobRow.kind == kind, _DEAD) if self.shared else true()
        session.execute(update(JobRow).where(*running, dead).values(status="interrupted", **_FREE))

    def _lease(self) -> dict[str, Any]:
        return {"runner": self._leases.runner, "lease_until": lease_end()} if self.shared else {}

    def _renew(self, job_ids: Collection[int]) -> Collection[int]:
        mine = JobRow.id.in_(job_ids), JobRow.runner == self._leases.runner, JobRow.status == "running"
        with self.transaction(alone=False) as session:
            renewed = update(JobRow).where(*mine).values(lease_until=lease_end()).returning(JobRow.id)
            return session.scalars(renewed).all()

    def _mine(self, job_id: int) -> Any:
        """Return a query for the job, which is empty where another process has it."""
        query = select(JobRow.id).where(JobRow.id == job_id)
        others = JobRow.runner.is_not(None), JobRow.runner != self._leases.runner
        return query.where(~and_(*others)) if self.shared else query

    @staticmethod
    def _live(session: Session, kinds: Collection[str]) -> int | None:
        """Return the number of a job of these kinds whose process is alive."""
        alive = JobRow.status == "running", JobRow.lease_until >= now_there()
        return session.scalar(select(JobRow.id).where(JobRow.kind.in_(kinds), *alive).limit(1))

    @contextmanager
    def _mapped_errors(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as exc:
            raise self._backend.failure(exc) from exc


_FREE: dict[str, None] = {"runner": None, "lease_until": None}
_QUEUED: dict[str, Any] = {"status": "queued", "finished_at": None, "error": None, **_FREE}
_DEAD: ColumnElement[bool] = and_(
    JobRow.status == "running", or_(JobRow.lease_until.is_(None), JobRow.lease_until < now_there())
)


def _postgresql(url: str, settings: "Settings | None") -> Backend:
    from yunmeng.config import Settings
    from yunmeng.state.postgresql import PostgreSQLBackend

    return PostgreSQLBackend(url, settings or Settings.load())


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
