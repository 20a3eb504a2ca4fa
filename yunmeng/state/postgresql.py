"""The state in PostgreSQL, for many processes on many machines: a schema of the database for each library."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import URL, Connection, create_engine, event, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from yunmeng.errors import MissingExtra, StateError, StateUnreachable
from yunmeng.state.transfer import missing_tables, rows_to_file
from yunmeng.state.urls import parse_state

if TYPE_CHECKING:
    from yunmeng.config import Settings

__all__ = ["PostgreSQLBackend"]

CONNECT_SECONDS: Final = 5
"""A host that does not answer at all is given up after this, unless the URL says another connect_timeout."""
SILENT_MS: Final = 20_000
"""Milliseconds after which a connection is given up over which nothing arrives any more."""


class PostgreSQLBackend:
    """The schema of a PostgreSQL database that ``url`` names: postgresql://user@host/database?schema=name.

    Other parameters are libpq's, such as sslmode. The password comes from the settings, PGPASSWORD or ~/.pgpass.
    """

    shared = True

    def __init__(self, url: str, settings: "Settings") -> None:
        parsed = parse_state(url)
        self._schema = str(parsed.query.get("schema", "yunmeng"))
        self._pool = settings.state_pool
        self._place = parsed.difference_update_query(list(parsed.query)).render_as_string()
        self.engine = create_engine(
            _with_password(parsed, settings).difference_update_query(["schema"]),
            connect_args=_connect_args(parsed),
            pool_size=self._pool,
            max_overflow=0,
            pool_pre_ping=True,  # a server that was restarted is used again
            isolation_level="READ COMMITTED",
        )
        self._closed = False
        event.listen(self.engine, "connect", self._configure)
        event.listen(self.engine, "checkin", self._returned)

    def alone_to_migrate(self, connection: Connection) -> None:
        self._lock(connection, "migrate")
        known = connection.execute(text("SELECT 1 FROM pg_namespace WHERE nspname = :name"), {"name": self._schema})
        if known.first() is None:  # where it is there, no right to make one is needed
            connection.execute(text(f'CREATE SCHEMA "{self._schema}"'))

    def alone(self, session: Session, what: str) -> None:
        self._lock(session.connection(), what)

    def hold(self, what: str, *, wait: bool) -> Callable[[], None] | None:
        connection = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            lock = "pg_advisory_lock" if wait else "pg_try_advisory_lock"
            key = {"name": f"yunmeng {self._schema} {what}"}
            taken = connection.scalar(text(f"SELECT {lock}(hashtextextended(:name, 0))::text"), key)
        except BaseException:
            connection.close()
            raise

        def release() -> None:
            try:
                connection.execute(text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))"), key)
            except SQLAlchemyError:  # the connection is lost, and the lock with it
                connection.invalidate()
            connection.close()

        if taken == "false":
            connection.close()
            return None
        return release

    def synced(self, connection: Connection) -> AbstractContextManager[None]:  # noqa: ARG002
        """Do nothing: PostgreSQL syncs each commit."""
        return nullcontext()

    def copy_to(self, path: Path) -> None:
        rows_to_file(self.engine, path)

    def damage(self) -> str | None:
        try:
            missing = missing_tables(self.engine)
        except SQLAlchemyError as exc:
            return str(self.failure(exc))
        return f"the table {missing[0]} is missing" if missing else None

    def close(self) -> None:
        self._closed = True
        self.engine.dispose()

    def failure(self, error: SQLAlchemyError) -> StateError:
        if isinstance(error, PoolTimeout):
            return StateError(f"all {self._pool} connections to {self._place} are in use: raise YUNMENG_STATE_POOL")
        cause = getattr(error, "orig", None) or error
        told = " ".join(str(cause).split("\n\t")[0].split())
        if self._lost(cause):
            return StateUnreachable(
                f"the state database {self._place} cannot be reached: see that PostgreSQL runs there and lets you in "
                f"({told})"
            )
        return StateError(f"the state database {self._place} failed: {told}")

    def _lost(self, cause: BaseException) -> bool:
        """Return whether there was no connection, or it broke: then no code is told, or one of these classes."""
        import psycopg

        code = getattr(cause, "sqlstate", None)
        lost = isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError)
        return lost and (code is None or code.startswith(("08", "57P", "28", "3D", "53")))

    def _lock(self, connection: Connection, what: str) -> None:
        """Wait for a lock that all processes share, until the transaction ends."""
        lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
        connection.execute(lock, {"name": f"yunmeng {self._schema} {what}"})

    def _returned(self, _connection: object, record: Any) -> None:
        if self._closed:  # else it would stay open until Python collects it
            record.invalidate()

    def _configure(self, connection: Any, _record: object) -> None:
        connection.adapters.register_dumper(str, _dumper())
        connection.autocommit = True
        # Times come back in UTC, as all of the program expects them.
        connection.execute(
            "SELECT set_config('search_path', %s, false), set_config('TimeZone', 'UTC', false)", [f'"{self._schema}"']
        )
        connection.autocommit = False


def _with_password(url: URL, settings: "Settings") -> URL:
    try:
        import psycopg
    except ModuleNotFoundError as exc:
        raise MissingExtra("the state in PostgreSQL", "postgres") from exc
    del psycopg
    secret = settings.state_password
    password = None if secret is None else secret.get_secret_value()
    return url.set(drivername="postgresql+psycopg", password=password)


def _connect_args(url: URL) -> dict[str, Any]:
    defaults = {
        "connect_timeout": CONNECT_SECONDS,
        "tcp_user_timeout": SILENT_MS,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "application_name": "yunmeng",
    }
    return {name: value for name, value in defaults.items() if name not in url.query}


def _dumper() -> Any:
    """Return what sends text: PostgreSQL takes every character but NUL, which becomes the sign for unknown ones."""
    from psycopg.types.string import StrDumperUnknown

    class WithoutNul(StrDumperUnknown):
        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", "\ufffd"))

    return WithoutNul
