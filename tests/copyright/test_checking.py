"""Pictures are checked against registered works, and only these."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from pytest_httpserver import HTTPServer

from tests.imaging.samples import photograph
from tests.needing import need
from yunmeng.apps.copyright import Works
from yunmeng.errors import PictureError, QueryError
from yunmeng.library import Library
from yunmeng.types import Failure

need("cv2", "faiss", extra="copies")


def file(image: Image.Image, quality: int = 90) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


@pytest.fixture
def shop(library: Library) -> Library:
    """A library of eight photographs."""
    for seed in range(8):
        library.add(file(photograph(seed, (240, 180)), 20 if seed == 0 else 90), id=f"work-{seed}")
    return library


def test_a_copy_is_traced_to_its_owner(shop: Library, works: Works) -> None:
    for seed in range(4):
        works.register(shop.get(f"work-{seed}"), owner=f"Owner {seed}", licence="CC0")
    suspect = file(ImageOps.mirror(photograph(2, (240, 180)).crop((10, 10, 230, 170))))
    (match,) = works.check(suspect, k=5)
    assert (match.work.number, match.work.details.owner, match.verdict) == (3, "Owner 2", "edited-copy")
    assert {"flip", "crop"} <= {edit.name for edit in match.edits}
    assert match.chance >= 0.5
    assert works.check(file(photograph(9, (240, 180)))) == []
    (same,) = works.check(shop.get("work-1"))
    assert (same.work.number, same.verdict) == (2, "same-file")


def test_other_pictures_take_no_works_place(shop: Library, works: Works) -> None:
    for number in range(40):
        shop.add(file(photograph(0, (240, 180)), 95 - number % 3) + bytes(number), id=f"near-{number}")
    for seed in range(8):
        works.register(shop.get(f"work-{seed}"), owner="Lin")
    suspect = file(photograph(0, (240, 180)), 95)
    assert "work-0" not in [hit.id for hit in shop.match(suspect, k=5)]
    (match,) = works.check(suspect, k=5)
    assert match.id == "work-0"
    assert len(works.check(suspect, k=3, min_chance=0)) == 3


def test_what_is_registered_or_withdrawn_counts_at_once(shop: Library, works: Works) -> None:
    suspect = file(photograph(5, (240, 180)), 70)
    assert works.check(suspect) == []
    number = works.register(shop.get("work-5"), owner="Lin").number
    assert [match.work.number for match in works.check(suspect)] == [number]
    works.correct(number, owner="Wang")
    assert [match.work.details.owner for match in works.check(suspect)] == ["Wang"]
    works.withdraw(number)
    assert works.check(suspect) == []


def test_works_whose_picture_is_gone_are_told(shop: Library, works: Works) -> None:
    for seed in (0, 1):
        works.register(shop.get(f"work-{seed}"), owner="Lin")
    assert list(works.absent()) == []
    shop.delete("work-1")
    assert [work.number for work in works.absent()] == [2]
    assert works.check(file(photograph(1, (240, 180)), 70)) == []


def test_a_work_whose_file_is_gone_is_still_found(library: Library, works: Works, tmp_path: Path) -> None:
    place = tmp_path / "work.jpg"
    place.write_bytes(file(photograph(1, (240, 180))))
    works.register(place, owner="Lin")
    place.unlink()
    (match,) = works.check(file(photograph(1, (240, 180)), 80), min_chance=0)
    assert (match.work.number, match.verdict) == (1, None)


def test_what_cannot_be_checked_is_told(works: Works) -> None:
    with pytest.raises(PictureError):
        works.check(b"no picture")
    with pytest.raises(QueryError):
        works.check(file(Image.fromarray(np.zeros((32, 32, 3), np.uint8))), k=0)


def test_a_folder_and_a_list_of_urls_are_checked(
    shop: Library, works: Works, tmp_path: Path, httpserver: HTTPServer
) -> None:
    works.register(shop.get("work-3"), owner="Lin")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "copy.jpg").write_bytes(file(photograph(3, (240, 180)), 60))
    (tmp_path / "folder" / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    httpserver.expect_request("/copy.jpg").respond_with_data(file(photograph(3, (240, 180)), 50))
    httpserver.expect_request("/stranger.jpg").respond_with_data(file(photograph(9, (240, 180))))
    urls = [httpserver.url_for(f"/{name}.jpg") for name in ("copy", "stranger", "nowhere")]
    (tmp_path / "urls.txt").write_text("\n".join(urls), encoding="utf-8")
    found = dict(works.check_all([tmp_path / "folder", tmp_path / "urls.txt"]))
    copies = {name for name, answer in found.items() if isinstance(answer, list) and answer}
    failed = {name for name, answer in found.items() if isinstance(answer, Failure)}
    assert {Path(name).name for name in copies} == {"copy.jpg"}
    assert len(copies) == 2
    assert {Path(name).name for name in failed} == {"broken.jpg", "nowhere.jpg"}
    assert len(found) == 5


def test_checking_again_with_features_in_memory_finds_the_same(shop: Library, works: Works) -> None:
    for seed in range(8):
        works.register(shop.get(f"work-{seed}"), owner="Lin")
    suspect = file(photograph(4, (240, 180)).rotate(30, expand=True))
    first = works.check(suspect, k=5, min_chance=0)
    assert works.check(suspect, k=5, min_chance=0) == first == Works(shop).check(suspect, k=5, min_chance=0)
