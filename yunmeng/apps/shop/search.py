"""Finding products: by photo, words or both, within filters, one hit for each product."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from yunmeng.apps.shop.types import Facets, Sort
from yunmeng.stores.filters import And, Compare, ContainsAny, In, IsNull, Or
from yunmeng.types import Hit, QueryPart

if TYPE_CHECKING:
    from yunmeng.library.library import Library
    from yunmeng.stores.filters import Filter
    from yunmeng.types import Vector

__all__ = ["IN_STOCK", "MOST", "Question", "Wanted", "facets_of", "in_order"]

MOST: Final = 200
"""Products of a result, which facets are counted over, and which are ordered by price: the nearest ones."""
WORDS_WEIGHT: Final = 0.5
"""Weight of words beside a photo."""

IN_STOCK: Final = Or((IsNull("stock"), Compare("stock", ">", 0)))
"""Products that can be had, or whose stock is not told."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters of a search. ``filter`` is a further one, as `yunmeng.Library.search` takes it, read already."""

    category: str | None = None
    brands: Sequence[str] = ()
    least: float | None = None
    most: float | None = None
    currency: str | None = None
    in_stock: bool = False
    filter: "Filter | None" = None

    def without(self, kind: str = "") -> "Filter | None":
        """Return all of it as one filter, except what is of one kind: category, brand or price."""
        parts = [part for name, part in self._parts().items() if part is not None and name != kind]
        return And(tuple(parts)) if parts else None

    def has(self, kind: str) -> bool:
        """Return whether something of this kind is wanted."""
        return self._parts()[kind] is not None

    def _parts(self) -> "Mapping[str, Filter | None]":
        prices: list[Filter] = []
        if self.currency is not None:
            prices.append(Compare("currency", "=", self.currency))
        if self.least is not None:
            prices.append(Compare("price", ">=", self.least))
        if self.most is not None:
            prices.append(Compare("price", "<=", self.most))
        return {
            "category": None if self.category is None else ContainsAny("categories", (self.category,)),
            "brand": In("brand", tuple(self.brands)) if self.brands else None,
            "price": And(tuple(prices)) if prices else None,
            "stock": IN_STOCK if self.in_stock else None,
            "further": self.filter,
        }


@dataclass(slots=True)
class Question:
    """What is asked with: the embedding of a photo, words, or both. Answers are kept, as facets ask again."""

    library: "Library"
    vector: "Vector | None" = None
    text: str | None = None
    _answers: "dict[tuple[Filter | None, int], list[Hit]]" = field(default_factory=dict)

    def ask(self, filter: "Filter | None", k: int = MOST) -> list[Hit]:
        """Return the best picture of each of the k products that fit best, best first."""
        known = self._answers.get((filter, k))
        if known is None:
            known = self._answers[filter, k] = self._asked(filter, k)
        return known

    def _asked(self, filter: "Filter | None", k: int) -> list[Hit]:
        if self.vector is None or self.text is None:
            return self.library.search(vector=self.vector, text=self.text, k=k, filter=filter, group_by="product")
        parts = [QueryPart(vector=self.vector), QueryPart(text=self.text, weight=WORDS_WEIGHT)]
        return self.library.search(mix=parts, k=k, filter=filter, group_by="product")


def in_order(hits: Sequence[Hit], sort: Sort) -> list[Hit]:
    """Return products in another order; those without a price come last. Prices of other currencies stay apart."""
    if sort == "likeness":
        return list(hits)
    sign = -1 if sort == "-price" else 1

    def key(hit: Hit) -> tuple[bool, str, float]:
        price, currency = hit.attributes.get("price"), hit.attributes.get("currency")
        return not isinstance(price, float), str(currency), sign * price if isinstance(price, float) else 0.0

    return sorted(hits, key=key)


def facets_of(question: Question, wanted: Wanted) -> Facets:
    """Return the facets of the nearest products, each kind without the filter of its own kind."""

    def hits(kind: str) -> list[Hit]:
        return question.ask(wanted.without(kind if wanted.has(kind) else ""))

    categories = Counter(
        level
        for hit in hits("category")
        for level in hit.attributes.get("categories") or []  # type: ignore[union-attr]
    )
    brands = Counter(str(brand) for hit in hits("brand") if (brand := hit.attributes.get("brand")))
    prices: dict[str, tuple[float, float]] = {}
    for hit in hits("price"):
        price, currency = hit.attributes.get("price"), str(hit.attributes.get("currency"))
        if isinstance(price, float):
            least, most = prices.get(currency, (price, price))
            prices[currency] = min(least, price), max(most, price)
    return Facets(dict(categories.most_common()), dict(brands.most_common()), prices)
