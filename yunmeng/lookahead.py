"""Work done ahead on a thread pool, in order, and never too far ahead."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Event
from typing import TypeVar

__all__ = ["map_ahead"]

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
