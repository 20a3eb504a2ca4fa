"""Why a picture is a hit: heat maps, words in common, and what is said where there are none."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import CommandLine
from yunmeng.config import Settings
from yunmeng.encoders.catalogue import load
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.imaging.heat import glow
from yunmeng.library import Library
from yunmeng.types import HeatMap, Region


def halved(left: str, right: str) -> Image.Image:
    picture = Image.new("RGB", (80, 80), left)
    picture.paste(right, (40, 0, 80, 80))
    return picture


@pytest.fixture
def library(tmp_path: Path, settings: Settings) -> Library:
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.new("RGB", (80, 80), "red").save(folder / "red.png")
    halved("red", "blue").save(folder / "half.png")
    halved("lime", "lime").save(folder / "lime.png")
    (folder / "all.csv").write_text("path,title\nred.png,红色连衣裙 silk\nhalf.png,a red dress\n", encoding="utf-8")
    library = Library.create(tmp_path / "library", FakeEncoder(reads_text=True), {"title": "str"}, settings=settings)
    library.index([folder], manifest=folder / "all.csv")
    return library


def test_places_that_are_alike_are_hot_on_both_sides(library: Library) -> None:
    found = library.why("half.png", id="red.png")
    assert found.hit is not None
    assert found.query is not None
    assert (found.hit.region, found.query.region) == (Region(0, 0, 1, 1), Region(0, 0, 1, 1))
    hit, query = np.array(found.hit.rows), np.array(found.query.rows)
    assert hit.shape == query.shape == (8, 8)
    assert hit[:, :3].min() > hit[:, 5:].max()
    assert np.ptp(query) < 0.01
    assert max(hit.max(), query.max()) == pytest.approx(1)
    assert found.score == pytest.approx(library.search(id="red.png", k=3)[1].score, abs=1e-5)


def test_the_map_of_a_region_covers_the_region(library: Library) -> None:
    found = library.why("red.png", id="half.png", region=(0.0, 0.0, 0.5, 1.0))
    assert found.query is not None
    assert found.query.region == Region(0, 0, 0.5, 1)
    assert np.array(found.query.rows).min() > 0.9


def test_what_is_far_from_alike_does_not_glow(library: Library) -> None:
    found = library.why("lime.png", id="red.png")
    assert found.hit is not None
    assert np.array(found.hit.rows).max() < 0.9


def test_words_have_a_map_of_the_hit_alone_and_name_what_is_in_common(library: Library) -> None:
    found = library.why("half.png", text="red")
    assert found.hit is not None
    hit = np.array(found.hit.rows)
    assert hit[:, :3].min() > hit[:, 5:].max()
    assert (found.query, found.score, found.band, found.chance) == (None, None, None, None)
    assert found.words == ("red",)
    assert library.why("red.png", text="一件红色连衣裙 and silk").words == ("红色连衣裙", "silk")
    assert library.why("half.png", id="red.png").words == ()


def test_an_encoder_without_places_gives_no_maps(tmp_path: Path, settings: Settings, library: Library) -> None:
    class Blind(FakeEncoder):
        embed_places = None  # type: ignore[assignment]

    class Unmapped(FakeEncoder):
        def embed_places(self, batch: object) -> None:  # type: ignore[override]
            return None

    for number, encoder in enumerate((Blind(), Unmapped())):
        with Library.create(tmp_path / str(number), encoder, settings=settings) as other:
            other.index([tmp_path / "pictures"])
            found = other.why("half.png", id="red.png")
            assert (found.hit, found.query) == (None, None)
            assert found.score is not None


def test_the_places_of_the_built_in_network_are_in_the_space_of_its_embeddings(settings: Settings) -> None:
    encoder = load("efficientnet-lite0", settings)
    plain = np.full((224, 224, 3), 128, np.uint8)
    textured = plain.copy()
    textured[:, :112] = np.random.default_rng(0).integers(0, 256, (224, 112, 3), dtype=np.uint8)
    places = encoder.embed_places([textured, plain])  # type: ignore[attr-defined]
    assert places.shape == (2, 7, 7, 512)
    np.testing.assert_allclose(np.linalg.norm(places, axis=-1), 1, atol=1e-4)
    whole = encoder.encode([textured[:, :112]])[0]
    heat = places[0] @ whole
    assert heat[:, :3].mean() > heat[:, 4:].mean() + 0.1


def test_what_is_hot_keeps_its_colours() -> None:
    pixels = np.full((40, 80, 3), (200, 100, 50), np.uint8)
    heat = HeatMap(Region(0.0, 0.0, 0.5, 1.0), ((1.0,),))
    drawn = np.asarray(glow(pixels, heat))
    assert drawn.shape == pixels.shape
    assert tuple(drawn[20, 10]) == (200, 100, 50)
    assert drawn[20, 70].max() < 60


def test_the_command_tells_and_draws(yunmeng: CommandLine, tmp_path: Path) -> None:
    folder = yunmeng.folder / "pictures"
    folder.mkdir()
    halved("red", "blue").save(folder / "half.png")
    Image.new("RGB", (80, 80), "red").save(folder / "red.png")
    assert yunmeng("index", folder, "--db", "db", "--encoder", "efficientnet-lite0").returncode == 0
    done = yunmeng("why", folder / "red.png", "half.png", "--db", "db", "--output", "why.png", "--json")
    assert done.returncode == 0, done.stderr
    import json

    told = json.loads(done.stdout)
    assert (told["id"], told["words"], len(told["hit"]["rows"])) == ("half.png", [], 7)
    with Image.open(yunmeng.folder / "why.png") as drawn:
        assert drawn.width > drawn.height
    done = yunmeng("why", folder / "red.png", "half.png", "--db", "db")
    assert "likeness" in done.stdout
    done = yunmeng("why", folder / "red.png", "nobody", "--db", "db")
    assert (done.returncode, done.stdout) == (2, "")
    done = yunmeng("why", folder / "red.png", "half.png", "--db", "db", "--output", "why.txt")
    assert done.returncode == 2
    assert "why.txt" in done.stderr
