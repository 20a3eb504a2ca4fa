"""Regular maintenance of a served library."""

import threading
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Final

import structlog

from yunmeng.allocator import give_memory_back
from yunmeng.errors import YunmengError

if TYPE_CHECKING:
    from yunmeng.library.library import Library
    from yunmeng.server.query_log import QueryLog

__all__ = ["Upkeep"]

MAINTAINING: Final = 15.0
"""Seconds after which what was added meanwhile is made durable and indexed."""
WRITING: Final = 30.0
"""Seconds after which what was asked is written down."""


class Upkeep:
    """Maintains a library, unless it is ``busy``, and writes its log of queries, on a thread of its own.

    Memory that was freed is given back to the system as well.
    """

    def __init__(self, library: "Library", log: "QueryLog", busy: Callable[[], bool]) -> None:
        self._library = library
        self._log = log
        self._busy = busy
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="yunmeng-upkeep")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Write the log of queries, and end."""
        self._ending.set()
        if self._thread.ident is not None:
            self._thread.join()

    def write(self) -> None:
        """Write the log of queries to disk."""
        try:
            self._log.write()
        except YunmengError as exc:  # a full disk, say: the next one may fare better
            structlog.get_logger().warning("cannot write the log of queries", error=str(exc))

    def _work(self) -> None:
        written = monotonic()
        while not self._ending.wait(MAINTAINING):
            if not self._busy():
                self._maintain()
            give_memory_back()
            if monotonic() - written >= WRITING:
                self.write()
                written = monotonic()
        self.write()

    def _maintain(self) -> None:
        try:
            self._library.maintenance.maintain()
        except YunmengError as exc:  # as above
            structlog.get_logger().warning("cannot maintain the library", error=str(exc))
