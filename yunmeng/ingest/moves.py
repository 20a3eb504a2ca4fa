"""Files that are not where they were: moved or deleted, or away with the drive or the share they lie on."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from yunmeng.fetch import is_url

__all__ = ["Moves", "identify"]

_MOUNT_PLACES: Final = re.compile(r"/(media|run/media)(/[^/]+)?|/mnt|/Volumes")
"""Folders in which drives appear and vanish."""


def identify(folders: Iterable[Path]) -> dict[str, list[int]]:
    """The device and the inode of each folder, by which it is known again under another name.

    Roots of drives are left out: those of two drives have the same.
    """
    known = {}
    for folder in folders:
        path = os.path.abspath(folder)  # noqa: PTH100  links stay as named
        if os.path.isdir(path) and not os.path.ismount(path):  # noqa: PTH112
            status = os.stat(path)  # noqa: PTH116
            known[path] = [status.st_dev, status.st_ino]
    return known


class Moves:
    """Tells files that have left their place from those that are away for now.

    A file has left if the folder it was in is still there, or a folder above it that was indexed, or if such a folder
    was renamed. Where all of that is missing, a drive may be unplugged; and a folder that is empty and was so since
    before the library was made, is one where a share is mounted at other times.
    """

    def __init__(
        self, since: datetime, folders: Mapping[str, Any] | None = None, earlier: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        """``since`` is when the library was made. ``folders`` are `identify`-ed: those of this run; ``earlier``, of
        former ones.
        """
        self._since = since.timestamp()
        now = folders or {}
        self._roots = {*now, *(root for run in earlier for root in run)}
        here = [list(identity) for identity in now.values()]
        self._renamed = {root for run in earlier for root, identity in run.items() if list(identity) in here} - {*now}

    def left(self, uri: str) -> bool:
        """Whether no file is at ``uri`` and none is to be expected there again."""
        if is_url(uri) or os.path.lexists(uri):
            return False
        folder = os.path.dirname(uri)  # noqa: PTH120
        above = [folder]
        while not os.path.lexists(folder) and folder != os.path.dirname(folder):  # noqa: PTH120
            folder = os.path.dirname(folder)  # noqa: PTH120
            above.append(folder)
        if not self._in_use(folder):
            return False
        kept = self._roots.intersection(_with_parents(folder))
        return len(above) == 1 or bool(kept) or not self._renamed.isdisjoint(above)

    def _in_use(self, folder: str) -> bool:
        if _MOUNT_PLACES.fullmatch(folder):
            return False
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
