"""Warming: frequent queries are run in the background, so that their answers are in the cache."""

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

import structlog

from yunmeng.config import cores
from yunmeng.errors import Busy, QueryError, YunmengError
from yunmeng.schemas.searching import SearchQuery
from yunmeng.schemas.text import to_wire
from yunmeng.schemas.warming import MAX_WARM, WarmFailure, WarmOut
from yunmeng.server.limits import WorkerPool
from yunmeng.server.observe import Metrics
from yunmeng.server.requests import ask, asked_with, popular
from yunmeng.state.runner import JobKind, JobRun, JobRunner

if TYPE_CHECKING:
    from yunmeng.library.library import Library

__all__ = ["Warmer"]

KIND: Final = "warm"
PATIENCE: Final = 2.0
"""Seconds for which a question waits while people keep the cores busy; then it is asked among theirs."""
SHOWN_FAILURES: Final = 100


class Warmer:
    """Runs ordered queries one after the other, and lets people's queries go first. Each order is a job.

    The queries are in memory, so a job does not go on after the server has ended.
    """

    def __init__(
        self, library: "Library", jobs: JobRunner, write_log: Callable[[], None], workers: WorkerPool, metrics: Metrics
    ) -> None:
        """Take the parts of a server. ``write_log`` is called before popular queries are looked up."""
        self._library = library
        self._jobs = jobs
        self._write_log = write_log
        self._workers = workers
        self._metrics = metrics
        self._lock = threading.Lock()
        self._waiting: defaultdict[int, deque[SearchQuery]] = defaultdict(deque)  # by the number of the job
        self._state = WarmOut(running=False, total=0, done=0, failed=0, failures=[])
        jobs.add(JobKind(name=KIND, work=self._work, can_resume=lambda _: False))

    def begin(self, top: int) -> None:
        """Order the ``top`` most popular queries, if anything is cached here; never raises."""
        if top and self._library.resources.caches.results.on:
            try:
                self.order([], top)
            except YunmengError as exc:
                structlog.get_logger().warning("cannot ask ahead what is popular", error=str(exc))

    def order(self, queries: Sequence[SearchQuery], top: int) -> WarmOut:
        """Order ``queries``, and the ``top`` most popular ones. Raises `QueryError`, and `Busy` for too many."""
        if not self._library.resources.caches.results.on:
            raise QueryError("nothing is kept here: set YUNMENG_CACHE_ENTRIES or YUNMENG_REDIS_URL")
        for query in queries:
            asked_with(query)
        if top:
            self._write_log()
        wanted = [*popular(self._library, top), *queries]
        with self._lock:
            self._forget_cancelled()
            waiting = sum(map(len, self._waiting.values()))
            if waiting + len(wanted) > 2 * MAX_WARM:
                raise Busy(f"{waiting:,} questions are waiting already: order more later")
            if wanted:
                if not self._state.running:
                    self._state = WarmOut(running=True, total=0, done=0, failed=0, failures=[])
                self._state.total += len(wanted)
                job = self._jobs.order(KIND, {"top": top, "queries": len(queries)})
                self._waiting[job.id].extend(wanted)
            elif not self._state.running:
                self._state = WarmOut(running=False, total=0, done=0, failed=0, failures=[])
        return self.view()

    def view(self) -> WarmOut:
        """Return the progress."""
        with self._lock:
            self._forget_cancelled()
            return self._state.model_copy(update={"failures": list(self._state.failures)})

    def _work(self, run: JobRun) -> bool:
        with self._lock:  # which the order holds until its questions are there
            queries = self._waiting[run.job.id]
        total, failed = len(queries), 0
        while queries and not run.stop.is_set():
            reason = self._ask(queries[0], run.stop)
            failed += bool(reason)
            if reason and failed <= SHOWN_FAILURES:
                run.fail(queries[0].named, reason)
            self._settle(queries.popleft(), reason)
            run.tell(total - len(queries) - failed, total, failed=failed)
        run.settle()
        with self._lock:
            self._drop(run.job.id)
        return not run.stop.is_set()

    def _forget_cancelled(self) -> None:
        """Drop the queries of jobs that were cancelled before their turn."""
        for number in list(self._waiting):
            job = self._jobs.find(number)
            if (job is None or job.status not in ("queued", "running")) and not self._jobs.works_at(number):
                self._drop(number)

    def _drop(self, number: int) -> None:
        """Drop the queries that are left of a job."""
        self._state.total -= len(self._waiting.pop(number, ()))
        self._state.running = any(self._waiting.values())

    def _ask(self, query: SearchQuery, stop: threading.Event) -> str:
        """Run a query; return why it failed, or nothing."""
        patient = monotonic() + PATIENCE
        while self._workers.inside >= cores() and monotonic() < patient and not stop.is_set():
            sleep(0.01)
        reason = ""
        try:
            ask(self._library, query, asked_with(query))
        except YunmengError as exc:
            reason = str(exc)
        except Exception as exc:  # a bug must not end the job
            structlog.get_logger().exception("cannot ask ahead", exc_info=exc)
            reason = f"an error inside the server: {type(exc).__name__}"
        self._metrics.warmed.labels("failed" if reason else "done").inc()
        return reason

    def _settle(self, query: SearchQuery, reason: str) -> None:
        with self._lock:
            self._state.done += 1
            self._state.running = any(self._waiting.values())
            if reason:
                self._state.failed += 1
                if len(self._state.failures) < SHOWN_FAILURES:
                    self._state.failures.append(WarmFailure(query=query.named, reason=to_wire(reason)))
