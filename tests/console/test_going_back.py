"""Back closes what is open and leads to the place where one was; uploaded pictures outlive a reload."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.console.browsing import PHONE, Tabs, body_of, tiles
from tests.console.test_many_hits import open_many
from tests.console.test_searching import CAT, choose


def test_back_closes_a_detail_and_leaves_the_keyboard_on_its_picture(page: Page) -> None:
    third = tiles(page)[2]
    page.locator(".tile-open").first.click()
    detail = page.get_by_role("dialog", name="Details")
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    expect(detail.get_by_role("heading", name=third)).to_be_visible()
    page.go_back()
    expect(detail).to_be_hidden()
    expect(page.locator(".tile-open").nth(2)).to_be_focused()
    assert "show=" not in page.url


def test_back_closes_what_lies_over_the_page_and_nothing_else(page: Page) -> None:
    page.locator(".tile-open").first.click()
    detail = page.get_by_role("dialog", name="Details")
    detail.get_by_role("button", name="Delete").click()
    sure = page.get_by_role("dialog", name="Delete this picture?")
    expect(sure).to_be_visible()
    page.go_back()
    expect(sure).to_be_hidden()
    expect(detail).to_be_visible()
    page.keyboard.press("Escape")
    expect(detail).to_be_hidden()
    page.get_by_role("button", name="View").click()
    expect(page.get_by_role("group", name="View")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("group", name="View")).to_be_hidden()
    expect(page.locator(".tile-open")).to_have_count(17)


def test_filters_that_were_set_in_the_sheet_stay_when_back_closes_it(tabs: Tabs) -> None:
    page = tabs.open(f"/#/?id={CAT}", **PHONE)
    expect(page.locator(".status")).to_contain_text("17 results")
    page.get_by_role("button", name="Filters").tap()
    sheet = page.get_by_role("dialog", name="Filters")
    sheet.get_by_role("button", name="sky").tap()
    expect(page).to_have_url(re.compile("filter=category"))
    page.go_back()
    expect(sheet).to_be_hidden()
    expect(page.locator(".status")).to_contain_text("3 results")
    expect(page).to_have_url(re.compile("filter=category"))


def test_back_leads_to_the_same_place_of_the_list(tabs: Tabs) -> None:
    page = open_many(tabs)
    expect(page.locator(".tile-open[aria-label^='00000.jpg']")).to_be_in_viewport()
    page.wait_for_function("document.documentElement.scrollHeight > 4000")  # the rows below are laid out a moment later
    page.evaluate("window.scrollTo(0, 2400)")
    wanted = page.locator(".tile-open[aria-label^='00110.jpg']")
    expect(wanted).to_be_in_viewport()
    wanted.focus()
    label = wanted.get_attribute("aria-label") or ""
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    before = page.evaluate("window.scrollY")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/v1/search" in request.url else None)
    page.evaluate(f"location.hash = '#/?id={CAT}'")
    expect(page.locator("#question")).to_have_value(f"id:{CAT}")
    expect(page.locator(".grid")).to_have_attribute("aria-busy", "false")
    assert page.evaluate("window.scrollY") == 0
    page.go_back()
    expect(page.locator(".tile-open:focus")).to_have_attribute("aria-label", label)
    assert abs(page.evaluate("window.scrollY") - before) < 2
    assert len(asked) == 1  # what was there is not asked for again


def test_an_uploaded_query_survives_a_reload_and_is_sent_as_a_link(tabs: Tabs, page: Page, query: Path) -> None:
    with page.expect_response("**/v1/query-pictures") as kept:
        choose(page, query)
    digest = body_of(kept.value)["sha256"]
    expect(page).to_have_url(re.compile(f"upload={digest}"))
    page.reload()
    expect(page.locator(".query-picture")).to_be_visible()
    expect(page.locator(".status")).to_contain_text("17 results")
    assert tiles(page)[0] == CAT
    other = tabs.open(f"/#/?upload={digest}")
    expect(other.locator(".status")).to_contain_text("17 results")
    assert tiles(other)[0] == CAT


def test_a_link_whose_upload_is_gone_says_so(tabs: Tabs) -> None:
    tabs.tolerate("410")
    page = tabs.open(f"/#/?upload={'0' * 64}")
    expect(page.get_by_role("heading", name="The picture is no longer here")).to_be_visible()
    expect(page.get_by_text("kept for a day")).to_be_visible()
    page = tabs.open(f"/#/?upload={'0' * 64}&mix=1%3B%3Bid%3A{CAT}")
    expect(page.locator(".status")).to_contain_text("17 results")


def test_where_the_browser_cannot_digest_the_server_does(tabs: Tabs, query: Path) -> None:
    page = tabs.open("about:blank", address="")
    page.add_init_script("Object.defineProperty(crypto, 'subtle', { value: undefined })")
    page.goto(tabs.address)
    choose(page, query)
    expect(page).to_have_url(re.compile("upload=[0-9a-f]{64}"))


def test_the_library_page_is_as_it_was_left(tabs: Tabs, page: Page) -> None:
    page.goto(f"{tabs.address}/#/library?filter=category+%3D+'sky'")
    expect(page.locator(".tile-open")).to_have_count(3)
    page.locator(".tile-open").nth(1).focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # search with it
    expect(page.locator(".score").first).to_have_text("1.000")
    page.go_back()
    expect(page.locator(".tile-open")).to_have_count(3)
    expect(page.locator(".tile-open").nth(1)).to_be_focused()
