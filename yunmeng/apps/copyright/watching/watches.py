"""The URLs that a server watches: a table of them, and the rounds over those that are due."""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import JSON, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from yunmeng.errors import QueryError, RecordNotFound
from yunmeng.net.fetch import is_url
from yunmeng.state.database import State
from yunmeng.state.tables import Base

if TYPE_CHECKING:
    from sqlalchemy import CursorResult

__all__ = ["EVERY", "LEAST_EVERY", "MOST_EVERY", "Watched", "Watches"]

EVERY: Final = 900
"""Seconds after which a URL is read again, unless told."""
LEAST_EVERY: Final = 10
MOST_EVERY: Final = 30 * 86_400
_MOST: Final = 1_000  # watches: each has a line on the page, and is read again and again
_LONGEST: Final = 2_000  # characters of a problem


class WatchRow(Base):
    """A URL that is watched; how its last round went."""

    __tablename__ = "copyright_watches"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012  a number never comes to mean another watch

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    url: Mapped[str] = mapped_column(JSON)
    every: Mapped[int]
    added_at: Mapped[datetime]
    round_at: Mapped[datetime | None]
    pictures: Mapped[int]
    failures: Mapped[int]
    problem: Mapped[str] = mapped_column(JSON)


@dataclass(frozen=True, slots=True)
class Watched:
    """A URL that is watched, read again ``every`` so many seconds.

    Of the last round, at ``round_at``: how many pictures it named, how many failures there were, and the last of them.
    """

    number: int
    url: str
    every: int
    added_at: datetime
    round_at: datetime | None = None
    pictures: int = 0
    failures: int = 0
    problem: str = ""

    @property
    def due(self) -> bool:
        """True where it is time for a round."""
        return self.round_at is None or datetime.now(UTC) - self.round_at >= timedelta(seconds=self.every)


class Watches:
    """The watches of one library. Threads may share it."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._lock = threading.Lock()

    def all(self) -> list[Watched]:
        """Return the watches, the oldest first."""
        with self._state.reading() as session:
            return [_watched(row) for row in session.scalars(select(WatchRow).order_by(WatchRow.id))]

    def add(self, url: str, every: int = EVERY) -> Watched:
        """Watch a URL: a sitemap, an index of sitemaps, a feed, a list of URLs or a picture. Raises `QueryError`."""
        url = url.strip()
        if not is_url(url):
            raise QueryError("a watch needs an http or https URL: of a sitemap, a feed, a list of URLs or a picture")
        if not LEAST_EVERY <= every <= MOST_EVERY:
            raise QueryError(
                f"a URL can be read again every {LEAST_EVERY} to {MOST_EVERY:,} seconds, not every {every}"
            )
        with self._lock:
            known = self.all()
            if any(one.url == url for one in known):
                raise QueryError("this URL is watched already")
            if len(known) >= _MOST:
                raise QueryError(f"{_MOST:,} URLs are watched, and no more can be: remove one")
            row = WatchRow(
                url=url, every=every, added_at=datetime.now(UTC), round_at=None, pictures=0, failures=0, problem=""
            )
            with self._state.transaction(durable=True) as session:
                session.add(row)
                session.flush()
                return _watched(row)

    def remove(self, number: int) -> None:
        """End a watch. What it found stays. Raises `RecordNotFound`."""
        with self._state.transaction(durable=True) as session:
            done: CursorResult[tuple[()]] = session.execute(  # type: ignore[assignment]
                delete(WatchRow).where(WatchRow.id == number)
            )
            if not done.rowcount:
                raise RecordNotFound(f"there is no watch {number}")

    def note(self, number: int, pictures: int, failures: int, problem: str) -> None:
        """Note how a round went that has just ended."""
        told = {"pictures": pictures, "failures": failures, "problem": problem[:_LONGEST]}
        with self._state.transaction() as session:
            session.execute(update(WatchRow).where(WatchRow.id == number).values(round_at=datetime.now(UTC), **told))


def _watched(row: WatchRow) -> Watched:
    added_at = row.added_at.replace(tzinfo=UTC)
    round_at = None if row.round_at is None else row.round_at.replace(tzinfo=UTC)
    return Watched(row.id, row.url, row.every, added_at, round_at, row.pictures, row.failures, row.problem)
