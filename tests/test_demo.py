"""The demo, as a newcomer runs it."""

from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import CommandLine, write_pictures


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> tuple[CommandLine, str]:
    run = CommandLine(tmp_path_factory.mktemp("demo"), cache_dir)
    done = run("demo")
    assert done.returncode == 0, done.stderr
    return run, done.stdout


def test_it_finds_all_copies_of_the_query_first_and_prints_where_the_sheet_is(made: tuple[CommandLine, str]) -> None:
    run, printed = made
    best = [line.split()[1] for line in printed.splitlines() if line.startswith("  0.")]
    assert len(best) == 5
    assert all(name.startswith("chelsea") for name in best)
    (place,) = [line.split(":  ")[1] for line in printed.splitlines() if line.startswith("The sheet")]
    assert Path(place).parent == run.folder / "yunmeng-demo"
    with Image.open(place) as sheet:
        assert sheet.format == "PNG"
        assert min(sheet.size) > 1000


def test_a_second_run_encodes_nothing(made: tuple[CommandLine, str]) -> None:
    run, printed = made
    assert "96 pictures indexed, 0 known" in printed
    assert "0 pictures indexed, 96 known" in run("demo").stdout


def test_it_takes_the_user_s_own_pictures(made: tuple[CommandLine, str]) -> None:
    run, _ = made
    write_pictures(run.folder / "own", 8)
    done = run("demo", "--pictures", "own", "--out", "mine")
    assert done.returncode == 0, done.stderr
    assert "8 pictures indexed" in done.stdout
    assert done.stdout.splitlines()[2].endswith("000.jpg")  # the query is a view of the first
    (run.folder / "none").mkdir()
    nothing = run("demo", "--pictures", "none")
    assert nothing.returncode == 2
    assert "holds no pictures" in nothing.stderr
