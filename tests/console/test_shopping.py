"""The shop's page: a photo, its subject, categories, filters, cards, similar products, and bringing in a catalogue."""

import csv
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from pytest_httpserver import HTTPServer

from tests.conftest import CommandLine
from tests.console.browsing import PHONE, Tabs, give, loaded
from tests.console.serving import CATEGORIES, photograph, serve
from tests.console.test_reading_aloud import SMALL, check_axe, found
from tests.subject.scenes import scene
from yunmeng.types import Region

COLUMNS = ("id", "title", "price", "currency", "category", "brand", "stock", "link", "image")
HEADING = re.compile("products?$")


def write_products(folder: Path) -> Path:
    """Photographs as products; the cat has two pictures, the coins are sold out, and the last row has no title."""
    folder.mkdir()
    rows: list[list[Any]] = []
    for category, names in CATEGORIES.items():
        for name in names:
            stem = Path(name).stem
            photograph(name).save(folder / f"{stem}.jpg", quality=88)
            rows.append(
                [
                    stem,
                    f"Print of {stem}",
                    f"{10 + len(rows)}.50",
                    "EUR",
                    f"prints/{category}",
                    "",
                    1,
                    "",
                    f"{stem}.jpg",
                ]
            )
            rows[-1][5] = "Ada" if len(rows) % 2 else "<b>Bela</b>"
            rows[-1][7] = f"https://shop.example/{stem}"
    photograph("chelsea.png").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "cat-2.jpg", quality=88)
    for row in rows:
        if row[0] == "chelsea":
            row[8] += "|cat-2.jpg"
        if row[0] == "coins":
            row[6] = 0
    with (folder / "catalogue.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows, ["bad", "", "1", "EUR", "", "", "", "", "coins.jpg"]])
    return folder / "catalogue.csv"


@pytest.fixture(scope="module")
def products(command_line: CommandLine) -> Path:
    return write_products(command_line.folder / "products")


@pytest.fixture(scope="module")
def shop(command_line: CommandLine, products: Path) -> Iterator[str]:
    """The address of a shop of sixteen products."""
    done = command_line("shop", "import", products, "--db", "shop")
    assert done.returncode == 1, done.stderr  # the last row
    with serve(command_line, command_line.folder / "shop") as address:
        yield address


@pytest.fixture
def visit(tabs: Tabs, shop: str) -> Callable[..., Page]:
    """Opens the shop, and waits until it shows products."""

    def visit(path: str = "/#/shop", **options: object) -> Page:
        page = tabs.open(path, address=shop, **options)
        expect(page.locator(".product").first).to_be_visible()
        expect(page.locator(".shop-page")).to_have_attribute("aria-busy", "false")
        return page

    return visit


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """A photo of two things."""
    Image.fromarray(scene(Region(0.08, 0.15, 0.3, 0.6), Region(0.6, 0.3, 0.3, 0.6))).save(tmp_path / "pair.png")
    return tmp_path / "pair.png"


def ask(page: Page, photo: Path) -> None:
    page.locator("input[name=shop-choose]").set_input_files(photo)
    expect(page.locator(".status")).to_have_text(HEADING)


def shown(page: Page) -> list[str]:
    found: list[str] = page.locator(".product").evaluate_all("found => found.map((one) => one.dataset.product)")
    return found


def test_a_photo_finds_products(visit: Callable[..., Page], query: Path) -> None:
    page = visit()
    ask(page, query)
    expect(page.locator(".product").first).to_have_attribute("data-product", "chelsea")
    expect(page.locator(".status")).to_have_text("16 products")
    expect(page.locator(".shop-photo .region")).to_be_visible()
    link = page.locator(".product-link").first
    expect(link).to_have_attribute("href", "https://shop.example/chelsea")
    expect(link).to_have_attribute("target", "_blank")
    expect(page.locator(".product-price").first).to_have_text("€10.50")
    with page.expect_response("**/v1/shop/search/upload"):
        page.get_by_role("button", name="Use the whole photo").click()
    expect(page.locator(".shop-photo .region")).to_be_hidden()
    page.reload()
    expect(page.locator(".product").first).to_have_attribute("data-product", "chelsea")
    page.get_by_role("button", name="Remove the photo").click()
    expect(page.locator(".status")).to_have_text("Have a look around")


def test_the_things_in_a_photo_are_switched_with_one_tap(visit: Callable[..., Page], pair: Path) -> None:
    page = visit()
    ask(page, pair)
    dots = page.get_by_role("group", name="Items in the photo").get_by_role("button")
    expect(dots).to_have_count(2)
    expect(page.get_by_text("2 items in the photo")).to_be_visible()
    expect(dots.nth(0)).to_have_attribute("aria-pressed", "true")
    with page.expect_response("**/v1/shop/search/upload"):
        page.get_by_role("button", name="Item 2 of 2").click()
    expect(dots.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(dots.nth(0)).to_have_attribute("aria-pressed", "false")
    page.reload()
    expect(dots.nth(1)).to_have_attribute("aria-pressed", "true")
    loaded(page.locator(".query-picture"))
    picture = page.locator(".query-picture").bounding_box()
    assert picture is not None
    with page.expect_response("**/v1/shop/search/upload"):  # drawn by hand
        page.mouse.move(picture["x"] + 3, picture["y"] + 3)
        page.mouse.down()
        page.mouse.move(picture["x"] + picture["width"] - 3, picture["y"] + picture["height"] * 0.2, steps=3)
        page.mouse.up()
    for at in range(2):
        expect(dots.nth(at)).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="Use the whole photo").click()
    with page.expect_response("**/v1/shop/search/upload"):
        page.get_by_role("button", name="Only its subject").click()
    expect(dots.nth(0)).to_have_attribute("aria-pressed", "true")


def test_a_photo_with_nothing_in_it_is_searched_whole(visit: Callable[..., Page], tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), "#888").save(tmp_path / "empty.png")
    page = visit()
    ask(page, tmp_path / "empty.png")
    expect(page.locator(".query-picture")).to_be_visible()
    expect(page.locator(".shop-photo .region")).to_be_hidden()
    expect(page.get_by_role("group", name="Items in the photo")).to_be_hidden()
    expect(page.get_by_role("button", name="Only its subject")).to_be_hidden()


