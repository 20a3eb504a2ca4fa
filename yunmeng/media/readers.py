"""Readers of kinds of files, which name and read the pictures in them."""
# ruff: noqa: ARG002  each reader has the methods of the protocol, and not all need all that they are given

import hashlib
import io
import os
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final, Protocol

from yunmeng.errors import PictureError, Reason
from yunmeng.imaging.files import PICTURE_ENDINGS
from yunmeng.imaging.files import head as head_of
from yunmeng.imaging.formats import recognise
from yunmeng.imaging.frames import count_frames, frames
from yunmeng.imaging.tiff import page_offsets, with_first_page
from yunmeng.plugins import usable

__all__ = ["READERS", "Reader", "claims", "identity", "is_media", "only_part", "reader_of"]


class Reader(Protocol):
    """Reads the pictures of one kind of file. Threads share it.

    ``endings`` are the endings, in lower case and with a dot, of files that claim to be of this kind.
    """

    endings: frozenset[str]

    def takes(self, head: bytes) -> bool:
        """Return whether a file is of this kind, by its first 1,024 bytes."""

    def parts(self, data: bytes, most: int, *, max_pixels: int) -> list[str]:
        """Return the names of a file's pictures, ``""`` first, at most ``most`` (1 or more) of them.

        With 1 it must be quick, as it is called for every file. Raises `PictureError`.
        """

    def pictures(self, data: bytes, parts: Sequence[str], *, max_pixels: int) -> Iterator[bytes]:
        """Yield each of ``parts``, in the order in which `parts` names them, as the bytes of a picture's file.

        The bytes are in a format that `yunmeng.imaging.decode` takes. Raises `PictureError` for a part that is not
        there.
        """


class StillReader:
    """Reads files that are one picture: the bytes themselves."""

    endings = PICTURE_ENDINGS

    def takes(self, head: bytes) -> bool:
        return _format(head) is not None

    def parts(self, data: bytes, most: int, *, max_pixels: int) -> list[str]:
        return [""]

    def pictures(self, data: bytes, parts: Sequence[str], *, max_pixels: int) -> Iterator[bytes]:
        for part in parts:
            _number("", part)
            yield data


class PageReader:
    """Reads the pages of TIFF files, in their order, without masks and reduced copies of pages."""

    endings = frozenset({".tif", ".tiff"})

    def takes(self, head: bytes) -> bool:
        return _format(head) == "TIFF"

    def parts(self, data: bytes, most: int, *, max_pixels: int) -> list[str]:
        pages = len(page_offsets(data)) if most > 1 else 1
        return ["", *(f"page:{number}" for number in range(2, min(pages, most) + 1))]

    def pictures(self, data: bytes, parts: Sequence[str], *, max_pixels: int) -> Iterator[bytes]:
        offsets = page_offsets(data) if any(parts) else []
        for part in parts:
            number = _number("page:", part)
            if number == 1:
                yield data
            elif number <= len(offsets):
                yield with_first_page(data, offsets[number - 1])
            else:
                raise _missing(part)


class FrameReader:
    """Reads the frames of animations: as many as are wanted, evenly spread from the first one on."""

    endings = frozenset({".gif", ".png", ".apng", ".webp", ".avif", ".avifs", ".heic", ".heif", ".hif"})

    def takes(self, head: bytes) -> bool:
        return _format(head) in ("GIF", "PNG", "WEBP", "AVIF", "HEIC")

    def parts(self, data: bytes, most: int, *, max_pixels: int) -> list[str]:
        if most == 1:
            return [""]
        count = count_frames(data, max_pixels=max_pixels)
        chosen = min(count, most)
        return ["", *(f"frame:{1 + index * count // chosen}" for index in range(1, chosen))]

    def pictures(self, data: bytes, parts: Sequence[str], *, max_pixels: int) -> Iterator[bytes]:
        numbers = [_number("frame:", part) for part in parts]
        later = frames(data, [number for number in numbers if number > 1], max_pixels=max_pixels)
        for part, number in zip(parts, numbers, strict=True):
            if number == 1:
                yield data
                continue
            picture = next(later, None)
            if picture is None:
                raise _missing(part)
            stream = io.BytesIO()
            picture.image.save(stream, "PNG", compress_level=1)  # it is read once, or looked at
            yield stream.getvalue()


_HEAD: Final = 1024

READERS: Final[tuple[Reader, ...]] = (PageReader(), FrameReader(), StillReader())
"""The kinds of files that come with Yunmeng; others come as plugins. The first that takes a file reads it."""


def reader_of(data: bytes) -> Reader:
    """Return the reader of a file, by its first 1,024 bytes. Raises `PictureError` as `imaging.recognise` does."""
    found = _taking(data[:_HEAD])
    if found is None:
        recognise(data)  # says what it is instead
        raise PictureError(Reason.NOT_A_PICTURE, "no reader takes a file that begins like this")
    return found


def is_media(path: Path) -> bool:
    """Return whether a regular file begins like one that a reader takes, whatever its name says."""
    try:
        return _taking(head_of(path)) is not None
    except (PictureError, OSError, ValueError):
        return False


def claims(name: str) -> bool:
    """Return whether a file's name has an ending of files that a reader takes."""
    ending = os.path.splitext(name)[1].lower()  # noqa: PTH122  a Path a file is slow
    return any(ending in reader.endings for reader in _all())


def identity(digest: str, part: str) -> str:
    """Return the identity of a picture: the SHA-256 of its file's bytes, or of these and the part if it is one."""
    return hashlib.sha256(f"{digest}#{part}".encode()).hexdigest() if part else digest


def only_part(data: bytes, part: str, *, max_pixels: int) -> bytes:
    """Return one picture of a file as the bytes of a picture's file. Raises `PictureError`."""
    return next(reader_of(data).pictures(data, [part], max_pixels=max_pixels))


def _all() -> Iterator[Reader]:
    """Yield the readers, those of packages last: to look for them takes 0.05 s."""
    yield from READERS
    yield from _of_packages()


@cache
def _of_packages() -> tuple[Reader, ...]:
    return tuple(reader for _, reader in usable("readers"))


def _taking(head: bytes) -> Reader | None:
    return next((reader for reader in _all() if reader.takes(head)), None)


def _format(head: bytes) -> str | None:
    try:
        return recognise(head)
    except PictureError:
        return None


def _number(word: str, part: str) -> int:
    """The number in a part's name; 1 for the first, which has none."""
    if not part:
        return 1
    number = part.removeprefix(word)
    if not word or number == part or not number.isdecimal() or int(number) < 2:
        raise _missing(part)
    return int(number)


def _missing(part: str) -> PictureError:
    return PictureError(Reason.CORRUPT, f"the file has no {part.replace(':', ' ')}")
