"""``yunmeng search``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from yunmeng.cli.options import db_option, json_option, print_json, printable

if TYPE_CHECKING:
    from yunmeng.library import Library
    from yunmeng.types import Hit


@click.command(
    epilog="""\b
Examples:
  yunmeng search query.jpg --db my-library
  yunmeng search query.jpg --db my-library --sheet hits.png
  yunmeng search https://example.com/shoe.jpg --db shop --filter "category = 'shoes' and price < 50"
  yunmeng search id:summer/beach.jpg --db my-library -k 20 --min-score 0.6
\b
Filters read like SQL: = != < <= > >=, and, or, not, in ('a', 'b'), between, like 'prefix%',
is null, 'red' in tags, contains_any(tags, 'red', 'blue'), contains_all(...).
""",
)
@click.argument("query")
@db_option
@click.option("-k", type=click.IntRange(min=1), default=10, show_default=True, help="How many hits.")
@click.option("--filter", metavar="EXPR", help="Only pictures whose attributes pass this expression.")
@click.option("--min-score", type=float, metavar="S", help="Leave out hits that score less; scores are -1 to 1.")
@click.option(
    "--sheet",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw query and hits as one picture (.png, .jpg).",
)
@json_option
def search(
    query: str, db: str, k: int, filter: str | None, min_score: float | None, sheet: Path | None, as_json: bool
) -> None:
    """Find the pictures of a library that are most similar to QUERY.

    QUERY is a picture file, a URL, or id:KEY for a picture of the library, which is then the first hit.
    """
    from yunmeng.library import Library

    with Library.open(db) as library:
        asked = _as_arguments(query)
        hits = library.search(**asked, k=k, filter=filter, min_score=min_score)
        if sheet is not None:
            _draw(library, asked, hits, sheet)
    if as_json:
        print_json({"hits": [{"id": h.id, "score": h.score, "uri": h.uri, "attributes": h.attributes} for h in hits]})
    else:
        _print(hits)
    if sheet is not None:
        click.echo(f"Sheet: {sheet}", err=as_json)


def _as_arguments(query: str) -> dict[str, Any]:
    """What kind of query it is, as arguments of `Library.search`."""
    from yunmeng.errors import SourceError
    from yunmeng.fetch import is_url
    from yunmeng.imaging import PICTURE_ENDINGS

    if query.startswith("id:"):
        return {"id": query.removeprefix("id:")}
    path = Path(query)
    if is_url(query) or path.is_file():
        return {"image": query}
    if path.is_dir():
        raise SourceError(f"{query} is a folder: name one picture, or index it with yunmeng index {query} --db DIR")
    if path.suffix.lower() in PICTURE_ENDINGS or "/" in query:
        raise SourceError(f"no such file: {query} (for a picture of the library write id:{query})")
    return {"text": query}


def _draw(library: "Library", asked: dict[str, Any], hits: "list[Hit]", sheet: Path) -> None:
    from yunmeng.config import Settings
    from yunmeng.errors import SourceError
    from yunmeng.imaging import save_sheet
    from yunmeng.retrieval import draw_hits

    query = asked.get("image") or library.get(asked["id"]).uri
    try:
        save_sheet(draw_hits(query, hits, Settings.load()), sheet)
    except (OSError, ValueError) as exc:  # ValueError: an ending that names no format for sheets
        raise SourceError(f"cannot write the sheet to {sheet}: {exc}") from exc


def _print(hits: "list[Hit]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not hits:
        click.echo("Nothing found: no picture passes the filter and the least score.", err=True)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("#", justify="right", style="dim")
    table.add_column("score", justify="right", style="cyan")
    table.add_column("id", overflow="fold")
    table.add_column("attributes", overflow="fold", style="dim")
    for rank, hit in enumerate(hits, 1):
        attributes = ", ".join(f"{name}={value}" for name, value in hit.attributes.items())
        table.add_row(str(rank), f"{hit.score:.3f}", Text(printable(hit.id)), Text(printable(attributes)))
    Console().print(table)
