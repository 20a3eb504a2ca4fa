"""``yunmeng shop``."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from yunmeng.apps.shop.types import Sort
from yunmeng.terminal.options import db_option, json_option, print_failures, print_json, print_table, printable

if TYPE_CHECKING:
    from yunmeng.apps.shop.types import ImportReport, Product, ProductHit, ShopAnswer

__all__ = ["shop"]

SHOWN_FACETS = 8


@click.group(
    epilog="""\b
Examples:
  yunmeng shop import catalogue.csv --currency EUR --db my-shop
  yunmeng shop search photo.jpg --category women/shoes --most 100 --db my-shop
  yunmeng shop search "red dress" --in-stock --sort price --db my-shop
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
        _print_report(report, file, db, only_check=only_check)
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
    _print_answer(answer, as_json)


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
    _print_answer(answer, as_json)


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
    _print_products(found)
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
    from yunmeng.errors import SourceError
    from yunmeng.library.library import Library
    from yunmeng.terminal.progress import indexing_progress, stop_on_signal

    if not Path(file).is_file():  # before a library is made for nothing
        raise SourceError(f"no such file: {file}")
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


def _region(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise click.UsageError(f"--region {text} is not four numbers such as 0.1,0.2,0.5,0.5") from None


def _print_report(report: "ImportReport", file: str, db: str, *, only_check: bool) -> None:
    name = Path(file).name
    print_failures([bad.as_failure(name) for bad in (*report.bad, *report.broken)])
    counts = f"{report.products:,} products with {report.pictures:,} pictures"
    if only_check:
        click.echo(f"{counts}; rows with errors: {len(report.bad):,}. Nothing was changed.")
        return
    click.echo(
        f"{counts}: {report.changed:,} pictures new or changed, {report.removed:,} removed, "
        f"{len(report.broken):,} that cannot be read; rows with errors: {len(report.bad):,}"
    )
    if not report.interrupted:
        click.echo(f"Search it:  yunmeng shop search PHOTO --db {db}")


def _print_answer(answer: "ShopAnswer", as_json: bool) -> None:
    if as_json:
        print_json({**asdict(answer), "products": [_shown(hit) for hit in answer.products]})
        return
    if answer.guesses:
        told = ", ".join(f"{printable(guess.category)} ({guess.chance:.0%})" for guess in answer.guesses)
        click.echo(f"Most likely: {told}")
    _print_products([hit.product for hit in answer.products], [hit.score for hit in answer.products])
    if answer.facets.categories:
        told = ", ".join(
            f"{printable(name)} {count}" for name, count in list(answer.facets.categories.items())[:SHOWN_FACETS]
        )
        click.echo(f"Categories of the nearest {answer.total:,}: {told}")


def _shown(hit: "ProductHit") -> dict[str, Any]:
    shown = asdict(hit)
    return {**shown.pop("product"), **shown}


def _print_products(products: "Sequence[Product]", scores: "Sequence[float | None]" = ()) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_edge=False)
    for name in (*(["score"] if scores else []), "id", "price", "stock", "category", "title"):
        table.add_column(name, justify="right" if name in ("score", "price", "stock") else "left")
    for number, product in enumerate(products):
        score = scores[number] if scores else None
        table.add_row(
            *([f"{score:.3f}" if score is not None else ""] if scores else []),
            printable(product.id),
            "" if product.price is None else f"{product.price:,.2f} {product.currency}",
            "" if product.stock is None else str(product.stock),
            printable(product.category),
            printable(product.title),
        )
    print_table(table)
