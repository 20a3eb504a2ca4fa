"""The console behind a real nginx, below a path: every address that it asks for is below that path too."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import CommandLine
from tests.console.browsing import Tabs, give, settled
from tests.console.serving import SCRIPT_ID, serve
from tests.console.test_access import sign_in
from tests.console.test_as_an_app import KEPT, share, until
from tests.nginx_server import free_port, need_nginx, running_nginx

PREFIX = "/tools/search"
CAT = "animal/chelsea.jpg"


@pytest.fixture
def key(command_line: CommandLine, catalogue: Path, tmp_path: Path) -> str:
    """An admin's key to a copy of the library, in the test's folder."""
    shutil.copytree(catalogue, tmp_path / "library")
    done = command_line("keys", "create", "web", "--scope", "admin", "--db", tmp_path / "library")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def below(
    command_line: CommandLine, key: str, tabs: Tabs, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[str]:
    """The address of the host, below which nginx shows the server at `PREFIX`; settings may be given."""
    need_nginx()
    trusted = {"YUNMENG_SERVER_TRUSTED_PROXIES": '["127.0.0.1"]', **getattr(request, "param", {})}
    with serve(command_line, tmp_path / "library", **trusted) as address:
        place, port = urlsplit(address).netloc, free_port()
        options = ["--server", place, "--prefix", PREFIX, "--listen", f"127.0.0.1:{port}"]
        done = command_line("deploy", "nginx", *options)
        assert done.returncode == 0, done.stderr
        with running_nginx(tmp_path / "nginx", done.stdout, port):
            yield f"http://127.0.0.1:{port}"
            tabs.leave()


def entered(tabs: Tabs, below: str, key: str, path: str, **options: str) -> tuple[Page, set[str]]:
    """A page of somebody who has signed in, and the paths that it will have asked for."""
    tabs.tolerate("401")
    page = tabs.open(f"{PREFIX}/health", address=below, **options)
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(urlsplit(request.url).path) if request.url.startswith(below) else None)
    page.goto(f"{below}{path}")
    sign_in(page, key)
    return page, asked


@pytest.mark.parametrize("query", ["", "?plain"])
def test_every_page_is_below_it(tabs: Tabs, below: str, key: str, query: str, tmp_path: Path) -> None:
    page, asked = entered(tabs, below, key, f"{PREFIX}{query}#/?id={CAT}")  # which leads to the slash
    settled(page, CAT)
    expect(page).to_have_url(re.compile(f"^{below}{PREFIX}/"))
    page.locator(".tile-open").first.click()
    detail = page.get_by_role("dialog", name="Details")
    expect(detail.get_by_role("cell", name="animal", exact=True)).to_be_visible()
    expect(detail.get_by_role("link", name="original")).to_have_attribute(
        "href", re.compile(f"^{PREFIX}/v1/originals/")
    )
    page.keyboard.press("Escape")
    for name in ("Duplicates", "Shop", "Library"):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("link", name=name, exact=True)).to_have_attribute("aria-current", "page")
    page.goto(f"{below}{PREFIX}/{query}#/?id={SCRIPT_ID.replace('%', '%25').replace('#', '%23').replace('?', '%3F')}")
    expect(page.locator(".status")).to_contain_text("17 results")
    loaded = "[...document.images].every((one) => !one.src || (one.complete && one.naturalWidth > 0))"
    until(page, f"async () => {loaded}")
    assert [path for path in asked if not path.startswith(f"{PREFIX}/") and path != PREFIX] == []
    assert any(path.startswith(f"{PREFIX}/console/joined/") for path in asked) is (query == "")
    (cookie,) = page.context.cookies()
    assert (cookie.get("name"), cookie.get("path")) == ("yunmeng_key", PREFIX)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Key")).to_be_focused()
    assert page.context.cookies() == []


def test_pictures_are_sent_and_work_is_followed(tabs: Tabs, below: str, key: str, query: Path) -> None:
    page, asked = entered(tabs, below, key, f"{PREFIX}/")
    expect(page.locator(".status")).to_have_text("17 pictures")
    give(page, "drop", query)
    expect(page.locator(".status")).to_contain_text("17 results")
    settled(page, CAT)
    page.get_by_role("button", name="Save or share this search").click()
    link = page.locator("#search-link")
    expect(link).to_have_value(re.compile(f"^{below}{PREFIX}/#/"))
    page.keyboard.press("Escape")
    ended = page.evaluate(
        """async (prefix) => {
            const body = JSON.stringify({ kind: "palettes", arguments: {} });
            const headers = { "Content-Type": "application/json" };
            const job = await (await fetch(`${prefix}/v1/jobs`, { method: "POST", headers, body })).json();
            const events = new EventSource(`${prefix}/v1/jobs/${job.number}/events`);
            const end = await new Promise((resolve) => events.addEventListener("end", resolve));
            events.close();
            return JSON.parse(end.data).status;
        }""",
        PREFIX,
    )
    assert ended == "done"
    assert f"{PREFIX}/v1/search/upload" in asked


@pytest.mark.parametrize("below", [{"YUNMENG_SERVER_EMBED_ORIGINS": '["http://localhost:1"]'}], indirect=True)
def test_the_reference_and_the_shop_in_a_frame(tabs: Tabs, below: str) -> None:
    page = tabs.open(f"{PREFIX}/docs", address=below)
    expect(page.locator(".opblock").first).to_be_visible()
    expect(page.locator(".servers select")).to_have_value(PREFIX)
    shop = tabs.open(f"{PREFIX}?embed=1", address=below)
    expect(shop).to_have_url(f"{below}{PREFIX}/?embed=1#/shop")
    expect(shop.locator("html")).to_have_attribute("data-embed", "")
    expect(shop.get_by_label("Key")).to_have_count(0)


def test_the_app_and_what_is_shared_with_it(tabs: Tabs, below: str, key: str, query: Path) -> None:
    tabs.tolerate("ERR_INTERNET_DISCONNECTED|ERR_FAILED")
    page, _ = entered(tabs, below, key, f"{PREFIX}/#/?id={CAT}", service_workers="allow")
    expect(page.locator(".status")).to_contain_text("17 results")
    until(page, "() => navigator.serviceWorker.controller !== null")
    until(page, f"async () => (await ({KEPT})()).includes('{PREFIX}/')")
    scope = page.evaluate("async () => (await navigator.serviceWorker.getRegistration()).scope")
    assert scope == f"{below}{PREFIX}/"
    kept = page.evaluate(KEPT)
    assert [path for path in kept if path != f"{PREFIX}/" and not path.startswith(f"{PREFIX}/console/")] == []
    shared = share(f"{below}{PREFIX}", page, '<input type="file" name="picture">', query)
    expect(shared).to_have_url(re.compile(f"^{below}{PREFIX}/#/\\?upload=[0-9a-f]{{64}}$"))
    expect(shared.locator(".tile-open").first).to_have_attribute("aria-label", re.compile(f"^{CAT}"))
    page.context.set_offline(True)
    page.reload()
    expect(page.get_by_role("alert").get_by_role("heading")).to_have_text(re.compile("The server does not answer"))
