"""The level in process: least recently used entries go first, and all of them after a time."""

import threading
import time
from collections.abc import Callable
from typing import Final

__all__ = ["OVERHEAD", "MemoryLevel"]

OVERHEAD: Final = 600
"""Bytes that an entry takes beside its value: key, links and counts, as measured with tracemalloc."""


class MemoryLevel:
    """At most ``entries`` entries, and ``max_bytes`` of memory, each for ``seconds``. Threads may share it."""

    def __init__(
        self, entries: int, max_bytes: int, seconds: float, timer: Callable[[], float] = time.monotonic
    ) -> None:
        from cachetools import TTLCache

        self._entries = entries
        self._lock = threading.Lock()
        self._kept: TTLCache[str, bytes] = TTLCache(
            max_bytes, seconds, timer, getsizeof=lambda value: len(value) + OVERHEAD
        )

    def get(self, key: str) -> bytes | None:
        with self._lock:
            return self._kept.get(key)

    def put(self, key: str, value: bytes) -> None:
        """Keep an entry, unless it alone is too large."""
        with self._lock:
            if len(value) + OVERHEAD > self._kept.maxsize:
                self._kept.pop(key, None)
                return
            self._kept[key] = value
            while len(self._kept) > self._entries:
                self._kept.popitem()

    def size(self) -> tuple[int, int]:
        """How many entries there are, and how many bytes they take."""
        with self._lock:
            return len(self._kept), int(self._kept.currsize)
