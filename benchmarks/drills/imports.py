"""Imports under which components are killed: one that servers do, and one that a command does on a cluster."""

import json
import os
import subprocess
import sys
import time
from abc import abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.drills.ground import Server, check
from benchmarks.drills.site import HURRIED, Site
from yunmeng.errors import YunmengError
from yunmeng.types import Closing

__all__ = ["CommandImport", "Import", "JobImport"]

PAUSE: Final = 1.0
"""Seconds that a supervisor waits before it starts a command again."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The pictures that a run has acknowledged: new ones, and those that it found in."""

    indexed: int = 0
    skipped: int = 0

    @property
    def done(self) -> int:
        return self.indexed + self.skipped


class Import(Closing):
    """An import of a folder in as many runs as it takes: each begins anew, and skips what is in.

    ``before`` is what earlier ones of these have acknowledged, ``now`` what the last one has by now.
    """

    def __init__(self, site: Site, source: Path) -> None:
        self.total: Final = sum(1 for _ in source.iterdir())
        self.over = False
        self.runs = 1
        self.before = 0
        self.now = Counts()
        self._site = site
        self._source = source

    def look(self) -> bool:
        """Learn what is acknowledged by now, do what a supervisor would do, and return whether the import is over."""
        self.over = self.over or self._look()
        return self.over

    @abstractmethod
    def _look(self) -> bool: ...

    def check_report(self) -> None:
        """Check that a finished import has all pictures, and that the last run skipped what was acknowledged before."""
        check(self.now.done == self.total, f"all {self.total} pictures of {self._source.name}, not {self.now}")
        check(self.now.skipped >= self.before, f"{self.before} pictures that are in not encoded again, not {self.now}")

    def close(self) -> None:
        """End what is left of it."""

    def _saw(self, counts: Counts, *, new_run: bool) -> None:
        if new_run:
            self.before = max(self.before, self.now.done)
            self.runs += 1
        self.now = counts


class JobImport(Import):
    """A job of the servers: when the one that does it dies, the other goes on with it."""

    def __init__(self, site: Site, source: Path) -> None:
        super().__init__(site, source)
        with site.servers[0].client() as client:
            self._number = client.start_import([source]).number

    def _look(self) -> bool:
        over = False
        for server in self._site.servers:
            with suppress(YunmengError), server.client(retries=0, timeout=60) as client:
                found = client.get_import(self._number)
                over |= found.status == "done"
                going = found.status in ("queued", "running", "interrupted", "done")
                check(going, f"an import that goes on, not one that is {found.status}: {found.error}")
                check(not found.failed, f"no picture refused, not: {found.failed}")
                counts = Counts(found.indexed, found.skipped)
                if found.total is not None:  # told by the server that does it, or at the end
                    # A run skips what is in before it comes to what is new.
                    skips_again = counts.skipped > self.now.skipped and self.now.indexed > 0
                    self._saw(counts, new_run=skips_again or counts.indexed < self.now.indexed)
        return over

    def server(self) -> Server | None:
        """Return the server that does it now."""
        for server in self._site.servers:
            with suppress(YunmengError), server.client(retries=0, timeout=60) as client:
                found = client.get_import(self._number)
                if found.status == "running" and found.total is not None:
                    return server
        return None


class CommandImport(Import):
    """``yunmeng index`` with a worker of the cluster, which a supervisor starts again until it has done all."""

    def __init__(self, site: Site, source: Path) -> None:
        super().__init__(site, source)
        self._log = source.with_suffix(".log")
        self._before = self._newest().number
        self._job: int | None = None
        self.process = self._start()

    def _look(self) -> bool:
        with suppress(YunmengError):
            job = self._newest()
            if job.number > self._before:
                counts = Counts(job.done - job.skipped - job.failed, job.skipped)
                self._saw(counts, new_run=self._job is not None and job.number != self._job)
                self._job = job.number
        code = self.process.poll()
        if code is None:
            return False
        if code != 0:
            self._check_end(code)
            time.sleep(PAUSE)
            self.process = self._start()
            return False
        told = self.process.stdout.read() if self.process.stdout else ""
        check(told.startswith("{"), f"a report in JSON, not {told[:300]!r}; stderr: {self._log.read_text()[-300:]!r}")
        report = json.loads(told)
        check(not report["failed"], f"no picture refused, not: {report['failed'][:1]}")
        self.now = Counts(report["indexed"], report["skipped"])
        return True

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _start(self) -> "subprocess.Popen[str]":
        where = ("--db", str(self._site.library), "--runner", "ray", "--address", self._site.cluster, "--workers", "1")
        with self._log.open("w") as log:
            return subprocess.Popen(
                [sys.executable, "-m", HURRIED, "index", str(self._source), *where, "--json"],
                env={**os.environ, **self._site.environment},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def _check_end(self, code: int) -> None:
        """Check that a command that did not get through was killed, or says why in its last line, below warnings."""
        self.close()
        said = self._log.read_text().strip().splitlines()
        told = code == 2 and said[-1:] != [] and said[-1].startswith("yunmeng: ")
        check(told or code == -9, f"exit code 2 and a last line that says why, not {code}: {' '.join(said)[-500:]}")

    def _newest(self) -> Any:
        """Return the newest job of commands, as one of the servers tells of it."""
        *first, last = self._site.servers
        for server in first:
            with suppress(YunmengError), server.client(retries=0, timeout=60) as client:
                return client.jobs("index", limit=1)[0]
        with last.client(retries=0, timeout=60) as client:
            return client.jobs("index", limit=1)[0]
