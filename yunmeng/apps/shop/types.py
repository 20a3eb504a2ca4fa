"""Products, answers and reports of a shop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Self, TypeAlias

from yunmeng.types import Attributes, AttributeSchema, AttributeValue, Band, Failure

__all__ = [
    "ATTRIBUTES",
    "BadRow",
    "Click",
    "Facets",
    "Guess",
    "ImportReport",
    "Product",
    "ProductHit",
    "QueryKind",
    "ShopAnswer",
    "Sort",
    "levels",
]

ATTRIBUTES: Final[AttributeSchema] = {
    "product": "str",
    "title": "str",
    "price": "float",
    "currency": "str",
    "category": "str",
    "categories": "list[str]",
    "brand": "str",
    "link": "str",
    "stock": "int",
    "family": "str",
    "position": "int",
}
"""What every picture of a product says. ``categories`` are the category and all above it, to be filtered by;
``position`` is the picture's place among those of its product, from 1."""

QueryKind: TypeAlias = Literal["photo", "words", "both", "similar"]

Sort: TypeAlias = Literal["likeness", "price", "-price"]
"""The order of products: the likest, the cheapest or the dearest first."""


def levels(category: str) -> list[str]:
    """Return a category and all above it, the widest first: women, women/shoes, women/shoes/boots."""
    parts = category.split("/") if category else []
    return ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]


@dataclass(frozen=True, slots=True)
class Product:
    """What a catalogue says of a product.

    ``currency`` is a code of ISO 4217, empty where there is no price; ``category`` a path such as women/shoes/boots.
    ``stock`` counts pieces, None where the catalogue does not say. Products of one ``family`` are variants of each
    other. ``more`` holds the values of further columns.
    """

    id: str
    title: str
    price: float | None = None
    currency: str = ""
    category: str = ""
    brand: str = ""
    link: str = ""
    stock: int | None = None
    family: str = ""
    more: Attributes = field(default_factory=dict)

    @classmethod
    def of(cls, attributes: Attributes) -> Self:
        """Return the product that a picture with these attributes shows."""
        told: dict[str, AttributeValue] = {
            name: attributes[name]
            for name in ("title", "price", "currency", "category", "brand", "link", "stock", "family")
            if attributes.get(name) is not None
        }
        more = {name: value for name, value in attributes.items() if name not in ATTRIBUTES}
        return cls(**{"id": str(attributes["product"]), "title": "", **told}, more=more)  # type: ignore[arg-type]

    def attributes(self, position: int) -> dict[str, AttributeValue]:
        """Return the attributes of this product's picture at ``position``, from 1; what is empty is left out."""
        told: dict[str, AttributeValue] = {
            **self.more,
            "product": self.id,
            "title": self.title,
            "price": self.price,
            "currency": self.currency,
            "category": self.category,
            "categories": levels(self.category),
            "brand": self.brand,
            "link": self.link,
            "stock": self.stock,
            "family": self.family,
            "position": position,
        }
        return {name: value for name, value in told.items() if value not in (None, "", [])}


@dataclass(frozen=True, slots=True)
class ProductHit:
    """A product that was found.

    ``picture`` is the id of its picture that fits best, ``others`` are those of the rest, in the catalogue's order.
    ``score`` and ``band`` are those of a `yunmeng.types.Hit`; a list of products has neither.
    """

    product: Product
    picture: str
    others: Sequence[str] = ()
    score: float | None = None
    band: Band | None = None


@dataclass(frozen=True, slots=True)
class Guess:
    """A category, and the chance in (0, 1] that it is that of the photo."""

    category: str
    chance: float


@dataclass(frozen=True, slots=True)
class Facets:
    """How many products of a result have each category (on all levels) and each brand, and its prices by currency.

    The counts of a kind leave out the filter of that kind, so that another category or brand can be chosen.
    """

    categories: Mapping[str, int] = field(default_factory=dict)
    brands: Mapping[str, int] = field(default_factory=dict)
    prices: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShopAnswer:
    """A page of products.

    ``guesses`` are the likeliest categories of the photo, the first the deepest that is likelier than not. ``facets``
    and ``total`` are of the nearest products that pass the filters, at most `yunmeng.apps.shop.search.MOST`.
    ``search`` names the answer for the log of clicks.
    """

    products: Sequence[ProductHit]
    total: int
    next_offset: int | None
    guesses: Sequence[Guess] = ()
    facets: Facets = field(default_factory=Facets)
    search: str = ""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row of a catalogue that was left out, or one of its pictures, by its line in the file, and why.

    In a Parquet file, ``line`` is the number of the row from 1. ``product`` is empty where the row names none.
    """

    line: int
    product: str
    reason: str

    def as_failure(self, file: str) -> Failure:
        """Return this as commands print it."""
        return Failure(f"{file} line {self.line}" + (f" ({self.product})" if self.product else ""), self.reason)


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The result of an import.

    ``products`` and ``pictures`` count what the file brings in, ``changed`` the pictures that were new or got other
    attributes, ``removed`` those that went. Rows in ``bad`` were left out; those in ``broken`` lack a picture, which
    could not be read. If it was ``interrupted``, nothing was removed; the same import again goes on from there.
    """

    products: int
    pictures: int
    changed: int = 0
    removed: int = 0
    bad: Sequence[BadRow] = ()
    broken: Sequence[BadRow] = ()
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Click:
    """A product that somebody chose.

    ``search`` is the answer, ``place`` the product's in it, from 1, and ``shown`` what else was on its page. ``query``
    holds the words that were asked with, or the product for similar ones; ``vector`` the photo's embedding, as the
    bytes of little-endian float16.
    """

    number: int
    at: datetime
    search: str
    product: str
    place: int
    kind: QueryKind
    query: str
    shown: Sequence[str]
    vector: bytes | None
