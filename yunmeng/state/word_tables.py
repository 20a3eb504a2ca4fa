"""The tables of the words of records, see `yunmeng.state.words`."""

from typing import Final

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, String, Table
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

from yunmeng.state.tables import Base

__all__ = ["READ", "TABLES", "UNSETTLED", "WORDS"]

TABLES: Final = MetaData(naming_convention=Base.metadata.naming_convention)
"""They are on PostgreSQL only: SQLite has neither their types nor their index."""

WORDS: Final = Table(
    "record_words",
    TABLES,
    Column("store", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("words", TSVECTOR, nullable=False),
    Column("length", Integer, nullable=False),
    Column("attributes", JSONB, nullable=False),
    Index("ix_record_words_words", "words", postgresql_using="gin"),
)
UNSETTLED: Final = Table(
    "record_words_unsettled",
    TABLES,
    Column("store", String, primary_key=True),
    Column("id", String, primary_key=True),
)
READ: Final = Table(
    "record_words_read",
    TABLES,
    Column("store", String, primary_key=True),
    Column("sha256", String),
    Column("id", String),
    Column("complete", Boolean, nullable=False),
)
"""Tells how far the records of a store that had no words have been marked: up to this one, or all there were."""
