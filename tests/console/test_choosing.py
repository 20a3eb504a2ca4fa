"""How a grid looks, choosing pictures in it, and what can be done with several of them."""

import csv
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, Route, expect

from tests.console.browsing import PHONE, Tabs, tile, tiles

SIZES = [(400, 300), (300, 400), (640, 480), (480, 480), (1600, 500)]
VISIBLE = """() => [...document.querySelectorAll(".tile[data-index]")].filter((one) => {
    const { top, bottom } = one.getBoundingClientRect();
    return top >= 0 && bottom <= window.innerHeight;
}).length"""


def answer(route: Route) -> None:
    hits = [
        {"id": f"{at:03}.jpg", "score": 1 - at / 500, "width": SIZES[at % 5][0], "height": SIZES[at % 5][1]}
        for at in range(200)
    ]
    route.fulfill(json={"hits": hits, "next_offset": None, "timings": {"total": 1.0}})


def chosen(page: Page) -> list[str]:
    found = page.locator(".tile[aria-selected=true] .name")
    return [str(one.get_attribute("title")) for one in found.all()]


def check(page: Page, index: int) -> Locator:
    page.locator(".tile").nth(index).hover()
    return page.locator(".tile").nth(index).locator(".tile-check")


def bar(page: Page) -> Locator:
    return page.get_by_role("toolbar", name="With the selected pictures")


def test_thirty_hits_are_seen_at_once_in_rows_that_fill_the_width(tabs: Tabs) -> None:
    page = tabs.open("about:blank", address="", viewport={"width": 1440, "height": 900})
    page.route("**/v1/search", answer)
    page.route("**/v1/thumbnails/**", lambda route: route.fulfill(status=204))
    tabs.tolerate("204")
    page.goto(f"{tabs.address}/#/?id=many")
    expect(page.locator(".status")).to_contain_text("200 results")
    assert page.evaluate(VISIBLE) >= 30
    grid = page.locator(".grid").bounding_box()
    row = page.locator(".row").first
    edges = row.locator(".tile").evaluate_all("found => found.map(one => one.getBoundingClientRect().right)")
    assert grid
    assert abs(edges[-1] - grid["x"] - grid["width"]) < 1
    heights = row.locator(".tile-open").evaluate_all("found => found.map(one => one.offsetHeight)")
    assert len(set(heights)) == 1
    size = page.get_by_role("slider", name="Size of pictures")
    size.fill("320")
    large = row.locator(".tile-open").first.evaluate("one => one.offsetHeight")
    assert large > 1.5 * heights[0]
    page.reload()
    expect(page.get_by_role("slider", name="Size of pictures")).to_have_value("320")
    expect(page.locator(".tile-open").first).to_have_js_property("offsetHeight", large)


def test_an_attribute_names_pictures_and_others_are_badges(page: Page) -> None:
    page.get_by_role("button", name="View").click()
    view = page.get_by_role("group", name="View")
    view.get_by_label("Below each picture").select_option("category")
    view.get_by_label("tags").check()
    moon = tile(page, "sky/moon.jpg")
    expect(moon.locator(".name")).to_have_text("sky")
    expect(moon.locator(".badges span")).to_have_text([re.compile("even|odd"), "it's"])
    page.keyboard.press("Escape")
    expect(view).to_be_hidden()
    expect(page.get_by_role("button", name="View")).to_be_focused()


def test_pictures_are_chosen_by_click_shift_and_keyboard(page: Page) -> None:
    ids = tiles(page)
    check(page, 1).click()
    expect(bar(page)).to_contain_text("1 selected")
    page.locator(".tile-open").nth(4).click(modifiers=["Shift"])
    assert chosen(page) == ids[1:5]
    page.locator(".tile-open").nth(2).click()  # while some are chosen, a click chooses
    assert chosen(page) == [ids[1], *ids[3:5]]
    page.go_back()
    expect(bar(page)).to_be_hidden()
    assert chosen(page) == []
    page.locator(".tile-open").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert chosen(page) == ids[:3]
    expect(page.locator("#announcer")).to_have_text("3 selected")
    page.keyboard.press("Control+a")
    expect(bar(page)).to_contain_text("17 selected")
    page.keyboard.press("Escape")
    expect(bar(page)).to_be_hidden()
    expect(page.locator(".tile-open").nth(2)).to_be_focused()


