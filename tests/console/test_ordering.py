"""The order of hits: steps one after the other, another metric, one hit for each value; and why a hit is one."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.console.browsing import Tabs, asked, body_of, question, settled, tile, tiles
from tests.console.serving import CATEGORIES, SCRIPT_ID
from tests.console.test_searching import choose

CAT = "animal/chelsea.jpg"
BY_ID = f"/#/?id={CAT}"


def order(page: Page) -> Locator:
    """The controls, opened."""
    controls = page.locator(".ordering")
    if controls.get_attribute("open") is None:
        controls.locator("> summary").click()
    return controls


def within(points: str, width: float, height: float) -> bool:
    """Whether a polygon of at least three corners lies in a picture."""
    corners = [(float(x), float(y)) for x, y in re.findall(r"(\S+),(\S+)", points)]
    return len(corners) > 2 and all(-1 <= x <= width + 1 and -1 <= y <= height + 1 for x, y in corners)


def test_hits_that_geometry_verifies_show_where_they_match(tabs: Tabs) -> None:
    page = tabs.open(BY_ID)
    settled(page, CAT)
    with page.expect_request("**/v1/search") as request:
        order(page).get_by_role("button", name="Verified by geometry").click()
    assert question(request.value) == {"id": CAT, "rerank": ["geometry"]}
    assert asked(page)["rerank"] == ["geometry"]
    mirrored = tile(page, SCRIPT_ID)
    outline = mirrored.locator(".outline-of-part polygon").last
    expect(outline).to_be_attached()
    assert tiles(page)[:2] == [CAT, SCRIPT_ID]
    natural = mirrored.locator("img").evaluate("image => [image.naturalWidth, image.naturalHeight]")
    assert within(outline.get_attribute("points") or "", *natural)
    expect(mirrored.locator(".agreement")).to_contain_text(re.compile(r"\d+ points agree"))
    expect(tile(page, "sky/moon.jpg").locator(".outline-of-part")).to_have_count(0)
    expect(mirrored.locator(".tile-open")).to_have_attribute("aria-label", re.compile("verified by geometry$"))
    mirrored.locator(".tile-open").click()
    detail = page.get_by_role("dialog", name="Details")
    expect(detail.locator(".aligned")).to_contain_text(re.compile(r"points agree · the query covers .* mirrored$"))
    expect(detail.locator(".outline-of-part polygon").last).to_be_visible()


def test_several_steps_work_in_the_order_that_they_were_chosen_in(tabs: Tabs) -> None:
    page = tabs.open(BY_ID)
    settled(page, CAT)
    controls = order(page)
    controls.get_by_text("More", exact=True).click()
    for name in ("Alpha expansion", "Diverse"):
        controls.get_by_role("button", name=name).click()
    expect(controls.get_by_role("button", name="Step 2: Diverse")).to_have_attribute("aria-pressed", "true")
    assert asked(page)["rerank"] == ["alpha,diverse"]
    expect(controls.locator(".order-in-use")).to_have_text("Alpha expansion · Diverse")
    with page.expect_request("**/v1/search") as request:
        controls.get_by_role("button", name="Alpha expansion").click()
    assert question(request.value)["rerank"] == ["diverse"]
    expect(controls.get_by_role("button", name="Diverse", exact=True)).to_be_visible()
    page.reload()
    settled(page, CAT)
    expect(page.locator(".order-in-use")).to_have_text("Diverse")


def test_one_hit_for_each_value_and_another_metric_are_kept_in_the_address(tabs: Tabs) -> None:
    page = tabs.open(BY_ID)
    settled(page, CAT)
    controls = order(page)
    assert controls.get_by_label("One hit for each").locator("option").all_inner_texts() == ["Every hit", "category"]
    controls.get_by_label("One hit for each").select_option("category")
    expect(page.locator(".status")).to_contain_text(f"{len(CATEGORIES) + 1} results")
    controls.get_by_text("More", exact=True).click()
    with page.expect_request("**/v1/search") as request:
        controls.get_by_label("Score by").select_option("Manhattan distance")
    assert question(request.value) == {"id": CAT, "metric": "manhattan", "group_by": "category"}
    settled(page, CAT)
    assert asked(page) == {"id": [CAT], "metric": ["manhattan"], "group": ["category"]}
    page.reload()
    settled(page, CAT)
    expect(page.locator(".status")).to_contain_text(f"{len(CATEGORIES) + 1} results")
    expect(page.locator(".ordering").get_by_label("Score by")).to_have_value("manhattan")


def test_what_does_not_go_with_the_question_is_left_out_and_says_why(asker: Callable[..., Page]) -> None:
    page = asker("/#/?text=red&rerank=geometry")
    settled(page, "red.png")  # asked with geometry, the server would have refused
    verified = order(page).locator("[data-step=geometry]")
    expect(verified).to_be_disabled()
    expect(verified).to_have_attribute("title", "Goes with a single picture as the question.")
    with page.expect_request("**/v1/search") as request:
        order(page).locator("[data-step=diverse]").click()
    assert question(request.value) == {"text": "red", "rerank": ["diverse"]}


def test_an_upload_is_ordered_too(page: Page, query: Path) -> None:
    choose(page, query)
    settled(page, CAT)
    with page.expect_response("**/v1/search/upload") as answered:
        order(page).get_by_role("button", name="Verified by geometry").click()
    assert body_of(answered.value)["hits"][0]["alignment"]["inliers"] > 10
    expect(tile(page, CAT).locator(".outline-of-part polygon").last).to_be_attached()


@pytest.mark.parametrize(("locale", "words"), [("en-US", "Verified by geometry"), ("zh-CN", "几何验证")])
def test_a_hit_says_why_it_is_one(tabs: Tabs, locale: str, words: str) -> None:
    page = tabs.open(f"{BY_ID}&rerank=geometry", locale=locale)
    expect(page.locator(".tile .outline-of-part").first).to_be_attached()
    place = tiles(page).index(SCRIPT_ID) + 1
    tile(page, SCRIPT_ID).locator(".tile-open").click()
    detail = page.locator("dialog.detail")
    with page.expect_request("**/v1/search") as request:
        detail.locator(".why summary").click()
    assert question(request.value) == {"id": CAT, "rerank": ["geometry"], "explain": True}
    rows = detail.locator(".explained tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(1).locator("th")).to_contain_text(words)
    expect(rows.nth(1).locator("th .hint")).not_to_be_empty()
    expect(rows.nth(1).locator("strong")).to_have_text(tile(page, SCRIPT_ID).locator(".score").inner_text())
    expect(rows.nth(1).locator(".rank")).to_have_text(re.compile(rf"^{place}"))


@pytest.mark.parametrize(
    ("locale", "query", "hit"), [("en-US", "The query", "This picture"), ("zh-CN", "查询图片", "这张图片")]
)
def test_a_hit_shows_what_is_alike(tabs: Tabs, locale: str, query: str, hit: str) -> None:
    page = tabs.open(BY_ID, locale=locale)
    settled(page, CAT)
    tile(page, SCRIPT_ID).locator(".tile-open").click()
    detail = page.locator("dialog.detail")
    with page.expect_request("**/v1/why") as request:
        detail.locator(".why summary").click()
    assert request.value.post_data_json == {"hit": SCRIPT_ID, "id": CAT}
    expect(detail.locator(".heat figcaption")).to_have_text([query, hit])
    expect(detail.locator(".heat canvas")).to_have_count(2)
    lit = detail.locator(".heat canvas").last.evaluate(
        "(one) => [...one.getContext('2d').getImageData(0, 0, one.width, one.height).data]"
    )[3::4]
    assert min(lit) < 60 < max(lit)  # bright where the cat is, dark elsewhere
    expect(detail.locator(".explained tbody tr")).to_have_count(1)


def test_an_upload_and_words_show_what_is_alike(page: Page, tabs: Tabs, query: Path) -> None:
    choose(page, query)
    settled(page, CAT)
    page.locator(".tile-open").first.click()
    page.get_by_text("Why this hit?").click()
    expect(page.locator(".heat img").first).not_to_have_js_property("naturalWidth", 0)
    expect(page.locator(".heat canvas")).to_have_count(2)
    page = tabs.open("/#/?text=coffee")
    expect(page.locator(".score").first).not_to_be_empty()
    page.locator(".tile-open").first.click()
    page.get_by_text("Why this hit?").click()
    expect(page.locator(".heat canvas")).to_have_count(1)
    expect(page.locator(".explanation")).to_contain_text("Words in common: coffee")


def test_ranks_that_rose_and_fell_are_told(tabs: Tabs) -> None:
    page = tabs.open(BY_ID)
    settled(page, CAT)
    steps = [("search", 0.4, 9), ("manhattan", 0.6, 2), ("unheard-of", 0.5, 3)]
    hit = {"id": CAT, "score": 0.5, "explanation": [{"step": one, "score": by, "rank": at} for one, by, at in steps]}
    page.route("**/v1/search", lambda route: route.fulfill(json={"hits": [hit], "next_offset": None, "timings": {}}))
    page.locator(".tile-open").first.click()
    page.get_by_text("Why this hit?").click()
    rows = page.locator(".explained tbody tr")
    expect(rows.nth(1)).to_contain_text("Manhattan distance")
    expect(rows.nth(1).get_by_role("img", name="7 places up")).to_have_text("↑7")
    expect(rows.nth(2)).to_contain_text("unheard-of")
    expect(rows.nth(2).get_by_role("img", name="1 place down")).to_have_text("↓1")
