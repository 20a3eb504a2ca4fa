"""The list of background work: all kinds, live, stopped and resumed; and what is ordered from it."""

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.console.browsing import PHONE, Tabs, loaded
from tests.live import serving
from yunmeng.library import Library
from yunmeng.server import create_app
from yunmeng.state.runner import JobKind, JobRun, JobRunner

Served = tuple[str, JobRunner]
KINDS = ("one", "two", "three", "four", "five")


class Held:
    """Work that has come a third of the way, could not use one input, and waits until it is let go."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def __call__(self, run: JobRun) -> bool:
        run.tell(29, 90, failed=1)
        run.fail("broken.jpg", "not a picture")
        while not run.stop.is_set():
            if self.go_on.wait(0.01):
                return True
        return False


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
def served(
    tabs: Tabs, library: Library, held: Held, make_pictures: Callable[..., Path]
) -> Iterator[tuple[str, JobRunner]]:
    """The address of a server, and its runner, which has five kinds of work that is held."""
    library.index([make_pictures(3)])
    app = create_app(library)
    runner: JobRunner = app.state.context.jobs
    for kind in KINDS:
        runner.add(JobKind(name=kind, work=held))
    with serving(app) as address:
        yield address, runner
        tabs.leave()


def row(page: Page, kind: str) -> Locator:
    return page.locator(f".work-row[data-kind={kind}]").first


def state(page: Page, kind: str) -> Locator:
    return row(page, kind).locator(".work-state")


def test_work_is_followed_and_cancelled_and_goes_on(tabs: Tabs, served: Served, held: Held) -> None:
    address, runner = served
    runner.order("one", {"colour": "red", "size": None})
    page = tabs.open("/#/library", address=address)
    expect(state(page, "one")).to_have_text("running")
    expect(row(page, "one")).to_contain_text("colour: red")
    bar = row(page, "one").get_by_role("progressbar", name="Progress: one")
    expect(bar).to_have_js_property("max", 90)
    expect(bar).to_have_js_property("value", 30)
    expect(row(page, "one")).to_contain_text("30 of 90 · 29 done, 1 failed")
    row(page, "one").get_by_text("1 could not be used").click()
    expect(row(page, "one").locator(".failures li")).to_contain_text(["not a picture"])
    row(page, "one").get_by_role("button", name="Cancel").click()
    expect(state(page, "one")).to_have_text("cancelled")
    expect(bar).to_be_hidden()
    resume = row(page, "one").get_by_role("button", name="Resume")
    expect(resume).to_be_focused()
    resume.click()
    expect(state(page, "one")).to_have_text("running")
    held.go_on.set()
    expect(state(page, "one")).to_have_text("done")
    expect(resume).to_be_hidden()
    expect(page.locator("#announcer")).to_contain_text("one: done")


def test_what_is_not_followed_is_looked_at_and_pictures_still_load(tabs: Tabs, served: Served, held: Held) -> None:
    address, runner = served
    for kind in KINDS:
        runner.order(kind, {})
    streams: list[str] = []
    page = tabs.open("about:blank", address="")
    page.on("request", lambda request: streams.append(request.url) if request.url.endswith("/events") else None)
    page.goto(f"{address}/#/library")
    for kind in KINDS:
        expect(state(page, kind)).to_have_text("running")
    loaded(page.locator(".tile-open img").first)
    assert len(streams) == 3
    held.go_on.set()
    for kind in KINDS:
        expect(state(page, kind)).to_have_text("done")


def test_the_newest_are_shown_until_all_are_wanted(tabs: Tabs, served: Served, held: Held) -> None:
    address, runner = served
    held.go_on.set()
    for _ in range(7):
        runner.wait(runner.order("one", {}).id)
    page = tabs.open("/#/library", address=address)
    expect(page.locator(".work-row:visible")).to_have_count(5)
    page.get_by_role("button", name="Show all 7").click()
    expect(page.locator(".work-row:visible")).to_have_count(7)
    expect(page.locator(".work-row").nth(5)).to_be_focused()


def test_the_library_is_moved_to_another_encoder(tabs: Tabs, served: Served) -> None:
    address, _ = served
    page = tabs.open("/#/library", address=address)
    expect(page.locator(".work")).to_contain_text("Nothing has been done in the background yet.")
    page.get_by_role("button", name="Re-encode").click()
    form = page.get_by_role("dialog", name="Re-encode the library")
    expect(form).to_contain_text("All 3 pictures")
    expect(form.get_by_role("button", name="Start")).to_be_disabled()
    form.get_by_label("Encoder").select_option("efficientnet-lite2")
    form.get_by_role("button", name="Start").click()
    expect(form).to_be_hidden()
    expect(row(page, "reencode")).to_contain_text("efficientnet-lite2")
    expect(state(page, "reencode")).to_have_text("done")
    expect(page.locator(".fact-encoder dd")).to_have_text("efficientnet-lite2 · 512")


def test_second_vectors_are_made_once_somebody_is_sure(tabs: Tabs, served: Served, held: Held) -> None:
    address, runner = served
    held.go_on.set()
    runner.wait(runner.order("one", {"folder": "a/long/way/" * 20}).id)
    page = tabs.open("/#/library", address=address, locale="zh-CN", **PHONE)
    page.get_by_text("添加图片与后台任务").click()
    expect(page.get_by_role("heading", name="后台任务")).to_be_visible()
    page.get_by_role("button", name="扩充向量").click()
    sure = page.get_by_role("dialog", name="生成扩充向量？")
    sure.get_by_role("button", name="取消").click()
    expect(sure).to_be_hidden()
    assert [job.kind for job in runner.all()] == ["one"]
    page.get_by_role("button", name="扩充向量").click()
    sure.get_by_role("button", name="开始").click()
    expect(state(page, "augment")).to_have_text("完成")
    expect(page.locator(".fact-prepared dd")).to_have_text("扩充向量")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_an_error_is_told(tabs: Tabs, served: Served) -> None:
    tabs.tolerate("503")
    address, _ = served
    page = tabs.open("about:blank", address="")
    busy = {"error": {"code": "busy", "message": "full", "request_id": "1", "details": []}}
    page.route(re.compile("/v1/(jobs|encoders)"), lambda route: route.fulfill(status=503, json=busy))
    page.goto(f"{address}/#/library")
    expect(page.locator(".work").get_by_role("alert")).to_contain_text("The server is busy.")
    page.get_by_role("button", name="Re-encode").click()
    expect(page.locator(".toast.failure")).to_contain_text("The server is busy.")
    page.unroute(re.compile("/v1/(jobs|encoders)"))
    page.locator(".work").get_by_role("button", name="Try again").click()
    expect(page.locator(".work")).to_contain_text("Nothing has been done")
