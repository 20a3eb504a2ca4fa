"""The log of queries: their content, their number, and the time of the last one, to run frequent ones in advance."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import delete, func, select, update

from yunmeng.state.database import State
from yunmeng.state.tables import QueryRow

__all__ = ["Queries", "Query", "QueryKind"]

QueryKind: TypeAlias = Literal["id", "url", "text", "sha256"]
"""What was asked with; of a picture that was sent there is its digest only, so that it cannot be asked again."""

KEPT: Final = 10_000
"""Queries that are kept: the most popular, and the latest among equals."""
FORGOTTEN_AFTER: Final = timedelta(days=90)
CHUNK: Final = 500  # rows in one statement


@dataclass(frozen=True, slots=True)
class Query:
    """One query: ``value`` is an id, a URL, words or a digest.

    ``wanted`` holds the other arguments of its last use, as the API's ``/v1/search`` has them: region, k, filter.
    """

    kind: QueryKind
    value: str
    wanted: Mapping[str, Any]
    count: int
    last_at: datetime

    @property
    def picture(self) -> str:
        """Digest of the picture or part of it: the same one with another k or filter is the same query."""
        seen = [self.kind, self.value, self.wanted.get("region"), self.wanted.get("subject")]
        return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()


class Queries:
    """The log of one library."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, asked: Iterable[Query]) -> None:
        """Count queries since the last call, and forget those that are no longer used."""
        with self._state.transaction() as session:
            counted = iter({query.picture: query for query in asked}.items())
            while some := dict(islice(counted, CHUNK)):
                known = set(session.scalars(select(QueryRow.picture).where(QueryRow.picture.in_(some))))
                for picture, query in some.items():
                    latest = {"wanted": dict(query.wanted), "last_at": query.last_at}
                    if picture in known:
                        changed = update(QueryRow).where(QueryRow.picture == picture)
                        session.execute(changed.values(count=QueryRow.count + query.count, **latest))
                    else:
                        row = QueryRow(picture=picture, kind=query.kind, value=query.value, count=query.count, **latest)
                        session.add(row)
            session.flush()
            session.execute(delete(QueryRow).where(QueryRow.last_at < datetime.now(UTC) - FORGOTTEN_AFTER))
            if (session.scalar(select(func.count()).select_from(QueryRow)) or 0) > KEPT:
                kept = select(QueryRow.picture).order_by(*_BEST_FIRST).limit(KEPT)
                session.execute(delete(QueryRow).where(QueryRow.picture.not_in(kept)))

    def popular(self, limit: int, *kinds: QueryKind) -> list[Query]:
        """Return the most frequent queries (of these kinds), best first."""
        query = select(QueryRow).order_by(*_BEST_FIRST).limit(limit)
        if kinds:
            query = query.where(QueryRow.kind.in_(kinds))
        with self._state.reading() as session:
            return [_query(row) for row in session.scalars(query)]


_BEST_FIRST: Final[Sequence[Any]] = (QueryRow.count.desc(), QueryRow.last_at.desc(), QueryRow.picture)


def _query(row: QueryRow) -> Query:
    kind: QueryKind = row.kind  # type: ignore[assignment]  # only a `QueryKind` is ever written
    return Query(kind, row.value, row.wanted, row.count, row.last_at.replace(tzinfo=UTC))
