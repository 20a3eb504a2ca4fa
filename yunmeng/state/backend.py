"""The databases that the state can be kept in: SQLite in the library's folder, PostgreSQL for many processes."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from yunmeng.errors import StateError

__all__ = ["DEFAULT_STATE", "Backend"]

DEFAULT_STATE = "sqlite:"


class Backend(Protocol):
    """What differs between databases. All other SQL is the same for all."""

    @property
    def engine(self) -> Engine:
        """The connections."""
        ...

    @property
    def shared(self) -> bool:
        """True where many processes, on many machines, have it open at once."""
        ...

    def alone_to_migrate(self, connection: Connection) -> None:
        """Keep other processes from migrating until this transaction ends, and make what holds the tables."""
        ...

    def alone(self, session: Session, what: str) -> None:
        """Keep other processes out of transactions that call this with the same ``what``, until this one ends."""
        ...

    def hold(self, what: str, *, wait: bool) -> Callable[[], None] | None:
        """Take a lock that one process at a time has, and return what gives it back; None where it is taken.

        Where no other process can have the database open, there is no such lock.
        """
        ...

    def synced(self, connection: Connection) -> AbstractContextManager[None]:
        """Have each commit survive a power cut meanwhile."""
        ...

    def copy_to(self, path: Path) -> None:
        """Write all rows, as they are now, to a new SQLite file. Raises `StateError`."""
        ...

    def damage(self) -> str | None:
        """Return what is wrong with the database, as it finds itself; None where nothing is."""
        ...

    def close(self) -> None:
        """Close the connections. A thread that still uses one finishes with it."""
        ...

    def failure(self, error: SQLAlchemyError) -> StateError:
        """Return an error of the database as one of ours, in one line that says what to do."""
        ...
