"""Bodies about a shop: products, searches, imports, clicks."""

import base64
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from yunmeng.apps.shop.types import Click, Facets, Product, ProductHit, QueryKind, ShopAnswer, Sort
from yunmeng.schemas.common import Attributes, Id, Region, Request
from yunmeng.schemas.text import to_wire, wire_attributes
from yunmeng.types import Band, Subject

__all__ = [
    "ClickOn",
    "ClickOut",
    "ClickPage",
    "FacetsOut",
    "GuessOut",
    "ImportStarted",
    "ObjectOut",
    "ObjectsOut",
    "ObjectsQuery",
    "PriceRange",
    "ProductOut",
    "ProductPage",
    "ProductSelection",
    "ProductsRemoved",
    "ShopOptions",
    "ShopOut",
    "ShopQuery",
    "ShopSearchAnswer",
]

MOST_OFFSET = 10_000


class ShopOptions(Request):
    """The filters and the order of a search, and the page that is wanted."""

    text: str | None = Field(None, min_length=1, max_length=1000, description="Words, alone or beside a photo.")
    category: str | None = Field(None, max_length=1000, description="Only this one and those below: women/shoes.")
    brands: list[Annotated[str, Field(max_length=500)]] = Field([], max_length=100, description="Only one of these.")
    least: float | None = Field(None, ge=0, description="Only from this price on.")
    most: float | None = Field(None, ge=0, description="Only up to this price.")
    currency: str | None = Field(None, pattern="^[A-Z]{3}$", description="Only prices in this currency.")
    in_stock: bool = Field(False, description="Leave out what is sold out.")
    filter: str | None = Field(None, max_length=10_000, description="A further condition, as in POST /v1/search.")
    sort: Sort = Field("likeness", description="By price: the 200 nearest products, the cheapest or dearest first.")
    k: int = Field(20, ge=1, le=200, description="Products on a page.")
    offset: int = Field(0, ge=0, le=MOST_OFFSET, description="next_offset of the page before.")


class ShopQuery(ShopOptions):
    """A search by the URL of a photo, by a picture of the library, by words, or by words beside one of them."""

    url: str | None = Field(None, min_length=1, max_length=4096, description="A photo on the web, http or https.")
    region: Region | None = Field(None, description="Look at this part of the photo only.")

    @model_validator(mode="after")
    def _some_question(self) -> "ShopQuery":
        if self.url is None and self.text is None:
            raise ValueError("ask with url, with text, or with both")
        if self.region is not None and self.url is None:
            raise ValueError("a region goes with a url")
        return self


class ObjectsQuery(Request):
    """A photo on the web whose things are looked for."""

    url: str = Field(min_length=1, max_length=4096, description="http or https.")


class ObjectOut(BaseModel):
    """The place of one thing in a photo."""

    region: Region
    confidence: float = Field(ge=0, le=1, description="How far it stands out.")


class ObjectsOut(BaseModel):
    """The things in a photo, at most five; none where nothing stands out: then all of the photo counts."""

    objects: list[ObjectOut] = Field(description="The main one first.")

    @classmethod
    def of(cls, found: list[Subject]) -> "ObjectsOut":
        """Return things as the API shows them."""
        return cls(
            objects=[ObjectOut(region=Region(**one.region._asdict()), confidence=one.confidence) for one in found]
        )


class ProductOut(BaseModel):
    """A product; score and band are there where it was searched for."""

    id: str
    title: str
    price: float | None
    currency: str = Field(description="A code of ISO 4217; empty where there is no price.")
    category: str
    brand: str
    link: str
    stock: int | None = Field(description="Null where the catalogue does not say.")
    family: str
    more: Attributes = Field(description="The values of further columns of the catalogue.")
    picture: str = Field(description="The id of its picture that fits best, or of the main one.")
    others: list[str] = Field([], description="The ids of its other pictures.")
    score: float | None = Field(None, description="Higher is better, as in POST /v1/search.")
    band: Band | None = None

    @classmethod
    def of(cls, hit: ProductHit) -> "ProductOut":
        """Return a product as the API shows it."""
        product: Product = hit.product
        return cls(
            id=to_wire(product.id),
            title=product.title,
            price=product.price,
            currency=product.currency,
            category=product.category,
            brand=product.brand,
            link=product.link,
            stock=product.stock,
            family=product.family,
            more=wire_attributes(product.more),
            picture=to_wire(hit.picture),
            others=list(map(to_wire, hit.others)),
            score=hit.score,
            band=hit.band,
        )


