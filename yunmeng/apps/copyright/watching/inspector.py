"""What all watches share: pictures are checked, findings told and sent, failures named."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from yunmeng.apps.copyright.watching.tables import Finding
from yunmeng.errors import PictureError
from yunmeng.types import Failure

if TYPE_CHECKING:
    from yunmeng.apps.copyright.service import Works

__all__ = ["Inspector", "OnEvent"]

OnEvent = Callable[[Finding | Failure], None]
"""Called with each finding, and with each file, URL or delivery that failed; by one thread at a time."""


class Inspector:
    """Checks pictures for the watches of one run. Threads may share it. Raises what `Webhook.wanted` raises."""

    def __init__(self, works: "Works", on_event: OnEvent) -> None:
        self._works = works
        self._send = works.webhook.wanted
        self._on_event = on_event
        self._telling = threading.Lock()
        self._delivering = threading.Lock()

    def check(self, source: str, picture: bytes | None = None) -> bool:
        """Check a picture, unless its bytes were checked before; return False where it cannot be read."""
        try:
            findings = self._works.inspect(source, picture, send=self._send)
        except PictureError as exc:
            self.fail(source, str(exc))
            return False
        for finding in findings:
            self._tell(finding)
        if findings:
            self.deliver()
        return True

    def fail(self, source: str, reason: str) -> None:
        """Name what failed."""
        self._tell(Failure(source, reason))

    def deliver(self) -> None:
        """Send the findings that are due."""
        with self._delivering:  # else two threads would send the same one
            for problem in self._works.webhook.deliver():
                self.fail("webhook", problem)

    def _tell(self, event: Finding | Failure) -> None:
        with self._telling:
            self._on_event(event)
