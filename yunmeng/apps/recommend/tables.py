"""Tables of events, of what is popular, and of muted tastes."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Float, Index, String, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from yunmeng.apps.recommend.opinions import HALF_LIFE
from yunmeng.apps.recommend.types import WEIGHTS, Event, EventKind
from yunmeng.state.database import State
from yunmeng.state.tables import Base
from yunmeng.stores.ids import escape, unescape

__all__ = ["EventTables"]


_EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
_AT_ONCE: Final = 30_000
"""Values that one statement asks for: SQLite takes 32,766."""
_LEARNT_FROM: Final = 2_000_000
"""Events that are read at once, some 400 MB."""

Stored: TypeAlias = tuple[str, str, str, EventKind, float]
"""An event as its row: id, user, escaped picture, kind, seconds since 1970."""


class EventRow(Base):
    """One event. ``picture`` is an escaped id, ``at`` is in seconds since 1970."""

    __tablename__ = "recommend_events"
    __table_args__ = (Index("ix_recommend_events_user", "user", "at"), Index("ix_recommend_events_picture", "picture"))

    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    user: Mapped[str] = mapped_column(String(200))
    picture: Mapped[str]
    kind: Mapped[EventKind] = mapped_column(String(8))
    at: Mapped[float] = mapped_column(Float)


class PopularityRow(Base):
    """The popularity of one picture: the sum of its events' weights, each times 2^(its time in half-lives).

    So all of them decay alike and keep their order, and none has to be written again as time goes by (forward decay:
    Cormode, Shkapenyuk, Srivastava and Xu, ICDE 2009).
    """

    __tablename__ = "recommend_popularity"
    __table_args__ = (Index("ix_recommend_popularity_weight", "weight"),)

    picture: Mapped[str] = mapped_column(primary_key=True)
    weight: Mapped[float] = mapped_column(Float)


class MutedRow(Base):
    """A picture of a taste that a user has muted."""

    __tablename__ = "recommend_muted"

    user: Mapped[str] = mapped_column(String(200), primary_key=True)
    picture: Mapped[str] = mapped_column(primary_key=True)


_COLUMNS = (EventRow.id, EventRow.user, EventRow.picture, EventRow.kind, EventRow.at)


class EventTables:
    """The events of one library."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, events: Sequence[Event]) -> int:
        """Keep the events whose ids are new, in one transaction; return how many there were."""
        stored = {event.id: _stored(event) for event in reversed(events)}
        with self._state.transaction() as session:
            for ids in _portions(list(stored)):
                for known in session.scalars(select(EventRow.id).where(EventRow.id.in_(ids))):
                    del stored[known]
            if stored:
                names = [column.key for column in _COLUMNS]
                rows = [dict(zip(names, row, strict=True)) for row in stored.values()]
                session.connection().execute(insert(EventRow), rows)  # the session itself takes three times as long
                _grow(session, _weights(stored.values()))
        return len(stored)

    def of_user(self, user: str, limit: int | None = None) -> list[Event]:
        """Return the events of a user, the newest first."""
        query = select(*_COLUMNS).where(EventRow.user == user).order_by(EventRow.at.desc(), EventRow.id)
        with self._state.reading() as session:
            return [_event(_read(row)) for row in session.execute(query.limit(limit))]

    def seen(self, user: str) -> set[str]:
        """Return the pictures that a user has done anything with."""
        query = select(EventRow.picture).where(EventRow.user == user).distinct()
        with self._state.reading() as session:
            return set(map(unescape, session.scalars(query)))

    def popular(self, limit: int) -> list[str]:
        """Return the pictures that are liked most, the most liked first."""
        query = select(PopularityRow.picture).where(PopularityRow.weight > 0)
        query = query.order_by(PopularityRow.weight.desc(), PopularityRow.picture).limit(limit)
        with self._state.reading() as session:
            return [unescape(picture) for picture in session.scalars(query)]

    def count(self) -> int:
        """Return how many events there are."""
        with self._state.reading() as session:
            return session.scalar(select(func.count()).select_from(EventRow)) or 0

    def likes(self) -> list[tuple[str, str]]:
        """Return who liked or bought which picture, each pair once; of the newest events."""
        recent = select(EventRow.user, EventRow.picture).where(EventRow.kind.in_(("like", "buy")))
        with self._state.reading() as session:
            found = dict.fromkeys(map(tuple, session.execute(recent.order_by(EventRow.at.desc()).limit(_LEARNT_FROM))))
        return [(user, unescape(picture)) for user, picture in found]

    def forget(self, id: str) -> bool:
        """Remove one event; return whether there was one."""
        with self._state.transaction() as session:
            return _remove(session, EventRow.id == id) > 0

    def erase(self, user: str) -> int:
        """Remove all that is known of a user; return how many events there were."""
        with self._state.transaction(durable=True) as session:
            session.execute(delete(MutedRow).where(MutedRow.user == user))
            return _remove(session, EventRow.user == user)

    def muted(self, user: str) -> set[str]:
        """Return the pictures whose tastes a user has muted."""
        with self._state.reading() as session:
            return set(map(unescape, session.scalars(select(MutedRow.picture).where(MutedRow.user == user))))

    def set_muted(self, user: str, pictures: Collection[str], *, muted: bool) -> None:
        """Mute these pictures, or unmute them."""
        escaped = list(map(escape, pictures))
        with self._state.transaction() as session:
            for some in _portions(escaped):
                session.execute(delete(MutedRow).where(MutedRow.user == user, MutedRow.picture.in_(some)))
            if muted and escaped:
                session.execute(insert(MutedRow), [{"user": user, "picture": picture} for picture in escaped])