def test_categories_brands_prices_stock_and_order(visit: Callable[..., Page]) -> None:
    page = visit("/#/shop?text=print")
    expect(page.locator(".status")).to_have_text("16 products")
    page.get_by_role("button", name="prints 16").click()
    page.get_by_role("button", name="thing 4").click()
    expect(page.locator(".status")).to_have_text("4 products")
    expect(page.get_by_role("button", name="thing", exact=True)).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Sort").select_option("price")
    for at, product in enumerate(("coffee", "coins", "motorcycle_left", "clock_motion")):
        expect(page.locator(".product").nth(at)).to_have_attribute("data-product", product)
    page.get_by_label("In stock only").check()
    expect(page.locator(".status")).to_have_text("3 products")
    page.get_by_text("Brand", exact=True).click()
    page.get_by_label("<b>Bela</b>").check()
    expect(page.locator(".status")).to_have_text("2 products")
    page.get_by_label("Highest price").fill("14")
    page.keyboard.press("Enter")
    expect(page.locator(".status")).to_have_text("1 product")
    page.get_by_label("Highest price").fill("1")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Clear the filters").click()
    expect(page.locator(".status")).to_have_text("16 products")
    page.go_back()
    expect(page.get_by_text("No product passes these filters")).to_be_visible()


def test_more_like_this_and_the_other_pictures(visit: Callable[..., Page]) -> None:
    page = visit("/#/shop?text=chelsea")
    cat = page.locator("[data-product=chelsea]")
    picture = cat.locator("img")
    before = picture.get_attribute("src")
    cat.get_by_role("button", name="Next picture of Print of chelsea (1 of 2)").click()
    expect(cat.get_by_role("button", name="(2 of 2)")).to_be_visible()
    assert picture.get_attribute("src") != before
    with page.expect_response("**/v1/shop/clicks") as noted:
        cat.get_by_role("link", name="More like this: Print of chelsea").click()
    assert noted.value.status == 201
    expect(page.locator(".status")).to_have_text("Similar products")
    expect(page.locator(".shop-reference")).to_contain_text("Print of chelsea")
    expect(page.locator(".product")).to_have_count(15)
    assert shown(page)[-1] == "coins"


