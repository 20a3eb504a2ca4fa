"""Sending of calls, and repeating them. One class waits for answers, the other is awaited."""

from collections.abc import AsyncIterator, Callable, Iterator
from types import TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar

import httpx
from pydantic import BaseModel
from tenacity import AsyncRetrying, RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random

from yunmeng.client.apps import AppCalls
from yunmeng.client.building import built, preparing
from yunmeng.client.server import Server
from yunmeng.errors import ServerError, ServerUnreachable
from yunmeng.schemas.call import Answer, Call, Item, Pages
from yunmeng.types import Closing

__all__ = ["AsyncTransport", "Transport"]

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
P = ParamSpec("P")

KEPT: Final = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=2.0)
"""A server closes connections that were idle for 5 s. httpx keeps them as long, and a request that is sent at that very
moment has no answer."""
LONGEST_WAIT: Final = 60.0  # seconds; a server that asks for more is not asked again
_SSE_ENDED_EARLY: Final = "the events ended before the work did: the server stops, or the connection broke"

_jitter = wait_random(0, 0.25)  # so that clients that were sent away together do not come back together


def _is_transient(error: BaseException) -> bool:
    """Return whether the server was busy, or was asked too often, so that asking again may help."""
    if not isinstance(error, ServerError) or error.status not in (429, 503):
        return False
    return error.retry_after is not None and error.retry_after <= LONGEST_WAIT


def _wait(state: RetryCallState) -> float:
    """Return the seconds before the next attempt: what the server asked for, and a little more."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, ServerError) else None
    return (asked or 0.0) + _jitter(state)


def _policy(retries: int) -> dict[str, Any]:
    """Return when requests are repeated, for tenacity."""
    return {
        "retry": retry_if_exception(_is_transient),
        "stop": stop_after_attempt(1 + retries),
        "wait": _wait,
        "reraise": True,
    }


def _request(http: httpx.Client | httpx.AsyncClient, call: Call[T]) -> httpx.Request:
    """Return the request of a call. Raises `QueryError` for values that no request can hold."""
    with preparing():
        return http.build_request(call.method, call.path, params=call.params, json=call.json, files=call.parts)


class Transport(AppCalls, Closing):
    """Sends calls, and waits for their answers. Threads may share it."""

    def __init__(self, base_url: str, key: str | None = None, timeout: float = 60.0, retries: int = 2) -> None:
        self._server = Server(base_url, key, timeout)
        with self._server.reachable():
            self._http = httpx.Client(
                base_url=base_url, headers=self._server.headers, timeout=self._server.timeout, limits=KEPT
            )
        self._retrying = Retrying(**_policy(retries))

    def close(self) -> None:
        self._http.close()

    def send(self, call: Call[Answer]) -> Answer:
        """Send a call, such as an app's, and return its answer."""
        result: Answer = self._retrying.copy()(self._attempt, call)
        return result

    def pages(self, pages: Pages[Answer, Item]) -> Iterator[Item]:
        """Yield all items of these pages, which are requested as they are needed."""
        call: Call[Answer] | None = pages.first
        while call is not None:
            answer = self.send(call)
            yield from pages.items(answer)
            call = pages.following(answer)

    def _follow(self, call: Call[bytes], model: type[M]) -> Iterator[M]:
        from httpx_sse import EventSource

        response = self._retrying.copy()(self._open, call)
        try:
            with self._server.reachable():
                for event in EventSource(response).iter_sse():
                    if event.event in ("progress", "end"):
                        yield self._server.read(event.data.encode(), model.model_validate_json, 200)
                    if event.event == "end":
                        return
        finally:
            response.close()
        raise ServerUnreachable(_SSE_ENDED_EARLY)

    def _send(self, build: Callable[P, Call[T]], *args: P.args, **options: P.kwargs) -> T:
        return self.send(built(build, *args, **options))

    def _attempt(self, call: Call[T]) -> T:
        request = _request(self._http, call)
        with self._server.reachable():
            response = self._http.send(request)
        return self._server.value(response, call.read)

    def _open(self, call: Call[bytes]) -> httpx.Response:
        request = _request(self._http, call)
        with self._server.reachable():
            response = self._http.send(request, stream=True)
            if not response.is_success:
                response.read()
        if not response.is_success:
            raise self._server.failure(response)
        return response


class AsyncTransport(AppCalls):
    """Sends calls, and has their answers awaited: `Transport` for asyncio and trio."""

    def __init__(self, base_url: str, key: str | None = None, timeout: float = 60.0, retries: int = 2) -> None:
        self._server = Server(base_url, key, timeout)
        with self._server.reachable():
            self._http = httpx.AsyncClient(
                base_url=base_url, headers=self._server.headers, timeout=self._server.timeout, limits=KEPT
            )
        self._retrying = AsyncRetrying(**_policy(retries))

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def send(self, call: Call[Answer]) -> Answer:
        return await self._retrying.copy()(self._attempt, call)

    async def pages(self, pages: Pages[Answer, Item]) -> AsyncIterator[Item]:
        call: Call[Answer] | None = pages.first
        while call is not None:
            answer = await self.send(call)
            for item in pages.items(answer):
                yield item
            call = pages.following(answer)

    async def _follow(self, call: Call[bytes], model: type[M]) -> AsyncIterator[M]:
        from httpx_sse import EventSource

        response: httpx.Response = await self._retrying.copy()(self._open, call)
        try:
            with self._server.reachable():
                async for event in EventSource(response).aiter_sse():
                    if event.event in ("progress", "end"):
                        yield self._server.read(event.data.encode(), model.model_validate_json, 200)
                    if event.event == "end":
                        return
        finally:
            await response.aclose()
        raise ServerUnreachable(_SSE_ENDED_EARLY)

    async def _send(self, build: Callable[P, Call[T]], *args: P.args, **options: P.kwargs) -> T:
        return await self.send(built(build, *args, **options))

    async def _attempt(self, call: Call[T]) -> T:
        request = _request(self._http, call)
        with self._server.reachable():
            response = await self._http.send(request)
        return self._server.value(response, call.read)

    async def _open(self, call: Call[bytes]) -> httpx.Response:
        request = _request(self._http, call)
        with self._server.reachable():
            response = await self._http.send(request, stream=True)
            if not response.is_success:
                await response.aread()
        if not response.is_success:
            raise self._server.failure(response)
        return response
