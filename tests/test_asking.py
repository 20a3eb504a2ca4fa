"""Mixtures, regions, the subject, words and chances, through the library's face; the reference is plain NumPy."""

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.conftest import paint, write_pictures
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import QueryError, RecordNotFound
from yunmeng.library import Library
from yunmeng.search import QueryPart
from yunmeng.types import Band

Make = Callable[..., Path]
COUNT = 30


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> "Library":
    folder = tmp_path_factory.mktemp("asking")
    pictures = folder / "pictures"
    pictures.mkdir()
    for seed in range(COUNT):
        paint(seed).save(pictures / f"{seed:03}.png")
    Image.new("RGB", (60, 60), "red").save(pictures / "crimson wall.png")
    library = Library.create(
        folder / "library", FakeEncoder(reads_text=True), {"category": "str"}, Settings(cache_dir=folder)
    )
    library.index([pictures])
    library.set_attributes("004.png", {"category": "连衣裙", "note": "a summer dress"})
    return library


def vectors(library: Library) -> dict[str, np.ndarray]:
    return {record.id: record.vector for record in library.iterate(vectors=True) if record.vector is not None}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, COUNT - 1), st.floats(-3, 3).filter(lambda weight: abs(weight) > 0.05)),
        min_size=1,
        max_size=5,
    )
)
def test_a_mixture_is_the_weighted_sum_of_its_parts(filled: Library, parts: list[tuple[int, float]]) -> None:
    known = vectors(filled)
    total = sum(weight * known[f"{number:03}.png"] for number, weight in parts)
    assert isinstance(total, np.ndarray)
    length = float(np.linalg.norm(total))
    mix = [QueryPart(id=f"{number:03}.png", weight=weight) for number, weight in parts]
    if length < 1e-3:
        return
    unwanted = {f"{number:03}.png" for number, weight in parts if weight < 0}
    expected = {id: float(vector @ total) / length for id, vector in known.items() if id not in unwanted}
    hits = filled.search(mix=mix, k=100)
    assert {hit.id: hit.score for hit in hits} == pytest.approx(expected, abs=1e-4)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_a_mixture_of_all_kinds_of_parts(filled: Library) -> None:
    encoder, known = FakeEncoder(reads_text=True), vectors(filled)
    path = filled.get("001.png").uri
    total = known["001.png"] + 0.5 * encoder.encode_texts(["red"])[0] - 0.25 * known["002.png"] + 2 * known["003.png"]
    hits = filled.search(
        path,
        mix=[
            QueryPart(text="red", weight=0.5),
            QueryPart(id="002.png", weight=-0.25),
            QueryPart(vector=known["003.png"], weight=2),
        ],
        k=1,
    )
    best = max((id for id in known if id != "002.png"), key=lambda id: float(known[id] @ total))
    assert hits[0].id == best
    assert hits[0].score == pytest.approx(float(known[best] @ total) / np.linalg.norm(total), abs=1e-4)


def test_a_page_behind_an_unwanted_picture_misses_nothing(filled: Library) -> None:
    mix = [QueryPart(id="001.png"), QueryPart(id="002.png", weight=-0.1)]
    whole = [hit.id for hit in filled.search(mix=mix, k=10)]
    pages = [hit.id for offset in (0, 5) for hit in filled.search(mix=mix, k=5, offset=offset)]
    assert pages == whole
    assert "002.png" not in whole


def test_what_is_no_question(filled: Library) -> None:
    with pytest.raises(QueryError, match="cancel"):
        filled.search(mix=[QueryPart(id="001.png"), QueryPart(id="001.png", weight=-1)])
    with pytest.raises(QueryError, match="weight"):
        QueryPart(id="001.png", weight=0)
    with pytest.raises(QueryError, match="weight"):
        QueryPart(id="001.png", weight=float("nan"))
    with pytest.raises(QueryError, match="exactly one"):
        QueryPart(id="001.png", text="red")
    with pytest.raises(QueryError, match="region"):
        filled.search(text="red", region=(0, 0, 1, 1))
    with pytest.raises(RecordNotFound):
        filled.search(mix=[QueryPart(id="nobody")])
    with pytest.raises(QueryError, match=r"yunmeng reencode --regions"):
        filled.search(id="001.png", regions=True)
    with pytest.raises(QueryError, match="calibrate"):
        filled.search(id="001.png", min_chance=0.5)


def test_words_are_found_by_meaning_and_by_name(filled: Library) -> None:
    assert filled.reader.reads_text
    assert filled.search(text="red", k=1)[0].id == "crimson wall.png"
    assert filled.search(text="crimson", k=1)[0].id == "crimson wall.png"
    assert filled.search(text="连衣裙", k=1)[0].id == "004.png"
    assert filled.search(text="dress", k=1)[0].id == "004.png"
    hits = filled.search(text="crimson", k=5)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert 0 < hits[-1].score <= hits[0].score <= 1


