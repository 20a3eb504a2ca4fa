"""Pictures from the web, with the limits of a careful client."""

import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias
from urllib.request import getproxies

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential_jitter,
)

from yunmeng.config import Settings
from yunmeng.errors import FetchError, QueryError, Reason
from yunmeng.net.addresses import Address, Resolve, is_public, resolve
from yunmeng.types import Closing
from yunmeng.version import __version__

if TYPE_CHECKING:
    import httpx

__all__ = ["Fetched", "Fetcher", "Leave", "Validators", "checked_url", "is_url", "leave"]

ATTEMPTS = 3
LONGEST_WAIT = 10.0  # seconds before another attempt, also where the server asks for more
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
REDIRECTS = 5
CONNECTIONS = 24  # at once, over all hosts: those of an import, and those of a server's requests
SLOWEST = 2_000.0
"""Bytes in a second that a host which a stranger names must send: one that drips is not waited for."""
GZIP: Final = 16 + zlib.MAX_WBITS  # tells zlib to read gzip's header


def is_url(text: str) -> bool:
    """Return whether ``text`` is an http or https URL, the only ones that are fetched."""
    return text.lower().startswith(("http://", "https://"))


def checked_url(url: str) -> str:
    """Return ``url`` if it is one; a path would be read from the server's disk. Raises `QueryError`."""
    if not is_url(url):
        raise QueryError("a URL begins with http:// or https://")
    return url


Leave: TypeAlias = Callable[[], AbstractContextManager[float]]
"""Entered around a fetch; gives the seconds it may take, and may refuse it or have it wait for its turn."""
leave: Final[ContextVar[Leave | None]] = ContextVar("leave", default=None)
"""What a server gives each request, whose fetches may be anywhere in the library; None elsewhere: all may fetch."""


class _TransientError(FetchError):
    """An error after which another attempt may succeed, after ``wait`` seconds if the server named them."""

    def __init__(self, detail: str, wait: float | None = None) -> None:
        super().__init__(Reason.UNFETCHABLE, detail)
        self.wait = wait


class Validators(NamedTuple):
    """The ETag and the Last-Modified of an answer, by which a server tells later whether it has changed (RFC 9110)."""

    etag: str = ""
    modified: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """The headers that ask for what has changed since."""
        given = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in given.items() if value}


class Fetched(NamedTuple):
    """The body at a URL, None where it has not changed."""

    body: bytes | None
    validators: Validators


