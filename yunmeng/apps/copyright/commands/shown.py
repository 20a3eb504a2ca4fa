"""Works and entries as the commands show them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from yunmeng.terminal.options import print_json, print_table, printable

if TYPE_CHECKING:
    from yunmeng.apps.copyright.service import Works
    from yunmeng.apps.copyright.types import Entry, TreeHead, Work
    from yunmeng.apps.copyright.watching.tables import Finding

__all__ = ["entry_as_json", "finding_line", "opened", "print_head", "print_rows", "print_work", "work_as_json"]


@contextmanager
def opened(db: str) -> "Iterator[Works]":
    """Open a library, and yield its works."""
    from yunmeng.apps.copyright.service import Works
    from yunmeng.library.library import Library

    with Library.open(db) as library:
        yield Works(library)


def work_as_json(work: "Work") -> dict[str, Any]:
    """Return a work as values for JSON."""
    return {
        "work": work.number,
        **work.details.as_dict(),
        "registered_at": work.registered_at,
        "withdrawn": work.withdrawn,
        "entries": list(work.entries),
        "picture": dict(work.picture),
    }


def entry_as_json(entry: "Entry") -> dict[str, Any]:
    """Return an entry as values for JSON, with its hash."""
    return {**entry.content, "hash": entry.leaf.hex()}


def print_rows(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; nothing if it has no rows."""
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold", justify="right" if name in ("work", "chance") else "left")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    print_table(table)


def print_work(work: "Work", *, as_json: bool) -> None:
    """Print a work."""
    if as_json:
        print_json(work_as_json(work))
        return
    click.echo(f"Work {work.number}, registered {work.registered_at}{', withdrawn' if work.withdrawn else ''}")
    told = {**work.details.as_dict(), "picture": work.picture["id"], "SHA-256": work.picture["sha256"]}
    for name, value in told.items():
        if value:
            click.echo(f"{name}: {printable(value)}")


def print_head(head: "TreeHead") -> None:
    """Print a tree head."""
    click.echo(f"Tree head: {head.size:,} entries, {head.root.hex()}")


def finding_line(finding: "Finding") -> str:
    """Return a finding as a line."""
    found = finding.found
    done = ", ".join(edit["detail"] for edit in found["edits"])
    said = f"{finding.source}: {found['chance']:.0%} work {finding.work}, {found['title'] or found['id']}"
    return printable(f"finding {finding.number}: {said}, of {found['owner']}{f' ({done})' if done else ''}")
