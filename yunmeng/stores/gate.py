"""A limit on how many threads do something at a time, first come, first served."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock
from types import TracebackType

__all__ = ["Gate"]


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
