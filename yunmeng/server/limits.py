"""How much is taken from one request, and how many are worked on at once."""

import time
from asyncio import timeout as time_limit
from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar

import anyio
from anyio import to_thread
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from yunmeng.config import cores
from yunmeng.errors import Busy
from yunmeng.server.errors import Refused

__all__ = ["BodyLimit", "Lanes"]

P = ParamSpec("P")
R = TypeVar("R")

CLOSING: Final = {"Connection": "close"}
"""For answers that leave a body unread: it must not be taken for the next request."""


class BodyLimit:
    """ASGI middleware: a body that is too large (413) or too slow (408) is refused as soon as that is known."""

    def __init__(self, app: ASGIApp, max_bytes: int, timeout: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._timeout = timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        deadline = time.monotonic() + self._timeout
        taken = int(announced) if announced.isdigit() else 0
        taken = taken if taken > self._max_bytes else 0
        ended = False

        async def limited() -> Message:
            nonlocal taken, ended
            if ended:  # then this waits for the client to go away, which may take as long as it likes
                return await receive()
            if taken > self._max_bytes:
                raise self._too_large()
            try:
                async with time_limit(max(deadline - time.monotonic(), 0)):
                    message = await receive()
            except TimeoutError:
                said = f"the body took longer than {self._timeout:g} s (YUNMENG_SERVER_BODY_TIMEOUT)"
                raise Refused("slow-body", said, CLOSING) from None
            taken += len(message.get("body", b""))
            if taken > self._max_bytes:
                raise self._too_large()
            ended = not message.get("more_body", False)
            return message

        await self._app(scope, limited, send)

    def _too_large(self) -> Refused:
        limit = f"{self._max_bytes:,} bytes (YUNMENG_SERVER_MAX_BODY_BYTES)"
        return Refused("too-large", f"the body has more than {limit}", CLOSING)


class Lanes:
    """Threads for work on pictures, as many as keep cores and batches full, and a queue that has an end.

    Each lane holds one decoded picture, so that this bounds the memory too.
    """

    def __init__(self, queue: int) -> None:
        self._queue = queue
        self._limiter: anyio.CapacityLimiter | None = None
        self._inside = 0
        self._lanes = 4 * cores() + 4

    @property
    def inside(self) -> int:
        """Calls that are worked on, or wait for a lane."""
        return self._inside

    @property
    def waiting(self) -> int:
        """Calls that wait for a lane."""
        return max(0, self._inside - self._lanes)

    async def run(self, work: Callable[P, R], *args: P.args, **options: P.kwargs) -> R:
        """``work(*args, **options)`` on a lane. Raises `Busy` where the queue is full."""
        if self._inside >= self._lanes + self._queue:
            raise Busy(f"{self._queue} requests wait for their turn already: ask again in a moment")
        if self._limiter is None:  # it belongs to the event loop, which runs by now
            self._limiter = anyio.CapacityLimiter(self._lanes)
        self._inside += 1
        try:
            call: Callable[[], Any] = lambda: work(*args, **options)  # noqa: E731
            result: R = await to_thread.run_sync(call, limiter=self._limiter)
            return result
        finally:
            self._inside -= 1
