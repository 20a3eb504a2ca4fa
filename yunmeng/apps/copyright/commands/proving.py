"""Commands that verify the register, export it, and prove entries."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from yunmeng.apps.copyright.commands.group import copyright
from yunmeng.apps.copyright.commands.shown import entry_as_json, opened, print_head
from yunmeng.terminal.options import db_option, json_option, print_json

if TYPE_CHECKING:
    from yunmeng.apps.copyright.types import TreeHead

__all__ = ["export", "prove", "stamp", "verify"]


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
    with opened(db) as works:
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
        print_head(found.head)
    return 0 if found.sound else 1


@copyright.command(epilog="\b\nExample:\n  yunmeng copyright export register.json --db my-works\n")
@click.argument("file", required=False)
@db_option
def export(file: str | None, db: str) -> None:
    """Write the whole register as one JSON file, or on stdout: entries and tree head."""
    with opened(db) as works:
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
    with opened(db) as works:
        _write(works.prove_consistency(number) if consistency else works.prove(number), file)


@copyright.command(
    epilog="\b\nExample:\n  YUNMENG_TSA_URL=http://tsa.example.com yunmeng copyright stamp --db my-works\n"
)
@db_option
@json_option
def stamp(db: str, as_json: bool) -> None:
    """Ask an authority to confirm when the register was as it is (RFC 3161). YUNMENG_TSA_URL names the authority."""
    with opened(db) as works:
        entry = works.stamp()
    if as_json:
        print_json(entry_as_json(entry))
    else:
        click.echo(f"Entry {entry.number}: stamped at {entry.content['stamped_at']} by {entry.content['authority']}")


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
