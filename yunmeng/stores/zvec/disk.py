"""The disk below a collection: its free room, checked before a database runs out of it, and the files of its parts."""

import shutil
from glob import glob
from pathlib import Path
from typing import Final

from yunmeng.errors import DiskFull

__all__ = ["ROOM", "ROOM_TO_DELETE", "check_room", "files_of_parts", "has_room"]

ROOM: Final = 64_000_000
"""Bytes that must be free before anything is written. What zvec holds in memory then still fits when it is closed:
closing it on a full disk loses records that were acknowledged (zvec 0.8.0)."""

ROOM_TO_DELETE: Final = 16_000_000
"""Bytes that must be free before anything is deleted. A deletion takes some 40 bytes of zvec's log and, before the
first one, a copy of its databases' small files; nothing else is written then, see `ZvecStore.close`."""


def has_room(folder: Path, needed: int = ROOM) -> bool:
    """Return whether ``needed`` bytes are free where ``folder`` lies."""
    return shutil.disk_usage(folder).free >= needed


def check_room(folder: Path, needed: int = ROOM) -> None:
    """Raise `DiskFull` if fewer than ``needed`` bytes are free where ``folder`` lies."""
    if not has_room(folder, needed):
        free = shutil.disk_usage(folder).free / 1e6
        raise DiskFull(
            f"the disk is nearly full: {free:,.0f} MB are free at {folder}, {needed / 1e6:,.0f} MB are needed; make "
            "room and run it again, nothing is lost"
        )


def files_of_parts(path: Path, name: str) -> list[Path]:
    """Return the files called ``name``, a pattern, in the folders of the collection at ``path``.

    A merge may remove a folder meanwhile: `glob` then passes it over, where `Path.glob` of Python 3.11 raises OSError.
    """
    return [path / file for file in glob(f"*/{name}", root_dir=path)]  # noqa: PTH207
