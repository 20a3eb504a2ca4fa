"""The page of registered works: register, check a picture, prove, verify, withdraw; in Chinese and on a phone too."""

import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.conftest import CommandLine
from tests.console.browsing import PHONE, Tabs
from tests.console.serving import serve
from tests.needing import need
from yunmeng.apps.copyright import Works
from yunmeng.library import Library

need("cv2", "faiss", extra="copies")

Fresh = Callable[..., str]


@pytest.fixture
def page(tabs: Tabs, fresh: Fresh) -> Page:
    return tabs.open("/#/copyright", address=fresh())


def register(page: Page, id: str) -> None:
    form = page.get_by_role("region", name="Register a work")
    form.get_by_label("Id of a picture of the library").fill(id)
    form.get_by_label("Owner").fill("Studio Lin")
    form.get_by_label("Title").fill("A rocket")
    form.get_by_label("Licence").fill("CC BY 4.0")
    form.get_by_role("button", name="Register a work").click()
    expect(page.get_by_text("Registered as work")).to_be_visible()


def test_a_work_is_registered_found_in_a_copy_proved_and_withdrawn(page: Page, query: Path) -> None:
    expect(page.get_by_text("No work is registered yet.")).to_be_visible()
    register(page, "sky/rocket.jpg")
    works = page.get_by_role("region", name="Works")
    expect(works.get_by_role("listitem")).to_have_count(1)
    expect(works).to_contain_text("Studio Lin · CC BY 4.0")
    page.get_by_role("button", name="Verify the register").click()
    expect(page.get_by_text("All 1 entries are as they were registered.")).to_be_visible()
    with page.expect_download() as started:
        works.get_by_role("link", name="Download the proof").click()
    assert started.value.suggested_filename == "work-1-proof.json"
    check = page.get_by_role("region", name="Check a picture")
    check.locator("input[type=file]").set_input_files(query)
    expect(check.get_by_role("status")).to_have_text(re.compile("Made from|none of the registered"))
    works.get_by_role("button", name="Withdraw").click()
    page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
    expect(page.get_by_text("No work is registered yet.")).to_be_visible()


def test_a_copy_names_the_work_and_its_owner(page: Page, tmp_path: Path) -> None:
    register(page, "thing/coffee.jpg")
    source = page.request.get(re.sub("#.*", "", page.url) + "v1/originals/thing%2Fcoffee.jpg")
    (tmp_path / "suspect.jpg").write_bytes(source.body())
    check = page.get_by_role("region", name="Check a picture")
    check.locator("input[type=file]").set_input_files(tmp_path / "suspect.jpg")
    match = check.locator(".work-match")
    expect(match).to_have_count(1)
    expect(match).to_contain_text("Studio Lin")
    expect(match).to_contain_text("The same file, byte for byte.")
    match.get_by_role("button", name="Compare, and show the evidence").click()
    expect(page.get_by_role("dialog", name="Compare")).to_be_visible()


def test_the_evidence_is_a_file(page: Page, tmp_path: Path) -> None:
    need("reportlab", extra="copyright")
    register(page, "thing/coffee.jpg")
    source = page.request.get(re.sub("#.*", "", page.url) + "v1/originals/thing%2Fcoffee.jpg")
    (tmp_path / "suspect.jpg").write_bytes(source.body())
    check = page.get_by_role("region", name="Check a picture")
    check.locator("input[type=file]").set_input_files(tmp_path / "suspect.jpg")
    with page.expect_download() as started:
        check.get_by_role("button", name="Download the evidence report").click()
    assert started.value.suggested_filename == "work-1-evidence.pdf"
    assert Path(started.value.path()).read_bytes().startswith(b"%PDF-")


