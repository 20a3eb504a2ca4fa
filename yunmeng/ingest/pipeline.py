"""Indexing as one bounded stream: classifiers on many threads, a runner that encodes, store and checkpoints behind."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from yunmeng.concurrency import bounded_map
from yunmeng.errors import Busy, LibraryMoved, StateUnreachable, StoreError, StoreUnreachable, YunmengError
from yunmeng.ingest.decisions import Decision, Duplicate, Failed, New, NoPicture, Several, Unchanged, Undecoded
from yunmeng.ingest.runners.protocol import Outcome, Runner
from yunmeng.state.database import State
from yunmeng.stores.protocol import Store
from yunmeng.types import Failure, IndexReport, OnTally, Progress, Tally

__all__ = ["IndexReport", "OnTally", "Pipeline", "Tally", "recorded"]

T = TypeVar("T")

INTAKE = "intake"
"""How the threads are named that read and decode."""

BATCH_BYTES = 64_000_000
"""Files that travel to a worker together: a batch of large scans is closed before it is full, to bound the memory."""

OPTIMISE_FROM = 5_000
"""Vectors without index that are worth building it for: scanning fewer takes about 2 ms."""

CHECKPOINT_SECONDS = 5.0
"""Longest time between checkpoints while nothing is written, as when all is skipped."""


@dataclass(slots=True)
class _Batch:
    """Pictures that go to the store together."""

    fresh: list[New | Undecoded] = field(default_factory=list)
    known: list[Duplicate] = field(default_factory=list)
    bytes: int = 0

    def __len__(self) -> int:
        return len(self.fresh) + len(self.known)

    def add(self, picture: New | Undecoded | Duplicate) -> None:
        if isinstance(picture, Duplicate):
            self.known.append(picture)
            return
        self.fresh.append(picture)
        self.bytes += len(picture.data) if isinstance(picture, Undecoded) else 0


def recorded(state: State, job_id: int, work: Callable[[], IndexReport], stop: threading.Event) -> IndexReport:
    """Return the result of ``work``, and record how job ``job_id`` ended, whether it returns or raises.

    ``stop`` is set where another process cancels the job or takes it over.
    """
    try:
        with state.holding(job_id, stop):
            report = work()
    except (StateUnreachable, StoreUnreachable, LibraryMoved):  # what was written is written: it can go on later
        with suppress(StateUnreachable):
            state.finish_job(job_id, "interrupted")
        raise
    except BaseException as exc:
        stopped = isinstance(exc, KeyboardInterrupt)
        error = str(exc) if isinstance(exc, YunmengError) else None
        state.finish_job(job_id, "interrupted" if stopped else "failed", error)
        raise
    state.finish_job(job_id, "interrupted" if report.interrupted else "done")
    return report


class Pipeline(Generic[T]):
    """One run. Each entry is classified first; nothing is counted as indexed before the store has it."""

    def __init__(
        self,
        *,
        classify: Callable[[T], Decision],
        runner: Runner,
        store: Store,
        state: State,
        batch_size: int,
        workers: int,
        on_tally: OnTally,
        stop: threading.Event,
    ) -> None:
        self._classify = classify
        self._runner = runner
        self._store = store
        self._state = state
        self._batch_size = batch_size
        self._workers = workers
        self._on_tally = on_tally
        self._stop = stop
        self._tally = Tally()
        self._failures: list[Failure] = []
        self._passed_over: Counter[str] = Counter()
        self._checkpointed = 0  # failures that a checkpoint holds
        self._checkpoint_at = time.monotonic()
        self._last_id: str | None = None

    def run(self, job_id: int, entries: Iterable[T], count: Callable[[], int]) -> IndexReport:
        """Index ``entries``; ``count`` is called on a thread beside, to learn how many there are."""
        began = time.monotonic()
        counter = threading.Thread(target=self._learn_total, args=(count,), daemon=True)
        counter.start()
        intake = ThreadPoolExecutor(self._workers, INTAKE)
        try:
            with self._runner:
                self._runner.begin(self._stop)
                # Far enough ahead to fill a batch while another is encoded; the prepared pictures wait in memory.
                decisions = bounded_map(intake, self._classify, entries, self._batch_size + self._workers, self._stop)
                try:
                    self._stream(job_id, decisions)
                finally:
                    decisions.close()
        finally:  # who stops does not wait for a picture that takes long: what becomes of it is forgotten
            intake.shutdown(wait=not self._stop.is_set(), cancel_futures=True)
        self._checkpoint(job_id)
        if self._store.unindexed() >= OPTIMISE_FROM and not self._stop.is_set():
            self._tally.phase = "optimising"
            self._on_tally(self._tally)
            with suppress(
                StoreError
            ):  # somebody reads all records just now: it is done later, by `tend` or the next run
                self._store.optimise()
        self._store.flush()
        return IndexReport(
            self._tally.indexed,
            self._tally.skipped,
            self._failures,
            time.monotonic() - began,
            self._stop.is_set(),
            dict(self._passed_over.most_common()),
        )

    def _stream(self, job_id: int, decisions: Iterable[Decision]) -> None:
        batch = _Batch()
        under_way: dict[Future[list[Outcome]], _Batch] = {}
        for decision in decisions:
            self._take(decision, batch)
            if len(batch) >= self._batch_size or batch.bytes >= BATCH_BYTES:
                under_way[self._runner.submit(batch.fresh)] = batch
                batch = _Batch()
            self._settle(job_id, under_way, self._runner.ahead)
            if time.monotonic() - self._checkpoint_at > CHECKPOINT_SECONDS:
                self._checkpoint(job_id)
            if self._stop.is_set():
                break
        if batch:
            under_way[self._runner.submit(batch.fresh)] = batch
        self._settle(job_id, under_way, 0)

    def _settle(self, job_id: int, under_way: dict[Future[list[Outcome]], _Batch], most: int) -> None:
        """Write every batch that is done, so that little is lost when the process is killed; wait while it is more
        than ``most``.
        """
        while under_way:
            for future in [future for future in under_way if future.done()]:
                batch = under_way.pop(future)
                if not future.cancelled():
                    self._write(job_id, batch, future.result())
            if len(under_way) <= most:
                return
            wait(under_way, return_when=FIRST_COMPLETED)

    def _take(self, decision: Decision, batch: _Batch) -> None:
        match decision:
            case New() | Undecoded() | Duplicate():
                batch.add(decision)
            case Several(decisions):
                for each in decisions:
                    self._take(each, batch)
            case NoPicture(format):
                self._passed_over.update([format] if format else [])
            case Unchanged():
                self._tally.skipped += 1
                self._on_tally(self._tally)
            case Failed():
                self._fail(decision)
                self._on_tally(self._tally)

    def _patiently(self, write: Callable[[], object]) -> None:
        """Do a write, as soon as no other process holds the store still, as a backup does."""
        while True:
            try:
                write()
            except Busy:
                if self._stop.is_set():
                    raise
            else:
                return

    def _write(self, job_id: int, batch: _Batch, outcomes: Sequence[Outcome]) -> None:
        records = [outcome for outcome in outcomes if not isinstance(outcome, Failed)]
        for outcome in outcomes:
            if isinstance(outcome, Failed):
                self._fail(outcome)
        records += [known.record for known in batch.known]
        self._patiently(lambda: self._store.upsert(records))
        # Removed only now: killed in between, a moved picture is there under both names and the next run tidies up.
        stale = [old for known in batch.known for old in known.stale]
        self._patiently(lambda: self._store.delete(stale))
        self._tally.indexed += len(records)
        self._last_id = records[-1].id if records else self._last_id
        self._checkpoint(job_id)
        self._on_tally(self._tally)

    def _fail(self, failed: Failed) -> None:
        self._failures.append(Failure(failed.uri, failed.reason))
        self._tally.failed += 1

    def _checkpoint(self, job_id: int) -> None:
        tally = self._tally
        progress = Progress(tally.indexed, tally.skipped, tally.failed, self._last_id)
        self._state.checkpoint(job_id, progress, self._failures[self._checkpointed :])
        self._checkpointed = len(self._failures)
        self._checkpoint_at = time.monotonic()

    def _learn_total(self, count: Callable[[], int]) -> None:
        with suppress(YunmengError):  # the run meets it too, and reports it
            self._tally.total = count()
