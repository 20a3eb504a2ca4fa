"""A shop: the products of a library, brought in from a catalogue and found by photo or words."""

import threading
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from yunmeng.apps.shop.catalogue import read_catalogue
from yunmeng.apps.shop.guessing import NEIGHBOURS, guess
from yunmeng.apps.shop.importing import bring_in, declare, position_of
from yunmeng.apps.shop.search import IN_STOCK, MOST, Question, Wanted, facets_of, in_order
from yunmeng.apps.shop.tables import ClickLog, Shown
from yunmeng.apps.shop.types import ImportReport, Product, ProductHit, ShopAnswer
from yunmeng.errors import QueryError, RecordNotFound
from yunmeng.stores.filters import And, Compare, In, IsNull, Not, Or, check
from yunmeng.stores.parse import read_filter

if TYPE_CHECKING:
    from yunmeng.apps.shop.types import Click, Guess, QueryKind, Sort
    from yunmeng.ingest.roots import Roots
    from yunmeng.library.library import Library
    from yunmeng.stores.filters import Filter
    from yunmeng.types import Hit, OnTally, QueryPicture, Record, Subject, Vector

__all__ = ["Shop"]

_PICTURES_READ: Final = 10_000
"""Pictures of one page of products that are looked up."""


class Shop:
    """The products of ``library``, which stays the caller's to close. Threads may share it.

    >>> shop = Shop(library)                                                        # doctest: +SKIP
    >>> report = shop.import_catalogue("catalogue.csv", currency="EUR")             # doctest: +SKIP
    >>> answer = shop.search("photo.jpg", category="women/shoes", most=100)         # doctest: +SKIP
    >>> [hit.product.title for hit in answer.products]                              # doctest: +SKIP
    """

    def __init__(self, library: "Library") -> None:
        self._library = library
        self._clicks = ClickLog(library.state)
        self._importing = threading.Lock()

    def import_catalogue(
        self,
        file: str | Path,
        *,
        currency: str = "",
        replace: bool = False,
        folder: str | Path | None = None,
        within: "Roots | None" = None,
        on_tally: "OnTally | None" = None,
        stop: threading.Event | None = None,
    ) -> ImportReport:
        """Bring in the products of a file: new ones, and those that are there with what the file says now.

        All rows are checked first. A product that the file names in a row that is wrong stays as it was. Attributes of
        pictures that the file has no column for stay too. An import that was killed and is run again ends with one
        whole catalogue; with ``replace``, searches are answered from the old one until all of the new one is there.

        Args:
            file: CSV, JSONL or Parquet; docs/shop.md describes the columns.
            currency: Of prices that name none, a code of ISO 4217.
            replace: Remove the products that the file does not name.
            folder: Where relative paths of pictures are looked for; by default beside the file.
            within: Folders that may be read; None for all.
            on_tally: Called as pictures are read and encoded.
            stop: Ends the import cleanly when set.

        Raises:
            SourceError: The file cannot be read, or no row of it can be used; nothing is changed.
            SchemaError: The library uses the names of a product's attributes for something else.
            MissingExtra: It is a Parquet file, and pyarrow is missing.
        """
        place = None if folder is None else Path(folder)
        with self._importing:
            catalogue = read_catalogue(Path(file), self._library.schema, currency=currency, folder=place, within=within)
            if catalogue.products and not declare(self._library, stop):
                return ImportReport(len(catalogue.products), 0, bad=catalogue.bad, interrupted=True)
            return bring_in(self._library, catalogue, replace=replace, on_tally=on_tally, stop=stop)

    def check_catalogue(
        self, file: str | Path, *, currency: str = "", folder: str | Path | None = None, within: "Roots | None" = None
    ) -> ImportReport:
        """Check all rows of a file as `import_catalogue` does, and change nothing."""
        place = None if folder is None else Path(folder)
        schema = self._library.schema
        return read_catalogue(Path(file), schema, currency=currency, folder=place, within=within).report()

    def search(
        self,
        image: "QueryPicture | None" = None,
        *,
        text: str | None = None,
        region: Sequence[float] | None = None,
        category: str | None = None,
        brands: Sequence[str] = (),
        least: float | None = None,
        most: float | None = None,
        currency: str | None = None,
        in_stock: bool = False,
        filter: "str | Filter | None" = None,
        sort: "Sort" = "likeness",
        k: int = 20,
        offset: int = 0,
    ) -> ShopAnswer:
        """Return the k products that fit best, each once, with its best picture first.

        Args:
            image: A photo, as for `yunmeng.Library.search`.
            text: Words, alone or beside a photo: "this, but red".
            region: The part of the photo to look at: x, y, width and height in fractions of it.
            category: Only products of this category and those below it: women/shoes.
            brands: Only products of one of these brands.
            least: Only products with this price or a higher one.
            most: Only products with this price or a lower one.
            currency: Only products with prices in this currency.
            in_stock: Leave out products that are sold out.
            filter: A further condition on attributes, as for `yunmeng.Library.search`.
            sort: likeness, price or -price (the dearest first); prices order the 200 nearest products.
            k: How many products are wanted.
            offset: How many are passed over, for the next page.

        Raises:
            PictureError, FilterError, MissingExtra.
            QueryError: There is no photo and no text, or no catalogue yet.
        """
        if (image is None and text is None) or k < 1 or offset < 0:
            raise QueryError("ask with a photo, with words, or with both; k is at least 1, and offset at least 0")
        now = self._pinned()
        wanted = Wanted(category, brands, least, most, currency, in_stock, now._filter(filter))
        vector = None if image is None else now._library.embed(image, region)
        question = Question(now._library, vector, text)
        nearest = question.ask(wanted.without())
        if sort == "likeness" and offset + k >= MOST:
            nearest = question.ask(wanted.without(), offset + k + 1)
        hits = in_order(nearest, sort)
        page = now._with_pictures(hits[offset : offset + k])
        kind: QueryKind = "photo" if text is None else "words" if image is None else "both"
        name = self._clicks.remember(Shown(kind, text or "", vector, offset, [hit.product.id for hit in page]))
        return ShopAnswer(
            page,
            total=min(len(nearest), MOST),
            next_offset=offset + k if len(hits) > offset + k else None,
            guesses=now._guesses(question, wanted),
            facets=facets_of(question, wanted),
            search=name,
        )

    def objects(self, image: "QueryPicture") -> "list[Subject]":
        """Return where the things in a photo are, at most five, the main one first: search with the region of one.

        None where nothing stands out: then all of the photo counts. Raises `PictureError`.
        """
        encoding = self._library.generation.encoding
        return encoding.views.objects_of(encoding.embedder.source(image))

    def similar(self, product: str, k: int = 20) -> ShopAnswer:
        """Return the products that look most like ``product``, without itself and its family; sold out ones last.

        Raises `RecordNotFound`.
        """
        now = self._pinned()
        records = now._records([product])
        if not records:
            raise RecordNotFound(f"there is no product {product}")
        others: Filter = Not(Compare("product", "=", product))
        if family := records[0].attributes.get("family"):
            others = And((others, Or((IsNull("family"), Not(Compare("family", "=", str(family)))))))
        question = Question(now._library, now._mean([record.id for record in records]))
        hits = question.ask(And((others, IN_STOCK)), k)
        if len(hits) < k:
            hits = [*hits, *question.ask(And((others, Not(IN_STOCK))), k - len(hits))]
        page = now._with_pictures(hits)
        name = self._clicks.remember(Shown("similar", product, None, 0, [hit.product.id for hit in page]))
        return ShopAnswer(page, total=len(page), next_offset=None, search=name)

    def product(self, id: str) -> ProductHit:
        """Return a product with its pictures, the main one first. Raises `RecordNotFound`."""
        records = self._records([id])
        if not records:
            raise RecordNotFound(f"there is no product {id}")
        pictures = [record.id for record in records]
        return ProductHit(Product.of(records[0].attributes), pictures[0], pictures[1:])

    def products(
        self, limit: int = 100, after: tuple[str, str] | None = None, filter: "str | Filter | None" = None
    ) -> "list[Record]":
        """Return the main pictures of the next ``limit`` products (that pass ``filter``) by (sha256, id) of these.

        They come behind ``after``, one such pair. `Product.of` reads the attributes of one.
        """
        return self._library.reader.page(limit, after, self._main(filter))

    def count(self, filter: "str | Filter | None" = None) -> int:
        """Return how many products there are (that pass ``filter``)."""
        return self._library.reader.count(self._main(filter))

    def size(self) -> int:
        """Return how many products there are: 0 too where no catalogue has been brought in yet."""
        return self.count() if "product" in self._library.schema else 0

    def remove(self, ids: Sequence[str]) -> int:
        """Remove products. Returns how many there were; unknown ids are ignored."""
        self._check()
        named = In("product", tuple(ids))
        count = self.count(named)
        self._library.delete(filter=named)
        return count

    def click(self, search: str, product: str) -> "Click":
        """Keep that somebody chose a product of an answer, by its ``search``. Raises `RecordNotFound`."""
        return self._clicks.click(search, product)

    def clicks(self, after: int = 0, limit: int = 1000) -> "list[Click]":
        """Return the next ``limit`` clicks behind number ``after``, the oldest first."""
        return self._clicks.clicks(after, limit)

    def _pinned(self) -> "Shop":
        """Return this shop as it is now: an import that replaces the catalogue does not come between its answers."""
        now = copy(self)
        now._library = self._library.pinned()
        return now

    def _guesses(self, question: Question, wanted: Wanted) -> "list[Guess]":
        """Return the likeliest categories of a photo, from the nearest products of any category."""
        if question.vector is None:
            return []
        nearest = question.ask(wanted.without("category"))[:NEIGHBOURS]
        records = self._library.reader.get_many([hit.id for hit in nearest], vectors=True)
        return guess(question.vector, [records[hit.id] for hit in nearest if hit.id in records])

    def _with_pictures(self, hits: "Sequence[Hit]") -> list[ProductHit]:
        pictures: dict[str, list[str]] = {}
        for record in self._records([str(hit.attributes["product"]) for hit in hits]):
            pictures.setdefault(str(record.attributes["product"]), []).append(record.id)
        found = []
        for hit in hits:
            product = Product.of(hit.attributes)
            others = [id for id in pictures.get(product.id, []) if id != hit.id]
            found.append(ProductHit(product, hit.id, others, hit.score, hit.band))
        return found

    def _records(self, products: Sequence[str]) -> "list[Record]":
        """Return the pictures of products, each product's in the order of the catalogue."""
        self._check()
        if not products:
            return []
        found = self._library.reader.page(_PICTURES_READ, filter=In("product", tuple(products)))
        return sorted(found, key=lambda record: (position_of(record), record.id))

    def _mean(self, ids: Sequence[str]) -> "Vector":
        """Return the mean of the embeddings of pictures."""
        records = self._library.reader.get_many(ids, vectors=True).values()
        mean: Vector = np.mean([record.vector for record in records if record.vector is not None], axis=0)
        return mean

    def _main(self, filter: "str | Filter | None") -> "Filter":
        further, main = self._filter(filter), Compare("position", "=", 1)
        return main if further is None else And((main, further))

    def _filter(self, filter: "str | Filter | None") -> "Filter | None":
        self._check()
        parsed = read_filter(filter)
        if parsed is not None:
            check(parsed, self._library.schema)
        return parsed

    def _check(self) -> None:
        if "product" not in self._library.schema:
            raise QueryError("the library has no catalogue yet: yunmeng shop import FILE --db DIR")
