"""Routes of a shop: search, products, imports, clicks."""

from typing import TYPE_CHECKING, Annotated

from anyio import to_thread
from fastapi import APIRouter, Form, Path, Query, UploadFile
from pydantic import Field

from yunmeng.apps import Web
from yunmeng.apps.shop.jobs import CatalogueJobs
from yunmeng.apps.shop.schemas import (
    ClickOn,
    ClickOut,
    ClickPage,
    ImportStarted,
    ObjectsOut,
    ObjectsQuery,
    ProductOut,
    ProductPage,
    ProductSelection,
    ProductsRemoved,
    ShopOptions,
    ShopOut,
    ShopQuery,
    ShopSearchAnswer,
)
from yunmeng.apps.shop.types import Product, ProductHit
from yunmeng.net.fetch import checked_url
from yunmeng.schemas.common import RegionText, Request, as_region
from yunmeng.schemas.paging import cursor_behind, position_of
from yunmeng.schemas.text import from_wire

if TYPE_CHECKING:
    from yunmeng.apps.shop.service import Shop
    from yunmeng.types import QueryPicture, Record, Region

__all__ = ["routes"]

_DIGEST = 64  # hexadecimal digits of a SHA-256, which a cursor holds

Named = Annotated[str, Path(description="The product's id.")]


class UploadedShopQuery(ShopOptions):
    """A search by a photo that comes with the request."""

    file: UploadFile = Field(description="The photo.")
    region: RegionText | None = Field(None, description="Look at this part of the photo only: x,y,w,h.")


class UploadedCatalogue(Request):
    """A catalogue to bring in."""

    file: UploadFile = Field(description="CSV, JSONL or Parquet; the ending of its name says which.")
    currency: str = Field("", pattern="^([A-Z]{3})?$", description="Of prices that name none.")
    replace: bool = Field(False, description="Remove the products that the file does not name.")
    folder: str | None = Field(
        None, min_length=1, max_length=4096, description="Where paths of pictures begin, on the server's disk."
    )


def routes(service: "Shop", web: Web) -> APIRouter:
    """Return the routes below ``/v1/shop``."""
    router = web.router()
    _add_searches(router, service, web)
    _add_products(router, service, web)
    _add_clicks(router, service, web)
    _add_import(router, CatalogueJobs(service, web), web)
    return router


def _add_searches(router: APIRouter, service: "Shop", web: Web) -> None:
    responses = web.responses

    async def found(wanted: ShopOptions, image: "QueryPicture | None", region: "Region | None") -> ShopSearchAnswer:
        options = wanted.model_dump(include=set(ShopOptions.model_fields))
        return ShopSearchAnswer.of(await web.run(lambda: service.search(image, region=region, **options)))

    @router.post("/search", responses=responses(415), dependencies=[web.searcher])
    async def search_products(query: ShopQuery) -> ShopSearchAnswer:
        """Find products by the URL of a photo, by words, or by both."""
        url = None if query.url is None else checked_url(query.url)
        return await found(query, url, None if query.region is None else as_region(query.region))

    @router.post("/search/upload", responses=responses(415), dependencies=[web.searcher])
    async def search_products_by_upload(
        query: Annotated[UploadedShopQuery, Form(media_type="multipart/form-data")],
    ) -> ShopSearchAnswer:
        """Find products by the photo that is sent, and by words beside it."""
        return await found(query, await query.file.read(), None if query.region is None else as_region(query.region))

    @router.post("/objects", responses=responses(415), dependencies=[web.searcher])
    async def objects_in_photo(query: ObjectsQuery) -> ObjectsOut:
        """Return where the things in a photo are, given its URL: each region can be searched with."""
        url = checked_url(query.url)
        return ObjectsOut.of(await web.run(lambda: service.objects(url)))

    @router.post("/objects/upload", responses=responses(415), dependencies=[web.searcher])
    async def objects_in_upload(file: UploadFile) -> ObjectsOut:
        """Return where the things in the photo that is sent are: each region can be searched with."""
        photo = await file.read()
        return ObjectsOut.of(await web.run(lambda: service.objects(photo)))

    @router.get("/similar/{id:text}", responses=responses(404), dependencies=[web.searcher])
    async def similar_products(id: Named, k: Annotated[int, Query(ge=1, le=200)] = 20) -> ShopSearchAnswer:
        """Find products that look like one of the shop, without its variants; what is sold out comes last."""
        return ShopSearchAnswer.of(await to_thread.run_sync(service.similar, from_wire(id), k))


