"""Words, and the chance that a hit is a real match, over a library that knows both."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.console.browsing import asked, body_of, question, settled, tiles

Asker = Callable[..., Page]

PAINTED = "007.jpg"
PICTURES = 65


def test_words_are_searched_for_while_they_are_typed_and_pictures_and_addresses_as_before(asker: Asker) -> None:
    page = asker()
    expect(page.get_by_role("heading", name="Find pictures by picture or by words")).to_be_visible()
    page.locator("#question").press_sequentially("red")
    settled(page, "red.png")
    expect(page.locator(".query-words")).to_have_text("red")
    assert asked(page) == {"text": ["red"]}
    page.locator("#question").fill("blue")
    settled(page, "blue.png")
    page.locator("#question").fill("id:lime.png")
    page.keyboard.press("Enter")
    settled(page, "lime.png")
    page.go_back()
    settled(page, "blue.png")
    page.go_back()
    expect(page.locator(".status")).to_have_text(f"{PICTURES} pictures")


def test_nothing_is_searched_for_while_pinyin_is_composed(asker: Asker) -> None:
    page = asker(locale="zh-CN")
    expect(page.locator(".status")).to_have_text(f"{PICTURES} 张图片")
    searches: list[str] = []
    page.on("request", lambda request: searches.append(request.url) if "/v1/search" in request.url else None)
    page.locator("#question").focus()
    keyboard = page.context.new_cdp_session(page)
    for typed in ("h", "hong", "hong se"):
        keyboard.send(
            "Input.imeSetComposition", {"text": typed, "selectionStart": len(typed), "selectionEnd": len(typed)}
        )
    page.wait_for_timeout(600)  # nearly twice the pause after which words are searched for
    assert searches == []
    with page.expect_request("**/v1/search") as request:
        keyboard.send("Input.insertText", {"text": "红色"})
    assert question(request.value) == {"text": "红色"}


@pytest.mark.parametrize(
    ("locale", "title"),
    [("en-US", "Nothing in this library fits these words"), ("zh-CN", "图库里没有符合这些词的图片")],
)
def test_words_that_nothing_fits_say_so_and_what_to_try(asker: Asker, locale: str, title: str) -> None:
    page = asker("/#/?text=red&filter=kind+%3D+'shoe'", locale=locale)
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    expect(page.locator(".notice p")).to_contain_text({"en-US": "the other language", "zh-CN": "另一种语言"}[locale])
    page.locator(".notice button").click()
    settled(page, "red.png")


def test_a_cut_off_that_leaves_nothing_is_not_the_words_fault(asker: Asker) -> None:
    page = asker("/#/?text=zzz&min=0.99")
    expect(page.get_by_role("heading", name="Nothing fits")).to_be_visible()
    page.get_by_role("button", name="Remove cut-off").click()
    expect(page.locator(".tile-open").first).to_be_visible()


def told(page: Page) -> list[str]:
    """What the tiles say of the likeness."""
    return page.locator(".grid .score").all_inner_texts()


BANDS = {
    "en-US": {"same": "same", "very-alike": "very alike", "alike": "alike", "distant": "distant"},
    "zh-CN": {"same": "相同", "very-alike": "很像", "alike": "像", "distant": "不太像"},
}


@pytest.mark.parametrize("locale", BANDS)
def test_hits_tell_their_likeness_in_words_and_the_number_to_who_wants_it(asker: Asker, locale: str) -> None:
    page = asker(locale=locale)
    with page.expect_response("**/v1/search") as answer:
        page.evaluate("location.hash = '#/?id=007.jpg'")
    hits = body_of(answer.value)["hits"]
    settled(page, PAINTED)
    shown = told(page)
    assert shown == [BANDS[locale][hit["band"]] for hit in hits[: len(shown)]]
    assert len({*shown}) > 1
    number = f"{hits[1]['score']:.3f}"
    expect(page.locator(".grid .score").nth(1)).to_have_attribute("title", re.compile(f"^(Score|相似度) {number}"))
    label = page.locator(".tile-open").nth(1).get_attribute("aria-label") or ""
    assert re.search(rf"(, score |，相似度 ){number}(, |，){shown[1]}$", label)
    switch = page.get_by_role("switch", name={"en-US": "Scores as numbers", "zh-CN": "用数字显示相似度"}[locale])
    switch.check()
    assert told(page)[1] == number
    page.reload()
    settled(page, PAINTED)
    assert told(page)[1] == number
    page.evaluate("location.hash = '#/?text=red'")
    settled(page, "red.png")
    assert float(told(page)[0]) > 0
    switch.uncheck()
    assert not any(told(page))


def test_hits_are_cut_off_by_their_chance(asker: Asker) -> None:
    page = asker()
    with page.expect_response("**/v1/search") as answer:
        page.evaluate("location.hash = '#/?id=007.jpg'")
    hits = body_of(answer.value)["hits"]
    settled(page, PAINTED)
    page.get_by_role("radio", name="Same picture").check()
    slider = page.get_by_label("Minimum chance")
    expect(slider).to_have_attribute("aria-valuetext", "any")
    with page.expect_request("**/v1/search") as request:
        slider.fill("0.36")
    assert question(request.value) == {"id": PAINTED, "min_chance": 0.36}
    left = [hit["id"] for hit in hits if hit["chance"] >= 0.36]
    assert 1 < len(left) < len(hits)
    expect(page.locator(".status")).to_have_text(re.compile(rf"^{len(left)} results"))
    assert tiles(page) == left
    assert asked(page) == {"id": [PAINTED], "chance": ["0.36"]}
    page.reload()
    expect(page.locator(".status")).to_have_text(re.compile(rf"^{len(left)} results"))
    expect(page.get_by_label("Minimum chance")).to_have_attribute("aria-valuetext", "36 %")
    page.get_by_role("radio", name="Score", exact=True).check()
    expect(page.locator(".status")).to_have_text(re.compile(rf"^{PICTURES} results"))
    assert asked(page) == {"id": [PAINTED]}


def test_a_chance_so_high_that_nothing_is_left_can_be_taken_back(asker: Asker) -> None:
    page = asker("/#/?id=007.jpg&chance=0.5&filter=kind+%3D+'shoe'")
    expect(page.get_by_role("heading", name="Nothing fits")).to_be_visible()
    expect(page.get_by_label("Minimum chance")).to_be_visible()
    page.get_by_role("button", name="Clear filter").click()
    settled(page, PAINTED)
    expect(page.locator(".status")).to_have_text(re.compile("^1 result "))
    expect(page.get_by_label("Minimum chance")).to_have_value("0.5")


def test_no_chance_is_shown_or_asked_for_where_there_is_none(asker: Asker) -> None:
    page = asker("/#/?id=007.jpg&chance=0.5")
    settled(page, PAINTED)
    with page.expect_request("**/v1/search") as request:
        page.locator("#question").fill("red")
    assert question(request.value) == {"text": "red"}
    settled(page, "red.png")
    expect(page.get_by_role("radio", name="Same picture")).to_be_hidden()
    expect(page.get_by_label("Minimum score")).to_be_visible()


def test_the_detail_tells_score_and_likeness(asker: Asker) -> None:
    page = asker("/#/?id=007.jpg&show=007.jpg", locale="zh-CN")
    detail = page.get_by_role("dialog", name="详情")
    expect(detail.locator(".matched")).to_have_text("相似度 1.000 · 相同")