def test_a_long_press_chooses_on_a_phone_and_offers_the_rest(tabs: Tabs) -> None:
    page = tabs.open("/#/?id=sky/moon.jpg", **PHONE)
    expect(page.locator(".tile-open").first).to_be_visible()
    first = page.locator(".tile").first
    expect(first.locator(".tile-actions button:visible")).to_have_count(1)
    page.locator(".tile-open").nth(1).scroll_into_view_if_needed()
    box = page.locator(".tile-open").nth(1).bounding_box()
    assert box
    finger = page.context.new_cdp_session(page)
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [place]})
    expect(bar(page)).to_be_visible()  # while the finger is still there
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(bar(page)).to_contain_text("1 selected")
    expect(page.get_by_role("dialog", name="Details")).to_be_hidden()
    for name in ("Search with this", "More like this", "Download", "Delete"):
        expect(bar(page).get_by_role("button", name=name)).to_be_visible()
    page.locator(".tile-open").first.tap()
    expect(bar(page).get_by_role("button", name="Compare")).to_be_visible()


def test_two_that_are_chosen_are_compared(page: Page) -> None:
    check(page, 0).click()
    check(page, 1).click()
    bar(page).get_by_role("button", name="Compare").click()
    dialog = page.get_by_role("dialog", name="Compare")
    expect(dialog.locator(".verdict")).to_be_visible()
    page.go_back()
    expect(dialog).to_be_hidden()
    expect(bar(page)).to_be_visible()


def saved(page: Page, press: str) -> tuple[str, bytes]:
    with page.expect_download() as started:
        bar(page).get_by_role("button", name=press).click()
    return started.value.suggested_filename, Path(started.value.path()).read_bytes()


def test_the_chosen_are_exported_and_downloaded(page: Page) -> None:
    ids = tiles(page)
    check(page, 0).click()
    page.locator(".tile-open").nth(2).click(modifiers=["Shift"])
    name, table = saved(page, "Export as CSV")
    rows = list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"))))
    assert name == "catalogue.csv"
    assert [row["id"] for row in rows] == [f"'{id}" if id.startswith("=") else id for id in ids[:3]]
    assert {"category", "price", "stock", "sale", "tags", "note"} <= set(rows[0])
    name, archive = saved(page, "Download")
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        assert files.testzip() is None
        assert len(files.namelist()) == 3
        assert files.read(files.namelist()[0])[:2] == b"\xff\xd8"


def test_several_are_tagged_changed_and_deleted(tabs: Tabs, fresh: Callable[..., str]) -> None:
    page = tabs.open("/#/?filter=category+%3D+'sky'", address=fresh())
    expect(page.locator(".tile-open")).to_have_count(3)
    check(page, 0).click()
    page.keyboard.press("Control+a")
    bar(page).get_by_role("button", name="Tag").click()
    dialog = page.get_by_role("dialog", name="Tag 3 pictures")
    dialog.get_by_label("Tags, one a line").fill("night\nfar away")
    dialog.get_by_role("button", name="Tag").click()
    expect(page.locator(".toast")).to_contain_text("3 pictures changed")
    expect(dialog).to_be_hidden()
    bar(page).get_by_role("button", name="Set attributes").click()
    dialog = page.get_by_role("dialog", name="Set attributes of 3 pictures")
    dialog.get_by_label("price", exact=True).fill("2.5")
    dialog.get_by_label("Change stock").check()  # and left empty: it is removed
    dialog.get_by_role("button", name="Apply").click()
    expect(dialog).to_be_hidden()
    facts: Any = page.evaluate("async () => (await fetch('/v1/pictures/sky%2Fmoon.jpg')).json()")
    values = facts["attributes"]
    assert values["price"] == 2.5
    assert "stock" not in values
    assert values["tags"][-2:] == ["night", "far away"]
    assert values["category"] == "sky"
    page.locator(".tile-open").first.click()  # leaves it out
    bar(page).get_by_role("button", name="Delete").click()
    sure = page.get_by_role("dialog", name="Delete 2 pictures?")
    sure.get_by_role("button", name="Cancel").click()
    expect(page.locator(".tile-open")).to_have_count(3)
    bar(page).get_by_role("button", name="Delete").click()
    sure.get_by_role("button", name="Delete 2").click()
    expect(page.locator(".tile-open")).to_have_count(1)
    expect(page.locator(".status")).to_have_text("1 picture")
    expect(bar(page)).to_be_hidden()
