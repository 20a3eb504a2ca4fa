"""The console and the API's reference: static files, under a policy that lets them run their own scripts only."""

from importlib import resources
from pathlib import Path
from typing import Final

from fastapi import APIRouter, FastAPI
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

__all__ = ["Files", "install"]

_HERE: Final = Path(__file__).parent
_CONSOLE: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Swagger UI writes styles into its elements.
_REFERENCE: Final = _CONSOLE.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")


class Files(StaticFiles):
    """Files that a browser asks for again each time, so that an update of the server is seen at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Content-Security-Policy"] = _CONSOLE
        return response


def install(app: FastAPI) -> None:
    """Serve the console at ``/`` and the reference at ``/docs``."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def console() -> FileResponse:
        return _page(_HERE / "console" / "index.html", _CONSOLE)

    @router.get("/docs")
    async def reference() -> FileResponse:
        return _page(_HERE / "swagger" / "index.html", _REFERENCE)

    app.include_router(router)
    app.mount("/console", Files(directory=_HERE / "console"))
    app.mount("/docs/page", Files(directory=_HERE / "swagger"))
    app.mount("/docs/swagger", Files(directory=str(resources.files("fastapi_offline") / "static")))


def _page(path: Path, policy: str) -> FileResponse:
    return FileResponse(path, headers={"Content-Security-Policy": policy, "Cache-Control": "no-cache"})