def test_a_finding_is_marked_as_a_false_alarm(
    command_line: CommandLine, catalogue: Path, tabs: Tabs, tmp_path: Path
) -> None:
    db, found = tmp_path / "library", tmp_path / "found"
    shutil.copytree(catalogue, db)
    found.mkdir()
    with Library.open(db) as library:
        works = Works(library)
        works.register(library.get("thing/coffee.jpg"), owner="Studio Lin", title="Coffee")
        (found / "copy.jpg").write_bytes(library.original("thing/coffee.jpg"))
        works.inspect(str(found / "copy.jpg"))
    with serve(command_line, db) as address:
        page = tabs.open("/#/copyright", address=address)
        section = page.get_by_role("region", name="Copies that were found")
        expect(section.get_by_role("listitem")).to_have_count(1)
        expect(section).to_contain_text("Work 1, Coffee, Studio Lin")
        section.get_by_role("button", name="False alarm").click()
        expect(page.get_by_text("Marked as a false alarm.")).to_be_visible()
        expect(section.get_by_role("listitem")).to_have_count(0)
        tabs.leave()


def test_the_whole_library_is_checked(command_line: CommandLine, catalogue: Path, tabs: Tabs, tmp_path: Path) -> None:
    db = tmp_path / "library"
    shutil.copytree(catalogue, db)
    with Library.open(db) as library:
        works = Works(library)
        library.add(_smaller(library.original("thing/coffee.jpg")), id="copy.jpg")
        for record in list(library.iterate()):
            if record.id not in ("copy.jpg", "thing/coffee.jpg"):
                library.delete(record.id)
        works.register(library.get("thing/coffee.jpg"), owner="Studio Lin", title="Coffee")
    with serve(command_line, db) as address:
        page = tabs.open("/#/copyright", address=address)
        section = page.get_by_role("region", name="Copies that were found")
        section.get_by_role("button", name="Check the whole library").click()
        expect(section.get_by_text("All 2 pictures of the library are checked.")).to_be_visible()
        expect(section.get_by_role("listitem")).to_contain_text("Work 1, Coffee, Studio Lin")
        expect(section.get_by_role("button", name="Check the whole library")).to_be_enabled()
        tabs.leave()


def test_a_site_is_watched_and_left(page: Page, tabs: Tabs) -> None:
    section = page.get_by_role("region", name="Watched sites")
    expect(section).to_contain_text("Nothing is watched yet.")
    section.get_by_label("URL of a sitemap").fill("http://127.0.0.1:9/sitemap.xml")
    section.get_by_label("Every, in minutes").fill("30")
    section.get_by_role("button", name="Watch", exact=True).click()
    row = section.get_by_role("listitem")
    expect(row).to_contain_text("http://127.0.0.1:9/sitemap.xml")
    expect(row).to_contain_text("every 30 minutes")
    expect(row).to_contain_text("1 failure, the last one")
    tabs.tolerate("400.*copyright/watches|422.*copyright/watches")
    section.get_by_label("URL of a sitemap").fill("http://127.0.0.1:9/sitemap.xml")
    section.get_by_role("button", name="Watch", exact=True).click()
    expect(section.get_by_role("alert")).to_contain_text("watched already")
    row.get_by_role("button", name="Stop watching").click()
    expect(section).to_contain_text("Nothing is watched yet.")


def _smaller(data: bytes) -> bytes:
    stream = io.BytesIO()
    with Image.open(io.BytesIO(data)) as picture:
        picture.resize((picture.width * 3 // 4, picture.height * 3 // 4)).save(stream, "JPEG", quality=80)
    return stream.getvalue()


def test_what_cannot_be_registered_says_why(page: Page, tabs: Tabs) -> None:
    tabs.tolerate("404.*copyright/works")
    form = page.get_by_role("region", name="Register a work")
    form.get_by_label("Id of a picture of the library").fill("no/such.jpg")
    form.get_by_label("Owner").fill("Lin")
    with page.expect_response("**/v1/copyright/works"):
        form.get_by_role("button", name="Register a work").click()
    expect(form.get_by_role("alert")).not_to_be_empty()


def test_in_chinese_on_a_phone(tabs: Tabs, fresh: Fresh) -> None:
    page = tabs.open("/#/copyright", address=fresh(), locale="zh-CN", **PHONE)
    expect(page.get_by_role("heading", level=1)).to_have_text("作品登记与查证")
    expect(page.get_by_text("还没有登记作品。")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
