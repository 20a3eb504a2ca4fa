"""``yunmeng dedupe``."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import click

from yunmeng.apps.duplicates.types import KeepRule
from yunmeng.terminal.options import db_option, json_option, print_failures, print_json, printable

if TYPE_CHECKING:
    from yunmeng.apps.duplicates.service import Duplicates
    from yunmeng.apps.duplicates.types import DuplicateGroup, DuplicateReport, DuplicateTally
    from yunmeng.library.library import Library
    from yunmeng.state.database import Failure

__all__ = ["dedupe"]

Applied: TypeAlias = Literal["delete", "move", "tag"]

SHOWN_GROUPS = 50
SHOWN_MEMBERS = 10


@click.command(
    epilog="""\b
Examples:
  yunmeng dedupe --db my-library
  yunmeng dedupe --db my-library --keep sharpest --tag
  yunmeng dedupe --db my-library --move duplicates/
"""
)
@db_option
@click.option(
    "--keep",
    type=click.Choice(get_args(KeepRule)),
    default="largest",
    show_default=True,
    help="Which picture of each group stays.",
)
@click.option("--delete", "applied", flag_value="delete", help="Take the others out of the library; files stay.")
@click.option("--move", metavar="DIR", help="As --delete, and move files.")
@click.option("--tag", "applied", flag_value="tag", help="Give the others an attribute: duplicate_of = id of the one.")
@json_option
def dedupe(db: str, keep: KeepRule, applied: Applied | None, move: str | None, as_json: bool) -> int:
    """Find pictures that are the same: same file, same picture, or edited copies.

    Without --delete, --move or --tag nothing is changed: the groups are shown, the picture that stays first. What was
    taken out can be brought back in the console, on the page of duplicates.
    """
    from yunmeng.apps.duplicates.service import Duplicates
    from yunmeng.library.library import Library
    from yunmeng.terminal.progress import stop_on_signal

    if move is not None and applied is not None:
        raise click.UsageError("give one of --delete, --move and --tag")
    if move == "":
        raise click.UsageError("the folder of --move is empty: name one")
    applied, folder = (applied, None) if move is None else ("move", Path(move).absolute())
    failures: list[Failure] = []
    with Library.open(db) as library, stop_on_signal() as stop:
        duplicates = Duplicates(library)
        with _progress() as on_tally:
            report = duplicates.find(keep, on_tally, stop)
        if applied is not None and not report.interrupted:
            failures = _apply(library, duplicates, report, applied, folder)
    if as_json:
        print_json(_as_json(report, applied, failures))
    else:
        _print_groups(report)
        _print_end(report, applied, folder, db, len(failures))
    print_failures(failures)
    if report.interrupted:
        click.echo("Stopped. Nothing was changed.", err=True)
        return 130
    return 1 if failures else 0


@contextmanager
def _progress() -> "Iterator[Callable[[DuplicateTally], None]]":
    """A bar for each phase."""
    from yunmeng.terminal.progress import counting_progress

    with ExitStack() as bars:
        shown: dict[str, Callable[[int, int], None]] = {}

        def show(tally: "DuplicateTally") -> None:
            if tally.phase not in shown:
                bars.close()
                shown[tally.phase] = bars.enter_context(counting_progress(tally.phase.capitalize()))
            shown[tally.phase](tally.done, tally.total or 0)

        yield show


def _apply(
    library: "Library", duplicates: "Duplicates", report: "DuplicateReport", applied: Applied, folder: Path | None
) -> "list[Failure]":
    """Do to the discarded pictures what was asked for; which of them it could not be done to, and why."""
    failures: list[Failure] = []
    for number, group in zip(report.numbers, report.groups, strict=True):
        ids = [member.id for member in group.discard]
        if applied == "tag":
            library.update_attributes(ids, {"duplicate_of": group.keep})
        elif folder is None:
            duplicates.decide(number, ids)
        else:
            moved = _move(library, group, folder, failures)
            duplicates.decide(number, moved.keys(), moved)
    return failures


def _move(library: "Library", group: "DuplicateGroup", folder: Path, failures: "list[Failure]") -> dict[str, str]:
    """Move the files of a group's discarded pictures; where each is now, by id."""
    from yunmeng.apps.duplicates.move import move_out
    from yunmeng.errors import YunmengError
    from yunmeng.net.fetch import is_url
    from yunmeng.state.database import Failure

    records = library.reader.get_many([member.id for member in group.members])
    kept = records.pop(group.keep, None)
    if kept is None:
        reason = f"not moved: {group.keep}, which was to stay, is gone"
        failures += [Failure(record.uri, reason) for record in records.values()]
        return {}
    moved: dict[str, str] = {}
    places = {kept.uri: kept.uri}  # two pictures may be one file under two ids
    for id, record in records.items():
        if record.uri not in places and not is_url(record.uri):
            try:
                library.original(record)  # raises where another file has taken its place
                places[record.uri] = str(move_out(Path(record.uri), id, folder))
            except (OSError, YunmengError) as exc:
                failures.append(Failure(record.uri, f"not moved: {exc}"))
                continue
        moved[id] = places.get(record.uri, record.uri)
    return moved


