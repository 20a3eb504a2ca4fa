"""A library that keeps the parts of its pictures."""

from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import paint
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library


@pytest.fixture(scope="module")
def collages(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Pictures of four different ones each, in a row of two by two."""
    folder = tmp_path_factory.mktemp("collages")
    (folder / "pictures").mkdir()
    for number in range(8):
        sheet = Image.new("RGB", (400, 400), "white")
        for place in range(4):
            sheet.paste(paint(100 + number * 4 + place, (200, 200)), (200 * (place % 2), 200 * (place // 2)))
        sheet.save(folder / "pictures" / f"{number}.png")
    library = Library.create(
        folder / "library", FakeEncoder(dim=128), {"c": "str"}, Settings(cache_dir=folder), regions=True
    )
    library.index([folder / "pictures"])
    return library


def test_a_part_finds_its_picture_and_says_where_it_is(collages: Library) -> None:
    right = overlapping = 0
    for number in range(8):
        for place in range(4):
            hits = collages.search(paint(100 + number * 4 + place, (200, 200)), regions=True, k=3)
            assert len({hit.id for hit in hits}) == len(hits) == 3
            right += hits[0].id == f"{number}.png"
            region = hits[0].region
            assert region is not None
            assert min(region.x, region.y) >= 0
            assert max(region.x + region.w, region.y + region.h) <= 1 + 1e-6
            middle = (region.x + region.w / 2 > 0.5) + 2 * (region.y + region.h / 2 > 0.5)
            overlapping += hits[0].id == f"{number}.png" and middle == place
    assert right >= 24  # of 32; by chance it would be 4
    assert overlapping >= 20


def test_the_whole_picture_is_one_of_its_regions(collages: Library) -> None:
    hit = collages.search(id="3.png", regions=True, k=1)[0]
    assert (hit.id, hit.region) == ("3.png", (0, 0, 1, 1))
    assert hit.score == pytest.approx(1, abs=1e-5)


def test_without_regions_hits_have_none(collages: Library) -> None:
    assert collages.search(id="3.png")[0].region is None


def test_pages_of_regions_follow_each_other(collages: Library) -> None:
    whole = [hit.id for hit in collages.search(paint(100), regions=True, k=8)]
    assert sorted(whole) == [f"{number}.png" for number in range(8)]
    assert [h.id for o in (0, 3, 6) for h in collages.search(paint(100), regions=True, k=3, offset=o)] == whole


def test_filters_hold_for_regions_and_follow_changes(collages: Library) -> None:
    query = paint(100)
    assert collages.search(query, regions=True, filter="c = 'x'") == []
    collages.set_attributes("5.png", {"c": "x"})
    assert [hit.id for hit in collages.search(query, regions=True, filter="c = 'x'")] == ["5.png"]
    collages.set_attributes("5.png", {"c": "y"})
    assert collages.search(query, regions=True, filter="c = 'x'") == []


def test_what_is_deleted_has_no_regions_left(collages: Library) -> None:
    path = collages.get("7.png").uri
    assert collages.delete(["7.png"]) == 1
    assert "7.png" not in {hit.id for hit in collages.search(paint(128), regions=True, k=20)}
    collages.add(Path(path), id="7.png")
    assert collages.search(paint(128, (200, 200)), regions=True, k=1)[0].id == "7.png"


def test_a_copy_under_another_name_has_the_same_regions(collages: Library) -> None:
    collages.add(Path(collages.get("6.png").uri), id="copy")
    hits = collages.search(paint(124, (200, 200)), regions=True, k=2)
    assert {hit.id for hit in hits} == {"6.png", "copy"}
    assert hits[0].region == hits[1].region
    collages.delete(["copy"])
