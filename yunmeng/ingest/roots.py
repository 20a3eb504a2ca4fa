"""The folders that a run may read from, if it may not read all of the disk."""

import os
from collections.abc import Sequence
from pathlib import Path

from yunmeng.errors import PictureError, Reason

__all__ = ["Roots"]


class Roots:
    """Folders that every path must lie in, with all symbolic links followed. ``setting`` is what names them."""

    def __init__(self, folders: Sequence[Path], setting: str) -> None:
        self._folders = [os.path.realpath(folder) for folder in folders]
        self._setting = setting

    def check(self, path: str | Path) -> None:
        """Raise `PictureError` where ``path`` leads out of the folders, whether or not something is there."""
        real = os.path.realpath(path)
        if not any(real == folder or real.startswith(folder.rstrip(os.sep) + os.sep) for folder in self._folders):
            raise PictureError(Reason.UNREADABLE, f"{path} is in no folder that may be read ({self._setting})")
