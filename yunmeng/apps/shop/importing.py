"""Bringing a catalogue into the library: beside what is there, or in its place at one moment."""

import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from yunmeng.apps.shop.types import ATTRIBUTES, BadRow, ImportReport
from yunmeng.errors import SchemaError, SourceError, StoreError
from yunmeng.net.fetch import is_url
from yunmeng.stores.filters import In, IsNull, Not

if TYPE_CHECKING:
    from yunmeng.apps.shop.catalogue import Catalogue, Listing
    from yunmeng.library.library import Library
    from yunmeng.types import Attributes, Failure, OnTally, Record

__all__ = ["bring_in", "declare", "position_of"]

_LAST: Final = 1_000_000
"""The place of a picture that has none."""
_NAMED_AT_ONCE: Final = 500
"""Products that a filter may name; of more, all records are looked through."""


class _Place(NamedTuple):
    """A picture of a catalogue: its product, its place among those of it, from 1, and what else is known of it."""

    uri: str
    listing: "Listing"
    position: int
    kept: "Attributes"

    @property
    def attributes(self) -> "Attributes":
        return {**self.kept, **self.listing.product.attributes(self.position)}

    def is_told_by(self, record: "Record") -> bool:
        return dict(record.attributes) == dict(self.attributes)


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
    """Bring in the products of a catalogue. With ``replace`` all others go, and readers see all of it at one moment.

    Killed at any moment and run again, it ends with the same catalogue. Raises `SourceError` if no row can be used.
    """
    if not catalogue.products:
        first = f", for example line {catalogue.bad[0].line}: {catalogue.bad[0].reason}" if catalogue.bad else ""
        raise SourceError(f"the catalogue has no row that can be used, and nothing was changed{first}")
    stop = stop or threading.Event()
    if replace:
        return _replaced(library, catalogue, on_tally, stop)
    report, leaving = _changed(library, catalogue, replace=False, on_tally=on_tally, stop=stop)
    if leaving:
        library.delete(leaving)
    return report


def _replaced(
    library: "Library", catalogue: "Catalogue", on_tally: "OnTally | None", stop: threading.Event
) -> ImportReport:
    from yunmeng.library.staging import change_at_once

    report = ImportReport(len(catalogue.products), 0, bad=catalogue.bad, interrupted=True)
    gone: dict[str, Record] = {}

    def change(copy: "Library") -> bool:
        nonlocal report
        report, leaving = _changed(copy, catalogue, replace=True, on_tally=on_tally, stop=stop)
        store = copy.generation.store
        for start in range(0, len(leaving), _NAMED_AT_ONCE):
            gone.update(store.get(leaving[start : start + _NAMED_AT_ONCE]))
        store.delete(leaving)
        return not report.interrupted

    if change_at_once(library, change, others=IsNull("product"), stop=stop):
        for record in gone.values():
            library.resources.media.forget(record)
    return report


def _changed(
    library: "Library",
    catalogue: "Catalogue",
    *,
    replace: bool,
    on_tally: "OnTally | None",
    stop: threading.Event,
) -> tuple[ImportReport, list[str]]:
    """Bring in the products, and return the ids of the pictures that are to go as well."""
    wanted = _wanted(library, catalogue)
    manifest = library.resources.paths.cache / "catalogue.jsonl"
    try:
        manifest.parent.mkdir(parents=True, exist_ok=True)
        lines = _write(manifest, wanted)
    except OSError as exc:
        raise StoreError(f"cannot write {manifest}: {exc.strerror}") from exc
    _update(library, wanted, (record for record in _records(library, catalogue) if is_url(record.uri)))
    report = library.index(manifest=manifest, on_tally=on_tally, stop=stop)
    manifest.unlink(missing_ok=True)
    leaving = [] if report.interrupted else _tidy(library, catalogue, wanted, replace=replace)
    return ImportReport(
        products=len(catalogue.products),
        pictures=len(wanted),
        changed=report.indexed,
        removed=len(leaving),
        bad=catalogue.bad,
        broken=[_broken(failure, lines) for failure in report.failed],
        interrupted=report.interrupted,
    ), leaving


