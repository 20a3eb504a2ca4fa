"""The check of the whole library in the background, as a job."""

from typing import TYPE_CHECKING, Final

from yunmeng.errors import Busy
from yunmeng.state.runner import JobKind, JobRun
from yunmeng.types import Failure

if TYPE_CHECKING:
    from yunmeng.apps.copyright.service import Works
    from yunmeng.apps.copyright.watching.libraries import LibraryTally
    from yunmeng.apps.copyright.watching.tables import Finding
    from yunmeng.state.runner import JobRunner

__all__ = ["KIND", "CheckJobs"]

KIND: Final = "copyright-check"


class CheckJobs:
    """Checks the library as a job, one at a time; one that was stopped goes on where it was."""

    def __init__(self, service: "Works", jobs: "JobRunner") -> None:
        self._service = service
        self._jobs = jobs
        jobs.add(JobKind(name=KIND, work=self._work))

    def order(self) -> int:
        """Start a check, and return the number of its job. Raises `Busy` where one runs or waits."""
        if self._jobs.unfinished(KIND):
            raise Busy("the library is being checked already")
        return self._jobs.order(KIND, {}).id

    def _work(self, run: JobRun) -> bool:
        def on_event(event: "Finding | Failure") -> None:
            if isinstance(event, Failure):
                run.fail(event.path, event.reason)

        def on_check(tally: "LibraryTally") -> None:
            run.tell(tally.checked, tally.total, skipped=tally.skipped, failed=tally.failed)

        tally = self._service.check_library(on_event, on_check=on_check, stop=run.stop)
        run.settle()
        return not tally.interrupted
