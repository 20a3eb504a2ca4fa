"""The words of records in PostgreSQL, for libraries whose store has no full text: a row each, under a GIN index.

A row is as the record in the store is, unless the record is marked as unsettled: its write is under way, or was cut
off, or its words have never been read. Whoever writes a record, or settles it, marks it first, and then holds the mark
by a lock of its row until store and words are written. So no two do it at once; and when a process is killed, its locks
go with its connection, and the marks stay for whoever comes next.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Float, Text, bindparam, cast, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from yunmeng.errors import StateUnreachable
from yunmeng.state.conditions import condition
from yunmeng.state.word_ranking import ranked
from yunmeng.state.word_tables import READ, UNSETTLED, WORDS
from yunmeng.stores.filters import Filter
from yunmeng.stores.ids import escape, unescape
from yunmeng.stores.rewrite import plain
from yunmeng.types import AttributeSchema

if TYPE_CHECKING:
    from yunmeng.state.database import State

__all__ = ["FoundWords", "RecordWords", "Words", "forget"]

PAUSE: Final = 5.0
"""Seconds for which a search does not ask the database again that could not be reached."""
SHARE_OF_TIME: Final = 20
"""Number and mean length of all texts, which all must be counted for, take at most one such part of the time."""
MAX_BYTES: Final = 1_000_000
"""The most that the words of one record may take; PostgreSQL holds 1,048,575 bytes."""

Place: TypeAlias = tuple[str, str]
"""SHA-256 and id of a record, as `Store.page` takes it."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one record. ``length`` is how many it has; ``words`` are the different ones, and phrases of two.

    No word is longer than 2,046 bytes. ``attributes`` are as `yunmeng.state.conditions.filterable` says.
    """

    id: str
    words: Collection[str]
    length: int
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FoundWords:
    """A record with some of the words that were asked for, its BM25, and whether it has all that are needed."""

    id: str
    bm25: float
    whole: bool


class RecordWords:
    """The words of the records of one ``store``. Threads may share it. All raise `StateError`."""

    def __init__(self, state: "Callable[[], State]", store: str) -> None:
        self._state = state
        self._store = store
        self._silent_until = 0.0
        self._counted: tuple[float, tuple[int, float]] = (0.0, (0, 0.0))

    def begin(self, *, complete: bool = True) -> None:
        """Forget all words: the store is new and empty, or ``complete`` is false, and all are to be read again."""
        with self._state().transaction(alone=False) as session:
            _forget(session, [self._store])
            session.execute(insert(READ).values(store=self._store, complete=complete))

    @contextmanager
    def writing(self, ids: Iterable[str]) -> Iterator[Callable[[Sequence[Words]], None]]:
        """Keep others from writing these records meanwhile, and give a function that replaces all their words.

        Call it when the store has them. If the block fails, or the process is killed, they stay unsettled.
        """
        names = sorted({escape(id) for id in ids})
        mine = UNSETTLED.c.store == self._store, UNSETTLED.c.id == _any_of(names)
        held = select(UNSETTLED.c.id).where(*mine).order_by(UNSETTLED.c.id).with_for_update()
        while True:
            with self._state().transaction(alone=False) as session:
                self._mark(session, names)
            with self._state().transaction(alone=False) as session:
                if len(session.scalars(held).all()) == len(names):  # else another has settled some in between
                    yield lambda rows: self._replace(session, names, rows)
                    session.execute(delete(UNSETTLED).where(*mine))
                    return

    def settle(self, most: int, read: Callable[[list[str]], Sequence[Words]]) -> int:
        """Replace the words of records that are unsettled, and that nobody is writing. Returns how many there were.

        ``read`` returns the words of those that the store has among some ids.
        """
        free = select(UNSETTLED.c.id).where(UNSETTLED.c.store == self._store).order_by(UNSETTLED.c.id).limit(most)
        with self._state().transaction(alone=False) as session:
            names = list(session.scalars(free.with_for_update(skip_locked=True)))
            if names:
                self._replace(session, names, read([unescape(name) for name in names]))
                mine = UNSETTLED.c.store == self._store, UNSETTLED.c.id == _any_of(names)
                session.execute(delete(UNSETTLED).where(*mine))
        return len(names)

    def go_on(self, page: Callable[[Place | None], Sequence[Place]]) -> None:
        """Mark the next records of a store that was filled without words as unsettled.

        ``page`` returns those behind a place; none where all have been.
        """
        mine = READ.c.store == self._store
        with self._state().transaction(alone=False) as session:
            session.execute(upsert(READ).values(store=self._store, complete=False).on_conflict_do_nothing())
            far = session.execute(select(READ).where(mine).with_for_update()).one()
            if far.complete:
                return
            places = page(None if far.id is None else (unescape(far.sha256), unescape(far.id)))
            self._mark(session, sorted(escape(id) for _, id in places))
            reached = {"sha256": escape(places[-1][0]), "id": escape(places[-1][1])} if places else {"complete": True}
            session.execute(update(READ).where(mine).values(reached))

    def left(self) -> tuple[int, bool]:
        """Return how many records are unsettled, and whether some were never read."""
        marks = select(func.count()).select_from(UNSETTLED).where(UNSETTLED.c.store == self._store)
        done = select(READ.c.complete).where(READ.c.store == self._store)
        with self._state().reading() as session:
            return session.scalar(marks) or 0, not session.scalar(done)

    def count(self) -> int:
        """Return how many records have words."""
        with self._state().reading() as session:
            return session.scalar(select(func.count()).select_from(WORDS).where(WORDS.c.store == self._store)) or 0

    def find(
        self, needed: Sequence[str], helpful: Sequence[str], k: int, filter: Filter | None, schema: AttributeSchema
    ) -> list[FoundWords]:
        """Return the best k records with any of these words that pass the filter: those with all ``needed`` first.

        They are ordered by BM25 as `yunmeng.stores.bm25` has it, but that a word counts once however often it stands in
        a text. All texts count for how rare a word is, whatever the filter says.
        """
        if time.monotonic() < self._silent_until:
            raise StateUnreachable("the state database, which has the words of this library, does not answer")
        try:
            with self._state().reading() as session:
                session.execute(text("SET LOCAL jit = off"))  # compiling takes longer than the search
                texts, mean = self._totals(session)
                passes = None if filter is None else condition(plain(filter, schema), schema, WORDS.c.attributes)
                query = ranked(self._store, needed, helpful, passes, texts, mean).limit(k)
                return [FoundWords(unescape(row.id), row.bm25, row.whole) for row in session.execute(query)]
        except StateUnreachable:
            self._silent_until = time.monotonic() + PAUSE
            raise

    def _totals(self, session: Session) -> tuple[int, float]:
        """Return the number and the mean length of all texts, as they are now or were a short while ago."""
        until, known = self._counted
        began = time.monotonic()
        if began < until:
            return known
        query = select(func.count(), func.coalesce(cast(func.avg(WORDS.c.length), Float), 0.0))
        texts, mean = session.execute(query.where(WORDS.c.store == self._store)).one()
        ended = time.monotonic()
        self._counted = ended + (SHARE_OF_TIME - 1) * (ended - began), (texts, mean)
        return texts, mean

    def _mark(self, session: Session, names: Sequence[str]) -> None:
        each = select(bindparam("store", self._store), func.unnest(_texts(names)))
        session.execute(upsert(UNSETTLED).from_select(["store", "id"], each).on_conflict_do_nothing())

    def _replace(self, session: Session, names: Sequence[str], rows: Sequence[Words]) -> None:
        found = {escape(row.id): row for row in rows}
        gone = [name for name in names if name not in found]
        if gone:
            session.execute(delete(WORDS).where(WORDS.c.store == self._store, WORDS.c.id == _any_of(gone)))
        if found:
            statement = upsert(WORDS)
            changed = {column: statement.excluded[column] for column in ("words", "length", "attributes")}
            values = [
                {
                    "store": self._store,
                    "id": name,
                    "words": _vector(row.words),
                    "length": row.length,
                    "attributes": row.attributes,
                }
                for name, row in sorted(found.items())
            ]
            session.execute(statement.on_conflict_do_update(index_elements=["store", "id"], set_=changed), values)


def forget(state: "State", stores: Collection[str]) -> None:
    """Remove all words of these stores."""
    with state.transaction(alone=False) as session:
        _forget(session, stores)


def _forget(session: Session, stores: Collection[str]) -> None:
    for table in (READ, UNSETTLED, WORDS):  # marks before words, as writers take their locks
        session.execute(delete(table).where(table.c.store.in_(stores)))


def _any_of(names: Sequence[str]) -> Any:
    return func.any(_texts(names))


def _texts(names: Sequence[str]) -> ColumnElement[Any]:
    kind: ARRAY[str] = ARRAY(Text())
    return cast(bindparam(None, list(names), type_=kind, unique=True), kind)


def _vector(words: Iterable[str]) -> str:
    """Return words, which hold no more than letters, digits and single spaces, as PostgreSQL reads them."""
    kept, size = [], 0
    for word in words:
        size += len(word.encode()) + 8
        if size > MAX_BYTES:
            break
        kept.append(f"'{word}'")
    return " ".join(kept)
