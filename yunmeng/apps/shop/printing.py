"""Printing what ``yunmeng shop`` finds and brings in."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from yunmeng.terminal.options import print_failures, print_json, print_table, printable

if TYPE_CHECKING:
    from yunmeng.apps.shop.types import ImportReport, Product, ProductHit, ShopAnswer

__all__ = ["print_answer", "print_products", "print_report"]

SHOWN_FACETS: Final = 8


def print_report(report: "ImportReport", file: str, db: str, *, only_check: bool) -> None:
    """Print what an import has done, or would do."""
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


def print_answer(answer: "ShopAnswer", as_json: bool) -> None:
    """Print a page of products, and the likeliest categories."""
    if as_json:
        print_json({**asdict(answer), "products": [_shown(hit) for hit in answer.products]})
        return
    if answer.guesses:
        told = ", ".join(f"{printable(guess.category)} ({guess.chance:.0%})" for guess in answer.guesses)
        click.echo(f"Most likely: {told}")
    print_products([hit.product for hit in answer.products], [hit.score for hit in answer.products])
    if answer.facets.categories:
        told = ", ".join(
            f"{printable(name)} {count}" for name, count in list(answer.facets.categories.items())[:SHOWN_FACETS]
        )
        click.echo(f"Categories of the nearest {answer.total:,}: {told}")


def _shown(hit: "ProductHit") -> dict[str, Any]:
    shown = asdict(hit)
    return {**shown.pop("product"), **shown}


def print_products(products: "Sequence[Product]", scores: "Sequence[float | None]" = ()) -> None:
    """Print a table of products, with their scores if there are any."""
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
