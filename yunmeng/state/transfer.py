"""Moves of all rows of a state database: from PostgreSQL to an SQLite file, as a backup has it, and back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, MetaData, Table, func, insert, select, text

from yunmeng.state.migrate import migrate
from yunmeng.state.sqlite import SQLiteBackend
from yunmeng.state.tables import (
    CheckpointRow,
    ContentsRow,
    ContentWriteRow,
    FailureRow,
    JobRow,
    KeyRow,
    QueryRow,
    SavedSearchRow,
)
from yunmeng.state.word_tables import TABLES

__all__ = ["missing_tables", "rows_from_file", "rows_to_file"]

AT_ONCE: Final = 1000
_EVERYWHERE: Final = (JobRow, CheckpointRow, FailureRow, ContentsRow, ContentWriteRow, KeyRow, QueryRow, SavedSearchRow)
_WORDS: Final = frozenset(TABLES.tables)
"""Those that are on PostgreSQL only."""
_OF_ONE_PLACE: Final = frozenset({"alembic_version", "contents", "content_writes", *_WORDS})
"""Tables that hold of one database only: its steps, the name of the contents, which a restored library has not, and the
words, which are read from the records again."""


def rows_to_file(engine: Engine, path: Path) -> None:
    """Write all rows to a new SQLite file, as they were at one moment."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as source, source.begin():
        _into_file(source, path)


def rows_from_file(path: Path, engine: Engine) -> None:
    """Write all rows of an SQLite file to a database whose tables are empty."""
    file = SQLiteBackend(path)
    try:
        migrate(file)  # the file may be of an earlier version
        with file.engine.connect() as source, engine.begin() as target:
            for table in _copied(source, target):
                _follow(table, target)
    finally:
        file.engine.dispose()


def missing_tables(engine: Engine) -> list[str]:
    """Read every row once, and return which tables are missing. Raises SQLAlchemyError where one cannot be read."""
    with engine.connect() as connection:
        found = _tables(connection)
        for table in found:
            connection.execute(select(func.count()).select_from(table))
    wanted = {*_WORDS, *(row.__tablename__ for row in _EVERYWHERE)}
    return sorted(wanted - {table.name for table in found})


def _into_file(source: Connection, path: Path) -> None:
    file = SQLiteBackend(path)
    try:
        migrate(file)
        with file.engine.begin() as target:
            for _ in _copied(source, target):
                pass
        with file.engine.connect() as target:
            target.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")  # all of it is in the one file then
    finally:
        file.engine.dispose()


def _tables(connection: Connection) -> list[Table]:
    """Return the tables that there are, those first that others refer to."""
    found = MetaData()
    found.reflect(connection)
    return found.sorted_tables


def _copied(source: Connection, target: Connection) -> Iterator[Table]:
    """Copy the rows, and yield each table when it is done. Tables of apps of other packages are made."""
    there = {table.name: table for table in _tables(target)}
    for table in _tables(source):
        if table.name in _OF_ONE_PLACE:
            continue
        into = there.get(table.name)
        if into is None:
            into = _made(table, target)
        for rows in source.execute(select(_plain(table))).mappings().partitions(AT_ONCE):
            target.execute(insert(_plain(into)), [dict(row) for row in rows])
        yield into


def _plain(table: Table) -> Table:
    """Return a table with types that are of no one database; foreign keys play no part."""
    copy = Table(table.name, MetaData())
    for column in table.columns:
        kind = column.type.as_generic(allow_nulltype=True)
        copy.append_column(type(column)(column.name, kind, primary_key=column.primary_key, nullable=column.nullable))
    return copy


def _made(table: Table, target: Connection) -> Table:
    copy = _plain(table)
    copy.create(target)
    return copy


def _follow(table: Table, target: Connection) -> None:
    """Have numbers that the database gives go on behind those that were copied."""
    for column in table.primary_key.columns:
        name = {"table": f'"{table.name}"', "column": column.name}
        sequence = target.scalar(text("SELECT pg_get_serial_sequence(:table, :column)"), name)
        highest = target.scalar(select(func.max(column)))
        if sequence is not None and highest is not None:
            target.execute(text("SELECT setval(:sequence, :number)"), {"sequence": sequence, "number": highest})
