"""Colours: asked for by swatches and the picker, seen in a picture's detail, and told as a reason."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.console.browsing import PHONE, Tabs, asked, body_of, question, settled, still, tile, tiles

Asker = Callable[..., Page]

CAT = "animal/chelsea.jpg"
CUP = "thing/coffee.jpg"


def swatch(page: Page, name: str) -> Locator:
    return page.locator(f".colours [data-colour={name}]")


def press(page: Page, control: Locator) -> dict[str, Any]:
    """Press a control, and give what the server is asked for then."""
    with page.expect_request("**/v1/search") as request:
        control.click()
    return question(request.value)


def pick(page: Page, control: Locator, colour: str) -> dict[str, Any]:
    """Choose a colour in a picker, and give what the server is asked for then."""
    with page.expect_request("**/v1/search") as request:
        control.fill(colour)
    return question(request.value)


def subject(address: str, id: str) -> list[str]:
    """The colours of a picture's subject."""
    found = httpx.get(f"{address}/v1/pictures/{quote(id, safe='')}").json()
    return [one["hex"] for one in found["palette"]["subject"]]


@pytest.mark.parametrize(
    ("locale", "brown", "results"),
    [("en-US", "brown, {n} pictures", "{n} results"), ("zh-CN", "棕色，{n} 张图片", "{n} 个结果")],
)
def test_a_swatch_brings_the_pictures_that_it_counts(tabs: Tabs, locale: str, brown: str, results: str) -> None:
    counted = httpx.get(f"{tabs.address}/v1/colors").json()
    counts = {one["name"]: one["count"] for one in counted["colors"]}
    page = tabs.open(locale=locale)
    expect(page.locator(".colours .swatch")).to_have_count(sum(count > 0 for count in counts.values()))
    expect(swatch(page, "brown")).to_have_accessible_name(brown.format(n=counts["brown"]))
    expect(swatch(page, "brown").locator(".swatch-count")).to_have_text(str(counts["brown"]))
    assert press(page, swatch(page, "brown")) == {"color": "brown", "min_score": counted["min_score"]}
    shown = re.compile("^" + results.format(n=counts["brown"]))
    expect(page.locator(".status")).to_have_text(shown)
    expect(swatch(page, "brown")).to_have_attribute("aria-pressed", "true")
    assert asked(page) == {"color": ["brown"], "min": ["0.3"]}
    page.reload()
    expect(page.locator(".status")).to_have_text(shown)
    swatch(page, "brown").click()
    expect(page.locator(".welcome")).to_be_visible()
    assert asked(page) == {}
    page.go_back()
    expect(page.locator(".status")).to_have_text(shown)


def test_a_colour_beside_a_picture_weighs_and_can_be_removed(asker: Asker) -> None:
    page = asker("/#/?id=red.png")
    settled(page, "red.png")
    assert press(page, swatch(page, "blue")) == {"id": "red.png", "color": "blue"}
    expect(page.locator(".tile-open").first).not_to_have_attribute("aria-label", re.compile("^red.png"))
    expect(page.locator(".asked-colour")).to_have_text("blue")
    assert press(page, page.get_by_role("button", name="Remove the colour")) == {"id": "red.png"}
    settled(page, "red.png")
    expect(page.locator(".asked-colour")).to_be_hidden()


def test_words_join_a_colour_and_what_it_cut_off_comes_back(asker: Asker) -> None:
    page = asker()
    assert press(page, swatch(page, "blue"))["min_score"] > 0
    with page.expect_request("**/v1/search") as request:
        page.locator("#question").fill("red")
    assert question(request.value) == {"color": "blue", "text": "red"}
    assert asked(page) == {"text": ["red"], "color": ["blue"]}
    with page.expect_request("**/v1/search"):
        page.locator("#question").fill("")
    expect(page.locator(".query-words")).to_have_count(0)
    assert asked(page) == {"color": ["blue"]}
    settled(page, "blue.png")  # what comes in under the mouse takes another place
    page.locator(".tile").first.hover()
    id = tiles(page)[0]
    assert press(page, tile(page, id).get_by_role("button", name="Search with this")) == {"id": id}


