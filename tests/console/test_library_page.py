"""The library page: bringing pictures in, following imports, changing and deleting pictures."""

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.conftest import write_pictures
from tests.console.browsing import Tabs, give

Fresh = Callable[..., str]
IMPORT = ".work-row[data-kind=import]"
"""Beside it there may be work that the server begins with: answering ahead what the others asked."""


@pytest.fixture
def library_page(tabs: Tabs, fresh: Fresh) -> Page:
    page = tabs.open("/#/library", address=fresh())
    expect(page.locator(".tile-open")).to_have_count(17)
    return page


class Held:
    """A picture on the web that does not come before it is let go: an import that wants it runs until then."""

    def __init__(self, server: HTTPServer, picture: bytes) -> None:
        self.go_on = threading.Event()
        self._picture = picture
        server.expect_request("/held.jpg").respond_with_handler(self._answer)
        self.url = server.url_for("/held.jpg")

    def _answer(self, _: Request) -> Response:
        self.go_on.wait(300)
        return Response(self._picture, content_type="image/jpeg")


@pytest.fixture
def held(httpserver: HTTPServer, query: Path) -> Iterator[Held]:
    held = Held(httpserver, query.read_bytes())
    yield held
    held.go_on.set()


@pytest.fixture
def fetching_page(tabs: Tabs, fresh: Fresh, held: Held) -> Page:
    """The library page of a server that fetches from this machine, and has patience."""
    page = tabs.open("/#/library", address=fresh(YUNMENG_PRIVATE_URLS="true", YUNMENG_URL_TIMEOUT="300"))
    expect(page.locator(".tile-open")).to_have_count(17)
    return page


