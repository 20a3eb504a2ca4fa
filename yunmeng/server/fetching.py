"""Fetching for callers of the server: a few URLs at once for each, within seconds, and never for other web sites."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from yunmeng.errors import Busy, FetchError, Reason
from yunmeng.net.fetch import Leave
from yunmeng.server.errors import Refused
from yunmeng.server.limits import away

__all__ = ["Fetching"]

AT_ONCE: Final = 16
"""Fetches for all callers; each holds a thread that does nothing but wait."""
EACH: Final = 4
"""Fetches at once for one caller."""
WAITING: Final = 12
"""Fetches of one caller that may wait for their turn."""


class Fetching:
    """Gives requests permission to fetch. A request that fetches, or waits for its turn, holds no worker meanwhile."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._changed = threading.Condition()
        self._running: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()

    def leave(self, caller: str, *, foreign: bool) -> Leave:
        """Return the check that `yunmeng.net.fetch` makes before each fetch of one request.

        All fetches of a request together have the time of one URL. If another web site may have made the request
        (``foreign``), every fetch is refused: otherwise that site could make this machine connect to addresses of its
        choice.
        """
        end = time.monotonic() + self._seconds

        @contextmanager
        def fetching() -> Iterator[float]:
            if foreign:
                raise Refused("cross-origin", "another web site may not have this server fetch anything")
            with away(), self._turn(caller, end):
                yield end - time.monotonic()

        return fetching

    @contextmanager
    def _turn(self, caller: str, end: float) -> Iterator[None]:
        with self._changed:
            if self._waiting[caller] >= WAITING:
                raise Busy(f"{WAITING} of your requests wait to fetch something already: ask again in a moment")
            self._waiting[caller] += 1
            try:
                free = self._changed.wait_for(lambda: self._is_free(caller), end - time.monotonic())
            finally:
                _less(self._waiting, caller)
            if not free or end <= time.monotonic():
                said = f"not fetched {self._seconds:g} s after the request (YUNMENG_URL_TIMEOUT)"
                raise FetchError(Reason.UNFETCHABLE, said)
            self._running[caller] += 1
        try:
            yield
        finally:
            with self._changed:
                _less(self._running, caller)
                self._changed.notify_all()

    def _is_free(self, caller: str) -> bool:
        return self._running[caller] < EACH and self._running.total() < AT_ONCE


def _less(counts: Counter[str], caller: str) -> None:
    counts[caller] -= 1
    if not counts[caller]:
        del counts[caller]