def _remove(session: Session, which: ColumnElement[bool]) -> int:
    """Remove events, and what they added to the popularity of their pictures; return how many there were."""
    pictures = sorted(set(session.scalars(select(EventRow.picture).where(which))))
    removed = session.execute(delete(EventRow).where(which).returning(EventRow.id)).all()
    for some in _portions(pictures):
        _count_again(session, some)
    return len(removed)


def _stored(event: Event) -> Stored:
    return (event.id, event.user, escape(event.picture), event.kind, event.at.timestamp())


def _read(row: Any) -> Stored:
    """Return a row of `_COLUMNS`: its types are other ones in each version of SQLAlchemy."""
    return row.id, row.user, row.picture, row.kind, row.at


def _event(row: Stored) -> Event:
    id, user, picture, kind, at = row
    return Event(user, unescape(picture), kind, datetime.fromtimestamp(at, UTC), id)


def _portions(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[begin : begin + _AT_ONCE] for begin in range(0, len(values), _AT_ONCE))


def _weights(rows: Iterable[Stored]) -> dict[str, float]:
    """Return what these events add to the popularity of their pictures."""
    weights: dict[str, float] = {}
    for _, _, picture, kind, at in rows:
        weight = WEIGHTS[kind] * 2.0 ** ((at - _EPOCH) / HALF_LIFE)
        weights[picture] = weights.get(picture, 0.0) + weight
    return weights


def _grow(session: Session, weights: Mapping[str, float]) -> None:
    table, connection = PopularityRow, session.connection()
    before: set[str] = set()
    for pictures in _portions(list(weights)):
        before.update(session.scalars(select(table.picture).where(table.picture.in_(pictures))))
    grown = [{"of": picture, "more": weight} for picture, weight in weights.items() if picture in before]
    new = [{"picture": picture, "weight": weight} for picture, weight in weights.items() if picture not in before]
    if grown:
        by_more = update(table).where(table.picture == bindparam("of")).values(weight=table.weight + bindparam("more"))
        connection.execute(by_more, grown)
    if new:
        connection.execute(insert(table), new)


def _count_again(session: Session, pictures: Sequence[str]) -> None:
    """Compute the popularity of pictures from the events that are left."""
    session.execute(delete(PopularityRow).where(PopularityRow.picture.in_(pictures)))
    left = session.execute(select(*_COLUMNS).where(EventRow.picture.in_(pictures)))
    _grow(session, _weights(map(_read, left)))
