"""Indexing as one bounded stream: classifiers on many threads, encoder on one, store and checkpoints behind them."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from yunmeng.concurrency import bounded_map
from yunmeng.encoders.protocol import Encoder
from yunmeng.errors import StateUnreachable, StoreError, YunmengError
from yunmeng.ingest.classifier import Decision, Duplicate, Failed, New, NoPicture, Several, Unchanged
from yunmeng.state.database import State
from yunmeng.stores.protocol import Store
from yunmeng.types import Failure, IndexReport, OnTally, Progress, Tally

__all__ = ["IndexReport", "OnTally", "Pipeline", "Tally", "recorded"]

T = TypeVar("T")

INTAKE = "intake"
"""How the threads are named that read and decode."""

ENCODING_AHEAD = 2
"""Batches at the encoder: one that runs and one that waits, so that it never idles. More would only hold memory."""

OPTIMISE_FROM = 5_000
"""Vectors without index that are worth building it for: scanning fewer takes about 2 ms."""

CHECKPOINT_SECONDS = 5.0
"""Longest time between checkpoints while nothing is written, as when all is skipped."""


@dataclass(slots=True)
class _Batch:
    """Pictures that go to the store together."""

    fresh: list[New] = field(default_factory=list)
    known: list[Duplicate] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.fresh) + len(self.known)


def recorded(state: State, job_id: int, work: Callable[[], IndexReport], stop: threading.Event) -> IndexReport:
    """Return the result of ``work``, and record how job ``job_id`` ended, whether it returns or raises.

    ``stop`` is set where another process cancels the job or takes it over.
    """
    try:
        with state.holding(job_id, stop):
            report = work()
    except StateUnreachable:  # what was written is written: it can go on when the database is back
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
        encoder: Encoder,
        store: Store,
        state: State,
        batch_size: int,
        workers: int,
        on_tally: OnTally,
        stop: threading.Event,
    ) -> None:
        self._classify = classify
        self._encoder = encoder
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
            with ThreadPoolExecutor(1, "encoder") as encoder:
                # Far enough ahead to fill a batch while another is encoded; the prepared pictures wait in memory.
                decisions = bounded_map(intake, self._classify, entries, self._batch_size + self._workers, self._stop)
                try:
                    self._stream(job_id, decisions, encoder)
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

    def _stream(self, job_id: int, decisions: Iterable[Decision], encoder: ThreadPoolExecutor) -> None:
        batch = _Batch()
        encoding: deque[tuple[_Batch, Future[NDArray[np.float32]]]] = deque()
        for decision in decisions:
            self._take(decision, batch)
            if len(batch) >= self._batch_size:
                encoding.append(self._submit(batch, encoder))
                batch = _Batch()
            # A batch that is done is written at once, so that little is lost when the process is killed.
            while encoding and (len(encoding) > ENCODING_AHEAD or encoding[0][1].done()):
                self._write(job_id, *encoding.popleft())
            if time.monotonic() - self._checkpoint_at > CHECKPOINT_SECONDS:
                self._checkpoint(job_id)
            if self._stop.is_set():
                break
        if batch:
            encoding.append(self._submit(batch, encoder))
        while encoding:
            self._write(job_id, *encoding.popleft())

    def _take(self, decision: Decision, batch: _Batch) -> None:
        match decision:
            case New():
                batch.fresh.append(decision)
            case Duplicate():
                batch.known.append(decision)
            case Several(decisions):
                for each in decisions:
                    self._take(each, batch)
            case NoPicture(format):
                self._passed_over.update([format] if format else [])
            case Unchanged():
                self._tally.skipped += 1
                self._on_tally(self._tally)
            case Failed(uri, reason):
                self._failures.append(Failure(uri, reason))
                self._tally.failed += 1
                self._on_tally(self._tally)

    def _submit(self, batch: _Batch, encoder: ThreadPoolExecutor) -> tuple[_Batch, Future[NDArray[np.float32]]]:
        pixels = [view.prepared for fresh in batch.fresh for view in fresh.views]
        return batch, encoder.submit(self._encoder.encode, pixels)

    def _write(self, job_id: int, batch: _Batch, vectors: Future[NDArray[np.float32]]) -> None:
        encoded = iter(vectors.result())
        records = [fresh.with_vectors(list(islice(encoded, len(fresh.views)))) for fresh in batch.fresh]
        records += [known.record for known in batch.known]
        self._store.upsert(records)
        # Removed only now: killed in between, a moved picture is there under both names and the next run tidies up.
        self._store.delete([old for known in batch.known for old in known.stale])
        self._tally.indexed += len(records)
        self._last_id = records[-1].id
        self._checkpoint(job_id)
        self._on_tally(self._tally)

    def _checkpoint(self, job_id: int) -> None:
        tally = self._tally
        progress = Progress(tally.indexed, tally.skipped, tally.failed, self._last_id)
        self._state.checkpoint(job_id, progress, self._failures[self._checkpointed :])
        self._checkpointed = len(self._failures)
        self._checkpoint_at = time.monotonic()

    def _learn_total(self, count: Callable[[], int]) -> None:
        with suppress(YunmengError):  # the run meets it too, and reports it
            self._tally.total = count()
