"""Batches under way on workers that may die: what is done, what is done again, and what is given up."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Final

from yunmeng.errors import PictureError, Reason
from yunmeng.ingest.decisions import Failed, Undecoded, with_vectors
from yunmeng.ingest.runners.protocol import Outcome
from yunmeng.ingest.runners.worker import Encoded, RawFile

__all__ = ["ATTEMPTS", "Batches", "Task"]

ATTEMPTS: Final = 3
"""Workers that may die of a file, the one that had it in a batch included: one may be chance, or another file's."""


class _Batch:
    """Files whose outcomes are promised together."""

    def __init__(self, files: Sequence[Undecoded]) -> None:
        self.files: Final = files
        self.future: Final[Future[list[Outcome]]] = Future()
        self._outcomes: dict[int, list[Outcome]] = {}

    def settle(self, index: int, outcomes: list[Outcome]) -> None:
        self._outcomes[index] = outcomes
        if len(self._outcomes) == len(self.files):
            self.future.set_result([one for at in range(len(self.files)) for one in self._outcomes[at]])


@dataclass(frozen=True, slots=True)
class Task:
    """Files of a batch, by their places in it, for one worker. ``deaths`` workers have died of them."""

    batch: _Batch
    places: Sequence[int]
    deaths: int = 0

    @property
    def files(self) -> list[RawFile]:
        """What the worker gets."""
        files = (self.batch.files[place] for place in self.places)
        return [RawFile(file.data, [picture.entry.part for picture in file.pictures]) for file in files]


class Batches:
    """Cuts batches into tasks and joins their results. Threads may share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: deque[Task] = deque()
        self._open: set[_Batch] = set()
        self._end: BaseException | None = None

    def __bool__(self) -> bool:
        """Return whether a task waits for a worker."""
        return bool(self._waiting)

    def add(self, files: Sequence[Undecoded]) -> "Future[list[Outcome]]":
        """Return the promise of what becomes of ``files``."""
        batch = _Batch(files)
        with self._lock:
            self._open.add(batch)
            if not files:
                batch.future.set_result([])
            elif self._end is None:
                self._waiting.append(Task(batch, range(len(files))))
        if self._end is not None:
            self.end(self._end)
        return batch.future

    def take(self) -> Task | None:
        """Return the next task, if one waits."""
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def give_back(self, task: Task) -> None:
        """Have a task done by another worker, next."""
        self._waiting.appendleft(task)

    def finish(self, task: Task, found: Sequence[Sequence[Encoded | PictureError]]) -> None:
        """Take the results of a task."""
        for place, parts in zip(task.places, found, strict=True):
            pictures = task.batch.files[place].pictures
            outcomes: list[Outcome] = []
            for picture, one in zip(pictures, parts, strict=True):
                if isinstance(one, PictureError):
                    outcomes.append(Failed.of(picture.entry, one))
                else:
                    outcomes.append(with_vectors(picture.record(one.facts), one.regions, one.vectors))
            self._settle(task.batch, place, outcomes)

    def blame(self, task: Task) -> None:
        """Do a task again whose worker died, each file by itself; give up a file of which `ATTEMPTS` workers died."""
        if task.deaths + 1 < ATTEMPTS:
            for place in reversed(task.places):
                self.give_back(Task(task.batch, (place,), task.deaths + 1))
            return
        error = PictureError(Reason.KILLS, f"{ATTEMPTS} workers died while they had this picture")
        for place in task.places:
            pictures = task.batch.files[place].pictures
            self._settle(task.batch, place, [Failed.of(picture.entry, error) for picture in pictures])

    def end(self, error: BaseException | None = None) -> None:
        """Keep no further promise: each raises ``error``, or is cancelled if there is none."""
        with self._lock:
            self._end = error or _Stopped()
            self._waiting.clear()
            unkept = [batch.future for batch in self._take_open() if not batch.future.done()]
        for future in unkept:
            if error is None or isinstance(error, _Stopped):
                future.cancel()
                future.set_running_or_notify_cancel()  # wakes who waits for it
            else:
                future.set_exception(error)

    def _settle(self, batch: _Batch, place: int, outcomes: list[Outcome]) -> None:
        batch.settle(place, outcomes)
        if batch.future.done():
            with self._lock:
                self._open.discard(batch)  # it holds the bytes of its files

    def _take_open(self) -> Iterator[_Batch]:
        while self._open:
            with suppress(KeyError):
                yield self._open.pop()


class _Stopped(Exception):
    """The run is to end."""
