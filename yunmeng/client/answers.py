"""What the server's answers mean to the clients: values, errors, and whether to ask again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import httpx
from pydantic import ValidationError
from tenacity import RetryCallState, wait_random

from yunmeng.errors import ServerError, ServerUnreachable
from yunmeng.version import __version__
from yunmeng.wire import ErrorBody

__all__ = ["HEADERS", "SSE_ENDED_EARLY", "failure", "is_transient", "reachable", "value", "wait"]

T = TypeVar("T")

HEADERS: Final = {"User-Agent": f"yunmeng-client/{__version__}"}
LONGEST_WAIT: Final = 60.0  # seconds; a server that asks for more is not asked again
SSE_ENDED_EARLY: Final = "the events ended before the import did: the server stops, or the connection broke"

_jitter = wait_random(0, 0.25)  # so that clients that were sent away together do not come back together


def value(response: httpx.Response, read: Callable[[bytes], T]) -> T:
    """What ``response``, read to its end, holds. Raises `ServerError`."""
    if not response.is_success:
        raise failure(response)
    try:
        return read(response.content)
    except ValidationError as exc:
        message = f"the answer is none that this version of the client knows: {exc.errors()[0]['msg']}"
        raise ServerError(message, status=response.status_code, code="unknown-answer") from exc


def failure(response: httpx.Response) -> ServerError:
    """The error that ``response``, read to its end, tells of. It may come from a proxy on the way."""
    after = response.headers.get("Retry-After", "")
    retry_after = float(after) if after.isdecimal() else None
    status = response.status_code
    try:
        error = ErrorBody.model_validate_json(response.content).error
    except ValidationError:
        what = response.reason_phrase
        if response.is_redirect:
            what = f"it lies at {response.headers.get('Location')}"
        return ServerError(
            f"HTTP status {status}: {what}", status=status, code=f"http-{status}", retry_after=retry_after
        )
    return ServerError(
        error.message,
        status=status,
        code=error.code,
        request_id=error.request_id,
        retry_after=retry_after,
        details=error.details,
    )


@contextmanager
def reachable(base_url: str) -> Iterator[None]:
    """Turns httpx's errors into `ServerUnreachable`."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as exc:
        what = f"{type(exc).__name__}: {exc}".rstrip(": ").splitlines()[0]
        raise ServerUnreachable(f"no answer from {base_url}: {what}") from exc


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
