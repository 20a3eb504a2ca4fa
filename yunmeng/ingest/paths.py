"""Finds files that a manifest names, also where another system spelt the name."""

import os
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

__all__ = ["FileFinder"]


class FileFinder:
    """Finds files below ``folders``, in the first folder that has them.

    If none has a file of exactly this name, ``\\`` is read as ``/``, and a part of the path matches a name that differs
    only in Unicode's normal form, or only in letter case, if there is just one such name in its folder.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = [os.path.abspath(folder) for folder in folders]  # noqa: PTH100  links stay as named
        self._names = lru_cache(maxsize=64)(_names)

    def find(self, named: str) -> tuple[str, str]:
        """Return the absolute path of a file, and its path with the name as it is on disk.

        If it is nowhere, both are of the first place where it could be.
        """
        candidates = [os.path.abspath(os.path.join(folder, named)) for folder in self._folders]  # noqa: PTH100, PTH118
        for path in candidates:
            if os.path.exists(path):  # noqa: PTH110
                return path, named.replace(os.sep, "/")
        spelt = named.replace("\\", "/")
        for folder in self._folders:
            found = self._walked(folder, spelt)
            if found is not None:
                return os.path.abspath(os.path.join(folder, found)), found  # noqa: PTH100, PTH118
        return candidates[0], named.replace(os.sep, "/")

    def _walked(self, folder: str, path: str) -> str | None:
        found = "/" if path.startswith("/") else ""
        for part in path.split("/"):
            if part in ("", "."):
                continue
            here = os.path.join(folder, found)  # noqa: PTH118
            name = part if os.path.lexists(os.path.join(here, part)) else self._like(here, part)  # noqa: PTH118
            if name is None:
                return None
            found += name if found in ("", "/") else f"/{name}"
        return found or None

    def _like(self, folder: str, name: str) -> str | None:
        for same in (_normal, _caseless):
            names = self._names(folder, same).get(same(name), [])
            if names:
                return names[0] if len(names) == 1 else None
        return None


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _caseless(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _names(folder: str, key: Callable[[str], str]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    try:
        for name in os.listdir(folder):  # noqa: PTH208
            names.setdefault(key(name), []).append(name)
    except (OSError, ValueError):
        pass
    return names
