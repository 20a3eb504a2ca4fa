"""Two pictures compared: the verdict, what was done, the evidence to keep, and both enlarged together."""

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.console.browsing import PHONE, Tabs, loaded, tile

CAT = "animal/chelsea.jpg"


@pytest.fixture
def compared(page: Page, query: Path) -> Locator:
    """A cut of the cat, which is uploaded, beside the cat."""
    window = compare(page, query)
    for at in (0, 1):
        loaded(window.locator(".zoom-frame img").nth(at))
    return window


def compare(page: Page, query: Path, label: str = "Compare with query") -> Locator:
    page.locator(".box input[name=choose-picture]").set_input_files(query)
    expect(tile(page, CAT).locator(".score")).not_to_be_empty()
    tile(page, CAT).locator(".tile-open").click()
    page.get_by_role("button", name=label).click()
    return page.locator("dialog.compare-dialog")


def scale(frame: Locator) -> float:
    """How many times an image in a frame is enlarged."""
    return float(frame.locator("img").evaluate("image => new DOMMatrix(getComputedStyle(image).transform).a"))


def middle(frame: Locator) -> list[float]:
    """The place of the picture that is in the middle of its frame, in fractions of the picture."""
    place: list[float] = frame.evaluate(
        """frame => {
            const image = frame.querySelector("img");
            const { a, e, f } = new DOMMatrix(getComputedStyle(image).transform);
            const [width, height] = [frame.clientWidth, frame.clientHeight];
            const fit = Math.min(width / image.naturalWidth, height / image.naturalHeight);
            const [w, h] = [image.naturalWidth * fit, image.naturalHeight * fit];
            return [((width / 2 - e) / a - (width - w) / 2) / w, ((height / 2 - f) / a - (height - h) / 2) / h];
        }"""
    )
    return place


def test_a_copy_is_told_with_what_was_done_and_the_evidence_is_kept(page: Page, compared: Locator) -> None:
    expect(compared.locator(".verdict")).to_have_text("An edited copy: one of them is made from the other.")
    expect(compared.locator(".edits")).to_contain_text(re.compile("crop", re.IGNORECASE))
    expect(compared).to_contain_text(re.compile(r"\d+ points agree · the left picture covers \d+ % of the right one"))
    evidence = compared.locator(".evidence-picture")
    expect(evidence).to_be_visible()
    expect(evidence).to_have_js_property("complete", True)
    assert evidence.evaluate("image => image.naturalWidth") > 600
    with page.expect_download() as download:
        compared.get_by_role("link", name="Download the evidence").click()
    assert download.value.suggested_filename == "evidence-query-chelsea.png"
    with Image.open(download.value.path()) as kept:
        assert kept.format == "PNG"
    page.keyboard.press("Escape")
    expect(compared).to_have_count(0)


def test_edits_are_told_in_chinese_too(tabs: Tabs, query: Path) -> None:
    page = tabs.open(locale="zh-CN")
    expect(page.locator(".tile-open")).to_have_count(17)
    window = compare(page, query, "与查询比较")
    expect(window.locator(".verdict")).to_contain_text("修改过的副本")
    expect(window.locator(".edits")).to_contain_text("裁剪")
    assert not re.search("[a-z]{3}", window.locator(".edits").inner_text())


def test_the_evidence_of_strangers_is_drawn_when_it_is_asked_for(page: Page) -> None:
    for name in (CAT, "sky/moon.jpg"):
        tile(page, name).hover()
        tile(page, name).get_by_role("button", name="Compare").click()
    window = page.get_by_role("dialog", name="Compare")
    expect(window.locator(".verdict")).to_have_text(re.compile("^Different pictures"))
    expect(window.locator(".evidence-picture")).to_have_count(0)
    window.get_by_role("button", name="Show the evidence").click()
    expect(window.locator(".evidence-picture")).to_have_js_property("complete", True)


def test_evidence_that_cannot_be_drawn_says_why(tabs: Tabs, page: Page, query: Path) -> None:
    tabs.tolerate("410|500")

    def refuse(status: int, code: str) -> None:
        told = {"error": {"code": code, "message": "it is not there", "request_id": "1", "details": []}}
        page.unroute("**/v1/compare/evidence")
        page.route("**/v1/compare/evidence", lambda route: route.fulfill(status=status, json=told))

    refuse(410, "gone")
    window = compare(page, query)
    expect(window.locator(".evidence").get_by_role("alert")).to_contain_text("The original has gone or changed.")
    expect(window.get_by_role("button", name="Try again")).to_have_count(0)  # it would be gone again
    page.keyboard.press("Escape")
    refuse(500, "internal")
    window = compare(page, query)
    expect(window.locator(".evidence").get_by_role("alert")).to_be_visible()
    page.unroute("**/v1/compare/evidence")
    window.get_by_role("button", name="Try again").click()
    expect(window.locator(".evidence-picture")).to_be_visible()


def test_both_pictures_are_enlarged_at_the_same_place(page: Page, compared: Locator) -> None:
    left, right = compared.locator(".zoom-frame").all()
    box = left.bounding_box()
    assert box
    assert scale(left) == scale(right) == 1
    left.click(position={"x": box["width"] * 0.6, "y": box["height"] * 0.45})
    expect(compared.locator(".zoom-scale")).to_have_text("3 ×")
    assert scale(left) == scale(right) == 3
    assert middle(left) == pytest.approx(middle(right), abs=0.02)
    before = middle(left)
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 80, steps=4)
    page.mouse.up()
    assert scale(left) == 3
    assert middle(left)[0] > before[0]
    assert middle(left) == pytest.approx(middle(right), abs=0.02)
    page.mouse.wheel(0, -200)
    expect(compared.locator(".zoom-scale")).not_to_have_text("3 ×")
    left.click()
    expect(compared.locator(".zoom-scale")).to_have_text("1 ×")


def test_both_pictures_are_enlarged_with_the_keyboard(page: Page, compared: Locator) -> None:
    left, right = compared.locator(".zoom-frame").all()
    left.focus()
    page.keyboard.press("Enter")
    expect(compared.locator(".zoom-scale")).to_have_text("3 ×")
    before = middle(right)
    page.keyboard.press("ArrowRight")
    assert middle(right)[0] > before[0]
    page.keyboard.press("-")
    expect(compared.locator(".zoom-scale")).to_have_text("2 ×")
    page.keyboard.press("0")
    expect(compared.locator(".zoom-scale")).to_have_text("1 ×")
    compared.get_by_role("button", name="Larger").click()
    assert scale(left) == scale(right) == 1.5


def test_the_window_fits_a_phone(tabs: Tabs, query: Path) -> None:
    page = tabs.open(**PHONE)
    window = compare(page, query)
    expect(window.locator(".evidence-picture")).to_be_visible()
    assert window.evaluate("one => one.scrollWidth") <= 390
