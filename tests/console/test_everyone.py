"""Both languages, light and dark, a phone's size, the keyboard alone."""

import re
from pathlib import Path
from typing import get_args

import httpx
import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, expect

from tests.console.browsing import PHONE, Tabs, give, loaded
from yunmeng.apps.duplicates.types import Reason
from yunmeng.types import Band, JobStatus

PACKAGE = Path(__file__).parents[2] / "yunmeng"  # pages may lie outside the console's folder
PREFIXES = {
    "steps": "step",
    "metrics": "metric",
    "enhancements": "enhance",
    "verdicts": "verdict",
    "differences": "verdict",
    "edits": "edit",
    "rules": "keep",
}
"""Of the keys of the words for what the server tells of a list."""
CAT = "animal/chelsea.jpg"


@pytest.fixture
def plain(page: Page, server: str) -> Page:
    """The console module by module: a test can ask a module for what it holds."""
    page.goto(f"{server}/?plain")
    expect(page.get_by_role("link", name="Duplicates")).to_be_visible()
    return page


def test_every_word_is_there_in_both_languages(plain: Page) -> None:
    words: dict[str, list[str]] = plain.evaluate("async () => (await import('/console/lib/words.js')).WORDS")
    for key, both in words.items():
        assert len(both) == 2, key
        assert all(text.strip() for text in both), key
        named = [set(re.findall(r"{\w+}", text)) for text in both]
        assert named[0] == named[1], key
    scripts = [path for path in PACKAGE.rglob("*.js") if path.name not in ("words.js", "copywords.js", "gridwords.js")]
    source = "\n".join(path.read_text(encoding="utf-8") for path in scripts)
    used = set(re.findall(r"""\bt\(\s*"([^"]+)\"""", source))
    assert used - set(words) == set()
    in_other_ways = {key for key in words if f'"{key}"' in source or re.search(rf"\b{re.escape(key)}: \[", source)}
    computed = r"^(error\.|problem-|measure-|stage-|theme-|touched-|upload-|fact-|duplicates-|.*-title$)"
    computed += r"|^(band|step|metric|type|option|enhance|seen|verdict|edit|reason|keep|kind|status|phase|reencode)-"
    computed += r"|^(shop-sort|react|reacted|because)-"
    assert [key for key in words if key not in used | in_other_ways and not re.match(computed, key)] == []


def test_an_application_cannot_change_other_words(plain: Page) -> None:
    add = "async (words) => (await import('/console/lib/i18n.js')).addWords(words)"
    plain.evaluate(add, {"of-a-page": ["一页", "Of a page"]})
    plain.evaluate(add, {"of-a-page": ["一页", "Of a page"]})
    with pytest.raises(PlaywrightError, match='other words for "of-a-page": choose another key'):
        plain.evaluate(add, {"of-a-page": ["两页", "Of two pages"]})


def test_every_name_of_the_api_is_put_into_words(plain: Page, server: str) -> None:
    words = plain.evaluate("async () => (await import('/console/lib/words.js')).WORDS")
    told = httpx.get(f"{server}/v1/library").json()["vocabulary"]
    told["rules"] = httpx.get(f"{server}/v1/duplicates").json()["rules"]
    assert set(told) - set(PREFIXES) == {"scopes", "unlike"}  # which are not shown
    for name, prefix in PREFIXES.items():
        assert {f"{prefix}-{one}" for one in told[name]} <= set(words), name
    assert {f"step-{name}-hint" for name in told["steps"]} <= set(words)
    assert {f"band-{name}" for name in get_args(Band)} <= set(words)
    assert {f"reason-{name}" for name in get_args(Reason)} <= set(words)
    assert {f"status-{name}" for name in get_args(JobStatus)} <= set(words)


def test_every_problem_of_quality_is_put_into_words(page: Page) -> None:
    from yunmeng.imaging.quality import EXPLANATIONS

    words = page.evaluate("async () => (await import('/console/lib/words.js')).WORDS")
    assert {f"problem-{name}" for name in EXPLANATIONS} <= set(words)


def test_the_browser_s_language_is_taken_and_can_be_switched_and_is_remembered(tabs: Tabs) -> None:
    page = tabs.open(f"/#/?id={CAT}&filter=category+%3D+'animal'", locale="zh-CN")
    expect(page.locator(".status")).to_contain_text("1 个结果")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    page.get_by_role("button", name="English").click()
    expect(page.locator(".status")).to_contain_text("1 result")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("#language")).to_be_focused()
    page.reload()
    expect(page.locator(".status")).to_contain_text("1 result")
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("link", name="图库")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_follow_the_system_until_one_is_chosen(tabs: Tabs, scheme: str) -> None:
    page = tabs.open(color_scheme=scheme)
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = "rgb(19, 19, 19)"
    assert (page.evaluate(ground) == dark) is (scheme == "dark")
    page.get_by_role("button", name="Appearance: as the system").click()
    assert page.evaluate(ground) != dark
    page.get_by_role("button", name="Appearance: light").click()
    assert page.evaluate(ground) == dark
    page.reload()
    assert page.evaluate(ground) == dark