def test_colours_are_picked_with_their_shares(asker: Asker) -> None:
    page = asker()
    assert pick(page, page.get_by_label("Choose a colour"), "#0000ff") == {"color": "#0000ff"}
    settled(page, "blue.png")
    both = pick(page, page.get_by_label("Add a colour"), "#ff0000")
    assert both == {"color": "#0000ff:0.5,#ff0000:0.5"}
    slider = page.get_by_label("Share of #ff0000")
    with page.expect_request("**/v1/search") as request:
        slider.fill("80")
    assert question(request.value) == {"color": "#0000ff:0.2,#ff0000:0.8"}
    settled(page, "red.png")
    expect(page.get_by_label("Share of #0000ff")).to_have_attribute("aria-valuetext", "20 %")
    expect(page.locator(".asked-colour")).to_have_text("#0000ff 20 %, #ff0000 80 %")
    page.reload()
    settled(page, "red.png")
    expect(slider).to_have_value("80")
    assert pick(page, page.get_by_label("Change #ff0000"), "#00ff00") == {"color": "#0000ff:0.2,#00ff00:0.8"}
    page.get_by_role("button", name="Remove #0000ff").press("Enter")
    expect(page.get_by_role("button", name="Remove #00ff00")).to_be_focused()
    assert asked(page) == {"color": ["#00ff00"]}
    settled(page, "lime.png")


def test_no_more_than_five_are_offered(asker: Asker) -> None:
    page = asker("/#/?color=red,lime,blue,white,black")
    expect(page.locator(".picked-colours li")).to_have_count(5)
    expect(page.get_by_label("Share of lime")).to_have_attribute("aria-valuetext", "20 %")
    expect(page.locator(".pick-colour")).to_be_hidden()


def test_orders_that_need_more_than_a_colour_are_left_out(asker: Asker) -> None:
    page = asker()
    with page.expect_request("**/v1/search") as request:
        page.evaluate("location.hash = '#/?color=red&rerank=expand&metric=manhattan&chance=0.5'")
    assert question(request.value) == {"color": "red"}
    settled(page, "red.png")
    page.locator(".ordering > summary").click()
    expect(page.get_by_role("button", name="Expanded")).to_be_disabled()


def test_a_pictures_colours_are_searched_by(tabs: Tabs) -> None:
    hexes = subject(tabs.address, CUP)
    page = tabs.open(f"/#/?show={CUP}")
    expect(page.locator(".palette .colour-bar button")).to_have_count(len(hexes))
    first = page.locator(".palette").get_by_role("button", name=re.compile(f"^{hexes[0]}, .* search by this colour"))
    assert press(page, first) == {"color": hexes[0]}
    settled(page, CUP)
    page = tabs.open(f"/#/?id={CAT}&show={CUP}")
    settled(page, CAT)
    assert press(page, page.locator(".palette .colour-bar button").first) == {"id": CAT, "color": hexes[0]}
    page = tabs.open(f"/#/library?show={CUP}")
    page.get_by_text("Like this, but in another colour").click()
    but = page.get_by_role("button", name="Like this, but blue")
    assert press(page, but) == {"id": CUP, "color": "blue"}
    expect(page.get_by_role("dialog", name="Details")).to_be_hidden()


