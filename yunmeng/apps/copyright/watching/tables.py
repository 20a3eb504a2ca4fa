"""Tables of findings, of pictures that were seen, and of false alarms."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, String, select, update
from sqlalchemy.orm import Mapped, mapped_column

from yunmeng.state.database import State
from yunmeng.state.tables import Base

__all__ = ["FalseAlarm", "Finding", "FindingTables"]


class FindingRow(Base):
    """A picture that was made from a work, most likely; to be sent at ``due_at``, None where nothing is to be sent."""

    __tablename__ = "copyright_findings"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012  a number never comes to mean another finding

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    source: Mapped[str] = mapped_column(JSON)
    """A path or URL, as JSON: paths may hold what no text column takes."""
    sha256: Mapped[str] = mapped_column(String(64))
    pdq: Mapped[str] = mapped_column(String(64))
    work: Mapped[int]
    found: Mapped[dict[str, Any]]
    found_at: Mapped[datetime]
    dismissed: Mapped[bool] = mapped_column(index=True)
    attempts: Mapped[int]
    due_at: Mapped[datetime | None] = mapped_column(index=True)


class SeenRow(Base):
    """A picture that was checked, by the digest of its file."""

    __tablename__ = "copyright_seen"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    seen_at: Mapped[datetime]


class DismissalRow(Base):
    """A picture that was not made from a work, as somebody said."""

    __tablename__ = "copyright_dismissals"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    work: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    pdq: Mapped[str] = mapped_column(String(64))


@dataclass(frozen=True, slots=True)
class Finding:
    """A picture at ``source``, a path or URL, that was made from ``work`` most likely; ``number`` names the finding.

    ``found`` is what the check told, as values for JSON; ``attempts`` counts how often sending it failed.
    """

    number: int
    source: str
    sha256: str
    pdq: str
    work: int
    found: Mapping[str, Any]
    found_at: datetime
    dismissed: bool = False
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class FalseAlarm:
    """A picture, by digest and fingerprint, that was not made from ``work``."""

    sha256: str
    pdq: str
    work: int


class FindingTables:
    """Findings of one library, what was seen, and false alarms."""

    def __init__(self, state: State) -> None:
        self._state = state

    def was_seen(self, sha256: str) -> bool:
        """Return whether a picture was checked."""
        with self._state.reading() as session:
            return session.get(SeenRow, sha256) is not None

    def see(self, sha256: str, source: str, pdq: str, found: Mapping[int, Mapping[str, Any]], *, send: bool) -> None:
        """Note in one step that a picture was checked, and what was found, by the number of the work."""
        now = datetime.now(UTC)
        with self._state.transaction(durable=True) as session:
            session.merge(SeenRow(sha256=sha256, seen_at=now))
            session.add_all(
                FindingRow(
                    source=source,
                    sha256=sha256,
                    pdq=pdq,
                    work=work,
                    found=dict(told),
                    found_at=now,
                    dismissed=False,
                    attempts=0,
                    due_at=now if send else None,
                )
                for work, told in found.items()
            )

    def findings(self, offset: int, limit: int, *, dismissed: bool = False) -> list[Finding]:
        """Return findings, the newest first: those that stand, or those that were false alarms."""
        query = select(FindingRow).where(FindingRow.dismissed.is_(dismissed)).order_by(FindingRow.id.desc())
        with self._state.reading() as session:
            return [_finding(row) for row in session.scalars(query.offset(offset).limit(limit))]

    def of_picture(self, sha256: str) -> list[Finding]:
        """Return the findings about a picture, the oldest first."""
        query = select(FindingRow).where(FindingRow.sha256 == sha256).order_by(FindingRow.id)
        with self._state.reading() as session:
            return [_finding(row) for row in session.scalars(query)]

    def finding(self, number: int) -> Finding | None:
        """Return the finding of this number; None where there is none."""
        with self._state.reading() as session:
            row = session.get(FindingRow, number) if number < 2**31 else None
            return None if row is None else _finding(row)

    def dismiss(self, alarm: FalseAlarm) -> None:
        """Note a false alarm: all findings about this picture and this work, which are sent to nobody any more."""
        same = FindingRow.sha256 == alarm.sha256, FindingRow.work == alarm.work
        with self._state.transaction(durable=True) as session:
            session.merge(DismissalRow(sha256=alarm.sha256, work=alarm.work, pdq=alarm.pdq))
            session.execute(update(FindingRow).where(*same).values(dismissed=True, due_at=None))

    def false_alarms(self, works: Collection[int]) -> list[FalseAlarm]:
        """Return the false alarms about these works."""
        with self._state.reading() as session:
            rows = session.scalars(select(DismissalRow).where(DismissalRow.work.in_(works)))
            return [FalseAlarm(row.sha256, row.pdq, row.work) for row in rows]

    def due(self, limit: int) -> Sequence[Finding]:
        """Return findings that are to be sent now, those that wait longest first."""
        query = select(FindingRow).where(FindingRow.due_at <= datetime.now(UTC)).order_by(FindingRow.due_at)
        with self._state.reading() as session:
            return [_finding(row) for row in session.scalars(query.limit(limit))]

    def sent(self, number: int) -> None:
        """Note that a finding was sent."""
        self._change(number, due_at=None)

    def failed(self, number: int, attempts: int, due_at: datetime) -> None:
        """Note that sending a finding failed, and when it is to be tried again."""
        self._change(number, attempts=attempts, due_at=due_at)

    def _change(self, number: int, **values: object) -> None:
        with self._state.transaction() as session:
            session.execute(update(FindingRow).where(FindingRow.id == number).values(**values))


def _finding(row: FindingRow) -> Finding:
    found_at = row.found_at.replace(tzinfo=UTC)
    return Finding(row.id, row.source, row.sha256, row.pdq, row.work, row.found, found_at, row.dismissed, row.attempts)
