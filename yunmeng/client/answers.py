"""What goes wrong, or right, between the clients and the server: values, errors, and whether to ask again."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, ParamSpec, TypeVar

import httpx
from pydantic import ValidationError
from tenacity import RetryCallState, wait_random

from yunmeng.errors import (
    PictureError,
    QueryError,
    Reason,
    ServerError,
    ServerUnreachable,
    SettingsError,
    YunmengError,
)
from yunmeng.schemas import ErrorBody
from yunmeng.version import __version__

__all__ = ["SSE_ENDED_EARLY", "Server", "built", "each", "is_transient", "preparing", "wait"]

T = TypeVar("T")
P = ParamSpec("P")

PORTS: Final = 65_535
LONGEST_WAIT: Final = 60.0  # seconds; a server that asks for more is not asked again
SSE_ENDED_EARLY: Final = "the events ended before the import did: the server stops, or the connection broke"

_KEY: Final = re.compile(r"[\x21-\x7e]+")
_USER: Final = re.compile(r"//[^/]*@")

_jitter = wait_random(0, 0.25)  # so that clients that were sent away together do not come back together


class Server:
    """The server that a client asks: how it is addressed, and what its answers mean.

    Its key goes into the header that carries it, and nowhere else: no error says it, nor what a server makes of it.
    """

    def __init__(self, base_url: str, key: str | None, timeout: float) -> None:
        self._shown = _USER.sub("//", str(base_url)).replace("\n", " ")
        self._key = None if key is None else _checked(key)
        self.headers = {"User-Agent": f"yunmeng-client/{__version__}"}
        if self._key is not None:
            self.headers["Authorization"] = f"Bearer {self._key}"
        self.timeout = _checked_seconds(timeout)
        with self.reachable():
            if (httpx.URL(base_url).port or 0) > PORTS:
                raise httpx.InvalidURL("the port is too large")  # which would leave a socket behind

    @contextmanager
    def reachable(self) -> Iterator[None]:
        """Turn what keeps an answer from coming into `ServerUnreachable`, whatever it is."""
        try:
            yield
        except YunmengError:
            raise
        except httpx.InvalidURL:  # which repeats what it cannot read, a password perhaps
            raise ServerUnreachable(f"no answer from {self._said(self._shown)}: it is no address") from None
        except Exception as exc:
            raise ServerUnreachable(self._said(f"no answer from {self._shown}: {_one_line(exc)}")) from exc

    def value(self, response: httpx.Response, read: Callable[[bytes], T]) -> T:
        """Return what ``response``, read to its end, holds. Raises `ServerError`."""
        if not response.is_success:
            raise self.failure(response)
        return self.read(response.content, read, response.status_code)

    def read(self, body: bytes, read: Callable[[bytes], T], status: int) -> T:
        """Return what ``body`` holds. Raises `ServerError`."""
        try:
            return read(body)
        except ValueError as exc:
            what = exc.errors()[0]["msg"] if isinstance(exc, ValidationError) else _one_line(exc)
            message = self._said(f"the answer is none that this version of the client knows: {what}")
            raise ServerError(message, status=status, code="unknown-answer") from exc

    def failure(self, response: httpx.Response) -> ServerError:
        """Return the error that ``response``, read to its end, tells of. It may come from a proxy on the way."""
        after = response.headers.get("Retry-After", "")
        retry_after = float(after) if after.isdecimal() else None
        status = response.status_code
        try:
            error = ErrorBody.model_validate_json(response.content).error
        except ValidationError:
            what = response.reason_phrase
            if response.is_redirect:
                what = f"it lies at {response.headers.get('Location')}"
            message = self._said(f"HTTP status {status}: {what}")
            return ServerError(message, status=status, code=f"http-{status}", retry_after=retry_after)
        return ServerError(
            self._said(error.message),
            status=status,
            code=self._said(error.code),
            request_id=self._said(error.request_id),
            retry_after=retry_after,
            details=error.details,
        )

    def _said(self, text: str) -> str:
        return text if self._key is None else text.replace(self._key, "ym_...")


@contextmanager
def preparing() -> Iterator[None]:
    """Turn what keeps a request from being made into errors of Yunmeng: files, and values that no request can hold."""
    try:
        yield
    except YunmengError:
        raise
    except OSError as exc:
        raise PictureError(Reason.UNREADABLE, f"{exc.filename or 'the file'}: {exc.strerror or exc}") from exc
    except Exception as exc:
        raise QueryError(f"this cannot be asked: {_one_line(exc)}") from exc


def built(build: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """Return the call that ``build`` makes. Raises `QueryError`, and `PictureError` for a file that cannot be read."""
    with preparing():
        return build(*args, **options)


def each(made: Iterator[T]) -> Iterator[T]:
    """What ``made`` makes one by one. Raises as `built` does."""
    while True:
        with preparing():
            try:
                one = next(made)
            except StopIteration:
                return
        yield one


def is_transient(error: BaseException) -> bool:
    """Whether the server said that it was too busy, or asked too often, and that asking again may do."""
    if not isinstance(error, ServerError) or error.status not in (429, 503):
        return False
    return error.retry_after is not None and error.retry_after <= LONGEST_WAIT


def wait(state: RetryCallState) -> float:
    """Seconds before the next attempt: what the server asked for, and a little more."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, ServerError) else None
    return (asked or 0.0) + _jitter(state)


def _checked(key: str) -> str:
    """``key`` without the space around it that files and shells leave. Raises `SettingsError` that does not say it."""
    found = str(key).strip()
    if not _KEY.fullmatch(found):
        raise SettingsError("the key is none: it is empty, or has characters that keys do not have")
    return found


def _checked_seconds(timeout: float) -> float:
    """Refuse what no socket takes before there is one. Raises `SettingsError`."""
    try:
        found = float(timeout)
    except (TypeError, ValueError):
        found = 0.0
    if not 0 < found <= threading.TIMEOUT_MAX:
        raise SettingsError("timeout is a number of seconds above 0")
    return found


def _one_line(error: Exception) -> str:
    lines = f"{type(error).__name__}: {error}".rstrip(": ").splitlines()
    return lines[0] if lines else ""
