"""Pictures from the web, with the limits of a careful client."""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from yunmeng.config import Settings
from yunmeng.errors import FetchError, Reason
from yunmeng.version import __version__

if TYPE_CHECKING:
    import httpx

__all__ = ["Fetcher", "is_url"]

ATTEMPTS = 3
LONGEST_WAIT = 10.0  # seconds before another attempt, also where the server asks for more
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
REDIRECTS = 5
CONNECTIONS = 8  # at once, over all hosts


def is_url(text: str) -> bool:
    """Whether ``text`` is an http or https URL, the only ones that are fetched."""
    return text.lower().startswith(("http://", "https://"))


class _TransientError(FetchError):
    """Worth another attempt, after ``wait`` seconds if the server named them."""

    def __init__(self, detail: str, wait: float | None = None) -> None:
        super().__init__(Reason.UNFETCHABLE, detail)
        self.wait = wait


class Fetcher:
    """Fetches URLs: one connection pool, shared by threads.

    Only http and https, at most ``REDIRECTS`` redirects; ``settings.url_timeout`` seconds for one attempt as a
    whole, however slowly the bytes drip; ``settings.url_max_bytes`` of body. What may pass (timeouts, broken
    connections, 429, 5xx) is tried ``ATTEMPTS`` times, with growing waits or the server's Retry-After.
    """

    def __init__(self, settings: Settings) -> None:
        import httpx

        self._timeout = settings.url_timeout
        self._max_bytes = settings.url_max_bytes
        self._client = httpx.Client(
            timeout=settings.url_timeout,
            follow_redirects=True,
            max_redirects=REDIRECTS,
            limits=httpx.Limits(max_connections=CONNECTIONS),
            headers={"User-Agent": f"yunmeng/{__version__} (image search)", "Accept": "image/*,*/*;q=0.5"},
        )
        self._retrying = Retrying(
            retry=retry_if_exception_type(_TransientError),
            stop=stop_after_attempt(ATTEMPTS),
            wait=_wait,
            reraise=True,
        )

    def fetch(self, url: str) -> bytes:
        """The body behind ``url``. Raises `FetchError`: UNFETCHABLE, EMPTY or TOO_LARGE."""
        body: bytes = self._retrying.copy()(self._attempt, url)
        if not body:
            raise FetchError(Reason.EMPTY, f"{url} has no content")
        return body

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _attempt(self, url: str) -> bytes:
        import httpx

        try:
            with self._client.stream("GET", url) as response:
                _check_status(response)
                return self._body(response)
        except (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError) as exc:
            raise _TransientError(f"{type(exc).__name__}: {exc}".rstrip(": ")) from exc
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as exc:
            raise FetchError(Reason.UNFETCHABLE, str(exc).splitlines()[0]) from exc

    def _body(self, response: "httpx.Response") -> bytes:
        deadline = time.monotonic() + self._timeout
        if int(response.headers.get("Content-Length") or 0) > self._max_bytes:
            raise self._too_large()
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > self._max_bytes:
                raise self._too_large()
            if time.monotonic() > deadline:
                raise FetchError(Reason.UNFETCHABLE, f"not done after {self._timeout:g} s (YUNMENG_URL_TIMEOUT)")
        return bytes(body)

    def _too_large(self) -> FetchError:
        return FetchError(Reason.TOO_LARGE, f"more than {self._max_bytes:,} bytes (YUNMENG_URL_MAX_BYTES)")


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
