"""Commands that register works, change and list them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from yunmeng.apps.copyright.commands.group import copyright
from yunmeng.apps.copyright.commands.shown import (
    entry_as_json,
    opened,
    print_head,
    print_rows,
    print_work,
    work_as_json,
)
from yunmeng.terminal.options import db_option, json_option, print_failures, print_json

if TYPE_CHECKING:
    from yunmeng.apps.copyright.service import Works

__all__ = ["correct", "list_works", "register", "show", "withdraw"]

SHOWN_WORKS = 50
DETAILS = {
    "owner": "Who owns the work.",
    "title": "Its title.",
    "licence": "The terms under which it may be used.",
    "date": "When it was made: YYYY, YYYY-MM or YYYY-MM-DD.",
    "notes": "Anything else.",
}

Command = TypeVar("Command", bound=Callable[..., Any])


def detail_options(command: Command) -> Command:
    """Add an option for each detail of a work."""
    for name, help in reversed(DETAILS.items()):
        command = click.option(f"--{name}", help=help)(command)
    return command


@copyright.command(
    epilog="""\b
Examples:
  yunmeng copyright register works/ --owner "Studio Lin" --licence "CC BY 4.0" --db my-works
  yunmeng copyright register works/ --manifest works.csv --db my-works
  yunmeng copyright register works.jsonl --owner "Studio Lin" --db my-works
"""
)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@db_option
@click.option("--manifest", metavar="FILE", help="CSV or JSONL file with a path and the details of each work.")
@detail_options
@json_option
def register(paths: tuple[str, ...], db: str, manifest: str | None, as_json: bool, **details: str | None) -> int:
    """Register works: pictures, folders, or the rows of a manifest (.csv, .tsv, .jsonl).

    Pictures that the library lacks are indexed first; if there is no library yet, one is created. A manifest names a
    picture in each row, as for yunmeng index, and its details in the columns owner, title, licence, date and notes;
    the options hold for rows that leave them empty. What is registered already is skipped, so the same command goes on
    after it was stopped. With YUNMENG_TSA_URL set, the register is stamped at the end.
    """
    from yunmeng.apps.copyright.service import Works
    from yunmeng.apps.copyright.types import Details
    from yunmeng.library.library import Library
    from yunmeng.terminal.progress import indexing_progress, stop_on_signal

    defaults = Details(**{name: value or "" for name, value in details.items()})
    library = Library.open(db) if Library.exists(db) else Library.create(db)
    with library, stop_on_signal() as stop:
        works = Works(library)
        with indexing_progress() as on_tally:
            report = works.register_all(paths, manifest=manifest, defaults=defaults, on_tally=on_tally, stop=stop)
        stamped = _stamp(works) if works.stamps and report.works else True
        head = works.head()
    if as_json:
        failed = [{"path": failure.path, "reason": failure.reason} for failure in report.failed]
        print_json({"works": list(report.works), "skipped": report.skipped, "failed": failed, "tree": head.as_dict()})
    else:
        print_failures(report.failed)
        click.echo(f"{len(report.works):,} registered, {report.skipped:,} skipped, {len(report.failed):,} failed")
        print_head(head)
    if report.interrupted:
        click.echo("Stopped. What was registered is kept; run the same command again to go on.", err=True)
        return 130
    return 1 if report.failed or not stamped else 0


@copyright.command(epilog='\b\nExample:\n  yunmeng copyright correct 17 --title "Bridge at dawn" --db my-works\n')
@click.argument("work", type=click.IntRange(min=1))
@db_option
@detail_options
@json_option
def correct(work: int, db: str, as_json: bool, **details: str | None) -> None:
    """Correct the details of WORK, a number: a new entry that names the old one, which stays."""
    changes = {name: value for name, value in details.items() if value is not None}
    if not changes:
        raise click.UsageError("say what to correct: --owner, --title, --licence, --date or --notes")
    with opened(db) as works:
        print_work(works.correct(work, **changes), as_json=as_json)


@copyright.command(epilog='\b\nExample:\n  yunmeng copyright withdraw 17 --notes "sold in 2026" --db my-works\n')
@click.argument("work", type=click.IntRange(min=1))
@db_option
@click.option("--notes", default="", help="Why.")
@json_option
def withdraw(work: int, db: str, notes: str, as_json: bool) -> None:
    """Withdraw WORK, a number: a new entry that names the old one, which stays. No check finds it then."""
    with opened(db) as works:
        print_work(works.withdraw(work, notes), as_json=as_json)


@copyright.command(
    "list",
    epilog="""\b
Examples:
  yunmeng copyright list --db my-works
  yunmeng copyright list --owner "Studio Lin" --withdrawn --json --db my-works
""",
)
@db_option
@click.option("--owner", help="Only the works of this owner.")
@click.option("--withdrawn", is_flag=True, help="Also works that were withdrawn.")
@json_option
def list_works(db: str, owner: str | None, withdrawn: bool, as_json: bool) -> None:
    """List the registered works."""
    with opened(db) as works:
        found, head = works.all(owner=owner, withdrawn=withdrawn), works.head()
    if as_json:
        print_json({"works": [work_as_json(work) for work in found], "tree": head.as_dict()})
        return
    rows = [
        [
            str(work.number),
            work.registered_at[:10],
            work.details.owner,
            work.details.title,
            work.details.licence,
            work.picture["id"] + (" (withdrawn)" if work.withdrawn else ""),
        ]
        for work in found[:SHOWN_WORKS]
    ]
    print_rows(["work", "registered", "owner", "title", "licence", "picture"], rows)
    if len(found) > SHOWN_WORKS:
        click.echo(f"... and {len(found) - SHOWN_WORKS:,} more; --json names all of them")
    print_head(head)


@copyright.command(epilog="\b\nExample:\n  yunmeng copyright show 17 --db my-works\n")
@click.argument("work", type=click.IntRange(min=1))
@db_option
@json_option
def show(work: int, db: str, as_json: bool) -> None:
    """Show WORK, a number, with all its entries."""
    with opened(db) as works:
        found, entries = works.get(work), works.history(work)
    if as_json:
        print_json({**work_as_json(found), "history": [entry_as_json(entry) for entry in entries]})
        return
    print_work(found, as_json=False)
    for entry in entries:
        click.echo(f"{entry.content['time']}  entry {entry.number}: {entry.kind}, hash {entry.leaf.hex()}")


def _stamp(works: "Works") -> bool:
    from yunmeng.errors import YunmengError

    try:
        works.stamp()
    except YunmengError as exc:
        click.echo(f"Registered, but not stamped: {exc}. Try again: yunmeng copyright stamp", err=True)
        return False
    return True
