"""Recommendations from a library: events in, pictures out."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, get_args

from yunmeng.apps.recommend.log import check_user, made_event, read_log
from yunmeng.apps.recommend.people import PeopleKeeper
from yunmeng.apps.recommend.ranking import MOST, Ranker
from yunmeng.apps.recommend.replay import replay
from yunmeng.apps.recommend.tables import EventTables
from yunmeng.apps.recommend.types import (
    Because,
    Event,
    EventKind,
    EventReport,
    Method,
    Pick,
    Replay,
    Taste,
    UserData,
)
from yunmeng.errors import QueryError, RecordNotFound
from yunmeng.stores.filters import Filter, check
from yunmeng.stores.parse import read_filter
from yunmeng.types import Failure

if TYPE_CHECKING:
    from yunmeng.library.library import Library

__all__ = ["Recommender"]

_BATCH: Final = 100_000


class Recommender:
    """Recommendations from ``library``, which stays the caller's to close. Threads may share it.

    >>> recommender = Recommender(library)                                          # doctest: +SKIP
    >>> recommender.record("ann", "shoes/17.jpg", "like")                           # doctest: +SKIP
    >>> picks = recommender.recommend("ann", k=20, filter="price < 50")             # doctest: +SKIP
    """

    def __init__(self, library: "Library") -> None:
        self._library = library
        self._tables = EventTables(library.state)
        self._people = PeopleKeeper(self._tables, library.resources.paths.cache / "recommend-people.npz")
        self._ranker = Ranker(library, self._tables, self._people.current)

    def record(
        self, user: str, picture: str, kind: EventKind, *, at: datetime | None = None, id: str | None = None
    ) -> Event:
        """Record that ``user`` did something with a picture; the next recommendation knows it.

        Args:
            user: Any name, up to 200 characters.
            picture: The id of a picture in the library.
            kind: view, like, dislike, buy or hide.
            at: When; None for now. Without a time zone it is UTC.
            id: A name for the event; the same name counts once. None makes one.

        Raises:
            RecordNotFound: The library has no such picture.
            QueryError: A value is wrong.
        """
        event = made_event(user, picture, kind, at, id)
        self._library.get(event.picture)
        self._tables.add([event])
        return event

    def add(self, events: Iterable[Event]) -> EventReport:
        """Record many events, those of `made_event`. Those of pictures that the library lacks fail."""
        return self._add(events, None, None)

    def import_events(
        self,
        files: Sequence[str | Path],
        on_count: Callable[[int], None] | None = None,
        stop: threading.Event | None = None,
    ) -> EventReport:
        """Record the events of CSV and JSONL files with the columns user, picture, kind, at and, if there is one, id.

        The same files can be imported again: what is known is not counted twice.

        Args:
            files: Their paths.
            on_count: Called with the number of rows that are done.
            stop: Ends the import when set; what was recorded stays.

        Raises:
            SourceError: A file cannot be read.
        """
        report = self._add((row for file in files for row in read_log(Path(file))), on_count, stop)
        self._people.keep_up()
        return report

    def recommend(
        self,
        user: str,
        k: int = 10,
        *,
        offset: int = 0,
        filter: str | Filter | None = None,
        method: Method = "tastes",
    ) -> list[Pick]:
        """Return pictures that ``user`` may like and has no event with, the best first.

        Args:
            user: The user; of one who is not known, popular and varied pictures are returned.
            k: How many.
            offset: How many of the best are passed over, for the next page. Both together are 200 at most.
            filter: A condition on attributes, as in `Library.search`.
            method: tastes; or what that is compared with: mean, popular, random.

        Raises:
            QueryError, FilterError.
        """
        _check_page(k, offset)
        if method not in get_args(Method):
            raise QueryError(f"there is no method {method!r}: choose among {', '.join(get_args(Method))}")
        ranked = self._ranker.rank(check_user(user), offset + k, self._filter(filter), method, datetime.now(UTC))
        return ranked[offset:]

    def similar(self, picture: str, k: int = 10, *, offset: int = 0, filter: str | Filter | None = None) -> list[Pick]:
        """Return the pictures that are most like one of the library, without itself and files with the same bytes.

        Raises:
            RecordNotFound, QueryError, FilterError.
        """
        _check_page(k, offset)
        same = {picture, *self._library.reader.same_as(picture)}
        wanted = offset + k + len(same)
        hits = self._library.search(id=picture, k=wanted, filter=self._filter(filter), metric="cosine")
        found = [hit for hit in hits if hit.id not in same][offset : offset + k]
        records = self._library.reader.get_many([hit.id for hit in found])
        because = Because(picture, None)
        return [Pick(records[hit.id], hit.score, "similar", because) for hit in found if hit.id in records]

    def tastes(self, user: str) -> list[Taste]:
        """Return the tastes of a user, those that count most first."""
        profile, groups = self._ranker.groups(check_user(user), datetime.now(UTC))
        total = sum(group.weight for group in groups)
        return [
            Taste([profile.liked.opinions[row].picture for row in group.rows], group.weight / total, group.muted)
            for group in groups
        ]

    def mute(self, user: str, picture: str, *, muted: bool = True) -> list[Taste]:
        """Mute the taste that has this picture: nothing is recommended for it. Or unmute it. Return all tastes.

        Raises:
            RecordNotFound: No taste of the user has this picture.
        """
        taste = next((taste for taste in self.tastes(user) if picture in taste.pictures), None)
        if taste is None:
            raise RecordNotFound(f"no taste of {user} has the picture {picture}")
        self._tables.set_muted(user, taste.pictures, muted=muted)
        return self.tastes(user)

    def forget(self, event: str) -> bool:
        """Remove one event by its id, as if it had not been; return whether there was one."""
        return self._tables.forget(event)

    def export(self, user: str) -> UserData:
        """Return all that is kept of a user."""
        return UserData(check_user(user), self._tables.of_user(user), sorted(self._tables.muted(user)))

    def erase(self, user: str) -> int:
        """Remove all that is kept of a user, also from what is popular; return how many events there were."""
        count = self._tables.erase(check_user(user))
        self._people.forget()
        return count

    def evaluate(
        self,
        files: Sequence[str | Path],
        *,
        k: int = 10,
        share: float = 0.2,
        users: int = 1000,
        on_step: Callable[[int, int], None] | None = None,
    ) -> Replay:
        """Replay logs: tell each method the first events, and measure how well it predicts who likes what later.

        Events in the library's own tables play no part, and none is written there.

        Args:
            files: Logs, as for `import_events`. Rows that are no events, or name unknown pictures, are passed over.
            k: How many pictures are recommended to each user.
            share: How much of the log, in (0, 1), is the later part.
            users: How many users are asked for, at most; they are drawn at random, the same ones each time.
            on_step: Called with how many recommendations are done, and how many there are.

        Raises:
            SourceError, QueryError.
        """
        _check_page(k, 0)
        events = [row for file in files for row in self._known(read_log(Path(file))) if isinstance(row, Event)]
        return replay(self._library, events, k, share, users, on_step or (lambda _done, _total: None))

    def _add(
        self,
        rows: Iterable[Event | Failure],
        on_count: Callable[[int], None] | None,
        stop: threading.Event | None,
    ) -> EventReport:
        added = known = 0
        failed: list[Failure] = []
        checked = self._known(rows)
        interrupted = False
        while batch := list(islice(checked, _BATCH)):
            events = [row for row in batch if isinstance(row, Event)]
            failed += [row for row in batch if isinstance(row, Failure)]
            new = self._tables.add(events)
            added, known = added + new, known + len(events) - new
            if on_count is not None:
                on_count(added + known + len(failed))
            if stop is not None and stop.is_set():
                interrupted = True
                break
        return EventReport(added, known, failed, interrupted)

    def _known(self, rows: Iterable[Event | Failure]) -> Iterator[Event | Failure]:
        """Yield rows; a failure in place of each event with a picture that the library lacks."""
        rest = iter(rows)
        known: dict[str, bool] = {}
        while batch := list(islice(rest, _BATCH)):
            new = {row.picture for row in batch if isinstance(row, Event)} - known.keys()
            found = self._library.reader.get_many(list(new))
            known.update((id, id in found) for id in new)
            for row in batch:
                if isinstance(row, Failure) or known[row.picture]:
                    yield row
                else:
                    yield Failure(row.picture, "the library has no picture with this id")

    def _filter(self, filter: str | Filter | None) -> Filter | None:
        parsed = read_filter(filter)
        if parsed is not None:
            check(parsed, self._library.schema)
        return parsed


def _check_page(k: int, offset: int) -> None:
    if k < 1 or offset < 0 or offset + k > MOST:
        raise QueryError(f"k must be at least 1, offset at least 0, and both together at most {MOST}")
