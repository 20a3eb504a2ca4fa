"""Chromium, and pages that report every error, failed request and breach of the content policy."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

BROWSERS = (Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium"))
"""The first that is there is taken. Both are Debian's; the first needs a quarter of the time for a new page."""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 60_000
"""Milliseconds that a page is waited for: what ends in seconds takes long on a machine that has other work too."""
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def need_chromium() -> Path:
    """Return where Chromium is. Skip where there is none; on CI that is a failure."""
    for browser in BROWSERS:
        if browser.exists():
            return browser
    if os.environ.get("CI"):
        pytest.fail(f"{BROWSERS[0]} is missing")
    pytest.skip("Chromium is missing: install the package chromium-headless-shell, or chromium")


@contextmanager
def chromium() -> Iterator[Browser]:
    """One browser; each test has a context of its own in it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=need_chromium(), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Tabs:
    """Pages of one test, and what went wrong in them."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.address = address
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._tolerated = ["Service Worker registration blocked by Playwright"]
        self._troubles: list[str] = []

    def open(self, path: str = "/", *, address: str | None = None, **options: Any) -> Page:
        """A page in a context of its own, with Playwright's options for contexts."""
        options = {"viewport": {"width": 1280, "height": 800}, "locale": "en-US", "service_workers": "block", **options}
        context = self._browser.new_context(**options)
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", self._on_message)
        page.on("pageerror", lambda error: self._troubles.append(f"uncaught: {error}"))
        page.goto((self.address if address is None else address) + path)
        return page

    def tolerate(self, pattern: str) -> None:
        """A message that the test provokes: Chromium reports every answer that is an error."""
        self._tolerated.append(pattern)

    def leave(self) -> None:
        """Close all pages."""
        while self._contexts:
            self._contexts.pop().close()

    def troubles(self) -> list[str]:
        """What went wrong and was not tolerated."""
        return [said for said in self._troubles if not any(re.search(one, said) for one in self._tolerated)]

    def _on_message(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._troubles.append(f"{message.type}: {message.text} {message.location.get('url', '')}".rstrip())


def tiles(page: Page) -> list[str]:
    """The ids of the pictures in the grid, as screen readers are told them."""
    labels = page.locator(".grid .tile-open").evaluate_all("found => found.map(one => one.getAttribute('aria-label'))")
    return [re.sub(r"(, score |，相似度 )-?[\d.]+(, .*|，.*)?$", "", str(label)) for label in labels]


def scores(page: Page) -> list[float]:
    """The scores in the grid, in its order."""
    return [float(text) for text in page.locator(".grid .score").all_inner_texts()]


def tile(page: Page, id: str) -> Locator:
    """The tile of a picture in the grid."""
    return page.locator(".tile").filter(has=page.locator(f".name[title={json.dumps(id, ensure_ascii=False)}]"))


def still(page: Page) -> None:
    """Wait until the grid shows the answer to what was asked last; before anything is asked, it is as still."""
    expect(page.locator(".grid")).to_have_attribute("aria-busy", "false")


def loaded(image: Locator) -> None:
    """Wait until an image has its pixels, and with them its size."""
    expect(image).not_to_have_js_property("naturalWidth", 0)


def settled(page: Page, first: str) -> None:
    """Wait until ``first`` is the first hit, and nothing is under way."""
    expect(page.locator(".tile-open").first).to_have_attribute("aria-label", re.compile(f"^{re.escape(first)}"))
    still(page)


def body_of(answer: Response) -> Any:
    """Return what an answer says. Where the browser has thrown it away by now, the same is asked again, beside it."""
    try:
        return answer.json()
    except Error as error:
        if "getResponseBody" not in str(error):
            raise
    request = answer.request
    headers = {"Content-Type": request.headers["content-type"]}
    return httpx.request(request.method, request.url, content=request.post_data_buffer, headers=headers).json()


def question(request: Request) -> dict[str, Any]:
    """What a search asked, less what all searches say alike."""
    asked: dict[str, Any] = json.loads(request.post_data or "")
    return {name: value for name, value in asked.items() if name not in ("k", "offset", "fields")}


def asked(page: Page) -> dict[str, list[str]]:
    """What the address says."""
    return parse_qs(urlsplit(page.url).fragment.partition("?")[2])


def chips(page: Page) -> dict[str, str]:
    """The parts of the question and their weights."""
    found = page.locator(".part").all()
    return {one.locator(".name").inner_text(): one.locator(".part-weight").inner_text() for one in found}


def give(page: Page, kind: str, path: Path, target: str = "main") -> None:
    """Drop or paste a file into the page, as the browser would tell it."""
    page.evaluate(
        """async ([kind, url, name, target]) => {
            const data = new DataTransfer();
            const bytes = Uint8Array.from(atob(url), (character) => character.charCodeAt(0));
            data.items.add(new File([bytes], name, { type: "image/jpeg" }));
            const options = { bubbles: true, cancelable: true };
            const event = kind === "paste"
                ? new ClipboardEvent("paste", { ...options, clipboardData: data })
                : new DragEvent(kind, { ...options, dataTransfer: data });
            document.querySelector(target).dispatchEvent(event);
        }""",
        [kind, _base64(path), path.name, target],
    )


def _base64(path: Path) -> str:
    import base64

    return base64.b64encode(path.read_bytes()).decode()
