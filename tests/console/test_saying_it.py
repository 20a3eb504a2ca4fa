"""What the interface says where something is wrong: in the reader's language, and with a way on that helps."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.console.browsing import Tabs
from tests.console.test_library_page import IMPORT
from yunmeng.errors import Reason
from yunmeng.server.errors import CODES

CAT = "animal/chelsea.jpg"
ENGLISH = re.compile(r"\b[a-z]+ [a-z]+ [a-z]+\b", re.IGNORECASE)
UNSEEN = {"bad-json", "bad-request", "method", "host", "proxy", "cross-origin", "content-encoding"}
UNSEEN |= {"large-header", "slow-body", "slow-header", "import-over", "import-running"}
"""Codes of what a browser with the console never does, or of routes that it does not use."""


def ask_for(page: Page, text: str) -> None:
    page.locator("#question").fill(text)
    page.keyboard.press("Enter")


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_an_unknown_id_is_named_and_trying_again_is_not_offered(tabs: Tabs, locale: str) -> None:
    tabs.tolerate("404")
    page = tabs.open("/#/?id=no+such+picture", locale=locale)
    alert = page.get_by_role("alert")
    expect(alert.get_by_role("heading")).to_contain_text("no such picture")
    expect(alert.get_by_role("button", name=re.compile("Choose a picture|选择图片"))).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Try again|重试"))).to_have_count(0)
    if locale == "zh-CN":
        assert not ENGLISH.search(alert.inner_text().replace("no such picture", ""))


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_a_broken_file_is_said_to_be_broken_and_another_is_offered(
    tabs: Tabs, tmp_path: Path, query: Path, locale: str
) -> None:
    tabs.tolerate("415|422|ERR_|blob:")
    whole = query.read_bytes()
    (tmp_path / "half.jpg").write_bytes(whole[:300])
    page = tabs.open(locale=locale)
    page.locator(".box input[name=choose-picture]").set_input_files(tmp_path / "half.jpg")
    alert = page.get_by_role("alert")
    expect(alert.get_by_role("heading")).to_have_text(
        re.compile(r"damaged|cut short|not a picture|损坏|不完整|不是图片")
    )
    expect(page.get_by_role("button", name=re.compile("Try again|重试"))).to_have_count(0)
    if locale == "zh-CN":
        assert not ENGLISH.search(alert.inner_text())


def test_a_group_that_cannot_be_is_named(tabs: Tabs) -> None:
    tabs.tolerate("422")
    page = tabs.open(f"/#/?id={CAT}&group=price")
    expect(page.get_by_role("heading", name="Hits cannot be grouped by “price”")).to_be_visible()
    page.get_by_role("button", name="Do not group").click()
    expect(page.locator(".status")).to_contain_text("17 results")


def test_hits_of_a_group_say_which_one(tabs: Tabs) -> None:
    page = tabs.open(f"/#/?id={CAT}&group=category")
    expect(page.locator(".tile").first.locator(".badges")).to_have_text("category: animal")


def test_reasons_are_said_in_chinese(tabs: Tabs, fresh: Callable[..., str], tmp_path: Path) -> None:
    tabs.tolerate("422")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"no picture")
    page = tabs.open("/#/library", address=fresh(), locale="zh-CN")
    page.get_by_label("路径或网址").fill("/no/such/folder")
    page.get_by_role("button", name="开始导入").click()
    expect(page.locator(".order .problem")).to_have_text("服务器上没有这个位置，或不允许从那里导入。")
    page.get_by_label("路径或网址").fill(str(tmp_path / "photos"))
    page.get_by_role("button", name="开始导入").click()
    row = page.locator(IMPORT).first
    expect(row.locator(".work-state")).to_have_text("完成")
    row.get_by_text("1 个无法使用").click()
    expect(row.locator(".failures .problem")).to_have_text(re.compile("^(这个文件不是图片|不支持这种图片格式)。$"))
    page.goto(page.url.partition("#")[0] + "#/?filter=price+%3D")
    expect(page.locator("#filter-problem")).to_have_text("筛选条件有误。")


def test_a_server_that_reads_no_words_does_not_invite_them_and_says_how_to_get_them(tabs: Tabs) -> None:
    tabs.tolerate("404")
    page = tabs.open("about:blank", address="")
    lacking = {"reads_text": True, "missing_extras": ["words"]}
    page.route("**/v1/library", lambda route: route.fulfill(json={**route.fetch().json(), **lacking}))
    page.goto(tabs.address)
    expect(page.locator("#question")).to_have_attribute("placeholder", re.compile("^Paste a picture"))
    expect(page.locator(".welcome")).to_contain_text("pip install 'yunmeng[words]'")
    ask_for(page, "a red dress")
    expect(page.get_by_role("alert")).to_contain_text("pip install 'yunmeng[words]'")


def test_what_is_there_already_is_said_and_offered(
    tabs: Tabs, fresh: Callable[..., str], query: Path, tmp_path: Path
) -> None:
    page = tabs.open("/#/library", address=fresh())
    chooser = page.locator("input[name=choose-files]")
    chooser.set_input_files(query)
    expect(page.locator(".job .job-state")).to_have_text("added")
    chooser.set_input_files(query)
    expect(page.locator(".job .job-state").last).to_have_text("known already")
    again = tmp_path / "under another name.jpg"
    again.write_bytes(query.read_bytes())
    chooser.set_input_files(again)
    expect(page.locator(".job").last).to_contain_text(f"The same picture was there already: {query.name}")
    page.locator(".job").last.get_by_role("button", name="Show that one").click()
    expect(page.get_by_role("dialog", name="Details").get_by_role("heading", name=query.name)).to_be_visible()


def test_every_code_that_a_user_may_meet_has_words(page: Page) -> None:
    words = page.evaluate("async () => (await import('/console/lib/words.js')).WORDS")
    codes = (set(CODES) | {str(reason) for reason in Reason}) - UNSEEN
    assert {code for code in codes if f"error.{code}" not in words} == set()
