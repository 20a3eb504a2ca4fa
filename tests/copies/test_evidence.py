"""The evidence picture shows the verdict, both pictures, where they match, and what differs."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tests.copies.scenes import scene
from tests.needing import need
from yunmeng.copies import Edit, Panel, PreparedPicture, draw_evidence, edits_between, verify
from yunmeng.imaging import Picture
from yunmeng.types import Alignment

need("cv2", extra="copies")

OUTLINE = np.array([0xE0, 0x21, 0x8A])
MARKED = np.array([214, 20, 30])
FIGURES = {"pHash": "12 / 64", "PDQ": "24 / 256"}


def panel(image: Image.Image, name: str = "") -> Panel:
    return Panel(np.asarray(image), image.size, name)


def drawn(a: Image.Image, b: Image.Image, verdict: str = "edited-copy") -> tuple[NDArray[np.uint8], tuple[Edit, ...]]:
    one, other = (PreparedPicture(Picture(image, image.width, image.height, "PNG")) for image in (a, b))
    found = verify(one, other)
    edits = edits_between(one, other, found)
    shown = draw_evidence(panel(a, "suspect.jpg"), panel(b, "mine.jpg"), verdict, edits, found.alignment, FIGURES)
    assert (shown.mode, shown.width) == ("RGB", 1600)
    return np.asarray(shown), edits


def of_colour(page: NDArray[np.uint8], colour: Sequence[int] | NDArray[np.int_]) -> NDArray[np.bool_]:
    near: NDArray[np.bool_] = np.abs(page.astype(int) - np.array(colour)).max(axis=2) < 12
    return near


def boxes(mask: NDArray[np.bool_]) -> list[tuple[int, int, int, int]]:
    """The bounding boxes of connected areas that are not specks, from left to right."""
    from scipy import ndimage

    labels, _ = ndimage.label(ndimage.binary_dilation(mask, iterations=3))
    found = [(x.start + 3, y.start + 3, x.stop - 3, y.stop - 3) for y, x in ndimage.find_objects(labels)]
    return sorted(box for box in found if box[2] - box[0] > 40 and box[3] - box[1] > 40)


def test_the_outline_lies_where_the_crop_was() -> None:
    original = scene(1, (300, 400))
    page, edits = drawn(original.crop((60, 100, 240, 340)), original)
    assert [edit.name for edit in edits] == ["crop"]
    in_a, in_b, laid = boxes(of_colour(page, OUTLINE))
    # Four panels of 362 pixels, 24 apart, the original 362 x 483 in its own.
    panels = [40 + number * (362 + 24) for number in range(4)]
    assert (in_a[0], in_a[2]) == pytest.approx((panels[0], panels[0] + 362), abs=4)
    for number, box in ((1, in_b), (2, laid)):
        scale = 362 / 300
        assert (box[0], box[2]) == pytest.approx((panels[number] + 60 * scale, panels[number] + 240 * scale), abs=6)
        assert box[3] - box[1] == pytest.approx(240 * scale, abs=8)


def test_what_is_laid_over_a_picture_is_marked() -> None:
    original = scene(1, (300, 400))
    written = original.copy()
    written.paste("yellow", (100, 200, 160, 260))
    page, _ = drawn(written, original)
    clean, _ = drawn(original, original, "same-picture")
    last = slice(40 + 3 * 386, 40 + 3 * 386 + 362)
    marks = of_colour(page[:, last], MARKED)
    rows, columns = np.nonzero(marks)
    scale = 362 / 300
    box = (columns.min(), columns.max())
    assert box == pytest.approx((100 * scale, 160 * scale), abs=6)
    assert rows.max() - rows.min() == pytest.approx(60 * scale, abs=8)
    assert not of_colour(clean[:, last], MARKED).any()


def test_an_inset_is_outlined_in_the_suspect() -> None:
    original = scene(1, (300, 400))
    suspect = scene(7, (600, 800))
    suspect.paste(ImageOps.mirror(original), (250, 300))
    page, edits = drawn(suspect, original)
    assert {edit.name for edit in edits} == {"inset", "flip"}
    in_a = boxes(of_colour(page, OUTLINE))[0]
    scale = 362 / 600
    assert (in_a[0] - 40, in_a[2] - 40) == pytest.approx((250 * scale, 550 * scale), abs=6)


def test_different_pictures_are_shown_without_outlines() -> None:
    one, other = (scene(seed).convert("L").convert("RGB") for seed in (1, 2))
    page, edits = drawn(one, other, "different")
    assert edits == ()
    assert not of_colour(page, OUTLINE).any()


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (1200, 10), (90, 80), (2400, 300)])
def test_any_shape_finds_room(size: tuple[int, int]) -> None:
    odd = scene(3, size)
    whole = Alignment(0, (1, 0, 0, 0, 1, 0, 0, 0, 1), False, ((0, 0), (1, 0), (1, 1), (0, 1)), 1.0, 1.0)
    for other in (odd, scene(4)):
        edits = [Edit("flip", None, "mirrored left to right"), Edit("rotation", -12.0, "turned by 12° anticlockwise")]
        page = draw_evidence(panel(odd, "x" * 300), panel(other), "edited-copy", edits, whole, FIGURES)
        assert page.width == 1600
        assert page.height < 2000


def test_every_edit_has_its_words() -> None:
    from typing import get_args

    from yunmeng.schemas import EditOut
    from yunmeng.types import EditName

    assert set(get_args(EditName)) == set(get_args(EditOut.model_fields["name"].annotation))
    edits = [Edit(name, 0.5, "said in English") for name in get_args(EditName)]
    page = draw_evidence(panel(scene(1)), panel(scene(1)), "edited-copy", edits, None, {})
    assert page.height > draw_evidence(panel(scene(1)), panel(scene(1)), "edited-copy", edits[:1], None, {}).height
