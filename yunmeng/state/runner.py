"""Background jobs: one of each kind at a time, each on a thread of its own; they survive the end of the process."""

import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from yunmeng.errors import LibraryMoved, StateError, StateUnreachable, StoreUnreachable, YunmengError
from yunmeng.state.database import Failure, Job, Progress, State

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["JobKind", "JobProgress", "JobRun", "JobRunner"]

_MOST: Final = 2**31
"""The first number that no job can have."""
LOOK_EVERY: float = 2.0
"""Seconds between two looks at what other processes have left or ordered, where they share the state."""
AGAIN_AFTER: float = 5.0
"""Seconds for which a job waits whose store did not answer, before it goes on."""


@dataclass(frozen=True, slots=True)
class JobProgress:
    """The progress of a job: ``done`` of ``total``, None until it is known, without skipped and failed ones."""

    phase: str | None = None
    total: int | None = None
    done: int = 0
    skipped: int = 0
    failed: int = 0


@dataclass(slots=True)
class JobRun:
    """A job that is running. Its kind's function checks ``stop``, and reports the progress."""

    job: Job
    state: State
    stop: threading.Event = field(default_factory=threading.Event)
    progress: JobProgress = field(default_factory=JobProgress)

    def tell(
        self, done: int, total: int | None = None, *, phase: str | None = None, skipped: int = 0, failed: int = 0
    ) -> None:
        """Report the progress."""
        self.progress = JobProgress(phase, total, done, skipped, failed)

    def fail(self, what: str, reason: str) -> None:
        """Note one input that could not be used."""
        self.state.checkpoint(self.job.id, self._settled(), [Failure(what, reason)])

    def settle(self) -> None:
        """Write the progress to the state database."""
        self.state.checkpoint(self.job.id, self._settled())

    def _settled(self) -> Progress:
        done = self.progress
        return Progress(done.done, done.skipped, done.failed, self.job.progress.last_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """A kind of background work.

    Attributes:
        name: At most 32 characters; no two kinds have the same.
        work: Does a job, and returns whether it came to its end; it does not if ``stop`` was set. A `YunmengError` that
            it raises is why the job failed, except `StateUnreachable`, `StoreUnreachable` and `LibraryMoved`: it goes
            on after these, if it can.
        arguments: What ``POST /v1/jobs`` takes for it; None where it is ordered elsewhere only.
        prepare: Turns these into what is kept of them as JSON. Raises `YunmengError` for what cannot be done.
        can_resume: Whether a job can go on that was stopped, also by the end of the process, which is then done.
        beside: Kinds whose jobs do not run at the same time, in whichever process.
    """

    name: str
    work: Callable[[JobRun], bool]
    arguments: "type[BaseModel] | None" = None
    prepare: "Callable[[Any], Mapping[str, Any]]" = lambda arguments: arguments.model_dump(mode="json")
    can_resume: Callable[[Job], bool] = lambda _: True
    beside: Collection[str] = ()


class JobRunner:
    """Runs the jobs of the state database, of the kinds that were added.

    A job that was interrupted by the end of the process goes on when the next runner starts, if its kind can resume it;
    a cancelled job waits until somebody resumes it. Threads may share a runner.

    Where processes share the state, each job is taken by one of their runners; if that dies, or ends, another one takes
    what can go on.
    """

    def __init__(self, state: State, on_event: Callable[[str, Job, Exception | None], None]) -> None:
        """Take the jobs of ``state``. ``on_event`` is called with the changes of jobs, in a few words: for a log."""
        self._state = state
        self._on_event = on_event
        self._kinds: dict[str, JobKind] = {}
        self._changed = threading.Condition(threading.RLock())
        self._threads: dict[str, threading.Thread] = {}
        self._runs: dict[str, JobRun] = {}  # one for each kind that is at work
        self._resumed: set[int] = set()  # while they were about to end, cancelled
        self._looking: threading.Thread | None = None
        self._started = self._ending = False

    def add(self, kind: JobKind) -> None:
        """Add a kind of jobs."""
        self._kinds[kind.name] = kind

    def kind(self, name: str) -> JobKind | None:
        """Return the kind of this name."""
        return self._kinds.get(name)

    def start(self) -> None:
        """Begin, with the jobs that the last process has left."""
        with self._changed:
            self._started = True
            if self._state.shared:
                self._looking = threading.Thread(target=self._look, name="yunmeng-jobs")
                self._looking.start()
                return
            for name, kind in self._kinds.items():
                for job in self._state.jobs(name):
                    if job.status in ("queued", "running", "interrupted"):
                        self._take_up(job, goes_on=kind.can_resume(job))
                self._wake(name)

    def stop(self) -> None:
        """Stop the running jobs at a clean place, and end their threads."""
        with self._changed:
            self._ending = True
            for run in self._runs.values():
                run.stop.set()
            threads = [*self._threads.values(), *([self._looking] if self._looking else [])]
            self._changed.notify_all()
        for thread in threads:
            thread.join()

    def order(self, kind: str, arguments: Mapping[str, Any]) -> Job:
        """Queue a new job; ``arguments`` are as its kind has prepared them."""
        with self._changed:
            job = self._state.queue_job(kind, arguments)
            self._wake(kind)
        return job

    def cancel(self, number: int) -> bool:
        """Cancel a job that runs or waits. It stays cancelled even if the process ends.

        Returns False if it is over.
        """
        with self._changed:
            job = self.find(number)
            if job is None or job.status not in ("queued", "running"):
                return False
            self._state.finish_job(number, "cancelled")
            self._resumed.discard(number)
            if (run := self._run(number)) is not None:
                run.stop.set()
            self._changed.notify_all()
        return True

    def resume(self, number: int) -> bool:
        """Continue a job that stopped. Returns False if it runs, waits or is done."""
        with self._changed:
            job = self.find(number)
            if job is None or not self.can_resume(job):
                return False
            self._state.requeue_job(number)
            if self.works_at(number):
                self._resumed.add(number)
            self._wake(job.kind)
        return True

    def can_resume(self, job: Job) -> bool:
        """Return whether a job has stopped before its end, and can go on."""
        stopped = job.status in ("interrupted", "cancelled", "failed")
        return stopped and job.kind in self._kinds and self._kinds[job.kind].can_resume(job)

    def wait(self, number: int) -> None:
        """Wait until a job is over, or the runner ends."""

        def over() -> bool:
            job = self._state.job(number)
            waits = job is not None and job.status in ("queued", "running")
            return self._ending or not (waits or self.works_at(number))

        every = LOOK_EVERY if self._state.shared else None  # another process may end it, which tells nobody here
        with self._changed:
            while not self._changed.wait_for(over, every):
                pass

    def works_at(self, number: int) -> bool:
        """Return whether a job is running, or has been cancelled and is about to end."""
        return self._run(number) is not None

    def at_work(self, *kinds: str) -> bool:
        """Return whether a job of one of these kinds is running."""
        return any(kind in self._runs for kind in kinds)

    def unfinished(self, kind: str) -> int:
        """Return how many jobs of a kind run or wait."""
        return sum(job.status in ("queued", "running") for job in self._state.jobs(kind))

    def find(self, number: int, *kinds: str) -> Job | None:
        """Return the job of this number, if there is one (of these kinds)."""
        job = self._state.job(number) if number < _MOST else None
        return job if job is not None and job.kind in (kinds or self._kinds) else None

    def all(self, *kinds: str, limit: int = 100) -> list[Job]:
        """Return the jobs (of these kinds), newest first."""
        return self._state.jobs(*(kinds or self._kinds), limit=limit)

    def failures(self, number: int, limit: int) -> list[Failure]:
        """Return the inputs that a job could not use."""
        return self._state.failures(number, limit)

    def progress(self, job: Job) -> JobProgress | None:
        """Return the progress of a job that is running; None for any other."""
        run = self._run(job.id)
        return run.progress if run is not None and job.status in ("queued", "running") else None

    def _take_up(self, job: Job, *, goes_on: bool) -> None:
        """Continue a job that the last process has left, or note that it does not go on."""
        if goes_on and job.status != "queued":
            self._state.requeue_job(job.id)
        if not goes_on and job.status != "interrupted":
            self._state.finish_job(job.id, "interrupted")

    def _look(self) -> None:
        """Take what other processes have ordered, and what the dead have left."""
        while True:
            free: Collection[str] = ()
            with suppress(StateError):  # the database is away: it may be back at the next look
                free = self._state.free_jobs(self._kinds)
            with self._changed:
                for kind in free:
                    self._wake(kind, known=True)
                if self._changed.wait_for(lambda: self._ending, LOOK_EVERY):
                    return

    def _run(self, number: int) -> JobRun | None:
        return next((run for run in list(self._runs.values()) if run.job.id == number), None)

    def _wake(self, kind: str, *, known: bool = False) -> None:
        if not self._started or self._ending or kind in self._threads:
            return
        if known or self._oldest(kind) is not None:
            self._threads[kind] = threading.Thread(target=self._work, args=(kind,), name=f"yunmeng-{kind}")
            self._threads[kind].start()

    def _oldest(self, kind: str) -> Job | None:
        queued = [job for job in self._state.jobs(kind) if job.status == "queued"]
        return queued[-1] if queued else None

    def _work(self, kind: str) -> None:
        while (run := self._next(kind)) is not None:
            self._do(run)

    def _next(self, kind: str) -> JobRun | None:
        """Return the next job; None ends the thread."""
        job = None
        with self._changed:
            with suppress(StateError):  # a full disk, say: the next order may fare better
                job = None if self._ending else self._taken(kind) if self._state.shared else self._oldest(kind)
            if job is None:
                del self._threads[kind]
                return None
            self._runs[kind] = run = JobRun(job, self._state)
            self._state.at_work.add(job.id)
            return run

    def _taken(self, kind: str) -> Job | None:
        """Return a job that is now ours, past those of dead processes that cannot go on."""
        while (job := self._state.take_job(kind, self._kinds[kind].beside)) is not None:
            if job.status == "queued" or self._kinds[kind].can_resume(job):
                return job
            self._state.finish_job(job.id, "interrupted")
        return None

    def _hand_on(self, job: Job) -> None:
        """Let another process go on with a job that ends as this one does."""
        now = self._state.job(job.id)
        if now is not None and now.status == "interrupted" and self._kinds[job.kind].can_resume(job):
            self._state.requeue_job(job.id)

    def _do(self, run: JobRun) -> None:
        job = run.job
        error: Exception | None = None
        event = "failed"
        try:
            self._state.resume_job(job.id)
            self._on_event("begins", job, None)
            with self._state.holding(job.id, run.stop):
                ended = self._kinds[job.kind].work(run)
                event = "done" if ended else "interrupted"
                self._state.finish_job(job.id, "done" if ended else "interrupted")
            if self._ending and self._state.shared:
                self._hand_on(job)
        except (StateUnreachable, StoreUnreachable, LibraryMoved) as exc:
            error, event = exc, "interrupted"
            with suppress(StateError):  # else its lease ends: when the database is back, some runner takes it up again
                self._state.finish_job(job.id, "interrupted")
                self._hand_on(job)
        except Exception as exc:  # whatever it is must not end the thread, and with it all jobs to come
            error = exc
            told = str(exc) if isinstance(exc, YunmengError) else f"an error inside the server: {type(exc).__name__}"
            with suppress(StateError):  # as above: the job is found unfinished at the next start
                self._state.finish_job(job.id, "failed", told)
        self._on_event(event, job, error)
        with self._changed:
            if job.id in self._resumed and not self._ending:  # what it ended as was written over that
                with suppress(StateError):  # as above
                    self._state.requeue_job(job.id)
            self._resumed.discard(job.id)
            del self._runs[job.kind]
            self._state.at_work.discard(job.id)
            self._changed.notify_all()
            if isinstance(error, StoreUnreachable):
                self._changed.wait_for(lambda: self._ending, AGAIN_AFTER)
