"""New pictures of folders, as they come: each is checked once. Needs the extra ``copyright``."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from yunmeng.apps.copyright.watching.tables import Finding
from yunmeng.errors import MissingExtra, PictureError, SourceError
from yunmeng.imaging.files import is_picture
from yunmeng.ingest.folders import folder_entries
from yunmeng.types import Failure

if TYPE_CHECKING:
    from yunmeng.apps.copyright.service import Works

__all__ = ["FolderWatch", "OnEvent"]

OnEvent = Callable[[Finding | Failure], None]
"""Called with each finding, and with each file or delivery that failed."""

_PAUSE: Final = 5_000
"""Milliseconds without a new file, after which findings are sent that could not be sent before."""


class FolderWatch:
    """Checks the pictures of folders: those that are there, then those that come.

    What was checked is known by its bytes, so that nothing is told twice, also after a restart. A file that cannot be
    read, as it may be half written, is tried again when it changes.
    """

    def __init__(self, works: "Works", folders: Sequence[str | Path], on_event: OnEvent) -> None:
        """Raises `SourceError` where a folder is not there, `MissingExtra`, and what `Webhook.wanted` raises."""
        try:
            import watchfiles  # noqa: F401
        except ImportError as exc:
            raise MissingExtra("watching a folder", "copyright") from exc
        self._folders = [Path(folder).absolute() for folder in folders]
        for folder in self._folders:
            if not folder.is_dir():
                raise SourceError(f"{folder} is no folder")
        self._works = works
        self._send = works.webhook.wanted
        self._on_event = on_event

    def run(self, stop: threading.Event, *, once: bool = False) -> None:
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
            try:
                findings = self._works.inspect(path, send=self._send)
            except PictureError as exc:
                self._on_event(Failure(path, str(exc)))
                continue
            for finding in findings:
                self._on_event(finding)
        for problem in self._works.webhook.deliver():
            self._on_event(Failure("webhook", problem))


def _changed(paths: Iterable[str]) -> Iterator[str]:
    return (path for path in sorted(paths) if not Path(path).name.startswith(".") and is_picture(Path(path)))
