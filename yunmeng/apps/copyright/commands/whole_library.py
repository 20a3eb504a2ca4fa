"""The check of a whole library, as `yunmeng copyright check --library` does it."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from yunmeng.apps.copyright.commands.shown import finding_line, opened
from yunmeng.terminal.options import print_failures, print_json

if TYPE_CHECKING:
    from yunmeng.apps.copyright.watching.tables import Finding

__all__ = ["check_whole_library"]


def check_whole_library(db: str, other: str, *, as_json: bool) -> int:
    """Check the pictures of the library at ``other`` against the works of ``db``, which may be the same one."""
    from yunmeng.apps.copyright.watching.webhook import event_of
    from yunmeng.library.library import Library
    from yunmeng.terminal.progress import counting_progress, stop_on_signal
    from yunmeng.types import Failure

    found: list[Finding] = []
    failures: list[Failure] = []

    def on_event(event: "Finding | Failure") -> None:
        if isinstance(event, Failure):
            failures.append(event)
        else:
            found.append(event)

    with ExitStack() as stack:
        works = stack.enter_context(opened(db))
        library = None if Path(other).resolve() == Path(db).resolve() else stack.enter_context(Library.open(other))
        stop = stack.enter_context(stop_on_signal())
        show = stack.enter_context(counting_progress("Checking"))
        tally = works.check_library(
            on_event, library, stop=stop, on_check=lambda one: show(one.checked + one.skipped + one.failed, one.total)
        )
    if as_json:
        print_json(
            {
                "checked": tally.checked,
                "skipped": tally.skipped,
                "interrupted": tally.interrupted,
                "findings": [event_of(finding) for finding in found],
                "failed": [{"path": failure.path, "reason": failure.reason} for failure in failures],
            }
        )
    else:
        for finding in found:
            click.echo(finding_line(finding))
        print_failures(failures)
        counts = f"{tally.checked:,} checked, {len(found):,} findings, {tally.skipped:,} known already"
        click.echo(f"{counts}, {tally.failed:,} failed")
        if tally.interrupted:
            click.echo("Stopped: the same command goes on from here", err=True)
    return 1 if failures or tally.interrupted else 0
