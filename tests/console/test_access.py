"""Keys: signing in, what a key does not allow, and a session that ends."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import CommandLine
from tests.console.browsing import Tabs

Fresh = Callable[..., str]


@pytest.fixture
def guarded(fresh: Fresh, command_line: CommandLine, tmp_path: object) -> tuple[str, str]:
    """The address of a server that asks for keys, and a key that may search."""
    address = fresh("--require-keys")
    done = command_line("keys", "create", "web", "--scope", "search", "--db", f"{tmp_path}/library")
    assert done.returncode == 0, done.stderr
    return address, done.stdout.strip()


def sign_in(page: Page, key: str) -> None:
    page.get_by_label("Key").fill(key)
    page.get_by_role("button", name="Sign in").click()


def test_a_key_opens_the_door_and_shows_what_it_allows(tabs: Tabs, guarded: tuple[str, str]) -> None:
    tabs.tolerate("401")
    address, key = guarded
    page = tabs.open("/#/?id=sky/moon.jpg", address=address)
    sign_in(page, "ym_wrong")
    expect(page.get_by_role("alert")).to_have_text("This key is not valid.")
    sign_in(page, key)
    expect(page.locator(".status")).to_contain_text("17 results")
    page.locator(".tile-open").first.click()
    detail = page.get_by_role("dialog", name="Details")
    expect(detail.get_by_role("cell", name="sky", exact=True)).to_be_visible()
    expect(detail.get_by_role("button", name="Delete")).to_have_count(0)
    expect(detail.get_by_role("button", name="Edit")).to_have_count(0)
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Library").click()
    expect(page.locator(".tile-open")).to_have_count(17)
    expect(page.get_by_role("heading", name="Add pictures")).to_have_count(0)
    expect(page.get_by_role("heading", name="Import from the server")).to_have_count(0)
    expect(page.get_by_role("link", name="Duplicates")).to_have_count(0)
    page.goto(f"{address}/#/duplicates")
    expect(page.get_by_role("heading", name="This key does not allow that.")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Key")).to_be_focused()


def test_a_session_that_ends_leads_to_the_door_and_back(tabs: Tabs, guarded: tuple[str, str]) -> None:
    tabs.tolerate("401")
    address, key = guarded
    page = tabs.open(address=address)
    sign_in(page, key)
    expect(page.locator(".status")).to_have_text("17 pictures")
    page.context.clear_cookies()
    page.get_by_role("button", name="sky").click()
    expect(page.get_by_role("heading", name="A key, please")).to_be_visible()
    sign_in(page, key)
    expect(page.locator(".status")).to_have_text("3 pictures")