def contrast(page: Page, ink: str, ground: str) -> float:
    """WCAG's contrast of two of the colours."""

    def luminance(name: str) -> float:
        found = page.evaluate("name => getComputedStyle(document.documentElement).getPropertyValue(name)", name).strip()
        channels = [int(found[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(ink), luminance(ground)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_told_from_its_ground(tabs: Tabs, scheme: str) -> None:
    page = tabs.open(color_scheme=scheme)
    for ink in ("--ink", "--ink-soft", "--accent", "--alarm", "--good"):
        for ground in ("--ground", "--surface", "--mat"):
            assert contrast(page, ink, ground) >= 4.5, (ink, ground)
    assert contrast(page, "--on-accent", "--accent") >= 4.5


@pytest.mark.parametrize("path", ["/", f"/#/?id={CAT}", f"/#/?id={CAT}&show={CAT}", "/#/library"])
def test_nothing_is_wider_than_a_phone(tabs: Tabs, path: str) -> None:
    page = tabs.open(path, **PHONE)
    expect(page.locator(".tile-open").first).to_be_attached()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    dialog = page.locator("dialog:modal")
    assert all(width <= 390 for width in dialog.evaluate_all("found => found.map(one => one.scrollWidth)"))


def test_on_a_phone_filters_come_up_in_a_sheet(tabs: Tabs) -> None:
    page = tabs.open(f"/#/?id={CAT}", **PHONE)
    expect(page.locator(".status")).to_contain_text("17 results")
    expect(page.get_by_role("button", name="sky")).to_be_hidden()
    page.get_by_role("button", name="Filters").tap()
    sheet = page.get_by_role("dialog", name="Filters")
    sheet.get_by_role("button", name="sky").tap()
    sheet.get_by_role("button", name="Done").tap()
    expect(sheet).to_be_hidden()
    expect(page.locator(".status")).to_contain_text("3 results")
    expect(page.locator(".badge")).to_have_text("1")
    expect(page.get_by_role("button", name="Take a photo")).to_be_visible()
    assert page.locator(".box input[capture=environment]").count() == 1


def test_on_a_phone_a_region_is_drawn_with_a_finger(tabs: Tabs, query: Path) -> None:
    page = tabs.open(**PHONE)
    expect(page.locator(".tile-open").first).to_be_visible()
    give(page, "drop", query)
    frame = page.locator(".query-frame")
    expect(page.locator(".status")).to_contain_text("17 results")
    loaded(page.locator(".query-picture"))
    small = frame.bounding_box()
    page.get_by_role("button", name="Show the query large").tap()
    box = frame.bounding_box()
    assert small
    assert box
    assert small["height"] < 60 < box["height"]
    finger = page.context.new_cdp_session(page)
    for kind, part in (("touchStart", 0.2), ("touchMove", 0.5), ("touchMove", 0.8), ("touchEnd", None)):
        points = [] if part is None else [{"x": box["x"] + box["width"] * part, "y": box["y"] + box["height"] * part}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(page.locator(".region")).to_be_visible()
    expect(page).to_have_url(re.compile("region=0.2"))


def test_everything_is_done_with_the_keyboard_alone(page: Page) -> None:
    expect(page.locator(".status")).to_have_text("17 pictures")
    page.keyboard.press("/")
    expect(page.locator("#question")).to_be_focused()
    page.keyboard.type(f"id:{CAT}")
    page.keyboard.press("Enter")
    expect(page.locator(".status")).to_contain_text("17 results")
    page.locator("#skip").focus()
    page.keyboard.press("Enter")
    focused = page.locator(":focus")
    expect(focused).to_have_attribute("aria-label", re.compile(f"^{CAT}"))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".tile:has(:focus)")).to_have_attribute("data-index", re.compile(r"^([4-9]|1\d)$"))
    chosen = page.locator(":focus").get_attribute("aria-label") or ""
    page.keyboard.press("Enter")
    detail = page.get_by_role("dialog", name="Details")
    expect(detail.locator(".facts-title")).to_have_text(chosen.split(", score")[0])
    page.keyboard.press("Escape")
    expect(detail).to_be_hidden()
    expect(page.locator(":focus")).to_have_attribute("aria-label", chosen)
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_attribute("aria-label", "Search with this")
    page.keyboard.press("Enter")
    expect(page.locator(".score").first).to_have_text("1.000")
    page.keyboard.press("Control+Home")


def test_movement_is_left_out_for_those_who_ask(tabs: Tabs) -> None:
    page = tabs.open(reduced_motion="reduce")
    expect(page.locator(".tile-open img").first).to_be_visible()
    spent = page.locator(".tile-open img").first.evaluate("one => parseFloat(getComputedStyle(one).transitionDuration)")
    assert spent < 0.001
