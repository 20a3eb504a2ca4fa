"""Searches of the console that people have given names, for everybody who uses the library."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import func, select

from yunmeng.errors import QueryError
from yunmeng.state.database import State
from yunmeng.state.tables import SavedSearchRow

__all__ = ["SavedSearch", "SavedSearches"]

MOST: Final = 500
"""Saved searches of one library."""


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """One saved search: ``query`` is what follows # in the console's address."""

    name: str
    query: str
    saved_at: datetime


class SavedSearches:
    """The saved searches of one library."""

    def __init__(self, state: State) -> None:
        self._state = state

    def all(self) -> list[SavedSearch]:
        """Return them, by name."""
        with self._state.reading() as session:
            rows = session.scalars(select(SavedSearchRow).order_by(SavedSearchRow.name))
            return [SavedSearch(row.name, row.query, row.saved_at) for row in rows]

    def save(self, name: str, query: str) -> SavedSearch:
        """Save a search under a name, in place of another with this name. Raises `QueryError` if there are too many."""
        saved = SavedSearch(name, query, datetime.now(UTC))
        with self._state.transaction() as session:
            count = session.scalar(select(func.count()).select_from(SavedSearchRow)) or 0
            if count >= MOST and session.get(SavedSearchRow, name) is None:
                raise QueryError(f"{MOST} searches are saved already: delete one first")
            session.merge(SavedSearchRow(name=name, query=query, saved_at=saved.saved_at))
        return saved

    def delete(self, name: str) -> bool:
        """Forget a search; returns whether there was one with this name."""
        with self._state.transaction() as session:
            row = session.get(SavedSearchRow, name)
            if row is not None:
                session.delete(row)
            return row is not None
