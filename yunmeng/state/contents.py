"""The name of a library's contents, where many processes write to its store, and which generation takes writes."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.orm import Session

from yunmeng.errors import Busy, LibraryMoved, StateError
from yunmeng.state.leases import now_there
from yunmeng.state.tables import ContentsRow, ContentWriteRow

if TYPE_CHECKING:
    from yunmeng.state.database import State

__all__ = ["SharedContents"]

WRITE_SECONDS: float = 60.0
"""Seconds after which a write counts as given up that has not ended: its process was killed, most likely."""
MOVE_SECONDS: Final = 600.0
"""Seconds that the last step of a move may take, in which nothing is written to the library."""
PAUSE: Final = 5.0
"""Seconds for which the database is left alone after it did not answer; answers are not kept meanwhile."""
LOOK_EVERY: Final = 0.05
PATIENCE: float = 10.0
"""Seconds for which a write waits while nothing may be written, before it is refused."""


class SharedContents:
    """Names the contents of the store for all processes. Threads may share it. ``generation`` is the opened one.

    A write is noted before it begins. When it has ended, the note is removed, and the contents get a new name, in one
    step. While a write is under way, there is no name. So what was read between two looks at the same name holds all
    that was written before the first, and nothing else: a write that has ended in between has changed the name, and one
    that had begun by then has left none. A writer that is killed leaves its note; when the note is old, the name
    changes as well, as nobody knows what became of the write. If it was only slow, it changes the name again at its
    end.

    Names are random: none comes back, not even when the database is restored as it was on an earlier day.
    """

    def __init__(self, state: "Callable[[], State]", generation: int) -> None:
        self._state = state
        self._opened = generation
        self._silent_until = 0.0
        self._lock = threading.Lock()
        self._seen: str | None = None
        self._by_others = 0

    @property
    def by_others(self) -> int:
        """A number that grows when `name` finds that another process has written, and when it cannot tell."""
        return self._by_others

    def opened(self, generation: int) -> None:
        """Note that this process has opened a generation to which another process has moved the library."""
        self._opened = max(self._opened, generation)

    def name(self, generation: int) -> str | None:
        """Return the name of the contents; None while something is written, or the database does not answer.

        Raises `LibraryMoved` where the library has moved on from ``generation``.
        """
        if time.monotonic() >= self._silent_until:
            try:
                return self._name(generation)
            except StateError:
                self._silent_until = time.monotonic() + PAUSE
        self._saw(None)
        return None

    @contextmanager
    def writing(self, generation: int) -> Iterator[None]:
        """Note a write to the store of ``generation``, which is done in the block.

        It waits up to `PATIENCE` where nothing may be written, see `still`.

        Raises `StateError`, and then nothing is written; `Busy` where that takes longer, and `LibraryMoved` when the
        library has moved to another generation.
        """
        note, deadline = secrets.token_hex(16), time.monotonic() + PATIENCE
        while not self._begun(note, generation):
            if time.monotonic() > deadline:
                raise Busy(
                    "another process moves or copies the library, and nothing is written meanwhile: try again later"
                )
            time.sleep(LOOK_EVERY)
        try:
            yield
        finally:
            self._ended(note)

    @contextmanager
    def still(self) -> Iterator[Callable[[], None]]:
        """Keep all processes, this one too, from writing to the store while the block reads it.

        Gives a function to call from time to time, as a dead process would keep the others waiting for ten minutes. It
        raises `Busy` if it is called so late that others write again.
        """
        self._set_moving(MOVE_SECONDS)
        try:
            while self._writes():
                time.sleep(LOOK_EVERY)
            yield self._go_on
        finally:
            self._set_moving(0)

    @contextmanager
    def moving(self, generation: int) -> Iterator[Callable[[], None]]:
        """Keep all processes from writing to the current generation; ``generation`` follows it if the block succeeds.

        Gives a function to call right before the block makes the move final. It raises `Busy` if the block has taken so
        long that others write again.
        """
        self._set_moving(MOVE_SECONDS)
        try:
            while self._writes():
                time.sleep(LOOK_EVERY)
            yield self._go_on
        except BaseException:
            self._set_moving(0)
            raise
        self._opened = generation
        with self._session() as session:
            changed = {"generation": generation, "moving_until": None, "version": secrets.token_hex(16)}
            session.execute(update(ContentsRow).values(changed))

    def _name(self, generation: int) -> str | None:
        writes = select(func.count()).select_from(ContentWriteRow)
        old = writes.where(ContentWriteRow.begun_at < _ago(WRITE_SECONDS))
        query = select(ContentsRow.version, ContentsRow.generation, writes.scalar_subquery(), old.scalar_subquery())
        with self._state().reading() as session:
            found = session.execute(query).first()
        if found is None or found[1] < self._opened:
            with self._session() as session:
                self._locked(session)
            return None
        version, current, under_way, given_up = found
        self._saw(version)
        _check(current, generation)
        if under_way and under_way == given_up:
            self._give_up()
        return None if under_way else str(version)

    def _begun(self, note: str, generation: int) -> bool:
        """Note a write, unless nothing may be written now."""
        with self._session() as session:
            now = self._locked(session)
            _check(now.generation, generation)
            if now.generation == generation and _holds(session, now.moving_until):
                return False
            session.execute(insert(ContentWriteRow).values(id=note, begun_at=now_there()))
        return True

    def _ended(self, note: str) -> None:
        """Remove the note of a write, and change the name."""
        after = secrets.token_hex(16)
        with self._session() as session:
            before = session.scalar(select(ContentsRow.version).with_for_update())
            session.execute(delete(ContentWriteRow).where(ContentWriteRow.id == note))
            session.execute(update(ContentsRow).values(version=after))
        with self._lock:
            if self._seen == before:  # nobody else has written since we looked
                self._seen = after

    def _saw(self, version: str | None) -> None:
        with self._lock:
            if version is None or version != self._seen:
                self._by_others += 1
            self._seen = version

    def _give_up(self) -> None:
        """Forget the writes whose processes were killed. What they wrote may be there or not: the name changes."""
        with self._session() as session:
            session.execute(update(ContentsRow).values(version=secrets.token_hex(16)))
            session.execute(delete(ContentWriteRow).where(ContentWriteRow.begun_at < _ago(WRITE_SECONDS)))

    def _writes(self) -> int:
        fresh = ContentWriteRow.begun_at >= _ago(WRITE_SECONDS)
        with self._state().reading() as session:
            return session.scalar(select(func.count()).select_from(ContentWriteRow).where(fresh)) or 0

    def _set_moving(self, seconds: float) -> None:
        with self._session() as session:
            self._locked(session)
            session.execute(update(ContentsRow).values(moving_until=_ago(-seconds)))

    def _go_on(self) -> None:
        with self._session() as session:
            if not _holds(session, self._locked(session).moving_until):
                raise Busy("it took so long that other processes have written again: order it once more")
            session.execute(update(ContentsRow).values(moving_until=_ago(-MOVE_SECONDS)))

    def _locked(self, session: Session) -> ContentsRow:
        """Return the row, which does not change until the transaction ends; it is made, or told of our generation."""
        query = select(ContentsRow).with_for_update(read=True)
        row = session.scalars(query).first()
        if row is None:
            from sqlalchemy.dialects.postgresql import insert as insert_unless

            first = insert_unless(ContentsRow).values(id=1, version=secrets.token_hex(16), generation=self._opened)
            session.execute(first.on_conflict_do_nothing())
            row = session.scalars(query).one()
        if row.generation < self._opened:  # a process was killed right after it had moved the library
            row.generation, row.moving_until = self._opened, None
            session.flush()
        return row

    def _session(self) -> AbstractContextManager[Session]:
        return self._state().transaction(alone=False)


def _ago(seconds: float) -> ColumnElement[object]:
    return now_there() - timedelta(seconds=seconds)


def _holds(session: Session, until: datetime | None) -> bool:
    return until is not None and bool(session.scalar(select(now_there() < until)))


def _check(current: int, generation: int) -> None:
    if current > generation:
        raise LibraryMoved("another process has moved the library to another generation meanwhile: try again")
