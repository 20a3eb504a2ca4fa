"""Mixtures: pictures and words with weights, liked and not, as chips beside the hits."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import CommandLine
from tests.console.browsing import PHONE, asked, chips, question, settled, still, tile, tiles

Asker = Callable[..., Page]


def press(page: Page, id: str, name: str) -> dict[str, Any]:
    """Press a button of a hit's tile, and give what the server is asked for then; returns once it has answered."""
    tile(page, id).hover()
    with page.expect_request("**/v1/search") as request:
        tile(page, id).get_by_role("button", name=name).click()
    still(page)
    return question(request.value)


def test_hits_that_are_liked_and_unliked_join_the_question(asker: Asker) -> None:
    page = asker("/#/?id=red.png")
    settled(page, "red.png")
    expect(page.locator(".part")).to_have_count(0)
    expect(tile(page, "red.png").get_by_role("button", name="More like this")).to_have_count(0)
    liked, unliked = tiles(page)[2:4]
    assert press(page, liked, "More like this") == {"id": "red.png", "mix": [{"id": liked, "weight": 1}]}
    expect(page.locator(".part")).to_have_count(2)
    expect(tile(page, liked).get_by_role("button", name="More like this")).to_have_attribute("aria-pressed", "true")
    now = press(page, unliked, "Less like this")
    assert now == {"id": "red.png", "mix": [{"id": liked, "weight": 1}, {"id": unliked, "weight": -0.5}]}
    expect(tile(page, unliked)).to_have_count(0)
    assert chips(page) == {"red.png": "+1", liked: "+1", unliked: "−0.5"}
    expect(page.locator(".part img")).to_have_count(3)
    page.reload()
    expect(page.locator(".part")).to_have_count(3)
    assert chips(page) == {"red.png": "+1", liked: "+1", unliked: "−0.5"}
    page.go_back()
    expect(page.locator(".part")).to_have_count(2)
    assert press(page, liked, "More like this") == {"id": "red.png"}  # pressed again, it goes
    expect(page.locator(".part")).to_have_count(0)


def test_what_is_found_follows_the_weights(asker: Asker) -> None:
    page = asker("/#/?id=red.png&mix=1;;id:blue.png")
    expect(page.locator(".part")).to_have_count(2)
    slider = page.get_by_label("Weight of blue.png")
    for _ in range(4):
        slider.press("ArrowRight")
    settled(page, "blue.png")
    expect(slider).to_be_focused()
    assert asked(page)["mix"] == ["2;;id:blue.png"]
    assert chips(page) == {"red.png": "+1", "blue.png": "+2"}
    with page.expect_request("**/v1/search") as request:
        page.get_by_label("Weight of red.png").press("Home")
    both = [{"id": "red.png", "weight": 0.25}, {"id": "blue.png", "weight": 2}]
    assert question(request.value) == {"mix": both}
    page.get_by_role("button", name="Less like blue.png").click()
    settled(page, "red.png")
    expect(tile(page, "blue.png")).to_have_count(0)
    assert chips(page) == {"red.png": "+0.25", "blue.png": "−2"}
    assert "less like this" in (slider.get_attribute("aria-valuetext") or "").lower()


def test_words_and_ids_join_the_question_and_leave_it(asker: Asker) -> None:
    page = asker("/#/?id=red.png")
    settled(page, "red.png")
    field = page.get_by_label("And words, an address or an id")
    field.fill("blue")
    with page.expect_request("**/v1/search") as request:
        page.keyboard.press("Enter")
    assert question(request.value) == {"id": "red.png", "mix": [{"text": "blue", "weight": 1}]}
    expect(page.locator(".part")).to_have_count(2)
    expect(page.locator(".tile").nth(1)).to_contain_text(re.compile("^(red|blue).png"))
    assert set(tiles(page)[:2]) == {"red.png", "blue.png"}
    field.fill("id:lime.png")
    page.keyboard.press("Enter")
    expect(page.locator(".part")).to_have_count(3)
    page.get_by_role("button", name="Remove red.png").press("Enter")
    expect(page.locator(".query-words")).to_have_text("blue")  # the next one is in its place
    assert chips(page) == {"blue": "+1", "lime.png": "+1"}
    expect(page.get_by_role("button", name="Remove blue")).to_be_focused()
    page.keyboard.press("Enter")
    settled(page, "lime.png")
    expect(page.locator(".part")).to_have_count(0)
    assert asked(page) == {"id": ["lime.png"]}


def test_what_is_liked_takes_the_place_of_a_picture_that_goes(asker: Asker) -> None:
    page = asker("/#/?id=red.png&mix=-0.5;;id:058.jpg&mix=1;;id:blue.png")
    expect(page.locator(".part")).to_have_count(3)
    page.get_by_role("button", name="Remove red.png").click()
    settled(page, "blue.png")
    assert asked(page) == {"id": ["blue.png"], "mix": ["-0.5;;id:058.jpg"]}
    expect(page.locator(".query-picture")).to_have_attribute("alt", "Query picture: blue.png")