def test_it_says_what_the_library_is_and_shows_its_pictures(tabs: Tabs) -> None:
    page = tabs.open("/#/library")
    expect(page.get_by_role("heading", name="catalogue", exact=True)).to_be_visible()
    expect(page.locator(".fact-pictures dd")).to_have_text("17")
    expect(page.locator(".fact-encoder dd")).to_have_text(re.compile("efficientnet"))
    expect(page.locator(".tile-open")).to_have_count(17)
    page.locator("[data-filter=category]").get_by_role("button", name="sky").click()
    expect(page.locator(".tile-open")).to_have_count(3)
    page.locator(".tile-open").first.click()
    expect(page.get_by_role("dialog", name="Details")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Details")).to_be_hidden()
    expect(page.locator(".tile-open").first).to_be_focused()


def test_an_import_is_followed_to_its_end_and_names_what_failed(
    fetching_page: Page, held: Held, tmp_path: Path
) -> None:
    folder = write_pictures(tmp_path / "photos", 80)
    (folder / "broken.jpg").write_bytes(b"no picture")
    page = fetching_page
    page.get_by_label("Paths or addresses").fill(f"{folder}\n{held.url}")
    page.get_by_role("button", name="Start import").click()
    row = page.locator(IMPORT).first
    expect(row.locator("progress[value]")).to_be_attached()
    expect(row.locator(".work-state")).to_have_text("running")
    seen = float(row.locator("progress").get_attribute("value") or 0)
    held.go_on.set()
    expect(row.locator(".work-state")).to_have_text("done")
    assert seen < 82
    expect(row).to_contain_text("81 indexed, 0 skipped, 1 failed")
    expect(page.locator(".fact-pictures dd")).to_have_text("98")
    row.get_by_text("1 could not be used").click()
    expect(row.locator(".failures li")).to_have_count(1)
    expect(row.locator(".failures li")).to_contain_text("broken.jpg")
    expect(row.locator(".failures .problem")).not_to_be_empty()
    page.reload()
    expect(page.locator(IMPORT).locator(".work-state")).to_have_text("done")


def test_an_import_is_cancelled_and_goes_on(fetching_page: Page, held: Held, tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "photos", 40)
    page = fetching_page
    page.get_by_label("Paths or addresses").fill(f"{held.url}\n{folder}")
    page.get_by_role("button", name="Start import").click()
    row = page.locator(IMPORT).first
    row.get_by_role("button", name="Cancel").click()
    expect(row.locator(".work-state")).to_have_text("cancelled")
    held.go_on.set()
    row.get_by_role("button", name="Resume").click()
    expect(row.locator(".work-state")).to_have_text("done")
    expect(page.locator(".fact-pictures dd")).to_have_text("58")


def test_an_import_of_what_is_not_there_is_told_at_the_form(tabs: Tabs, library_page: Page) -> None:
    tabs.tolerate("422")
    library_page.get_by_label("Paths or addresses").fill("/no/such/folder")
    library_page.get_by_role("button", name="Start import").click()
    expect(library_page.locator(".order .problem")).to_contain_text("/no/such/folder")


def test_files_are_uploaded_with_attributes_and_failures_with_reasons(
    tabs: Tabs, library_page: Page, tmp_path: Path
) -> None:
    tabs.tolerate("415|422")
    page = library_page
    folder = write_pictures(tmp_path / "more", 3)
    (folder / "letter.jpg").write_text("Dear all,")
    page.get_by_text("Names and attributes").click()
    page.locator(".attribute-form").get_by_label("category").fill("new ones")
    page.locator(".attribute-form").get_by_label("price").fill("12.5")
    page.locator("input[name=choose-files]").set_input_files(sorted(folder.iterdir()))
    expect(page.locator(".jobs-head .hint")).to_have_text("4 of 4 done, 1 failed")
    failed = page.locator(".job.failed")
    expect(failed).to_contain_text("letter.jpg")
    expect(failed.locator(".problem")).to_contain_text("not a picture")
    expect(page.locator(".fact-pictures dd")).to_have_text("20")
    page.get_by_text("Advanced").click()
    page.get_by_label("The filter as an expression, as in SQL").fill("category = 'new ones' and price = 12.5")
    expect(page.locator(".tile-open")).to_have_count(3)


def test_dropping_on_the_library_page_adds(library_page: Page, query: Path) -> None:
    give(library_page, "drop", query)
    expect(library_page.locator(".job .job-state")).to_have_text("added")
    expect(library_page.locator(".fact-pictures dd")).to_have_text("18")
    give(library_page, "drop", query)
    expect(library_page.locator(".job .job-state")).to_have_text(["added", "known already"])


def test_a_picture_is_deleted_after_being_sure(tabs: Tabs, library_page: Page) -> None:
    page = library_page
    expect(page.locator(".tile-open")).to_have_count(17)
    page.locator(".tile-open").first.click()
    detail = page.get_by_role("dialog", name="Details")
    name = detail.locator(".facts-title").inner_text()
    detail.get_by_role("button", name="Delete").click()
    sure = page.get_by_role("dialog", name="Delete this picture?")
    expect(sure.get_by_role("button", name="Cancel")).to_be_focused()
    expect(sure).to_contain_text(name)
    sure.get_by_role("button", name="Cancel").click()
    expect(detail).to_be_visible()
    detail.get_by_role("button", name="Delete").click()
    sure.get_by_role("button", name="Delete").click()
    expect(detail).to_be_hidden()
    expect(page.locator(".tile-open")).to_have_count(16)
    page.reload()
    expect(page.locator(".fact-pictures dd")).to_have_text("16")


def test_attributes_are_edited_with_fields_of_their_types(tabs: Tabs, fresh: Fresh) -> None:
    page = tabs.open("/#/?show=sky/moon.jpg", address=fresh())
    detail = page.get_by_role("dialog", name="Details")
    detail.get_by_role("button", name="Edit").click()
    assert detail.get_by_label("price").get_attribute("type") == "number"
    detail.get_by_label("price").fill("7.25")
    detail.get_by_label("sale").select_option("Yes")
    detail.get_by_label("tags").fill("bright\nround, grey")
    detail.get_by_role("button", name="Save").click()
    expect(detail.get_by_role("row", name="price 7.25")).to_be_visible()
    expect(detail.get_by_role("row", name="tags bright, round, grey")).to_be_visible()
    expect(detail.get_by_role("row", name="note")).to_be_visible()  # not declared, and kept
    page.keyboard.press("Escape")
    page.locator("[data-filter=tags]").get_by_role("button", name="round, grey").click()
    expect(page.locator(".status")).to_have_text("1 picture")


def test_attributes_are_declared_and_then_filter(tabs: Tabs, fresh: Fresh) -> None:
    page = tabs.open("/#/library", address=fresh())
    page.get_by_role("button", name="Attributes…").click()
    dialog = page.get_by_role("dialog", name="Attributes of the library")
    expect(dialog.get_by_role("button", name="Apply")).to_be_disabled()
    dialog.get_by_role("button", name="Add an attribute").click()
    dialog.get_by_label("Name").fill("season")
    dialog.get_by_label("sale").select_option("declared no longer")
    dialog.get_by_role("button", name="Apply").click()
    expect(page.locator(".fact-attributes dd")).to_contain_text("season: str")
    expect(page.locator(".fact-attributes dd")).not_to_contain_text("sale")
    expect(page.locator("[data-filter=sale]")).to_have_count(0)
    expect(page.locator(".tile-open")).to_have_count(17)


def test_an_empty_library_says_how_to_begin(tabs: Tabs, fresh: Fresh) -> None:
    page = tabs.open("/", address=fresh(empty=True))
    expect(page.get_by_role("heading", name="Nothing in here yet")).to_be_visible()
    page.get_by_role("link", name="Add pictures").click()
    expect(page.get_by_role("heading", name="Import from the server")).to_be_visible()


def test_folders_are_a_tree_and_go_with_filters(tabs: Tabs) -> None:
    page = tabs.open("/#/library")
    tree = page.get_by_role("navigation", name="Folders")
    tree.get_by_role("link", name="thing").click()
    expect(page.locator(".tile-open")).to_have_count(4)
    expect(tree.get_by_role("link", name="thing")).to_have_attribute("aria-current", "true")
    page.locator("[data-filter=sale]").get_by_role("radio", name="Yes").check()
    expect(page.locator(".tile-open")).to_have_count(2)
    page.reload()
    expect(page.locator(".tile-open")).to_have_count(2)
    page.go_back()
    expect(page.locator(".tile-open")).to_have_count(17)


def test_folders_open_where_folders_lie_in_them(tabs: Tabs, fresh: Fresh, query: Path) -> None:
    address = fresh()
    page = tabs.open("/", address=address)
    file: FilePayload = {"name": "query.jpg", "mimeType": "image/jpeg", "buffer": query.read_bytes()}
    assert page.request.post(f"{address}/v1/pictures", multipart={"files": file, "ids": "trips/2026/query.jpg"}).ok
    page.goto(f"{address}/#/library")
    tree = page.get_by_role("navigation", name="Folders")
    tree.get_by_role("button", name="Open trips").click()
    expect(tree.get_by_role("button", name="Open trips")).to_have_attribute("aria-expanded", "true")
    tree.get_by_role("link", name="2026").click()
    expect(page.locator(".tile-open")).to_have_count(1)
    tree.get_by_role("button", name="Open trips").click()
    expect(tree.get_by_role("link", name="2026")).to_have_count(0)
    expect(tree.get_by_role("link", name="thing")).to_be_visible()
    expect(tree.get_by_role("button", name="Open thing")).to_have_count(0)


def test_a_search_is_saved_for_everybody_and_forgotten(tabs: Tabs, fresh: Fresh) -> None:
    address = fresh()
    page = tabs.open("/#/?id=sky/moon.jpg&filter=category+%3D+'sky'", address=address)
    expect(page.locator(".status")).to_contain_text("3 results")
    page.get_by_role("button", name="Save or share this search").click()
    dialog = page.get_by_role("dialog", name="Save or share this search")
    expect(dialog.get_by_label("Link", exact=True)).to_have_value(re.compile("id=sky"))
    dialog.get_by_label("Name, for everybody").fill("夜空 / night")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    other = tabs.open("/#/library", address=address)
    other.get_by_role("link", name="夜空 / night").click()
    expect(other.locator(".status")).to_contain_text("3 results")
    other.go_back()
    other.get_by_role("button", name="Forget “夜空 / night”").click()
    expect(other.get_by_role("link", name="夜空 / night")).to_have_count(0)
