"""Finding the originals of edited copies in a library."""

import io
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from tests.conftest import paint
from tests.copies.scenes import scene
from tests.needing import need
from yunmeng.config import Settings
from yunmeng.copies.score import Evidence, chance
from yunmeng.copies.search import Codes
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import FilterError, MissingExtra, PictureError, QueryError
from yunmeng.imaging import fingerprint, hamming
from yunmeng.library import Library
from yunmeng.search.metrics import codes_of_hex
from yunmeng.stores import MemoryStore
from yunmeng.types import Record

need("cv2", "faiss", extra="copies")

ORIGINALS = 12


def stock(library: Library, originals: Path) -> Library:
    """Scenes 0 to 11, as ``0.jpg`` and so on in the folder ``originals``."""
    originals.mkdir()
    for seed in range(ORIGINALS):
        scene(seed).save(originals / f"{seed}.jpg", quality=90)
    report = library.index([originals])
    assert report.indexed == ORIGINALS
    return library


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Iterator[Library]:
    """A library for all tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("stocked")
    settings = Settings(cache_dir=cache_dir, batch_size=4)
    with Library.create(folder / "library", FakeEncoder(), settings=settings) as library:
        yield stock(library, folder / "originals")


def compressed(image: Image.Image, quality: int = 12) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


def written_over(image: Image.Image) -> Image.Image:
    image = image.copy()
    ImageDraw.Draw(image).text((40, 100), "DO NOT COPY", "white", font_size=48, stroke_width=3, stroke_fill="black")
    return image


def set_into(image: Image.Image) -> Image.Image:
    ground = paint(77, (500, 400))
    ground.paste(image.resize((200, 150)), (260, 40))
    return ground


EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "none": lambda image: image,
    "compressed": compressed,
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(5)),
    "cut": lambda image: image.crop((60, 40, 300, 240)),
    "turned": lambda image: image.rotate(30, Image.Resampling.BICUBIC, expand=True),
    "upside down": lambda image: image.transpose(Image.Transpose.ROTATE_180),
    "mirrored": ImageOps.mirror,
    "grey": lambda image: image.convert("L").convert("RGB"),
    "framed": lambda image: ImageOps.expand(image, 60, "navy"),
    "written over": written_over,
    "stretched": lambda image: image.resize((500, 280)),
    "tiny": lambda image: image.resize((72, 54)),
    "set into another": set_into,
}


@pytest.mark.parametrize(("name", "seed"), list(zip(EDITS, itertools.cycle((2, 7)), strict=False)))
def test_the_original_of_an_edited_copy_comes_first(stocked: Library, name: str, seed: int) -> None:
    hits = stocked.match(EDITS[name](scene(seed)))
    assert hits[0].id.endswith(f"{seed}.jpg")
    assert hits[0].score > 0.8
    assert all(hit.score < 0.5 for hit in hits[1:])
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_another_colour_of_one_thing_is_found_and_told(stocked: Library) -> None:
    blue = Image.merge("RGB", scene(5).split()[::-1])
    first, *_ = stocked.match(blue)
    assert (first.id, first.recoloured) == ("5.jpg", True)
    assert not stocked.match(compressed(scene(5)))[0].recoloured


@pytest.mark.parametrize("seed", range(100, 104))
def test_strangers_have_no_likely_original(stocked: Library, seed: int) -> None:
    assert all(0 <= hit.score < 0.5 and hit.alignment is None for hit in stocked.match(scene(seed)))
    assert stocked.match(scene(seed), min_score=0.5) == []


@pytest.mark.parametrize("odd", [Image.new("RGB", (300, 200), "white"), Image.new("RGB", (1, 1)), paint(5, (2, 900))])
def test_pictures_that_show_nothing_match_nothing(stocked: Library, odd: Image.Image) -> None:
    assert all(hit.score < 0.5 for hit in stocked.match(odd))


def test_the_alignment_says_where_the_suspect_lies(stocked: Library) -> None:
    hit = stocked.match(ImageOps.mirror(scene(4)).crop((100, 75, 300, 225)))[0]
    assert hit.alignment is not None
    assert hit.alignment.mirrored
    assert hit.alignment.target_overlap == pytest.approx(0.25, abs=0.02)
    assert hit.alignment.query_overlap == pytest.approx(1, abs=0.02)


def test_the_alignment_of_a_picture_in_a_picture_is_of_the_whole_suspect(stocked: Library) -> None:
    hit = stocked.match(set_into(scene(4)))[0]
    assert hit.alignment is not None
    assert hit.alignment.query_overlap == pytest.approx(200 * 150 / (500 * 400), abs=0.02)
    assert hit.alignment.target_overlap == pytest.approx(1, abs=0.03)


def test_pictures_that_come_and_go_are_followed(stocked: Library, tmp_path: Path) -> None:
    suspect = scene(50).crop((40, 30, 380, 280))
    assert stocked.match(suspect, min_score=0.5) == []
    late = tmp_path / "late.jpg"
    scene(50).save(late, quality=90)
    stocked.index([late])
    found = stocked.match(suspect, min_score=0.5)
    assert [hit.uri for hit in found] == [str(late)]
    stocked.delete([found[0].id])
    assert stocked.match(suspect, min_score=0.5) == []


def test_filters_hold_for_every_way_of_finding(library: Library, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    lines = ["path,category"]
    for number, category in enumerate(["works", "works", "other"]):
        scene(9).save(tmp_path / f"{number}.jpg", quality=80 + number)
        lines.append(f"{number}.jpg,{category}")
    manifest.write_text("\n".join(lines))
    library.index(manifest=manifest)
    suspect = compressed(scene(9))
    assert {hit.attributes["category"] for hit in library.match(suspect, filter="category = 'works'")} == {"works"}
    assert len(library.match(suspect, filter="category = 'works'")) == 2
    assert library.match(suspect, filter="category = 'none'") == []
    with pytest.raises(FilterError):
        library.match(suspect, filter="colour = 'red'")


def test_where_originals_are_gone_fingerprint_and_vector_judge(library: Library, tmp_path: Path) -> None:
    stocked = stock(library, tmp_path / "originals")
    for file in (tmp_path / "originals").iterdir():
        file.unlink()
    hits = stocked.match(compressed(scene(3), 60))
    assert hits[0].id.endswith("3.jpg")
    assert hits[0].score > 0.5
    assert hits[0].alignment is None
    assert stocked.match(scene(103), min_score=0.5) == []


def test_k_counts_the_hits(stocked: Library) -> None:
    assert len(stocked.match(scene(1), k=1)) == 1
    assert len(stocked.match(scene(1), k=5)) == 5
    with pytest.raises(QueryError):
        stocked.match(scene(1), k=0)


def test_a_library_of_parts_finds_a_part(tmp_path: Path, encoder: FakeEncoder, settings: Settings) -> None:
    for seed in range(8):
        scene(seed).save(tmp_path / f"{seed}.jpg", quality=90)
    with Library.create(tmp_path / "parts", encoder, settings=settings, regions=True) as library:
        library.index(sorted(tmp_path.glob("*.jpg")))
        hits = library.match(scene(5).crop((0, 0, 150, 120)))
    assert hits[0].id.endswith("5.jpg")
    assert hits[0].score > 0.5


def test_an_empty_library_has_no_originals(library: Library) -> None:
    assert library.match(scene(1)) == []


def test_what_is_no_picture_is_refused(stocked: Library) -> None:
    with pytest.raises(PictureError):
        stocked.match(b"no picture")
    with pytest.raises(PictureError):
        stocked.match(np.zeros((4, 4), np.uint8))


@pytest.mark.parametrize("module", ["cv2", "faiss"])
def test_without_the_extra_the_command_that_installs_it_is_told(
    stocked: Library, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=r"yunmeng\[copies\]"):
        stocked.match(scene(1))


def test_codes_follow_a_store_through_random_changes() -> None:
    """Against distances worked out one by one."""
    random = np.random.default_rng(0)
    store = MemoryStore(32, {})
    vector = FakeEncoder().encode([np.asarray(scene(0))])[0]
    kept: dict[str, str] = {}
    codes = Codes(store)

    def write(id: str) -> None:
        kept[id] = random.bytes(32).hex()
        store.upsert([Record(id, id, "0" * 64, "0" * 16, kept[id], 1, 1, vector=vector)])

    for number in range(20):
        write(f"{number}")
    for round_ in range(60):
        id = str(int(random.integers(30)))
        if random.random() < 0.5:
            write(id)
        elif id in kept:
            del kept[id]
            store.delete([id])
        if round_ % 3 == 0:
            query = random.bytes(32).hex()
            found = codes.nearest(codes_of_hex([query]), 5)
            expected = sorted(hamming(query, other) for other in kept.values())[:5]
            assert [one.bits for one in found] == expected
            assert all(hamming(query, kept[one.id]) == one.bits for one in found)


def test_codes_are_those_of_the_fingerprint() -> None:
    prints = [fingerprint(np.asarray(scene(seed))).pdq for seed in range(2)]
    codes = codes_of_hex(prints)
    assert int(np.bitwise_count(codes[0] ^ codes[1]).sum()) == hamming(*prints)


def test_more_evidence_never_lowers_the_chance() -> None:
    weak = Evidence(0.5, 110, True, 0.1, 6, 0.2, 0.3)
    for stronger in (
        Evidence(0.9, 110, True, 0.1, 6, 0.2, 0.3),
        Evidence(0.5, 20, True, 0.1, 6, 0.2, 0.3),
        Evidence(0.5, 110, True, 0.9, 6, 0.2, 0.3),
        Evidence(0.5, 110, True, 0.1, 60, 0.2, 0.3),
        Evidence(0.5, 110, True, 0.1, 6, 0.9, 0.3),
    ):
        assert 0 <= chance(weak) <= chance(stronger) <= 1
    assert chance(Evidence(0.9, 20)) > chance(Evidence(0.5, 100))
