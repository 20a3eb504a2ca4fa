"""Bringing a catalogue in: updates, removals, pictures that cannot be read, and ends at any moment."""

import threading
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from tests.conftest import paint
from tests.shop.conftest import Write, row
from yunmeng.apps.shop.service import Shop
from yunmeng.errors import QueryError, SchemaError, SourceError
from yunmeng.library import Library
from yunmeng.types import Tally


def products(shop: Shop) -> dict[str, str]:
    """The titles of all products."""
    return {str(one.attributes["product"]): str(one.attributes["title"]) for one in shop.products(1000)}


def test_a_catalogue_comes_in_once(shop: Shop, write: Write, library: Library) -> None:
    file = write([row(n) for n in range(6)] + [row(6, image="6.png|7.png")])
    report = shop.import_catalogue(file)
    assert (report.products, report.pictures, report.changed, report.removed) == (7, 8, 8, 0)
    again = shop.import_catalogue(file)
    assert (again.products, again.changed, again.removed) == (7, 0, 0)
    assert shop.count() == 7
    assert library.count() == 8
    found = shop.product("p6")
    assert found.product.title == "Product 6"
    assert [library.get(id).uri.rpartition("/")[2] for id in (found.picture, *found.others)] == ["6.png", "7.png"]


def test_rows_change_products_and_leave_the_others(shop: Shop, write: Write, library: Library) -> None:
    shop.import_catalogue(write([row(n, image=f"{n}.png|{n + 10}.png") for n in range(4)]))
    report = shop.import_catalogue(write([row(1, title="New", image="20.png|1.png")]))
    assert (report.changed, report.removed) == (2, 1)
    assert products(shop) == {"p0": "Product 0", "p1": "New", "p2": "Product 2", "p3": "Product 3"}
    found = shop.product("p1")
    assert [library.get(id).uri.rpartition("/")[2] for id in (found.picture, *found.others)] == ["20.png", "1.png"]
    assert shop.remove(["p2", "unknown"]) == 1
    assert "p2" not in products(shop)


def test_replacing_removes_what_the_file_lacks(shop: Shop, write: Write, library: Library, folder: Path) -> None:
    library.add(folder / "29.png")  # no product: it stays
    shop.import_catalogue(write([row(n) for n in range(4)]))
    report = shop.import_catalogue(write([row(2), row(3, price="cheap"), row(5)]), replace=True)
    assert report.removed == 2
    assert products(shop).keys() == {"p2", "p3", "p5"}  # p3 is in the file, and its row is wrong: it stays as it was
    assert library.count() == 4


def test_a_file_without_a_good_row_changes_nothing(shop: Shop, write: Write) -> None:
    shop.import_catalogue(write([row(0)]))
    with pytest.raises(SourceError, match=r"nothing was changed, for example line 2: it has no title"):
        shop.import_catalogue(write([row(0, title="")]), replace=True)
    assert products(shop).keys() == {"p0"}


def test_pictures_that_cannot_be_read_are_named(shop: Shop, write: Write, folder: Path, library: Library) -> None:
    shop.import_catalogue(write([row(0), row(1)]))
    (folder / "broken.png").write_bytes(b"no picture")
    rows = [row(0, title="New", image="broken.png"), row(1, image="broken.png|5.png"), row(2, image="broken.png")]
    report = shop.import_catalogue(write(rows), replace=True)
    assert [(bad.line, bad.product) for bad in report.broken] == [(2, "p0"), (3, "p1"), (4, "p2")]
    assert report.broken[0].reason.startswith(f"{folder / 'broken.png'}: not-a-picture")
    assert "catalogue.jsonl" not in report.broken[0].reason
    assert products(shop) == {"p0": "New", "p1": "Product 1"}  # p0 keeps the picture that it had
    assert library.get(shop.product("p0").picture).uri == str(folder / "0.png")
    assert library.get(shop.product("p1").picture).attributes["position"] == 1


def test_another_picture_under_the_same_name(shop: Shop, write: Write, folder: Path, library: Library) -> None:
    file = write([row(0)])
    shop.import_catalogue(file)
    before = library.get(shop.product("p0").picture).sha256
    paint(99).save(folder / "0.png")
    assert shop.import_catalogue(file).changed == 1
    assert library.get(shop.product("p0").picture).sha256 != before


