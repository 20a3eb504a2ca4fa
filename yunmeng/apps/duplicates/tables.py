"""Tables of duplicate groups that wait for a decision, and of discarded pictures, so that they can be brought back."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Float, ForeignKey, LargeBinary, String, delete, func, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from yunmeng.apps.duplicates.types import SearchStatus
from yunmeng.state.database import State
from yunmeng.state.tables import Base

__all__ = ["Backup", "DuplicateCounts", "DuplicateSearch", "DuplicateTables", "KeptGroup", "KeptMember"]

_AT_ONCE = 1000
"""Groups whose members are written together."""


class DuplicateSearchRow(Base):
    """The last search for duplicates: one row."""

    __tablename__ = "duplicate_searches"

    id: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(String(16))
    finished_at: Mapped[datetime | None]
    error: Mapped[str | None]


class DuplicateGroupRow(Base):
    """Pictures that were found to be the same."""

    __tablename__ = "duplicate_groups"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012  a number never comes to mean another group

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    size: Mapped[int]
    decided: Mapped[bool] = mapped_column(index=True)


class DuplicateMemberRow(Base):
    """One picture of a group; place 0 was proposed to stay. ``record`` and ``vector`` are kept of a discarded one."""

    __tablename__ = "duplicate_members"

    group_id: Mapped[int] = mapped_column(ForeignKey("duplicate_groups.id", ondelete="CASCADE"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    picture: Mapped[str] = mapped_column(JSON)
    """Its id, as JSON: ids may hold what no text column takes."""
    reason: Mapped[str] = mapped_column(String(16))
    score: Mapped[float] = mapped_column(Float)
    keep: Mapped[bool]
    record: Mapped[dict[str, Any] | None]
    vector: Mapped[bytes | None] = mapped_column(LargeBinary)


@dataclass(frozen=True, slots=True)
class DuplicateSearch:
    """The state of the last search, and how it ended."""

    status: SearchStatus = "none"
    finished_at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class DuplicateCounts:
    """Number of groups, of pictures in all of them together, and of groups without a decision."""

    groups: int
    pictures: int
    open: int


@dataclass(frozen=True, slots=True)
class Backup:
    """A record that was discarded: what it held, as JSON, and its vector's bytes."""

    record: Mapping[str, Any]
    vector: bytes


@dataclass(frozen=True, slots=True)
class KeptMember:
    """One picture of a group; ``backup`` is set for a discarded one."""

    id: str
    reason: str
    score: float
    keep: bool
    backup: Backup | None = None


@dataclass(frozen=True, slots=True)
class KeptGroup:
    """A group under its number; the first of ``members`` was proposed to stay."""

    number: int
    decided: bool
    members: Sequence[KeptMember]


class DuplicateTables:
    """The tables of duplicates of one library."""

    def __init__(self, state: State) -> None:
        self._state = state

    def begin(self) -> None:
        """Note that a search has begun."""
        self._note("running", None)

    def finish(self, status: SearchStatus, error: str | None = None) -> None:
        """Note how the search ended."""
        self._note(status, error)

    def search(self) -> DuplicateSearch:
        """Return the last search, or the running one."""
        with self._state.reading() as session:
            row = session.get(DuplicateSearchRow, 1)
            if row is None:
                return DuplicateSearch()
            status: SearchStatus = row.status  # type: ignore[assignment]  # only a `SearchStatus` is ever written
            return DuplicateSearch(status, row.finished_at and row.finished_at.replace(tzinfo=UTC), row.error)

    def replace(self, groups: Iterable[Sequence[KeptMember]]) -> list[int]:
        """Keep what a search has found and drop the groups that have nothing to bring back.

        Returns the numbers of the new groups.
        """
        found = list(groups)
        with self._state.transaction() as session:
            discarded = select(DuplicateMemberRow.group_id).where(DuplicateMemberRow.vector.is_not(None))
            session.execute(delete(DuplicateGroupRow).where(DuplicateGroupRow.id.not_in(discarded)))
            rows = [DuplicateGroupRow(size=len(members), decided=False) for members in found]
            session.add_all(rows)
            session.flush()
            numbers = [row.id for row in rows]
            for begin in range(0, len(found), _AT_ONCE):
                part = slice(begin, begin + _AT_ONCE)
                some = zip(numbers[part], found[part], strict=True)
                values = [_row(number, *one) for number, members in some for one in enumerate(members)]
                session.execute(insert(DuplicateMemberRow), values)
        return numbers

    def counts(self) -> DuplicateCounts:
        """Return the number of groups, of their pictures, and of undecided groups."""
        waiting = func.count().filter(DuplicateGroupRow.decided.is_(False))
        query = select(func.count(), func.coalesce(func.sum(DuplicateGroupRow.size), 0), waiting)
        with self._state.reading() as session:
            return DuplicateCounts(*session.execute(query.select_from(DuplicateGroupRow)).one())

    def groups(self, offset: int, limit: int, *, open: bool | None = None) -> list[KeptGroup]:
        """Return the largest groups first, from ``offset`` on; ``open``: True for undecided ones, False for others."""
        query = select(DuplicateGroupRow).order_by(DuplicateGroupRow.size.desc(), DuplicateGroupRow.id)
        if open is not None:
            query = query.where(DuplicateGroupRow.decided.is_(not open))
        with self._state.reading() as session:
            return [_group(session, row) for row in session.scalars(query.offset(offset).limit(limit))]

    def group(self, number: int) -> KeptGroup | None:
        """Return the group of this number; None where there is none."""
        with self._state.reading() as session:
            row = session.get(DuplicateGroupRow, number) if number < 2**31 else None
            return None if row is None else _group(session, row)

    def decide(self, number: int, discarded: Mapping[str, Backup], leaving: Collection[str]) -> None:
        """Note that the pictures ``leaving`` go out of a group; ``discarded`` holds what the library had of them."""
        with self._state.transaction() as session:
            for member in _members(session, number):
                member.keep = member.picture not in leaving
                if (backup := discarded.get(member.picture)) is not None:
                    member.record, member.vector = dict(backup.record), backup.vector
            session.execute(update(DuplicateGroupRow).where(DuplicateGroupRow.id == number).values(decided=True))

    def reopen(self, number: int) -> None:
        """Note that all pictures of a group are back, and that it is undecided again."""
        with self._state.transaction() as session:
            for member in _members(session, number):
                member.keep = member.place == 0
                member.record = member.vector = None
            session.execute(update(DuplicateGroupRow).where(DuplicateGroupRow.id == number).values(decided=False))

    def _note(self, status: SearchStatus, error: str | None) -> None:
        over = None if status == "running" else datetime.now(UTC)
        with self._state.transaction() as session:
            session.merge(DuplicateSearchRow(id=1, status=status, finished_at=over, error=error))


def _row(number: int, place: int, member: KeptMember) -> dict[str, object]:
    return {
        "group_id": number,
        "place": place,
        "picture": member.id,
        "reason": member.reason,
        "score": member.score,
        "keep": member.keep,
    }


def _members(session: Session, number: int) -> list[DuplicateMemberRow]:
    query = select(DuplicateMemberRow).where(DuplicateMemberRow.group_id == number).order_by(DuplicateMemberRow.place)
    return list(session.scalars(query))


def _group(session: Session, row: DuplicateGroupRow) -> KeptGroup:
    members = [
        KeptMember(
            member.picture,
            member.reason,
            member.score,
            member.keep,
            None if member.record is None or member.vector is None else Backup(member.record, member.vector),
        )
        for member in _members(session, row.id)
    ]
    return KeptGroup(row.id, row.decided, members)
