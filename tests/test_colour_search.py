"""Search by colour through every face: the option, colour words, mixtures, counts, and libraries without palettes."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image, ImageDraw

from tests.faces import connecting
from tests.live import serving
from yunmeng.client import AsyncClient, Client
from yunmeng.config import ServerSettings, Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import QueryError
from yunmeng.library import Library
from yunmeng.server import create_app
from yunmeng.types import Palette, QueryPart

COLOURS = {"red": "#c0392b", "green": "#2e7d32", "blue": "#1f3a93", "white": "#ffffff", "black": "#141414"}


def paint(colour: str, ground: str = "#d9c4a0", other: str | None = None) -> Image.Image:
    """A square of a colour on a plain ground, a third of it perhaps of another."""
    picture = Image.new("RGB", (120, 120), ground)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((30, 30, 89, 89), fill=colour)
    if other is not None:
        draw.rectangle((30, 30, 49, 89), fill=other)
    return picture


KINDS = {"red": "dress", "green": "dress", "blue": "dress", "white": "hat", "black": "hat", "striped": "hat"}


def fill(folder: Path, library: Library) -> None:
    """Add a square of each colour, under its name, and one that is red with a third of white, ``striped``."""
    folder.mkdir()
    for name, kind in KINDS.items():
        file = folder / f"{len(name)}{kind}{name[:1]}.png"
        other = COLOURS["white"] if name == "striped" else None
        paint(COLOURS.get(name, COLOURS["red"]), other=other).save(file)
        library.add(file, id=name, attributes={"kind": kind})


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Iterator[tuple[Library, str]]:
    folder = tmp_path_factory.mktemp("colours")
    with Library.create(folder / "library", FakeEncoder(), {"kind": "str"}, Settings(cache_dir=cache_dir)) as library:
        fill(folder / "squares", library)
        with serving(create_app(library, ServerSettings())) as url:
            yield library, url


@pytest.fixture(params=[Library, Client, AsyncClient])
def face(request: pytest.FixtureRequest, shop: tuple[Library, str]) -> Iterator[Any]:
    if request.param is Library:
        yield shop[0]
    else:
        with connecting(request.param) as connect:
            yield connect(shop[1])


def ids(hits: list[Any]) -> list[str]:
    return [hit.id for hit in hits]


def test_a_colour_alone_is_a_question(face: Any) -> None:
    hits = face.search(color="red", k=2)
    assert ids(hits) == ["red", "striped"]
    assert hits[0].score > 0.9
    assert hits[1].score == pytest.approx(2 / 3, abs=0.05)
    assert ids(face.search(color="#1f3a93", k=1)) == ids(face.search(color="dark blue", k=1)) == ["blue"]
    assert len(face.search(color="深红色", k=100)) == len(KINDS)


def test_shares_count(face: Any) -> None:
    assert ids(face.search(color="red:0.67,white", k=1)) == ["striped"]
    assert ids(face.search(color="#c0392b:0.65,#ffffff", k=1)) == ["striped"]
    # the whole picture with its ground: a quarter of it is the square
    assert ids(face.search(color="#d9c4a0:0.75,#2e7d32", k=1)) == ["green"]


def test_filters_hold_and_pages_follow_each_other(face: Any) -> None:
    hits = face.search(color="red", filter="kind = 'hat'", k=3)
    assert ids(hits)[0] == "striped"
    assert set(ids(hits)) == {"striped", "white", "black"}
    every = ids(face.search(color="red", k=6))
    assert [*ids(face.search(color="red", k=4)), *ids(face.search(color="red", k=4, offset=4))] == every
    assert ids(face.search(color="red", group_by="kind")) == ["red", "striped"]


def test_this_but_green(face: Any) -> None:
    hits = face.search(id="red", color="green", k=6, explain=True)
    assert ids(hits)[0] == "green"
    assert [part.step for part in hits[0].explanation] == ["search", "colour"]
    assert ids(face.search(id="red", mix=[QueryPart(text="green")], k=6))[0] == "green"
    assert face.search(id="red", color="red", k=1)[0].chance is None


def test_words_and_a_colour_are_both_asked(face: Any) -> None:
    assert ids(face.search(text="blue dress", k=3))[0] == "blue"
    assert ids(face.search(text="dress", color="green", k=3))[0] == "green"
    assert ids(face.search(text="red hat", k=3))[0] == "striped"
    assert ids(face.search(text="red dress", k=3))[0] == "red"


def test_what_is_no_colour_is_refused(face: Any) -> None:
    for wrong in ("reddish", "#12345", "red:2", "red:0.7,blue:0.7", "", ","):
        with pytest.raises(QueryError) as caught:
            face.search(color=wrong)
        assert "\n" not in str(caught.value)
    with pytest.raises(QueryError, match="colour"):
        face.search(color="red", rerank="expand")


def test_a_picture_shows_its_palette(face: Any, shop: tuple[Library, str]) -> None:
    record = face.get("striped")
    assert record.palette == shop[0].get("striped").palette
    assert [one.hex for one in Palette.read(record.palette).subject] == ["#c0392b", "#ffffff"]


def test_the_server_counts_colours_and_shows_palettes_of_hits(shop: tuple[Library, str]) -> None:
    told = httpx.get(f"{shop[1]}/v1/colors").json()
    counts = {one["name"]: one["count"] for one in told["colors"]}
    assert (counts["red"], counts["white"], counts["green"], counts["pink"], told["without"]) == (2, 2, 1, 0, 0)
    body = {"color": "red", "min_score": told["min_score"], "fields": ["palette"], "k": 10}
    hits = httpx.post(f"{shop[1]}/v1/search", json=body).json()["hits"]
    assert len(hits) == counts["red"]
    assert hits[0]["palette"]["subject"][0]["hex"] == "#c0392b"


def test_changes_are_seen_at_once(library: Library, tmp_path: Path) -> None:
    fill(tmp_path / "squares", library)
    assert ids(library.search(color="green", k=1)) == ["green"]
    library.delete("green")
    assert "green" not in ids(library.search(color="green", k=10))
    paint(COLOURS["green"]).save(tmp_path / "new.png")
    library.add(tmp_path / "new.png", id="red")
    assert ids(library.search(color="green", k=1)) == ["red"]
    library.set_attributes("red", {"category": "moved"})
    assert ids(library.search(color="green", k=1, filter="category = 'moved'")) == ["red"]


def strip_palettes(library: Library) -> None:
    """Make it a library of before there were palettes."""
    store = library.generation.store
    store.upsert([replace(record, palette="") for record in store.iterate(vectors=True)])


def test_an_older_library_says_what_to_run_and_gets_its_palettes(library: Library, tmp_path: Path) -> None:
    fill(tmp_path / "squares", library)
    before = {record.id: record for record in library.iterate(vectors=True)}
    strip_palettes(library)
    with pytest.raises(QueryError, match="yunmeng palettes"):
        library.search(color="red")
    assert library.search(text="red hat", k=6) is not None  # as before there were palettes
    (tmp_path / "squares" / "5dressg.png").unlink()
    seen: list[tuple[int, int]] = []
    report = library.palettes(lambda done, total: seen.append((done, total)))
    assert (report.computed, [one.path for one in report.failed]) == (5, ["green"])
    assert seen[-1] == (6, 6)
    for record in library.iterate(vectors=True):
        assert record.palette == ("" if record.id == "green" else before[record.id].palette)
        assert record.vector == pytest.approx(before[record.id].vector, abs=1e-6)
    assert library.reader.colours().without == 1
    assert library.palettes().computed == 0


def test_palettes_stay_when_a_library_is_encoded_again(library: Library, tmp_path: Path) -> None:
    fill(tmp_path / "squares", library)
    before = {record.id: record.palette for record in library.iterate()}
    library.reencode(FakeEncoder(dim=24))
    assert {record.id: record.palette for record in library.iterate()} == before
    assert ids(library.search(color="blue", k=1)) == ["blue"]


def test_the_command(yunmeng: Callable[..., Any], tmp_path: Path, cache_dir: Path) -> None:
    with Library.create(tmp_path / "db", settings=Settings(cache_dir=cache_dir)) as library:
        fill(tmp_path / "squares", library)
        strip_palettes(library)
    refused = yunmeng("search", "--color", "red", "--db", "db")
    assert refused.returncode == 2
    assert "yunmeng palettes" in refused.stderr
    assert json.loads(yunmeng("info", "--db", "db", "--json").stdout)["without_colours"] == 6
    done = yunmeng("palettes", "--db", "db", "--json")
    assert (done.returncode, json.loads(done.stdout)["computed"]) == (0, 6)
    hits = json.loads(yunmeng("search", "--color", "red:0.7,white", "--db", "db", "--json").stdout)["hits"]
    assert hits[0]["id"] == "striped"