def test_facts_change_where_the_picture_cannot_be_read_again(shop: Shop, write: Write, folder: Path) -> None:
    shop.import_catalogue(write([row(0), row(1)]))
    (folder / "0.png").write_bytes(b"broken now")
    report = shop.import_catalogue(write([row(0, price="1.00"), row(1)]))
    assert [bad.product for bad in report.broken] == ["p0"]
    assert shop.product("p0").product.price == 1.0


def test_pictures_on_the_web_are_fetched_once(shop: Shop, write: Write, httpserver: HTTPServer, folder: Path) -> None:
    httpserver.expect_request("/0.png").respond_with_data((folder / "0.png").read_bytes(), content_type="image/png")
    url = httpserver.url_for("/0.png")
    shop.import_catalogue(write([row(0, image=url)]))
    shop.import_catalogue(write([row(0, image=url, price="1.00")]))
    assert shop.product("p0").product.price == 1.0
    assert len(httpserver.log) == 1


def test_checking_changes_nothing(shop: Shop, write: Write, library: Library) -> None:
    report = shop.check_catalogue(write([row(0), row(1, title="")]))
    assert (report.products, report.pictures, len(report.bad)) == (1, 1, 1)
    assert library.count() == 0
    assert library.schema == {}


def test_a_stopped_import_goes_on(shop: Shop, write: Write) -> None:
    shop.import_catalogue(write([row(n, title="Old") for n in range(20, 28)]))
    file = write([row(n) for n in range(20)])
    stop = threading.Event()

    def tell(tally: Tally) -> None:
        if tally.indexed:
            stop.set()

    report = shop.import_catalogue(file, replace=True, on_tally=tell, stop=stop)
    assert report.interrupted
    assert report.removed == 0
    assert shop.import_catalogue(file, replace=True).removed == 8
    assert products(shop).keys() == {f"p{n}" for n in range(20)}


@pytest.mark.parametrize("step", ["index", "delete"])
def test_an_import_that_breaks_off_at_any_step_is_whole_after_the_next(
    shop: Shop, write: Write, library: Library, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.import_catalogue(write([row(n, title="Old", image=f"{n}.png|{n + 10}.png") for n in range(4, 10)]))
    file = write([row(n) for n in range(7)])
    done = getattr(library, step)

    def break_off(*arguments: Any, **options: Any) -> None:
        done(*arguments, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(library, step, break_off)
    with pytest.raises(KeyboardInterrupt):
        shop.import_catalogue(file)
    monkeypatch.undo()
    shop.import_catalogue(file)
    assert products(shop) == {**{f"p{n}": f"Product {n}" for n in range(7)}, **{f"p{n}": "Old" for n in (7, 8, 9)}}
    assert library.count() == 13


def test_what_the_file_has_no_column_for_stays(shop: Shop, write: Write, library: Library) -> None:
    shop.import_catalogue(write([row(0, season="spring", size="38"), row(1, season="spring", size="38")]))
    ids = {n: shop.product(f"p{n}").picture for n in (0, 1)}
    library.update_attributes(list(ids.values()), {"brand": "by hand", "size": "40"}, add={"tags": ["by hand"]})
    for replace in (False, True):
        shop.import_catalogue(write([row(0, season="", price="1.00"), row(1, season="autumn")]), replace=replace)
        told = [library.get(id).attributes for id in ids.values()]
        assert [one["tags"] for one in told] == [["by hand"]] * 2
        assert [one["size"] for one in told] == ["40", "40"]  # this file has no such column
        assert [one.get("season") for one in told] == [None, "autumn"]  # an empty cell says that there is none
        assert [one["brand"] for one in told] == ["Bela", "Ada"]


def test_a_library_that_uses_the_names_otherwise(shop: Shop, write: Write, library: Library, folder: Path) -> None:
    with pytest.raises(QueryError, match="no catalogue yet"):
        shop.search(text="shoes")
    library.declare({"price": "str"})
    with pytest.raises(SchemaError, match="declares price as str, a shop needs float"):
        shop.import_catalogue(write([row(0)]))
