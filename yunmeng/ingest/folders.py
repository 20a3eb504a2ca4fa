"""Pictures in folders and single files."""

import os
from collections.abc import Iterator
from pathlib import Path

from yunmeng.errors import PictureError, Reason
from yunmeng.imaging import PICTURE_ENDINGS
from yunmeng.ingest.entries import Entry
from yunmeng.ingest.roots import Roots

__all__ = ["file_entry", "folder_entries"]


def folder_entries(root: Path, within: Roots | None = None) -> Iterator[Entry]:
    """Every file below ``root``, in the order of its names; ids are paths below ``root`` with forward slashes.

    Hidden files and folders (a leading dot) are left out. Symbolic links are followed; a folder that is reached
    again inside itself is not entered twice, one that leads out of ``within`` not at all.
    """
    top = os.path.abspath(root)  # noqa: PTH100  Path.resolve would follow links, and uris would then surprise
    for path, problem in _walk(top, (), within):
        yield Entry(
            id=os.path.relpath(path, top).replace(os.sep, "/"),
            uri=path,
            certain=os.path.splitext(path)[1].lower() in PICTURE_ENDINGS,  # noqa: PTH122  a Path a file is slow
            problem=problem,
        )


def file_entry(path: Path) -> Entry:
    """A single file that was named by the user, who means it to be a picture; its name is its id."""
    return Entry(id=path.name, uri=os.path.abspath(path))  # noqa: PTH100  as above


def _walk(
    folder: str, above: tuple[tuple[int, int], ...], within: Roots | None
) -> Iterator[tuple[str, PictureError | None]]:
    """Files below ``folder``, and folders that cannot be read; ``above``: device and inode of all on the way down."""
    try:
        if within is not None:
            within.check(folder)
        status = os.stat(folder)  # noqa: PTH116
        with os.scandir(folder) as found:
            children = sorted((c for c in found if not c.name.startswith(".")), key=lambda c: c.name)
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
