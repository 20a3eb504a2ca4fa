"""The review of near-duplicates: looking for them, choosing what stays, applying and undoing."""

import io
import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.console.browsing import PHONE, Tabs, loaded
from tests.console.serving import CATEGORIES, photograph
from tests.console.standin import Duplicates

IDS = [f"{category}/{name.rsplit('.', 1)[0]}.jpg" for category, names in CATEGORIES.items() for name in names]
Reviewed = tuple[Page, Duplicates]


@pytest.fixture
def review(tabs: Tabs, server: str) -> Callable[..., Reviewed]:
    """Opens the page over groups that are made up of the library's pictures."""

    def start(*groups: tuple[str, list[str]], states: tuple[object, ...] = (), **options: object) -> Reviewed:
        page = tabs.open("about:blank", address="", **options)
        standin = Duplicates(server, groups, states)
        standin.answer(page).goto(f"{server}/#/duplicates")
        return page, standin

    return start


def group(page: Page, number: int) -> Locator:
    return page.locator(f".group[data-group='{number}']")


def member(page: Page, number: int, at: int) -> Locator:
    return group(page, number).locator(".member").nth(at)


def stay(page: Page, number: int, *wanted: bool) -> None:
    """Wait until just those pictures of a group are to stay."""
    buttons = group(page, number).locator(".member-keep")
    expect(buttons).to_have_count(len(wanted))
    for at, stays in enumerate(wanted):
        expect(buttons.nth(at)).to_have_attribute("aria-pressed", str(stays).lower())


PAIRS = (("edited-copy", IDS[:3]), ("same-picture", IDS[3:5]), ("same-file", IDS[5:8]))


def test_a_search_is_started_followed_and_cancelled(review: Callable[..., Reviewed]) -> None:
    running = {"status": "running", "phase": "pairing", "done": 3200, "total": 10000}
    page, standin = review(*PAIRS, states=({"status": "none"}, running))
    expect(page.locator(".duplicates-search")).to_contain_text("Nobody has looked yet.")
    expect(page.locator(".group")).to_have_count(0)
    page.get_by_label("Propose to keep").select_option("the sharpest")
    page.get_by_role("button", name="Start").click()
    bar = page.get_by_role("progressbar", name="Progress of the search")
    expect(bar).to_have_js_property("value", 3200)
    expect(bar).to_have_js_property("max", 10000)
    expect(page.locator(".duplicates-search")).to_contain_text("Looking for pictures that are alike · 3,200 of 10,000")
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".duplicates-search")).to_contain_text("cancelled")
    expect(page.locator(".group")).to_have_count(3)
    assert standin.orders == [("find", {"keep": "sharpest"}), ("cancel", None)]


def test_a_search_that_failed_says_why(review: Callable[..., Reviewed]) -> None:
    page, _ = review(states=({"status": "failed", "error": "the disk is full"},))
    expect(page.locator(".duplicates-search").get_by_role("alert")).to_have_text("the disk is full")


def test_what_differs_in_a_group_is_marked(review: Callable[..., Reviewed]) -> None:
    page, standin = review(*PAIRS)
    pictures = [found["picture"] for found in standin.groups[1]["members"]]
    sharpest = max(range(3), key=lambda at: pictures[at]["quality"]["sharpness"])
    for at, picture in enumerate(pictures):
        shown = member(page, 1, at)
        expect(shown.locator(".member-name")).to_have_text(picture["id"])
        facts = shown.locator(".member-facts > div")
        pixels = facts.filter(has_text="Pixels").locator("dd")
        expect(pixels).to_contain_text(f"{picture['width']} × {picture['height']}")
        sharpness = facts.filter(has_text="Sharpness")
        expect(sharpness).to_have_class("differs")
        expect(sharpness.locator(".best")).to_have_count(1 if at == sharpest else 0)
        expect(facts.filter(has_text="Why")).not_to_have_class("differs")
        expect(facts.filter(has_text="price")).to_have_class("differs")  # an attribute, which would be lost
        loaded(shown.locator("img"))
    expect(group(page, 1)).to_contain_text("edited copy")


