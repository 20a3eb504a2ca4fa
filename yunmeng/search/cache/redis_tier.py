"""The tier of the cache in Redis. If Redis is down, slow or full, it has no entries, and nobody waits."""

import hashlib
import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from yunmeng.errors import MissingExtra, SettingsError
from yunmeng.types import Closing

if TYPE_CHECKING:
    from redis import Redis

__all__ = ["RETRY_AFTER", "TIMEOUT", "RedisTier"]

T = TypeVar("T")

TIMEOUT: Final = 0.2
"""Seconds that Redis has to answer: about what a picture takes to encode on a busy machine."""
RETRY_AFTER: Final = 5.0
"""Seconds for which Redis is left alone after an error; then one caller tries again."""
LARGEST: Final = 1_000_000
"""Bytes of the largest value that is sent there."""
CHECKED: Final = 16  # bytes of the checksum before each value

_log = logging.getLogger(__name__)


class RedisTier(Closing):
    """Entries in the Redis at ``url``, each for ``seconds``. Threads may share it, and so may libraries and machines.

    Every value is preceded by a checksum of key and value: a value that is cut, or was written by another program, is
    ignored. Raises `MissingExtra` without the extra "redis", and `SettingsError` for an invalid URL; it raises nothing
    else.
    """

    def __init__(self, url: str, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = _client(url)
        self._milliseconds = max(1, int(seconds * 1000))
        self._all = _Pause("Redis does not answer, so that nothing is kept there for now", clock)
        self._writes = _Pause("Redis takes no more entries for now", clock)
        self._lock = threading.Lock()
        self._errors = 0

    @property
    def errors(self) -> int:
        """Number of commands that have failed so far."""
        return self._errors

    @property
    def up(self) -> bool:
        """True where Redis answered the last command."""
        return not self._all.begun

    def get(self, key: str) -> bytes | None:
        found = self._tried(self._all, lambda: self._client.get(_name(key)))
        return _checked(key, found) if isinstance(found, bytes) else None

    def put(self, key: str, value: bytes) -> None:
        """Keep an entry, if Redis accepts it."""
        if len(value) <= LARGEST and not self._all.begun:
            entry = _checksum(key, value) + value
            self._tried(self._writes, lambda: self._client.set(_name(key), entry, px=self._milliseconds))

    def look(self) -> bool:
        """Return whether Redis answers now, unless it is not to be asked at the moment."""
        self._tried(self._all, self._client.ping)
        return self.up

    def close(self) -> None:
        self._client.close()

    def _tried(self, pause: "_Pause", command: Callable[[], T]) -> T | None:
        from redis import RedisError, ResponseError

        if pause.holds():
            return None
        try:
            answer = command()
        except ResponseError as exc:  # it is there, but does not want to: its memory is full, say
            self._failed(pause, exc)
        except (RedisError, OSError) as exc:
            self._failed(self._all, exc)
        else:
            pause.end()
            return answer
        return None

    def _failed(self, pause: "_Pause", error: Exception) -> None:
        with self._lock:
            self._errors += 1
        pause.begin(error)


class _Pause:
    """A pause after an error, without further attempts; its begin and its end are logged once."""

    def __init__(self, what: str, clock: Callable[[], float]) -> None:
        self._what = what
        self._clock = clock
        self._lock = threading.Lock()
        self._until = 0.0
        self.begun = False

    def holds(self) -> bool:
        """Return whether Redis is to be left alone. After the pause one caller may try, and the others wait for it."""
        if not self.begun:
            return False
        with self._lock:
            if self._clock() < self._until:
                return True
            self._until = self._clock() + RETRY_AFTER
            return False

    def begin(self, error: Exception) -> None:
        with self._lock:
            self._until = self._clock() + RETRY_AFTER
            first, self.begun = not self.begun, True
        if first:
            _log.warning("%s: %s", self._what, " ".join(str(error).split()))

    def end(self) -> None:
        if not self.begun:
            return
        with self._lock:
            self.begun = False
        _log.warning("Redis answers again, and takes entries")


def _client(url: str) -> "Redis":
    try:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ModuleNotFoundError as exc:
        raise MissingExtra("the cache in Redis", "redis") from exc
    options: dict[str, Any] = {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT}
    try:
        return Redis.from_url(url, retry=Retry(NoBackoff(), 0), **options)
    except ValueError as exc:
        raise SettingsError(f"YUNMENG_REDIS_URL is wrong: {str(exc).splitlines()[0]}") from exc


def _name(key: str) -> str:
    return f"yunmeng:{key}"


def _checksum(key: str, value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=CHECKED, key=key.encode()[:64]).digest()


def _checked(key: str, entry: bytes) -> bytes | None:
    value = entry[CHECKED:]
    return value if entry[:CHECKED] == _checksum(key, value) else None
