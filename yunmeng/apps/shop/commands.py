"""``yunmeng shop``."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from yunmeng.apps.shop.printing import print_answer, print_products, print_report
from yunmeng.apps.shop.types import Sort
from yunmeng.terminal.options import db_option, json_option, print_json

if TYPE_CHECKING:
    from yunmeng.apps.shop.types import ImportReport

__all__ = ["shop"]


@click.group(
    epilog="""\b
Examples:
  yunmeng shop import catalogue.csv --currency EUR --db my-shop
  yunmeng shop search photo.jpg --category women/shoes --most 100 --db my-shop
  yunmeng shop search "red dress" --in-stock --sort price --db my-shop
  yunmeng shop objects photo.jpg --db my-shop
  yunmeng shop similar SKU-7 --db my-shop
"""
)
def shop() -> None:
    """Shopping by photo: bring in a catalogue, find products by picture and words.

    A product is one or several pictures of a library, which say its title, price, category and so on: docs/shop.md.
    """


@shop.command(
    "import",
    epilog="""\b
Examples:
  yunmeng shop import catalogue.csv --currency EUR --db my-shop
  yunmeng shop import feed.jsonl --replace --db my-shop
  yunmeng shop import catalogue.csv --check --db my-shop
""",
)
@click.argument("file")
@db_option
@click.option("--currency", default="", metavar="CODE", help="Of prices that name none: a code of ISO 4217, as EUR.")
@click.option("--replace", is_flag=True, help="Remove the products that the file does not name.")
@click.option("--folder", metavar="DIR", help="Where paths of pictures begin.  [default: the folder of FILE]")
@click.option("--check", "only_check", is_flag=True, help="Check all rows, and change nothing.")
@json_option
def import_(
    file: str, db: str, currency: str, replace: bool, folder: str | None, only_check: bool, as_json: bool
) -> int:
    """Bring in the products of a catalogue: CSV, JSONL or Parquet. If there is no library yet, one is created.

    The columns are id, title and image, and any of price, currency, category, brand, link, stock and family; those of
    product feeds have their own names too. Products that are there are changed, others stay, unless --replace. All rows
    are checked first: those that are wrong are named by their lines, and left out.

    Ctrl-C stops cleanly, and the same command continues from there.
    """
    if only_check:
        report = _checked(file, db, currency, folder)
    else:
        report = _imported(file, db, currency, folder, replace=replace)
    if as_json:
        print_json(asdict(report))
    else:
        print_report(report, file, db, only_check=only_check)
    if report.interrupted:
        click.echo("Stopped, and nothing was removed; run the same command again to go on.", err=True)
        return 130
    return 1 if report.bad or report.broken else 0


@shop.command(
    epilog="""\b
Examples:
  yunmeng shop search photo.jpg --db my-shop
  yunmeng shop search photo.jpg --region 0.1,0.2,0.4,0.6 --category women/shoes --db my-shop
  yunmeng shop search photo.jpg --text red --most 80 --in-stock --db my-shop
  yunmeng shop search "leather boots" --sort price --db my-shop
"""
)
@click.argument("query", required=False)
@db_option
@click.option("--text", metavar="WORDS", help="Words beside a photo.")
@click.option("--region", metavar="X,Y,W,H", help="Look at this part of the photo, in fractions of it.")
@click.option("--category", metavar="PATH", help="Only this category and those below it, as women/shoes.")
@click.option("--brand", "brands", multiple=True, metavar="NAME", help="Only this brand; may be given several times.")
@click.option("--least", type=float, metavar="PRICE", help="Only from this price on.")
@click.option("--most", type=float, metavar="PRICE", help="Only up to this price.")
@click.option("--currency", metavar="CODE", help="Only prices in this currency.")
@click.option("--in-stock", is_flag=True, help="Leave out what is sold out.")
@click.option("--filter", metavar="EXPR", help="A further condition on attributes, as for yunmeng search.")
@click.option(
    "--sort",
    type=click.Choice(get_args(Sort)),
    default="likeness",
    show_default=True,
    help="-price: the dearest first.",
)
@click.option("-k", type=click.IntRange(min=1), default=10, show_default=True, help="How many products.")
@json_option
def search(query: str | None, db: str, text: str | None, region: str | None, as_json: bool, **wanted: Any) -> None:
    """Find products by QUERY, a photo (a file or a URL) or words, or by a photo and words.

    The likeliest categories of the photo are told with their chances.
    """
    from yunmeng.apps.shop.service import Shop
    from yunmeng.library.library import Library

    asked = _asked(query, text)
    with Library.open(db) as library:
        answer = Shop(library).search(**asked, region=None if region is None else _region(region), **wanted)
    print_answer(answer, as_json)


@shop.command(
    epilog="""\b
Examples:
  yunmeng shop objects photo.jpg --db my-shop
  yunmeng shop search photo.jpg --region 0.1,0.2,0.4,0.6 --db my-shop