def test_nothing_goes_before_it_is_applied_and_all_comes_back(review: Callable[..., Reviewed]) -> None:
    page, standin = review(*PAIRS)
    stay(page, 1, True, False, False)
    member(page, 1, 0).get_by_role("button", name="Discard").click()
    member(page, 1, 2).get_by_role("button", name="Keep:").click()
    stay(page, 1, False, False, True)
    member(page, 1, 1).get_by_role("button", name="Keep this only").click()
    stay(page, 1, False, True, False)
    expect(page.locator("#announcer")).to_contain_text("keep 1, discard 2")
    assert standin.orders == []
    group(page, 1).get_by_role("button", name="Apply: discard 2").click()
    expect(group(page, 1)).to_contain_text("kept 1, discarded 2")
    ((what, gone),) = standin.orders
    assert (what, set(gone)) == ("decide 1", {IDS[0], IDS[2]})
    expect(page.get_by_role("link", name="Open")).to_contain_text("2")
    page.locator(".toast").get_by_role("button", name="Undo").click()
    stay(page, 1, False, True, False)  # as it was chosen, to be changed
    assert standin.orders[1:] == [("undo", 1)]
    group(page, 1).get_by_role("button", name="Apply").click()
    expect(group(page, 1)).to_contain_text("kept 1, discarded 2")
    page.get_by_role("link", name="Decided").click()
    expect(page.locator(".group")).to_have_count(1)
    page.reload()
    group(page, 1).get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="Open")).to_contain_text("3")


def test_an_undo_by_the_message_is_seen_in_the_list_of_decided_groups(review: Callable[..., Reviewed]) -> None:
    page, standin = review(*PAIRS)
    group(page, 1).get_by_role("button", name="Apply").click()
    expect(group(page, 1)).to_contain_text("kept 1, discarded 2")
    page.get_by_role("link", name="Decided").click()
    expect(page.locator(".group")).to_have_count(1)
    page.locator(".toast").get_by_role("button", name="Undo").click()
    stay(page, 1, True, False, False)
    expect(page.get_by_role("link", name="Open")).to_contain_text("3")
    assert [order[0] for order in standin.orders] == ["decide 1", "undo"]


def test_at_least_one_picture_of_a_group_stays(review: Callable[..., Reviewed]) -> None:
    page, standin = review(*PAIRS)
    member(page, 2, 0).get_by_role("button", name="Discard").click()
    expect(group(page, 2).get_by_role("button", name="At least one must stay")).to_be_disabled()
    member(page, 2, 0).locator(".member-picture").focus()
    page.keyboard.press("Enter")
    member(page, 2, 1).get_by_role("button", name="Keep:").click()
    member(page, 2, 0).get_by_role("button", name="Keep:").click()
    assert standin.orders == []
    group(page, 2).get_by_role("button", name="Apply: keep all").click()
    expect(group(page, 2)).to_contain_text("kept 2, discarded 0")
    assert standin.orders == [("decide 2", [])]


def test_clear_proposals_are_applied_together_after_their_number_is_told(review: Callable[..., Reviewed]) -> None:
    page, standin = review(*PAIRS)
    page.get_by_role("button", name="Apply 2 clear groups: discard 3").click()
    sure = page.get_by_role("dialog", name="Apply all clear proposals?")
    expect(sure).to_contain_text("In 2 groups")
    expect(sure.get_by_role("button", name="Cancel")).to_be_focused()
    sure.get_by_role("button", name="Cancel").click()
    assert standin.orders == []
    page.get_by_role("button", name="Apply 2 clear groups").click()
    sure.get_by_role("button", name="Discard 3 of 2 groups").click()
    expect(page.locator(".group.decided")).to_have_count(2)
    assert standin.orders == [("decide 2", [IDS[4]]), ("decide 3", IDS[6:8])]
    expect(group(page, 1).locator(".member")).to_have_count(3)  # an edited copy is for people to judge
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(".group.decided")).to_have_count(0)
    assert set(standin.orders[2:]) == {("undo", 2), ("undo", 3)}


def test_clear_groups_are_applied_over_all_pages(review: Callable[..., Reviewed]) -> None:
    groups = [("same-picture", [IDS[at % 15], IDS[at % 15 + 1]]) for at in range(45)]
    page, standin = review(*groups, ("edited-copy", IDS[:2]))
    expect(page.locator(".group")).to_have_count(20)
    page.get_by_role("button", name="Apply all clear groups").click()
    sure = page.get_by_role("dialog", name="Apply all clear proposals?")
    sure.get_by_role("button", name="Discard 45 of 45 groups").click()
    expect(page.locator(".toast")).to_contain_text("45 groups: 45 left the library")
    assert len(standin.orders) == 45
    assert not standin.groups[46]["decided"]
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(".toast").last).to_contain_text("45 groups are back")


