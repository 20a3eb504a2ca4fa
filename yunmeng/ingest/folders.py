"""Pictures in folders and single files."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from yunmeng.errors import PictureError, Reason
from yunmeng.ingest.entries import Entry
from yunmeng.ingest.roots import Roots
from yunmeng.media.readers import claims

__all__ = ["MACHINE_MADE", "UNREAD", "file_entry", "folder_entries", "unread_format"]

# fmt: off
MACHINE_MADE: Final = frozenset({
    "@eadir", "@tmp", "#recycle", "@recycle", "@recently-snapshot", "@transcode", "#snapshot",  # Synology, QNAP
    "$recycle.bin", "recycler", "system volume information", "thumbs.db", "ehthumbs.db", "desktop.ini",  # Windows
    "__macosx", "network trash folder", "temporary items",  # macOS
    "lost+found",
})
"""Names, in lower case, of files and folders that systems make beside pictures: thumbnails, bins, snapshots. Those that
begin with a dot (.thumbnails, .AppleDouble, .Trashes) are hidden anyway."""
UNREAD: Final = frozenset({
    ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw",
    ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f",  # cameras
    ".ai", ".cdr", ".emf", ".eps", ".pdf", ".ps", ".svg", ".svgz", ".wmf",  # drawings and documents
    ".afphoto", ".clip", ".kra", ".psb", ".psd", ".xcf",  # programs
    ".dcm", ".dds", ".djvu", ".exr", ".fits", ".hdr", ".icns", ".ico", ".j2c", ".j2k", ".jp2", ".jpc", ".jpf", ".jpm",
    ".jpx", ".jxl", ".jxr", ".pam", ".pbm", ".pcx", ".pgm", ".pnm", ".ppm", ".qoi", ".tga", ".wdp", ".xbm", ".xpm",
    ".3gp", ".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".webm", ".wmv",  # videos
})
"""Endings, in lower case, of files with pictures in formats that are not read."""
# fmt: on


def unread_format(uri: str) -> str | None:
    """Return the format that a file's name claims, such as CR3, if it holds pictures and cannot be read."""
    ending = os.path.splitext(uri)[1]  # noqa: PTH122  a Path a file is slow
    return ending[1:].upper() if ending.lower() in UNREAD else None


def folder_entries(root: Path, within: Roots | None = None) -> Iterator[Entry]:
    """Yield every file below ``root``, in the order of its names; ids are paths below ``root`` with forward slashes.

    Hidden files and folders (a leading dot) are left out, and those that programs keep for themselves, `MACHINE_MADE`.
    Symbolic links are followed. A folder that is reached again inside itself is not entered twice; one that leads out
    of ``within`` is not entered at all.
    """
    top = os.path.abspath(root)  # noqa: PTH100  Path.resolve would follow links, and uris would then surprise
    for path, problem in _walk(top, (), within):
        id = os.path.relpath(path, top).replace(os.sep, "/")
        yield Entry(
            id=id,
            uri=path,
            path=id,
            certain=claims(path),
            problem=problem,
        )


def file_entry(path: Path) -> Entry:
    """Return the entry of a single file that the user has named, and so claims to be a picture; its name is its id."""
    uri = os.path.abspath(path)  # noqa: PTH100  as above
    return Entry(id=path.name, uri=uri, path=path.name)


def _walk(
    folder: str, above: tuple[tuple[int, int], ...], within: Roots | None
) -> Iterator[tuple[str, PictureError | None]]:
    """Files below ``folder``, and folders that cannot be read; ``above``: device and inode of all on the way down."""
    try:
        if within is not None:
            within.check(folder)
        status = os.stat(folder)  # noqa: PTH116
        with os.scandir(folder) as found:
            children = sorted((c for c in found if _of_the_user(c.name)), key=lambda c: c.name)
    except PictureError as exc:
        yield folder, exc
        return
    except OSError as exc:
        yield folder, PictureError(Reason.UNREADABLE, f"the folder cannot be read: {exc.strerror}")
        return
    here = (status.st_dev, status.st_ino)
    if here in above:
        return
    for child in children:
        if child.is_dir():
            yield from _walk(child.path, (*above, here), within)
        else:
            yield child.path, None


def _of_the_user(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in MACHINE_MADE
