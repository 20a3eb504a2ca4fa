"""The search for duplicates in the background, as a job."""

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from yunmeng.apps.duplicates.schemas import DuplicateOrder, DuplicatesOut
from yunmeng.apps.duplicates.tables import DuplicateSearch
from yunmeng.apps.duplicates.types import KeepRule
from yunmeng.errors import YunmengError
from yunmeng.schemas.text import to_wire
from yunmeng.state.runner import JobKind, JobRun, JobRunner

if TYPE_CHECKING:
    from yunmeng.apps.duplicates.service import Duplicates
    from yunmeng.state.database import Job

__all__ = ["DuplicateJobs"]

KIND: Final = "duplicates"
CUT_OFF: Final = "the process ended before the search did: look for duplicates again"


class DuplicateJobs:
    """Runs searches for duplicates as jobs, one at a time; each stores what it finds in the library."""

    def __init__(self, service: "Duplicates", jobs: JobRunner) -> None:
        self._service = service
        self._jobs = jobs
        self._lock = threading.Lock()
        self._failure: DuplicateSearch | None = None  # of the last search, which a full disk may not have taken down
        jobs.add(JobKind(name=KIND, work=self._work, arguments=DuplicateOrder, can_resume=lambda _: False))

    def order(self, keep: KeepRule) -> DuplicatesOut:
        """Start a search, unless one is running."""
        with self._lock:
            if self._running() is None:
                self._failure = None
                self._jobs.order(KIND, {"keep": keep})
        return self.view()

    def cancel(self) -> DuplicatesOut:
        """Stop the search that is running, if there is one, and wait for its end."""
        if (job := self._running()) is not None:
            self._jobs.cancel(job.id)
            self._jobs.wait(job.id)
        return self.view()

    def view(self) -> DuplicatesOut:
        """Return the last search, or the running one, and the counts of groups."""
        job = self._running()
        progress = None if job is None else self._jobs.progress(job)
        search, counts = self._service.last_search()
        if job is not None:
            search = DuplicateSearch("running")
        elif self._failure is not None:
            search = self._failure
        elif search.status == "running":
            search = DuplicateSearch("failed", error=CUT_OFF)
        return DuplicatesOut(
            status=search.status,
            phase=None if progress is None else progress.phase,
            done=0 if progress is None else progress.done,
            total=None if progress is None else progress.total,
            groups=counts.groups,
            pictures=counts.pictures,
            open=counts.open,
            finished_at=search.finished_at,
            error=to_wire(search.error) if search.error else None,
        )

    def _running(self) -> "Job | None":
        """Return the search that waits, runs, or is about to end."""
        last = next(iter(self._jobs.all(KIND, limit=1)), None)
        if last is None or (last.status not in ("queued", "running") and not self._jobs.works_at(last.id)):
            return None
        return last

    def _work(self, run: JobRun) -> bool:
        self._failure = None
        try:
            report = self._service.find(
                run.job.arguments["keep"],
                lambda tally: run.tell(tally.done, tally.total, phase=tally.phase),
                run.stop,
            )
        except YunmengError as exc:
            self._failure = DuplicateSearch("failed", datetime.now(UTC), str(exc))
            raise
        if not report.interrupted:
            run.tell(report.pictures, report.pictures)
        run.settle()
        return not report.interrupted
