"""What was done to a picture is told, and how much, and nothing is told that was not done."""

import io
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from tests.copies.scenes import mapped, scene, seen_through
from tests.needing import need
from yunmeng.copies import Edit, PreparedPicture, edits_between, verify
from yunmeng.copies.photometric import overlaid
from yunmeng.copies.registration import superpose
from yunmeng.copies.transform import placing
from yunmeng.errors import MissingExtra
from yunmeng.imaging import Picture
from yunmeng.types import Alignment

need("cv2", extra="copies")
need("skimage", extra="demo")

ORIGINAL = scene(1, (480, 360))
CORNERS = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
BICUBIC = Image.Resampling.BICUBIC
WHOLE = Alignment(0, (1, 0, 0, 0, 1, 0, 0, 0, 1), False, ((0, 0), (1, 0), (1, 1), (0, 1)), 1.0, 1.0)


def picture(image: Image.Image) -> Picture:
    return Picture(image.convert("RGB"), image.width, image.height, "PNG")


class Told(NamedTuple):
    alignment: Alignment | None
    edits: tuple[Edit, ...]


def told(copy: Picture, original: Picture) -> Told:
    pair = PreparedPicture(copy), PreparedPicture(original)
    found = verify(*pair)
    return Told(found.alignment, edits_between(*pair, found))


def judged(copy: Image.Image, original: Image.Image = ORIGINAL) -> Told:
    return told(picture(copy), picture(original))


def names(found: Told) -> set[str]:
    return {edit.name for edit in found.edits}


def amount(found: Told, name: str) -> float:
    (value,) = [edit.amount for edit in found.edits if edit.name == name]
    assert value is not None
    return value


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


def text_on(image: Image.Image) -> Image.Image:
    marked = image.copy()
    ImageDraw.Draw(marked).text((150, 140), "SAMPLE", "white", font_size=48)
    return marked


def noisy(image: Image.Image) -> Image.Image:
    noise = np.random.default_rng(0).normal(0, 25, (image.height, image.width, 3))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


def inset_in(image: Image.Image) -> Image.Image:
    ground = scene(9, (640, 480))
    ground.paste(image.resize((288, 216), Image.Resampling.LANCZOS), (300, 40))
    return ground


def aslant(image: Image.Image) -> Image.Image:
    homography = np.array([(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.35, 1.0)])
    return seen_through(image, np.array([(1, 0.175, 0), (0, 1.35, 0), (0, 0, 1.0)]) @ homography, image.size)


@pytest.mark.parametrize(
    ("done", "edits"),
    [
        (lambda image: image, {}),
        (lambda image: jpeg(image, 40), {}),
        (lambda image: image.crop((60, 40, 420, 310)), {"crop": 360 * 270 / (480 * 360)}),
        (ImageOps.mirror, {"flip": None}),
        (ImageOps.flip, {"flip": None}),
        (lambda image: image.rotate(-25, BICUBIC, expand=True), {"rotation": 25.0}),
        (lambda image: image.rotate(12, BICUBIC), {"rotation": -12.0}),
        (lambda image: image.rotate(90, expand=True), {"rotation": -90.0}),
        (lambda image: image.rotate(180), {"rotation": 180.0}),
        (lambda image: image.resize((240, 180)), {"scale": 0.5}),
        (lambda image: image.resize((960, 720)), {"scale": 2.0}),
        (lambda image: image.resize((360, 360)), {"stretch": 0.75}),
        (lambda image: image.resize((480, 250)), {"stretch": 360 / 250}),
        (aslant, {"perspective": None}),
        (lambda image: ImageOps.expand(image, 40, (250, 240, 230)), {"inset": 480 * 360 / (560 * 440)}),
        (inset_in, {"inset": 288 * 216 / (640 * 480)}),
        (lambda image: ImageEnhance.Brightness(image).enhance(0.7), {"colour": None}),
        (lambda image: ImageEnhance.Color(image).enhance(0.4), {"colour": None}),
        (lambda image: image.convert("L"), {"grey": None}),
        (lambda image: image.filter(ImageFilter.GaussianBlur(3)), {"blur": 3.0}),
        (noisy, {"noise": None}),
        (text_on, {"overlay": None}),
        (lambda image: ImageOps.mirror(image).crop((50, 50, 430, 320)), {"crop": None, "flip": None}),
        (lambda image: text_on(image).rotate(30, BICUBIC, expand=True), {"overlay": None, "rotation": 30.0 - 60}),
        (lambda image: inset_in(image.convert("L").convert("RGB")), {"inset": None, "grey": None}),
    ],
)
def test_each_edit_is_named_and_no_other(
    done: Callable[[Image.Image], Image.Image], edits: dict[str, float | None]
) -> None:
    found = judged(done(ORIGINAL))
    assert found.alignment is not None
    assert names(found) == set(edits)
    for name, expected in edits.items():
        if expected is not None:
            said = amount(found, name)
            close = math.isclose(abs(said), abs(expected), abs_tol=0.5) if name == "rotation" else None
            close = (
                close if close is not None else math.isclose(said, expected, rel_tol=0.25 if name == "blur" else 0.02)
            )
            assert close, (name, said, expected)
            if name == "rotation" and abs(expected) < 170:
                assert math.copysign(1, said) == math.copysign(1, expected)


