"""``yunmeng copyright``."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from yunmeng.terminal.options import db_option, json_option, print_failures, print_json, print_table, printable

if TYPE_CHECKING:
    from yunmeng.apps.copyright.service import Works
    from yunmeng.apps.copyright.types import Entry, TreeHead, Work, WorkMatch
    from yunmeng.types import Failure

__all__ = ["copyright"]

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


@click.group(
    epilog="""\b
Examples:
  yunmeng copyright register works/ --owner "Studio Lin" --licence "CC BY 4.0" --db my-works
  yunmeng copyright check suspect.jpg downloads/ --db my-works
  yunmeng copyright verify --db my-works
  yunmeng copyright prove 17 proof.json --db my-works
"""
)
def copyright() -> None:
    """Register works, prove when and what, and find copies of them.

    The register only grows: each entry holds the hash of the one before it, and all are leaves of a Merkle tree
    (RFC 6962). So it shows when it was touched, and others can check it without Yunmeng: docs/copyright.md.
    """


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
        _print_head(head)
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
    with _works(db) as works:
        _print_work(works.correct(work, **changes), as_json=as_json)


@copyright.command(epilog='\b\nExample:\n  yunmeng copyright withdraw 17 --notes "sold in 2026" --db my-works\n')
@click.argument("work", type=click.IntRange(min=1))
@db_option
@click.option("--notes", default="", help="Why.")
@json_option
def withdraw(work: int, db: str, notes: str, as_json: bool) -> None:
    """Withdraw WORK, a number: a new entry that names the old one, which stays. No check finds it then."""
    with _works(db) as works:
        _print_work(works.withdraw(work, notes), as_json=as_json)


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
    with _works(db) as works:
        found, head = works.all(owner=owner, withdrawn=withdrawn), works.head()
    if as_json:
        print_json({"works": [_as_json(work) for work in found], "tree": head.as_dict()})
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
    _print_rows(["work", "registered", "owner", "title", "licence", "picture"], rows)
    if len(found) > SHOWN_WORKS:
        click.echo(f"... and {len(found) - SHOWN_WORKS:,} more; --json names all of them")
    _print_head(head)


@copyright.command(epilog="\b\nExample:\n  yunmeng copyright show 17 --db my-works\n")
@click.argument("work", type=click.IntRange(min=1))
@db_option
@json_option
def show(work: int, db: str, as_json: bool) -> None:
    """Show WORK, a number, with all its entries."""
    with _works(db) as works:
        found, entries = works.get(work), works.history(work)
    if as_json:
        print_json({**_as_json(found), "history": [_entry_as_json(entry) for entry in entries]})
        return
    _print_work(found, as_json=False)
    for entry in entries:
        click.echo(f"{entry.content['time']}  entry {entry.number}: {entry.kind}, hash {entry.leaf.hex()}")


@copyright.command(
    epilog="""\b
Examples:
  yunmeng copyright verify --db my-works
  yunmeng copyright verify --against register-2025.json --db my-works
"""
)
@db_option
@click.option("--against", metavar="FILE", help="An earlier export, proof or tree head, kept elsewhere.")
@json_option
def verify(db: str, against: str | None, as_json: bool) -> int:
    """Recompute the register, and tell whether and where it was touched. Exit code 1: it was.

    Whoever can write to the database can write all of it anew. That shows against what is kept elsewhere: a tree head,
    an export, or a time stamp.
    """
    earlier = None if against is None else _read_head(Path(against))
    with _works(db) as works:
        found = works.verify(earlier)
    if as_json:
        problems = [
            {"kind": one.kind, "entry": one.number, "last": one.last, "detail": one.detail} for one in found.problems
        ]
        stamps = {"timestamps": found.timestamps, "unchecked_timestamps": found.unchecked}
        print_json({"sound": found.sound, "tree": found.head.as_dict(), "problems": problems, **stamps})
    else:
        for problem in found.problems:
            click.echo(f"{problem.kind}: {problem.detail}")
        click.echo("The register is sound." if found.sound else "The register was touched.")
        if found.timestamps:
            unchecked = f"; {found.unchecked:,} not checked: set YUNMENG_TSA_CERTIFICATES" if found.unchecked else ""
            click.echo(f"Time stamps: {found.timestamps:,}{unchecked}")
        _print_head(found.head)
    return 0 if found.sound else 1


@copyright.command(epilog="\b\nExample:\n  yunmeng copyright export register.json --db my-works\n")
@click.argument("file", required=False)
@db_option
def export(file: str | None, db: str) -> None:
    """Write the whole register as one JSON file, or on stdout: entries and tree head."""
    with _works(db) as works:
        _write(works.export(), file)


@copyright.command(
    epilog="""\b
