"""The examples of docs/extending.md do what they say."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient

from tests.conftest import write_pictures
from tests.live import serving
from yunmeng import Client, apps
from yunmeng.cli.app import cli
from yunmeng.errors import ServerError
from yunmeng.library import Library
from yunmeng.server import create_app

TEXT = (Path(__file__).parents[1] / "docs" / "extending.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"<!-- (\S+) -->\n```python\n(.*?)```", TEXT, re.DOTALL))


@pytest.fixture
def favourites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The example's folder, with a page, and its row."""
    folder = tmp_path / "packages" / "favourites"
    (folder / "page").mkdir(parents=True)
    (folder / "page" / "index.js").write_text("export const TITLE = 'Favourites';\n")
    (folder / "__init__.py").touch()
    for name, code in FILES.items():
        if name.startswith("favourites/"):
            (folder.parent / name).write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder.parent))
    row: dict[str, Any] = {}
    exec(FILES["row"], row)
    with_page = apps.App(**{name: getattr(row["app"], name) for name in apps.App.__slots__} | {"page": folder / "page"})
    monkeypatch.setattr(apps, "APPS", [*apps.APPS, with_page])
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "favourites"]:
        del sys.modules[name]


@pytest.mark.usefixtures("favourites")
def test_an_application_is_a_folder_and_a_row(library: Library, tmp_path: Path) -> None:
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
    assert "favourites  List pictures that people marked." in runner.invoke(cli, ["--help"]).stdout
    done = runner.invoke(cli, ["favourites", "--db", str(library.path), "--json"], catch_exceptions=False)
    assert json.loads(done.stdout) == {"favourites": {id: "海边"}}
