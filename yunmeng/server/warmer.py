"""Asking ahead: what people ask often is asked in the background, so that its answers are at hand."""

import threading
from collections import deque
from collections.abc import Sequence
from time import monotonic, sleep
from typing import Final

import structlog

from yunmeng.config import cores
from yunmeng.errors import Busy, QueryError, YunmengError
from yunmeng.library import Library
from yunmeng.schemas import MAX_WARM, SearchQuery, WarmFailure, WarmOut, to_wire
from yunmeng.server.limits import Lanes
from yunmeng.server.observe import Metrics
from yunmeng.server.query_log import QueryLog
from yunmeng.server.questions import ask, asked_with, popular

__all__ = ["Warmer"]

WRITING: Final = 30.0
"""Seconds after which what was asked is written down."""
PATIENCE: Final = 2.0
"""Seconds for which a question waits while people keep the cores busy; then it is asked among theirs."""
SHOWN_FAILURES: Final = 100


class Warmer:
    """Asks what was ordered, one after the other, on a thread of its own, and lets people's questions go first.

    The same thread writes the log of queries down.
    """

    def __init__(self, library: Library, log: QueryLog, lanes: Lanes, metrics: Metrics) -> None:
        self._library = library
        self._log = log
        self._lanes = lanes
        self._metrics = metrics
        self._changed = threading.Condition()
        self._waiting: deque[SearchQuery] = deque()
        self._state = WarmOut(running=False, total=0, done=0, failed=0, failures=[])
        self._ending = False
        self._thread = threading.Thread(target=self._work, name="yunmeng-warmer")

    def start(self) -> None:
        self._thread.start()

    def begin(self, top: int) -> None:
        """Order the ``top`` most popular questions, if anything is kept here; never raises."""
        if top and self._library.resources.caches.results.on:
            try:
                self.order([], top)
            except YunmengError as exc:
                structlog.get_logger().warning("cannot ask ahead what is popular", error=str(exc))

    def stop(self) -> None:
        """End after the question that is being asked."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()

    def order(self, queries: Sequence[SearchQuery], top: int) -> WarmOut:
        """Have ``queries`` asked, and the ``top`` most popular. Raises `QueryError`, and `Busy` for too many."""
        if not self._library.resources.caches.results.on:
            raise QueryError("nothing is kept here: set YUNMENG_CACHE_ENTRIES or YUNMENG_REDIS_URL")
        for query in queries:
            asked_with(query)
        if top:
            self._write()
        wanted = [*popular(self._library, top), *queries]
        with self._changed:
            if len(self._waiting) + len(wanted) > 2 * MAX_WARM:
                raise Busy(f"{len(self._waiting):,} questions wait to be asked already: order more in a while")
            if not self._state.running:
                self._state = WarmOut(running=False, total=0, done=0, failed=0, failures=[])
            self._waiting.extend(wanted)
            self._state.total += len(wanted)
            self._state.running = bool(self._waiting) or self._state.running
            self._changed.notify_all()
        return self.view()

    def view(self) -> WarmOut:
        """How far it has come."""
        with self._changed:
            return self._state.model_copy(update={"failures": list(self._state.failures)})

    def _work(self) -> None:
        written = monotonic()
        while not self._ending:
            query = self._next()
            if query is not None:
                self._ask(query)
            if monotonic() - written > WRITING:
                self._write()
                written = monotonic()
        self._write()

    def _next(self) -> SearchQuery | None:
        with self._changed:
            if not self._waiting and not self._ending:
                self._changed.wait(WRITING)
            return self._waiting.popleft() if self._waiting and not self._ending else None

    def _ask(self, query: SearchQuery) -> None:
        patient = monotonic() + PATIENCE
        while self._lanes.inside >= cores() and monotonic() < patient and not self._ending:
            sleep(0.01)
        reason = ""
        try:
            ask(self._library, query, asked_with(query))
        except YunmengError as exc:
            reason = str(exc)
        except Exception as exc:  # a bug must not end the thread, and with it the log
            structlog.get_logger().exception("cannot ask ahead", exc_info=exc)
            reason = f"an error inside the server: {type(exc).__name__}"
        self._metrics.warmed.labels("failed" if reason else "done").inc()
        self._settle(query, reason)

    def _settle(self, query: SearchQuery, reason: str) -> None:
        with self._changed:
            self._state.done += 1
            self._state.running = bool(self._waiting)
            if reason:
                self._state.failed += 1
                if len(self._state.failures) < SHOWN_FAILURES:
                    self._state.failures.append(WarmFailure(query=query.named, reason=to_wire(reason)))

    def _write(self) -> None:
        try:
            self._log.write()
        except YunmengError as exc:  # a full disk, say: the next one may fare better
            structlog.get_logger().warning("cannot write the log of queries", error=str(exc))
