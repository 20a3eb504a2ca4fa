"""Threads: results computed ahead on a pool, and a lock that many may share."""

import math
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from threading import Condition, Event, Lock
from types import TracebackType
from typing import TypeVar

__all__ = ["ReadWriteLock", "bounded_map"]

LOOK_EVERY = 0.2
"""Seconds between two looks whether to stop, while the next result is not there."""

T = TypeVar("T")
R = TypeVar("R")


def bounded_map(
    pool: ThreadPoolExecutor, work: Callable[[T], R], items: Iterable[T], ahead: int, stop: Event | None = None
) -> Generator[R, None, None]:
    """Yield results of ``work`` in the order of ``items``, with at most ``ahead`` of them started and not yet taken.

    `Executor.map` would start everything at once, and hold every result until it is asked for. Closing the
    iterator cancels what has not started. Once ``stop`` is set it ends, without waiting for what has.
    """
    stop = stop or Event()
    pending: deque[Future[R]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) >= ahead:
                if not _settled(pending[0], stop):
                    return
                yield pending.popleft().result()
        while pending and _settled(pending[0], stop):
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


def _settled(future: Future[R], stop: Event) -> bool:
    """Wait until ``future`` is done; False where ``stop`` is set before."""
    while not future.done():
        if stop.is_set():
            return False
        wait((future,), timeout=LOOK_EVERY)
    return True


class ReadWriteLock:
    """A lock that up to ``readers`` threads share, ``with lock: ...``, or one holds, ``with lock.exclusive(): ...``.

    Places are handed on in the order of arrival. A `threading.Semaphore` gives a place to whoever asks next, so that
    threads which ask again at once shut the others out for minutes. Libraries' read-write locks (fasteners,
    readerwriterlock) let in any number of readers, where zvec hangs, and cannot be limited for a while.
    """

    def __init__(self, readers: float = math.inf) -> None:
        self._limit = readers
        self._inside = 0
        self._waiting: deque[Lock] = deque()
        self._changed = Condition()

    def __enter__(self) -> None:
        with self._changed:
            if self._inside < self._limit and not self._waiting:
                self._inside += 1
                return
            turn = Lock()
            turn.acquire()
            self._waiting.append(turn)
        try:
            turn.acquire()  # released by whoever hands a place on
        except BaseException:  # an interrupt must not leave a place taken
            self._give_up(turn)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._leave()

    def exclusive(self) -> AbstractContextManager[None]:
        """Return a context that keeps all others out; it begins when those that share the lock have left."""
        return self.limited(0)

    @contextmanager
    def limited(self, readers: int) -> Iterator[None]:
        """Let at most ``readers`` threads share the lock meanwhile; begins when no more than that do."""
        with self._changed:
            before, self._limit = self._limit, readers
        try:
            with self._changed:
                self._changed.wait_for(lambda: self._inside <= readers)
            yield
        finally:
            with self._changed:
                self._limit = before
                self._admit()

    def _leave(self) -> None:
        self._inside -= 1
        self._admit()
        self._changed.notify_all()

    def _admit(self) -> None:
        while self._waiting and self._inside < self._limit:
            self._inside += 1
            self._waiting.popleft().release()

    def _give_up(self, turn: Lock) -> None:
        with self._changed:
            if turn in self._waiting:
                self._waiting.remove(turn)
            else:
                self._leave()
