"""A connection to a Milvus server and one of its collections: calls within a time, errors in one line, own writes seen.

pymilvus is imported here only, when a store is opened; it takes two seconds.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from threading import Lock
from typing import Any, Final, TypeVar

from yunmeng.config import MilvusSettings
from yunmeng.errors import MissingExtra, StoreError, StoreUnreachable, YunmengError
from yunmeng.stores.milvus.address import Address

__all__ = ["Connection"]

Answer = TypeVar("Answer")

RECENT: Final = 60.0
"""Seconds after a write in which reads ask for all that was written by then. Later, Milvus's bounded staleness, five
seconds where nobody has set another, says as much and costs nothing."""
CONNECTING: Final = 10.0  # seconds
PAUSE: Final = 0.2  # seconds

_SILENT: Final = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "Fail connecting", "Retry timeout", "Retry run out", "not ready")
"""What pymilvus says where no server answers, or one that is just starting."""
_PASSING: Final = (
    "not ready",
    "not serviceable",
    "no available shard",
    "not available",
    "node offline",
    "not fully loaded",
    "not loaded",
    "node not found",
    "service unavailable",
)
"""What a server says that has answered before it has all that it had before it was restarted."""
_REFUSED: Final = ("auth check failure", "permission den", "PERMISSION_DENIED", "UNAUTHENTICATED", "unauthenticated")
_USER: Final = "set YUNMENG_MILVUS_USER and YUNMENG_MILVUS_PASSWORD, or YUNMENG_MILVUS_TOKEN"


class Connection:
    """Calls of one collection. Threads may share it.

    Every read sees what this connection has written, and what anybody had written when it was made.
    """

    def __init__(self, address: Address, collection: str) -> None:
        """Connect. Raises `MissingExtra`, and `StoreError` where no server answers."""
        self._settings = MilvusSettings.load()
        self._server = address.server
        self._collection = collection
        self.name = f"the collection {collection} at {address.server}"
        self._lock = Lock()
        self._client: Any = None
        self._client = self._tried(f"cannot connect to Milvus at {self._server}", lambda: self._connected(address))
        self.wrote()

    def call(self, what: str, method: str, *arguments: Any, **options: Any) -> Any:
        """Return what a method of pymilvus's client answers about the collection.

        Raises `StoreError`, which begins with ``what``, within the time of the settings.
        """
        timeout = options.pop("timeout", self._settings.timeout)

        def called() -> Any:
            return getattr(self._opened(), method)(self._collection, *arguments, timeout=timeout, **options)

        return self._patient(what, called)

    def read(self, what: str, method: str, **options: Any) -> Any:
        """Return what a search or a query answers, as new as the last write of this connection."""
        if self._written is None:
            self.wrote()
        return self.call(what, method, **self._consistency(), **options)

    def exists(self) -> bool:
        """Return whether the server has the collection."""
        return bool(self.call("cannot look for the collection", "has_collection"))

    def drop(self) -> None:
        """Remove the collection, if there is one."""
        if self.exists():
            self.call("cannot drop the collection", "drop_collection")

    def wrote(self) -> None:
        """Have later reads wait for all that was written until now, by anybody.

        The answer of a deletion does not tell its time (2.3.5), so the server is asked for the present one.
        """
        try:
            now: int | None = int(self._opened()._get_connection().alloc_timestamp(timeout=self._settings.timeout))
        except YunmengError:
            raise
        except Exception:  # what was written is written: strong consistency says the same, and costs more
            now = None
        with self._lock:
            self._written, self._written_at = now, time.monotonic()

    def close(self) -> None:
        """Disconnect; calls raise `StoreError` then."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._client is None

    def _opened(self) -> Any:
        if self._client is None:
            raise StoreError(f"{self.name} is closed")
        return self._client

    def _consistency(self) -> dict[str, Any]:
        with self._lock:
            if time.monotonic() - self._written_at > RECENT:
                return {"consistency_level": "Bounded"}
            if self._written is None:
                return {"consistency_level": "Strong"}
            return {"consistency_level": "Customized", "guarantee_timestamp": self._written}

    def _connected(self, address: Address) -> Any:
        try:
            from pymilvus import MilvusClient
        except ImportError as exc:
            raise MissingExtra("a library in Milvus", "milvus") from exc
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # errors are raised as well
        settings = self._settings
        options: dict[str, Any] = {}
        if address.tls and settings.ca is not None:
            options["server_pem_path"] = str(settings.ca)
        return MilvusClient(
            uri=f"{'https' if address.tls else 'http'}://{address.server}",
            user=settings.user or "",
            password=settings.password.get_secret_value() if settings.password else "",
            token=settings.token.get_secret_value() if settings.token else "",
            db_name=address.database,
            timeout=min(CONNECTING, settings.timeout),
            dedicated=True,
            **options,
        )

    def _patient(self, what: str, called: Callable[[], Answer]) -> Answer:
        """Return the answer, asking again while a restarted server says that it is not there yet."""
        deadline = time.monotonic() + self._settings.timeout
        while True:
            try:
                return self._tried(what, called)
            except StoreError as exc:
                if not _says(str(exc.__cause__), _PASSING) or time.monotonic() > deadline:
                    raise
            time.sleep(PAUSE)

    def _tried(self, what: str, called: Callable[[], Answer]) -> Answer:
        try:
            return called()
        except YunmengError:
            raise
        except Exception as exc:
            raise self._mapped(what, exc) from exc

    def _mapped(self, what: str, error: Exception) -> StoreError:
        text, milvus = " ".join(_chain(error)), f"Milvus at {self._server}"
        if _says(text, _REFUSED):
            return StoreError(f"{what}: {self._server} wants another user: {_USER}")
        if _says(text, _SILENT):
            return StoreUnreachable(
                f"{what}: {milvus} does not answer: start it, or wait until it is ready, and try again"
            )
        if _says(text, _PASSING):
            return StoreUnreachable(f"{what}: {milvus} has not loaded its data yet: try again in a moment")
        said = " ".join(str(getattr(error, "message", "") or error).split())[:300]
        return StoreError(f"{what}: {said or type(error).__name__}")


def _chain(error: BaseException | None) -> Iterator[str]:
    """Yield what an error says, and those that it comes from: pymilvus tells the first cause only there."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:  # pymilvus raises errors from themselves
        seen.add(id(error))
        yield f"{getattr(error, 'code', '')} {error}"
        error = error.__context__ if error.__cause__ in (None, error) else error.__cause__


def _says(text: str, phrases: Sequence[str]) -> bool:
    return any(phrase in text for phrase in phrases)