def test_a_photo_that_is_dropped_on_a_phone_in_chinese(visit: Callable[..., Page], query: Path) -> None:
    page = visit(locale="zh-CN", color_scheme="dark", **PHONE)
    expect(page.get_by_role("button", name="拍照")).to_be_visible()
    give(page, "drop", query)
    expect(page.locator(".status")).to_have_text("16 件商品")
    expect(page.locator(".product").first).to_have_attribute("data-product", "chelsea")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_text("筛选", exact=True).click()
    page.get_by_label("排序").select_option("-price")
    expect(page.locator(".product").first).to_have_attribute("data-product", "retina")


def test_axe_finds_nothing_on_a_desktop_or_a_phone(visit: Callable[..., Page], pair: Path) -> None:
    axe = check_axe()
    for options in ({}, PHONE):
        for scheme in ("light", "dark"):
            page = visit(reduced_motion="reduce", color_scheme=scheme, **options)
            assert found(page, axe) == ""
            ask(page, pair)
            expect(page.locator(".shop-chip.likely").first).to_be_visible()
            expect(page.locator(".shop-dot")).to_have_count(2)
            assert page.locator("h1").count() == 1
            assert "\n".join(page.evaluate(SMALL)) == ""
            assert found(page, axe) == ""


def test_a_keeper_brings_in_a_catalogue(tabs: Tabs, fresh: Callable[..., str], products: Path) -> None:
    page = tabs.open("/#/shop", address=fresh(empty=True))
    page.get_by_role("button", name="Bring in a catalogue").last.click()
    dialog = page.get_by_role("dialog", name="Bring in a catalogue")
    dialog.get_by_label("File (CSV").set_input_files(products)
    dialog.get_by_label("Folder of the pictures").fill(str(products.parent))
    dialog.get_by_role("button", name="Import").click()
    expect(dialog.get_by_role("status")).to_contain_text("Done, with 1 error.")
    expect(dialog.get_by_role("listitem")).to_have_text("line 18 (bad) it has no title")
    dialog.get_by_role("button", name="Close").click()
    expect(page.locator(".product")).to_have_count(16)


def test_the_shop_in_a_frame_of_another_site(
    tabs: Tabs, command_line: CommandLine, shop: str, tmp_path: Path, query: Path, httpserver: HTTPServer
) -> None:
    site = httpserver.url_for("").rstrip("/")
    shutil.copytree(command_line.folder / "shop", tmp_path / "shop")
    options = {"YUNMENG_SERVER_EMBED_ORIGINS": json.dumps([site])}
    with serve(command_line, tmp_path / "shop", "--require-keys", **options) as address:
        html = f'<!doctype html><iframe src="{address}/?embed=1" width="1000" height="700" title="shop"></iframe>'
        httpserver.expect_request("/").respond_with_data(html, content_type="text/html")
        httpserver.expect_request("/favicon.ico").respond_with_data("", status=204)
        page = tabs.open("/", address=site)
        frame = page.frame_locator("iframe")
        expect(frame.locator(".product").first).to_be_visible()
        expect(frame.locator(".header")).to_be_hidden()
        frame.locator("input[name=shop-choose]").set_input_files(query)
        expect(frame.locator(".product").first).to_have_attribute("data-product", "chelsea")
        loaded(frame.locator(".product img").first)
        door = tabs.open("/", address=address)
        door.get_by_role("button", name="Sign in").click()
        expect(door.get_by_label("Key")).to_be_visible()
        door.get_by_role("link", name="Shop").click()
        expect(door.locator(".product").first).to_be_visible()
        tabs.leave()
