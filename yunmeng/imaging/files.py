"""Picture files on disk: their names, whether they are pictures, and their bytes. No file can block the program."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from yunmeng.errors import PictureError, Reason
from yunmeng.imaging.formats import recognise

__all__ = ["PICTURE_ENDINGS", "head", "is_picture", "read"]

# fmt: off
PICTURE_ENDINGS: Final = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff",
    ".avif", ".avifs", ".heic", ".heif", ".hif",
})
"""Endings, in lower case, of files that claim to be pictures of a format that is decoded."""
# fmt: on

_HEAD: Final = 1024  # more than any signature needs


def is_picture(path: Path) -> bool:
    """Return whether a regular file begins like a picture that `decode` takes, whatever its name says."""
    try:
        recognise(head(path))
    except (PictureError, OSError, ValueError):
        return False
    return True


def head(path: Path) -> bytes:
    """Return the first 1,024 bytes of a regular file. Raises PictureError, OSError and ValueError."""
    with _opened(path) as file:
        return file.read(_HEAD)


def read(path: Path, *, max_bytes: int) -> bytes:
    """Return the bytes of a regular file.

    Raises PictureError: UNREADABLE (gone, forbidden, a folder, a pipe or a device), EMPTY, TOO_LARGE (more than
    ``max_bytes``; setting YUNMENG_MAX_FILE_BYTES).
    """
    try:
        with _opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            data = file.read(min(size, max_bytes) + 1)
    except (OSError, ValueError) as exc:
        raise PictureError(Reason.UNREADABLE, getattr(exc, "strerror", None) or str(exc)) from exc
    if len(data) > max_bytes:
        found = f"{max(size, len(data)):,} bytes"
        raise PictureError(Reason.TOO_LARGE, f"{found}, over the limit of {max_bytes:,} (YUNMENG_MAX_FILE_BYTES)")
    if not data:
        raise PictureError(Reason.EMPTY, "the file has no bytes")
    return data


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with open(path, "rb", opener=_without_waiting) as file:  # Path.open takes no opener
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise PictureError(Reason.UNREADABLE, "not a regular file")
        yield file


def _without_waiting(path: str, flags: int) -> int:
    # Otherwise opening a named pipe that nobody writes to would wait for ever.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
