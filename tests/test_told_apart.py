"""Pictures that agree and are no copies: none of match, compare and dedupe takes one for the other."""

import io
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from tests.copies.scenes import scene, smiling
from tests.imaging.samples import photograph
from tests.needing import need
from yunmeng.apps.duplicates import Duplicates
from yunmeng.library import Library

need("cv2", "faiss", extra="copies")

CERTAIN: Final = 0.5  # the chance from which `match` calls a picture an original


def invoice(customer: str = "Example Ltd", number: str = "93046", total: str = "81064") -> Image.Image:
    image = Image.new("RGB", (640, 480), "white")
    draw = ImageDraw.Draw(image)
    draw.text((240, 20), "INVOICE", "black", font_size=30)
    for row, (name, said) in enumerate({"Customer": customer, "Number": number, "Total": total}.items()):
        draw.rectangle((30, 90 + 120 * row, 610, 180 + 120 * row), None, "black")
        draw.text((50, 120 + 120 * row), name, "black", font_size=22)
        draw.text((260, 120 + 120 * row), said, "black", font_size=22)
    return image


def slide(title: str, lines: str, ground: str = "#143c78") -> Image.Image:
    image = Image.new("RGB", (640, 360), ground)
    draw = ImageDraw.Draw(image)
    draw.text((40, 30), title, "white", font_size=32)
    for row, line in enumerate(lines.split(";")):
        draw.text((60, 110 + 50 * row), f"- {line}", "white", font_size=20)
    return image


def card(face: int, name: str) -> Image.Image:
    image = Image.new("RGB", (600, 380), "#d9e7f5")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 600, 60), "#1e4a8c")
    draw.text((20, 15), "MEMBER CARD / ACME CLUB", "white", font_size=26)
    image.paste(photograph(face, (150, 190)), (30, 100))
    for row, said in enumerate(("Name", "Since", "Valid until")):
        draw.text((220, 110 + 70 * row), said, "#555566", font_size=20)
        draw.text((380, 110 + 70 * row), name if row == 0 else str(2010 + row), "black", font_size=24)
    return image


def page(seed: int) -> Image.Image:
    image = Image.new("RGB", (500, 700), "#fdfbf4")
    words = np.random.default_rng(seed).choice(["time", "year", "people", "way", "day", "man", "life"], (24, 9))
    for row, line in enumerate(words):
        ImageDraw.Draw(image).text((40, 40 + 26 * row), " ".join(line), "#1e1e1e", font_size=15)
    return image


def jpeg(image: Image.Image, quality: int = 85) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


TEMPLATES: Final = {
    "invoice": (invoice(), invoice("Sample Inc", "58120", "37166")),
    "one number": (invoice(), invoice(total="81364")),
    "one digit more": (invoice(), invoice(number="930461")),
    "one number, compressed": (invoice(), jpeg(invoice(number="93746"))),
    "slide": (slide("First plan", "one;two;three"), slide("Second look", "red;green;blue")),
    "one line": (slide("First plan", "one;two;three"), slide("First plan", "one;six;three")),
    "card": (card(1, "A. Example"), card(2, "B. Sample")),
    "one name": (card(1, "A. Example"), jpeg(card(1, "B. Sample"))),
    "page": (page(1), page(2)),
}


MOMENTS: Final = {
    f"moment {seed}": (picture, smiling(picture, seed, by=9, smooth=25))
    for seed, picture in enumerate([photograph(21, (400, 320)), photograph(22, (400, 320))])
}

PHOTO: Final = photograph(3, (480, 360))


def captioned(image: Image.Image) -> Image.Image:
    image = image.copy()
    ImageDraw.Draw(image).text((90, 250), "SALE 50%", "yellow", font_size=60, stroke_width=2, stroke_fill="black")
    return image


COPIES: Final = {
    "caption": (PHOTO, captioned(PHOTO)),
    "negative": (PHOTO, jpeg(ImageOps.invert(PHOTO))),
    "frame": (PHOTO, ImageOps.expand(PHOTO, 40, "#1b3a2f")),
    "invoice as a JPEG": (invoice(), jpeg(invoice(), 60)),
    "invoice made smaller": (invoice(), invoice().resize((520, 390), Image.Resampling.LANCZOS)),
    "drawing with a caption": (scene(5, (480, 360)), captioned(scene(5, (480, 360)))),
}


def called_copies(library: Library, folder: Path, one: Image.Image, other: Image.Image) -> dict[str, bool]:
    """Whether each of the three takes ``other`` for a copy of ``one``."""
    folder.mkdir()
    one.save(folder / "one.png")
    other.save(folder / "other.png")
    library.add(folder / "one.png", id="one")
    found = library.match(folder / "other.png")
    comparison = library.compare(folder / "other.png", folder / "one.png")
    library.add(folder / "other.png", id="other")
    groups = Duplicates(library).find().groups
    return {
        "match": any(hit.score >= CERTAIN for hit in found),
        "compare": comparison.verdict != "different",
        "dedupe": len(groups) == 1,
    }


@pytest.mark.parametrize("name", [*TEMPLATES, *MOMENTS])
def test_what_differs_decides(name: str, library: Library, tmp_path: Path) -> None:
    said = called_copies(library, tmp_path / "pair", *(TEMPLATES | MOMENTS)[name])
    assert said == {"match": False, "compare": False, "dedupe": False}


@pytest.mark.parametrize("name", COPIES)
def test_edits_stay_copies_for_all_three(name: str, library: Library, tmp_path: Path) -> None:
    said = called_copies(library, tmp_path / "pair", *COPIES[name])
    assert said == {"match": True, "compare": True, "dedupe": True}


@pytest.mark.parametrize(
    ("pair", "difference"), [(TEMPLATES["one number"], "other-content"), (MOMENTS["moment 0"], "other-moment")]
)
def test_it_is_said_what_makes_two_different_that_agree(
    pair: tuple[Image.Image, Image.Image], difference: str, library: Library, tmp_path: Path
) -> None:
    for number, image in enumerate(pair):
        image.save(tmp_path / f"{number}.png")
    assert library.compare(tmp_path / "1.png", tmp_path / "0.png").difference == difference


def test_a_negative_is_named(library: Library, tmp_path: Path) -> None:
    PHOTO.save(tmp_path / "photo.png")
    ImageOps.invert(PHOTO).save(tmp_path / "negative.png")
    found = library.compare(tmp_path / "negative.png", tmp_path / "photo.png")
    assert (found.verdict, [edit.name for edit in found.edits]) == ("edited-copy", ["negative"])
