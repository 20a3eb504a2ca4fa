"""Limits of decoding: memory over all threads of the process at once, and time for each picture."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Final

from yunmeng.errors import PictureError, Reason

__all__ = ["TimedBytes", "check_time", "limit_decoding", "room"]

DECODE_MEMORY: Final = 768_000_000
DECODE_SECONDS: Final = 10.0


class _Budget:
    """Memory that is handed out in the order of asking, so that a large picture is not kept waiting by small ones."""

    def __init__(self) -> None:
        self.memory = DECODE_MEMORY
        self.seconds = DECODE_SECONDS
        self._used = 0
        self._changed = threading.Condition()
        self._queue: list[object] = []

    def take(self, cost: int) -> None:
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            try:
                while self._queue[0] is not ticket or (self._used and self._used + cost > self.memory):
                    self._changed.wait()
                self._used += cost
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()

    def give_back(self, cost: int) -> None:
        with self._changed:
            self._used -= cost
            self._changed.notify_all()


_BUDGET: Final = _Budget()  # one for the process: what one thread takes, the others lack


def limit_decoding(*, memory: int, seconds: float) -> None:
    """Limit what decoding may take from now on, in the whole process: bytes over all threads, seconds for each picture.

    These are the settings YUNMENG_DECODE_MEMORY and YUNMENG_DECODE_SECONDS.
    """
    _BUDGET.memory, _BUDGET.seconds = memory, seconds


@contextmanager
def room(cost: int) -> Iterator[float]:
    """Hold ``cost`` bytes of the budget, waiting until they are free; yields the moment at which time is up.

    Raises PictureError (TOO_COSTLY) where the whole budget would not be enough.
    """
    if cost > _BUDGET.memory:
        raise PictureError(
            Reason.TOO_COSTLY,
            f"decoding it takes about {cost / 1e6:,.0f} MB, over the limit of {_BUDGET.memory / 1e6:,.0f} MB "
            "(YUNMENG_DECODE_MEMORY)",
        )
    _BUDGET.take(cost)
    try:
        yield time.monotonic() + _BUDGET.seconds
    finally:
        _BUDGET.give_back(cost)


def check_time(estimate: float) -> None:
    """Refuse a picture whose decoding takes about ``estimate`` seconds. Raises PictureError (TOO_COSTLY)."""
    if estimate > _BUDGET.seconds:
        raise PictureError(
            Reason.TOO_COSTLY,
            f"decoding it takes about {estimate:,.0f} seconds, over the limit of {_BUDGET.seconds:g} "
            "(YUNMENG_DECODE_SECONDS)",
        )


class TimedBytes(BytesIO):
    """A file in memory that can no longer be read when time is up, which stops decoders that read block by block."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.ends = time.monotonic() + _BUDGET.seconds

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as `BytesIO` does. Raises PictureError (TOO_COSTLY) when time is up."""
        if time.monotonic() > self.ends:
            raise PictureError(
                Reason.TOO_COSTLY, f"decoding it took more than {_BUDGET.seconds:g} seconds (YUNMENG_DECODE_SECONDS)"
            )
        return super().read(size)
