"""Leases of jobs, where many processes share the state: whoever runs a job says again and again that it is alive."""

import logging
import secrets
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, DateTime, func

from yunmeng.errors import StateError
from yunmeng.types import Closing

__all__ = ["BEAT", "LEASE", "Leases", "lease_end", "now_there"]

LEASE: float = 30.0
"""Seconds after which the process that runs a job counts as dead if it has said nothing."""
BEAT: float = 5.0
"""Seconds between two such words."""

_log = logging.getLogger(__name__)


def now_there() -> ColumnElement[object]:
    """Return the time by the clock of the database, the only one that all processes have in common."""
    return func.clock_timestamp(type_=DateTime(timezone=True))


def lease_end() -> ColumnElement[object]:
    """Return when a lease ends that begins now."""
    return now_there() + timedelta(seconds=LEASE)


class Leases(Closing):
    """The leases that this process holds. Threads may share it.

    ``renew`` prolongs the leases of some jobs, and returns those that it could prolong: the others were taken over or
    cancelled by another process. Raises `StateError`.
    """

    def __init__(self, renew: Callable[[Collection[int]], Collection[int]]) -> None:
        self.runner: Final = secrets.token_hex(16)
        """The name of this process in the database."""
        self._renew = renew
        self._lock = threading.Lock()
        self._held: dict[int, threading.Event] = {}
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def holding(self, job: int, stop: threading.Event) -> Iterator[None]:
        """Keep the lease of a job meanwhile; ``stop`` is set when it is lost."""
        with self._lock:
            mine = job not in self._held  # or whoever runs the job holds it already
            self._held.setdefault(job, stop)
            if self._thread is None:
                self._thread = threading.Thread(target=self._beat, name="yunmeng-leases", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            if mine:
                with self._lock:
                    del self._held[job]

    def close(self) -> None:
        """End the thread. What is still held expires."""
        self._ending.set()
        thread = self._thread
        if thread is not None:
            thread.join()

    def _beat(self) -> None:
        while not self._ending.wait(BEAT):
            with self._lock:
                held = dict(self._held)
            if not held:
                continue
            try:
                kept = set(self._renew(list(held)))
            except StateError as exc:  # while the database is away, nobody else can take the jobs either
                _log.warning("the leases of jobs cannot be renewed: %s", exc)
                continue
            with self._lock:
                for job in held.keys() - kept:
                    if self._held.get(job) is held[job]:
                        held[job].set()