@pytest.mark.parametrize(
    ("locale", "captions", "kept"),
    [
        ("en-US", ["Asked for", "The query", "This picture"], "By its colours it keeps {n} % of its score."),
        ("zh-CN", ["所要的颜色", "查询图片", "这张图片"], "因颜色保留了原相似度的 {n}%。"),
    ],
)
def test_why_shows_the_colours_side_by_side(tabs: Tabs, locale: str, captions: list[str], kept: str) -> None:
    page = tabs.open(f"/#/?id={CAT}&color=brown", locale=locale)
    expect(page.locator(".tile-open").nth(2)).to_be_visible()
    still(page)
    hit = tiles(page)[2]
    tile(page, hit).locator(".tile-open").click()
    with page.expect_response("**/v1/search") as answer:
        page.locator(".why summary").click()
    steps = next(one["explanation"] for one in body_of(answer.value)["hits"] if one["id"] == hit)
    before, after = (step["score"] for step in steps)
    colours = page.locator(".why-palettes")
    expect(colours.locator("dt")).to_have_text(captions)
    for bar, id in ((1, CAT), (2, hit)):
        label = colours.get_by_role("img").nth(bar).get_attribute("aria-label") or ""
        assert re.findall("#[0-9a-f]{6}", label) == subject(tabs.address, id)
    expect(page.locator(".explanation")).to_contain_text(kept.format(n=round(100 * after / before)))


def test_why_tells_how_much_of_a_colour_is_there(tabs: Tabs) -> None:
    page = tabs.open("/#/?color=brown")
    expect(page.locator(".tile-open").first).to_be_visible()
    still(page)
    page.locator(".tile-open").first.click()
    with page.expect_response("**/v1/search") as answer:
        page.get_by_text("Why this hit?").click()
    told = f"{body_of(answer.value)['hits'][0]['score'] * 100:.0f} % of what was asked for is there"
    expect(page.locator(".explanation")).to_contain_text(told)
    expect(page.locator(".why-palettes dt")).to_have_text(["Asked for", "This picture"])


def test_what_has_no_colours_yet_is_told_and_computed(tabs: Tabs, fresh: Callable[..., str]) -> None:
    tabs.tolerate("422")
    page = tabs.open("about:blank", address="")
    lacking = {"colors": [{"name": "red", "hex": "#c8202c", "count": 0}], "min_score": 0.3, "without": 17}
    page.route("**/v1/colors", lambda route: route.fulfill(json=lacking))
    error = {"code": "query", "message": "run yunmeng palettes", "request_id": "1", "details": []}
    page.route("**/v1/search", lambda route: route.fulfill(status=422, json={"error": error}))
    page.goto(fresh() + "/#/?color=red")
    expect(page.get_by_role("heading", name="does not know the colours of its pictures yet")).to_be_visible()
    line = page.locator(".colours-lacking")
    expect(line).to_contain_text("The colours of 17 pictures are not known yet")
    line.get_by_role("button", name="Compute them").click()
    expect(line).to_contain_text("Colours are being computed")
    line.get_by_role("link", name="Show progress").click()
    row = page.locator(".work-row[data-kind=palettes]")
    expect(row).to_contain_text("Colours of pictures")
    expect(row.locator(".work-state")).to_have_text("done")


@pytest.mark.parametrize(("locale", "title"), [("en-US", "“brwn” is no colour"), ("zh-CN", "不认识“brwn”这种颜色")])
def test_a_colour_that_is_none_is_named(tabs: Tabs, locale: str, title: str) -> None:
    tabs.tolerate("422")
    page = tabs.open("/#/?color=brwn", locale=locale)
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    page.locator(".notice button").click()
    expect(page.locator(".welcome")).to_be_visible()


def test_on_a_phone_a_swatch_closes_the_sheet_and_shows_what_it_brings(tabs: Tabs) -> None:
    page = tabs.open(**PHONE)
    page.get_by_role("button", name="Filters").tap()
    swatch(page, "brown").tap()
    expect(page.get_by_role("dialog", name="Filters")).to_be_hidden()
    expect(page.locator(".asked-colour")).to_be_in_viewport()
    expect(page.locator(".status")).to_contain_text("results")
    page.go_back()
    expect(page.locator(".welcome")).to_be_visible()
