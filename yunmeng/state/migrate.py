"""Brings a state database to the newest schema, step by step, with Alembic.

A new SQLite file gets the same tables from one script, ``migrations/newest.sql``, which ``docs/generate.py`` writes:
the steps take a tenth of a second, as much as ten pictures, and every new library would pay for them.
"""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

from yunmeng.errors import StateError
from yunmeng.state.backend import Backend

__all__ = ["NEWEST", "SCRIPT", "migrate", "newest_script"]

NEWEST = "0012"
"""Revision of the newest step in ``migrations/versions``. Named here so that opening a
database that is up to date need not import Alembic; a test holds the two together."""

SCRIPT: Final = Path(__file__).with_name("migrations") / "newest.sql"
"""What makes the newest tables in an empty SQLite file."""
_END: Final = ";\n\n"  # of a statement in the script; none has it inside

_MADE: Final = """
    SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'
    ORDER BY type = 'index', CASE type WHEN 'index' THEN name END, rowid
"""
"""Tables in the order of the steps; their indexes by name, as SQLAlchemy makes those of a table in any order."""


def migrate(database: Backend) -> bool:
    """Apply the steps that ``database`` lacks; of several processes at once, one does. Returns whether it was empty.

    Raises `StateError` if it is newer than they are.
    """
    with database.engine.begin() as connection:
        if _revision(connection) == NEWEST:
            return False
        database.alone_to_migrate(connection)
        before = _revision(connection)  # another process may have been here meanwhile
        if connection.dialect.name == "sqlite" and not inspect(connection).get_table_names():
            for statement in SCRIPT.read_text("utf-8").split(_END)[:-1]:
                connection.exec_driver_sql(statement)
        elif before != NEWEST:
            _upgrade(connection)
        return before is None


def newest_script(database: Backend) -> str:
    """Return the text of ``SCRIPT``, from an empty SQLite file that is migrated step by step for it."""
    with database.engine.begin() as connection:
        _upgrade(connection)
        statements = connection.execute(text(_MADE)).scalars().all()
    return _END.join([*statements, f"INSERT INTO alembic_version VALUES ('{NEWEST}')", ""])


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
