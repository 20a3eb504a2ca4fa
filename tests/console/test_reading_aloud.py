"""Screen readers and the keyboard: what axe-core finds, headings, sizes of targets, and the way to the pictures."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.console.browsing import PHONE, Tabs
from tests.console.standin import Duplicates

CAT = "animal/chelsea.jpg"
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
PAGES = {
    "welcome": "/",
    "hits": f"/#/?id={CAT}",
    "words": "/#/?id=sky/moon.jpg&mix=1%3B%3Bid%3Asky%2Frocket.jpg",
    "colours": "/#/?color=%23c0392b:0.6,white",
    "detail": f"/#/?id={CAT}&show={CAT}",
    "library": "/#/library",
    "match": f"/#/match?id={CAT}",
    "duplicates": "/#/duplicates",
    "copyright": "/#/copyright",
    "recommend": "/#/recommend",
}
CONTROLS = "a, button, input, select, textarea, summary, [tabindex='0']"
SMALL = (
    f"""() => [...document.querySelectorAll("{CONTROLS}")]"""
    + """.filter((one) => {
    if (!one.checkVisibility({ checkOpacity: false, checkVisibilityCSS: true }) || one.type === "hidden") return false;
    const target = one.closest("label") ?? one;
    const { width, height } = target.getBoundingClientRect();
    const inText = getComputedStyle(one).display === "inline" && one.closest("p, td");
    return !inText && !one.closest(".unseen, .skip") && (width < 24 || height < 24);
}).map((one) => `${one.outerHTML.slice(0, 120)} ${Math.round(one.offsetWidth)} x ${Math.round(one.offsetHeight)}`)"""
)


def check_axe() -> str:
    if AXE.exists():
        return AXE.read_text(encoding="utf-8")
    if os.environ.get("CI"):
        pytest.fail("axe-core is missing: npm ci")
    pytest.skip("axe-core is missing: npm ci")


STILL = """() => {
  const ends = (one) => one.effect.getComputedTiming().endTime !== Infinity;
  return Promise.allSettled(document.getAnimations().filter(ends).map((one) => one.finished));
}"""
"""Waits until no colour is on its way to another one."""


def found(page: Page, axe: str) -> str:
    """What axe-core finds wrong with the page, or with the dialog over it."""
    page.evaluate(STILL)
    page.evaluate(axe)
    options = json.dumps({"resultTypes": ["violations"]})
    result: Any = page.evaluate(f"async () => axe.run(document, {options})")
    return "\n".join(
        f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}"
        for rule in result["violations"]
        for node in rule["nodes"]
    )


def open_page(tabs: Tabs, name: str, **options: Any) -> Page:
    page = tabs.open("about:blank", address="", **options)
    if name == "duplicates":
        groups = [("same-picture", [CAT, "sky/moon.jpg"]), ("edited-copy", ["sky/rocket.jpg", "sky/moon.jpg"])]
        Duplicates(tabs.address, groups).answer(page)
    page.goto(tabs.address + PAGES[name])
    shown = {
        "match": ".match, .notice",
        "duplicates": ".member-picture img",
        "copyright": ".notice",
        "detail": ".facts .table",
        "recommend": ".recommended",
    }
    expect(page.locator(shown.get(name, ".tile-open")).first).to_be_visible()
    return page


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_in_either_theme_and_every_page_has_one_heading(tabs: Tabs, name: str) -> None:
    axe = check_axe()
    page = open_page(tabs, name, color_scheme="light", reduced_motion="reduce")
    assert page.locator("h1").count() == 1
    assert "\n".join(page.evaluate(SMALL)) == ""
    assert found(page, axe) == ""
    page.emulate_media(color_scheme="dark")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert found(page, axe) == ""


def test_axe_finds_nothing_where_pictures_are_chosen_or_on_a_phone(tabs: Tabs) -> None:
    axe = check_axe()
    page = open_page(tabs, "hits", reduced_motion="reduce")
    page.locator(".tile-open").first.focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="View").click()
    assert found(page, axe) == ""
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Set attributes").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert found(page, axe) == ""
    page = open_page(tabs, "hits", reduced_motion="reduce", **PHONE)
    assert "\n".join(page.evaluate(SMALL)) == ""
    assert found(page, axe) == ""


def test_axe_finds_nothing_at_the_door(tabs: Tabs) -> None:
    page = tabs.open("about:blank", address="")
    door: dict[str, Any] = {"keys_required": True, "scope": None, "scopes": [], "name": None}
    page.route("**/v1/session", lambda route: route.fulfill(json=door))
    page.goto(tabs.address)
    expect(page.get_by_label("Key")).to_be_visible()
    assert page.locator("h1").count() == 1
    assert found(page, check_axe()) == ""


def test_the_pictures_are_three_keys_away(tabs: Tabs) -> None:
    page = open_page(tabs, "hits")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the pictures")
    page.keyboard.press("Enter")
    expect(page.locator(".tile-open").first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".tile-open").nth(1)).to_be_focused()
    assert page.url.endswith(PAGES["hits"][1:])
