"""Imports in the background: one at a time, on a thread of their own, and over the end of the process."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import structlog

from yunmeng.errors import YunmengError
from yunmeng.ingest import Roots, Sources, Tally
from yunmeng.library import Library
from yunmeng.schemas import ImportOut, to_wire
from yunmeng.server.errors import Refused
from yunmeng.server.observe import Metrics
from yunmeng.state import Failure, Job

__all__ = ["ImportRunner"]

KIND: Final = "import"
MAINTAINING: Final = 15.0
"""Seconds after which an idle runner makes durable, and indexes, what was added meanwhile."""


class ImportRunner:
    """Works off the imports that the state database holds.

    An import that the server's end cut short, by SIGTERM or by a kill, goes on when the next server starts; one that
    somebody cancelled waits until somebody resumes it.
    """

    def __init__(self, library: Library, metrics: Metrics, within: Roots | None) -> None:
        """``within``: the folders that imports may read; None for all of the disk."""
        self._library = library
        self._metrics = metrics
        self._within = within
        self._changed = threading.Condition()
        self._stop: threading.Event | None = None  # of the import that runs
        self._running: Job | None = None
        self._tally = Tally()
        self._resumed = False  # while it was about to end, cancelled
        self._ending = False
        self._thread = threading.Thread(target=self._work, name="yunmeng-imports")

    def start(self) -> None:
        """Begin, with what the last server has left."""
        for job in self._library.state.jobs(KIND):
            if job.status in ("running", "interrupted"):
                self._library.state.requeue_job(job.id)
        self._thread.start()

    def stop(self) -> None:
        """End the import that runs at a clean place, and the thread."""
        with self._changed:
            self._ending = True
            if self._stop is not None:
                self._stop.set()
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()

    def order(self, paths: Sequence[str], manifest: str | None) -> ImportOut:
        """A new import. Raises `SourceError` if something of it is not there."""
        Sources(list(paths), manifest, self._library.schema, self._within)
        job = self._library.state.queue_job(KIND, {"paths": list(paths), "manifest": manifest})
        self._wake()
        return self._view(job)

    def cancel(self, number: int) -> ImportOut:
        """Stop an import that runs or waits: it is cancelled from now on, whatever becomes of this process.

        Raises `Refused` if it is over.
        """
        with self._changed:
            job = self.find(number)
            if job.status not in ("queued", "running"):
                raise Refused("import-over", f"import {number} is over: it is {job.status}")
            self._library.state.finish_job(number, "cancelled")
            self._resumed = False
            if self.works_at(number) and self._stop is not None:
                self._stop.set()
        return self.view(number)

    def works_at(self, number: int) -> bool:
        """Return whether the import is under way, or has been cancelled and is about to end."""
        return self._running is not None and self._running.id == number

    def resume(self, number: int) -> ImportOut:
        """Have an import that stopped go on. Raises `Refused` if it runs, waits or is done."""
        with self._changed:
            job = self.find(number)
            if job.status in ("queued", "running"):
                raise Refused("import-running", f"import {number} is under way already")
            if job.status == "done":
                raise Refused("import-over", f"import {number} is done: order a new one to look for more")
            self._library.state.requeue_job(number)
            self._resumed = self.works_at(number)
        self._wake()
        return self.view(number)

    def find(self, number: int) -> Job:
        """The import's job. Raises `Refused`."""
        job = self._library.state.job(number) if number < 2**63 else None
        if job is None or job.kind != KIND:
            raise Refused("not-found", f"there is no import {number}")
        return job

    def view(self, number: int) -> ImportOut:
        """An import and how far it has come. Raises `Refused`."""
        return self._view(self.find(number))

    def all(self, limit: int) -> list[ImportOut]:
        """Imports, newest first."""
        return [self._view(job) for job in self._library.state.jobs(KIND, limit=limit)]

    def failures(self, number: int, limit: int) -> list[Failure]:
        """What an import could not use. Raises `Refused`."""
        return self._library.state.failures(self.find(number).id, limit)

    def _view(self, job: Job) -> ImportOut:
        running, tally = self._running, replace(self._tally)
        progress = job.progress
        live = running is not None and running.id == job.id and job.status in ("queued", "running")
        manifest = job.arguments.get("manifest")
        settled = progress.indexed + progress.skipped + progress.failed
        return ImportOut(
            number=job.id,
            sources=[to_wire(path) for path in [*job.arguments["paths"], *([manifest] if manifest else [])]],
            status="running" if live else job.status,
            phase=tally.phase if live else "indexing",
            total=tally.total if live else settled if job.status == "done" else None,
            indexed=tally.indexed if live else progress.indexed,
            skipped=tally.skipped if live else progress.skipped,
            failed=tally.failed if live else progress.failed,
            started_at=job.started_at,
            finished_at=None if live else job.finished_at,
            error=None if job.error is None else to_wire(job.error),
        )

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _work(self) -> None:
        while not self._ending:
            job = self._next()
            if job is None:
                self._maintain()
            else:
                self._run(job)

    def _next(self) -> Job | None:
        """The job whose turn it is; None when there was none for a while, or the end has come."""
        with self._changed:
            if (job := self._oldest()) is None and not self._ending:
                self._changed.wait(MAINTAINING)
                job = self._oldest()
            if job is None or self._ending:
                return None
            self._stop = threading.Event()
            self._resumed = False
            self._tally = Tally()
            self._running = job
            return job

    def _oldest(self) -> Job | None:
        queued = [job for job in self._library.state.jobs(KIND) if job.status == "queued"]
        self._metrics.importing.set(len(queued))
        return queued[-1] if queued else None

    def _run(self, job: Job) -> None:
        log = structlog.get_logger().bind(number=job.id)
        log.info("import begins")
        try:
            report = self._library.writer.index(
                job.arguments["paths"],
                manifest=job.arguments["manifest"],
                on_tally=self._take,
                stop=self._stop,
                job=job,
                within=self._within,
            )
            counts = {"indexed": report.indexed, "skipped": report.skipped, "failed": len(report.failed)}
            for outcome, count in counts.items():
                self._metrics.imported.labels(outcome).inc(count)
            log.info("import interrupted" if report.interrupted else "import done", **counts)
        except YunmengError as exc:
            log.warning("import failed", error=str(exc))
            self._library.state.finish_job(job.id, "failed", str(exc))
        except Exception as exc:  # a bug must not end the thread, and with it all imports to come
            log.exception("import failed", exc_info=exc)
            self._library.state.finish_job(job.id, "failed", f"an error inside the server: {type(exc).__name__}")
        with self._changed:
            if self._resumed and not self._ending:  # what it ended as was written over that
                self._library.state.requeue_job(job.id)
            self._running = self._stop = None

    def _take(self, tally: Tally) -> None:
        self._tally = replace(tally)

    def _maintain(self) -> None:
        try:
            self._library.maintenance.maintain()
        except YunmengError as exc:  # a full disk, say: the next one may fare better
            structlog.get_logger().warning("cannot maintain the library", error=str(exc))