def _wanted(library: "Library", catalogue: "Catalogue") -> "dict[str, _Place]":
    """Return the pictures of a catalogue by their ids."""
    kept = {record.id: _kept(record, catalogue) for record in _records(library, catalogue)}
    return {
        id: _Place(uri, listing, position, kept.get(id, {}))
        for product, listing in catalogue.products.items()
        for position, uri in enumerate(listing.pictures, 1)
        for id in [_record_id(product, uri)]
    }


def _kept(record: "Record", catalogue: "Catalogue") -> "Attributes":
    """Return the attributes of a picture that the catalogue does not speak of: somebody has set them by hand."""
    told = ATTRIBUTES.keys() | catalogue.columns
    return {name: value for name, value in record.attributes.items() if name not in told}


def _record_id(product: str, uri: str) -> str:
    """Return the id of a product's picture: the same for the same file, and another for one that takes its place."""
    return f"{product}/{sha256(uri.encode(errors='surrogatepass')).hexdigest()[:12]}"


def _write(manifest: Path, wanted: "Mapping[str, _Place]") -> list[tuple[int, str]]:
    """Write a manifest for `Library.index`. Returns the line in the catalogue and the product for each of its lines."""
    with manifest.open("w", encoding="utf-8") as file:
        for id, place in wanted.items():
            file.write(json.dumps({"id": id, "path": place.uri, **place.attributes}) + "\n")
    return [(place.listing.line, place.listing.product.id) for place in wanted.values()]


def _broken(failure: "Failure", lines: list[tuple[int, str]]) -> BadRow:
    """Return a failure of the manifest as one of the catalogue."""
    found = re.search(r"catalogue\.jsonl line (\d+): ", failure.reason)
    assert found is not None  # every entry of a manifest has its place
    line, product = lines[int(found[1]) - 1]
    return BadRow(line, product, f"{failure.path}: {failure.reason.replace(found[0], '', 1)}")


def _update(library: "Library", wanted: "Mapping[str, _Place]", records: "Iterable[Record]") -> None:
    """Give known pictures the facts of now. Those on the web would be fetched again for that."""
    outdated = [record.id for record in records if record.id in wanted and not wanted[record.id].is_told_by(record)]
    for id in outdated:
        library.set_attributes(id, wanted[id].attributes)


def _tidy(library: "Library", catalogue: "Catalogue", wanted: "Mapping[str, _Place]", *, replace: bool) -> list[str]:
    """Return the ids of pictures that the catalogue has no longer, once the others say what it says.

    A product of which no picture could be read keeps those that it had, with the facts of now; one that is named in
    bad rows only stays as it was.
    """
    _update(library, wanted, _records(library, catalogue))  # what could not be read again has the facts of before
    left = catalogue.untouched
    first: dict[str, int] = {}  # the place of the first picture that is there, by product
    others: list[tuple[str, str, int]] = []
    for record in _records(library, None if replace else catalogue):
        product = str(record.attributes["product"])
        if record.id in wanted:
            first[product] = min(first.get(product, _LAST), wanted[record.id].position)
        elif product not in left:
            others.append((record.id, product, position_of(record)))
    for product, position in first.items():
        if position > 1:  # the main picture could not be read
            listing = catalogue.products[product]
            library.update_attributes([_record_id(product, listing.pictures[position - 1])], {"position": 1})
    for id, product, position in others:
        if product in catalogue.products and product not in first:
            now = catalogue.products[product].product.attributes(position)
            library.set_attributes(id, {**_kept(library.get(id), catalogue), **now})
    return [id for id, product, _ in others if product not in catalogue.products or product in first]


def position_of(record: "Record") -> int:
    """Return the place of a picture among those of its product, from 1."""
    position = record.attributes.get("position")
    return position if isinstance(position, int) else _LAST


def _records(library: "Library", catalogue: "Catalogue | None") -> "Iterator[Record]":
    """Return the pictures that are there of a catalogue's products; None for those of all products."""
    if catalogue is not None and len(catalogue.products) <= _NAMED_AT_ONCE:
        named = In("product", tuple(catalogue.products))
        return iter(library.reader.page(library.count(named), filter=named))
    every = library.iterate(Not(IsNull("product")))
    return (record for record in every if catalogue is None or record.attributes["product"] in catalogue.products)