"""
)
@click.argument("photo")
@db_option
@json_option
def objects(photo: str, db: str, as_json: bool) -> None:
    """List the things in PHOTO, a file or a URL, at most five, the main one first.

    Each has a region, for `search --region`.
    """
    from yunmeng.apps.shop.service import Shop
    from yunmeng.library.library import Library
    from yunmeng.net.fetch import is_url

    if not is_url(photo):
        _check_file(photo)
    with Library.open(db) as library:
        found = Shop(library).objects(photo)
    if as_json:
        print_json({"objects": [{"region": one.region, "confidence": round(one.confidence, 3)} for one in found]})
        return
    for one in found:
        click.echo(",".join(f"{part:.3f}" for part in one.region))
    if not found:
        click.echo("Nothing stands out: search with the whole photo.", err=True)


@shop.command(epilog="\b\nExample:\n  yunmeng shop similar SKU-7 --db my-shop\n")
@click.argument("product")
@db_option
@click.option("-k", type=click.IntRange(min=1), default=10, show_default=True, help="How many products.")
@json_option
def similar(product: str, db: str, k: int, as_json: bool) -> None:
    """List the products that look most like PRODUCT, an id, without its variants; what is sold out comes last."""
    from yunmeng.apps.shop.service import Shop
    from yunmeng.library.library import Library

    with Library.open(db) as library:
        answer = Shop(library).similar(product, k)
    print_answer(answer, as_json)


@shop.command(
    epilog="""\b
Examples:
  yunmeng shop products --db my-shop
  yunmeng shop products --filter "stock = 0 and brand = 'Ada'" --db my-shop
  yunmeng shop products --limit 100000 --json --db my-shop
"""
)
@db_option
@click.option("--filter", metavar="EXPR", help="Only products that pass, as for yunmeng search.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many to list.")
@json_option
def products(db: str, filter: str | None, limit: int, as_json: bool) -> None:
    """List products."""
    from yunmeng.apps.shop.service import Shop
    from yunmeng.apps.shop.types import Product
    from yunmeng.library.library import Library

    with Library.open(db) as library:
        service = Shop(library)
        found = [Product.of(record.attributes) for record in service.products(limit, filter=filter)]
        total = service.count(filter)
    if as_json:
        print_json({"products": [asdict(product) for product in found], "total": total})
        return
    print_products(found)
    click.echo(f"{len(found):,} of {total:,} products")


@shop.command(epilog="\b\nExample:\n  yunmeng shop remove SKU-7 SKU-8 --db my-shop\n")
@click.argument("ids", nargs=-1, required=True, metavar="PRODUCT...")
@db_option
@json_option
def remove(ids: tuple[str, ...], db: str, as_json: bool) -> int:
    """Remove products by their ids. Their pictures' files stay."""
    from yunmeng.apps.shop.service import Shop
    from yunmeng.library.library import Library

    with Library.open(db) as library:
        removed = Shop(library).remove(ids)
    if as_json:
        print_json({"removed": removed})
    else:
        click.echo(f"{removed:,} removed")
    missing = len(set(ids)) - removed
    if missing:
        click.echo(f"{missing:,} of the ids are of no product", err=True)
    return 1 if missing else 0


def _imported(file: str, db: str, currency: str, folder: str | None, *, replace: bool) -> "ImportReport":
    from yunmeng.apps.shop.service import Shop
    from yunmeng.apps.shop.types import ATTRIBUTES
    from yunmeng.library.library import Library
    from yunmeng.terminal.progress import indexing_progress, stop_on_signal

    _check_file(file)  # before a library is made for nothing
    library = Library.open(db) if Library.exists(db) else Library.create(db, attributes=ATTRIBUTES)
    with library, stop_on_signal() as stop, indexing_progress() as on_tally:
        return Shop(library).import_catalogue(
            file, currency=currency, folder=folder, replace=replace, on_tally=on_tally, stop=stop
        )


def _checked(file: str, db: str, currency: str, folder: str | None) -> "ImportReport":
    from yunmeng.apps.shop.catalogue import read_catalogue
    from yunmeng.apps.shop.service import Shop
    from yunmeng.library.library import Library

    if Library.exists(db):
        with Library.open(db) as library:
            return Shop(library).check_catalogue(file, currency=currency, folder=folder)
    return read_catalogue(Path(file), {}, currency=currency, folder=None if folder is None else Path(folder)).report()


def _asked(query: str | None, text: str | None) -> dict[str, Any]:
    """QUERY and words as arguments of `Shop.search`."""
    from yunmeng.errors import SourceError
    from yunmeng.imaging.files import PICTURE_ENDINGS
    from yunmeng.net.fetch import is_url

    if query is None and text is None:
        raise click.UsageError("name a QUERY, or give --text")
    if query is None or is_url(query) or Path(query).is_file():
        return {"image": query, "text": text}
    if Path(query).suffix.lower() in PICTURE_ENDINGS or "/" in query or not query.strip():
        raise SourceError(f"no such file: {query}")
    if text is not None:
        raise click.UsageError("QUERY is words already: leave --text out, or name a photo")
    return {"text": query}


def _check_file(name: str) -> None:
    from yunmeng.errors import SourceError

    if not Path(name).is_file():
        raise SourceError(f"no such file: {name}")


def _region(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise click.UsageError(f"--region {text} is not four numbers such as 0.1,0.2,0.5,0.5") from None
