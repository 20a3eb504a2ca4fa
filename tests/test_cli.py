"""The command line, as a process."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import CommandLine, told_in_one_line, write_pictures
from yunmeng.cli.manage import delete
from yunmeng.library import Library

Make = Callable[..., Path]
LITE0 = ("--encoder", "efficientnet-lite0")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> CommandLine:
    """A command line in a folder with ``pictures``, ``catalogue.csv`` and, indexed from them, ``library``."""
    folder = tmp_path_factory.mktemp("shop")
    write_pictures(folder / "pictures", 12)
    rows = ["path,category,price", *(f"{n:03}.jpg,{'鞋' if n % 2 else '帽'},{n}.5" for n in range(12))]
    (folder / "catalogue.csv").write_text("\n".join(rows), encoding="utf-8")
    (folder / "broken.csv").write_text("name,price\nx,1\n")
    run = CommandLine(folder, cache_dir)
    attributes = ("--attributes", "category:str, price:float", "--manifest", "catalogue.csv")
    done = run("index", "pictures", "--db", "library", *LITE0, *attributes)
    assert done.returncode == 0, done.stderr
    assert "12 indexed" in done.stdout
    return run


def test_index_prints_the_object_that_was_promised(make_pictures: Make, yunmeng: CommandLine) -> None:
    done = yunmeng("index", make_pictures(12), "--db", "l", *LITE0, "--json")
    report = json.loads(done.stdout)
    assert report.keys() == {"indexed", "skipped", "failed", "seconds"}
    assert (report["indexed"], report["skipped"], report["failed"]) == (12, 0, [])
    assert (done.returncode, done.stderr) == (0, "")


def test_index_says_what_formats_it_passed_over(make_pictures: Make, yunmeng: CommandLine) -> None:
    folder = make_pictures(0)
    for name in ("1.CR3", "2.cr3", "a/3.jp2", "logo.svg", "notes.txt", "@eaDir/4.svg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"no picture that is read")
    done = yunmeng("index", folder, "--db", "l", *LITE0, "--json")
    report = json.loads(done.stdout)
    assert report["passed_over"] == {"CR3": 2, "JP2": 1, "SVG": 1}
    told = "4 passed over, of formats that are not read: CR3 2, JP2 1, SVG 1\n"
    assert done.stderr == f"No picture found. {told}"
    make_pictures(1)
    done = yunmeng("index", folder, "--db", "l")
    assert (done.returncode, done.stderr) == (0, told)


def test_search_prints_the_object_that_was_promised(shop: CommandLine) -> None:
    done = shop("search", "pictures/003.jpg", "--db", "library", "-k", "3", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    hits = json.loads(done.stdout)["hits"]
    assert [hit.keys() for hit in hits] == [{"id", "score", "uri", "attributes"}] * 3
    assert hits[0]["id"] == "003.jpg"
    assert hits[0]["score"] > 0.999
    assert hits[0]["uri"] == str(shop.folder / "pictures" / "003.jpg")
    assert hits[0]["attributes"] == {"category": "鞋", "price": 3.5}


def test_search_by_id_with_filter_and_least_score(shop: CommandLine) -> None:
    arguments = ("search", "id:003.jpg", "--db", "library", "--json", "-k", "20")
    hits = json.loads(shop(*arguments, "--filter", "category = '帽' and price < 5").stdout)["hits"]
    assert {hit["id"] for hit in hits} == {"000.jpg", "002.jpg", "004.jpg"}
    hits = json.loads(shop(*arguments, "--min-score", "0.9999").stdout)["hits"]
    assert [hit["id"] for hit in hits] == ["003.jpg"]


def test_search_for_people(shop: CommandLine) -> None:
    done = shop("search", "id:003.jpg", "--db", "library", "--sheet", "hits.png")
    assert done.returncode == 0, done.stderr
    assert re.search(r"1\s+1\.000\s+003\.jpg\s+category=鞋", done.stdout)
    with Image.open(shop.folder / "hits.png") as sheet:
        assert min(sheet.size) > 500
    nothing = shop("search", "id:003.jpg", "--db", "library", "--filter", "price > 1000")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "Nothing found" in nothing.stderr


def test_info_and_delete(shop: CommandLine, yunmeng: CommandLine, tmp_path: Path) -> None:
    shutil.copytree(shop.folder / "library", tmp_path / "library")
    db = "library"
    facts = json.loads(yunmeng("info", "--db", db, "--json").stdout)
    assert (facts["pictures"], facts["encoder"], facts["dim"]) == (12, "efficientnet-lite0", 512)
    assert facts["attributes"] == {"category": "str", "price": "float"}
    assert facts["last_run"]["indexed"] == 12
    assert "efficientnet-lite0" in yunmeng("info", "--db", db).stdout
    assert json.loads(yunmeng("delete", "003.jpg", "--db", db, "--json").stdout) == {"deleted": 1}
    assert yunmeng("delete", "--filter", "price > 8", "--db", db).stdout == "4 deleted\n"
    some = yunmeng("delete", "003.jpg", "id:004.jpg", "nope", "--db", db)
    assert (some.returncode, some.stdout) == (1, "1 deleted\n")
    assert some.stderr.splitlines() == ["003.jpg: no picture has this id", "nope: no picture has this id"]
    none = yunmeng("delete", "nope", "--db", db, "--json")
    assert (none.returncode, json.loads(none.stdout)) == (1, {"deleted": 0, "unknown": ["nope"]})
    assert json.loads(yunmeng("info", "--db", db, "--json").stdout)["pictures"] == 6
    for filter in ("", " ", "true"):
        told_in_one_line(yunmeng("delete", "--filter", filter, "--db", db), "filter")
    told_in_one_line(yunmeng("delete", "--all", "005.jpg", "--db", db), "leave ids and --filter out")
    assert yunmeng("delete", "--all", "--db", db).stdout == "6 deleted\n"


def test_deleting_all_asks_where_somebody_sits(
    shop: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(shop.folder / "library", tmp_path / "library")
    answers, asked = [True, False], []

    def confirm(question: str, **_: object) -> bool:
        asked.append(question)
        return answers.pop()

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.confirm", confirm)
    order = ["--all", "--db", str(tmp_path / "library")]
    assert delete(order, standalone_mode=False) == 1
    assert "12 pictures" in asked[0]
    assert delete(order, standalone_mode=False) == 0
    assert capsys.readouterr().out == "12 deleted\n"
    assert delete([*order, "--yes"], standalone_mode=False) == 0
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            ["index", "pictures", "--db", "library", "--encoder", "efficientnet-lite2"],
            "bound to the encoder efficientnet-lite0",
        ),
        (["index", "pictures", "--db", "new", "--encoder", "nonsense"], "models list"),
        (["index", "pictures", "--db", "library", "--enhance", "contrast"], "enhances nothing"),
        (["index", "pictures", "--db", "new", "--enhance", "beauty"], "'denoise', 'contrast', 'colour'"),
        (["index", "pictures", "--db", "library", "--attributes", "size:int"], "has other attributes"),
        (["index", "pictures", "--db", "new", "--attributes", "size:big"], "list[str]"),
        (["index", "broken.csv", "--db", "library"], "needs a first line"),
        (["index", "missing", "--db", "library"], "no such file or folder: missing"),
        (["index", "--db", "library"], "nothing to index"),
        (["index", "pictures", "--db", "pictures"], "is not empty"),
        (["search", "pictures/000.jpg", "--db", "missing"], "no library at missing"),
        (["search", "missing.jpg", "--db", "library"], "no such file: missing.jpg"),
        (["search", "pictures", "--db", "library"], "is a folder"),
        (["search", "--db", "library"], "--like"),
        (["search", "--like", "id:missing", "--db", "library"], "no picture has the id missing"),
        (["search", "--unlike", "pictures/000.jpg:0", "--db", "library"], "weight"),
        (["search", "pictures/000.jpg", "--region", "0,0,1", "--db", "library"], "four numbers"),
        (["search", "pictures/000.jpg", "--region", "left", "--db", "library"], "x,y,w,h"),
        (["search", "pictures/000.jpg", "--regions", "--db", "library"], "yunmeng reencode --regions"),
        (["search", "pictures/000.jpg", "--min-chance", "0.5", "--db", "library"], "calibrate"),
        (["reencode", "nonsense", "--db", "library"], "models list"),
        (["reencode", "--db", "library"], "so already"),
        (["index", "pictures", "--regions", "--db", "library"], "yunmeng reencode --regions"),
        (["search", "id:missing", "--db", "library"], "no picture has the id missing"),
        (["search", "pictures/000.jpg", "--db", "library", "--filter", "price >"], "filter"),
        (["search", "pictures/000.jpg", "--db", "library", "--filter", "colour = 'red'"], "category"),
        (["search", "pictures/000.jpg", "--db", "library", "--filter", "price = 'cheap'"], "price"),
        (["search", "catalogue.csv", "--db", "library"], "not-a-picture"),
        (["search", "pictures/000.jpg", "--db", "library", "--sheet", "missing/hits.png"], "cannot write the sheet"),
        (["search", "pictures/000.jpg", "--db", "library", "--sheet", "hits.doc"], "cannot write the sheet"),
        (["eval", "missing", "missing"], "folder of folders"),
        (["models", "show", "nonsense"], "models list"),
        (["delete", "--db", "library"], "--filter"),
        (["search", "", "--db", "library"], "the question is empty"),
        (["search", "pictures/000.jpg", "--filter", " ", "--db", "library"], "the filter is empty"),
        (["search", "id:003.jpg", "--rerank", "expand,expand", "--db", "library"], "more than once"),
        (["info", "--db", ""], "the path of the library is empty"),
    ],
)
def test_wrong_use_is_told_in_one_line_and_ends_with_2(shop: CommandLine, arguments: list[str], complaint: str) -> None:
    told_in_one_line(shop(*arguments), complaint)


def test_a_second_writer_is_turned_away(shop: CommandLine) -> None:
    with Library.open(shop.folder / "library"):
        for arguments in (["index", "pictures"], ["search", "id:003.jpg"], ["info"]):
            done = shop(*arguments, "--db", "library")
            assert done.returncode == 2
            assert "another process" in done.stderr
            assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_what_it_did_and_says_how_to_go_on(
    make_pictures: Make, yunmeng: CommandLine, tmp_path: Path, number: signal.Signals
) -> None:
    folder = make_pictures(200)
    process = yunmeng.start("index", folder, "--db", "l", *LITE0, "--json", YUNMENG_BATCH_SIZE="4")
    while process.poll() is None:  # until the store's log holds some records
        if any(log.stat().st_size > 4096 for log in (tmp_path / "l").rglob("*.wal")):
            break
        time.sleep(0.02)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "run the same command again" in stderr
    assert "Traceback" not in stderr
    report = json.loads(stdout)
    assert 0 < report["indexed"] < 200
    rest = json.loads(yunmeng("index", folder, "--db", "l", "--json").stdout)
    assert (rest["indexed"], rest["skipped"]) == (200 - report["indexed"], report["indexed"])


def test_eval_prints_the_object_that_was_promised(make_pictures: Make, yunmeng: CommandLine) -> None:
    for side, start in (("gallery", 0), ("query", 3)):
        for name in ("a", "b"):
            make_pictures(3, f"{side}/{name}", start)
    done = yunmeng("eval", "gallery", "query", *LITE0, "--json")
    assert done.returncode == 0, done.stderr
    scores = json.loads(done.stdout)
    assert scores.keys() == {"mAP", "P@1", "P@10", "queries"}
    assert scores["queries"] == 6
    assert all(0 <= scores[name] <= 1 for name in ("mAP", "P@1", "P@10"))


def test_quality_reports_poor_pictures_and_changes_nothing(tmp_path: Path, yunmeng: CommandLine) -> None:
    folder = tmp_path / "q"
    folder.mkdir()
    Image.new("RGB", (400, 300), (3, 3, 3)).save(folder / "black.png")
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    done = yunmeng("quality", folder)
    assert done.returncode == 0
    assert "dark" in done.stdout
    assert "1 poor" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, yunmeng.cli.app as app; app.cli.main(['--help'], standalone_mode=False);"
        "print(sorted({'numpy', 'PIL', 'onnx', 'onnxruntime', 'zvec', 'sqlalchemy', 'pydantic', 'httpx', 'rich'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_pipe_that_closes_early_is_no_error(shop: CommandLine) -> None:
    process = shop.start("search", "id:003.jpg", "--db", "library", "-k", "12")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process:
        assert process.stderr.read() == ""


def test_a_setting_that_is_wrong_is_told_in_one_line(shop: CommandLine) -> None:
    done = shop("search", "pictures/003.jpg", "--db", "library", YUNMENG_THREADS="many")
    assert done.returncode == 2
    assert "YUNMENG_THREADS" in done.stderr
    assert len(done.stderr.splitlines()) == 1
