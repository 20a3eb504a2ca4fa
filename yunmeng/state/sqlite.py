"""The state in one SQLite file, for one process that writes; others may read, and write a little."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from yunmeng.errors import StateError

__all__ = ["SQLiteBackend"]


class SQLiteBackend:
    """The SQLite file at ``path``, made when it is missing."""

    shared = False

    def __init__(self, path: Path) -> None:
        self.engine = create_engine(URL.create("sqlite", database=str(path)))
        event.listen(self.engine, "connect", _configure)
        event.listen(self.engine, "begin", _begin)

    def alone_to_migrate(self, connection: Connection) -> None:
        """Do nothing: one process at a time has the library open."""

    def alone(self, session: Session, what: str) -> None:
        """Do nothing: SQLite lets in one transaction that writes."""

    def hold(self, what: str, *, wait: bool) -> Callable[[], None]:  # noqa: ARG002
        return lambda: None

    @contextmanager
    def synced(self, connection: Connection) -> Iterator[None]:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA synchronous=FULL")
        try:
            yield
        finally:
            driver.execute("PRAGMA synchronous=NORMAL")

    def copy_to(self, path: Path) -> None:
        with self.engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            try:
                driver.execute("VACUUM INTO ?", (str(path),))
            except sqlite3.Error as exc:
                raise StateError(f"cannot copy the state database to {path}: {exc}") from exc

    def damage(self) -> str | None:
        with self.engine.connect() as connection:
            found = connection.execute(text("PRAGMA quick_check(1)")).scalar_one()
        return None if found == "ok" else str(found)

    def close(self) -> None:
        self.engine.dispose()

    def failure(self, error: SQLAlchemyError) -> StateError:
        cause = getattr(error, "orig", None) or error
        told = str(cause).splitlines()[0]
        damaged = "malformed" in told or "not a database" in told  # SQLite's words
        advice = "; it is damaged, restore the last backup: yunmeng restore" if damaged else ""
        return StateError(f"the state database failed: {told}{advice}")


def _configure(connection: Any, _record: object) -> None:
    # Python's driver would commit before each DDL statement, so that a kill could leave half a migration.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")  # a commit then costs one sync at a checkpoint, not one each
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
