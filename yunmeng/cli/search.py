"""``yunmeng search``."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from yunmeng.cli.beside import told_beside
from yunmeng.cli.query_parts import kind_of, parse_region, parts
from yunmeng.cli.search_options import search_options
from yunmeng.terminal.options import (
    db_option,
    device_option,
    index_option,
    json_option,
    print_json,
    print_table,
    printable,
    rerank_option,
    shown_attributes,
)
from yunmeng.types import UNLIKE_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from yunmeng.library.library import Library
    from yunmeng.search.request import QueryPart
    from yunmeng.types import Device, Hit


@click.command(
    epilog="""\b
Examples:
  yunmeng search query.jpg --db my-library
  yunmeng search query.jpg --db my-library --sheet hits.png
  yunmeng search https://example.com/shoe.jpg --db shop --filter "category = 'shoes' and price < 50"
  yunmeng search id:summer/beach.jpg --db my-library -k 20 --min-score 0.6
  yunmeng search "red dress" --db shop
  yunmeng search 红色连衣裙 --db shop
  yunmeng search --color "#c0392b:0.6,#ffffff" --db shop
  yunmeng search id:7 --color green --db shop
  yunmeng search --like a.jpg --like id:7:0.5 --unlike id:9 --text "red:0.5" --db shop
  yunmeng search page.jpg --region 0.1,0.2,0.4,0.3 --db archive
  yunmeng search stamp.jpg --regions --db archive
  yunmeng search suspect.jpg --rerank geometry --explain --db archive
  yunmeng search shoe.jpg --rerank expand --group-by product --db shop
