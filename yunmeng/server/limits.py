"""Limits: how much is taken from one request, and how many requests are worked on at once."""

import threading
import time
from asyncio import timeout as time_limit
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from functools import partial
from typing import Final, ParamSpec, TypeVar

import anyio
from anyio import from_thread, to_thread
from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from yunmeng.errors import Busy
from yunmeng.server.errors import Refused

__all__ = ["Drain", "WorkerPool", "away", "limited"]

P = ParamSpec("P")
R = TypeVar("R")

CLOSING: Final = {"Connection": "close"}
"""For answers that leave a body unread: it must not be taken for the next request."""
PATIENCE: Final = 10.0
"""Seconds that a body may take however small it is; beyond them it must have come at `SLOWEST`."""
SLOWEST: Final = 2_000
"""Bytes in a second: less than any line that people use, and enough that a few do not occupy the server for ever."""
DRAIN_BYTES: Final = 64_000_000
DRAIN_SECONDS: Final = 3.0
"""How much of a body that is not wanted is taken, so that its sender comes to read why."""


def limited(request: Request, most: int, setting: str | None, seconds: float) -> Receive:
    """Return a receiver of the body of ``request``: of ``most`` bytes at most, and not slower than bodies may come.

    A body whose header says that it is too large is refused at once, raising `Refused`; others as soon as they are too
    large. ``setting`` is the variable that sets ``most``, where there is one.
    """

    def too_large() -> Refused:
        named = f" ({setting})" if setting else ""
        return Refused("too-large", f"the body has more than {most:,} bytes{named}", CLOSING)

    if int(request.headers.get("Content-Length") or 0) > most:
        raise too_large()
    receive, began = request.receive, time.monotonic()
    taken, ended = 0, False

    async def limited_receive() -> Message:
        nonlocal taken, ended
        if ended:  # then this waits for the client to go away, which may take as long as it likes
            return await receive()
        until = began + min(seconds, PATIENCE + taken / SLOWEST)
        try:
            async with time_limit(max(until - time.monotonic(), 0)):
                message = await receive()
        except TimeoutError:
            said = f"the body came too slowly: within {seconds:g} s (YUNMENG_SERVER_BODY_TIMEOUT), {SLOWEST:,} bytes/s"
            raise Refused("slow-body", said, CLOSING) from None
        taken += len(message.get("body", b""))
        if taken > most:
            raise too_large()
        ended = not message.get("more_body", False)
        return message

    return limited_receive


class Drain:
    """ASGI middleware: an answer reaches the sender of a body even if the body was not read.

    If a connection is closed while bytes arrive, the answer on its way may be lost, and clients that read it only after
    they have sent everything would not see it. So the rest of the body is read, up to a limit, and dropped.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        ended = unread = False

        async def watched() -> Message:
            nonlocal ended
            message = await receive()
            ended = ended or not message.get("more_body", False)
            return message

        async def draining(message: Message) -> None:
            nonlocal unread
            if message["type"] == "http.response.start" and not ended:
                unread = True
                MutableHeaders(scope=message)["Connection"] = "close"  # what is left is no next request
            last = message["type"] == "http.response.body" and not message.get("more_body", False)
            if not (last and unread):
                await send(message)
                return
            await send({**message, "more_body": True})
            await _drain(watched, lambda: ended)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        await self._app(scope, watched, draining)


def _has_body(scope: Scope) -> bool:
    lengths = (b"content-length", b"transfer-encoding")
    return any(name in lengths and value != b"0" for name, value in scope["headers"])


async def _drain(receive: Receive, is_over: Callable[[], bool]) -> None:
    taken = 0
    with suppress(TimeoutError):
        async with time_limit(DRAIN_SECONDS):
            while taken < DRAIN_BYTES and not is_over():
                taken += len((await receive()).get("body", b""))


class WorkerPool:
    """Threads for work on pictures, enough to keep cores and batches full, with a queue of limited length.

    Each worker holds one decoded picture, which bounds the memory too. Work that waits for the network leaves its
    place to others meanwhile, see `away`.
    """

    def __init__(self, workers: int, queue: int) -> None:
        self._queue = queue
        self._places: anyio.CapacityLimiter | None = None
        self._threads: anyio.CapacityLimiter | None = None
        self._inside = 0
        self._workers = workers

    @property
    def inside(self) -> int:
        """Number of calls that are worked on, or wait for a worker."""
        return self._inside

    @property
    def waiting(self) -> int:
        """Number of calls that wait for a worker."""
        return max(0, self._inside - self._workers)

    async def run(self, work: Callable[P, R], *args: P.args, **options: P.kwargs) -> R:
        """Run ``work(*args, **options)`` on a worker, and return its result. Raises `Busy` where the queue is full."""
        if self._inside >= self._workers + self._queue:
            raise Busy(f"{self._queue} requests wait for their turn already: ask again in a moment")
        if self._places is None or self._threads is None:  # they belong to the event loop, which runs by now
            self._places = anyio.CapacityLimiter(self._workers)
            self._threads = anyio.CapacityLimiter(self._workers + self._queue)
        place = _Place(self._places)
        self._inside += 1
        try:
            async with place:
                result: R = await to_thread.run_sync(partial(place.work, work, *args, **options), limiter=self._threads)
            return result
        finally:
            self._inside -= 1


class _Place:
    """One worker that is taken by a call."""

    def __init__(self, places: anyio.CapacityLimiter) -> None:
        self._places = places
        self._thread: int | None = None

    async def __aenter__(self) -> None:
        await self._places.acquire_on_behalf_of(self)

    async def __aexit__(self, *_: object) -> None:
        self._places.release_on_behalf_of(self)

    def work(self, work: Callable[P, R], *args: P.args, **options: P.kwargs) -> R:
        """Do the work on this thread, the only one that may leave the worker for a while."""
        self._thread = threading.get_ident()
        _place.set(self)
        return work(*args, **options)

    @contextmanager
    def left(self) -> Iterator[None]:
        """Leave the worker, and wait for one again at the end."""
        if self._thread != threading.get_ident():  # a helper of the call: the call itself still works
            yield
            return
        from_thread.run_sync(self._places.release_on_behalf_of, self)
        try:
            yield
        finally:
            from_thread.run(self._places.acquire_on_behalf_of, self)


_place: Final[ContextVar[_Place | None]] = ContextVar("place", default=None)


def away() -> AbstractContextManager[None]:
    """Return a context in which a call gives up its worker, if it has one, while it waits."""
    place = _place.get()
    return nullcontext() if place is None else place.left()
