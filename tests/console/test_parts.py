"""Parts of pictures: those that match, outlined where they are, and the subject of the picture that is asked with."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import CommandLine
from tests.console.browsing import PHONE, Tabs, asked, body_of, loaded, question, settled, tile, tiles
from tests.console.serving import HELD
from tests.installing import changed

Asker = Callable[..., Page]

PAINTED = "007.jpg"


def box(found: Locator) -> tuple[float, float, float, float]:
    measured = found.bounding_box()
    assert measured
    return measured["x"], measured["y"], measured["width"], measured["height"]


def expected(
    frame: tuple[float, float, float, float], picture: tuple[int, int], region: tuple[float, ...], fit: str
) -> tuple[float, ...]:
    """Where the region of a picture is on the screen, when it is fitted into a frame as CSS's object-fit does."""
    left, top, width, height = frame
    scales = (width / picture[0], height / picture[1])
    scale = {"contain": min(scales), "cover": max(scales), "scale-down": min(*scales, 1)}[fit]
    shown = (picture[0] * scale, picture[1] * scale)
    x, y, w, h = region
    left, top = left + (width - shown[0]) / 2, top + (height - shown[1]) / 2
    return left + x * shown[0], top + y * shown[1], w * shown[0], h * shown[1]


@pytest.mark.parametrize("id", HELD)
def test_the_part_that_matches_is_outlined_right_on_the_picture(asker: Asker, id: str) -> None:
    page = asker(f"/#/?id={PAINTED}")
    settled(page, PAINTED)
    expect(page.locator(".outline-of-part")).to_have_count(0)
    switch = page.get_by_role("switch", name="Search parts of pictures")
    with page.expect_request("**/v1/search") as request:
        switch.check()
    assert question(request.value) == {"id": PAINTED, "regions": True}
    expect(page.locator(".score").nth(2)).to_have_text(re.compile(r"^(0.99\d|1.000)$"))  # both pictures that hold it
    assert set(tiles(page)[:3]) == {PAINTED, *HELD}
    expect(page.locator(".tile").first.locator(".outline-of-part")).to_have_count(0)  # it matches as a whole
    picture, region = HELD[id]
    page.mouse.move(0, 0)
    outline = tile(page, id).locator(".outline-of-part rect").last
    expect(outline).to_be_visible()
    assert box(outline) == pytest.approx(
        expected(box(tile(page, id).locator("img")), picture, region, "contain"), abs=3
    )
    expect(tile(page, id).locator(".tile-open")).to_have_attribute("aria-label", re.compile("in one part$"))
    tile(page, id).locator(".tile-open").click()
    detail = page.get_by_role("dialog", name="Details")
    expect(detail.locator(".matched")).to_have_text(re.compile(r"^score (0.99\d|1.000) · in one part$"))
    large = detail.locator(".stage-picture")
    loaded(large)
    inside = expected(box(large), picture, region, "scale-down")
    assert box(detail.locator(".outline-of-part rect").last) == pytest.approx(inside, abs=3)
    detail.get_by_role("button", name="More like this").click()
    chip = page.locator(".part").filter(has_text=id).locator(".part-picture")
    expect(chip.locator("rect")).to_have_count(2)
    inside = expected(box(chip.locator("img")), picture, region, "cover")
    assert box(chip.locator("rect").last) == pytest.approx(inside, abs=3)
    weight, spelt, kind = asked(page)["mix"][0].split(";")
    assert (weight, kind) == ("1", f"id:{id}")
    assert [float(part) for part in spelt.split(",")] == pytest.approx(region, abs=1e-3)


def test_the_switch_for_parts_is_kept_in_the_address_and_counts_on_a_phone(asker: Asker) -> None:
    page = asker(f"/#/?id={PAINTED}&regions=1", **PHONE)
    expect(page.locator(".outline-of-part").first).to_be_attached()
    expect(page.locator(".badge")).to_have_text("1")
    page.get_by_role("button", name="Filters").tap()
    page.get_by_role("switch", name="Search parts of pictures").tap()
    expect(page.locator(".outline-of-part")).to_have_count(0)
    assert "regions" not in asked(page)


