"""Take the pictures of the console that the documents show: python -m tests.console.screenshots"""

import csv
import io
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image, ImageOps
from playwright.sync_api import Page, expect

from benchmarks.garments import cut_out, laid_out
from tests.conftest import SHARED, CommandLine
from tests.console.browsing import PATIENCE, PHONE, Tabs, chromium, tile
from tests.console.serving import CATEGORIES, photograph, serve, write_pair
from yunmeng.cli.newcomer import ALTERATIONS
from yunmeng.client import Client
from yunmeng.search.colour.naming import EXAMPLE

IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
MOST_BYTES: Final = 250_000
ATTRIBUTES: Final = "subject:str, copy:str, width:int, grey:bool, tags:list[str]"
GREY: Final = ("camera", "brick", "grass", "gravel", "coins", "moon", "cell", "clock_motion")
CONTROLS: Final = ("#1f5f8b", "#84bce0", "#62605b", "#a6a39d", "#131313", "#fbfbfa", *EXAMPLE.values())
"""Colours of the console, and of its swatches."""

BROKEN: Final = "half-a-picture.jpg"
WALLS: Final = {"wall-1": ("chelsea.png", "moon.png", "coffee.png", "brick.png"), "wall-2": ("rocket.jpg", "coins.png")}
"""Pictures on a grey wall, each in one of its corners, which are found by these parts only."""


