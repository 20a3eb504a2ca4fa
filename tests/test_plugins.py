"""What other packages bring by entry points, whole and broken."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import CommandLine, told_in_one_line
from tests.installing import importable, install
from yunmeng import plugins
from yunmeng.config import Settings
from yunmeng.encoders import get_spec, load, specs
from yunmeng.errors import PluginError, UnknownEncoder
from yunmeng.search import read_steps, steps_of
from yunmeng.stores import registry

ROOT = Path(__file__).parents[1]

BROKEN = {
    "yunmeng_broken.py": "raise RuntimeError('it is Monday')\n",
    "yunmeng_half.py": (
        "class Half:\n    name = 'half'\nhalf = Half()\n"
        "class Named:\n    spec = type('Spec', (), {'name': 'another'})\n    load = None\nnamed = Named()\n"
    ),
    "pyproject.toml": """
[project]
name = "yunmeng-broken"
version = "3.1"
[project.entry-points."yunmeng.stores"]
broken = "yunmeng_broken"
absent = "yunmeng_absent"
half = "yunmeng_half"
zvec = "yunmeng_half"
[project.entry-points."yunmeng.steps"]
half = "yunmeng_half:half"
[project.entry-points."yunmeng.encoders"]
broken = "yunmeng_broken:encoder"
named = "yunmeng_half:named"
""",
}


@pytest.fixture
def broken(tmp_path: Path) -> Iterator[Path]:
    folder = install(BROKEN, tmp_path / "packages")
    with importable(folder):
        yield folder


@pytest.mark.parametrize(
    ("scheme", "said"),
    [
        ("broken", "broken of the package yunmeng-broken 3.1 cannot be loaded: RuntimeError: it is Monday"),
        ("absent", "No module named 'yunmeng_absent'"),
        ("half", "cannot be used for stores: it lacks create, open, remove"),
    ],
)
def test_a_broken_plugin_says_what_is_wrong_where_it_is_asked_for(broken: Path, scheme: str, said: str) -> None:
    with pytest.raises(PluginError, match=said):
        registry.check_url(f"{scheme}:")


def test_a_broken_step_is_told_and_others_go_on(broken: Path) -> None:
    assert read_steps("half") == ("half",)
    with pytest.raises(PluginError, match="lacks depth, reorder"):
        steps_of("half")
    assert [step.name for step in steps_of("alpha")] == ["alpha"]


def test_a_broken_encoder_is_named_once_and_passed_over(
    broken: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        names = [spec.name for spec in specs(settings)]
        specs(settings)
    assert "broken" not in names
    assert "efficientnet-lite2" in names
    assert caplog.text.count("it is Monday; it is passed over") == 1
    with pytest.raises(PluginError, match="it is Monday"):
        get_spec("broken", settings)
    with pytest.raises(PluginError, match="calls itself 'another'"):
        load("named", settings)
    with pytest.raises(UnknownEncoder):
        get_spec("nothing", settings)


def test_no_plugin_takes_a_name_that_comes_with_yunmeng(broken: Path) -> None:
    assert registry.check_url("zvec:").__name__ == "yunmeng.stores.zvec"  # type: ignore[attr-defined]
    assert registry.schemes() == ("zvec", "milvus", "memory", "absent", "broken", "half")


def test_they_are_listed_with_their_state(broken: Path, yunmeng: CommandLine) -> None:
    path = f"{broken}:{ROOT}"
    done = yunmeng("plugins", "--json", PYTHONPATH=path)
    rows = [row for row in json.loads(done.stdout)["plugins"] if row["package"] == "yunmeng-broken"]
    assert {(row["group"], row["name"], row["version"], row["state"]) for row in rows} == {
        *(("stores", name, "3.1", "broken") for name in ("absent", "broken", "half", "zvec")),
        ("encoders", "broken", "3.1", "broken"),
        ("encoders", "named", "3.1", "ok"),
        ("steps", "half", "3.1", "broken"),
    }
    assert "has a name that is taken" in next(row["reason"] for row in rows if row["name"] == "zvec")
    assert "it is Monday" in yunmeng("plugins", PYTHONPATH=path).stdout
    told = yunmeng("index", ".", "--db", "library", "--store", "broken:", PYTHONPATH=path)
    told_in_one_line(told, "it is Monday")


def test_an_unknown_store_is_told_in_one_line(yunmeng: CommandLine, tmp_path: Path) -> None:
    told_in_one_line(
        yunmeng("index", ".", "--db", "library", "--store", "redis://x"), "name one of zvec:, milvus:, memory:"
    )
    (tmp_path / "pictures").mkdir()
    assert yunmeng("index", "pictures", "--db", "library").returncode == 0
    told = yunmeng("index", "pictures", "--db", "library", "--store", "memory:")
    told_in_one_line(told, "library keeps its vectors in zvec:")


def test_plugins_are_looked_up_only_when_somebody_asks(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    def fail(group: str) -> None:
        raise AssertionError(group)

    monkeypatch.setattr(plugins, "find", fail)
    registry.check_url("zvec:")
    steps_of("alpha,geometry")
    get_spec("efficientnet-lite0", settings)