def test_all_that_lies_in_a_folder_is_kept_and_groups_are_small_or_large(review: Callable[..., Reviewed]) -> None:
    page, standin = review(
        ("same-picture", ["sky/moon.jpg", "thing/coins.jpg"]), ("same-picture", ["sky/rocket.jpg", "sky/moon.jpg"])
    )
    page.get_by_label("Keep all in a folder…").select_option("thing")
    stay(page, 1, False, True)
    stay(page, 2, True, False)
    expect(page.locator(".toast")).to_contain_text("In 1 group")
    assert standin.orders == []
    for picture in (member(page, 1, 0), member(page, 1, 1)):
        loaded(picture.locator("img"))
    small = page.locator(".group").first.bounding_box()
    page.get_by_role("switch", name="Compact").uncheck()
    large = page.locator(".group").first.bounding_box()
    assert small
    assert large
    assert small["height"] < 0.75 * large["height"]


def test_groups_are_reviewed_with_the_keyboard_alone(review: Callable[..., Reviewed]) -> None:
    page, standin = review(*PAIRS)
    expect(page.locator(".legend")).to_contain_text("Keep this only")
    expect(page.locator(".group")).to_have_count(3)
    page.get_by_role("button", name="Search again").focus()  # as after a search; it is the same from nowhere
    page.keyboard.press("ArrowDown")
    expect(member(page, 1, 0).locator(".member-picture")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(member(page, 1, 1).locator(".member-picture")).to_be_focused()
    page.keyboard.press("k")
    stay(page, 1, True, True, False)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("d")
    stay(page, 1, False, True, False)
    expect(member(page, 1, 0).locator(".member-picture")).to_have_attribute("aria-label", re.compile("Discard"))
    page.keyboard.press("o")
    stay(page, 1, True, False, False)
    assert standin.orders == []
    page.keyboard.press("Enter")
    expect(group(page, 1)).to_contain_text("kept 1, discarded 2")
    expect(member(page, 2, 0).locator(".member-picture")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(member(page, 3, 0).locator(".member-picture")).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(group(page, 1).get_by_role("button", name="Undo")).to_be_focused()
    page.keyboard.press("u")
    expect(member(page, 1, 0).locator(".member-picture")).to_be_focused()
    assert [order[0] for order in standin.orders] == ["decide 1", "undo"]
    page.keyboard.press("Space")
    expect(page.get_by_role("dialog", name="Compare").locator(".zoom-frame")).to_have_count(2)
    page.keyboard.press("d")  # the window has the keyboard now
    page.keyboard.press("Escape")
    stay(page, 1, True, False, False)


def test_a_group_of_hundreds_is_shown_bit_by_bit_and_applied_whole(review: Callable[..., Reviewed]) -> None:
    many = [f"{at}:{IDS[at % len(IDS)]}" for at in range(300)]
    page, standin = review(("same-file", many))
    expect(page.locator(".member")).to_have_count(12)
    page.get_by_role("button", name="Show 288 more").click()
    expect(page.locator(".member")).to_have_count(60)
    expect(member(page, 1, 12).locator(".member-picture")).to_be_focused()
    page.keyboard.press("k")
    group(page, 1).get_by_role("button", name="Apply: discard 298").click()
    expect(group(page, 1)).to_contain_text("kept 2, discarded 298")
    assert set(standin.orders[0][1]) == set(many) - {many[0], many[12]}
    assert page.locator(".decided-members li").count() < 30


def test_all_groups_are_reached_though_decided_ones_leave_the_list(review: Callable[..., Reviewed]) -> None:
    page, standin = review(*[("same-picture", [IDS[at % 15], IDS[at % 15 + 1]]) for at in range(45)])
    expect(page.locator(".group")).to_have_count(20)
    for number in (1, 7):
        # no mouse: pictures that come in move what it is at
        group(page, number).get_by_role("button", name="Apply").dispatch_event("click")
        expect(group(page, number)).to_contain_text("kept 1")
    for count in (40, 45):
        page.get_by_role("button", name="More groups").click()
        expect(page.locator(".group")).to_have_count(count)
    numbers = page.locator(".group").evaluate_all("found => found.map(one => Number(one.dataset.group))")
    assert numbers == sorted(standin.groups)
    expect(page.get_by_role("button", name="More groups")).to_have_count(0)


def test_a_choice_survives_another_language_and_a_failure(tabs: Tabs, review: Callable[..., Reviewed]) -> None:
    tabs.tolerate("503")
    page, standin = review(*PAIRS)
    member(page, 2, 1).get_by_role("button", name="Keep this only").click()
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("heading", name="近似重复的图片")).to_be_visible()
    expect(group(page, 2).get_by_role("button", name="应用：移除 1 张")).to_be_visible()
    stay(page, 2, False, True)
    standin.fails = True
    group(page, 2).get_by_role("button", name="应用").click()
    expect(page.locator(".toast.failure")).to_contain_text("服务器繁忙")
    stay(page, 2, False, True)
    standin.fails = False
    group(page, 2).get_by_role("button", name="应用").click()
    expect(group(page, 2)).to_contain_text("已保留 1，已移除 1")
    assert standin.orders == [("decide 2", [IDS[3]])]


def test_a_phone_shows_two_pictures_beside_each_other(review: Callable[..., Reviewed]) -> None:
    page, _ = review(*PAIRS, **PHONE)
    for at in (0, 1):
        loaded(member(page, 1, at).locator("img"))
    boxes = [member(page, 1, at).locator("img").bounding_box() for at in (0, 1)]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert boxes[0]["y"] == boxes[1]["y"]
    assert boxes[0]["width"] > 140
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    member(page, 1, 1).get_by_role("button", name="Keep this only").tap()
    stay(page, 1, False, True, False)


def test_a_picture_that_left_by_another_way_is_not_decided_on(review: Callable[..., Reviewed]) -> None:
    page, standin = review(*PAIRS)
    expect(page.locator(".group")).to_have_count(3)
    standin.groups[1]["members"][2]["there"] = False
    page.reload()
    expect(member(page, 1, 2)).to_contain_text("no longer in the library")
    group(page, 1).get_by_role("button", name="Apply: discard 1").click()
    expect(group(page, 1)).to_contain_text("kept 1")
    assert standin.orders == [("decide 1", [IDS[1]])]


def add_copies(address: str) -> dict[str, int]:
    """Add copies of the cat, and give the pixels of each that is now there but for its mirror image."""
    cat = httpx.get(f"{address}/v1/originals/animal%2Fchelsea.jpg").content
    small = io.BytesIO()
    photograph("chelsea.png", 300).save(small, "JPEG", quality=70)
    files = [
        ("files", (name, data, "image/jpeg")) for name, data in (("same.jpg", cat), ("small.jpg", small.getvalue()))
    ]
    ids = {"ids": ["copies/same.jpg", "copies/small.jpg"]}
    httpx.post(f"{address}/v1/pictures", files=files, data=ids, timeout=60).raise_for_status()
    return {"animal/chelsea.jpg": 451 * 300, "copies/same.jpg": 451 * 300, "copies/small.jpg": 300 * 200}


def there(address: str) -> set[str]:
    return {picture["id"] for picture in httpx.get(f"{address}/v1/pictures?limit=100").json()["pictures"]}


def test_the_duplicates_of_a_library_are_found_and_leave_and_come_back(tabs: Tabs, fresh: Callable[..., str]) -> None:
    address = fresh()
    copies = add_copies(address)
    before = there(address)
    page = tabs.open("/#/duplicates", address=address)
    page.get_by_label("Propose to keep").select_option("the smallest")
    page.get_by_role("button", name="Start").click()
    found = page.locator(".group").filter(has_text="small.jpg")
    expect(found.locator(".member").first).to_be_visible()
    names = set(found.locator(".member-name").all_inner_texts())
    assert set(copies) <= names
    expect(found.locator(".member").first.locator(".member-name")).to_have_text("copies/small.jpg")
    found.get_by_role("button", name=re.compile("^Apply")).click()
    expect(found).to_contain_text("kept 1")
    assert there(address) == before - names | {"copies/small.jpg"}
    page.get_by_role("link", name="Decided").click()
    page.locator(".group").get_by_role("button", name="Undo").click()
    expect(page.locator(".group .member")).to_have_count(len(names))
    assert there(address) == before
