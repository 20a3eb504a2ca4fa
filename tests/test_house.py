"""The house in order: public names, documents that match the code."""

import importlib
import os
import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path
from pkgutil import resolve_name

import pytest

import yunmeng
from benchmarks.drills.__main__ import DRILLS
from tests.conftest import write_pictures
from yunmeng.apps import APPS
from yunmeng.config import ServerSettings, Settings

ROOT = Path(__file__).parents[1]
MODULES = [
    found.name
    for found in pkgutil.walk_packages(yunmeng.__path__, "yunmeng.")
    if ".migrations" not in found.name and found.name != "yunmeng.__main__"
]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_is_public_and_has_it(name: str) -> None:
    module = importlib.import_module(name)
    if not name.startswith("yunmeng.cli."):
        assert module.__all__ or hasattr(module, "__path__"), f"{name} lacks __all__"
    assert [public for public in getattr(module, "__all__", ()) if not hasattr(module, public)] == []


def test_the_package_exports_what_it_names() -> None:
    assert sorted(yunmeng.__all__) == yunmeng.__all__
    assert all(getattr(yunmeng, name) is not None for name in yunmeng.__all__)
    assert set(yunmeng.__all__) <= set(dir(yunmeng))
    with pytest.raises(AttributeError):
        _ = yunmeng.nonsense


def test_every_part_of_an_app_is_where_its_row_says() -> None:
    for app in APPS:
        parts = (app.service, app.tables, app.command, app.routes, app.client)
        assert all(resolve_name(part) for part in parts if part is not None)
        assert app.page is None or app.page.is_dir()


def test_generated_documents_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    for settings in (Settings, ServerSettings):
        prefix = settings.model_config["env_prefix"]
        assert all(f"`{prefix}{name.upper()}`" in text for name in settings.model_fields)
        assert all(field.description for field in settings.model_fields.values())


def test_the_example_of_the_readme_runs(tmp_path: Path, cache_dir: Path) -> None:
    blocks = (ROOT / "README.md").read_text(encoding="utf-8").split("```python\n")[1:]
    assert len(blocks) == 1
    (tmp_path / "example.py").write_text(blocks[0].split("```")[0], encoding="utf-8")
    write_pictures(tmp_path / "photos" / "summer", 4)
    (tmp_path / "photos" / "summer" / "000.jpg").rename(tmp_path / "photos" / "summer" / "beach.jpg")
    shutil.copy(tmp_path / "photos" / "summer" / "001.jpg", tmp_path / "query.jpg")
    (tmp_path / "catalogue.csv").write_text("path,category,price\nsummer/001.jpg,shoes,30\n")
    environment = {**os.environ, "YUNMENG_CACHE_DIR": str(cache_dir)}
    done = subprocess.run(
        [sys.executable, "example.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    first, hit = done.stdout.splitlines()
    assert first == "4 indexed, 0 skipped, 0 failed"
    assert hit.startswith("1.000 summer/001.jpg ")


def test_every_drill_is_documented() -> None:
    text = (ROOT / "docs" / "drills.md").read_text(encoding="utf-8")
    assert [drill.__name__ for drill in DRILLS if f"| `{drill.__name__}` |" not in text] == []
    assert all(drill.__doc__ for drill in DRILLS)
