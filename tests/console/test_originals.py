"""Finding the originals of a suspect picture: the likely ones with their outlines, the unlikely ones apart."""

import json
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.conftest import paint
from tests.console.browsing import PHONE, Tabs, asked, give, loaded, tile
from tests.console.serving import SCRIPT_ID

CAT = "animal/chelsea.jpg"


def names(page: Page, kind: str) -> list[str]:
    return page.locator(f".{kind} .match-name").all_inner_texts()


def test_the_original_of_an_upload_is_found_and_shown_where_it_matches(page: Page, query: Path) -> None:
    page.locator("[data-filter=category]").get_by_role("button", name="sky").click()
    page.locator(".box input[name=choose-picture]").set_input_files(query)
    page.get_by_role("button", name="Find its original").click()
    expect(page.get_by_role("heading", name="Originals of this picture")).to_be_visible()
    first = page.locator(".results > .matches .match").first
    expect(first.locator(".match-name")).to_have_text(CAT)  # though a filter of the search would have hidden it
    expect(first.locator(".match-chance")).to_have_text(re.compile(r"^same picture: (>?9\d|100) %$"))
    expect(first).to_contain_text(re.compile(r"\d+ points agree"))
    points = first.locator(".outline-of-part polygon").last.get_attribute("points") or ""
    width, height = first.locator("img").evaluate("image => [image.naturalWidth, image.naturalHeight]")
    corners = [(float(x) / width, float(y) / height) for x, y in re.findall(r"(\S+),(\S+)", points)]
    assert min(x for x, _ in corners) > 0.04  # it is a cut of the picture
    assert max(x for x, _ in corners) < 0.99
    loaded(page.locator(".query-picture"))
    assert not {"sky/moon.jpg", "thing/coins.jpg"} & set(names(page, "results > .matches"))


def test_a_match_is_compared_for_the_evidence_and_its_details_are_opened(page: Page, query: Path) -> None:
    give(page, "drop", query)
    page.get_by_role("button", name="Find its original").click()
    first = page.locator(".match").first
    first.get_by_role("button", name="See the evidence").click()
    window = page.get_by_role("dialog", name="Compare")
    expect(window.locator(".verdict")).to_contain_text("edited copy")
    expect(window.locator(".evidence-picture")).to_be_visible()
    page.keyboard.press("Escape")
    first.locator(".match-picture").click()
    detail = page.get_by_role("dialog", name="Details")
    expect(detail.get_by_role("heading", name=CAT)).to_be_visible()
    expect(detail.locator(".matched")).to_contain_text("same picture: ")
    expect(detail.locator(".why")).to_be_hidden()
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Find similar pictures").click()
    expect(page.locator(".status")).to_contain_text("17 results")
    expect(page.locator(".query-foot .name")).to_have_text("query.jpg")


def test_the_next_suspect_is_dropped_on_the_page(tabs: Tabs, query: Path) -> None:
    page = tabs.open("/#/match?id=sky/moon.jpg")
    expect(page.locator(".match-page .status")).to_contain_text("original")
    give(page, "dragenter", query)
    expect(page.locator(".dropping")).to_have_text("Drop to find its original")
    give(page, "drop", query)
    expect(page.locator(".match-name").first).to_have_text(CAT)
    page.go_back()
    expect(page.locator(".query-foot .name")).to_have_text("moon.jpg")


def test_a_stranger_has_no_likely_original(page: Page, tmp_path: Path) -> None:
    paint(5, (320, 240)).save(tmp_path / "stranger.png")
    page.locator(".box input[name=choose-picture]").set_input_files(tmp_path / "stranger.png")
    page.get_by_role("button", name="Find its original").click()
    expect(page.locator(".match-page .status")).to_have_text("No likely original was found.")
    expect(page.get_by_role("heading", name="This library does not seem to hold its original")).to_be_visible()
    assert names(page, "results > .matches") == []


def test_a_picture_of_the_library_is_not_its_own_original(tabs: Tabs) -> None:
    page = tabs.open(f"/#/?show={CAT}")
    with page.expect_request("**/v1/match") as request:
        page.get_by_role("button", name="Find its original").click()
    assert json.loads(request.value.post_data or "")["id"] == CAT
    expect(page.locator(".match-name").first).to_have_text(SCRIPT_ID)  # the mirrored cat
    expect(page.locator(".match").first).to_contain_text("mirrored")
    assert asked(page) == {"id": [CAT]}
    assert CAT not in [*names(page, "results > .matches"), *names(page, "match-rest")]
    page.reload()
    expect(page.locator(".match-name").first).to_have_text(SCRIPT_ID)


def test_likely_and_unlikely_originals_are_kept_apart(tabs: Tabs) -> None:
    page = tabs.open("about:blank", address="")
    outline = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]
    alignment = {"inliers": 41, "mirrored": False, "outline": outline, "query_overlap": 0.9, "target_overlap": 0.4}
    matches = [
        {"id": CAT, "score": 0.996, "alignment": alignment},
        {"id": "thing/coffee.jpg", "score": 0.5},
        {"id": "sky/moon.jpg", "score": 0.004},
    ]
    page.route("**/v1/match", lambda route: route.fulfill(json={"matches": matches, "timings": {"total": 1.0}}))
    page.goto(f"{tabs.address}/#/match?id=sky/rocket.jpg")
    expect(page.locator(".match-page .status")).to_have_text("2 likely originals found.")
    chances = page.locator(".match-chance")
    expect(chances.nth(0)).to_have_text("same picture: >99 %")
    expect(chances.nth(2)).to_be_hidden()
    expect(page.locator(".match").nth(1)).to_contain_text("could not be aligned")
    expect(page.locator(".match").nth(0)).to_contain_text("the query covers 40 % of this picture")
    page.get_by_text("Less than 50 % likely (1)").click()
    expect(chances.nth(2)).to_have_text("same picture: <1 %")


def test_an_upload_that_is_gone_is_asked_for_again(tabs: Tabs) -> None:
    tabs.tolerate("410")
    page = tabs.open("/#/match?upload=7", **PHONE)
    expect(page.get_by_role("heading", name="The picture is no longer here")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_a_failure_is_told_and_tried_again(tabs: Tabs, query: Path) -> None:
    tabs.tolerate("500")
    page = tabs.open(f"/#/?id={CAT}")
    expect(tile(page, CAT)).to_be_visible()
    broken = {"error": {"code": "internal", "message": "it broke", "request_id": "1", "details": []}}
    page.route("**/v1/match", lambda route: route.fulfill(status=500, json=broken))
    page.get_by_role("button", name="Find its original").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.unroute("**/v1/match")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".match-name").first).to_be_visible()
