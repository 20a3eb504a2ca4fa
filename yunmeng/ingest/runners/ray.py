"""The runner on a Ray cluster: this process reads files and keeps the library, workers decode and encode.

This process reads the files since it needs their bytes in any case: their SHA-256 tells whether a picture is known. So
workers need no share of the disk, and pictures from the web and uploads take the same way. The only module that imports
``ray``.
"""

import logging
import os
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from yunmeng.encoders.foreign import one_line, quiet
from yunmeng.errors import ClusterError, MissingExtra, YunmengError
from yunmeng.ingest.decisions import New, Undecoded
from yunmeng.ingest.runners.protocol import Outcome, Runner, RunnerOptions, Setup
from yunmeng.ingest.runners.tasks import Batches, Task
from yunmeng.ingest.runners.worker import Worker
from yunmeng.version import __version__

__all__ = ["RayRunner"]

_DEEP: Final = 2
"""Tasks at one worker: one that runs and one whose bytes are there already when it is done."""
_LOOK: Final = 0.02  # seconds between two looks for new tasks while a worker might be free
_GRACE: Final = 5.0
"""Seconds that workers have to finish what they have when the run is stopped."""
_STARTS: Final = 3
"""Workers that may die in a row before they are ready; more is no chance."""
_START_SECONDS: Final = 120.0
"""Longest time without any worker: a node may be added meanwhile."""
_CONNECT_SECONDS: Final = 10.0
_STORE_BYTES: Final = 160_000_000
"""Memory for files on their way to one worker: `_DEEP` batches of 64 MB, and some room."""
_DEVICES: Final = ("cuda", "tensorrt")
"""Providers that need a GPU of Ray's."""


@dataclass(slots=True)
class _Member:
    """One worker. ``started`` is set until it is ready; ``tasks`` are those it has, the one that runs first."""

    actor: Any
    started: Any
    tasks: deque[tuple[Any, Task]] = field(default_factory=deque)

    @property
    def awaited(self) -> Any:
        """The result that comes next from it, if there is one."""
        return self.started if self.started is not None else self.tasks[0][0] if self.tasks else None


