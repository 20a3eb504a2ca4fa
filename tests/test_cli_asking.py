"""Mixtures, regions and the move to another encoder on the command line, as users type them."""

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import CommandLine, paint
from yunmeng.cli.query_parts import kind_of, parts
from yunmeng.errors import SourceError
from yunmeng.search import QueryPart


@pytest.fixture(scope="module")
def collages(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> CommandLine:
    """A library with regions of pictures that are four others each, and those others beside it."""
    folder = tmp_path_factory.mktemp("collages")
    for name in ("pictures", "parts"):
        (folder / name).mkdir()
    for number in range(4):
        sheet = Image.new("RGB", (480, 480))
        for place in range(4):
            part = paint(10 * number + place, (240, 240))
            part.save(folder / "parts" / f"{number}-{place}.png")
            sheet.paste(part, (240 * (place % 2), 240 * (place // 2)))
        sheet.save(folder / "pictures" / f"{number}.png")
    yunmeng = CommandLine(folder, cache_dir)
    done = yunmeng("index", "pictures", "--db", "library", "--encoder", "efficientnet-lite0", "--regions")
    assert done.returncode == 0, done.stderr
    return yunmeng


def hits(run: CommandLine, *arguments: str) -> list[dict[str, object]]:
    done = run("search", "--db", "library", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, object]] = json.loads(done.stdout)["hits"]
    return found


def test_a_part_is_found_outlined_and_counted_once(collages: CommandLine) -> None:
    found = hits(collages, "parts/2-1.png", "--regions", "--sheet", "hits.png")
    assert len(found) == 4
    assert found[0]["id"] == "2.png"
    region = found[0]["region"]
    assert isinstance(region, list)
    x, y, w, h = region
    assert x + w > 0.5  # it reaches into the upper right quarter, where the part is
    assert y < 0.5
    assert w * h < 0.5
    with Image.open(collages.folder / "hits.png") as sheet:
        assert min(sheet.size) > 500


def test_a_region_of_the_query_alone_is_asked_with(collages: CommandLine) -> None:
    whole = hits(collages, "pictures/1.png")[0]
    assert whole["score"] == pytest.approx(1, abs=1e-4)
    part = hits(collages, "pictures/1.png", "--region", "0.5,0,0.5,0.5")[0]
    assert part["score"] != pytest.approx(whole["score"], abs=1e-3)


def test_a_mixture_may_have_a_query_or_none(collages: CommandLine) -> None:
    one = hits(collages, "id:0.png", "--like", "id:1.png:0.5", "--unlike", "id:2.png")
    other = hits(collages, "--like", "id:0.png", "--like", "pictures/1.png:0.5", "--unlike", "pictures/2.png:1")
    assert "2.png" not in {hit["id"] for hit in one}, "what hits are to be unlike is none"
    scores = {hit["id"]: hit["score"] for hit in other}
    assert [hit["score"] for hit in one] == pytest.approx([scores[hit["id"]] for hit in one], abs=1e-3)


def test_the_library_moves_to_another_encoder(collages: CommandLine, tmp_path: Path, cache_dir: Path) -> None:
    yunmeng = CommandLine(tmp_path, cache_dir)
    pictures = str(collages.folder / "pictures")
    assert yunmeng("index", pictures, "--db", "library", "--encoder", "efficientnet-lite0").returncode == 0
    done = yunmeng("reencode", "efficientnet-lite2", "--regions", "--db", "library", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["moved"] is True
    facts = json.loads(yunmeng("info", "--db", "library", "--json").stdout)
    assert (facts["encoder"], facts["pictures"], facts["regions"]) == ("efficientnet-lite2", 4, True)
    assert hits(yunmeng, str(collages.folder / "parts" / "3-3.png"), "--regions")[0]["id"] == "3.png"


def test_too_little_to_learn_from_is_told(collages: CommandLine) -> None:
    done = collages("calibrate", "--db", "library")
    assert (done.returncode, done.stdout) == (1, "")
    assert "50 pictures" in done.stderr


def test_what_a_query_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.jpg").touch()
    Path("b:2").touch()
    assert kind_of("id:a:b") == {"id": "a:b"}
    assert kind_of("a.jpg") == {"image": "a.jpg"}
    assert kind_of("https://example.com/a.jpg") == {"image": "https://example.com/a.jpg"}
    assert kind_of("红色连衣裙") == {"text": "红色连衣裙"}
    for query in ("missing.jpg", "folder/name", "."):
        with pytest.raises(SourceError):
            kind_of(query)


def test_weights_stand_behind_a_colon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.jpg").touch()
    Path("b:2").touch()
    like = ["a.jpg", "a.jpg:0.7", "id:7", "id:7:.5", "id:a:b:2", "b:2", "http://example.com:8000", "http://e.org/a:3"]
    assert list(parts(like, ["id:9", "id:9:2"], ["red dress:0.5", "红色:2", "16:9 screen"])) == [
        QueryPart(image="a.jpg"),
        QueryPart(image="a.jpg", weight=0.7),
        QueryPart(id="7"),
        QueryPart(id="7", weight=0.5),
        QueryPart(id="a:b", weight=2),
        QueryPart(image="b:2"),
        QueryPart(image="http://example.com:8000"),
        QueryPart(image="http://e.org/a", weight=3),
        QueryPart(id="9", weight=-0.5),
        QueryPart(id="9", weight=-1),
        QueryPart(text="red dress", weight=0.5),
        QueryPart(text="红色", weight=2),
        QueryPart(text="16:9 screen"),
    ]
