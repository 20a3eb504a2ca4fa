"""Web sites that show the shop in a frame, or call its search from their own pages: those that a setting names."""

from collections.abc import Sequence
from typing import Final

from starlette.datastructures import MutableHeaders, QueryParams
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from yunmeng.server.proxies import own_path

__all__ = ["CALLED", "Embedding"]

CALLED: Final = (
    "/v1/shop/search",
    "/v1/shop/search/upload",
    "/v1/shop/objects",
    "/v1/shop/objects/upload",
    "/v1/shop/clicks",
)
"""What pages of these sites may post to. They may read all of the shop, and thumbnails."""
_READ: Final = ("/v1/shop", "/v1/thumbnails/")
_NO_FRAMES: Final = "frame-ancestors 'none'"


class Embedding:
    """ASGI middleware around all others, where the setting ``embed_origins`` names web sites."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._shared = CORSMiddleware(
            app, allow_origins=origins, allow_methods=["GET", "POST"], allow_headers=["Authorization", "Content-Type"]
        )
        self._frames = f"frame-ancestors {' '.join(origins)}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = own_path(scope) if scope["type"] == "http" else ""
        if path.startswith(_READ):
            await self._shared(scope, receive, self._sending(send, frames=False))
        elif path == "/" and "embed" in QueryParams(scope["query_string"]):
            await self._app(scope, receive, self._sending(send, frames=True))
        else:
            await self._app(scope, receive, send)

    def _sending(self, send: Send, *, frames: bool) -> Send:
        async def opened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if frames:
                    policy = headers.get("Content-Security-Policy", "")
                    headers["Content-Security-Policy"] = policy.replace(_NO_FRAMES, self._frames)
                    del headers["X-Frame-Options"]
                else:
                    headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # or <img> would not show thumbnails
            await send(message)

        return opened
