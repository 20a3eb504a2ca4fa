"""Progress bars on stderr, and stopping on a signal."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

if TYPE_CHECKING:
    from yunmeng.ingest.pipeline import Tally

__all__ = ["counting_progress", "indexing_progress", "stage_progress", "stop_on_signal"]


class _RateColumn(ProgressColumn):
    """Pictures a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s", style="cyan")


def _bar() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _RateColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),  # a log file wants the summary, not a thousand redrawn lines
        refresh_per_second=5,
    )


@contextmanager
def indexing_progress() -> Iterator[Callable[["Tally"], None]]:
    """Show a bar for `Library.index`: number, rate, time left, failures."""
    with _bar() as bar:
        task = bar.add_task("Indexing", total=None, note="")

        def show(tally: "Tally") -> None:
            done = tally.indexed + tally.skipped + tally.failed
            total = None if tally.total is None else max(tally.total, done)
            notes = [f"{tally.skipped:,} skipped"] * bool(tally.skipped) + [f"[red]{tally.failed:,} failed"] * bool(
                tally.failed
            )
            name = "Indexing" if tally.phase == "indexing" else "Building the search index"
            bar.update(task, completed=done, total=total, note=", ".join(notes), description=name)

        yield show


@contextmanager
def counting_progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar for work that is done one by one; called with how many are done, and how many there are."""
    with _bar() as bar:
        task = bar.add_task(what, total=None, note="")
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def stage_progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar for each stage of some work; called with its name, how many are done in it, and how many there are."""
    with _bar() as bar:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage.capitalize(), total=None, note="")
            bar.update(tasks[stage], completed=done, total=total)

        yield show


@contextmanager
def stop_on_signal() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C or SIGTERM sets, so that a run can stop cleanly. A second signal ends it at once."""
    stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        Console(stderr=True).print("\nStopping after what is in work (press Ctrl-C again to stop at once) ...")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
