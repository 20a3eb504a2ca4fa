"""Brings a state database to the newest schema, step by step, with Alembic."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from yunmeng.errors import StateError
from yunmeng.state.backend import Backend

__all__ = ["NEWEST", "migrate"]

NEWEST = "0011"
"""Revision of the newest step in ``migrations/versions``. Named here so that opening a
database that is up to date need not import Alembic; a test holds the two together."""


def migrate(database: Backend) -> bool:
    """Apply the steps that ``database`` lacks; of several processes at once, one does. Returns whether it was empty.

    Raises `StateError` if it is newer than they are.
    """
    with database.engine.begin() as connection:
        if _revision(connection) == NEWEST:
            return False
        database.alone_to_migrate(connection)
        before = _revision(connection)  # another process may have been here meanwhile
        if before != NEWEST:
            _upgrade(connection)
        return before is None


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as exc:
        raise StateError("the state database is from a newer Yunmeng: update this one to open it") from exc
