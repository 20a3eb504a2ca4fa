"""``yunmeng copyright``, as users run it, and docs/copyright.md, whose lines check the register without Yunmeng."""

import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CommandLine, told_in_one_line, write_pictures
from tests.imaging.samples import photograph
from tests.needing import need
from yunmeng.apps.copyright import Works
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library

PAGE = Path(__file__).parents[2] / "docs" / "copyright.md"


@pytest.fixture
def db(tmp_path: Path, settings: Settings) -> Path:
    """A library with five pictures that are not registered yet."""
    folder = write_pictures(tmp_path / "works", 5)
    (folder / "000.jpg").rename(folder / "bridge.jpg")
    with Library.create(tmp_path / "library", FakeEncoder(), settings=settings) as library:
        library.index([folder])
    return tmp_path / "library"


@pytest.fixture
def registered(db: Path, tmp_path: Path, settings: Settings) -> Path:
    with Library.open(db, settings=settings) as library:
        works = Works(library)
        for record in sorted(library.iterate(), key=lambda record: record.id, reverse=True):
            works.register(record, owner="Studio 林", title=record.id)
    return db


def said(done: Any, code: int = 0) -> Any:
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def test_works_are_registered_listed_and_shown(yunmeng: CommandLine, db: Path, tmp_path: Path) -> None:
    common = ("--db", db, "--json")
    (tmp_path / "works" / "broken.jpg").write_bytes(b"")
    answer = said(yunmeng("copyright", "register", "works", "--owner", "Studio Lin", *common), code=1)
    assert (answer["works"], answer["skipped"]) == ([1, 2, 3, 4, 5], 0)
    assert [Path(failure["path"]).name for failure in answer["failed"]] == ["broken.jpg"]
    listed = said(yunmeng("copyright", "list", *common))
    assert [work["owner"] for work in listed["works"]] == ["Studio Lin"] * 5
    assert listed["tree"] == answer["tree"]
    said(yunmeng("copyright", "correct", "2", "--title", "桥", *common))
    assert said(yunmeng("copyright", "withdraw", "3", "--notes", "sold", *common))["withdrawn"]
    shown = said(yunmeng("copyright", "show", "2", *common))
    assert (shown["title"], [entry["kind"] for entry in shown["history"]]) == ("桥", ["registration", "correction"])
    text = yunmeng("copyright", "list", "--withdrawn", "--db", db).stdout
    assert "(withdrawn)" in text
    assert "桥" in text
    assert "Tree head: 7 entries" in text
    again = yunmeng("copyright", "register", "works/bridge.jpg", "--owner", "Studio Lin", "--db", db)
    assert again.returncode in (0, 1)


def test_a_register_is_checked_without_yunmeng(yunmeng: CommandLine, registered: Path, tmp_path: Path) -> None:
    number = next(
        work["work"]
        for work in said(yunmeng("copyright", "list", "--db", registered, "--json"))["works"]
        if work["title"] == "bridge.jpg"
    )
    assert yunmeng("copyright", "export", "register.json", "--db", registered).returncode == 0
    assert yunmeng("copyright", "prove", str(number), "proof.json", "--db", registered).returncode == 0
    (tmp_path / "bridge.jpg").write_bytes((tmp_path / "works" / "bridge.jpg").read_bytes())
    assert run("check_register.py", tmp_path) == "True"
    assert run("check_proof.py", tmp_path) == "True True"
    for name, script, other in (
        ("register.json", "check_register.py", "False"),
        ("proof.json", "check_proof.py", "False True"),
    ):
        text = (tmp_path / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("林", "王", 1), encoding="utf-8")
        assert run(script, tmp_path) == other
    (tmp_path / "bridge.jpg").write_bytes(b"another")
    assert run("check_proof.py", tmp_path) == "False False"


@pytest.mark.parametrize("count", [1, 2, 3, 6, 7])
def test_the_lines_of_the_page_hold_for_trees_of_all_shapes(count: int, tmp_path: Path, settings: Settings) -> None:
    with Library.create(tmp_path / "library", FakeEncoder(), settings=settings) as library:
        library.index([write_pictures(tmp_path / "works", count)])
        works = Works(library)
        for record in library.iterate():
            works.register(record, owner="Lin")
        (tmp_path / "register.json").write_text(json.dumps(works.export()))
        assert run("check_register.py", tmp_path) == "True"
        (tmp_path / "bridge.jpg").write_bytes(library.original(library.get(works.get(count).picture["id"])))
        (tmp_path / "proof.json").write_text(json.dumps(works.prove(count)))
        assert run("check_proof.py", tmp_path) == "True True"


