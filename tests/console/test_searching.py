"""Searching with a picture, part of one, or one of the library's own; opening hits and coming back."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Route, expect
from pytest_httpserver import HTTPServer

from tests.console.browsing import Tabs, give, loaded, scores, tiles
from tests.console.serving import SCRIPT, SCRIPT_ID

CAT = "animal/chelsea.jpg"


# Chromium does not tell the body of a request that holds a file.
KEEP_REGIONS = """() => {
    const send = window.fetch;
    window.regions = [];
    window.fetch = (path, options) => {
        if (path.endsWith("/upload")) window.regions.push(options.body.get("region"));
        return send(path, options);
    };
}"""


def choose(page: Page, path: Path) -> None:
    page.locator(".box input[name=choose-picture]").set_input_files(path)
    loaded(page.locator(".query-picture"))
    expect(page.locator(".status")).to_contain_text("17 results")


def first_hit(page: Page) -> str:
    return tiles(page)[0]


def search_by_id(page: Page, key: str = CAT) -> None:
    page.locator("#question").fill(f"id:{key}")
    page.keyboard.press("Enter")
    expect(page.locator(".status")).to_contain_text("17 results")


def test_a_picture_that_is_chosen_is_shown_and_searched_for(page: Page, query: Path) -> None:
    choose(page, query)
    assert first_hit(page) == CAT
    assert SCRIPT_ID in tiles(page)[1:3]  # the mirrored cat
    assert scores(page) == sorted(scores(page), reverse=True)
    expect(page.locator(".timing")).to_have_attribute(
        "title", re.compile(r"(encode|cache) .* ms")
    )  # another test may have asked the same
    expect(page.locator("#announcer")).to_contain_text("17 results")


def test_a_picture_can_be_dropped_anywhere(page: Page, query: Path) -> None:
    expect(page.locator(".grid .tile-open").first).to_be_visible()
    give(page, "dragenter", query)
    expect(page.locator(".dropping")).to_be_visible()
    give(page, "drop", query)
    expect(page.locator(".dropping")).to_be_hidden()
    expect(page.locator(".status")).to_contain_text("17 results")
    assert first_hit(page) == CAT


def test_a_picture_can_be_pasted_while_the_box_has_the_keyboard(page: Page, query: Path) -> None:
    page.locator("#question").focus()
    give(page, "paste", query, "#question")
    expect(page.locator(".status")).to_contain_text("17 results")
    assert first_hit(page) == CAT


def test_a_tile_can_be_dragged_onto_the_box(page: Page) -> None:
    expect(page.locator(".tile-open")).to_have_count(17)
    dragged = first_hit(page)
    page.locator(".tile-open").first.drag_to(page.locator("#question"))
    expect(page.locator(".status")).to_contain_text("17 results")
    assert first_hit(page) == dragged


def test_a_region_is_drawn_moved_with_the_keyboard_and_cleared(page: Page, pair: Path) -> None:
    page.evaluate(KEEP_REGIONS)
    choose(page, pair)
    box = page.locator(".query-frame").bounding_box()
    assert box
    right = box["x"] + box["width"]
    with page.expect_response("**/v1/search/upload"):
        page.mouse.move(box["x"] + box["width"] * 0.52, box["y"] + 3)
        page.mouse.down()
        page.mouse.move(right - 2, box["y"] + box["height"] - 3, steps=4)
        page.mouse.up()
    expect(page.locator(".tile-open").first).to_have_attribute("aria-label", re.compile("^thing/coffee.jpg"))
    asked: list[str | None] = page.evaluate("window.regions")
    assert asked[0] is None
    x, y, w, h = (float(part) for part in (asked[-1] or "").split(","))
    assert abs(x - 0.52) < 0.02
    assert abs(x + w - 1) < 0.02
    assert y < 0.03
    assert h > 0.95
    for _ in range(26):
        page.keyboard.press("ArrowLeft")  # drawing has left the keyboard on the region
    expect(page.locator(".tile-open").first).to_have_attribute("aria-label", re.compile(f"^{CAT}"))
    page.get_by_role("button", name="Clear region").click()
    expect(page.locator(".region")).to_be_hidden()
    with page.expect_response("**/v1/search/upload"):
        page.get_by_role("button", name="Choose a region").press("Enter")
    expect(page.locator(".region")).to_be_focused()


def test_a_region_of_a_stored_picture_is_resized_by_its_corner_and_kept_in_the_address(page: Page) -> None:
    search_by_id(page)
    loaded(page.locator(".query-picture"))
    page.get_by_role("button", name="Choose a region").click()
    expect(page).to_have_url(re.compile("region=0.25%2C0.25%2C0.5%2C0.5"))
    corner, frame = page.locator(".handle.se").bounding_box(), page.locator(".query-frame").bounding_box()
    assert corner
    assert frame
    with page.expect_request("**/v1/search") as asked:
        page.mouse.move(corner["x"] + corner["width"] / 2, corner["y"] + corner["height"] / 2)
        page.mouse.down()
        page.mouse.move(frame["x"] + frame["width"], frame["y"] + frame["height"], steps=3)
        page.mouse.up()
    region = json.loads(asked.value.post_data or "")["region"]
    assert region["x"] == region["y"] == 0.25
    expect(page).to_have_url(re.compile("region=0.25%2C0.25%2C0.75%2C0.75"))
    page.reload()
    expect(page.locator(".region")).to_be_visible()


def test_a_hit_opens_its_detail_and_is_searched_with_and_back_leads_back(page: Page, query: Path) -> None:
    choose(page, query)
    second = tiles(page)[1]
    page.locator(".tile-open").first.click()
    detail = page.get_by_role("dialog", name="Details")
    expect(detail.get_by_role("heading", name=CAT)).to_be_visible()
    expect(detail.get_by_text("No problem found.")).to_be_visible()
    expect(detail.locator("code").first).to_have_text(re.compile("^[0-9a-f]{16}$"))
    page.keyboard.press("ArrowRight")
    expect(detail.get_by_role("heading", name=second)).to_be_visible()
    page.go_back()
    expect(detail).to_be_hidden()
    page.locator(".tile-open").nth(1).click()
    detail.get_by_role("button", name="Search with this").click()
    expect(detail).to_be_hidden()
    expect(page.locator(".tile-open").first).to_have_attribute("aria-label", f"{second}, score 1.000")
    page.go_back()
    page.go_back()
    expect(page.locator(".query-foot .name")).to_have_text("query.jpg")
    expect(page.locator(".tile-open").first).to_have_attribute("aria-label", re.compile(f"^{CAT}"))
    page.locator(".tile").nth(2).hover()
    page.locator(".tile").nth(2).get_by_role("button", name="Search with this").click()
    expect(page.locator(".score").first).to_have_text("1.000")


def test_an_address_with_question_filter_and_cut_off_can_be_kept(tabs: Tabs) -> None:
    page = tabs.open(f"/#/?id={CAT}&filter=category+%3D+'animal'&min=0.5")
    expect(page.locator(".status")).to_contain_text("1 result")
    assert tiles(page) == [CAT]
    expect(page.get_by_role("button", name="animal")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#cutoff")).to_have_value("0.5")


def test_markup_in_ids_and_attributes_is_shown_as_text(page: Page) -> None:
    search_by_id(page, SCRIPT_ID)
    page.locator(".tile-open").first.click()
    detail = page.get_by_role("dialog", name="Details")
    expect(detail.get_by_role("heading", name=SCRIPT_ID)).to_be_visible()
    expect(detail.get_by_role("cell", name=SCRIPT)).to_be_visible()
    expect(detail.locator(".stage-picture")).to_have_js_property("complete", True)
    assert page.locator("main script, dialog script, [onerror]").count() == 0
    assert "owned" not in page.title()


def test_two_hits_are_compared(page: Page) -> None:
    search_by_id(page)
    for index in (0, 1):
        page.locator(".tile").nth(index).hover()
        page.locator(".tile").nth(index).get_by_role("button", name="Compare").click()
    dialog = page.get_by_role("dialog", name="Compare")
    expect(dialog.locator(".verdict")).to_have_text(re.compile("^An edited copy"))  # the mirrored cat
    expect(dialog.locator("dd strong")).to_have_count(3)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_a_hit_is_compared_with_an_uploaded_query(page: Page, query: Path) -> None:
    choose(page, query)
    page.locator(".tile-open").first.click()
    page.get_by_role("button", name="Compare with query").click()
    expect(page.locator(".verdict")).to_be_visible()


def test_a_file_that_is_no_picture_says_so(tabs: Tabs, page: Page, tmp_path: Path) -> None:
    tabs.tolerate("415|422|ERR_|blob:")
    (tmp_path / "letter.jpg").write_text("Dear all,")
    page.locator(".box input[name=choose-picture]").set_input_files(tmp_path / "letter.jpg")
    expect(page.get_by_role("alert").get_by_role("heading")).to_have_text("This file is not a picture.")


def test_a_server_that_is_gone_is_told_from_no_hits(tabs: Tabs, page: Page) -> None:
    tabs.tolerate("ERR_FAILED|ERR_CONNECTION")
    page.route("**/v1/search", lambda route: route.abort())
    page.locator("#question").fill(f"id:{CAT}")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").get_by_role("heading")).to_have_text(re.compile("server does not answer"))
    page.unroute("**/v1/search")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".status")).to_contain_text("17 results")


def test_an_address_is_typed_and_searched_for(
    tabs: Tabs, fresh: Callable[..., str], httpserver: HTTPServer, query: Path
) -> None:
    httpserver.expect_request("/cat.jpg").respond_with_data(query.read_bytes(), content_type="image/jpeg")
    page = tabs.open(address=fresh(YUNMENG_PRIVATE_URLS="true"))
    page.locator("#question").fill(httpserver.url_for("/cat.jpg"))
    page.keyboard.press("Enter")
    expect(page.locator(".status")).to_contain_text("17 results")
    assert first_hit(page) == CAT
    expect(page.locator(".query-picture")).to_be_visible()  # shown by way of the server: the policy allows no other
    page.get_by_role("button", name="Choose a region").click()
    expect(page).to_have_url(re.compile("url=.*region="))


def test_an_address_that_cannot_be_fetched_says_so(tabs: Tabs, page: Page) -> None:
    tabs.tolerate("422")
    page.locator("#question").fill("http://127.0.0.1:1/cat.jpg")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").get_by_role("heading")).to_have_text(
        "No picture could be fetched from this address."
    )


def test_words_are_searched_for_as_they_are_typed_where_the_library_reads_them(tabs: Tabs) -> None:
    page = tabs.open("about:blank", address="")
    page.route("**/v1/library", lambda route: route.fulfill(json={**route.fetch().json(), "reads_text": True}))
    asked: list[Any] = []

    def answer(route: Route) -> None:
        asked.append(route.request.post_data_json)
        route.fulfill(json={"hits": [{"id": CAT, "score": 0.5}], "next_offset": None, "timings": {"total": 1.0}})

    page.route("**/v1/search", answer)
    page.goto(tabs.address)
    with page.expect_request(lambda request: "/v1/search" in request.url and "a cat" in (request.post_data or "")):
        page.locator("#question").press_sequentially("a cat")
    expect(page.locator(".query-words")).to_have_text("a cat")
    expect(page.locator(".status")).to_contain_text("1 result")
    assert asked[-1]["text"] == "a cat"
    page.locator("#question").fill("")
    expect(page.locator(".status")).to_have_text("17 pictures")
