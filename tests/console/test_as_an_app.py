"""The console as an app on a phone: installed, opened without its server, and given pictures by other apps."""

import json
import re
import struct
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.console.browsing import PHONE, Tabs

CAT = "animal/chelsea.jpg"
KEPT = """async () => {
    const kept = await Promise.all((await caches.keys()).map(async (name) => (await caches.open(name)).keys()));
    return kept.flat().map((one) => new URL(one.url).pathname);
}"""


def installed(tabs: Tabs) -> Page:
    """A page with its service worker at work, and its shell kept."""
    page = tabs.open(f"/#/?id={CAT}", service_workers="allow")
    expect(page.locator(".status")).to_contain_text("17 results")
    until(page, "() => navigator.serviceWorker.controller !== null")
    until(page, f"async () => (await ({KEPT})()).includes('/')")
    return page


def until(page: Page, passes: str) -> None:
    """Wait until a promise of the page is true."""
    for _ in range(600):
        if page.evaluate(passes):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"never true: {passes}")


def test_the_manifest_offers_all_that_an_app_needs(server: str) -> None:
    place = f"{server}/console/manifest.webmanifest"
    manifest: Any = json.loads(httpx.get(place).content)
    assert manifest["display"] == "standalone"
    assert {urljoin(place, manifest[name]) for name in ("start_url", "scope")} == {f"{server}/"}
    assert urljoin(place, manifest["share_target"]["action"]) == f"{server}/console/share"
    for icon in manifest["icons"]:
        data = httpx.get(urljoin(place, icon["src"])).content
        if icon["type"] == "image/png":
            assert "x".join(map(str, struct.unpack(">II", data[16:24]))) == icon["sizes"]
    assert manifest["share_target"]["params"]["files"] == [{"name": "picture", "accept": ["image/*"]}]
    worker = httpx.get(f"{server}/service-worker.js")
    assert worker.headers["Content-Type"].startswith("text/javascript")


def test_the_shell_is_kept_by_version_and_no_answer_of_the_api_is(tabs: Tabs) -> None:
    page = installed(tabs)
    kept = page.evaluate(KEPT)
    names = {path.rpartition("/")[2] for path in kept if path.startswith("/console/joined/")}
    assert {"main.js", "styles.css", "early.js"} <= names
    assert [path for path in kept if path != "/" and not path.startswith("/console/")] == []
    version = page.evaluate("async () => (await (await fetch('/v1/library')).json()).version")
    page.evaluate("async () => (await caches.open('yunmeng-shell-0.0.1')).put('/old', new Response())")
    assert "yunmeng-shell-0.0.1" in page.evaluate("caches.keys()")
    page.reload()
    expect(page.locator(".status")).to_contain_text("17 results")
    until(page, "async () => !(await caches.keys()).includes('yunmeng-shell-0.0.1')")
    until(page, f"async () => (await ({KEPT})()).includes('/')")
    assert page.evaluate("caches.keys()") == [f"yunmeng-shell-{version}"]


def test_without_the_server_the_app_opens_and_says_so(tabs: Tabs) -> None:
    tabs.tolerate("ERR_INTERNET_DISCONNECTED|ERR_FAILED")
    page = installed(tabs)
    page.context.set_offline(True)
    page.reload()
    expect(page.get_by_role("alert").get_by_role("heading")).to_have_text(re.compile("The server does not answer"))
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".status")).to_contain_text("17 results")


def share(address: str, page: Page, fields: str, picture: Path | None = None) -> Page:
    """Share as another app does: the browser sends a form to the address that the manifest names."""
    other = page.context.new_page()
    action = f"{address}/console/share"
    other.set_content(f'<form action="{action}" method="post" enctype="multipart/form-data">{fields}<button></form>')
    if picture is not None:
        other.locator("input[type=file]").set_input_files(picture)
    other.locator("button").click()
    return other


def test_a_picture_or_an_address_that_is_shared_is_searched_with(tabs: Tabs, query: Path) -> None:
    tabs.tolerate("422")
    page = installed(tabs)
    shared = share(tabs.address, page, '<input type="file" name="picture">', query)
    expect(shared).to_have_url(re.compile("/#/\\?upload=[0-9a-f]{64}$"))
    expect(shared.locator(".tile-open").first).to_have_attribute("aria-label", re.compile(f"^{CAT}"))
    shared = share(tabs.address, page, '<input name="text" value="http://127.0.0.1:1/cat.jpg">')
    expect(shared).to_have_url(re.compile("url=http"))


def test_on_a_phone_the_hits_come_first_once_they_are_there(tabs: Tabs) -> None:
    page = tabs.open(f"/#/?id={CAT}", **PHONE)
    expect(page.locator(".status")).to_contain_text("17 results")
    first = page.locator(".tile-open").first
    expect(first).to_be_in_viewport(ratio=1)
    box = first.bounding_box()
    assert box
    assert box["y"] < 844 / 2
    page.locator(".query-stage").tap()
    expect(page.locator(".query-picture")).to_have_js_property("complete", True)
    expect(page.get_by_role("button", name="Find the subject")).to_be_visible()
    large = page.locator(".query-frame").bounding_box()
    assert large
    assert large["height"] > 100
