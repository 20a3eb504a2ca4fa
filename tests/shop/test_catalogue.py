"""Reading catalogues: dialects, encodings, and what is said of rows that are wrong."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from tests.shop.conftest import Write, row
from yunmeng.apps.shop.catalogue import Catalogue, read_catalogue
from yunmeng.apps.shop.values import CURRENCIES, BadValue, read_category, read_price, read_stock
from yunmeng.errors import SourceError


def read(file: Path, **options: Any) -> Catalogue:
    return read_catalogue(file, options.pop("schema", {}), **options)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_separators(write: Write, folder: Path, encoding: str, delimiter: str) -> None:
    rows = [row(n, title=f"红色连衣裙 {n}", brand="云梦") for n in range(5)]
    catalogue = read(write(rows, encoding=encoding, delimiter=delimiter))
    assert catalogue.bad == []
    first = catalogue.products["p0"]
    assert first.line == 2
    assert first.product.title == "红色连衣裙 0"
    assert (first.product.price, first.product.currency, first.product.stock) == (10.5, "EUR", 0)
    assert first.pictures == [str(folder / "0.png")]


def test_columns_of_product_feeds_and_in_chinese(write: Write, folder: Path) -> None:
    feed = {
        "ID": "7",
        "Title": "Boots",
        "Price": "15.00 USD",
        "Product Type": "Women > Shoes > Boots",
        "Link": "https://shop.example/7",
        "Image Link": "1.png",
        "additional_image_link": "https://shop.example/a.jpg,https://shop.example/b.jpg",
        "item_group_id": "boots",
        "availability": "out of stock",
    }
    listing = read(write([feed])).products["7"]
    product = listing.product
    assert (product.price, product.currency, product.category) == (15.0, "USD", "Women/Shoes/Boots")
    assert (product.family, product.stock) == ("boots", 0)
    assert listing.pictures == [str(folder / "1.png"), "https://shop.example/a.jpg", "https://shop.example/b.jpg"]
    chinese = {"商品编号": "8", "名称": "靴子", "价格": "99", "币种": "CNY", "图片": "2.png", "库存": "3", "颜色": "红"}
    product = read(write([chinese])).products["8"].product
    assert (product.title, product.price, product.currency, product.stock) == ("靴子", 99.0, "CNY", 3)
    assert product.more == {"颜色": "红"}


def test_json_and_parquet_have_lists_and_numbers(folder: Path) -> None:
    pytest.importorskip("pyarrow")
    import pyarrow as pa
    from pyarrow import parquet

    rows = [
        {"id": 1, "title": "One", "images": ["0.png", "1.png"], "price": 5.5, "currency": "EUR", "stock": 3.0},
        {"id": 2, "title": "Two", "images": ["2.png"], "price": None, "currency": None, "stock": None},
    ]
    (folder / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    parquet.write_table(pa.Table.from_pylist(rows), folder / "a.parquet")
    found = [read(folder / name) for name in ("a.jsonl", "a.parquet")]
    assert [one.bad for one in found] == [[], []]
    for one in found:
        assert one.products["1"].product.price == 5.5
        assert one.products["1"].product.stock == 3
        assert one.products["2"].product.price is None
        assert [Path(name).name for name in one.products["1"].pictures] == ["0.png", "1.png"]
    (folder / "b.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(SourceError, match=r"b\.parquet is no Parquet file"):
        read(folder / "b.parquet")


def test_several_rows_are_several_pictures(write: Write) -> None:
    further = {"id": "p0", "title": "Product 0", "image": "9.png"}
    rows = [row(0, image="0.png|1.png"), row(0, image="2.png"), row(1), further, row(0, price="1.00"), row(1)]
    catalogue = read(write(rows))
    assert [Path(name).name for name in catalogue.products["p0"].pictures] == ["0.png", "1.png", "2.png", "9.png"]
    assert [(bad.line, bad.product) for bad in catalogue.bad] == [(6, "p0"), (7, "p1")]
    assert "another price" in catalogue.bad[0].reason
    assert "says the same" in catalogue.bad[1].reason


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no id": ({"id": ""}, "it has no id"),
    "long id": ({"id": "x" * 201}, "the id has 201 characters"),
    "no title": ({"title": " "}, "it has no title"),
    "unprintable": ({"title": "a\x00b"}, "cannot be shown"),
    "long title": ({"title": "x" * 501}, "501 characters"),
    "no picture": ({"image": ""}, "it has no picture"),
    "picture away": ({"image": "away.png"}, "there is no picture at"),
    "other scheme": ({"image": "ftp://shop.example/a.png"}, "no http or https URL"),
    "price in words": ({"price": "cheap"}, "the price is 'cheap'"),
    "negative price": ({"price": "-3"}, "must be a number from 0"),
    "two ways": ({"price": "1,299"}, "can be read in two ways"),
    "symbol": ({"price": "€5"}, "12.50 EUR"),
    "no currency": ({"currency": ""}, "has no currency"),
    "unknown currency": ({"currency": "EURO"}, "no code of ISO 4217"),
    "half a piece": ({"stock": "1.5"}, "no whole number"),
    "negative stock": ({"stock": "-1"}, "must be from 0"),
    "empty level": ({"category": "women//boots"}, "none of them empty"),
    "script": ({"link": "javascript:alert(1)"}, "no http or https URL"),
    "no host": ({"link": "https:///x"}, "no http or https URL"),
    "declared": ({"colour": "many"}, "'colour' is 'many', which does not fit int"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_each_kind_of_bad_row_is_named(write: Write, kind: str) -> None:
    wrong, reason = WRONG[kind]
    catalogue = read(
        write([row(0, colour="1"), row(1, **{"colour": "2", **wrong}), row(2, colour="3")]), schema={"colour": "int"}
    )
    assert list(catalogue.products) == ["p0", "p2"]
    (bad,) = catalogue.bad
    assert bad.line == 3
    assert reason in bad.reason
    assert bad.product == ("" if kind == "no id" else "x" * 200 if kind == "long id" else "p1")
    assert "\n" not in bad.reason


def test_rows_that_are_badly_written(folder: Path) -> None:
    file = folder / "bad.csv"
    file.write_bytes(
        b"id,title,image\n"
        b"1,One,0.png,more\n"
        b'2,"Two,1.png\n'
        b"3,Three,2.png\n"
        b"4,\xe7\xba\xa2\xe8\x89\xb2,3.png\n"
        b"5,Fi\xffve,4.png\n"
        b"6,\xe8\xa3\x99\xe5\xad\x90,5.png\n"
    )
    catalogue = read(file)
    assert list(catalogue.products) == ["3", "4", "6"]
    assert [bad.line for bad in catalogue.bad] == [2, 3, 6]
    lines = [
        '{"id": 1',
        "[1]",
        '{"id": 1, "id": 2}',
        '{"id": 3, "title": ["x"], "image": "0.png"}',
        '{"id": 4, "title": 4, "image": "0.png"}',
    ]
    (folder / "bad.jsonl").write_text("\n".join(lines))
    catalogue = read(folder / "bad.jsonl")
    assert [bad.line for bad in catalogue.bad] == [1, 2, 3, 4]
    assert list(catalogue.products) == ["4"]


def test_a_file_that_is_no_catalogue(folder: Path, write: Write) -> None:
    for name, text, reason in (
        ("a.txt", "x", "its name must end in"),
        ("a.csv", "id,name\n1,x\n", "columns named id, title and image"),
        ("b.csv", "id,title,image,position\n1,x,0.png,4\n", "'position' itself"),
    ):
        (folder / name).write_text(text)
        with pytest.raises(SourceError, match=reason):
            read(folder / name)
    with pytest.raises(SourceError, match="no such file"):
        read(folder / "none.csv")
    with pytest.raises(SourceError, match="ISO 4217"):
        read(write([row(0)]), currency="dollars")


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("12", 12), ("12.5", 12.5), ("12,5", 12.5), ("1,234.50", 1234.5), ("1.234,50", 1234.5), ("1 234,50", 1234.5),
        ("1'234.50", 1234.5), ("1,234,567", 1234567), ("1.234.567", 1234567), ("EUR 3", 3), ("3 usd", 3), ("0", 0),
    ],
)  # fmt: skip
def test_prices_as_people_write_them(text: str, price: float) -> None:
    assert read_price(text, "EUR")[0] == price


def test_three_decimals_where_the_currency_has_them() -> None:
    assert read_price("1.250 KWD", "") == (1.25, "KWD")


def test_categories_and_stock() -> None:
    assert read_category(" women / shoes ") == "women/shoes"
    assert read_category("Women > Shoes") == "Women/Shoes"
    assert read_stock("In Stock") is None
    with pytest.raises(BadValue):
        read_stock(True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3),
)
NAMES = st.sampled_from(
    ["id", "title", "image", "price", "currency", "category", "link", "stock", "family", "brand", "x"]
)


@profile(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(NAMES, JSON), max_size=8))
def test_any_row_is_a_product_or_named(folder: Path, rows: list[dict[str, Any]]) -> None:
    (folder / "any.jsonl").write_text(
        "\n".join(map(json.dumps, [*rows, {"id": "good", "title": "x", "image": "0.png"}]))
    )
    catalogue = read(folder / "any.jsonl")
    named = {bad.line for bad in catalogue.bad} | {listing.line for listing in catalogue.products.values()}
    assert len(rows) + 1 in named or "good" in catalogue.products
    assert named <= set(range(1, len(rows) + 2))
    for listing in catalogue.products.values():
        assert listing.product.currency in {"", *CURRENCIES}
        assert all(Path(name).is_file() for name in listing.pictures)
