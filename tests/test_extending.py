"""The examples of docs/extending.md, as they stand there: one function for each section."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from tests.conftest import write_pictures
from tests.installing import blocks, changed, files_of, importable, install, section
from tests.live import serving
from yunmeng.cli.app import cli
from yunmeng.client import Client
from yunmeng.errors import ServerError
from yunmeng.library import Library
from yunmeng.server import create_app


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that commands run in, with three photos."""
    monkeypatch.setenv("YUNMENG_CACHE_DIR", str(cache_dir))
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path / "photos", 3)
    return tmp_path


def test_a_new_store(folder: Path) -> None:
    """Run the example; tests/stores/test_plugin_store.py tells whether it keeps the contract."""
    with importable(install(files_of("A new store"), folder / "packages")):
        listed, indexed, searched = run_commands("A new store")
    assert "yunmeng-pocket 0.1  ok" in listed
    assert "3 indexed, 0 skipped, 0 failed" in indexed
    assert searched.splitlines()[1].split()[:3] == ["1", "1.000", "000.jpg"]
    assert (folder / "pocket-library" / "store" / "pictures.db").is_file()


def test_a_new_application(folder: Path, library: Library) -> None:
    library.index([folder / "photos"])
    files = {"favourites/__init__.py": "", **files_of("A new application")}
    with importable(install(files, folder / "packages")):
        with serving(create_app(library)) as url, Client(url) as client:
            assert client.favourites().notes == {}
            assert client.mark("001.jpg", note="海边").notes == {"001.jpg": "海边"}
            with pytest.raises(ServerError) as error:
                client.mark("no-such-picture")
            assert error.value.code == "not-found"
            pages = httpx.get(f"{url}/v1/library", timeout=60).json()["pages"]
            assert pages == ["duplicates", "copyright", "favourites"]
            assert "Favourites" in httpx.get(f"{url}/console/pages/favourites/page.js", timeout=60).text
            assert "/v1/favourites" in httpx.get(f"{url}/openapi.json", timeout=60).json()["paths"]
        library.close()
        assert "yunmeng-favourites 0.1  ok" in run("plugins")
        assert "List pictures that people marked." in run("favourites --help")
        assert json.loads(run(f"favourites --db {library.path} --json")) == {"favourites": {"001.jpg": "海边"}}


ASK_EVERYWHERE = """
import json, sys
from click.testing import CliRunner
from starlette.testclient import TestClient
from yunmeng.cli.app import cli
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library
from yunmeng.server import create_app

with Library.create("library", FakeEncoder()) as library:
    library.index(["photos"])
    scores = [hit.score for hit in library.search(id="000.jpg")]
    margin = scores[0] - scores[1] + 1e-6
    hits = library.search(id="000.jpg", margin=margin)
    with TestClient(create_app(library), base_url="http://127.0.0.1") as client:
        body = {"id": "000.jpg", "margin": margin}
        answer = client.post("/v1/search", json=body).json()
        sent = client.post("/v1/search/upload", files={"file": open("photos/000.jpg", "rb")}, data={"margin": margin})
        wrong = client.post("/v1/search", json={**body, "margin": 3})
command = f"search id:000.jpg --db library --margin {margin} --json"
printed = CliRunner().invoke(cli, command.split(), standalone_mode=False).stdout
print(json.dumps({
    "all": len(scores),
    "library": [hit.id for hit in hits],
    "http": [hit["id"] for hit in answer["hits"]],
    "upload": len(sent.json()["hits"]),
    "command": [hit["id"] for hit in json.loads(printed)["hits"]],
    "wrong": wrong.status_code,
}))
"""


def test_a_new_option_of_search(folder: Path) -> None:
    assert len(changed("A new option of search", folder / "house")) == 3
    done = subprocess.run(
        [sys.executable, "-c", ASK_EVERYWHERE],
        env={**os.environ, "PYTHONPATH": str(folder / "house")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["all"] == 3
    assert told["library"] == told["http"] == told["command"]
    assert len(told["library"]) == told["upload"] == 2
    assert told["wrong"] == 422


def test_plugins(folder: Path) -> None:
    with importable(install(files_of("Plugins"), folder / "packages")):
        listed, _, searched = run_commands("Plugins")
        (folder / "photos" / "m.csv").write_text("path,stock\n000.jpg,0\n001.jpg,3\n")
        run("index photos --db shop --manifest photos/m.csv")
        found = json.loads(run("search photos/000.jpg --db shop --rerank available --json"))["hits"]
        info = json.loads(run("info --db shop --json"))
    assert listed.count("yunmeng-shop 0.2  ok") == 2
    assert searched.splitlines()[1].split()[:3] == ["1", "1.000", "000.jpg"]
    assert (info["encoder"], info["dim"]) == ("colours", 48)
    assert {hit["id"]: round(hit["score"], 3) for hit in found}["000.jpg"] == 0.5


def test_a_new_kind_of_file(folder: Path) -> None:
    with zipfile.ZipFile(folder / "photos" / "book.cbz", "w") as book:
        for page in ("000.jpg", "001.jpg"):
            book.write(folder / "photos" / page, f"pages/{page}")
    (folder / "photos" / "broken.cbz").write_bytes((folder / "photos" / "book.cbz").read_bytes()[:200])
    (folder / "photos" / "002.jpg").unlink()
    with importable(install(files_of("A new kind of file"), folder / "packages")):
        command, asked = blocks(section("A new kind of file"), "sh")[0].splitlines()
        done = CliRunner().invoke(cli, command.split()[1:], standalone_mode=False)
        assert "4 indexed, 0 skipped, 1 failed" in done.stdout
        searched = run(asked.removeprefix("yunmeng "))
    # the file itself comes in front of its twin, as it was asked for
    assert [line.split()[2] for line in searched.splitlines()[1:3]] == ["book.cbz#page:2", "001.jpg"]


def run_commands(title: str) -> list[str]:
    """Run the commands that a section shows; returns what each has printed."""
    (shown,) = blocks(section(title), "sh")
    return [run(command.removeprefix("yunmeng ")) for command in shown.splitlines()]


def run(command: str) -> str:
    done = CliRunner().invoke(cli, command.split(), standalone_mode=False)
    assert done.exception is None, done.output
    assert not done.return_value
    return done.stdout
