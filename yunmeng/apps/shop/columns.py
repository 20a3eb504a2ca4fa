"""Columns of a catalogue: our names of them, and those that other programs write."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from yunmeng.apps.shop.types import ATTRIBUTES
from yunmeng.apps.shop.values import BadValue
from yunmeng.errors import SourceError
from yunmeng.ingest.rows import TableFormat
from yunmeng.media.readers import claims
from yunmeng.net.fetch import is_url
from yunmeng.types import AttributeSchema

__all__ = ["CATALOGUE_ENDINGS", "PICTURES", "table_format", "told_by"]

CATALOGUE_ENDINGS: Final = frozenset({".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"})

PICTURES: Final = "pictures"

_NAMES: Final = {
    "id": ("id", "product_id", "sku", "product", "商品编号", "商品id", "编号", "货号"),
    "title": ("title", "name", "product_name", "商品名称", "名称", "标题"),
    "price": ("price", "价格", "售价"),
    "currency": ("currency", "货币", "币种"),
    "category": ("category", "product_type", "类目", "分类"),
    "brand": ("brand", "品牌"),
    "link": ("link", "url", "product_url", "链接"),
    "stock": ("stock", "quantity", "inventory", "availability", "库存"),
    "family": ("family", "item_group_id", "parent_id", "款号"),
}
"""Names of columns for each fact of a product, the best first: ours, those of product feeds, and Chinese ones."""
_PICTURES: Final = frozenset(
    {"image", "images", "image_link", "image_url", "additional_image_link", "picture", "pictures", "photo", "photos"}
    | {"path", "uri", "图片", "主图"}
)
_TAKEN: Final = frozenset({*ATTRIBUTES, *_NAMES, "path", "url", "uri"})
"""Names that a further column cannot have: the records of the library use them."""


def _plain(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().casefold())


def _shows_pictures(name: str) -> bool:
    """Return whether a column holds pictures; several may be numbered: image_2, 图片3."""
    return re.sub(r"_?\d+$", "", _plain(name)) in _PICTURES


@lru_cache(maxsize=256)
def told_by(columns: Sequence[str]) -> tuple[str, ...]:
    """Return what each of ``columns``, a tuple, tells: a fact of `Product`, `PICTURES`, or a further attribute.

    Raises `BadValue` for a further column with a name that the shop uses itself.
    """
    plain = [_plain(name) for name in columns]
    best = {fact: next((name for name in names if name in plain), None) for fact, names in _NAMES.items()}
    by_name = {name: fact for fact, name in best.items() if name is not None}
    told = []
    for name, short in zip(columns, plain, strict=True):
        if short in by_name:
            told.append(by_name.pop(short))
        elif _shows_pictures(name):
            told.append(PICTURES)
        elif name in _TAKEN:
            raise BadValue(f"the shop uses the name {name!r} itself: rename this column, or remove it")
        else:
            told.append(name)
    return tuple(told)


def table_format(schema: AttributeSchema) -> TableFormat:
    """Return what readers of tables are to know of catalogues, in a library with these declared attributes."""

    def is_header(columns: Sequence[str]) -> bool:
        plain = set(map(_plain, columns))
        named = all(not plain.isdisjoint(_NAMES[fact]) for fact in ("id", "title"))
        if not named or not any(map(_shows_pictures, columns)):
            return False
        try:
            told_by(tuple(columns))
        except BadValue as exc:
            raise SourceError(str(exc)) from exc
        return True

    return TableFormat(
        known=frozenset(),
        schema={name: type for name, type in schema.items() if name not in ATTRIBUTES},
        is_header=is_header,
        wanted="columns named id, title and image",
        is_record=lambda row: any(
            is_url(cell) or claims(cell)
            for name, cell in row.items()
            if _shows_pictures(name)
            for cell in [cell.strip()]
        ),
    )
