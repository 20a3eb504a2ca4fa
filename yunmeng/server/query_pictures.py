"""Pictures that people search with, kept for a day: a search then survives a reload, and can be sent as a link."""

import os
import time
import uuid
from pathlib import Path
from threading import Lock
from typing import Final

from fastapi import APIRouter, Response, UploadFile

from yunmeng.errors import PictureError, Reason, StoreError
from yunmeng.imaging.fingerprint import sha256
from yunmeng.imaging.formats import recognise
from yunmeng.schemas.pictures import KeptPicture
from yunmeng.server.admission import Route
from yunmeng.server.context import MAY_SEARCH, Here
from yunmeng.server.errors import Refused, responses

__all__ = ["QueryPictures", "router"]

SECONDS: Final = 86_400
MOST_BYTES: Final = 1_000_000_000
MOST_FILES: Final = 2000

router = APIRouter(prefix="/v1/query-pictures", tags=["search"], route_class=Route)


class QueryPictures:
    """Files in one folder, each named by the SHA-256 of its bytes. Threads may share it."""

    def __init__(
        self, folder: Path, *, seconds: float = SECONDS, most_bytes: int = MOST_BYTES, most_files: int = MOST_FILES
    ) -> None:
        self._folder = folder
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._most_files = most_files
        self._lock = Lock()

    def keep(self, data: bytes) -> str:
        """Keep a picture's bytes from now on, and return their SHA-256. Raises `PictureError` and `StoreError`."""
        recognise(data)
        digest = sha256(data)
        if len(data) > self._most_bytes:
            raise PictureError(Reason.TOO_LARGE, f"{len(data):,} bytes, at most {self._most_bytes:,} are kept")
        with self._lock:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                beside = self._folder / f"{uuid.uuid4().hex}.part"
                beside.write_bytes(data)
                beside.replace(self._folder / digest)
                self._tidy()
            except OSError as exc:
                raise StoreError(f"cannot keep the picture in {self._folder}: {exc.strerror}") from exc
        return digest

    def read(self, digest: str) -> bytes | None:
        """Return the bytes with this SHA-256; None if they are not kept, or not any more."""
        path = self._folder / digest
        try:
            if time.time() - path.stat().st_mtime > self._seconds:
                path.unlink()
                return None
            data = path.read_bytes()
        except OSError:
            return None
        return data if sha256(data) == digest else None

    def _tidy(self) -> None:
        """Remove what is too old, then the oldest until the rest fits."""
        with os.scandir(self._folder) as found:
            files = sorted(
                ((entry.stat(), entry.path) for entry in found), key=lambda one: one[0].st_mtime, reverse=True
            )
        total, oldest = 0, time.time() - self._seconds
        for count, (facts, path) in enumerate(files, 1):
            total += facts.st_size
            if facts.st_mtime < oldest or total > self._most_bytes or count > self._most_files:
                Path(path).unlink(missing_ok=True)


@router.post("", responses=responses(415), dependencies=[MAY_SEARCH])
async def keep_query_picture(file: UploadFile, here: Here) -> KeptPicture:
    """Keep a picture to search with for a day, so that a search can be shared as a link. It joins no library."""
    return KeptPicture(sha256=await here.files.run(here.query_pictures.keep, await file.read()))


@router.get(
    "/{digest}",
    responses={**responses(410), 200: {"content": {"image/*": {}}, "description": "The picture"}},
    response_class=Response,
    dependencies=[MAY_SEARCH],
)
async def query_picture(digest: str, here: Here) -> Response:
    """Return a picture that was kept less than a day ago."""
    data = await here.files.run(here.query_pictures.read, digest) if _is_digest(digest) else None
    if data is None:
        raise Refused(
            "gone", "this picture is not kept any more: it was sent more than a day ago, or to another server"
        )
    return here.outgoing.file(data, f"image/{recognise(data).lower()}", {"Cache-Control": "private, no-store"})


def _is_digest(text: str) -> bool:
    return len(text) == 64 and set(text) <= set("0123456789abcdef")
