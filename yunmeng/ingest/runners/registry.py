"""The list of runners."""

from collections.abc import Callable
from pkgutil import resolve_name
from typing import Final

from yunmeng.errors import QueryError
from yunmeng.ingest.runners.protocol import Runner, RunnerOptions, Setup
from yunmeng.types import RunnerName

__all__ = ["RUNNERS", "remote_runner"]

RUNNERS: Final[dict[RunnerName, str | None]] = {
    "local": None,
    "ray": "yunmeng.ingest.runners.ray:RayRunner",
}
"""The runners, by name; None is the one in this process, which needs nothing to be set up."""


def remote_runner(name: RunnerName, setup: Callable[[], Setup], options: RunnerOptions) -> Runner | None:
    """Return a runner, or None for that of this process.

    Raises `QueryError` for an unknown one and for options that it does not have.
    """
    if name not in RUNNERS:
        raise QueryError(f"there is no runner {name!r}, only {', '.join(RUNNERS)}")
    if options.workers is not None and options.workers < 1:
        raise QueryError(f"workers must be 1 or more, not {options.workers}")
    place = RUNNERS[name]
    if place is None:
        if options != RunnerOptions():
            raise QueryError(f"an address and a number of workers are for a cluster, not for the runner {name}")
        return None
    runner: Runner = resolve_name(place)(setup(), options)
    return runner
