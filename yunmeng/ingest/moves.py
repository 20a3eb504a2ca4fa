"""Files that are not where they were: moved, deleted, or on a drive or share that is not there now."""

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
    """Return, by path, what later shows what happened to a folder: device, inode and mount point of its drive."""
    known = {}
    for folder in folders:
        path = os.path.abspath(folder)  # noqa: PTH100  links stay as named
        if os.path.isdir(path):  # noqa: PTH112
            status = os.stat(path)  # noqa: PTH116
            known[path] = [status.st_dev, status.st_ino, next(filter(os.path.ismount, _with_parents(path)), path)]
    return known


class Moves:
    """Distinguishes files that have left their place from files that are only away for now.

    A file has left if its folder is there without it, or if a folder above it that was indexed is. If no such folder is
    there, it was renamed if this run indexes it under another name. Otherwise its drive may be unplugged. That is ruled
    out, and the file has left, if the drive is mounted without the folder and what is indexed now lies on another
    drive. A folder that is empty, and was so before the library was made, is a mount point of a share that is not
    mounted now.
    """

    def __init__(
        self, since: datetime, folders: Mapping[str, Any] | None = None, earlier: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        """Take what is known of folders.

        ``since`` is when the library was made. ``folders`` of this run are as `identify` returns them, and so are those
        of ``earlier`` runs, the newest first.
        """
        self._since = since.timestamp()
        self._now = folders or {}
        self._known = {path: identity for run in (*reversed(earlier), self._now) for path, identity in run.items()}

    def left(self, uri: str) -> bool:
        """Return whether no file is at ``uri`` and none is to be expected there again."""
        if is_url(uri) or os.path.lexists(uri):
            return False
        above = _with_parents(os.path.dirname(uri))  # noqa: PTH120
        there = next(filter(os.path.lexists, above))
        if any(map(_MOUNT_PLACES.fullmatch, above[: above.index(there) + 1])) or not self._in_use(there):
            return False
        indexed = [folder for folder in above if folder in self._known]
        return there == above[0] or not indexed or any(map(self._was_moved, indexed))

    def _was_moved(self, folder: str) -> bool:
        """Return whether an indexed folder is there without the file, or is certainly gone from its place."""
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
