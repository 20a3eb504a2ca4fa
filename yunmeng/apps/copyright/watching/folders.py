"""New pictures of folders, as they come: each is checked once. Needs the extra ``copyright``."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from yunmeng.errors import MissingExtra
from yunmeng.imaging.files import is_picture
from yunmeng.ingest.folders import folder_entries

if TYPE_CHECKING:
    from yunmeng.apps.copyright.watching.inspector import Inspector

__all__ = ["FolderWatch"]

_PAUSE: Final = 5_000
"""Milliseconds without a new file, after which findings are sent that could not be sent before."""


class FolderWatch:
    """Checks the pictures of folders: those that are there, then those that come.

    A file that cannot be read, as it may be half written, is tried again when it changes. Raises `MissingExtra`.
    """

    def __init__(self, folders: Sequence[Path], inspector: "Inspector") -> None:
        try:
            import watchfiles  # noqa: F401
        except ImportError as exc:
            raise MissingExtra("watching a folder", "copyright") from exc
        self._folders = folders
        self._inspector = inspector

    def run(self, stop: threading.Event, *, once: bool) -> None:
        """Check until ``stop`` is set; with ``once``, only what is there now."""
        from watchfiles import watch

        self._check_all(self._present(), stop)
        if once:
            return
        changes = watch(*self._folders, stop_event=stop, rust_timeout=_PAUSE, yield_on_timeout=True, debounce=500)
        for number, batch in enumerate(changes):
            # at first all again, for what came before the watch began
            self._check_all(_changed({path for _, path in batch}) if number else self._present(), stop)

    def _present(self) -> Iterator[str]:
        for folder in self._folders:
            yield from (entry.uri for entry in folder_entries(folder) if is_picture(Path(entry.uri)))

    def _check_all(self, paths: Iterator[str], stop: threading.Event) -> None:
        for path in paths:
            if stop.is_set():
                return
            self._inspector.check(path)
        self._inspector.deliver()


def _changed(paths: Iterable[str]) -> Iterator[str]:
    return (path for path in sorted(paths) if not Path(path).name.startswith(".") and is_picture(Path(path)))