\b
Filters read like SQL: = != < <= > >=, and, or, not, in ('a', 'b'), between, like 'prefix%',
like '100\\%%' escape '\\', is null, 'red' in tags, contains_any(tags, 'red', 'blue'), contains_all(...).
""",
)
@click.argument("query", required=False)
@db_option
@click.option("-k", type=click.IntRange(min=1), default=10, show_default=True, help="How many hits.")
@click.option("--filter", metavar="EXPR", help="Only pictures whose attributes pass this expression.")
@click.option("--like", multiple=True, metavar="QUERY[:W]", help="One more picture or id, with a weight if you like.")
@click.option(
    "--unlike",
    multiple=True,
    metavar="QUERY[:W]",
    help=f"A picture or id that hits are to be unlike; its weight is taken times {UNLIKE_WEIGHT:g}.",
)
@click.option("--text", "texts", multiple=True, metavar="WORDS[:W]", help="Words, with a weight if you like.")
@click.option("--region", metavar="X,Y,W,H", help="Ask with this part of QUERY, in fractions of its width and height.")
@rerank_option
@search_options
@index_option
@click.option(
    "--sheet",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw query and hits as one picture (.png, .jpg).",
)
@device_option
@json_option
def search(
    query: str | None,
    db: str,
    like: tuple[str, ...],
    unlike: tuple[str, ...],
    texts: tuple[str, ...],
    region: str | None,
    index: str | None,
    sheet: Path | None,
    device: "Device | None",
    as_json: bool,
    **wanted: Any,
) -> None:
    """Find the pictures of a library that match QUERY best.

    QUERY is a picture file, a URL, id:KEY for a picture of the library, which is then the first hit, or words. With
    --like, --unlike, --text and --color, QUERY may be left out; if it is given, it is one part of the
    mixture, with weight 1.
    """
    from yunmeng.config import Settings
    from yunmeng.library.library import Library

    if query is None and not (like or unlike or texts or wanted["color"]):
        raise click.UsageError("name a QUERY, or give --like, --unlike, --text or --color")
    asked = {} if query is None else kind_of(query)
    mix = list(parts(like, unlike, texts))
    with Library.open(db, settings=Settings.load(device=device), index=index) as library:
        told_beside(library)
        hits = library.search(**asked, mix=mix, region=None if region is None else parse_region(region), **wanted)
        if sheet is not None:
            _draw(library, asked, mix, hits, sheet)
        texts_asked = [asked.get("text"), *(part.text for part in mix)]
        lacking = _asks_colour(wanted["color"], texts_asked) and library.reader.lacks_palettes
        by_meaning_only = any(texts_asked) and library.generation.full_text == "missing"
        by_name_only = not hits and "text" in asked and not mix and not library.reader.reads_meaning
    if as_json:
        print_json({"hits": [_shown(hit) for hit in hits]})
    else:
        _print(hits)
    if by_name_only:
        click.echo(
            "The library's encoder reads no words: only names and attributes were searched; see: yunmeng models list",
            err=True,
        )
    if by_meaning_only:
        click.echo(
            "Words were answered by their meaning only: the library's store has no full text; see docs/milvus.md",
            err=True,
        )
    if lacking:
        click.echo(f"Some pictures have no colours yet: run yunmeng palettes --db {db} once", err=True)
    if sheet is not None:
        click.echo(f"Sheet: {sheet}", err=as_json)


def _asks_colour(color: str | None, texts: "Iterable[str | None]") -> bool:
    from yunmeng.search.colour.reading import read_text

    return color is not None or any(text is not None and read_text(text) is not None for text in texts)


def _shown(hit: "Hit") -> dict[str, Any]:
    shown: dict[str, Any] = {"id": hit.id, "score": hit.score, "uri": hit.uri, "attributes": hit.attributes}
    if hit.chance is not None:
        shown["chance"] = hit.chance
    if hit.band is not None:
        shown["band"] = hit.band
    if hit.region is not None:
        shown["region"] = list(hit.region)
    if hit.alignment is not None:
        shown["alignment"] = asdict(hit.alignment)
    if hit.explanation:
        shown["explanation"] = [part._asdict() for part in hit.explanation]
    return shown


def _draw(library: "Library", asked: dict[str, Any], mix: "list[QueryPart]", hits: "list[Hit]", sheet: Path) -> None:
    from yunmeng.config import Settings
    from yunmeng.errors import SourceError
    from yunmeng.imaging.sheet import save_sheet
    from yunmeng.search.request import QueryPart
    from yunmeng.search.sheet import draw_hits

    first = QueryPart(**asked) if asked else mix[0]
    query = first.text or first.image or library.get(str(first.id)).uri
    assert isinstance(query, str)
    try:
        save_sheet(draw_hits(query, hits, Settings.load(), words=first.text is not None), sheet)
    except (OSError, ValueError) as exc:  # ValueError: an ending that names no format for sheets
        raise SourceError(f"cannot write the sheet to {sheet}: {exc}") from exc


def _print(hits: "list[Hit]") -> None:
    from rich.table import Table
    from rich.text import Text

    if not hits:
        click.echo("Nothing found: no picture fits the question, the filter and the least score.", err=True)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("#", justify="right", style="dim")
    table.add_column("score", justify="right", style="cyan")
    banded = any(hit.band is not None for hit in hits)
    if banded:
        table.add_column("likeness", style="green")
    table.add_column("id", overflow="fold")
    explained = any(hit.explanation for hit in hits)
    if explained:
        table.add_column("step: score (rank)", overflow="fold")
    described = any(hit.attributes for hit in hits)
    if described:
        table.add_column("attributes", overflow="fold", style="dim")
    for rank, hit in enumerate(hits, 1):
        band = [] if not banded else ["" if hit.band is None else hit.band.replace("-", " ")]
        steps = [] if not explained else [_explained(hit)]
        attributes = [Text(shown_attributes(hit.attributes))] if described else []
        table.add_row(str(rank), f"{hit.score:.3f}", *band, Text(printable(hit.id)), *steps, *attributes)
    print_table(table)


def _explained(hit: "Hit") -> str:
    """``search: 0.812 (4), geometry: 0.931 (1), 203 features agree``."""
    parts = [f"{part.step}: {part.score:.3f} ({part.rank})" for part in hit.explanation]
    if hit.alignment is not None:
        parts.append(f"{hit.alignment.inliers} features agree")
    return ", ".join(parts)