def write_photographs(folder: Path) -> None:
    """The demo's photographs and copies, the manifest with their attributes, and one file that is broken."""
    (folder / "photographs").mkdir(parents=True)
    with (folder / "photographs.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "subject", "copy", "width", "grey", "tags"])
        for subject, names in CATEGORIES.items():
            for name in names:
                stem = Path(name).stem
                original = photograph(name, 640)
                for kind, alter in ALTERATIONS.items():
                    copy = alter(original)
                    path = f"photographs/{stem}{kind}.jpg"
                    copy.save(folder / path, quality=88)
                    grey = "yes" if stem in GREY else "no"
                    tags = "CC0|" + ("copy" if kind else "original")
                    rows.writerow([path, subject, kind.strip("-") or "original", copy.width, grey, tags])
        for stem, names in WALLS.items():
            hang(names).save(folder / "photographs" / f"{stem}.jpg", quality=88)
            rows.writerow([f"photographs/{stem}.jpg", "wall", "original", 800, "no", "CC0|original"])
    whole = (folder / "photographs" / "chelsea.jpg").read_bytes()
    (folder / "photographs" / BROKEN).write_bytes(whole[: len(whole) // 2])
    tilted = photograph("chelsea.png", 640).rotate(7, resample=Image.Resampling.BICUBIC)
    tilted.crop((60, 40, 390, 262)).save(folder / "my cat.jpg", quality=90)
    write_pair(folder / "breakfast.jpg")


def hang(names: Sequence[str], size: tuple[int, int] = (800, 600)) -> Image.Image:
    """Photographs in the corners of a wall."""
    wall = Image.new("RGB", size, "#8d8c88")
    frame = (size[0] * 2 // 5, size[1] * 2 // 5)
    corners = [(x, y) for y in (0, size[1] - frame[1]) for x in (0, size[0] - frame[0])]
    for name, corner in zip(names, corners, strict=False):
        wall.paste(ImageOps.fit(photograph(name, 640), frame), corner)
    return wall


def save(page: Page, name: str) -> None:
    """Save what the page shows, with as many colours as fit into the limit."""
    expect(page.locator(".row img:not(.there)")).to_have_count(0)
    shot = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    for colours in (256, 192, 128, 96, 64):
        data = io.BytesIO()
        shot.quantize(palette=palette(shot, colours), dither=Image.Dither.NONE).save(data, "PNG", optimize=True)
        if data.tell() < MOST_BYTES:
            break
    (IMAGES / f"console-{name}.png").write_bytes(data.getvalue())


def palette(shot: Image.Image, colours: int) -> Image.Image:
    """The best colours for a picture, in which those of the controls weigh as much as a photograph's."""
    weighed = shot.copy()
    for at, colour in enumerate(CONTROLS):
        weighed.paste(colour, (0, 40 * at, 240, 40 * at + 30))
    return weighed.quantize(colours)


def search(page: Page, picture: Path) -> None:
    page.locator(".box input[name=choose-picture]").set_input_files(picture)
    expect(page.locator(".score").first).not_to_be_empty()


def draw_region(page: Page) -> None:
    box = page.locator(".query-frame").bounding_box()
    assert box
    with page.expect_response("**/v1/search/upload"):
        page.mouse.move(box["x"] + box["width"] * 0.53, box["y"] + box["height"] * 0.1)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.97, box["y"] + box["height"] * 0.9, steps=4)
        page.mouse.up()
    page.locator(".region").blur()
    expect(page.locator(".tile-open").first).to_have_attribute("aria-label", re.compile("coffee"))


def take(tabs: Tabs, query: Path) -> None:
    page = tabs.open()
    search(page, query.with_name("breakfast.jpg"))
    draw_region(page)
    save(page, "region")
    page = tabs.open()
    search(page, query)
    save(page, "light")
    for index in (1, 2, 4):
        page.locator(".tile").nth(index).hover()
        page.locator(".tile-check").nth(index).click()
    save(page, "choosing")
    page.keyboard.press("Escape")
    page.locator(".tile-open").nth(1).click()
    expect(page.get_by_role("dialog", name="Details").locator("code").first).to_be_visible()
    save(page, "detail")
    page = tabs.open(locale="zh-CN", color_scheme="dark")
    search(page, query)
    page.locator("[data-filter=grey]").get_by_role("radio", name="否").check()
    expect(page.locator(".status")).to_contain_text("50 个结果")
    page.locator(".side").evaluate("side => side.scrollTo(0, 0)")
    save(page, "dark-zh")
    page = tabs.open(**PHONE)
    search(page, query)
    save(page, "phone")


def take_ways_to_ask(tabs: Tabs, query: Path) -> None:
    """Words, a mixture, and a hit by a part of it."""
    page = tabs.open()
    page.locator("#question").press_sequentially("coffee")
    expect(page.locator(".tile-open").first).to_have_attribute("aria-label", re.compile("coffee"))
    save(page, "words")
    page = tabs.open("/#/?id=photographs/coffee.jpg")
    mirrored = tile(page, "photographs/coffee-mirrored.jpg")
    mirrored.hover()
    mirrored.get_by_role("button", name="Less like this").click()
    expect(mirrored).to_have_count(0)
    page.locator("#part-add").fill("id:photographs/coins.jpg")
    page.keyboard.press("Enter")
    for name in ("coffee-mirrored.jpg", "coins.jpg"):
        with page.expect_response("**/v1/search"):
            page.get_by_label(f"Weight of {name}").press("ArrowLeft")
    expect(tile(page, "photographs/coins.jpg")).to_be_visible()
    page.get_by_label("Weight of coins.jpg").blur()
    page.mouse.move(0, 0)
    page.locator(".side").evaluate("side => side.scrollTo(0, 0)")
    save(page, "mixture")
    page = tabs.open(locale="zh-CN")
    search(page, query)
    page.get_by_role("switch", name="搜索图片局部").check()
    expect(tile(page, "photographs/wall-1.jpg").locator(".outline-of-part rect").last).to_be_visible()
    page.mouse.move(0, 0)
    page.locator(".side").evaluate("side => side.scrollTo(0, 0)")
    save(page, "regions-zh")


def take_colours(tabs: Tabs) -> None:
    """Red pictures, with the other colours beside."""
    page = tabs.open()
    page.get_by_role("button", name=re.compile("^red, ")).click()
    expect(page.locator(".status")).to_contain_text("results")
    page.mouse.move(0, 0)
    save(page, "colours")


def take_copies(tabs: Tabs, query: Path) -> None:
    """Originals, an explained hit, and the review of near-duplicates."""
    page = tabs.open()
    search(page, query)
    page.get_by_role("button", name="Find its original").click()
    expect(page.locator(".match .outline-of-part polygon").last).to_be_attached()
    expect(page.locator(".results > .matches img").first).to_have_js_property("complete", True)
    save(page, "match")
    page = tabs.open("/#/?id=photographs/rocket.jpg&rerank=expand,geometry")
    tile(page, "photographs/rocket-cropped.jpg").locator(".tile-open").click()
    page.get_by_text("Why this hit?").click()
    expect(page.locator(".explained")).to_be_visible()
    save(page, "explained")
    page = tabs.open("/#/duplicates")
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".member-picture img").first).to_have_js_property("complete", True, timeout=400_000)
    expect(page.locator(".member").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    save(page, "review")


def take_recommendations(tabs: Tabs) -> None:
    """A feed for somebody with three tastes, one of them muted."""
    with Client(tabs.address) as client:
        for name in ("chelsea", "rocket", "moon", "coffee"):
            client.record_event("ann", f"photographs/{name}.jpg", "like")
        client.mute_taste("ann", "photographs/coffee.jpg")
    phone: dict[str, Any] = {"locale": "zh-CN", "color_scheme": "dark", **PHONE}
    for name, options in (("feed", {}), ("feed-phone-zh", phone)):
        page = tabs.open("/#/recommend?view=ann", **options)
        expect(page.locator(".recommended-picture img.there").nth(3)).to_be_visible()
        expect(page.locator(".taste-picture img.there").first).to_be_visible()
        save(page, name)


def take_library(tabs: Tabs) -> None:
    """The pictures, folders and filters of the library."""
    page = tabs.open("/#/library?filter=subject+%3D+'sky'")
    page.get_by_text("Add pictures, background work").click()
    expect(page.locator(".tile-open").first).to_be_visible()
    save(page, "library")


def take_import(tabs: Tabs) -> None:
    """In the middle of an import, with its failure."""
    page = tabs.open("/#/library")
    page.get_by_label("Paths or addresses").fill("photographs")
    page.get_by_role("button", name="Start import").click()
    expect(page.locator(".work-row progress")).to_have_attribute("value", re.compile(r"^[1-9]\d$"))
    save(page, "import")


KINDS: Final = {
    "dress": "women/dresses",
    "hat": "accessories/hats",
    "longsleeve": "tops/long sleeves",
    "outwear": "outerwear/jackets",
    "pants": "trousers/long",
    "shirt": "tops/shirts",
    "shoes": "shoes/sneakers",
    "shorts": "trousers/short",
    "skirt": "women/skirts",
    "t-shirt": "tops/t-shirts",
}
BRANDS: Final = ("Ada", "Bluebell", "Kestrel", "Nordlys", "Otter & Sons")
STYLES: Final = ("Everyday", "Weekend", "Harbour", "Meadow", "Studio", "Trail", "Sunday")
SHOP: Final = SHARED / "clothing"


def write_shop(folder: Path, each: int = 24) -> Path:
    """A catalogue of clothes, and a photo to ask with."""
    rows = []
    for number, (kind, category) in enumerate(KINDS.items()):
        files = sorted((SHOP / "gallery" / kind).iterdir())[: each + each // 4]
        for at, file in enumerate(files[:each]):
            second = f"|{files[each + at // 4]}" if at % 4 == 0 else ""
            rows.append(
                {
                    "id": f"{kind}-{at}",
                    "title": f"{STYLES[(at + number) % len(STYLES)]} {kind}",
                    "price": f"{15 + (at * 13 + number * 7) % 90}.90",
                    "currency": "EUR",
                    "category": category,
                    "brand": BRANDS[(at * 3 + number) % len(BRANDS)],
                    "stock": (at * 5 + number) % 7,
                    "link": f"https://shop.example/{kind}-{at}",
                    "image": f"{file}{second}",
                }
            )
    with (folder / "clothes.csv").open("w", encoding="utf-8", newline="") as catalogue:
        writer = csv.DictWriter(catalogue, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder / "clothes.csv"


def several_things(folder: Path) -> Path:
    """A photo of a pair of shorts, slippers and a hat on a floor."""
    named = {kind: sorted((SHOP / "query" / kind).iterdir())[1] for kind in ("shorts", "shoes", "hat", "skirt")}
    *garments, floor = filter(None, map(cut_out, named.values()))
    picture, _ = laid_out(garments, floor.ground, np.random.default_rng(11))
    picture.save(folder / "several.png")
    return folder / "several.png"


def take_shop(tabs: Tabs, several: Path) -> None:
    """The shop's welcome, what a photo finds, and one of several things in a photo; also on a phone."""
    photo = sorted((SHOP / "query" / "shoes").iterdir())[3]

    def ask(page: Page, photo: Path = photo) -> None:
        with page.expect_response("**/v1/shop/search/upload"):
            page.locator("input[name=shop-choose]").set_input_files(photo)
        expect(page.locator(".shop-chip.likely").first).to_be_visible()

    def save_shop(page: Page, name: str) -> None:
        page.wait_for_function("() => [...document.images].slice(0, 12).every((one) => one.complete)")
        page.mouse.move(0, 0)
        save(page, name)

    page = tabs.open("/#/shop", viewport={"width": 1440, "height": 900})
    expect(page.locator(".product").first).to_be_visible()
    save_shop(page, "shop-welcome")
    ask(page)
    save_shop(page, "shop")
    ask(page, several)
    with page.expect_response("**/v1/shop/search/upload"):
        page.locator(".shop-dot").nth(1).click()
    expect(page.locator(".shop-page")).to_have_attribute("aria-busy", "false")
    save_shop(page, "shop-things")
    page = tabs.open("/#/shop", locale="zh-CN", color_scheme="dark", **PHONE)
    ask(page, several)
    expect(page.locator(".shop-dot").nth(1)).to_be_visible()
    save_shop(page, "shop-phone")


def register(run: CommandLine, folder: Path) -> None:
    """Works, and a folder with a copy of one of them that a watch has found."""
    (folder / "downloads").mkdir()
    with Image.open(folder / "photographs" / "coffee.jpg") as image:
        image.crop((60, 30, 560, 400)).save(folder / "downloads" / "morning.jpg", quality=75)
    works = {"chelsea": "Chelsea at rest", "coffee": "A cup of coffee", "rocket": "Lift-off"}
    rows = [f"photographs/{stem}.jpg,Studio Lin,{title},CC BY 4.0,2024-05-01" for stem, title in works.items()]
    lines = ["path,owner,title,licence,date", *rows]
    (folder / "works.csv").write_text("\n".join(lines), encoding="utf-8")
    for order in (("register", "--manifest", "works.csv"), ("watch", "downloads", "--once")):
        done = run("copyright", *order, "--db", "demo")
        assert done.returncode == 0, done.stderr


def take_copyright(tabs: Tabs, suspect: Path) -> None:
    """A picture that is checked against the registered works, and what a watch has found."""
    for name, options in {
        "copyright": {},
        "copyright-phone-zh": {"locale": "zh-CN", "color_scheme": "dark", **PHONE},
    }.items():
        page = tabs.open("/#/copyright", **options)
        page.locator(".check-side input[type=file]").set_input_files(suspect)
        expect(page.locator(".work-match img")).to_have_js_property("complete", True)
        expect(page.locator(".registered-work img")).to_have_count(4)
        save(page, name)


def main() -> None:
    expect.set_options(timeout=PATIENCE)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = CommandLine(folder, folder / "cache")
        write_photographs(folder)
        done = run("index", "photographs.csv", "--db", "demo", "--attributes", ATTRIBUTES, "--regions")
        assert done.returncode == 0, done.stderr
        register(run, folder)
        run("index", folder / "my cat.jpg", "--db", "archive")
        with chromium() as browser:
            with serve(run, folder / "demo") as address:
                tabs = Tabs(browser, address)
                take(tabs, folder / "my cat.jpg")
                take_ways_to_ask(tabs, folder / "my cat.jpg")
                take_colours(tabs)
                take_copies(tabs, folder / "my cat.jpg")
                take_library(tabs)
                take_recommendations(tabs)
                take_copyright(tabs, folder / "my cat.jpg")
                tabs.leave()
                assert tabs.troubles() == []
            run("shop", "import", write_shop(folder), "--db", "shop")
            with serve(run, folder / "shop") as address:
                tabs = Tabs(browser, address)
                take_shop(tabs, several_things(folder))
                tabs.leave()
                assert tabs.troubles() == []
            with serve(run, folder / "archive") as address:
                tabs = Tabs(browser, address)
                take_import(tabs)
                tabs.leave()
                assert tabs.troubles() == []


if __name__ == "__main__":
    main()