Examples:
  yunmeng copyright prove 17 proof.json --db my-works
  yunmeng copyright prove 10000 consistency.json --consistency --db my-works
"""
)
@click.argument("number", type=click.IntRange(min=1))
@click.argument("file", required=False)
@db_option
@click.option("--consistency", is_flag=True, help="Prove instead that the first NUMBER entries are still the same.")
def prove(number: int, file: str | None, db: str, consistency: bool) -> None:
    """Write the proof that entry NUMBER, such as that of a work, is in the register: one JSON file, or on stdout."""
    with _works(db) as works:
        _write(works.prove_consistency(number) if consistency else works.prove(number), file)


@copyright.command(
    epilog="\b\nExample:\n  YUNMENG_TSA_URL=http://tsa.example.com yunmeng copyright stamp --db my-works\n"
)
@db_option
@json_option
def stamp(db: str, as_json: bool) -> None:
    """Have an authority confirm when the register was as it is (RFC 3161). YUNMENG_TSA_URL names the authority."""
    with _works(db) as works:
        entry = works.stamp()
    if as_json:
        print_json(_entry_as_json(entry))
    else:
        click.echo(f"Entry {entry.number}: stamped at {entry.content['stamped_at']} by {entry.content['authority']}")


@copyright.command(
    epilog="""\b
Examples:
  yunmeng copyright check suspect.jpg --db my-works
  yunmeng copyright check downloads/ urls.txt --json --db my-works
