"""Rounds over the URLs that a server watches, for as long as there are any."""

import threading
from typing import TYPE_CHECKING, Final

from yunmeng.apps.copyright.watching.fetched import FetchedUrls
from yunmeng.apps.copyright.watching.inspector import Inspector, OnEvent
from yunmeng.apps.copyright.watching.urls import ListingWatch
from yunmeng.types import Failure

if TYPE_CHECKING:
    from yunmeng.apps.copyright.service import Works
    from yunmeng.apps.copyright.watching.tables import Finding
    from yunmeng.apps.copyright.watching.watches import Watched
    from yunmeng.library.library import Library

__all__ = ["Rounds"]

_LOOK_EVERY: Final = 2.0  # seconds between two looks at which watches are due


class Rounds:
    """Reads each watched URL when it is due. Raises what `Webhook.wanted` raises."""

    def __init__(self, works: "Works", library: "Library") -> None:
        self._works = works
        self._library = library
        self._fetched = FetchedUrls(library.state)
        self._running: dict[int, _Round] = {}

    def run(self, stop: threading.Event) -> bool:
        """Read what is due until ``stop`` is set, then return False; True as soon as nothing is watched any more."""
        sender = Inspector(self._works, lambda _: None)
        while watched := self._works.watches.all():
            self._running = {one.number: self._of(one) for one in watched}
            for one in watched:
                if one.due and not stop.is_set():
                    self._running[one.number].run(stop)
            sender.deliver()
            if stop.wait(_LOOK_EVERY):
                return False
        return True

    def _of(self, watched: "Watched") -> "_Round":
        return self._running.get(watched.number) or _Round(watched, self._works, self._library, self._fetched)


class _Round:
    """The rounds of one watch, which remember what has failed and what has not changed."""

    def __init__(self, watched: "Watched", works: "Works", library: "Library", fetched: FetchedUrls) -> None:
        self._number = watched.number
        self._watches = works.watches
        self._failures: list[Failure] = []
        on_event: OnEvent = self._note
        inspector = Inspector(works, on_event)
        self._listing = ListingWatch([watched.url], watched.every, inspector, library.resources, fetched)

    def run(self, stop: threading.Event) -> None:
        """Make a round, and note how it went, unless it was stopped."""
        self._failures.clear()
        pictures = self._listing.round(stop)
        last = f"{self._failures[-1].path}: {self._failures[-1].reason}" if self._failures else ""
        if not stop.is_set():
            self._watches.note(self._number, pictures, len(self._failures), last)

    def _note(self, event: "Finding | Failure") -> None:
        if isinstance(event, Failure):
            self._failures.append(event)
