"""One picture, large: zoom, swipe, its neighbours, a long id, attributes that are changed where they stand."""

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.console.browsing import PHONE, Tabs, tiles

MOON = "sky/moon.jpg"
LONG = "archive/" + "a very long name of a folder/" * 4 + "picture.jpg"


def detail(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Details")


def heading(page: Page) -> Locator:
    return detail(page).locator(".facts-title")


def test_the_picture_is_enlarged_by_click_and_keys(tabs: Tabs) -> None:
    page = tabs.open(f"/#/?show={MOON}")
    expect(detail(page).locator(".stage-picture")).to_have_js_property("complete", True)
    frame = detail(page).locator(".zoom-frame")
    frame.click()
    expect(detail(page).locator(".zoom-scale")).to_have_text("3 ×")
    before = detail(page).locator(".stage-frame").get_attribute("style")
    frame.focus()
    page.keyboard.press("ArrowRight")  # moves what is seen, and not on to the next picture
    expect(heading(page)).to_have_text(MOON)
    assert detail(page).locator(".stage-frame").get_attribute("style") != before
    page.keyboard.press("0")
    expect(detail(page).locator(".zoom-scale")).to_have_text("1 ×")


def test_neighbours_are_a_strip_and_lead_on(page: Page) -> None:
    ids = tiles(page)
    page.locator(".tile-open").nth(3).click()
    strip = detail(page).get_by_role("navigation", name="Neighbours")
    expect(strip.locator("[aria-current]")).to_have_attribute("title", ids[3])
    strip.locator("button").nth(5).click()
    expect(heading(page)).to_have_text(ids[5])
    expect(strip.locator("[aria-current]")).to_have_attribute("title", ids[5])
    page.go_back()
    expect(detail(page)).to_be_hidden()


def test_a_finger_swipes_to_the_next_picture(tabs: Tabs) -> None:
    page = tabs.open(**PHONE)
    expect(page.locator(".tile-open")).to_have_count(17)
    ids = tiles(page)
    page.locator(".tile-open").first.tap()
    expect(heading(page)).to_have_text(ids[0])
    expect(detail(page).locator(".stage-picture")).to_have_js_property("complete", True)
    finger = page.context.new_cdp_session(page)

    def swipe(begin: int, end: int) -> None:
        places = [begin, (begin + end) // 2, end]
        for kind, at in zip(("touchStart", "touchMove", "touchMove"), places, strict=True):
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": at, "y": 240}]})
        finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    swipe(300, 80)
    expect(heading(page)).to_have_text(ids[1])
    swipe(80, 300)
    expect(heading(page)).to_have_text(ids[0])


def test_a_long_id_is_folded(tabs: Tabs) -> None:
    page = tabs.open("about:blank", address="")
    # Fetched before: a route that still fetches when the test ends would fail the next one.
    facts = page.request.get(f"{tabs.address}/v1/pictures/sky%2Fmoon.jpg").json()
    page.route(re.compile("/v1/pictures/archive"), lambda route: route.fulfill(json={**facts, "id": LONG}))
    page.route(re.compile("/v1/thumbnails/archive"), lambda route: route.fulfill(status=204))
    page.goto(f"{tabs.address}/#/?show={LONG}")
    expect(heading(page)).to_have_text("picture.jpg")
    expect(detail(page).get_by_text(LONG)).to_be_hidden()
    detail(page).get_by_text("Whole id").click()
    expect(detail(page).get_by_text(LONG)).to_be_visible()


def test_a_value_is_changed_where_it_stands(tabs: Tabs, fresh: Callable[..., str]) -> None:
    tabs.tolerate("422")
    page = tabs.open(f"/#/?show={MOON}", address=fresh())
    price = detail(page).get_by_role("row", name=re.compile("^price"))
    price.locator(".value").click()
    expect(price.get_by_label("price")).to_be_focused()
    page.keyboard.press("Escape")
    expect(detail(page)).to_be_visible()
    expect(price.locator(".value")).to_be_focused()
    price.locator(".value").click()
    price.get_by_label("price").fill("7.25")
    page.keyboard.press("Enter")
    expect(price.locator(".value")).to_have_text("7.25")
    category = detail(page).get_by_role("row", name=re.compile("^category"))
    category.locator(".value").click()
    category.get_by_label("category").fill("")
    page.keyboard.press("Enter")
    expect(category.locator(".value")).to_have_text("Not set")
    expect(detail(page).get_by_role("row", name=re.compile("^note"))).to_be_visible()  # undeclared, and kept
