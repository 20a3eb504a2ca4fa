"""Ten thousand hits: the document stays small, and the end is reached."""

import base64
import re
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.console.browsing import Tabs

MANY = 10_000
DOT = base64.b64decode("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")

NO_PICTURES = """() => {
    for (const name of ["src", "srcset"]) Object.defineProperty(HTMLImageElement.prototype, name, { set() {} });
}"""

LOADED = "() => parseInt(document.querySelector('.status').textContent.replaceAll(',', ''))"


def answer(route: Route) -> None:
    asked: Any = route.request.post_data_json
    offset, k = asked.get("offset", 0), asked["k"]
    numbers = range(offset, min(offset + k, MANY))
    hits = [{"id": f"{number:05}.jpg", "score": 1 - number / MANY, "attributes": {}} for number in numbers]
    following = offset + k if offset + k < MANY else None
    route.fulfill(json={"hits": hits, "next_offset": following, "timings": {"search": 1.0, "total": 1.0}})


def open_many(tabs: Tabs, *, pictures: bool = False) -> Page:
    page = tabs.open()
    page.route("**/v1/search", answer)
    if pictures:
        page.route("**/v1/thumbnails/**", lambda route: route.fulfill(body=DOT, content_type="image/webp"))
    else:
        page.evaluate(NO_PICTURES)
    page.evaluate("location.hash = '#/?id=many'")
    expect(page.locator(".status")).to_contain_text("200+ results")
    return page


def test_all_of_them_can_be_scrolled_through_in_a_small_document(tabs: Tabs) -> None:
    page = open_many(tabs)
    most, loaded = 0, 200
    while loaded < MANY:
        page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
        expect(page.locator(".status")).to_have_text(re.compile(rf"^(?!{loaded:,}\+)[\d,]+\+? results"))
        loaded = int(page.evaluate(LOADED))
        most = max(most, int(page.evaluate("document.querySelectorAll('*').length")))
    expect(page.locator(".status")).to_contain_text("10,000 results")
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    last = page.locator(".tile-open[aria-label^='09999.jpg']")
    expect(last).to_be_in_viewport()
    assert most < 1500
    page.evaluate("window.scrollTo(0, 0)")
    expect(page.locator(".tile-open[aria-label^='00000.jpg']")).to_be_in_viewport()


def test_a_tile_does_not_move_while_pictures_load(tabs: Tabs) -> None:
    page = open_many(tabs, pictures=True)
    page.evaluate("""() => {
        window.shift = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.shift += entry.value)))
            .observe({ type: "layout-shift", buffered: false });
    }""")
    for _ in range(4):
        page.mouse.wheel(0, 1500)
        expect(page.locator(".tile-open").first).to_be_attached()
    assert page.evaluate("window.shift") < 0.05  # half of what web-vitals calls good; a row that moves is more


def test_the_keyboard_stays_on_its_tile_when_that_scrolls_away(tabs: Tabs) -> None:
    page = open_many(tabs)
    page.locator(".tile-open").first.focus()
    page.keyboard.press("ArrowRight")
    page.evaluate("window.scrollTo(0, 8000)")
    expect(page.locator(".tile-open[aria-label^='00040.jpg']")).to_have_count(0)
    expect(page.locator(".tile-open[aria-label^='00001.jpg']")).to_be_focused()
    page.keyboard.press("ArrowDown")
    focused = page.locator(".tile-open:focus")
    expect(focused).to_be_in_viewport()
    expect(page.locator(".tile:has(:focus)")).to_have_attribute("data-index", re.compile(r"^\d$"))
