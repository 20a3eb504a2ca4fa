"""Pages that applications bring: that of docs/extending.md, and one that is broken."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.console.browsing import Tabs
from tests.installing import files_of, importable, install
from tests.live import serving
from yunmeng.client import Client
from yunmeng.library import Library
from yunmeng.server import create_app

BROKEN = "favourites/page/page.js"


@pytest.fixture
def pictured(library: Library, make_pictures: Callable[..., Path]) -> Library:
    library.index([make_pictures(3)])
    return library


def test_the_page_of_an_application_is_in_the_navigation(tabs: Tabs, pictured: Library, tmp_path: Path) -> None:
    files = {"favourites/__init__.py": "", **files_of("A new application")}
    with importable(install(files, tmp_path / "packages")), serving(create_app(pictured)) as url:
        with Client(url) as client:
            client.mark("001.jpg", note="海边")
        page = tabs.open("/", address=url)
        page.get_by_role("link", name="Favourites").click()
        expect(page.get_by_role("heading", name="Favourites")).to_be_visible()
        expect(page.get_by_role("listitem")).to_have_text("001.jpg 海边")
        page.get_by_role("link", name="001.jpg").click()
        expect(page.get_by_role("dialog", name="Details")).to_be_visible()
        page.keyboard.press("Escape")
        page.get_by_role("button", name="中文").click()
        expect(page.get_by_role("heading", name="收藏")).to_be_visible()
        expect(page.get_by_role("link", name="收藏")).to_have_attribute("aria-current", "page")
        page.goto(f"{url}/#/favourites")
        page.reload()
        expect(page.get_by_role("heading", name="收藏")).to_be_visible()
        tabs.leave()


def test_the_console_works_module_by_module_too(tabs: Tabs, pictured: Library) -> None:
    with serving(create_app(pictured)) as url:
        page = tabs.open("/?plain", address=url)
        page.get_by_role("link", name="Duplicates").click()
        expect(page.get_by_role("heading", name="Near-duplicates")).to_be_visible()
        tabs.leave()


def test_a_page_that_is_broken_leaves_the_others_as_they_are(tabs: Tabs, pictured: Library, tmp_path: Path) -> None:
    tabs.tolerate("no such thing")
    broken = "throw new Error('no such thing');"
    files = {"favourites/__init__.py": "", **files_of("A new application"), BROKEN: broken}
    with importable(install(files, tmp_path / "packages")), serving(create_app(pictured)) as url:
        page = tabs.open("/#/favourites", address=url)
        expect(page.get_by_role("heading", name="Find pictures by picture")).to_be_visible()
        expect(page.get_by_role("link", name="Duplicates")).to_be_visible()
        expect(page.get_by_role("link", name="Favourites")).to_have_count(0)
        tabs.leave()