class GuessOut(BaseModel):
    """A category that the photo may be of."""

    category: str
    chance: float = Field(gt=0, le=1)


class PriceRange(BaseModel):
    """The lowest and the highest price in a currency."""

    currency: str
    least: float
    most: float


class FacetsOut(BaseModel):
    """Counts over the nearest products, at most 200, each kind without the filter of its own kind."""

    categories: dict[str, int] = Field(description="On all levels, the commonest first.")
    brands: dict[str, int]
    prices: list[PriceRange]

    @classmethod
    def of(cls, facets: Facets) -> "FacetsOut":
        """Return facets as the API shows them."""
        prices = [PriceRange(currency=name, least=least, most=most) for name, (least, most) in facets.prices.items()]
        return cls(categories=dict(facets.categories), brands=dict(facets.brands), prices=prices)


class ShopSearchAnswer(BaseModel):
    """A page of products, the best first."""

    products: list[ProductOut]
    total: int = Field(description="Products of the result; 200 where there are more.")
    next_offset: int | None = Field(description="Where the next page begins; null on the last one.")
    guesses: list[GuessOut] = Field(description="The likeliest categories of the photo, the best one first.")
    facets: FacetsOut
    search: str = Field(description="The name of this answer, for POST /v1/shop/clicks.")

    @classmethod
    def of(cls, answer: ShopAnswer) -> "ShopSearchAnswer":
        """Return an answer as the API shows it."""
        return cls(
            products=list(map(ProductOut.of, answer.products)),
            total=answer.total,
            next_offset=answer.next_offset,
            guesses=[GuessOut(category=guess.category, chance=guess.chance) for guess in answer.guesses],
            facets=FacetsOut.of(answer.facets),
            search=answer.search,
        )


class ProductPage(BaseModel):
    """A page of products with their main pictures."""

    products: list[ProductOut]
    total: int = Field(description="Products that pass the filter.")
    next_cursor: str | None = Field(description="Ask with it for the next page; null on the last one.")


class ProductSelection(Request):
    """Products to remove."""

    ids: list[Id] = Field(min_length=1, max_length=10_000)


class ProductsRemoved(BaseModel):
    """The number of products that were removed."""

    removed: int


class ClickOn(Request):
    """Somebody chose a product of an answer."""

    search: str = Field(min_length=1, max_length=32, description="The name of the answer.")
    product: Id


class ClickOut(BaseModel):
    """A click, and what was asked and shown."""

    number: int
    at: datetime
    search: str
    product: str
    place: int = Field(description="Its place in the answer, from 1.")
    kind: QueryKind
    query: str = Field(description="The words that were asked with, or the product whose like was looked for.")
    shown: list[str] = Field(description="The products of the page.")
    vector: str | None = Field(description="The photo's embedding: little-endian float16, in base64.")

    @classmethod
    def of(cls, click: Click) -> "ClickOut":
        """Return a click as the API shows it."""
        return cls(
            number=click.number,
            at=click.at,
            search=click.search,
            product=to_wire(click.product),
            place=click.place,
            kind=click.kind,
            query=to_wire(click.query),
            shown=list(map(to_wire, click.shown)),
            vector=None if click.vector is None else base64.b64encode(click.vector).decode(),
        )


class ClickPage(BaseModel):
    """Clicks, the oldest first."""

    clicks: list[ClickOut]
    next_after: int | None = Field(description="Ask with it for the next page; null on the last one.")


class ImportStarted(BaseModel):
    """An import in the background: GET /v1/jobs/{number} follows it, and its failures are the rows with errors."""

    job: int


class ShopOut(BaseModel):
    """The shop: how many products it has, 0 where no catalogue has been brought in yet."""

    products: int
