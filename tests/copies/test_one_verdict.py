"""Match, compare and duplicates never contradict each other, whichever of the two is the suspect.

There are 300 pairs. Every seventh is tried, all kinds among them; ``--every-pair`` tries all, which takes minutes.
"""

import io
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from tests.copies.scenes import scene, smiling
from tests.duplicates.conftest import DIM, like, record
from tests.imaging.samples import photograph
from tests.needing import need
from yunmeng.apps.duplicates.search import find_duplicates
from yunmeng.copies import CopySearch, PreparedPicture, Verifier, verify
from yunmeng.encoders.crops import Views
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.imaging import decode, fingerprint
from yunmeng.stores import MemoryStore
from yunmeng.types import Record

need("cv2", "faiss", extra="copies")

SIZE: Final = (120, 90)
MAX_PIXELS: Final = 10**7


class PicturePair(NamedTuple):
    kind: str
    a: bytes
    b: bytes


def as_file(image: Image.Image, quality: int = 90) -> bytes:
    stream = io.BytesIO()
    image.convert("RGB").save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def captioned(image: Image.Image) -> Image.Image:
    image = image.copy()
    ImageDraw.Draw(image).text((8, 60), "SALE 50%", "yellow", font_size=18, stroke_width=1, stroke_fill="black")
    return image


def stickered(image: Image.Image) -> Image.Image:
    image = image.copy()
    ImageDraw.Draw(image).ellipse((75, 8, 105, 38), (255, 205, 30), (120, 90, 0), 2)
    return image


def set_into(image: Image.Image) -> Image.Image:
    ground = photograph(999, (180, 135))
    ground.paste(image, (45, 15))
    return ground


EDITS: Final[dict[str, Callable[[Image.Image], Image.Image]]] = {
    "as it is": lambda image: image,
    "cropped": lambda image: image.crop((14, 8, 112, 84)),
    "mirrored": ImageOps.mirror,
    "a quarter turned": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "turned": lambda image: image.rotate(9, Image.Resampling.BICUBIC, expand=True),
    "negative": ImageOps.invert,
    "grey": ImageOps.grayscale,
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(1.2)),
    "smaller": lambda image: image.resize((80, 60), Image.Resampling.LANCZOS),
    "stretched": lambda image: image.resize((120, 70), Image.Resampling.LANCZOS),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "framed": lambda image: ImageOps.expand(image, 12, "#1b3a2f"),
    "captioned": captioned,
    "stickered": stickered,
    "set into another": set_into,
}


def card(layout: int, seed: int) -> Image.Image:
    random = np.random.default_rng(seed)
    image = Image.new("RGB", (180, 120), ("#d9e7f5", "white", "#143c78", "#ffe14d")[layout % 4])
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 180, 22), ("#1e4a8c", "#222222", "#f0f0f0", "#d81e06")[layout % 4])
    ink = "white" if layout % 4 == 2 else "black"
    for row in range(3):
        draw.text((8, 30 + 27 * row), ("Name", "Number", "Total")[row], ink, font_size=14)
        draw.text((80, 30 + 27 * row), "".join(map(str, random.integers(0, 10, 7))), ink, font_size=17)
    return image


def frame_of_video(seed: int, time: int) -> Image.Image:
    """A still ground before which something moves."""
    image = photograph(seed, SIZE)
    image.paste(photograph(seed + 1, (40, 45)), (15 + time, 22))
    return image


def edited() -> Iterator[PicturePair]:
    for number, (name, edit) in enumerate(EDITS.items()):
        for seed in range(12):
            whole = (photograph if seed % 2 else scene)(100 * number + seed, SIZE)
            yield PicturePair(name, as_file(whole), as_file(edit(whole), 60 + 3 * seed))


def on_one_layout() -> Iterator[PicturePair]:
    for seed in range(25):
        other = card(seed, seed + 1000).resize((150, 100)) if seed % 5 == 4 else card(seed, seed + 1000)
        yield PicturePair("layout", as_file(card(seed, seed)), as_file(other))


def of_one_person() -> Iterator[PicturePair]:
    for seed in range(25):
        yield PicturePair(
            "person",
            as_file(photograph(seed, SIZE)),
            as_file(smiling(photograph(seed, SIZE), seed, by=3 + seed % 4, smooth=10)),
        )


def of_one_video() -> Iterator[PicturePair]:
    for seed in range(20):
        yield PicturePair(
            "video", as_file(frame_of_video(2 * seed, 0)), as_file(frame_of_video(2 * seed, 1 + seed % 3))
        )


