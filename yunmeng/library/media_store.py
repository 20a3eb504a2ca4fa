"""Picture files of a library: those that were indexed in place, those that were sent to it, and thumbnails."""

import errno
import os
import re
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from yunmeng.errors import OriginalGone, PictureError, StoreError
from yunmeng.imaging.files import read
from yunmeng.imaging.fingerprint import sha256
from yunmeng.imaging.formats import recognise
from yunmeng.imaging.thumbnail import THUMBNAIL_SIDES, thumbnail
from yunmeng.media.readers import identity, only_part
from yunmeng.net.fetch import is_url
from yunmeng.types import Record

if TYPE_CHECKING:
    from yunmeng.config import Settings
    from yunmeng.library.paths import LibraryPaths

__all__ = ["MediaStore"]

LISTED_SIDE = 256
"""The thumbnail that grids show, made at once for a picture from the web, which is not at hand later."""

_SENT: Final = re.compile(r"uploads/([0-9a-f]{2})/\1[0-9a-f]{30}\.\w+")
"""The end of a path that `MediaStore.place` has made."""
_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO})
"""What the system says where there is no such file. All else may pass: too many open files, a disk that fails."""


class MediaStore:
    """Reads the pictures of records, and keeps those that were sent as bytes. Threads may share it.

    No file is read that was not indexed: the file at a record's path counts only while it has the record's SHA-256.
    ``fetch`` returns the bytes at a URL.
    """

    def __init__(self, paths: "LibraryPaths", settings: "Settings", fetch: Callable[[str], bytes]) -> None:
        self._uploads = paths.uploads.absolute()
        self._thumbnails = paths.cache / "thumbnails"
        self._settings = settings
        self._fetch = fetch

    def place(self, data: bytes) -> Path:
        """Return the path at which to keep a picture that was sent. Raises `PictureError` for an unknown format."""
        name = uuid.uuid4().hex  # not the digest: two ids may send the same bytes, and one of them be deleted
        return self._uploads / name[:2] / f"{name}.{recognise(data).lower()}"

    def keep(self, path: Path, data: bytes) -> None:
        """Write a picture that was sent to its `place`. Raises `StoreError`."""
        try:
            _write(path, data)
        except OSError as exc:
            path.unlink(missing_ok=True)
            raise StoreError(f"cannot keep the picture at {path}: {exc.strerror}") from exc

    def discard(self, uri: str) -> None:
        """Remove the file at ``uri`` if it was sent to the library; users' own files are left alone."""
        if not is_url(uri) and self._located(uri).is_relative_to(self._uploads):
            self._located(uri).unlink(missing_ok=True)

    def forget(self, record: Record) -> None:
        """Remove the files of a picture that was deleted: its own if it was sent, and its thumbnails."""
        self.discard(record.uri)
        for side in THUMBNAIL_SIDES:
            self._thumbnail_path(record.sha256, side).unlink(missing_ok=True)

    def read(self, record: Record) -> bytes:
        """Return the bytes of the picture's file, fetched again if it came from the web.

        A part of a file comes as a file of its own.

        Raises `OriginalGone` if the file is gone or has changed, `StoreError` if it is there but cannot be read now,
        and `FetchError`.
        """
        if is_url(record.uri):
            data = self._fetch(record.uri)
            return self._part(data, record)  # what else may be at that address now is not ours to pass on
        try:
            data = read(self._located(record.uri), max_bytes=self._settings.max_file_bytes)
        except PictureError as exc:
            if isinstance(exc.__cause__, OSError) and exc.__cause__.errno not in _GONE:
                raise StoreError(f"the file of {record.id} cannot be read now: {exc.detail}") from exc
            raise OriginalGone(f"the file of {record.id} cannot be read any more: {exc.detail}") from exc
        if identity(sha256(data), record.part) != record.sha256:
            raise OriginalGone(f"the file of {record.id} has changed since it was indexed: index it again")
        return self._part(data, record)

    def size(self, record: Record) -> int:
        """Return the bytes of the picture's file; 0 where it is on the web, or gone."""
        if not is_url(record.uri):
            with suppress(OSError, ValueError):
                return self._located(record.uri).stat().st_size
        return 0

    def thumbnail(self, record: Record, side: int) -> bytes:
        """Return a WebP copy whose longer side is at most ``side``, one of `THUMBNAIL_SIDES`. Raises as `read` does."""
        path = self._thumbnail_path(record.sha256, side)
        with suppress(OSError):
            return path.read_bytes()
        return self._made(record.sha256, self.read(record), side)

    def preview(self, url: str, side: int = 1024) -> bytes:
        """Return a small copy of a picture on the web, as WebP. Raises `PictureError`."""
        return thumbnail(self._fetch(url), side, max_pixels=self._settings.max_pixels)

    def remember(self, digest: str, data: bytes) -> None:
        """Make the thumbnail of a picture now, while its bytes are in memory."""
        if not self._thumbnail_path(digest, LISTED_SIDE).exists():
            with suppress(PictureError):  # whoever decodes it for the index says so better
                self._made(digest, data, LISTED_SIDE)

    def _located(self, uri: str) -> Path:
        """The path of a picture. One that was sent lies in the library's folder, also where that has been moved."""
        path = Path(uri)
        if _SENT.fullmatch("/".join(path.parts[-3:])) and not path.is_relative_to(self._uploads):
            here = self._uploads.joinpath(*path.parts[-2:])
            return here if here.exists() else path
        return path

    def _part(self, data: bytes, record: Record) -> bytes:
        return only_part(data, record.part, max_pixels=self._settings.max_pixels)

    def _made(self, digest: str, data: bytes, side: int) -> bytes:
        made = thumbnail(data, side, max_pixels=self._settings.max_pixels)
        with suppress(OSError):  # a full disk costs the next caller the work, and nobody the picture
            _write(self._thumbnail_path(digest, side), made)
        return made

    def _thumbnail_path(self, digest: str, side: int) -> Path:
        return self._thumbnails / digest[:2] / f"{digest}-{side}.webp"


def _write(path: Path, data: bytes) -> None:
    """In one step: a reader finds all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.draft")
    try:
        draft.write_bytes(data)
        os.replace(draft, path)  # noqa: PTH105  pathlib's replace reads as a text operation
    except OSError:
        draft.unlink(missing_ok=True)
        raise