def _add_products(router: APIRouter, service: "Shop", web: Web) -> None:
    responses = web.responses

    @router.get("", responses=responses(), dependencies=[web.searcher])
    async def shop() -> ShopOut:
        """Return how many products there are."""
        return ShopOut(products=await to_thread.run_sync(service.size))

    @router.get("/products", responses=responses(), dependencies=[web.searcher])
    async def list_products(
        filter: Annotated[str | None, Query(max_length=10_000, description="As in POST /v1/search.")] = None,
        cursor: Annotated[str | None, Query(min_length=_DIGEST, max_length=4096)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> ProductPage:
        """List products, in an order that stays."""
        after = None if cursor is None else position_of(cursor)

        def page() -> ProductPage:
            if not service.size():  # which may be because no catalogue was brought in yet
                return ProductPage(products=[], total=0, next_cursor=None)
            records = service.products(limit + 1, after, filter)
            shown = [_main(record) for record in records[:limit]]
            following = cursor_behind(records[limit - 1]) if len(records) > limit else None
            return ProductPage(products=shown, total=service.count(filter), next_cursor=following)

        return await to_thread.run_sync(page)

    @router.post("/products/remove", responses=responses(), dependencies=[web.writer])
    async def remove_products(selection: ProductSelection) -> ProductsRemoved:
        """Remove products by their ids; unknown ids are ignored."""
        ids = list(map(from_wire, selection.ids))
        return ProductsRemoved(removed=await to_thread.run_sync(service.remove, ids))

    @router.get("/products/{id:text}", responses=responses(404), dependencies=[web.searcher])
    async def product(id: Named) -> ProductOut:
        """Return a product."""
        return ProductOut.of(await to_thread.run_sync(service.product, from_wire(id)))


def _add_clicks(router: APIRouter, service: "Shop", web: Web) -> None:
    responses = web.responses

    @router.post("/clicks", responses=responses(404), status_code=201, dependencies=[web.searcher])
    async def click_on_product(click: ClickOn) -> ClickOut:
        """Keep that somebody chose a product of an answer, for a day after it was given."""
        return ClickOut.of(await to_thread.run_sync(service.click, click.search, from_wire(click.product)))

    @router.get("/clicks", responses=responses(), dependencies=[web.writer])
    async def list_clicks(
        after: Annotated[int, Query(ge=0, le=2**53)] = 0, limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> ClickPage:
        """List clicks, the oldest first."""
        clicks = await to_thread.run_sync(service.clicks, after, limit + 1)
        following = clicks[limit - 1].number if len(clicks) > limit else None
        return ClickPage(clicks=list(map(ClickOut.of, clicks[:limit])), next_after=following)


def _add_import(router: APIRouter, imports: CatalogueJobs, web: Web) -> None:
    @router.post("/import", responses=web.responses(), status_code=202, dependencies=[web.admin])
    async def import_catalogue(
        order: Annotated[UploadedCatalogue, Form(media_type="multipart/form-data")],
    ) -> ImportStarted:
        """Bring in the products of a catalogue that is sent, in the background."""
        name, data, folder = order.file.filename or "", await order.file.read(), order.folder
        return ImportStarted(
            job=await to_thread.run_sync(
                lambda: imports.order(
                    name,
                    data,
                    currency=order.currency,
                    replace=order.replace,
                    folder=None if folder is None else from_wire(folder),
                )
            )
        )


def _main(record: "Record") -> ProductOut:
    return ProductOut.of(ProductHit(Product.of(record.attributes), record.id))
