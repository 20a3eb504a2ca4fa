"""HEAD and OPTIONS for every path that answers another method."""

from starlette.routing import Match, Mount, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["AnswerMethods", "allowed"]


class AnswerMethods:
    """ASGI middleware: HEAD is answered like GET, without the body; OPTIONS with the methods that a path knows."""

    def __init__(self, app: ASGIApp, router: Router) -> None:
        self._app = app
        self._router = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "HEAD":
            await self._head(scope, receive, send)
        elif scope["type"] == "http" and scope["method"] == "OPTIONS" and (methods := allowed(self._router, scope)):
            headers = [(b"allow", ", ".join(methods).encode())]
            await send({"type": "http.response.start", "status": 204, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._app(scope, receive, send)

    async def _head(self, scope: Scope, receive: Receive, send: Send) -> None:
        over = False

        async def without_body(message: Message) -> None:
            nonlocal over
            if message["type"] == "http.response.start":
                await send(message)
            elif not over:  # a stream would go on; it is told now that the client has gone
                over = True
                await send({"type": "http.response.body", "body": b""})

        as_get = {**scope, "method": "GET"}
        try:
            await self._app(as_get, receive, without_body)
        finally:
            scope["route"] = as_get.get("route")  # for the log


def allowed(router: Router, scope: Scope) -> list[str]:
    """Return the methods that are answered at the path of ``scope``, over all routes; none where nothing is there."""
    found = set()
    scope = {**scope, "root_path": scope.get("app_root_path", scope.get("root_path", ""))}  # it may be inside a mount
    for method in ("GET", "POST", "PUT", "DELETE"):
        asked = {**scope, "method": method}
        if any(
            route.matches(asked)[0] == Match.FULL and (method == "GET" or not isinstance(route, Mount))
            for route in router.routes
        ):
            found.add(method)
    if "GET" in found:
        found.add("HEAD")
    return sorted({*found, "OPTIONS"}) if found else []
