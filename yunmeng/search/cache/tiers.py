"""A cache of one kind of entries: in process first, in Redis behind it, with counts of hits and misses."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

from yunmeng.config import Settings
from yunmeng.search.cache.redis_tier import RedisTier
from yunmeng.types import Closing

__all__ = ["OVERHEAD", "Cache", "Caches", "Figures", "MemoryTier", "TierName"]

OVERHEAD: Final = 600
"""Bytes that an entry takes beside its value: key, links and counts, as measured with tracemalloc."""

TierName: TypeAlias = Literal["process", "redis"]


class Figures(NamedTuple):
    """Counts of hits and misses of one tier of one cache, since the library was opened."""

    cache: str
    tier: TierName
    hits: int
    misses: int


class MemoryTier:
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
        """Return how many entries there are, and how many bytes they take."""
        with self._lock:
            return len(self._kept), int(self._kept.currsize)


class Cache:
    """Entries of one kind by their digests, as bytes, which no caller can change. Threads may share it."""

    def __init__(self, name: str, process: MemoryTier | None, redis: RedisTier | None) -> None:
        self.name: Final = name
        self._process = process
        self._redis = redis
        self._lock = threading.Lock()
        self._counts: dict[tuple[TierName, bool], int] = {}

    @property
    def on(self) -> bool:
        """True where anything is kept at all."""
        return self._process is not None or self._redis is not None

    def get(self, key: str, *, shared: bool = True) -> bytes | None:
        """Return the entry, from the first tier that has it. ``shared`` False: no other process can have written it."""
        if self._process is not None:
            found = self._counted("process", self._process.get(key))
            if found is not None:
                return found
        if self._redis is None or not shared:
            return None
        found = self._counted("redis", self._redis.get(f"{self.name}:{key}"))
        if found is not None and self._process is not None:
            self._process.put(key, found)
        return found

    def put(self, key: str, value: bytes, *, shared: bool = True) -> None:
        """Keep an entry in all tiers; in Redis only if it is ``shared``, of use to other processes."""
        if self._process is not None:
            self._process.put(key, value)
        if self._redis is not None and shared:
            self._redis.put(f"{self.name}:{key}", value)

    def size(self) -> tuple[int, int]:
        """Return how many entries there are in process, and how many bytes they take."""
        return (0, 0) if self._process is None else self._process.size()

    def figures(self) -> Iterator[Figures]:
        """Yield the counts of each tier."""
        tiers: tuple[tuple[TierName, object], ...] = (("process", self._process), ("redis", self._redis))
        for name, tier in tiers:
            if tier is not None:
                yield Figures(self.name, name, self._counts.get((name, True), 0), self._counts.get((name, False), 0))

    def _counted(self, tier: TierName, found: bytes | None) -> bytes | None:
        with self._lock:
            key = (tier, found is not None)
            self._counts[key] = self._counts.get(key, 0) + 1
        return found


class Caches(Closing):
    """All caches of an open library: answers, and the vectors of queries."""

    def __init__(self, settings: Settings) -> None:
        seconds = settings.cache_seconds
        self.redis: Final = RedisTier(settings.redis_url, seconds) if settings.redis_url and seconds else None
        self.results: Final = Cache("result", _process(settings), self.redis)
        self.vectors: Final = Cache("vector", _process(settings), self.redis)

    @property
    def all(self) -> tuple[Cache, Cache]:
        return self.results, self.vectors

    def close(self) -> None:
        if self.redis is not None:
            self.redis.close()


def _process(settings: Settings) -> MemoryTier | None:
    if not (settings.cache_entries and settings.cache_bytes and settings.cache_seconds):
        return None
    return MemoryTier(settings.cache_entries, settings.cache_bytes, settings.cache_seconds)