"""
)
@click.argument("pictures", nargs=-1, required=True, metavar="PICTURE|FOLDER...")
@db_option
@click.option("-k", type=click.IntRange(min=1), default=5, show_default=True, help="How many works at the most.")
@click.option(
    "--min-chance",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    metavar="P",
    help="Leave out works that are less likely to be the original.",
)
@json_option
def check(pictures: tuple[str, ...], db: str, k: int, min_chance: float, as_json: bool) -> int:
    """Tell which registered works pictures were made from: files, folders, lists of URLs (.txt), URLs."""
    found: list[tuple[str, list[WorkMatch]]] = []
    failures: list[Failure] = []
    with _works(db) as works:
        for source, answer in _checked(works, pictures, k, min_chance):
            if isinstance(answer, list):
                found.append((source, answer))
            else:
                failures.append(answer)
        absent = works.absent()
    copies = [(source, matches) for source, matches in found if matches]
    if as_json:
        print_json(
            {
                "checked": len(found),
                "copies": [
                    {"picture": source, "works": [_match_as_json(match) for match in matches]}
                    for source, matches in copies
                ],
                "failed": [{"path": failure.path, "reason": failure.reason} for failure in failures],
                "absent": [work.number for work in absent],
            }
        )
    else:
        _print_copies(copies)
        print_failures(failures)
        click.echo(
            f"{len(found):,} checked, {len(copies):,} of them made from registered works, {len(failures):,} failed"
        )
        if absent:
            click.echo(
                f"{len(absent):,} works cannot be found: their pictures are not in the library any more", err=True
            )
    return 1 if failures else 0


@contextmanager
def _works(db: str) -> "Iterator[Works]":
    from yunmeng.apps.copyright.service import Works
    from yunmeng.library.library import Library

    with Library.open(db) as library:
        yield Works(library)


def _stamp(works: "Works") -> bool:
    from yunmeng.errors import YunmengError

    try:
        works.stamp()
    except YunmengError as exc:
        click.echo(f"Registered, but not stamped: {exc}. Try again: yunmeng copyright stamp", err=True)
        return False
    return True


def _checked(
    works: "Works", pictures: Sequence[str], k: int, min_chance: float
) -> "Iterator[tuple[str, list[WorkMatch] | Failure]]":
    from yunmeng.errors import PictureError
    from yunmeng.ingest.sources import Sources
    from yunmeng.types import Failure

    for entry in Sources(pictures, None, {}).entries():
        try:
            if entry.problem is not None:
                raise entry.problem
            yield entry.source, works.check(entry.uri, k=k, min_chance=min_chance)
        except PictureError as exc:
            if entry.certain:
                yield entry.source, Failure(entry.source, str(exc))


def _as_json(work: "Work") -> dict[str, Any]:
    return {
        "work": work.number,
        **work.details.as_dict(),
        "registered_at": work.registered_at,
        "withdrawn": work.withdrawn,
        "entries": list(work.entries),
        "picture": dict(work.picture),
    }


def _entry_as_json(entry: "Entry") -> dict[str, Any]:
    return {**entry.content, "hash": entry.leaf.hex()}


def _match_as_json(match: "WorkMatch") -> dict[str, Any]:
    work = match.work
    return {
        "work": work.number,
        "owner": work.details.owner,
        "title": work.details.title,
        "licence": work.details.licence,
        "registered_at": work.registered_at,
        "id": match.id,
        "uri": match.uri,
        "chance": match.chance,
        "verdict": match.verdict,
        "difference": match.difference,
        "edits": [{"name": edit.name, "amount": edit.amount, "detail": edit.detail} for edit in match.edits],
    }


def _print_copies(copies: "Sequence[tuple[str, list[WorkMatch]]]") -> None:
    rows = [
        [
            source if rank == 0 else "",
            f"{match.chance:.0%}",
            str(match.work.number),
            match.work.details.owner,
            match.work.details.title or match.id,
            match.work.details.licence,
            match.difference or match.verdict or "",
            ", ".join(edit.detail for edit in match.edits),
        ]
        for source, matches in copies
        for rank, match in enumerate(matches)
    ]
    _print_rows(["picture", "chance", "work", "owner", "title", "licence", "verdict", "what was done"], rows)


def _print_rows(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
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


def _print_work(work: "Work", *, as_json: bool) -> None:
    if as_json:
        print_json(_as_json(work))
        return
    click.echo(f"Work {work.number}, registered {work.registered_at}{', withdrawn' if work.withdrawn else ''}")
    told = {**work.details.as_dict(), "picture": work.picture["id"], "SHA-256": work.picture["sha256"]}
    for name, value in told.items():
        if value:
            click.echo(f"{name}: {printable(value)}")


def _print_head(head: "TreeHead") -> None:
    click.echo(f"Tree head: {head.size:,} entries, {head.root.hex()}")


def _read_head(file: Path) -> "TreeHead":
    """Read a tree head from what `export` or `prove` has written. Raises `SourceError`."""
    from yunmeng.apps.copyright.types import TreeHead
    from yunmeng.errors import SourceError

    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        tree = content.get("tree", content)
        return TreeHead(int(tree["size"]), bytes.fromhex(tree["root"]))
    except OSError as exc:
        raise SourceError(f"cannot read {file}: {exc.strerror}") from exc
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        raise SourceError(f"{file} holds no tree head: give what yunmeng copyright export has written") from exc


def _write(content: dict[str, Any], file: str | None) -> None:
    from yunmeng.errors import SourceError

    if file is None:
        print_json(content)
        return
    try:
        Path(file).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except OSError as exc:
        raise SourceError(f"cannot write {file}: {exc.strerror}") from exc
