"""The example of an application in docs/extending.md, as it stands there."""

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient

from tests.conftest import write_pictures
from tests.live import serving
from yunmeng import Client, plugins
from yunmeng.cli.app import cli
from yunmeng.errors import ServerError
from yunmeng.library import Library
from yunmeng.server import create_app

TEXT = (Path(__file__).parents[1] / "docs" / "extending.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"<!-- (\S+) -->\n```(?:python|toml)\n(.*?)```", TEXT, re.DOTALL))


@pytest.fixture
def favourites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The example of an app, as an installed package."""
    packages = tmp_path / "packages"
    page = packages / "favourites" / "page"
    page.mkdir(parents=True)
    (page / "index.js").write_text("export const TITLE = 'Favourites';\n")
    (packages / "favourites" / "__init__.py").touch()
    for name, code in FILES.items():
        if name.startswith("favourites/"):
            (packages / name).write_text(code, encoding="utf-8")
    about = packages / "favourites-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: favourites\nVersion: 1.0\n")
    declared = tomllib.loads(FILES["pyproject.toml"])["project"]["entry-points"]
    (about / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in entries.items())
            for group, entries in declared.items()
        )
    )
    monkeypatch.syspath_prepend(str(packages))
    plugins.find.cache_clear()
    yield
    plugins.find.cache_clear()
    plugins.load.cache_clear()
    for name in [name for name in sys.modules if name.split(".")[0] == "favourites"]:
        del sys.modules[name]


@pytest.mark.usefixtures("favourites")
def test_an_application_is_a_folder(library: Library, tmp_path: Path) -> None:
    library.index([write_pictures(tmp_path / "photos", 2)])
    with serving(create_app(library)) as url, Client(url) as client:
        assert client.favourites().notes == {}
        id = next(client.pictures()).id
        assert client.mark(id, note="海边").notes == {id: "海边"}
        with pytest.raises(ServerError) as error:
            client.mark("no-such-picture")
        assert error.value.code == "not-found"
    with TestClient(create_app(library), base_url="http://127.0.0.1") as browser:
        assert "Favourites" in browser.get("/console/apps/favourites/index.js").text
        assert "/v1/favourites" in browser.get("/openapi.json").json()["paths"]
    library.close()
    runner = CliRunner()
    assert "favourites 1.0  ok" in runner.invoke(cli, ["plugins"], catch_exceptions=False).stdout
    assert "List pictures that people marked." in runner.invoke(cli, ["favourites", "--help"]).stdout
    done = runner.invoke(cli, ["favourites", "--db", str(library.path), "--json"], catch_exceptions=False)
    assert json.loads(done.stdout) == {"favourites": {id: "海边"}}
