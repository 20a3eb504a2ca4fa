"""Moving the files of discarded pictures out of the way, without ever losing one."""

import os
import shutil
from contextlib import suppress
from pathlib import Path, PurePosixPath

__all__ = ["move_out"]


def move_out(file: Path, id: str, folder: Path) -> Path:
    """Move the ``file`` of picture ``id`` below ``folder``, where its id says, and return its new place.

    An id that leads elsewhere, as an absolute path or a URL does, counts from its root. A file that is there already
    stays: the new one gets a number behind its name. Works across file systems. Raises OSError.
    """
    parts = [part for part in PurePosixPath(id).parts if part not in ("/", "..")]
    wanted = folder.joinpath(*parts) if parts else folder / file.name
    if not wanted.suffix:
        wanted = wanted.with_name(wanted.name + file.suffix)
    wanted.parent.mkdir(parents=True, exist_ok=True)
    place = _claimed(wanted)
    try:
        _move(file, place)
    except BaseException:
        with suppress(OSError):
            if file.exists() or place.stat().st_size == 0:  # else an interrupt came right after it was moved
                place.unlink()
        raise
    return place


def _claimed(wanted: Path) -> Path:
    """An empty file of our own, as near to ``wanted`` as there is room."""
    place, number = wanted, 1
    while True:
        try:
            place.open("xb").close()
        except FileExistsError:
            number += 1
            place = wanted.with_name(f"{wanted.stem} ({number}){wanted.suffix}")
        else:
            return place


def _move(file: Path, place: Path) -> None:
    try:
        os.replace(file, place)  # noqa: PTH105  pathlib's replace reads as a text operation
    except OSError:
        if not file.exists():
            raise
        shutil.copy2(file, place)  # on another file system
        file.unlink()
