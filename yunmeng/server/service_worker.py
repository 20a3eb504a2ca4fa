"""The console's service worker, at the root: a browser lets it act for pages below its own address only."""

from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.responses import FileResponse

__all__ = ["router"]

_SCRIPT: Final = Path(__file__).parent / "console" / "service-worker.js"

_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; connect-src 'self'",
}

router = APIRouter(include_in_schema=False)


@router.get("/service-worker.js")
async def service_worker() -> FileResponse:
    """Return the script, which a browser asks for again each time."""
    return FileResponse(_SCRIPT, media_type="text/javascript", headers=_HEADERS)
