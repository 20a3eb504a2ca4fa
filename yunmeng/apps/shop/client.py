"""The calls of the API about a shop. Both clients have them as methods."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from yunmeng.apps.shop.schemas import (
    ClickOut,
    ClickPage,
    ImportStarted,
    ObjectsOut,
    ProductOut,
    ProductPage,
    ProductsRemoved,
    ShopOut,
    ShopSearchAnswer,
)
from yunmeng.errors import QueryError
from yunmeng.schemas.call import Call, Pages, Part
from yunmeng.schemas.text import to_wire

__all__ = [
    "click_product",
    "import_catalogue",
    "objects_in_photo",
    "product",
    "product_clicks",
    "products",
    "remove_products",
    "search_products",
    "shop",
    "similar_products",
]

_PLACE: Final = "/v1/shop"


def shop() -> Call[ShopOut]:
    """Return how many products the shop has."""
    return Call("GET", _PLACE, ShopOut.model_validate_json)


def search_products(
    image: bytes | Path | str | None = None,
    *,
    text: str | None = None,
    region: Sequence[float] | None = None,
    brands: Sequence[str] = (),
    **wanted: Any,
) -> Call[ShopSearchAnswer]:
    """Find products by a photo (a file's bytes, a path or a URL), by words, or by both.

    ``wanted`` are the other options of `yunmeng.apps.shop.service.Shop.search`: category, least, most, currency,
    in_stock, filter, sort, k and offset.
    """
    options = {name: value for name, value in {"text": text, **wanted}.items() if value is not None}
    if image is None or _on_web(image):
        body: dict[str, Any] = {**options, "brands": list(brands)}
        if image is not None:
            body["url"] = image
        if region is not None:
            body["region"] = dict(zip("xywh", map(float, region), strict=True))
        return Call("POST", f"{_PLACE}/search", ShopSearchAnswer.model_validate_json, json=body)
    parts = [_sent(image)]
    parts += [(name, (None, str(value).encode())) for name, value in options.items()]
    parts += [("brands", (None, brand.encode())) for brand in brands]
    if region is not None:
        parts.append(("region", (None, ",".join(map(str, region)).encode())))
    return Call("POST", f"{_PLACE}/search/upload", ShopSearchAnswer.model_validate_json, parts=parts)


def objects_in_photo(image: bytes | Path | str) -> Call[ObjectsOut]:
    """Return where the things in a photo (a file's bytes, a path or a URL) are: each region can be searched with."""
    read = ObjectsOut.model_validate_json
    if _on_web(image):
        return Call("POST", f"{_PLACE}/objects", read, json={"url": image})
    return Call("POST", f"{_PLACE}/objects/upload", read, parts=[_sent(image)])


def similar_products(id: str, k: int = 20) -> Call[ShopSearchAnswer]:
    """Find products that look like one of the shop, without its variants; what is sold out comes last."""
    return Call("GET", f"{_PLACE}/similar/{_named(id)}", ShopSearchAnswer.model_validate_json, params={"k": k})


def product(id: str) -> Call[ProductOut]:
    """Return a product."""
    return Call("GET", f"{_PLACE}/products/{_named(id)}", ProductOut.model_validate_json)


def products(filter: str | None = None, page: int = 500) -> Pages[ProductPage, ProductOut]:
    """Iterate over all products (that pass ``filter``); they are requested ``page`` at a time."""

    def ask(cursor: str | None) -> Call[ProductPage]:
        given = {"filter": filter, "cursor": cursor}
        params: dict[str, str | int] = {name: value for name, value in given.items() if value is not None}
        return Call("GET", f"{_PLACE}/products", ProductPage.model_validate_json, params={**params, "limit": page})

    return Pages(
        ask(None),
        items=lambda answer: answer.products,
        following=lambda answer: None if answer.next_cursor is None else ask(answer.next_cursor),
    )


def remove_products(ids: Sequence[str]) -> Call[ProductsRemoved]:
    """Remove products by their ids."""
    body = {"ids": list(map(to_wire, ids))}
    return Call("POST", f"{_PLACE}/products/remove", ProductsRemoved.model_validate_json, json=body)


def click_product(search: str, product: str) -> Call[ClickOut]:
    """Keep that somebody chose a product of an answer, which has the name ``search``."""
    body = {"search": search, "product": to_wire(product)}
    return Call("POST", f"{_PLACE}/clicks", ClickOut.model_validate_json, json=body)


def product_clicks(after: int = 0, page: int = 500) -> Pages[ClickPage, ClickOut]:
    """Iterate over the clicks behind number ``after``, the oldest first."""

    def ask(after: int) -> Call[ClickPage]:
        params: dict[str, str | int] = {"after": after, "limit": page}
        return Call("GET", f"{_PLACE}/clicks", ClickPage.model_validate_json, params=params)

    return Pages(
        ask(after),
        items=lambda answer: answer.clicks,
        following=lambda answer: None if answer.next_after is None else ask(answer.next_after),
    )


def import_catalogue(
    file: str | Path, *, currency: str = "", replace: bool = False, folder: str | None = None
) -> Call[ImportStarted]:
    """Send a catalogue, which is brought in by a job; `get_job` follows it, and `job_failures` has its bad rows.

    Paths of pictures are of the server's disk, below ``folder``.
    """
    parts: list[Part] = [("file", (Path(file).name, Path(file).read_bytes()))]
    parts += [("currency", (None, currency.encode())), ("replace", (None, str(replace).lower().encode()))]
    if folder is not None:
        parts.append(("folder", (None, to_wire(folder).encode())))
    return Call("POST", f"{_PLACE}/import", ImportStarted.model_validate_json, parts=parts)


def _on_web(image: bytes | Path | str) -> bool:
    return isinstance(image, str) and image.lower().startswith(("http://", "https://"))


def _sent(image: bytes | Path | str) -> Part:
    return "file", ("photo", image if isinstance(image, bytes) else Path(image).read_bytes())


def _named(id: str) -> str:
    if not id:
        raise QueryError("the id of a product has at least one character")
    return quote(to_wire(id), safe="")
