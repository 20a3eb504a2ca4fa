"""The tables of the state database. A change here needs a migration beside it; a test compares the two.

Apps declare theirs on `Base` too, in their own folders.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

__all__ = [
    "Base",
    "CheckpointRow",
    "ContentWriteRow",
    "ContentsRow",
    "FailureRow",
    "JobRow",
    "KeyRow",
    "QueryRow",
    "SavedSearchRow",
]


class Base(DeclarativeBase):
    """Root of the tables; constraints are named so that migrations can address them on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {dict[str, Any]: JSON, datetime: DateTime(timezone=True)}  # noqa: RUF012  SQLAlchemy reads it


class JobRow(Base):
    """One run of a long command."""

    __tablename__ = "jobs"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(32))
    arguments: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(String(16), index=True)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    error: Mapped[str | None]
    runner: Mapped[str | None] = mapped_column(String(32))
    """The process that works at it, where many share the database."""
    lease_until: Mapped[datetime | None]
    """When that process counts as dead, by the clock of the database, unless it says before that it is not."""


class CheckpointRow(Base):
    """The progress of a job: what is counted here is durably in the store."""

    __tablename__ = "checkpoints"

    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    at: Mapped[datetime]
    indexed: Mapped[int]
    skipped: Mapped[int]
    failed: Mapped[int]
    last_id: Mapped[str | None]


class FailureRow(Base):
    """One input that a job could not use."""

    __tablename__ = "failures"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    path: Mapped[str]
    reason: Mapped[str]


class ContentsRow(Base):
    """The contents of the library, where many processes write to its store: one row.

    ``version`` is another name after every write. No other generation than ``generation`` takes writes, and none at all
    until ``moving_until``, while a new one is made of it.
    """

    __tablename__ = "contents"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[str] = mapped_column(String(32))
    generation: Mapped[int]
    moving_until: Mapped[datetime | None]


class ContentWriteRow(Base):
    """One write to the store that is under way, in any process."""

    __tablename__ = "content_writes"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    begun_at: Mapped[datetime]


class KeyRow(Base):
    """One key of the HTTP API. The key itself is not kept, only its digest."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str]
    scope: Mapped[str] = mapped_column(String(16))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]


class QueryRow(Base):
    """One query, by the digest of its content."""

    __tablename__ = "queries"

    picture: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    value: Mapped[str]
    wanted: Mapped[dict[str, Any]]
    count: Mapped[int] = mapped_column(index=True)
    last_at: Mapped[datetime] = mapped_column(index=True)


class SavedSearchRow(Base):
    """A search that somebody has given a name."""

    __tablename__ = "saved_searches"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    query: Mapped[str]
    saved_at: Mapped[datetime]
