"""Checks of a request's headers, before anything of its body is read: who may call what, and how much may come."""

import json
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any, Final, TypeAlias

import anyio
from anyio import to_thread
from fastapi import Request, Response, params
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from yunmeng.net.fetch import leave
from yunmeng.schemas.common import check_extent
from yunmeng.schemas.scopes import Caller
from yunmeng.server.errors import Refused, refusal
from yunmeng.server.guard import Guard, is_foreign
from yunmeng.server.limits import limited
from yunmeng.types import Scope as KeyScope

__all__ = ["CheckHeaders", "Route", "admin", "searcher", "writer"]

UNASKED_BYTES: Final = 16_000
"""The largest body of a request that needs no key, which is a key: what nobody has paid for must cost nothing."""
SMALL_JSON: Final = 16_000
"""Bytes of JSON that are parsed at once; more goes to a thread, one body after the other, and others are answered."""
FORM_LIMITS: Final[Mapping[str, int]] = {"max_files": 256, "max_fields": 600, "max_part_size": 1_000_000}
"""Parts of a form: files, other fields (an id for each file and some more), and the bytes of such a field."""

Handler: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]


async def searcher(request: Request) -> Caller:
    """Return the caller. A route that depends on this needs the scope ``search``, which `Route` has checked by then."""
    return _caller(request)


async def writer(request: Request) -> Caller:
    """Return the caller; the route needs the scope ``write``."""
    return _caller(request)


async def admin(request: Request) -> Caller:
    """Return the caller; the route needs the scope ``admin``."""
    return _caller(request)


def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


_NEEDED: Final[Mapping[object, KeyScope]] = {searcher: "search", writer: "write", admin: "admin"}


class CheckHeaders:
    """ASGI middleware: refuses other web sites' requests, names that are not ours, and bodies that are compressed."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            try:
                self._guard.check_origin(request)
                _check_encoding(request)
            except Refused as exc:
                await refusal(request, exc)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _check_encoding(request: Request) -> None:
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        raise Refused("content-encoding", "bodies are taken as they are: send it without Content-Encoding")
    announced = request.headers.get("Content-Length")
    if announced is not None and not (announced.isascii() and announced.isdigit()):
        raise Refused("bad-request", "the header Content-Length is no number")


class Route(APIRoute):
    """A route that looks at the caller's key, and at the size of the body, before it reads anything of the body."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        needed = next(_scopes(self.dependant), None)
        is_form = self.body_field is not None and isinstance(self.body_field.field_info, params.Form)

        async def admitted(request: Request) -> Response:
            context = request.app.state.context
            settings = context.settings
            if needed is None:
                most, setting = UNASKED_BYTES, None
            elif is_form:
                most, setting = settings.max_body_bytes, "YUNMENG_SERVER_MAX_BODY_BYTES"
            else:
                most, setting = settings.max_json_bytes, "YUNMENG_SERVER_MAX_JSON_BYTES"
            if needed is not None:
                request.state.caller = await context.guard.admit(request, needed)
                leave.set(context.fetching.leave(_named(request), foreign=is_foreign(request)))
            incoming = _Incoming(request.scope, limited(request, most, setting, settings.body_timeout))
            if self.body_field is not None and not is_form:
                await self._parse(incoming, context.parsing)
            return await handle(incoming)

        return admitted

    async def _parse(self, request: "_Incoming", turns: anyio.CapacityLimiter) -> None:
        """Parse and check a large body on a thread, for FastAPI to find it done. Raises what is wrong with it."""
        body = await request.body()
        if len(body) > SMALL_JSON and "json" in request.headers.get("Content-Type", ""):
            request.parsed = await to_thread.run_sync(self._read, body, limiter=turns)

    def _read(self, body: bytes) -> Any:
        assert self.body_field is not None
        try:
            check_extent(body)
            found = json.loads(body)
        except (ValueError, RecursionError) as exc:
            raise Refused("bad-json", f"the body is no JSON that is read here: {exc}") from exc
        value, errors = self.body_field.validate(found, {}, loc=("body",))
        if errors:
            raise RequestValidationError(errors)
        return value


def _named(request: Request) -> str:
    """Return the name of the caller, for counts by caller: the key, or the address where no key is needed."""
    caller: Caller = request.state.caller
    return caller.id or (request.client.host if request.client else "")


def _scopes(dependant: Dependant) -> Iterator[KeyScope]:
    for one in dependant.dependencies:
        if one.call in _NEEDED:
            yield _NEEDED[one.call]
        yield from _scopes(one)


class _Incoming(Request):
    """A request whose JSON may have been parsed already, and whose form has few parts."""

    parsed: Any = None

    async def json(self) -> Any:
        return self.parsed if self.parsed is not None else json.loads(await self.body())

    def form(self, **_: Any) -> Any:  # the parent's type is one that only Starlette can name
        return super().form(**FORM_LIMITS)