def run(name: str, folder: Path) -> str:
    """Run a program of the page, which knows nothing but Python's own library, and return what it prints."""
    blocks = re.findall(rf"```python\n# file: {re.escape(name)}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (folder / name).write_text(blocks[0], encoding="utf-8")
    command = [sys.executable, "-I", "-W", "ignore", name]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def test_verify_says_where_it_was_touched(yunmeng: CommandLine, registered: Path, tmp_path: Path) -> None:
    assert yunmeng("copyright", "export", "register.json", "--db", registered).returncode == 0
    sound = said(yunmeng("copyright", "verify", "--against", "register.json", "--db", registered, "--json"))
    assert (sound["sound"], sound["problems"], sound["tree"]["size"]) == (True, [], 5)
    connection = sqlite3.connect(registered / "state.db")
    connection.execute("DELETE FROM copyright_entries WHERE number = 4")
    connection.commit()
    connection.close()
    done = yunmeng("copyright", "verify", "--db", registered)
    assert done.returncode == 1
    assert "missing: entry 4 is missing" in done.stdout
    assert "was touched" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("show", "9"), "no work 9"),
        (("prove", "9"), "no entry 9"),
        (("prove", "9", "--consistency"), "no tree head of 9"),
        (("correct", "1"), "say what to correct"),
        (("correct", "1", "--date", "soon"), "YYYY-MM-DD"),
        (("register", "nowhere", "--owner", "Lin"), "no such file"),
        (("verify", "--against", "works/001.jpg"), "holds no tree head"),
        (("verify", "--against", "nowhere"), "cannot read nowhere"),
        (("export", "nowhere/register.json"), "cannot write"),
        (("stamp",), "YUNMENG_TSA_URL"),
        (("check", "nowhere.jpg"), "no such file"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    yunmeng: CommandLine, registered: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    told_in_one_line(yunmeng("copyright", *arguments, "--db", registered), complaint)


def test_pictures_folders_and_libraries_are_checked(yunmeng: CommandLine, tmp_path: Path) -> None:
    need("cv2", "faiss", extra="copies")
    folder = tmp_path / "photographs"
    folder.mkdir()
    for seed in range(3):
        photograph(seed, (240, 180)).save(folder / f"{seed}.jpg", quality=92)
    (tmp_path / "works.csv").write_text(f"path,owner\n{folder}/0.jpg,Owner 0\n{folder}/1.jpg,Owner 1\n")
    answer = said(yunmeng("copyright", "register", "works.csv", "--licence", "CC0", "--db", "new", "--json"))
    assert (answer["works"], answer["tree"]["size"]) == ([1, 2], 2)  # in a library that was not there before
    suspects = tmp_path / "suspects"
    suspects.mkdir()
    photograph(1, (240, 180)).resize((150, 113)).save(suspects / "copy.jpg", quality=70)
    photograph(2, (240, 180)).save(suspects / "stranger.jpg")
    (suspects / "broken.png").write_bytes(b"")
    answer = said(yunmeng("copyright", "check", suspects, "--db", "new", "--json"), code=1)
    assert (answer["checked"], answer["absent"]) == (2, [])
    ((copy,), (failed,)) = answer["copies"], answer["failed"]
    assert Path(copy["picture"]).name == "copy.jpg"
    assert Path(failed["path"]).name == "broken.png"
    (work,) = copy["works"]
    assert (work["owner"], work["licence"], work["verdict"]) == ("Owner 1", "CC0", "same-picture")
    text = yunmeng("copyright", "check", suspects / "copy.jpg", "--db", "new")
    assert text.returncode == 0
    assert "Owner 1" in text.stdout
    assert "1 checked, 1 of them made from registered works" in text.stdout
    assert yunmeng("index", suspects / "copy.jpg", "--db", "new").returncode == 0
    answer = said(yunmeng("copyright", "check", "--library", "new", "--db", "new", "--json"))
    assert (answer["checked"], answer["skipped"], answer["interrupted"]) == (1, 2, False)
    assert [finding["owner"] for finding in answer["findings"]] == ["Owner 1"]
    again = yunmeng("copyright", "check", "--library", "new", "--db", "new")
    assert "0 checked, 0 findings, 3 known already, 0 failed" in again.stdout
