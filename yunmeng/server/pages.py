"""The console and the API's reference: static files, under a policy that lets them run their own scripts only."""

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from threading import Lock
from typing import Final

import structlog
from anyio import to_thread
from fastapi import APIRouter, FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from yunmeng.server.bundle import Bundle, NotJoinable, bundle

__all__ = ["Files", "install"]

_HERE: Final = Path(__file__).parent
_CONSOLE: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Swagger UI writes styles into its elements.
_REFERENCE: Final = _CONSOLE.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
_FOREVER: Final = "public, max-age=31536000, immutable"
_IMPORTED: Final = re.compile(r"""(\b(?:from|import)\s*\(?\s*["'`])/console/""")
_TYPES: Final = {".js": "text/javascript", ".css": "text/css"}


class Files(StaticFiles):
    """Files that a browser asks for again each time, so that an update of the server is seen at once.

    Modules import each other by absolute addresses, which get the prefix under which the server is reached, if any.
    """

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        prefix = scope.get("app_root_path", "")
        if prefix and path.endswith(".js") and isinstance(response, FileResponse):
            text = await to_thread.run_sync(Path(response.path).read_text, "utf-8")
            response = Response(_IMPORTED.sub(rf"\1{prefix}/console/", text), media_type="text/javascript")
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Content-Security-Policy"] = _CONSOLE
        return response


def install(app: FastAPI, pages: Mapping[str, Path]) -> None:
    """Serve the console at ``/`` and the reference at ``/docs``; ``pages`` are the folders of applications' pages.

    ``/?plain`` loads the console's modules one by one, for those who work on them.
    """
    router = APIRouter(include_in_schema=False)
    index = _HERE / "console" / "index.html"
    joined = _Joined(index, {"/console": index.parent} | {_place(name): folder for name, folder in pages.items()})

    @router.get("/")
    def console(request: Request) -> Response:
        found = None if "plain" in request.query_params else joined.current()
        return _page(index, _CONSOLE) if found is None else found.page(request)

    @router.get("/console/joined/{version}/{name}")
    def file(request: Request, version: str, name: str) -> Response:
        found = joined.current()
        if found is None or name not in found.bundle.files:
            raise HTTPException(404)
        return found.file(request, name, current=version == found.bundle.version)

    @router.get("/docs")
    async def reference() -> FileResponse:
        return _page(_HERE / "swagger" / "index.html", _REFERENCE)

    app.include_router(router)
    app.mount("/console", Files(directory=_HERE / "console"))
    app.mount("/docs/page", Files(directory=_HERE / "swagger"))
    app.mount("/docs/swagger", Files(directory=str(resources.files("fastapi_offline") / "static")))


class _Joined:
    """The console in a few files, joined when they are first asked for, and again where a source has changed."""

    def __init__(self, index: Path, folders: Mapping[str, Path]) -> None:
        self._index = index
        self._folders = folders
        self._lock = Lock()
        self._stamp: object = None
        self._found: _Compressed | None = None

    def current(self) -> "_Compressed | None":
        """Return what there is to serve; None where the modules cannot be joined, and are served as they are."""
        paths = {
            f"{place}/{file.relative_to(folder).as_posix()}": file
            for place, folder in self._folders.items()
            for file in sorted(folder.rglob("*"))
            if file.suffix in _TYPES
        }
        stamp = {path: file.stat().st_mtime_ns for path, file in paths.items()}, self._index.stat().st_mtime_ns
        with self._lock:
            if stamp != self._stamp:
                self._found, self._stamp = self._join(paths), stamp
            return self._found

    def _join(self, paths: Mapping[str, Path]) -> "_Compressed | None":
        pages = {place.rpartition("/")[2]: f"{place}/page.js" for place in self._folders if place != "/console"}
        try:
            sources = {path: file.read_text(encoding="utf-8") for path, file in paths.items()}
            return _Compressed(bundle(sources, self._index.read_text(encoding="utf-8"), pages))
        except (NotJoinable, UnicodeDecodeError) as exc:
            structlog.get_logger().warning("the console is served module by module, which is slow", reason=str(exc))
            return None


@dataclass(frozen=True)
class _Compressed:
    """A bundle, and the same compressed once for all who ask."""

    bundle: Bundle

    @cached_property
    def _compressed(self) -> Mapping[str, bytes]:
        texts = {**self.bundle.files, "": self.bundle.page}
        return {name: gzip.compress(text.encode(), mtime=0) for name, text in texts.items()}

    def page(self, request: Request) -> Response:
        """Return the page that loads the files."""
        headers = {"Content-Security-Policy": _CONSOLE, "Cache-Control": "no-cache"}
        return self._response(request, "", self.bundle.page, "text/html", headers)

    def file(self, request: Request, name: str, *, current: bool) -> Response:
        """Return one file, to be kept for good where it is of the version that was asked for."""
        headers = {"Content-Security-Policy": _CONSOLE, "Cache-Control": _FOREVER if current else "no-cache"}
        return self._response(request, name, self.bundle.files[name], _TYPES[Path(name).suffix], headers)

    def _response(self, request: Request, name: str, text: str, kind: str, headers: dict[str, str]) -> Response:
        headers["Vary"] = "Accept-Encoding"
        if "gzip" not in request.headers.get("Accept-Encoding", ""):
            return Response(text, media_type=kind, headers=headers)
        return Response(self._compressed[name], media_type=kind, headers={**headers, "Content-Encoding": "gzip"})


def _place(name: str) -> str:
    return f"/console/pages/{name}"


def _page(path: Path, policy: str) -> FileResponse:
    return FileResponse(path, headers={"Content-Security-Policy": policy, "Cache-Control": "no-cache"})
