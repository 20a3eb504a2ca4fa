"""Filters by each type of attribute, the expression that they make, and the score cut-off."""

import json
import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.console.browsing import Tabs, scores, still
from tests.console.serving import SCRIPT
from yunmeng.stores.parse import parse_filter

ALL = "17 pictures"
TYPES = {"category": "str", "tags": "list[str]", "price": "float", "sale": "bool", "from": "str", 'a "b" 名': "str"}


def count(page: Page, text: str) -> None:
    expect(page.locator(".status")).to_have_text(text)


def expression(page: Page) -> str:
    return page.locator("#expression").input_value()


def filter_box(page: Page, name: str) -> Any:
    return page.locator(f"[data-filter='{name}']")


def test_values_are_chosen_by_chips_and_undone(page: Page) -> None:
    count(page, ALL)
    category = filter_box(page, "category")
    category.get_by_role("button", name="sky").click()
    count(page, "3 pictures")
    category.get_by_role("button", name="animal").click()
    count(page, "4 pictures")
    assert expression(page) == "category in ('sky', 'animal')"
    assert "filter=" in page.url
    category.get_by_role("button", name="Clear category").click()
    count(page, ALL)
    category.get_by_role("button", name=SCRIPT).click()  # shown as text, quoted for the server
    count(page, "1 picture")


def test_a_list_passes_with_any_of_the_chosen_values(page: Page) -> None:
    filter_box(page, "tags").get_by_role("button", name="even").click()
    count(page, "8 pictures")
    filter_box(page, "tags").get_by_role("button", name="it's").click()
    count(page, "16 pictures")
    assert expression(page) == "contains_any(tags, 'even', 'it''s')"


def test_numbers_have_bounds_and_a_slider(page: Page) -> None:
    price = filter_box(page, "price")
    price.get_by_role("spinbutton", name="price at least").fill("50")
    count(page, "7 pictures")
    price.get_by_role("spinbutton", name="price at most").fill("60.5")
    count(page, "3 pictures")
    assert expression(page) == "price >= 50 and price <= 60.5"
    stock = filter_box(page, "stock")
    stock.get_by_role("slider", name="stock at most").fill("11")
    count(page, "2 pictures")
    expect(stock.get_by_role("spinbutton", name="stock at most")).to_have_value("11")


def test_truth_is_any_yes_or_no(page: Page) -> None:
    sale = filter_box(page, "sale")
    sale.get_by_role("radio", name="Yes").check()
    count(page, "8 pictures")
    with page.expect_response(lambda answer: "false" in answer.url):
        sale.get_by_role("radio", name="No").check()
    still(page)
    count(page, "8 pictures")  # the mirrored cat says neither
    sale.get_by_role("radio", name="Any").check()
    count(page, ALL)


def test_an_expression_is_written_by_hand_and_shown_by_the_controls(page: Page) -> None:
    page.locator(".advanced summary").click()
    page.locator("#expression").fill("sale = true and price >= 10 and not (category = 'sky')")
    count(page, "5 pictures")
    expect(filter_box(page, "sale").get_by_role("radio", name="Yes")).to_be_checked()
    expect(filter_box(page, "price").get_by_role("spinbutton", name="price at least")).to_have_value("10")
    filter_box(page, "sale").get_by_role("radio", name="Any").check()
    count(page, "12 pictures")
    assert expression(page) == "price >= 10 and not (category = 'sky')"


def test_an_expression_that_cannot_be_read_is_told_at_its_field(tabs: Tabs, page: Page) -> None:
    tabs.tolerate("422")
    page.locator(".advanced summary").click()
    page.locator("#expression").fill("price <")
    expect(page.locator("#filter-problem")).to_contain_text("the filter cannot be read")
    expect(page.locator("#expression")).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Clear filter").click()
    count(page, ALL)