def _as_json(report: "DuplicateReport", applied: Applied | None, failures: "list[Failure]") -> dict[str, Any]:
    failed = [{"path": failure.path, "reason": failure.reason} for failure in failures]
    return {
        "groups": [
            {
                "keep": group.keep,
                "discard": [
                    {"id": member.id, "reason": member.reason, "score": round(member.score, 4)}
                    for member in group.discard
                ],
            }
            for group in report.groups
        ],
        "pictures": report.pictures,
        "duplicates": report.duplicates,
        "seconds": round(report.seconds, 3),
        "applied": None if report.interrupted else applied,
        **({"failed": failed} if failed else {}),
    }


def _print_groups(report: "DuplicateReport") -> None:
    for group in report.groups[:SHOWN_GROUPS]:
        for member in group.members[:SHOWN_MEMBERS]:
            what = "keep" if member.id == group.keep else member.reason
            size = "" if member.bytes is None else f"{member.bytes / 1e3:,.0f} kB"
            shape = f"{member.width} x {member.height}"
            click.echo(f"{what:<13}{member.score:>6.3f}  {shape:>13} {size:>11}  {printable(member.id)}")
        if len(group.members) > SHOWN_MEMBERS:
            click.echo(f"... and {len(group.members) - SHOWN_MEMBERS:,} more of this group")
        click.echo()
    if len(report.groups) > SHOWN_GROUPS:
        click.echo(f"... and {len(report.groups) - SHOWN_GROUPS:,} more groups; --json names all of them\n")


def _print_end(report: "DuplicateReport", applied: Applied | None, folder: Path | None, db: str, failed: int) -> None:
    if report.interrupted:
        return
    freed = sum(member.bytes or 0 for group in report.groups for member in group.discard)
    click.echo(
        f"Groups: {len(report.groups):,}; duplicates in them: {report.duplicates:,}, which take {freed / 1e6:,.1f} MB; "
        f"pictures: {report.pictures:,}; seconds: {report.seconds:.1f}."
    )
    done = report.duplicates - failed
    if applied is None and report.groups:
        click.echo(
            "Nothing was changed. To take the duplicates out of the library:\n"
            f"  yunmeng dedupe --db {db} --delete      their files stay, and indexing the folder brings them back\n"
            f"  yunmeng dedupe --db {db} --move DIR    their files are moved to DIR\n"
            f"  yunmeng dedupe --db {db} --tag         they stay, with an attribute duplicate_of"
        )
    elif applied == "delete":
        click.echo(f"{done:,} taken out of the library. Their files stay: indexing them brings them back.")
    elif applied == "move":
        left = f"; {failed:,} left where they are" if failed else ""
        click.echo(f"{done:,} taken out of the library, and their files moved to {folder}{left}.")
    elif applied == "tag":
        click.echo(f"{done:,} tagged with duplicate_of.")
