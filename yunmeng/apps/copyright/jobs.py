"""Run the check of the whole library and the watches in the background, as jobs."""

import threading
from typing import TYPE_CHECKING, Final

from yunmeng.errors import Busy
from yunmeng.state.runner import JobKind, JobRun
from yunmeng.types import Failure

if TYPE_CHECKING:
    from yunmeng.apps.copyright.service import Works
    from yunmeng.apps.copyright.watching.libraries import LibraryTally
    from yunmeng.apps.copyright.watching.tables import Finding
    from yunmeng.apps.copyright.watching.watches import Watched
    from yunmeng.state.runner import JobRunner

__all__ = ["CheckJobs", "WatchJobs"]

CHECK: Final = "copyright-check"
WATCH: Final = "copyright-watch"


class CheckJobs:
    """Checks the library as a job, one at a time; one that was stopped goes on where it was."""

    def __init__(self, service: "Works", jobs: "JobRunner") -> None:
        self._service = service
        self._jobs = jobs
        jobs.add(JobKind(name=CHECK, work=self._work))

    def order(self) -> int:
        """Start a check, and return the number of its job. Raises `Busy` where one runs or waits."""
        if self._jobs.unfinished(CHECK):
            raise Busy("the library is being checked already")
        return self._jobs.order(CHECK, {}).id

    def _work(self, run: JobRun) -> bool:
        def on_event(event: "Finding | Failure") -> None:
            if isinstance(event, Failure):
                run.fail(event.path, event.reason)

        def on_check(tally: "LibraryTally") -> None:
            run.tell(tally.checked, tally.total, skipped=tally.skipped, failed=tally.failed)

        tally = self._service.check_library(on_event, on_check=on_check, stop=run.stop)
        run.settle()
        return not tally.interrupted


class WatchJobs:
    """Runs the watches as one job, which is there while anything is watched, and goes on when the server starts."""

    def __init__(self, service: "Works", jobs: "JobRunner") -> None:
        self._service = service
        self._jobs = jobs
        self._lock = threading.Lock()
        self._ending = False  # the job that runs has found nothing to watch, and takes no new watch any more
        jobs.add(JobKind(name=WATCH, work=self._work))

    @property
    def running(self) -> bool:
        """True while the watches are read: False where somebody has cancelled the job, or it has failed."""
        return not self._ending and self._jobs.unfinished(WATCH) > 0

    def add(self, url: str, every: int) -> "Watched":
        """Watch a URL from now on. Raises `QueryError`."""
        watched = self._service.watches.add(url, every)
        self.start()
        return watched

    def start(self) -> None:
        """Start the job, unless it runs."""
        with self._lock:
            if not self.running:
                self._ending = False
                self._jobs.order(WATCH, {})

    def _work(self, run: JobRun) -> bool:
        while self._service.run_watches(run.stop):
            with self._lock:
                if not self._service.watches.all():
                    self._ending = True
                    return True
        return False
