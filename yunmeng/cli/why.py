"""``yunmeng why``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from yunmeng.cli.compare import short_name
from yunmeng.cli.query_parts import kind_of, parse_region
from yunmeng.terminal.options import db_option, json_option, print_json, print_table, printable

if TYPE_CHECKING:
    from yunmeng.library.library import Library
    from yunmeng.types import HeatMap, Why


@click.command(
    epilog="""\b
Examples:
  yunmeng why query.jpg summer/beach.jpg --db my-library --output why.png
  yunmeng why id:7 8 --db shop
  yunmeng why "red dress" dresses/17.jpg --db shop --output why.png
""",
)
@click.argument("query")
@click.argument("id")
@db_option
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw both pictures, bright where they are alike (.png, .jpg, .webp).",
)
@click.option("--region", metavar="X,Y,W,H", help="Ask with this part of QUERY, in fractions of its width and height.")
@json_option
def why(query: str, id: str, db: str, output: Path | None, region: str | None, as_json: bool) -> None:
    """Tell why the picture ID of a library is like QUERY.

    QUERY is a picture file, a URL, id:KEY for a picture of the library, or words. The steps behind a score are told by
    yunmeng search QUERY --explain.
    """
    from yunmeng.library.library import Library

    asked = kind_of(query)
    with Library.open(db) as library:
        found = library.why(id.removeprefix("id:"), **asked, region=None if region is None else parse_region(region))
        drawn = output is not None and found.hit is not None
        if output is not None and found.hit is not None:
            _draw(library, found, found.hit, asked, output)
    if as_json:
        print_json(
            {
                "id": found.id,
                "score": found.score,
                "band": found.band,
                "chance": found.chance,
                "words": list(found.words),
                "hit": _shown(found.hit),
                "query": _shown(found.query),
            }
        )
    else:
        _print(found)
    if drawn:
        click.echo(f"Picture: {output}", err=as_json)
    elif output is not None:
        click.echo("The library's encoder does not show which places are alike: no picture is drawn.", err=True)


def _shown(heat: "HeatMap | None") -> dict[str, Any] | None:
    return None if heat is None else {"region": list(heat.region), "rows": [list(row) for row in heat.rows]}


def _told(found: "Why") -> str:
    """``very alike, 0.812``."""
    parts = ["" if found.band is None else found.band.replace("-", " ")]
    parts.append("" if found.score is None else f"{found.score:.3f}")
    return ", ".join(part for part in parts if part)


def _print(found: "Why") -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    if told := _told(found):
        table.add_row("likeness", told)
    if found.chance is not None:
        table.add_row("same picture", f"{found.chance:.0%}")
    table.add_row("words in common", Text(printable(", ".join(found.words)) or "none"))
    print_table(table)


def _draw(library: "Library", found: "Why", hit: "HeatMap", asked: dict[str, Any], output: Path) -> None:
    from yunmeng.errors import SourceError
    from yunmeng.imaging.heat import draw_heats
    from yunmeng.imaging.sheet import save_sheet

    encoding = library.generation.encoding
    pictures = [(encoding.views.pixels(library.original(found.id)), hit, found.id)]
    if found.query is not None:
        named = asked.get("id")
        source = library.original(named) if named is not None else encoding.embedder.source(asked["image"])
        name = named if named is not None else short_name(asked["image"])
        pictures.insert(0, (encoding.views.pixels(source), found.query, name))
    try:
        save_sheet(draw_heats(pictures, asked.get("text") or _told(found)), output)
    except (OSError, ValueError) as exc:  # ValueError: an ending that names no format for it
        raise SourceError(f"cannot write the picture to {output}: {exc}") from exc
