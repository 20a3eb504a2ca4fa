"""Work done ahead on a thread pool, and a limit on how many threads do something at a time."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Condition, Event, Lock
from types import TracebackType
from typing import TypeVar

__all__ = ["Gate", "map_ahead"]

LOOK_EVERY = 0.2
"""Seconds between two looks whether to stop, while the next result is not there."""

T = TypeVar("T")
R = TypeVar("R")


def map_ahead(
    pool: ThreadPoolExecutor, work: Callable[[T], R], items: Iterable[T], ahead: int, stop: Event | None = None
) -> Generator[R, None, None]:
    """Results of ``work`` in the order of ``items``, at most ``ahead`` of them started and not yet taken.

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


class Gate:
    """Lets ``width`` threads in at a time: ``with gate: ...``.

    Places are handed on in the order of arrival. A `threading.Semaphore` gives a place to whoever asks next, so that
    threads which ask again at once shut the others out for minutes.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._inside = 0
        self._waiting: deque[Lock] = deque()
        self._changed = Condition()

    def __enter__(self) -> None:
        with self._changed:
            if self._inside < self._width and not self._waiting:
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

    @contextmanager
    def narrowed(self, width: int) -> Iterator[None]:
        """Let at most ``width`` threads in meanwhile; begins when no more than that are inside."""
        with self._changed:
            before, self._width = self._width, width
        try:
            with self._changed:
                self._changed.wait_for(lambda: self._inside <= width)
            yield
        finally:
            with self._changed:
                self._width = before
                self._admit()

    def _leave(self) -> None:
        self._inside -= 1
        self._admit()
        self._changed.notify_all()

    def _admit(self) -> None:
        while self._waiting and self._inside < self._width:
            self._inside += 1
            self._waiting.popleft().release()

    def _give_up(self, turn: Lock) -> None:
        with self._changed:
            if turn in self._waiting:
                self._waiting.remove(turn)
            else:
                self._leave()