def test_the_detail_says_it_to_people() -> None:
    found = judged(ImageOps.mirror(ORIGINAL.crop((60, 40, 420, 310))).rotate(-90, expand=True))
    assert [edit.detail for edit in found.edits] == [
        "cropped: shows 56% of the original",
        "mirrored left to right",
        "turned by 90° clockwise",
    ]


def test_the_scale_is_that_of_the_files_not_of_what_was_decoded() -> None:
    reduced = ORIGINAL.resize((240, 180))
    whole, decoded = Picture(ORIGINAL, 480, 360, "PNG"), Picture(reduced, 480, 360, "JPEG")
    assert told(decoded, whole).edits == ()
    assert amount(told(whole, Picture(reduced, 960, 720, "JPEG")), "scale") == pytest.approx(0.5)


def test_strangers_are_no_copies() -> None:
    for seed in range(2, 6):
        found = judged(scene(seed, (480, 360)))
        assert (found.alignment, found.edits) == (None, ())


def test_another_photograph_of_the_same_things_is_no_copy() -> None:
    import skimage

    left, right = (
        Image.open(Path(skimage.__file__).parent / "data" / f"motorcycle_{side}.png").convert("RGB").resize((741, 500))
        for side in ("left", "right")
    )
    assert judged(right, left).alignment is None
    assert names(judged(left.crop((100, 50, 700, 450)), left)) == {"crop"}


def test_other_colours_of_one_thing_are_told_apart_from_a_tint() -> None:
    assert names(judged(Image.merge("RGB", ORIGINAL.split()[::-1]))) == {"recoloured"}
    assert names(judged(ImageEnhance.Color(ORIGINAL).enhance(0.4))) == {"colour"}


def flat(colour: str, spot: tuple[int, int] | None = None) -> Image.Image:
    image = Image.new("RGB", (200, 150), colour)
    if spot is not None:
        image.paste("black", (*spot, spot[0] + 9, spot[1] + 9))
    return image


def shade(low: int, high: int) -> Image.Image:
    return Image.fromarray(np.linspace(low, high, 200).astype(np.uint8)[None].repeat(150, 0)).convert("RGB")


