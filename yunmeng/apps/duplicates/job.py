"""The search for duplicates in the background: one at a time, on a thread of its own."""

import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import structlog

from yunmeng.apps.duplicates.schemas import DuplicatesOut
from yunmeng.apps.duplicates.service import Duplicates
from yunmeng.apps.duplicates.tables import DuplicateSearch
from yunmeng.apps.duplicates.types import DuplicateTally, KeepRule
from yunmeng.errors import YunmengError
from yunmeng.schemas.text import to_wire

__all__ = ["DuplicateSearcher"]

CUT_OFF: Final = "the process ended before the search did: look for duplicates again"


class DuplicateSearcher:
    """Looks for duplicates when told to, and leaves what it finds with the library."""

    def __init__(self, service: Duplicates) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._tally: DuplicateTally | None = None
        self._failure: DuplicateSearch | None = None  # of the last search, which a full disk may not have taken down

    def order(self, keep: KeepRule) -> DuplicatesOut:
        """Begin a search, unless one is under way."""
        with self._lock:
            if not self._running():
                self._stop = threading.Event()
                self._tally = self._failure = None
                self._thread = threading.Thread(target=self._work, args=(keep, self._stop), name="yunmeng-duplicates")
                self._thread.start()
        return self.view()

    def cancel(self) -> DuplicatesOut:
        """Have the search that is under way end, if there is one, and wait until it has."""
        self.stop()
        return self.view()

    def stop(self) -> None:
        """End the search that is under way."""
        with self._lock:
            self._stop.set()
            thread = self._thread
        if thread is not None:
            thread.join()

    def view(self) -> DuplicatesOut:
        """The last search, or the one under way, and what there is of groups."""
        running, tally = self._running(), self._tally
        search, counts = self._service.last_search()
        if running:
            search = DuplicateSearch("running")
        elif self._failure is not None:
            search = self._failure
        elif search.status == "running":
            search = DuplicateSearch("failed", error=CUT_OFF)
        return DuplicatesOut(
            status=search.status,
            phase=tally.phase if running and tally else None,
            done=tally.done if running and tally else 0,
            total=tally.total if running and tally else None,
            groups=counts.groups,
            pictures=counts.pictures,
            open=counts.open,
            finished_at=search.finished_at,
            error=to_wire(search.error) if search.error else None,
        )

    def _running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _work(self, keep: KeepRule, stop: threading.Event) -> None:
        log = structlog.get_logger()
        try:
            report = self._service.find(keep, self._take, stop)
            log.info("duplicates", pictures=report.pictures, groups=len(report.groups), cancelled=report.interrupted)
        except YunmengError as exc:
            self._failure = DuplicateSearch("failed", datetime.now(UTC), str(exc))
            log.warning("the search for duplicates failed", error=str(exc))
        except Exception as exc:  # a bug: the library has noted that it failed
            log.exception("the search for duplicates failed", exc_info=exc)

    def _take(self, tally: DuplicateTally) -> None:
        self._tally = replace(tally)