def test_what_is_unliked_can_be_all_that_is_left(asker: Asker) -> None:
    page = asker("/#/?id=red.png&mix=-0.5;;id:blue.png")
    settled(page, "red.png")
    with page.expect_request("**/v1/search") as request:
        page.get_by_role("button", name="Remove red.png").click()
    assert question(request.value) == {"mix": [{"id": "blue.png", "weight": -1}]}
    expect(page.locator(".status")).to_have_text(re.compile("^64 results"))
    assert chips(page) == {"blue.png": "−1"}


def test_parts_that_no_one_can_ask_with_are_left_out_of_an_address(asker: Asker) -> None:
    parts = (
        "0;;id:a",
        "11;;id:b",
        "x;;id:c",
        "1;0,0,2,2;id:d",
        "1;;upload:1",
        "1;;id:",
        "1;;id:red.png",
        "-2;;text:a;b:c",
    )
    with_parts = "&".join(f"mix={part}" for part in parts)
    page = asker(f"/#/?id=red.png&weight=0&{with_parts}")
    settled(page, "red.png")
    assert chips(page) == {"red.png": "+1", "a;b:c": "−2"}


def test_words_in_a_mixture_can_be_changed_in_the_box(asker: Asker) -> None:
    page = asker("/#/?text=red&mix=-0.5;;id:058.jpg")
    settled(page, "red.png")
    page.locator("#question").fill("blue")
    settled(page, "blue.png")
    assert chips(page) == {"blue": "+1", "058.jpg": "−0.5"}


KEEP_FORMS = """() => {
    const send = window.fetch;
    window.forms = [];
    window.fetch = (path, options) => {
        if (options?.body instanceof FormData) {
            const texts = [...options.body].filter(([, value]) => typeof value === "string");
            window.forms.push([path, Object.fromEntries(texts)]);
        }
        return send(path, options);
    };
}"""


def test_an_uploaded_picture_is_mixed_and_is_there_after_a_reload(asker: Asker, command_line: CommandLine) -> None:
    page = asker()
    page.evaluate(KEEP_FORMS)
    page.locator(".box input[name=choose-picture]").set_input_files(command_line.folder / "many" / "red.png")
    settled(page, "red.png")
    page.get_by_label("And words, an address or an id").fill("blue")
    page.keyboard.press("Enter")
    expect(page.locator(".part")).to_have_count(2)
    assert chips(page) == {"red.png": "+1", "blue": "+1"}
    sign = page.get_by_role("button", name="Less like red.png")
    expect(sign).to_be_disabled()
    expect(sign).to_have_attribute("title", "An uploaded picture can only be liked")
    with page.expect_response("**/v1/search/upload"):
        page.get_by_label("Weight of red.png").press("End")
    path, sent = page.evaluate("window.forms.at(-1)")
    assert path == "/v1/search/upload"
    assert json.loads(sent["mix"]) == [{"text": "blue", "weight": 0.5}]  # a file has the weight 1
    settled(page, "red.png")
    page.reload()
    settled(page, "red.png")
    expect(page.locator(".part")).to_have_count(2)
    assert asked(page)["mix"] == ["0.5;;text:blue"] or len(asked(page)["upload"][0]) == 64


def test_a_hit_is_liked_in_its_detail(asker: Asker) -> None:
    page = asker("/#/?id=red.png")
    settled(page, "red.png")
    second = tiles(page)[1]
    page.locator(".tile-open").nth(1).click()
    detail = page.get_by_role("dialog", name="Details")
    detail.get_by_role("button", name="Less like this").click()
    expect(detail).to_be_hidden()
    expect(tile(page, second)).to_have_count(0)
    assert chips(page) == {"red.png": "+1", second: "−0.5"}


def test_the_keyboard_stays_on_a_hit_that_is_liked_and_goes_to_its_neighbour_from_one_that_is_not(asker: Asker) -> None:
    page = asker("/#/?id=red.png")
    settled(page, "red.png")
    liked = tiles(page)[3]
    page.locator(".tile-open").first.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "Tab", "Tab"):
        page.keyboard.press(key)
    more = tile(page, liked).get_by_role("button", name="More like this")
    expect(more).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".part")).to_have_count(2)
    expect(more).to_have_attribute("aria-pressed", "true")
    expect(more).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(tile(page, liked)).to_have_count(0)
    assert chips(page)[liked] == "−0.5"
    expect(page.locator(".grid .tile-open:focus")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_mixture_fits_a_phone_in_both_languages(asker: Asker, scheme: str) -> None:
    page = asker(
        "/#/?id=red.png&regions=1&mix=1;;text:蓝色&mix=-0.5;0,0,0.4,0.4;id:wide.png", color_scheme=scheme, **PHONE
    )
    expect(page.locator(".part")).to_have_count(3)
    for language in ("中文", "English"):
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.get_by_role("button", name=language).tap()
        expect(page.locator(".part")).to_have_count(3)
    expect(page.locator(".tile-open").first).to_be_in_viewport()  # what is asked leaves room for what is found