@pytest.mark.parametrize(
    ("a", "b", "copy"),
    [
        (flat("white"), flat("white"), True),
        (flat("white"), flat("red"), False),
        (flat("white"), flat("white", (20, 20)), False),
        (flat("white", (20, 20)), flat("white", (20, 20)), True),
        (flat("white", (20, 20)), flat("white", (120, 90)), False),
        (shade(0, 255), shade(0, 255), True),
        (shade(0, 255), shade(60, 200), False),
        (shade(0, 255), flat("gray"), False),
    ],
)
def test_plain_pictures_are_the_same_only_where_they_look_alike(a: Image.Image, b: Image.Image, copy: bool) -> None:
    assert (judged(a, b).alignment is not None) is copy


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (3, 2), (17, 4), (2000, 20)])
def test_odd_sizes_are_held_against_anything(size: tuple[int, int]) -> None:
    odd = scene(3, size)
    assert judged(odd, odd).alignment is not None
    for one, other in ((odd, ORIGINAL), (ORIGINAL, odd)):
        judged(one, other)  # an answer, whatever it is


def test_without_the_extra_whole_frames_are_still_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert names(judged(ImageOps.mirror(ORIGINAL))) == {"flip"}
    assert names(judged(jpeg(ORIGINAL, 40))) == set()
    assert names(judged(noisy(ORIGINAL))) == {"noise"}
    with pytest.raises(MissingExtra, match=r"yunmeng\[copies\]"):
        judged(ORIGINAL.crop((60, 40, 420, 310)))


def test_what_lies_over_a_picture_is_found_where_it_is() -> None:
    marked = ORIGINAL.copy()
    marked.paste("yellow", (300, 100, 360, 160))
    areas = overlaid(superpose(np.asarray(ImageEnhance.Brightness(marked).enhance(0.9)), np.asarray(ORIGINAL), WHOLE))
    assert areas.max() == 1
    rows, columns = np.nonzero(areas)
    height, width = areas.shape
    box = np.array([columns.min() / width * 480, rows.min() / height * 360, columns.max() / width * 480])
    assert box == pytest.approx([300, 100, 360], abs=5)
    assert (areas > 0).mean() == pytest.approx(60 * 60 / (480 * 360), rel=0.15)


@settings(max_examples=60, deadline=None)
@given(
    angle=st.floats(-44, 44),
    mirrored=st.booleans(),
    across=st.floats(0.4, 2),
    down=st.floats(0.4, 2),
    shift=st.tuples(st.floats(-60, 60), st.floats(-60, 60)),
)
def test_a_transform_is_taken_apart_into_what_made_it(
    angle: float, mirrored: bool, across: float, down: float, shift: tuple[float, float]
) -> None:
    original, copy = (400, 300), (500, 420)
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    if mirrored:
        across = down  # stretched, turned and mirrored: several ways to do it lead to the same
    centre = np.array([(1, 0, -200), (0, 1, -150), (0, 0, 1.0)])
    stretch = np.diag([-across if mirrored else across, down, 1.0])
    turn = np.array([(cosine, -sine, 250 + shift[0]), (sine, cosine, 210 + shift[1]), (0, 0, 1.0)])
    onto_copy = turn @ stretch @ centre
    # An alignment leads the other way, in fractions, and from the mirrored copy.
    mirror = np.array([(-1.0, 0, 1), (0, 1, 0), (0, 0, 1)]) if mirrored else np.eye(3)
    whole = np.diag([1 / 400, 1 / 300, 1]) @ np.linalg.inv(onto_copy) @ np.diag([500, 420, 1.0]) @ mirror
    alignment = Alignment(9, tuple(whole.ravel().tolist()), mirrored, tuple(map(tuple, CORNERS.tolist())), 1.0, 1.0)
    place = placing(alignment, copy, original)
    assert (place.mirrored != "") is mirrored
    assert place.slant == pytest.approx(0, abs=1e-9)
    assert place.angle == pytest.approx(angle, abs=1e-6 if across == down else 45 * abs(math.log(across / down)))
    if abs(angle) < 1e-9 or across == down:
        assert place.scales == pytest.approx((across, down))
    corners = mapped(onto_copy, CORNERS * original) / copy
    low, high = corners.min(axis=0).clip(0, 1), corners.max(axis=0).clip(0, 1)
    assert place.margins == pytest.approx((low[0], low[1], 1 - high[0], 1 - high[1]), abs=1e-9)