def strangers() -> Iterator[PicturePair]:
    for seed in range(10):
        yield PicturePair("strangers", as_file(photograph(seed, SIZE)), as_file(photograph(seed + 500, SIZE)))
        one, other = (photograph(seed, SIZE) for _ in range(2))
        for ground, inside in ((one, 700), (other, 800)):
            ground.paste(photograph(seed + inside, (84, 68)), (18, 11))
        yield PicturePair("one place", as_file(one), as_file(other))


def plain() -> Iterator[PicturePair]:
    for seed in range(20):
        shade = np.linspace(seed, 180 + 3 * seed, SIZE[0]).astype(np.uint8)[None].repeat(SIZE[1], 0)
        other = shade + np.uint8(seed) if seed % 2 else shade[:, ::-1]
        yield PicturePair(
            "plain", as_file(Image.fromarray(shade)), as_file(Image.fromarray(np.ascontiguousarray(other)))
        )


def recoloured(image: Image.Image) -> Image.Image:
    luma, blue, red = image.convert("YCbCr").split()
    return Image.merge("YCbCr", (luma, red, ImageOps.invert(blue))).convert("RGB")


def in_other_colours() -> Iterator[PicturePair]:
    for seed in range(10):
        yield PicturePair("other colours", as_file(photograph(seed, SIZE)), as_file(recoloured(photograph(seed, SIZE))))


FAMILIES: Final = {
    family.__name__: family
    for family in (edited, on_one_layout, of_one_person, of_one_video, strangers, plain, in_other_colours)
}
COPIES: Final = {"edited", "plain", "in_other_colours"}
"""Families of pairs that have one picture in them; the others have two."""


def test_there_are_three_hundred() -> None:
    assert sum(len(list(family())) for family in FAMILIES.values()) == 300


def match(pair: PicturePair) -> float:
    """Return the score that b's candidate a gets, 0 where it is none."""
    encoder = FakeEncoder()
    pixels = decode(pair.a).pixels
    found = fingerprint(pixels)
    vector = encoder.encode([pixels])[0]
    with MemoryStore(encoder.spec.dim, {}) as store:
        store.upsert([Record("a", "a", "0" * 64, found.phash, found.pdq, *SIZE, vector=vector)])
        verifier = Verifier(lambda _: pair.a, max_pixels=MAX_PIXELS)
        views = Views(encoder, max_pixels=MAX_PIXELS)
        hits = CopySearch(store, lambda: encoder, lambda: views, lambda: verifier, MAX_PIXELS).match(pair.b, 1, None, 0)
    return hits[0].score if hits else 0.0


def grouped(pair: PicturePair) -> bool:
    """Return whether duplicates calls the two the same; their vectors are close, so that it looks at them."""
    random = np.random.default_rng(0)
    pictures = {"a": pair.a, "b": pair.b}
    records = {id: record(id, random, pdq=fingerprint(decode(data).pixels).pdq) for id, data in pictures.items()}
    vector = records["a"].vector
    assert vector is not None
    records["b"] = replace(records["b"], vector=like(vector, 0.9, random))
    with MemoryStore(DIM, {}) as store, tempfile.TemporaryDirectory() as scratch:
        store.upsert(list(records.values()))
        report = find_duplicates(store, DIM, pictures.__getitem__, Path(scratch), max_pixels=MAX_PIXELS)
    return any(len(group.members) == 2 for group in report.groups)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_three_agree(family: str, pytestconfig: pytest.Config) -> None:
    contradictions, turned, strangers = [], [], 0
    pairs = list(islice(FAMILIES[family](), 0, None, 1 if pytestconfig.getoption("--every-pair") else 7))
    for number, pair in enumerate(pairs):
        a, b = (PreparedPicture(decode(data)) for data in (pair.a, pair.b))
        found = verify(b, a)
        strangers += not found.is_copy
        score, same = match(pair), grouped(pair)
        if (score >= 0.5) != found.is_copy or same != (found.is_copy and not found.recoloured):
            contradictions.append((number, pair.kind, found, score, same))
        if number % 4 == 0:
            back = verify(a, b)
            turned.append(back == replace(found, alignment=back.alignment) and back.is_copy == found.is_copy)
    assert contradictions == []
    assert all(turned)
    if family in COPIES:
        assert strangers <= (family == "plain")  # of two plain pictures, one may show too little
    else:
        assert strangers == len(pairs)
