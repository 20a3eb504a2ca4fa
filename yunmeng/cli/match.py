"""``yunmeng match``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from yunmeng.cli.compare import check_given, save_evidence, short_name, shown_alignment
from yunmeng.terminal.options import db_option, json_option, print_json, print_table, printable, shown_attributes

if TYPE_CHECKING:
    from yunmeng.types import Hit, Hits

LIKELY = 0.5
"""The chance from which a picture is called an original."""

SHOWN_UNLIKELY = 3
"""Pictures that people are shown where none is likely; --json has them all."""


@click.command(
    epilog="""\b
Examples:
  yunmeng match suspect.jpg --db works
  yunmeng match https://example.com/suspect.jpg --db works --evidence evidence.png
  yunmeng match suspect.jpg --db works --filter "owner = 'studio'" --min-score 0.9 --json
""",
)
@click.argument("picture")
@db_option
@click.option("-k", type=click.IntRange(min=1), default=10, show_default=True, help="How many originals at the most.")
@click.option("--filter", metavar="EXPR", help="Only pictures whose attributes pass this expression.")
@click.option(
    "--min-score",
    type=click.FloatRange(0, 1),
    default=0.0,
    metavar="S",
    help="Leave out pictures that are less likely to be an original; chances are 0 to 1.",
)
@click.option(
    "--evidence",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw PICTURE against the likeliest original as one picture (.png, .jpg, .webp).",
)
@json_option
def match(
    picture: str, db: str, k: int, filter: str | None, min_score: float, evidence: Path | None, as_json: bool
) -> None:
    """Find the originals that PICTURE may have been made from.

    PICTURE is a file, a URL, or id:KEY for a picture of the library, which is then its own first original. Originals
    are also found if it was cropped, turned, mirrored, recoloured, written on, or set inside another picture. Each
    original comes with a chance: below 0.5 it is more likely not an original.
    """
    from yunmeng.config import Settings
    from yunmeng.library.library import Library
    from yunmeng.search.query import read_bytes

    check_given(picture)
    with Library.open(db) as library:
        if picture.startswith("id:"):
            data = library.original(picture.removeprefix("id:"))
        else:
            data = read_bytes(picture, Settings.load())
        hits = library.match(data, k=k, filter=filter, min_score=min_score)
        if evidence is not None and hits:
            original = library.get(hits[0].id, vector=True)
            save_evidence(library.evidence(data, original, (short_name(picture), original.id)).picture, evidence)
    if as_json:
        print_json({"matches": [_shown(hit) for hit in hits]})
    else:
        _print(hits)
    if evidence is not None:
        click.echo(f"Evidence: {evidence}" if hits else "No evidence: there is nothing to show.", err=as_json)


def _shown(hit: "Hit") -> dict[str, Any]:
    return {
        "id": hit.id,
        "score": hit.score,
        "uri": hit.uri,
        "attributes": hit.attributes,
        "alignment": shown_alignment(hit.alignment),
        "recoloured": hit.recoloured,
    }


def _print(hits: "Hits") -> None:
    from rich.table import Table
    from rich.text import Text

    likely = [hit for hit in hits if hit.score >= LIKELY]
    if not likely:
        click.echo("No original found: nothing in the library is likely to be what this picture was made from.")
    if not hits:
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("#", justify="right", style="dim")
    table.add_column("chance", justify="right", style="green")
    table.add_column("shows of it", justify="right")
    table.add_column("points", justify="right", style="dim")
    table.add_column("id", overflow="fold")
    recoloured = any(hit.recoloured for hit in likely)
    if recoloured:
        table.add_column("")
    described = any(hit.attributes for hit in hits)
    if described:
        table.add_column("attributes", overflow="fold", style="dim")
    for rank, hit in enumerate(likely or hits[:SHOWN_UNLIKELY], 1):
        shown = (
            ("", "") if hit.alignment is None else (f"{hit.alignment.target_overlap:.0%}", f"{hit.alignment.inliers}")
        )
        colours = ["same shape, other colour" if hit.recoloured else ""] if recoloured else []
        attributes = [Text(shown_attributes(hit.attributes))] if described else []
        table.add_row(str(rank), f"{hit.score:.0%}", *shown, Text(printable(hit.id)), *colours, *attributes)
    print_table(table)
