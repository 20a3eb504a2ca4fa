"""Write the table of docs/platforms.md: which dependency has a wheel for which system. Needs PyPI and pip 23 or newer.

    python docs/platforms.py

Nothing is installed: pip is asked what it would install (``--dry-run``), for each system and each version of Python.
"""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "platforms.md"
BEGIN, END = "<!-- begin: python docs/platforms.py -->", "<!-- end -->"
PYTHONS = ("3.11", "3.12", "3.13")
SYSTEMS = {
    "Linux x86-64": [
        "manylinux1_x86_64",
        "manylinux2014_x86_64",
        *(f"manylinux_2_{glibc}_x86_64" for glibc in (28, 27, 26, 24, 17, 12, 5)),
    ],
    "Linux ARM": ["manylinux2014_aarch64", *(f"manylinux_2_{glibc}_aarch64" for glibc in (28, 27, 26, 24, 17))],
    "macOS ARM": ["macosx_14_0_arm64"],
    "macOS Intel": ["macosx_14_0_x86_64"],
    "Windows x86-64": ["win_amd64"],
}
"""Each system by the wheels that it takes: glibc 2.28 is that of Debian 10, Ubuntu 20.04 and Red Hat 8."""


def dependencies() -> dict[str, tuple[str, list[str]]]:
    """Each direct dependency by name: what is asked of it without its marker, and the extras that ask."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    found: dict[str, tuple[str, list[str]]] = {}
    for group, requirements in groups.items():
        for text in requirements:
            wanted = Requirement(text)
            if wanted.name != "yunmeng":
                found.setdefault(wanted.name, (f"{wanted.name}{wanted.specifier}", []))[1].append(group)
    return found


def transitive() -> list[str]:
    """Return what the dependencies bring with them, by name, as constraints.txt lists it."""
    direct = {normal(name) for name in dependencies()}
    names = [line.split("==")[0] for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").split()]
    return [name for name in names if normal(name) not in direct]


def normal(name: str) -> str:
    """The name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def wheels(requirements: list[str], platforms: list[str], python: str) -> dict[str, str]:
    """The version of each requirement that has a wheel, by normal name; those without one are not there."""
    left = {normal(Requirement(text).name): text for text in requirements}
    while left:
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.json"
            options = [f"--platform={platform}" for platform in platforms]
            options += ["--quiet", "--dry-run", "--ignore-installed", "--no-deps", "--only-binary=:all:"]
            options += [f"--python-version={python}", f"--target={folder}", f"--report={report}"]
            done = subprocess.run(
                [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", *options, *left.values()],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode == 0:
                installed = [entry["metadata"] for entry in json.loads(report.read_text(encoding="utf-8"))["install"]]
                return {normal(entry["name"]): entry["version"] for entry in installed}
        missing = re.search(r"No matching distribution found for ([\w.-]+)", done.stderr)
        if missing is None:
            raise SystemExit(done.stderr)
        del left[normal(re.split(r"[<>=!~]", missing[1])[0])]
    return {}


def versions(requirements: list[str]) -> dict[str, dict[str, str]]:
    """For each system and each normal name, the version that has wheels, or for which Pythons it has none."""
    table: dict[str, dict[str, str]] = {}
    for system, platforms in SYSTEMS.items():
        found = {python: wheels(requirements, platforms, python) for python in PYTHONS}
        print(system, {python: len(names) for python, names in found.items()}, file=sys.stderr)
        table[system] = {}
        for text in requirements:
            name = normal(Requirement(text).name)
            have = {python: names[name] for python, names in found.items() if name in names}
            kinds = sorted(set(have.values()))
            lacking = [python for python in PYTHONS if python not in have]
            cell = "none" if not have else " / ".join(kinds)
            table[system][name] = cell + (f" (none for {', '.join(lacking)})" if have and lacking else "")
    return table


def main() -> None:
    """Ask pip, and write the table into the page."""
    direct = dependencies()
    table = versions([text for text, _ in direct.values()])
    lines = ["| package | for | version | " + " | ".join(SYSTEMS) + " |", "| --- " * (len(SYSTEMS) + 3) + "|"]
    for name in sorted(direct, key=str.lower):
        extras = ", ".join(extra or "the base" for extra in direct[name][1])
        cells = [table[system][normal(name)] for system in SYSTEMS]
        usual = max(set(cells), key=cells.count)
        marks = ["yes" if cell == usual else cell for cell in cells]
        lines.append(f"| {name} | {extras} | {usual} | {' | '.join(marks)} |")
    others = versions(transitive())
    gaps = {
        f"{name} ({system}: {cell})"
        for system, cells in others.items()
        for name, cell in cells.items()
        if "none" in cell
    }
    lines += [
        "",
        f"Of the {len(transitive())} packages that these bring with them, no wheel: {', '.join(sorted(gaps))}.",
    ]
    text = PAGE.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    PAGE.write_text(before + BEGIN + "\n" + "\n".join(lines) + "\n" + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()
