"""The feed of recommendations: react, undo, mute, erase; with the keyboard, on a phone, in Chinese."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.console.browsing import PHONE, Tabs
from yunmeng.client import Client

CAT, MOON, ROCKET = "animal/chelsea.jpg", "sky/moon.jpg", "sky/rocket.jpg"


def pick(page: Page, name: str) -> Locator:
    return page.locator(".recommended").filter(has=page.locator(f".recommended-picture[aria-label='{name}']"))


def feed(tabs: Tabs, address: str, user: str = "ann", **options: Any) -> Page:
    page = tabs.open(f"/#/recommend?view={user}", address=address, **options)
    expect(page.locator(".recommended").first).to_be_visible()
    return page


def react(page: Page, name: str, what: str) -> None:
    """Press a button of a card, and wait for the feed that comes of it."""
    with page.expect_response("**/v1/recommend/picks*"):
        pick(page, name).get_by_role("button", name=what, exact=False).first.click()


def test_a_like_changes_the_feed_at_once_and_can_be_undone(tabs: Tabs, fresh: Callable[..., str]) -> None:
    page = feed(tabs, fresh())
    expect(page.get_by_text("Like a few pictures")).to_be_visible()
    expect(page.locator(".recommended")).to_have_count(17)
    expect(page.locator(".recommended-because")).to_have_count(0)
    react(page, CAT, "Like")
    expect(pick(page, CAT)).to_have_count(0)
    expect(page.locator(".recommended-why").first).to_contain_text("Because you likedchelsea.jpg")
    expect(page.locator(".recommended-because").first).to_have_attribute("aria-label", "Because you liked chelsea.jpg")
    expect(page.locator(".taste")).to_have_count(1)
    expect(page.locator(".taste")).to_contain_text("100%, 1 picture")
    page.get_by_role("button", name="Undo").click()
    expect(pick(page, CAT)).to_be_visible()
    expect(page.locator(".taste")).to_have_count(0)
    expect(page.get_by_text("Like a few pictures")).to_be_visible()


def test_what_is_disliked_or_hidden_does_not_come_again(tabs: Tabs, fresh: Callable[..., str]) -> None:
    page = feed(tabs, fresh())
    react(page, MOON, "Dislike")
    react(page, ROCKET, "Hide")
    expect(page.locator(".toast")).to_have_count(1)
    expect(page.locator(".toast")).to_contain_text("Hid rocket.jpg")
    page.reload()
    expect(page.locator(".recommended")).to_have_count(15)
    expect(pick(page, MOON)).to_have_count(0)
    page.get_by_label("User").fill("bob")
    page.get_by_label("User").press("Enter")
    expect(page).to_have_url(re.compile("view=bob"))
    expect(page.locator(".recommended")).to_have_count(17)


def test_a_muted_taste_is_left_out_of_the_feed(tabs: Tabs, fresh: Callable[..., str]) -> None:
    address = fresh()
    with Client(address) as client:
        client.record_event("ann", CAT, "like")
    page = feed(tabs, address)
    expect(page.locator(".recommended-because").first).to_be_visible()
    page.get_by_role("switch", name="Mute taste 1").check()
    expect(page.locator(".taste.muted")).to_have_count(1)
    expect(page.locator(".recommended-because")).to_have_count(0)
    expect(page.get_by_role("switch", name="Mute taste 1")).to_be_focused()
    page.get_by_role("switch", name="Mute taste 1").press("Space")
    expect(page.locator(".recommended-because").first).to_be_visible()


def test_the_keyboard_goes_on_to_the_next_picture(tabs: Tabs, fresh: Callable[..., str]) -> None:
    page = feed(tabs, fresh())
    page.locator(".recommended").nth(2).locator("[data-reaction=hide]").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".recommended")).to_have_count(16)
    expect(page.locator(".recommended").nth(2).locator("[data-reaction=hide]")).to_be_focused()


def test_a_picture_opens_and_the_feed_stays(tabs: Tabs, fresh: Callable[..., str]) -> None:
    page = feed(tabs, fresh())
    pick(page, CAT).locator(".recommended-picture").click()
    expect(page.get_by_role("dialog", name="Details")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".recommended")).to_have_count(17)


def test_all_that_is_kept_can_be_downloaded_and_erased(tabs: Tabs, fresh: Callable[..., str]) -> None:
    address = fresh()
    with Client(address) as client:
        client.record_event("ann", CAT, "like")
        page = feed(tabs, address)
        expect(page.locator(".taste")).to_have_count(1)
        with page.expect_download() as download:
            page.get_by_role("link", name="Download my data").click()
        assert CAT in download.value.path().read_text()
        page.get_by_role("button", name="Erase my data").click()
        page.get_by_role("dialog").get_by_role("button", name="Erase", exact=True).click()
        expect(page.locator(".taste")).to_have_count(0)
        expect(page.locator(".recommended")).to_have_count(17)
        assert client.export_user("ann").events == []


def test_a_failure_is_told_and_the_picture_comes_back(tabs: Tabs, fresh: Callable[..., str]) -> None:
    page = feed(tabs, fresh())
    tabs.tolerate("500")
    error = {"error": {"code": "internal", "message": "no", "request_id": "x", "details": []}}
    page.route("**/v1/recommend/events", lambda route: route.fulfill(status=500, json=error))
    pick(page, CAT).locator("[data-reaction=like]").click()
    expect(page.locator(".toast.failure")).to_be_visible()
    expect(pick(page, CAT)).to_be_visible()


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desktop", "phone"])
def test_it_speaks_chinese_and_nothing_sticks_out(
    tabs: Tabs, fresh: Callable[..., str], options: dict[str, Any]
) -> None:
    page = feed(tabs, fresh(), locale="zh-CN", **options)
    expect(page.get_by_role("heading", name="为你推荐")).to_be_visible()
    react(page, CAT, "喜欢")
    expect(page.locator(".recommended-why").first).to_contain_text("因为你喜欢")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
