"""Connections for `yunmeng.net.fetch`: only to addresses that are allowed, and no longer than a fetch may take."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

import httpcore
import httpx

from yunmeng.errors import FetchError, Reason
from yunmeng.net.addresses import Address, Resolve

__all__ = ["Guard", "Pace", "Transport"]

GRACE: Final = 5.0
"""Seconds after the first byte before it matters how many came: the way there, and what is thought about, take time."""
SCHEMES: Final = frozenset({"http", "https"})


class Pace(threading.local):
    """The time that the fetch of this thread may still take, and the number of bytes received in it."""

    def __init__(self) -> None:
        self._end = self._slow_end = float("inf")
        self._slowest: float | None = None
        self.heard = 0

    def start(self, seconds: float, slowest: float | None) -> None:
        """Begin a fetch of ``seconds``, not below ``slowest`` bytes a second, if given, once something has arrived."""
        self._slowest = slowest
        self.begin_attempt(seconds)

    def begin_attempt(self, seconds: float | None) -> None:
        """Begin an attempt: nothing has arrived, and ``seconds`` are left; None leaves the time as it is."""
        if seconds is not None:
            self._end = time.monotonic() + seconds
        self._slow_end = float("inf")
        self.heard = 0

    def hear(self, size: int) -> None:
        """Note bytes that arrived."""
        if self._slowest is not None:
            since = self._slow_end if self.heard else time.monotonic() + GRACE
            self._slow_end = since + size / self._slowest
        self.heard += size

    def left(self) -> float:
        """Return the seconds that are left."""
        return min(self._end, self._slow_end) - time.monotonic()

    @property
    def drips(self) -> bool:
        """True where the host is so slow that the fetch ends before its time is over."""
        return self._slow_end < self._end

    def limit(self, timeout: float | None, late: type[Exception] = httpcore.ReadTimeout) -> float | None:
        """Return ``timeout``, or the time that is left if that is less. Raises ``late`` if no time is left."""
        left = self.left()
        if left <= 0:
            raise late("timed out")
        return left if timeout is None else min(timeout, left)


class Guard:
    """Decides which addresses of a host to connect to: all of them if each is allowed, otherwise none.

    Connections go to the returned addresses. A name is never looked up a second time, when it could resolve to
    something else (DNS rebinding).
    """

    def __init__(self, resolve: Resolve, is_allowed: Callable[[Address], bool]) -> None:
        self._resolve = resolve
        self._is_allowed = is_allowed

    def addresses(self, host: str, seconds: float) -> list[str]:
        """Return the addresses of ``host``. Raises `FetchError` where one is not allowed, or what httpcore raises."""
        try:
            found = list(dict.fromkeys(self._resolve(host, seconds)))
        except TimeoutError as exc:
            raise httpcore.ConnectTimeout(str(exc)) from exc
        except OSError:
            found = []
        if not found or not all(map(self._is_allowed, found)):
            # The same words for a name that nobody knows: strangers are not to learn which names there are inside.
            raise FetchError(Reason.UNFETCHABLE, f"{host} has no public address")
        return [str(address) for address in found]


class Transport(httpx.BaseTransport):
    """An httpx transport that keeps ``pace`` and, if there is one, asks ``guard`` before each connection.

    It is built from httpcore's public parts: httpx's own transport takes no network backend, and one set through its
    private attributes could be lost silently in a later version. Proxies are not used.
    """

    def __init__(self, pace: Pace, guard: Guard | None, connections: int) -> None:
        self._guarded = guard is not None
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=connections,
            keepalive_expiry=5.0,
            network_backend=_Backend(pace, guard),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        if self._guarded and url.scheme not in SCHEMES:
            raise FetchError(Reason.UNFETCHABLE, "only http and https are fetched")
        if self._guarded and url.userinfo:
            raise FetchError(Reason.UNFETCHABLE, "a URL with a user name or a password in it is not fetched")
        with _as_httpx():
            response = self._pool.handle_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                    headers=request.headers.raw,
                    content=cast("httpx.SyncByteStream", request.stream),
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(cast("Iterable[bytes]", response.stream)),
            extensions=response.extensions,
        )

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._stream

    def close(self) -> None:
        cast("Any", self._stream).close()


@contextmanager
def _as_httpx() -> Iterator[None]:
    try:
        yield
    except (
        httpcore.NetworkError,
        httpcore.TimeoutException,
        httpcore.ProtocolError,
        httpcore.UnsupportedProtocol,
    ) as exc:
        # Both libraries give their errors the same names.
        raise getattr(httpx, type(exc).__name__)(str(exc)) from exc


class _Backend(httpcore.NetworkBackend):
    def __init__(self, pace: Pace, guard: Guard | None) -> None:
        self._pace = pace
        self._guard = guard
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        late = httpcore.ConnectTimeout
        addresses = [host]
        if self._guard is not None:
            addresses = self._guard.addresses(host, self._pace.limit(timeout, late) or 0)
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for tried, address in enumerate(addresses):
            limit = self._pace.limit(timeout, late)
            share = None if limit is None else limit / (len(addresses) - tried)  # one dead address is not the end
            try:
                stream = self._sockets.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = exc
            else:
                return _Stream(stream, self._pace)
        raise failure


class _Stream(httpcore.NetworkStream):
    """A connection whose every step is over when the pace says so, however slowly the bytes drip."""

    def __init__(self, stream: httpcore.NetworkStream, pace: Pace) -> None:
        self._stream = stream
        self._pace = pace

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._stream.read(max_bytes, self._pace.limit(timeout))
        self._pace.hear(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._pace.limit(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        limit = self._pace.limit(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, limit), self._pace)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
