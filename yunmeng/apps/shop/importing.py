"""Bringing a catalogue into the library: what is new first, and what is not in the file out of it last."""

import json
import re
import threading
from collections.abc import Iterator, Set
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from yunmeng.apps.shop.types import ATTRIBUTES, BadRow, ImportReport
from yunmeng.errors import SchemaError, SourceError, StoreError
from yunmeng.stores.filters import In, IsNull, Not

if TYPE_CHECKING:
    from yunmeng.apps.shop.catalogue import Catalogue
    from yunmeng.library.library import Library
    from yunmeng.types import Failure, OnTally, Record

__all__ = ["bring_in", "declare", "position_of"]

_LAST: Final = 1_000_000
"""The place of a picture that has none."""
_NAMED_AT_ONCE: Final = 500
"""Products that a filter may name; of more, all records are looked through."""


def declare(library: "Library", stop: threading.Event | None = None) -> bool:
    """Declare the attributes of products where they are missing. Returns False if it was stopped.

    Raises `SchemaError` if the library has one of them with another type.
    """
    missing = {}
    for name, type in ATTRIBUTES.items():
        known = library.schema.get(name)
        if known is None:
            missing[name] = type
        elif known != type:
            raise SchemaError(
                f"the library declares {name} as {known}, a shop needs {type}: use a library of its own, or "
                f'yunmeng declare --attributes "{name}:{type}" --db DIR'
            )
    if not missing:
        return True
    report = library.declare(missing, stop=stop)
    if report.failed:
        first = report.failed[0]
        raise SchemaError(
            f"{len(report.failed):,} pictures of the library have values that do not fit a shop's attributes, such as "
            f"{first.path}: {first.reason}; use a library of its own"
        )
    return not report.interrupted


def bring_in(
    library: "Library",
    catalogue: "Catalogue",
    *,
    replace: bool = False,
    on_tally: "OnTally | None" = None,
    stop: threading.Event | None = None,
) -> ImportReport:
    """Bring in the products of a catalogue; with ``replace``, all others of the library go.

    Killed at any moment and run again, it ends with the same catalogue. Raises `SourceError` if no row can be used.
    """
    if not catalogue.products:
        first = f", for example line {catalogue.bad[0].line}: {catalogue.bad[0].reason}" if catalogue.bad else ""
        raise SourceError(f"the catalogue has no row that can be used, and nothing was changed{first}")
    wanted = {_record_id(id, uri) for id, listing in catalogue.products.items() for uri in listing.pictures}
    manifest = library.resources.paths.cache / "catalogue.jsonl"
    try:
        manifest.parent.mkdir(parents=True, exist_ok=True)
        lines = _write(manifest, catalogue)
    except OSError as exc:
        raise StoreError(f"cannot write {manifest}: {exc.strerror}") from exc
    report = library.index(manifest=manifest, on_tally=on_tally, stop=stop)
    manifest.unlink(missing_ok=True)
    broken = [_broken(failure, lines) for failure in report.failed]
    removed = 0 if report.interrupted else _tidy(library, catalogue, wanted, replace=replace)
    return ImportReport(
        products=len(catalogue.products),
        pictures=len(wanted),
        changed=report.indexed,
        removed=removed,
        bad=catalogue.bad,
        broken=broken,
        interrupted=report.interrupted,
    )


def _record_id(product: str, uri: str) -> str:
    """Return the id of a product's picture: the same for the same file, and another for one that takes its place."""
    return f"{product}/{sha256(uri.encode(errors='surrogatepass')).hexdigest()[:12]}"


def _write(manifest: Path, catalogue: "Catalogue") -> list[tuple[int, str]]:
    """Write a manifest for `Library.index`. Returns the line in the catalogue and the product for each of its lines."""
    lines = []
    with manifest.open("w", encoding="utf-8") as file:
        for id, listing in catalogue.products.items():
            for position, uri in enumerate(listing.pictures, 1):
                row = {"id": _record_id(id, uri), "path": uri, **listing.product.attributes(position)}
                file.write(json.dumps(row) + "\n")
                lines.append((listing.line, id))
    return lines


def _broken(failure: "Failure", lines: list[tuple[int, str]]) -> BadRow:
    """Return a failure of the manifest as one of the catalogue."""
    found = re.search(r"catalogue\.jsonl line (\d+): ", failure.reason)
    assert found is not None  # every entry of a manifest has its place
    line, product = lines[int(found[1]) - 1]
    return BadRow(line, product, f"{failure.path}: {failure.reason.replace(found[0], '', 1)}")


def _tidy(library: "Library", catalogue: "Catalogue", wanted: Set[str], *, replace: bool) -> int:
    """Remove pictures that the catalogue has no longer, and return how many.

    A product of which no picture could be read keeps those that it had, with the facts of now; one that is named in
    bad rows only stays as it was.
    """
    left = catalogue.untouched
    first: dict[str, tuple[int, str]] = {}  # the first picture that is there, by product
    others: list[Record] = []
    for record in _records(library, None if replace else list(catalogue.products)):
        product = str(record.attributes["product"])
        if record.id in wanted:
            first[product] = min(first.get(product, (_LAST, "")), (position_of(record), record.id))
        elif product not in left:
            others.append(record)
    for position, id in first.values():
        if position > 1:  # the main picture could not be read
            library.update_attributes([id], {"position": 1})
    leaving = []
    for record in others:
        listing = catalogue.products.get(str(record.attributes["product"]))
        if listing is None or listing.product.id in first:
            leaving.append(record.id)
        else:
            library.set_attributes(record.id, listing.product.attributes(position_of(record)))
    return library.delete(leaving) if leaving else 0


def position_of(record: "Record") -> int:
    """Return the place of a picture among those of its product, from 1."""
    position = record.attributes.get("position")
    return position if isinstance(position, int) else _LAST


def _records(library: "Library", products: list[str] | None) -> "Iterator[Record]":
    """Return the pictures of these products; None for all."""
    if products is not None and len(products) <= _NAMED_AT_ONCE:
        named = In("product", tuple(products))
        return iter(library.reader.page(library.count(named), filter=named))
    every = library.iterate(Not(IsNull("product")))
    if products is None:
        return every
    among = set(products)
    return (record for record in every if record.attributes["product"] in among)