class Fetcher(Closing):
    """Fetches URLs: one connection pool, shared by threads.

    Only http and https, at most ``REDIRECTS`` redirects; ``settings.url_timeout`` seconds for one attempt as a
    whole, however slowly the bytes drip, and for all of them where `leave` is given; ``settings.url_max_bytes`` of
    body, unpacked. After transient errors (timeouts, broken connections, 429, 5xx) up to ``ATTEMPTS`` attempts are
    made, with growing waits or the server's Retry-After.

    With ``public_only``, for URLs that a stranger gives: no URL with a user name in it, no proxy, all attempts within
    ``url_timeout``, no body slower than ``SLOWEST``, and no connection, also after a redirect, to a host of which not
    every address ``is_allowed``. Addresses are looked up with ``resolve``.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        public_only: bool = False,
        resolve: Resolve = resolve,
        is_allowed: Callable[[Address], bool] = is_public,
    ) -> None:
        import httpx

        from yunmeng.net.connections import Guard, Pace, Transport

        self._timeout = settings.url_timeout
        self._max_bytes = settings.url_max_bytes
        self._pace = Pace()
        self._public_only = public_only
        transport = None
        if public_only or not getproxies():  # what goes through a proxy has httpx's own limits only
            guard = Guard(resolve, is_allowed) if public_only else None
            transport = Transport(self._pace, guard, CONNECTIONS)
        self._client = httpx.Client(
            transport=transport,
            trust_env=not public_only,
            timeout=settings.url_timeout,
            follow_redirects=True,
            max_redirects=REDIRECTS,
            limits=httpx.Limits(max_connections=CONNECTIONS),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # one fetch must not tell of another
            headers={
                "User-Agent": f"yunmeng/{__version__} (image search)",
                "Accept": "image/*,*/*;q=0.5",
                "Accept-Encoding": "gzip",
            },
        )
        self._retrying = Retrying(retry=retry_if_exception_type(_TransientError), wait=_wait, reraise=True)

    def fetch(self, url: str) -> bytes:
        """Return the body at ``url``. Raises `FetchError`: UNFETCHABLE, EMPTY or TOO_LARGE; and what `leave` raises."""
        body = self.fetch_changed(url, Validators()).body
        assert body is not None
        return body

    def fetch_changed(self, url: str, known: Validators) -> Fetched:
        """Fetch what has changed since an answer with these validators. Raises as `fetch` does."""
        given = leave.get()
        if given is None:
            return self._fetched(url, known, self._timeout, hurried=self._public_only)
        with given() as seconds:
            return self._fetched(url, known, min(seconds, self._timeout), hurried=True)

    def _fetched(self, url: str, known: Validators, seconds: float, *, hurried: bool) -> Fetched:
        """With ``hurried``, all attempts have these seconds, and no host may drip; else each attempt has them."""
        self._pace.start(seconds, SLOWEST if hurried else None)
        stop = stop_after_attempt(ATTEMPTS)
        retrying = self._retrying.copy(stop=stop | stop_before_delay(seconds) if hurried else stop)
        fetched: Fetched = retrying(self._attempt, url, known, None if hurried else seconds)
        if fetched.body == b"":
            raise FetchError(Reason.EMPTY, f"{url} has no content")
        return fetched

    def close(self) -> None:
        self._client.close()

    def _attempt(self, url: str, known: Validators, seconds: float | None) -> Fetched:
        import httpx

        self._pace.begin_attempt(seconds)
        try:
            with self._client.stream("GET", url, headers=known.headers) as response:
                if response.status_code == 304 and known.headers:
                    return Fetched(None, known)
                _check_status(response)
                headers = response.headers
                validators = Validators(headers.get("ETag", ""), headers.get("Last-Modified", ""))
                return Fetched(self._body(response), validators)
        except httpx.TimeoutException as exc:
            if self._pace.heard:  # slow, not silent: it would be slow again
                raise self._too_slow() from exc
            raise _TransientError(f"{type(exc).__name__}: {exc}".rstrip(": ")) from exc
        except (httpx.NetworkError, httpx.RemoteProtocolError) as exc:
            raise _TransientError(f"{type(exc).__name__}: {exc}".rstrip(": ")) from exc
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as exc:
            raise FetchError(Reason.UNFETCHABLE, str(exc).splitlines()[0]) from exc

    def _body(self, response: "httpx.Response") -> bytes:
        if int(response.headers.get("Content-Length") or 0) > self._max_bytes:
            raise self._too_large()
        unpack = _unpacking(response.headers.get("Content-Encoding", ""))
        body = bytearray()
        for chunk in response.iter_raw():
            body += unpack(chunk, self._max_bytes + 1 - len(body)) if unpack else chunk
            if len(body) > self._max_bytes:
                raise self._too_large()
            if self._pace.left() < 0:
                raise self._too_slow()
        return bytes(body)

    def _too_large(self) -> FetchError:
        return FetchError(Reason.TOO_LARGE, f"more than {self._max_bytes:,} bytes (YUNMENG_URL_MAX_BYTES)")

    def _too_slow(self) -> FetchError:
        late = f"not done after {self._timeout:g} s (YUNMENG_URL_TIMEOUT)"
        return FetchError(Reason.UNFETCHABLE, f"slower than {SLOWEST:,.0f} bytes/s" if self._pace.drips else late)


def _unpacking(encoding: str) -> Callable[[bytes, int], bytes] | None:
    """Return a function that decompresses a body, up to a number of bytes; None if it is not compressed.

    Done here because httpx unpacks without a limit, also packings inside packings, and kilobytes would fill the memory.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return None
    if encoding in ("gzip", "x-gzip"):
        unpacker = zlib.decompressobj(wbits=GZIP)

        def unpack(chunk: bytes, limit: int) -> bytes:
            try:
                return unpacker.decompress(chunk, limit)
            except zlib.error as exc:
                raise FetchError(Reason.UNFETCHABLE, "its gzip encoding is broken") from exc

        return unpack
    raise FetchError(Reason.UNFETCHABLE, f"Content-Encoding {encoding[:50]!r} was not asked for")


def _check_status(response: "httpx.Response") -> None:
    status = response.status_code
    if status in TRANSIENT:
        after = response.headers.get("Retry-After", "")
        raise _TransientError(f"HTTP status {status}", float(after) if after.isdecimal() else None)
    if status != 200:
        raise FetchError(Reason.UNFETCHABLE, f"HTTP status {status}")


_backoff = wait_exponential_jitter(multiplier=0.5, max=LONGEST_WAIT)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.wait if isinstance(error, _TransientError) else None
    return _backoff(state) if asked is None else min(asked, LONGEST_WAIT)