def test_no_switch_for_parts_where_the_library_keeps_none(page: Page) -> None:
    page.locator(".tile").first.hover()
    page.locator(".tile").first.get_by_role("button", name="Search with this").click()
    expect(page.locator(".score").first).to_have_text("1.000")
    expect(page.get_by_role("switch", name="Search parts of pictures")).to_be_hidden()


def test_the_subject_of_the_query_becomes_its_region(asker: Asker) -> None:
    page = asker("/#/?id=wide.png")
    settled(page, "wide.png")
    with page.expect_response("**/v1/search"), page.expect_response("**/v1/subject") as answered:
        page.get_by_role("button", name="Find the subject").click()
    found = body_of(answered.value)["region"]
    assert json.loads(answered.value.request.post_data or "") == {"id": "wide.png"}
    expect(page.locator(".region")).to_be_visible()
    expect(page.locator(".region")).to_be_focused()
    expect(page).to_have_url(re.compile("region="))
    kept = [float(part) for part in asked(page)["region"][0].split(",")]
    assert kept == pytest.approx([found[side] for side in "xywh"], abs=1e-4)
    with page.expect_request("**/v1/search") as request:
        page.keyboard.press("Shift+ArrowLeft")
    assert question(request.value)["region"]["w"] == pytest.approx(found["w"] - 0.02, abs=1e-4)


def test_the_subject_of_an_uploaded_picture_is_found_too(asker: Asker, command_line: CommandLine) -> None:
    page = asker()
    page.locator(".box input[name=choose-picture]").set_input_files(command_line.folder / "many" / "tall.png")
    settled(page, "tall.png")
    with page.expect_response("**/v1/subject/upload") as answered:
        page.get_by_role("button", name="Find the subject").click()
    assert answered.value.ok
    expect(page.locator(".region")).to_be_visible()
    expect(page).to_have_url(re.compile("upload=.*region="))


@pytest.mark.parametrize("method", ["centre", "saliency"])
def test_a_subject_that_is_only_guessed_is_said_to_be(asker: Asker, method: str) -> None:
    page = asker("/#/?id=wide.png")
    settled(page, "wide.png")
    region = {"x": 0.125, "y": 0.125, "w": 0.75, "h": 0.75}
    page.route("**/v1/subject", lambda route: route.fulfill(json={"region": region, "method": method}))
    page.get_by_role("button", name="Find the subject").click()
    expect(page.locator(".region")).to_be_visible()
    expect(page.locator(".toast")).to_have_count(1 if method == "centre" else 0)


def test_a_subject_that_cannot_be_looked_for_says_why(asker: Asker, tabs: Tabs) -> None:
    tabs.tolerate("410")
    page = asker("/#/?id=wide.png")
    settled(page, "wide.png")
    gone = {"error": {"code": "gone", "message": "it is not there", "request_id": "1", "details": []}}
    page.route("**/v1/subject", lambda route: route.fulfill(status=410, json=gone))
    page.get_by_role("button", name="Find the subject").click()
    expect(page.locator(".toast")).to_contain_text("The original has gone or changed.")
    expect(page.get_by_role("button", name="Find the subject")).to_be_enabled()


def test_an_option_that_is_a_number_needs_its_row_only(tabs: Tabs, asker: Callable[..., Page], tmp_path: Path) -> None:
    tabs.tolerate("422")  # this server does not know it
    script = next(name for name in changed("A new option of search", tmp_path) if name.endswith(".js"))
    page = asker("/?plain")
    page.route("**/lib/options.js", lambda route: route.fulfill(path=tmp_path / script, content_type="text/javascript"))
    page.goto(f"{page.url}#/?id={PAINTED}")
    page.reload()
    slider = page.get_by_label("At most this far behind the best")
    expect(page.locator(".options").get_by_text("any")).to_be_visible()
    with page.expect_request("**/v1/search") as request:
        slider.fill("0.25")
    assert question(request.value) == {"id": PAINTED, "margin": 0.25}
    assert asked(page)["margin"] == ["0.25"]
    expect(page.locator(".badge")).to_have_text("1")
    page.reload()
    expect(slider).to_have_value("0.25")
    page.get_by_role("button", name="中文").click()
    page.get_by_label("与最佳结果的最大差距").fill("0")
    assert "margin" not in asked(page)
