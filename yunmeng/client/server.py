"""The server that clients call: its address and key, and the meaning of its answers and errors."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import httpx
from pydantic import ValidationError

from yunmeng import errors
from yunmeng.client.building import one_line
from yunmeng.errors import PictureError, QueryError, Reason, ServerError, ServerUnreachable, SettingsError, YunmengError
from yunmeng.schemas.common import ErrorBody
from yunmeng.version import __version__

__all__ = ["Server"]

T = TypeVar("T")

PORTS: Final = 65_535

_KEY: Final = re.compile(r"[\x21-\x7e]+")
_USER: Final = re.compile(r"//[^/]*@")


class Server:
    """The server that a client calls: its address and key, and the meaning of its answers and errors.

    The key is sent in its header and appears nowhere else, in no error message either.
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
        """Turn every failure to get an answer into `ServerUnreachable`."""
        try:
            yield
        except YunmengError:
            raise
        except httpx.InvalidURL:  # which repeats what it cannot read, a password perhaps
            raise ServerUnreachable(f"no answer from {self._said(self._shown)}: it is no address") from None
        except Exception as exc:
            raise ServerUnreachable(self._said(f"no answer from {self._shown}: {one_line(exc)}")) from exc

    def value(self, response: httpx.Response, read: Callable[[bytes], T]) -> T:
        """Return the content of ``response``, which was read to its end. Raises `ServerError`."""
        if not response.is_success:
            raise self.failure(response)
        return self.read(response.content, read, response.status_code)

    def read(self, body: bytes, read: Callable[[bytes], T], status: int) -> T:
        """Return the content of ``body``. Raises `ServerError`."""
        try:
            return read(body)
        except ValueError as exc:
            what = exc.errors()[0]["msg"] if isinstance(exc, ValidationError) else one_line(exc)
            message = self._said(f"the answer is none that this version of the client knows: {what}")
            raise ServerError(message, status=status, code="unknown-answer") from exc

    def failure(self, response: httpx.Response) -> ServerError:
        """Return the error in ``response``, which was read to its end. It may come from a proxy on the way."""
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
        code = self._said(error.code)
        failed = _KINDS.get(code, ServerError)(
            self._said(error.message),
            status=status,
            code=code,
            request_id=self._said(error.request_id),
            retry_after=retry_after,
            details=error.details,
        )
        if isinstance(failed, PictureError):
            failed.reason, failed.detail = Reason(code), failed.message.removeprefix(code).removeprefix(": ")
        return failed

    def _said(self, text: str) -> str:
        return text if self._key is None else text.replace(self._key, "ym_...")


def _both(kind: type[YunmengError]) -> type[ServerError]:
    """Return a class of errors that are both a `ServerError` and a ``kind``, as a library raises it."""
    both: type[ServerError] = type(f"Server{kind.__name__}", (ServerError, kind), {"__module__": __name__})
    return both


_CODED: Final = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, YunmengError) and "code" in vars(kind)
]
_KINDS: Final[dict[str, type[ServerError]]] = {
    **{kind.code: _both(kind) for kind in _CODED if kind is not YunmengError},
    **dict.fromkeys(Reason, _both(PictureError)),
    Reason.UNFETCHABLE: _both(errors.FetchError),
    "invalid": _both(QueryError),
}
"""The errors of answers by their codes. All other codes are a `ServerError` and nothing else."""


def _checked(key: str) -> str:
    """``key`` without the space around it that files and shells leave. Raises `SettingsError` that does not say it."""
    found = str(key).strip()
    if not _KEY.fullmatch(found):
        raise SettingsError("this is no key: it is empty, or has characters that no key has")
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
