"""Reading a catalogue: every row is checked, and what is wrong with it told, before anything is brought in."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from typing import Any, Final

from yunmeng.apps.shop.columns import CATALOGUE_ENDINGS, PICTURES, table_format, told_by
from yunmeng.apps.shop.types import ATTRIBUTES, BadRow, ImportReport, Product
from yunmeng.apps.shop.values import (
    BadValue,
    read_category,
    read_currency,
    read_link,
    read_price,
    read_stock,
    read_text,
)
from yunmeng.errors import PictureError, SourceError
from yunmeng.ingest.paths import FileFinder
from yunmeng.ingest.roots import Roots
from yunmeng.ingest.rows import Row, is_textual, read_rows
from yunmeng.net.fetch import is_url
from yunmeng.stores.schema import admit, coerce_text
from yunmeng.types import AttributeSchema, AttributeValue

__all__ = ["Catalogue", "Listing", "read_catalogue"]

LONGEST_ID: Final = 200
MOST_PICTURES: Final = 100

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


@dataclass(slots=True)
class Listing:
    """A product of a catalogue, from its line: its pictures are absolute paths and URLs, the main one first."""

    line: int
    product: Product
    pictures: list[str]


@dataclass(slots=True)
class Catalogue:
    """What a file says: the products by their ids, the rows that are wrong, and the names of all columns."""

    products: dict[str, Listing] = field(default_factory=dict)
    bad: list[BadRow] = field(default_factory=list)
    columns: set[str] = field(default_factory=set)

    @property
    def untouched(self) -> set[str]:
        """The ids of products that the file names in bad rows only: these stay as they are."""
        return {row.product for row in self.bad} - self.products.keys() - {""}

    def report(self) -> ImportReport:
        """Return what an import would bring in, and leave out."""
        pictures = sum(len(listing.pictures) for listing in self.products.values())
        return ImportReport(len(self.products), pictures, bad=self.bad)


def read_catalogue(
    file: Path,
    schema: AttributeSchema,
    *,
    currency: str = "",
    folder: Path | None = None,
    within: Roots | None = None,
) -> Catalogue:
    """Read all of a catalogue, and check each row.

    Args:
        file: Its name ends as one of `CATALOGUE_ENDINGS`.
        schema: Declared attributes: further columns of these names are converted.
        currency: That of prices that name none.
        folder: Where relative paths of pictures are looked for; by default beside the file.
        within: Folders that may be read; None for all.

    Raises:
        SourceError: The file as a whole cannot be read.
        MissingExtra: It is a Parquet file, and pyarrow is missing.
    """
    if file.suffix.lower() not in CATALOGUE_ENDINGS:
        raise SourceError(f"{file} is no catalogue: its name must end in {', '.join(sorted(CATALOGUE_ENDINGS))}")
    if not file.is_file():
        raise SourceError(f"no such file: {file}")
    try:
        currency = read_currency(currency)
    except BadValue as exc:
        raise SourceError(str(exc)) from exc
    reader = _Reader(file, schema, currency, folder or file.parent, within)
    catalogue = Catalogue()
    for line, row in read_rows(file, table_format(schema)):
        named = ""
        try:
            if not isinstance(row, PictureError):
                catalogue.columns.update(told_by(tuple(row)))
            told = reader.told(row)
            named = read_text(told["id"][:LONGEST_ID] if isinstance(told["id"], str) else told["id"], "the id")
            _take(catalogue, Listing(line, *reader.listed(told)))
        except (BadValue, PictureError) as exc:
            reason = exc.detail if isinstance(exc, PictureError) else str(exc)
            catalogue.bad.append(BadRow(line, named, reason))
    return catalogue


def _take(catalogue: Catalogue, listing: Listing) -> None:
    """Add a row: a product, or further pictures of one. Raises `BadValue` where an earlier row says otherwise."""
    earlier = catalogue.products.setdefault(listing.product.id, listing)
    if earlier is listing:
        return
    was, now = earlier.product.attributes(1), listing.product.attributes(1)
    for name, value in now.items():
        if was.get(name) != value:
            raise BadValue(
                f"line {earlier.line} has the same id with another {name}: give each product an id of its own"
            )
    pictures = list(dict.fromkeys([*earlier.pictures, *listing.pictures]))
    if len(pictures) == len(earlier.pictures):
        raise BadValue(f"line {earlier.line} says the same: remove one of the two")
    _check_count(pictures)
    earlier.pictures = pictures


def _check_count(pictures: list[str]) -> None:
    if len(pictures) > MOST_PICTURES:
        raise BadValue(f"the product has {len(pictures):,} pictures, at most {MOST_PICTURES} fit")


class _Reader:
    """Turns rows of one file into products. Raises `BadValue` and `PictureError` for what is wrong with a row."""

    def __init__(self, file: Path, schema: AttributeSchema, currency: str, folder: Path, within: Roots | None) -> None:
        self._textual = is_textual(file)
        self._schema = schema
        self._currency = currency
        self._finder = FileFinder([folder])
        self._within = within

    def told(self, row: Row) -> dict[str, Any]:
        """Return the values of a row by what they tell; those of columns of pictures in one list."""
        if isinstance(row, PictureError):
            raise row
        told: dict[str, Any] = {"id": None, PICTURES: []}
        for name, value in zip(told_by(tuple(row)), row.values(), strict=True):
            if value is None or value == "" or value != value:  # NaN is what a missing number becomes in Parquet
                continue
            if name == PICTURES:
                told[PICTURES] += _several(value)
            else:
                told[name] = value
        return told

    def listed(self, told: Mapping[str, Any]) -> tuple[Product, list[str]]:
        """Return the product and its pictures."""
        id = read_text(told["id"], "the id", LONGEST_ID)
        title = read_text(told.get("title"), "the title")
        for name, value in (("id", id), ("title", title)):
            if not value:
                raise BadValue(f"it has no {name}")
        price, currency = read_price(told.get("price"), read_currency(told.get("currency")) or self._currency)
        product = Product(
            id=id,
            title=title,
            price=price,
            currency=currency,
            category=read_category(told.get("category")),
            brand=read_text(told.get("brand"), "the brand"),
            link=read_link(told.get("link")),
            stock=read_stock(told.get("stock")),
            family=read_text(told.get("family"), "the family"),
            more=self._more(told),
        )
        pictures = list(dict.fromkeys(map(self._picture, told[PICTURES])))
        if not pictures:
            raise BadValue("it has no picture")
        _check_count(pictures)
        admit(product.attributes(1), {**self._schema, **ATTRIBUTES})
        return product, pictures

    def _more(self, told: Mapping[str, Any]) -> dict[str, AttributeValue]:
        facts = {*ATTRIBUTES, "id", PICTURES}
        more = {name: value for name, value in told.items() if name not in facts}
        if self._textual:
            schema = self._schema
            return {
                name: coerce_text(text, schema[name], name) if name in schema else text for name, text in more.items()
            }
        return {name: value.isoformat() if isinstance(value, date | time) else value for name, value in more.items()}

    def _picture(self, named: object) -> str:
        """Return the URL or the absolute path of a picture."""
        if not isinstance(named, str):
            raise BadValue(f"a picture is {named!r}, which is no path and no URL")
        named = named.strip()
        if is_url(named) or _SCHEME.match(named):
            return read_link(named, "a picture")
        path = self._finder.find(named)[0]
        if self._within is not None:
            self._within.check(Path(path))
        if not Path(path).is_file():
            raise BadValue(f"there is no picture at {path}")
        return path


def _several(value: object) -> list[object]:
    """Return the pictures that a cell names: a list, or text with ``|`` in between; URLs may be parted by commas."""
    if isinstance(value, list | tuple):
        return list(value)
    if not isinstance(value, str):
        return [value]
    if value.lstrip().startswith("["):
        try:
            found: list[object] = json.loads(value)
        except (ValueError, RecursionError) as exc:
            raise BadValue(f"the pictures are no list in JSON: {exc}") from exc
        return found
    return list(_parts(value))


def _parts(text: str) -> Iterator[str]:
    for part in re.split(r"\s*\|\s*|\s*,\s*(?=https?://)", text.strip(), flags=re.IGNORECASE):
        if part:
            yield part