def test_the_cut_off_works_at_once_and_is_confirmed(tabs: Tabs) -> None:
    page = tabs.open("/#/?id=animal/chelsea.jpg")
    expect(page.locator(".status")).to_contain_text("17 results")
    kept = sum(score >= 0.3 for score in scores(page))
    assert 1 < kept < 17
    held: list[Any] = []
    page.route("**/v1/search", lambda route: held.append(route))
    with page.expect_request("**/v1/search") as asked:
        page.locator("#cutoff").evaluate("it => { it.value = 0.3; it.dispatchEvent(new Event('input')); }")
    expect(page.locator(".tile-open")).to_have_count(kept)  # the server has not been heard
    expect(page).to_have_url(re.compile("min=0.3"))
    assert json.loads(asked.value.post_data or "")["min_score"] == 0.3
    expect(page.locator(".grid")).to_have_class(re.compile("stale"))
    for route in held:
        route.continue_()
    page.unroute("**/v1/search")
    expect(page.locator(".grid")).not_to_have_class(re.compile("stale"))
    expect(page.locator(".status")).to_contain_text(f"{kept} results")


def test_when_nothing_is_left_it_offers_to_loosen(tabs: Tabs) -> None:
    page = tabs.open("/#/?id=animal/chelsea.jpg&min=0.99&filter=category+%3D+'sky'")
    expect(page.get_by_role("heading", name="Nothing fits")).to_be_visible()
    page.get_by_role("button", name="Remove cut-off").click()
    expect(page.locator(".tile-open")).to_have_count(3)
    page.locator(".filters [aria-label='Clear category']").click()
    expect(page.locator(".status")).to_contain_text("17 results")


def test_a_question_that_is_overtaken_is_called_off(tabs: Tabs) -> None:
    page = tabs.open("/#/?id=animal/chelsea.jpg")
    expect(page.locator(".status")).to_contain_text("17 results")
    dropped: list[str] = []
    page.on("requestfailed", lambda request: dropped.append(request.url) if "/v1/search" in request.url else None)
    held: list[Any] = []
    page.route("**/v1/search", lambda route: held.append(route), times=1)
    with page.expect_request("**/v1/search"):
        filter_box(page, "category").get_by_role("button", name="sky").click()
    filter_box(page, "category").get_by_role("button", name="animal").click()
    expect(page.locator(".status")).to_contain_text("4 results")
    assert len(dropped) == 1


def test_a_filter_that_is_not_yet_asked_for_stays_behind(page: Page) -> None:
    sky = "document.querySelector('[data-filter=category] button[aria-pressed]')"
    page.evaluate(f"() => {{ {sky}.click(); location.hash = '#/library'; }}")
    expect(page.get_by_role("heading", name="catalogue", exact=True)).to_be_visible()
    page.wait_for_timeout(400)  # longer than a filter waits for another one
    expect(page).to_have_url(re.compile("#/library$"))
    expect(page.locator(".tile-open")).to_have_count(17)


CHOICES: list[tuple[dict[str, Any], str]] = [
    ({"category": {"any": ["it's", "红 'b'"]}}, "category in ('it''s', '红 ''b''')"),
    ({"category": {"begins": "sh"}}, "category like 'sh%'"),
    ({"tags": {"any": ["a, b", ")"]}}, "contains_any(tags, 'a, b', ')')"),
    ({"price": {"min": -1.5, "max": 2e21}, "sale": {"is": False}}, "price >= -1.5 and price <= 2e+21 and sale = false"),
    ({"from": {"any": ["x"]}, 'a "b" 名': {"any": ["or 1"]}}, '"from" = \'x\' and "a ""b"" 名" = \'or 1\''),
]


RESTS = [
    ("category = 'a' or sale", "(category = 'a' or sale)"),
    ("price between 1 and 2 and sale = true", "price between 1 and 2"),
    ("price >= 1 and price >= 2 and x is null", "price >= 2 and x is null"),
    ("'red' in tags", "'red' in tags"),
    ("category = 'left open", "category = 'left open"),
]


def test_controls_and_expression_say_the_same(page: Page) -> None:
    for choices, text in CHOICES:
        composed, back = page.evaluate(
            """async ([choices, types]) => {
                const { compose, parse } = await import("/console/widgets/filters/expression.js");
                const text = compose(new Map(Object.entries(choices)), "", types);
                const found = parse(text, types);
                return [text, { choices: Object.fromEntries(found.choices), rest: found.rest }];
            }""",
            [choices, TYPES],
        )
        assert composed == text
        parse_filter(composed)
        assert back == {"choices": choices, "rest": ""}


def test_what_no_control_shows_is_kept_as_it_is(page: Page) -> None:
    for text, rest in RESTS:
        found = page.evaluate(
            """async ([text, types]) =>
                (await import("/console/widgets/filters/expression.js")).parse(text, types).rest""",
            [text, TYPES],
        )
        assert found == rest
