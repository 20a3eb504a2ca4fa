"""Packages that bring plugins, installed for a test: those that docs/extending.md shows, and broken ones."""

import re
import shutil
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yunmeng
from yunmeng import plugins
from yunmeng.media import readers

EXTENDING = Path(__file__).parents[1] / "docs" / "extending.md"


def section(title: str) -> str:
    """The text below one of the headings of docs/extending.md."""
    text = EXTENDING.read_text(encoding="utf-8")
    return text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def blocks(text: str, language: str) -> list[str]:
    """The blocks of code in ``language``."""
    return [part.split("```")[0] for part in text.split(f"```{language}\n")[1:]]


def files_of(title: str) -> dict[str, str]:
    """The files that a section shows, by name."""
    text = section(title)
    shown = [block.split("\n", 1) for language in ("python", "js", "toml") for block in blocks(text, language)]
    return {first.partition(" file: ")[2]: rest for first, rest in shown}


def changed(title: str, folder: Path) -> list[str]:
    """Copy the package into ``folder``, and change it by the diffs of a section; returns the files that they touch."""
    shutil.copytree(Path(yunmeng.__file__).parent, folder / "yunmeng", ignore=shutil.ignore_patterns("__pycache__"))
    (shown,) = blocks(section(title), "diff")
    files = [file.split("\n", 1) for file in shown.split("--- ")[1:]]
    for name, hunks in files:
        text = (folder / name).read_text(encoding="utf-8")
        for hunk in re.split(r"(?m)^@@.*\n", hunks)[1:]:
            lines = hunk.splitlines()
            before, after = ("\n".join(line[1:] for line in lines if line[0] != sign) for sign in "+-")
            assert text.count(before) == 1, f"{name} is another now: bring the example up to date"
            text = text.replace(before, after)
        (folder / name).write_text(text, encoding="utf-8")
    return [name for name, _ in files]


def install(files: Mapping[str, str], folder: Path) -> Path:
    """Write a package into ``folder`` as pip would, entry points and all; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    project = tomllib.loads(files["pyproject.toml"])["project"]
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = project["entry-points"].items()
    lines = [f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in all.items()) for group, all in groups]
    (info / "entry_points.txt").write_text("\n".join(lines))
    return folder


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Let this process find the packages in ``folder``."""
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    _forget()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            if (sys.modules[name].__dict__.get("__file__") or "").startswith(str(folder)):
                del sys.modules[name]
        _forget()


def _forget() -> None:
    for kept in (plugins.find, plugins.load, plugins._warn, readers._of_packages):
        kept.cache_clear()