class RayRunner(Runner):
    """Sends batches to workers of a Ray cluster, and a lost worker's batch to another.

    Without an address, and where the variable RAY_ADDRESS names none, a cluster of this machine alone is started, and
    ended by `close`. Each worker has ``settings.threads`` cores, or one if that is 0; with cuda or tensorrt it has one
    GPU.
    """

    decodes = True
    ahead = _DEEP

    def __init__(self, setup: Setup, options: RunnerOptions) -> None:
        secret = {"webhook_secret": None, "redis_url": None}  # a worker needs them for nothing
        self._setup = setup._replace(settings=setup.settings.model_copy(update=secret))
        self._options = options
        self._threads = setup.settings.threads or 1
        self._ray: Any = None
        self._owns = False
        self._batches = Batches()
        self._wanted = 0
        self._members: list[_Member] = []
        self._failed_starts = 0
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, stop: threading.Event) -> None:
        """Connect, and start the workers on a thread beside, which also distributes the tasks.

        Raises `MissingExtra`, and `ClusterError` where the cluster cannot be reached.
        """
        self._ray, self._owns = _connect(self._options)
        self._wanted = self._options.workers or self._room()
        self.ahead = _DEEP * self._wanted
        self._thread = threading.Thread(target=self._serve, args=(stop,), name="ray-runner", daemon=True)
        self._thread.start()

    def submit(self, batch: Sequence[New | Undecoded]) -> Future[list[Outcome]]:
        """Send a batch of `Undecoded` files to a worker."""
        return self._batches.add([one for one in batch if isinstance(one, Undecoded)])

    def close(self) -> None:
        """End the workers, and the cluster if it was started here."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
        with quiet():
            for member in self._members:
                self._ray.kill(member.actor)
            self._members = []
            if self._owns:
                self._ray.shutdown()
        self._owns = False

    def _room(self) -> int:
        """Return how many workers the cluster has room for, at least one."""
        resources = self._ray.cluster_resources()
        if self._on_device:
            return max(1, int(resources.get("GPU", 0)))
        return max(1, int(resources.get("CPU", 1)) // self._threads)

    @property
    def _on_device(self) -> bool:
        return self._setup.settings.device in _DEVICES

    def _serve(self, stop: threading.Event) -> None:
        try:
            self._distribute(stop)
        except YunmengError as exc:
            self._batches.end(exc)
        except Exception as exc:  # Ray's own errors, and those of its transport, share no base below Exception
            self._batches.end(ClusterError(f"the Ray cluster failed: {one_line(exc)}"))
        else:
            self._batches.end()

    def _distribute(self, stop: threading.Event) -> None:
        """Start the workers and give them tasks until the run is over, or, once it is stopped, take what they have."""
        self._members = [self._hire() for _ in range(self._wanted)]
        idle_since = time.monotonic()
        while not self._closed.is_set() and not stop.is_set():
            self._assign()
            self._collect()
            if not self._batches or any(member.started is None for member in self._members):
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since > _START_SECONDS:
                raise ClusterError(self._no_room())
        deadline = time.monotonic() + _GRACE
        while not self._closed.is_set() and time.monotonic() < deadline and any(m.tasks for m in self._members):
            self._collect()

    def _hire(self) -> _Member:
        device = {"num_gpus": 1} if self._on_device else {}
        kind = self._ray.remote(Worker).options(num_cpus=self._threads, scheduling_strategy="SPREAD", **device)
        try:
            actor = kind.remote(self._setup, self._threads)
        except (TypeError, AttributeError, ValueError) as exc:  # what pickling raises
            raise ClusterError(f"the encoder cannot be sent to workers: {one_line(exc)}") from exc
        return _Member(actor, actor.start.remote())

    def _assign(self) -> None:
        ready = [member for member in self._members if member.started is None]
        for depth in range(1, _DEEP + 1):  # nobody gets a second task before all have one
            for member in ready:
                if len(member.tasks) < depth and (task := self._batches.take()) is not None:
                    member.tasks.append((member.actor.work.remote(task.files), task))

    def _collect(self) -> None:
        """Take one result, or one death, if there is any by now."""
        awaited = {member.awaited: member for member in self._members if member.awaited is not None}
        if not awaited:
            self._closed.wait(_LOOK)
            return
        for reference in self._ray.wait(list(awaited), num_returns=1, timeout=_LOOK)[0]:
            member = awaited[reference]
            try:
                self._take(member, self._ray.get(reference))
            except self._ray.exceptions.RayTaskError as exc:  # raised by the worker's code
                cause = exc.cause
                if isinstance(cause, YunmengError):
                    raise cause from exc
                raise ClusterError(f"a worker failed: {type(cause).__name__}: {one_line(cause)}") from exc
            except self._ray.exceptions.RayError as exc:
                self._lose(member, exc)

    def _take(self, member: _Member, found: Any) -> None:
        if member.started is None:
            self._batches.finish(member.tasks.popleft()[1], found)
            return
        if found != __version__:
            raise ClusterError(f"a worker has Yunmeng {found}, this is {__version__}: install the same on all nodes")
        member.started, self._failed_starts = None, 0

    def _lose(self, member: _Member, error: Exception) -> None:
        """Replace a worker that is gone, and have its tasks done again. Only what it had begun may be to blame."""
        if member.started is not None:
            self._failed_starts += 1
            if self._failed_starts >= _STARTS:
                raise ClusterError(f"no worker starts: {one_line(error)}") from error
        for _, task in reversed(list(member.tasks)[1:]):
            self._batches.give_back(task)
        if member.tasks:
            self._batches.blame(member.tasks[0][1])
        self._members.remove(member)
        self._members.append(self._hire())

    def _no_room(self) -> str:
        needs = "a GPU" if self._on_device else f"{self._threads} free core{'s' * (self._threads > 1)}"
        return f"the cluster has no node with {needs} for a worker: add nodes, or free some, and run it again"


def _connect(options: RunnerOptions) -> tuple[Any, bool]:
    """Return Ray, connected, and whether the cluster is ours to end."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it reports to its makers otherwise
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # what later versions do; else a warning
    try:
        import ray
        import ray.exceptions
    except ImportError:
        raise MissingExtra("indexing on a Ray cluster", "ray") from None
    if ray.is_initialized():  # by the program that we are part of
        return ray, False
    address = options.address or os.environ.get("RAY_ADDRESS") or "local"
    own: dict[str, Any] = {}
    if address == "local":
        workers = options.workers or os.cpu_count() or 1
        own = {"object_store_memory": workers * _STORE_BYTES, "include_dashboard": False}
    try:
        _check_answers(address)
        with quiet(), _signals_kept():
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **own)
    except Exception as exc:  # its own errors, and the transport's, share no base below Exception
        if own:
            raise ClusterError(f"Ray does not start on this machine: {one_line(exc)}") from exc
        told = f"no Ray cluster can be used at {address}: {one_line(exc)}"
        raise ClusterError(f"{told}; start one with: ray start --head") from exc
    return ray, True


def _check_answers(address: str) -> None:
    """Raise `OSError` unless something listens at ``address``, for which Ray itself would wait for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS).close()


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Keep the handlers of signals: Ray puts its own in the place of that which stops a run cleanly."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
