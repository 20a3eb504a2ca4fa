"""``yunmeng compare`` and ``yunmeng match``, as users run them."""

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import CommandLine, told_in_one_line
from tests.copies.scenes import scene
from tests.needing import need

need("cv2", extra="copies")


@pytest.fixture(scope="module")
def yunmeng(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> CommandLine:
    """One folder for all: nothing here changes what others look at."""
    return CommandLine(tmp_path_factory.mktemp("copies"), cache_dir)


@pytest.fixture(scope="module")
def works(yunmeng: CommandLine) -> Path:
    """A folder with three works, a part of the second, and a stranger."""
    folder = yunmeng.folder / "works"
    folder.mkdir()
    for number in range(3):
        scene(number, (480, 360)).save(folder / f"{number}.png")
    scene(1, (480, 360)).crop((80, 60, 400, 300)).save(yunmeng.folder / "part.png")
    scene(8, (480, 360)).save(yunmeng.folder / "stranger.png")
    return folder


@pytest.fixture(scope="module")
def library(yunmeng: CommandLine, works: Path) -> str:
    assert yunmeng("index", works, "--db", "lib").returncode == 0
    return "lib"


def test_two_files_are_compared_without_a_library(yunmeng: CommandLine, works: Path) -> None:
    done = yunmeng("compare", "part.png", "works/1.png", "--json", "--evidence", "evidence.png")
    assert (done.returncode, done.stderr) == (0, "Evidence: evidence.png\n")
    found = json.loads(done.stdout)
    assert list(found) == [
        *("verdict", "edits", "alignment", "same_file", "phash_distance", "pdq_distance", "score", "difference")
    ]
    assert found["verdict"] == "edited-copy"
    ((name, amount, detail),) = [tuple(edit.values()) for edit in found["edits"]]
    assert (name, detail) == ("crop", "cropped: shows 44% of the original")
    assert amount == pytest.approx(320 * 240 / (480 * 360), rel=0.01)
    assert found["alignment"]["target_overlap"] == pytest.approx(amount)
    assert len(found["alignment"]["outline"]) == 4
    with Image.open(yunmeng.folder / "evidence.png") as image:
        assert image.width == 1600
    told = yunmeng("compare", "part.png", "works/1.png")
    assert told.returncode == 0
    assert told.stdout.startswith("An edited copy")
    assert "  - cropped: shows 44% of the original\n" in told.stdout


def test_verdicts_in_words(yunmeng: CommandLine, works: Path) -> None:
    (yunmeng.folder / "again.png").write_bytes((works / "1.png").read_bytes())
    assert yunmeng("compare", "again.png", "works/1.png").stdout.startswith("The same file")
    different = yunmeng("compare", "stranger.png", "works/1.png")
    assert different.returncode == 0
    assert different.stdout.startswith("Different pictures")


def test_pictures_of_a_library_are_compared_by_id(yunmeng: CommandLine, library: str) -> None:
    done = yunmeng("compare", "part.png", "id:1.png", "--db", library, "--json", "--evidence", "evidence.jpg")
    assert json.loads(done.stdout)["verdict"] == "edited-copy"
    assert (yunmeng.folder / "evidence.jpg").read_bytes()[:2] == b"\xff\xd8"
    told_in_one_line(yunmeng("compare", "part.png", "id:nobody", "--db", library), "no picture has the id nobody")


def test_what_cannot_be_compared_is_told_in_one_line(yunmeng: CommandLine, works: Path) -> None:
    told_in_one_line(yunmeng("compare", "part.png", "id:1.png"), "--db")
    told_in_one_line(yunmeng("compare", "part.png", "nowhere.png"), "no such file: nowhere.png")
    (yunmeng.folder / "words.txt").write_text("no picture")
    told_in_one_line(yunmeng("compare", "part.png", "words.txt"), "not-a-picture")
    told_in_one_line(
        yunmeng("compare", "part.png", "works/1.png", "--evidence", "evidence.txt"), "cannot write the evidence"
    )


def test_the_original_of_a_part_is_found(yunmeng: CommandLine, library: str) -> None:
    done = yunmeng("match", "part.png", "--db", library, "--json", "-k", "2", "--evidence", "evidence.png")
    assert (done.returncode, done.stderr) == (0, "Evidence: evidence.png\n")
    first, *others = json.loads(done.stdout)["matches"]
    assert list(first) == ["id", "score", "uri", "attributes", "alignment", "recoloured"]
    assert (first["id"], first["score"] > 0.5) == ("1.png", True)
    assert first["alignment"]["target_overlap"] == pytest.approx(320 * 240 / (480 * 360), rel=0.02)
    assert all(other["score"] < 0.5 for other in others)
    with Image.open(yunmeng.folder / "evidence.png") as image:
        assert image.width == 1600
    told = yunmeng("match", "part.png", "--db", library).stdout
    assert "1.png" in told
    assert "No original" not in told


def test_it_is_said_where_no_original_is_likely(yunmeng: CommandLine, library: str) -> None:
    told = yunmeng("match", "stranger.png", "--db", library)
    assert told.returncode == 0
    assert told.stdout.startswith("No original found")
    nothing = yunmeng("match", "stranger.png", "--db", library, "--min-score", "0.5", "--evidence", "none.png")
    assert nothing.returncode == 0
    assert "No evidence" in nothing.stdout
    assert not (yunmeng.folder / "none.png").exists()
    assert (
        json.loads(yunmeng("match", "id:2.png", "--db", library, "--json", "-k", "1").stdout)["matches"][0]["id"]
        == "2.png"
    )


def test_what_cannot_be_matched_is_told_in_one_line(yunmeng: CommandLine, library: str) -> None:
    told_in_one_line(yunmeng("match", "nowhere.png", "--db", library), "no such file: nowhere.png")
    told_in_one_line(yunmeng("match", "id:nobody", "--db", library), "no picture has the id nobody")
    told_in_one_line(yunmeng("match", "part.png", "--db", library, "--min-score", "2"), "--min-score")
