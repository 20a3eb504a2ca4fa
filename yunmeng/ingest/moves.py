"""Files that are not where they were: moved or deleted, or away with the drive or the share they lie on."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from yunmeng.net.fetch import is_url

__all__ = ["Moves", "identify"]

_MOUNT_PLACES: Final = re.compile(r"/(media|run/media)(/[^/]+)?|/mnt|/Volumes")
"""Folders in which drives appear and vanish."""


def identify(folders: Iterable[Path]) -> dict[str, list[Any]]:
    """By path, what tells later what became of a folder: its device, its inode and where its drive is mounted."""
    known = {}
    for folder in folders:
        path = os.path.abspath(folder)  # noqa: PTH100  links stay as named
        if os.path.isdir(path):  # noqa: PTH112
            status = os.stat(path)  # noqa: PTH116
            known[path] = [status.st_dev, status.st_ino, next(filter(os.path.ismount, _with_parents(path)), path)]
    return known


class Moves:
    """Tells files that have left their place from those that are away for now.

    A file has left if its folder is there without it, or a folder above it that was indexed. Where that is missing as
    well, it was renamed if this run indexes it under another name; else the drive may be unplugged. It is not if it is
    mounted without the folder, and what is indexed now lies on another one. A folder that is empty, and was so since
    before the library was made, is one that a share is mounted on at other times.
    """

    def __init__(
        self, since: datetime, folders: Mapping[str, Any] | None = None, earlier: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        """``since`` is when the library was made. ``folders`` of this run are `identify`-ed, and those of ``earlier``
        runs, the newest first.
        """
        self._since = since.timestamp()
        self._now = folders or {}
        self._known = {path: identity for run in (*reversed(earlier), self._now) for path, identity in run.items()}

    def left(self, uri: str) -> bool:
        """Whether no file is at ``uri`` and none is to be expected there again."""
        if is_url(uri) or os.path.lexists(uri):
            return False
        above = _with_parents(os.path.dirname(uri))  # noqa: PTH120
        there = next(filter(os.path.lexists, above))
        if any(map(_MOUNT_PLACES.fullmatch, above[: above.index(there) + 1])) or not self._in_use(there):
            return False
        indexed = [folder for folder in above if folder in self._known]
        return there == above[0] or not indexed or any(map(self._was_moved, indexed))

    def _was_moved(self, folder: str) -> bool:
        """Whether an indexed folder is there without something, or is not there any more and is elsewhere."""
        if os.path.lexists(folder):
            return True
        device, inode, mount = self._known[folder]
        if not os.path.ismount(mount):
            return False
        on_device = [now[1] for now in self._now.values() if now[0] == device]
        return not on_device or inode in on_device or not os.path.lexists(os.path.dirname(folder))  # noqa: PTH120

    def _in_use(self, folder: str) -> bool:
        try:
            with os.scandir(folder) as found:
                return any(found) or os.stat(folder).st_mtime >= self._since  # noqa: PTH116
        except OSError:
            return False


def _with_parents(folder: str) -> list[str]:
    parents = [folder]
    while (above := os.path.dirname(parents[-1])) != parents[-1]:  # noqa: PTH120
        parents.append(above)
    return parents
