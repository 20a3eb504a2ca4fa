"""What pictures show decides, where their records do not."""

import io
import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from tests.duplicates.conftest import Find, ids, like, record
from tests.imaging.samples import photograph
from tests.needing import need
from yunmeng.apps.duplicates.framing import share_within_frame
from yunmeng.copies import PreparedPicture, align, local_features, verify
from yunmeng.imaging import Picture

need("faiss", "cv2", extra="copies")


def as_file(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=85)
    return stream.getvalue()


def sheltered(seed: int, other: int) -> Image.Image:
    """The picture ``seed``, with another one in its middle."""
    image = photograph(seed, (480, 360))
    image.paste(photograph(other, (340, 260)), (70, 50))
    return image


def titled(image: Image.Image) -> Image.Image:
    ImageDraw.Draw(image).text((20, 20), "NEW IN", fill="white", font_size=70)
    return image


EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "cropped": lambda image: image.crop((40, 30, 420, 340)),
    "mirrored": ImageOps.mirror,
    "turned": lambda image: image.rotate(8, Image.Resampling.BICUBIC, expand=True),
    "tinted": lambda image: ImageEnhance.Color(image).enhance(1.5),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "small": lambda image: image.resize((240, 180)),
    "titled": titled,
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(1)),
}


def are_copies(one: Image.Image, other: Image.Image) -> bool:
    pair = [PreparedPicture(Picture(image, image.width, image.height, "")) for image in (one, other)]
    return verify(*pair).is_copy


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_copy_is_one_with_its_original(edit: str) -> None:
    original = photograph(3, (480, 360))
    assert are_copies(EDITS[edit](original.copy()), original)


def test_another_thing_in_the_same_place_is_no_copy() -> None:
    """The surroundings align and agree; the thing itself does not."""
    one, other = sheltered(1, 7), sheltered(1, 8)
    assert align(local_features(one), local_features(other)) is not None
    assert not are_copies(one, other)


@pytest.mark.parametrize("colour", ["white", "#1b3a2f"])
def test_a_frame_makes_no_picture_the_largest(colour: str, find: Find, random: np.random.Generator) -> None:
    original, small = record("original", random, width=480, height=360), record("small", random, width=240, height=180)
    assert original.vector is not None
    framed = record("framed", random, width=600, height=480, vector=like(original.vector, 0.9, random))
    small = replace(small, vector=like(original.vector, 0.9, random))
    picture = photograph(3, (480, 360))
    files = {
        "original": as_file(picture),
        "framed": as_file(ImageOps.expand(picture, 60, colour)),
        "small": as_file(picture.resize((240, 180))),
    }
    records = [small, framed, original, *(record(f"x{number}", random) for number in range(20))]
    assert find(records, files.__getitem__).groups[0].keep == "original"
    rest = [one for one in records if one is not original]
    assert find(rest, files.__getitem__).groups[0].keep == "framed"  # it shows more than the small one


def test_frames_are_looked_for_once_in_each_file_and_until_it_is_stopped(
    find: Find, random: np.random.Generator
) -> None:
    original = record("original", random, width=480, height=360)
    assert original.vector is not None
    framed = record("framed", random, width=600, height=480, vector=like(original.vector, 0.9, random))
    files = {"original": as_file(photograph(3, (480, 360)))}
    files["framed"] = as_file(ImageOps.expand(photograph(3, (480, 360)), 60, "white"))
    records = [original, framed, *(replace(framed, id=f"framed-{number}") for number in range(30))]
    read: list[str] = []
    stop = threading.Event()

    def reading(id: str) -> bytes:
        read.append(id)
        return files[id.partition("-")[0]]

    def stopping(id: str) -> bytes:
        if len(read) > 2:  # both were verified
            stop.set()
        return reading(id)

    assert find(records, reading).groups[0].keep == "original"
    assert len(read) == 4  # to be verified, to look for frames
    read.clear()
    report = find(records, stopping, stop=stop)
    assert (report.interrupted, report.groups) == (True, [])


def test_what_lies_on_a_plain_ground_has_no_frame() -> None:
    thing = Image.new("RGB", (400, 300), "white")
    ImageDraw.Draw(thing).ellipse((80, 40, 320, 260), fill=(200, 40, 40))
    assert share_within_frame(thing) == 1
    assert share_within_frame(Image.new("RGB", (400, 300), "white")) == 1
    assert share_within_frame(Image.new("RGB", (3, 1))) == 1
    assert share_within_frame(photograph(3)) == 1


def test_two_colours_are_no_group_though_a_grey_picture_is_a_copy_of_both(
    find: Find, random: np.random.Generator
) -> None:
    original = photograph(3, (480, 360))
    blue = Image.merge("RGB", original.split()[::-1])
    files = {"red": as_file(original), "blue": as_file(blue), "grey": as_file(original.convert("L"))}
    grey = record("grey", random)
    assert grey.vector is not None
    beside = {id: record(id, random, vector=like(grey.vector, 0.95, random)) for id in ("red", "blue")}
    for id in beside:  # each alone with it is a pair
        assert ids(find([grey, beside[id]], files.__getitem__)) == [sorted(["grey", id])]
    together = ids(find([grey, *beside.values()], files.__getitem__))
    assert together in ([["grey", "red"]], [["blue", "grey"]])


def test_close_vectors_are_believed_only_after_a_look(find: Find, random: np.random.Generator) -> None:
    one, other = record("one", random), record("other", random)
    assert one.vector is not None
    assert other.vector is not None
    records = [
        one,
        record("one-copy", random, vector=like(one.vector, 0.9, random)),
        other,
        record("other-like", random, vector=like(other.vector, 0.98, random)),
        *(record(f"x{number}", random) for number in range(20)),
    ]
    files = {
        "one": as_file(photograph(3, (480, 360))),
        "one-copy": as_file(EDITS["cropped"](photograph(3, (480, 360)))),
        "other": as_file(sheltered(1, 7)),
        "other-like": as_file(sheltered(1, 8)),
    }
    report = find(records, files.__getitem__)
    assert ids(report) == [["one", "one-copy"]]
    assert [member.reason for member in report.groups[0].members] == ["edited-copy"] * 2
    assert ids(find(records)) == [["other", "other-like"]]  # unseen, vectors are all there is