def test_words_pass_the_filter_like_all_else(filled: Library) -> None:
    assert [hit.id for hit in filled.search(text="crimson", filter="category = '连衣裙'")] == ["004.png"]


def test_one_weighted_text_is_asked_by_meaning_alone(filled: Library) -> None:
    """A mixture has one embedding; names play no part in it."""
    hits = filled.search(mix=[QueryPart(text="red"), QueryPart(id="001.png", weight=0.01)], k=1)
    assert hits[0].id == "crimson wall.png"


def test_copies_of_every_picture_leave_the_chance_unknown(tmp_path: Path, settings: Settings) -> None:
    """The nearest stranger is then a copy, so nothing is told rather than nonsense, and it is not tried again."""
    (tmp_path / "pictures").mkdir()
    for seed in range(30):
        for copy in range(3):
            picture = paint(seed, (96, 96)).rotate(90 * copy)  # too far for fingerprints
            picture.save(tmp_path / "pictures" / f"{seed:03}-{copy}.png")
    constant = np.full((8, 8, 3), 90, np.uint8)

    class Blind(FakeEncoder):
        def prepare(self, picture: object) -> np.ndarray:
            return constant

    with Library.create(tmp_path / "library", Blind(), settings=settings) as library:
        library.index([tmp_path / "pictures"])
        assert not library.reader.calibrated
        assert library.search(id="005-0.png", k=1)[0].chance is None
        assert library.calibrate() is None
        library.maintenance.maintain()
    assert (tmp_path / "library" / "calibration.json").exists()


def test_chances_grow_with_the_score_and_cut(tmp_path: Path, settings: Settings) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for seed in range(80):
        paint(seed, (96, 96)).save(pictures / f"{seed:03}.png")
    with Library.create(tmp_path / "library", FakeEncoder(), settings=settings) as library:
        assert not library.reader.calibrated
        library.index([pictures])
        assert library.reader.calibrated
        hits = library.search(id="005.png", k=80)
        chances = [hit.chance for hit in hits]
        assert chances[0] is not None
        assert chances[0] > 0.95
        assert chances == sorted(chances, key=lambda chance: -(chance or 0))
        assert all(chance is not None and 0 <= chance <= 1 for chance in chances)
        middle = chances[3]
        assert middle is not None
        kept = library.search(id="005.png", k=80, min_chance=middle)
        assert [hit.id for hit in kept] == [hit.id for hit in hits if (hit.chance or 0) >= middle]
        assert library.search(mix=[QueryPart(id="005.png"), QueryPart(id="006.png")])[0].chance is None
        assert library.search(mix=[QueryPart(id="005.png"), QueryPart(id="006.png")])[0].band is None
        bands = [hit.band for hit in hits]
        assert bands[0] == "same"
        assert {"alike", "distant"} <= {*bands[1:]}
        assert [get_args(Band).index(band) for band in bands] == sorted(get_args(Band).index(band) for band in bands)
        assert library.search(id="005.png", region=(0, 0, 0.5, 0.5), k=1)[0].band is not None
        reordered = library.search(id="005.png", k=80, rerank="reciprocal")
        assert {hit.id: hit.band for hit in reordered} == {hit.id: hit.band for hit in hits}
        with pytest.raises(QueryError, match="whole single pictures"):
            library.search(mix=[QueryPart(id="005.png"), QueryPart(id="006.png")], min_chance=0.1)
    with Library.open(tmp_path / "library", FakeEncoder(), settings) as again:
        assert [hit.chance for hit in again.search(id="005.png", k=80)] == chances
        assert [hit.band for hit in again.search(id="005.png", k=80)] == bands


def test_a_library_from_before_learns_its_bands_when_it_is_asked(tmp_path: Path, settings: Settings) -> None:
    with Library.create(tmp_path / "library", FakeEncoder(), settings=settings) as library:
        library.index([write_pictures(tmp_path / "pictures", 60)])
        bands = [hit.band for hit in library.search(id="005.jpg", k=60)]
    learnt = tmp_path / "library" / "bands.json"
    learnt.unlink()
    with Library.open(tmp_path / "library", FakeEncoder(), settings) as library:
        assert [hit.band for hit in library.search(id="005.jpg", k=60)] == bands
        before = learnt.read_bytes()
        library.index([write_pictures(tmp_path / "few", 10, start=100)])
        assert learnt.read_bytes() == before
        library.index([write_pictures(tmp_path / "more", 20, start=200)])
        assert learnt.read_bytes() != before


def test_few_pictures_have_no_bands(tmp_path: Path, settings: Settings) -> None:
    with Library.create(tmp_path / "library", FakeEncoder(), settings=settings) as library:
        library.index([write_pictures(tmp_path / "pictures", 20)])
        assert library.search(id="005.jpg", k=1)[0].band is None
