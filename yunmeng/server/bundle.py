"""The console's modules and style sheets in a few files, joined from those in the repository when the server starts.

A browser on a slow line waits for each request, and modules that import modules are found one after the other. The
console's own modules become one module, and those of each application's page another, so that a page that is broken
breaks no other. Each module becomes a block, in the order in which a browser would run them: its own names stay in it,
and what it exports goes into a table. Only what the console uses of the syntax is understood; `NotJoinable` is raised
for the rest, and the modules are then served as they are.
"""

import hashlib
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["Bundle", "NotJoinable", "bundle"]

MAIN: Final = "/console/main.js"
_TABLE: Final = "$modules"
_LOAD: Final = "$load"

_COMMENT: Final = re.compile(r"^[ \t]*(?://[^\n]*|/\*\*(?:(?!\*/)[\s\S])*\*/)[ \t]*\n", re.M)
_IMPORT: Final = re.compile(
    r"""^import\s+(?:([\w$]+|\{[^}]*\}|\*\s+as\s+[\w$]+)\s+from\s+)?["']([^"'\n]+)["'];?[ \t]*$""", re.M
)
_EXPORT: Final = re.compile(
    r"^export\s+(default\s+)?((?:const|class|function\*?|async\s+function\*?)\s+([\w$]+))?", re.M
)
_EXPORTED: Final = re.compile(r"^export\s*\{([^}]*)\};?[ \t]*$", re.M)
_AS: Final = re.compile(r"\s+as\s+")
_LEFT: Final = re.compile(r"^(?:import|export)\b(?!\s*\().*$|\bimport\.meta\b", re.M)
_DYNAMIC: Final = re.compile(r"\bimport\s*\(")
_STYLE: Final = re.compile(r'^<link rel="stylesheet" href="([^"]+)">\n', re.M)
_EARLY: Final = re.compile(r'^<script src="([^"]+)"></script>$', re.M)
_SCRIPT: Final = f'<script src="{MAIN[1:]}" type="module"></script>'


class NotJoinable(Exception):
    """A module uses a form of ``import`` or ``export`` that is not understood here, or is part of a circle."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """The joined files by their names, and the page that loads them from ``console/joined/VERSION/NAME``."""

    version: str
    files: Mapping[str, str]
    page: str


def bundle(sources: Mapping[str, str], index: str, pages: Mapping[str, str]) -> Bundle:
    """Return the joined console.

    Args:
        sources: Scripts and style sheets by the path at which they are served as they are.
        index: The page that loads them one by one, by addresses that are relative to it: a prefix may go before them.
        pages: The path of the module of each application's page, by the application's name.

    Raises:
        NotJoinable: A module cannot be joined.
    """
    shared = set(_walk(MAIN, sources))
    of_pages = {name: list(_walk(path, sources)) for name, path in pages.items()}
    for name, paths in of_pages.items():
        shared.update(path for path in paths if not path.startswith(_folder(pages[name])))
    order = [path for entry in (MAIN, *pages.values()) for path in _walk(entry, sources)]
    core = [path for path in dict.fromkeys(order) if path in shared]
    files = {"main.js": _main(core, sources, pages)}
    for name, paths in of_pages.items():
        files[f"page-{name}.js"] = _page([path for path in paths if path not in shared], sources, pages[name])
    styles = [*(f"/{path}" for path in _STYLE.findall(index)), *_beside(pages, sources)]
    files["styles.css"] = "".join(sources[path] for path in styles)
    early = _EARLY.search(index)
    if early is None or _SCRIPT not in index:
        raise NotJoinable("index.html does not load early.js and main.js")
    files["early.js"] = sources[f"/{early[1]}"]
    version = hashlib.sha256("\0".join(f"{name}\0{files[name]}" for name in sorted(files)).encode()).hexdigest()[:16]
    return Bundle(version, files, _loading(index, f"console/joined/{version}", styles, pages))


def _walk(entry: str, sources: Mapping[str, str]) -> Iterator[str]:
    """The modules that ``entry`` needs and itself, each after those that it imports."""
    done: set[str] = set()
    open_: list[str] = []

    def visit(path: str) -> Iterator[str]:
        if path in done:
            return
        if path in open_:
            raise NotJoinable(f"{path} imports itself, by way of {open_[-1]}")
        if path not in sources:
            raise NotJoinable(f"{open_[-1] if open_ else 'the console'} imports {path}, which is not here")
        open_.append(path)
        for imported in _IMPORT.finditer(_COMMENT.sub("", sources[path])):
            yield from visit(_resolve(path, imported[2]))
        open_.pop()
        done.add(path)
        yield path

    return visit(entry)


def _resolve(path: str, named: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), named))


def _beside(pages: Mapping[str, str], sources: Mapping[str, str]) -> list[str]:
    """The style sheets of applications."""
    folders = tuple(map(_folder, pages.values()))
    return [path for path in sources if path.endswith(".css") and path.startswith(folders)]


def _folder(path: str) -> str:
    return f"{posixpath.dirname(path)}/"


def _main(paths: list[str], sources: Mapping[str, str], pages: Mapping[str, str]) -> str:
    joined = ", ".join(f'"{path}": "./page-{name}.js"' for name, path in pages.items())
    head = f"export const {_TABLE} = {{}};\nconst {_LOAD} = (path) => import({{ {joined} }}[path] ?? path);\n"
    return head + "".join(_block(path, sources[path]) for path in paths)


def _page(paths: list[str], sources: Mapping[str, str], entry: str) -> str:
    head = f'import {{ {_TABLE} }} from "./main.js";\nconst {_LOAD} = (path) => import(path);\n'
    blocks = "".join(_block(path, sources[path]) for path in paths)
    return f'{head}{blocks}export default {_TABLE}["{entry}"].default;\n'


def _block(path: str, source: str) -> str:
    """One module as a block: what it imports is taken out of the table, what it exports put in."""
    body = _COMMENT.sub("", source if source.endswith("\n") else f"{source}\n")
    if _TABLE in body or _LOAD in body:
        raise NotJoinable(f"{path} uses the name {_TABLE} or {_LOAD}")
    taken = "".join(_taken(path, found[1], found[2]) for found in _IMPORT.finditer(body))
    body = _IMPORT.sub("", body)
    given: list[str] = []
    for found in _EXPORTED.finditer(body):
        names = (_AS.split(name.strip()) for name in found[1].split(",") if name.strip())
        given += [f"{name[-1]}: {name[0]}" for name in names]
    body = _EXPORT.sub(lambda found: _given(found, given), _EXPORTED.sub("", body))
    if left := _LEFT.search(body):
        raise NotJoinable(f"{path} has {left[0].strip()[:80]!r}, which is not understood")
    body = _DYNAMIC.sub(f"{_LOAD}(", body)
    return f'{{ // {path}\n{taken}{body}\n{_TABLE}["{path}"] = {{ {", ".join(given)} }};\n}}\n'


def _taken(path: str, names: str | None, named: str) -> str:
    if names is None:
        return ""
    module = f'{_TABLE}["{_resolve(path, named)}"]'
    if names.startswith("*"):
        return f"const {names.split()[-1]} = {module};\n"
    if names.startswith("{"):
        return f"const {_AS.sub(': ', names)} = {module};\n"
    return f"const {names} = {module}.default;\n"


def _given(found: re.Match[str], given: list[str]) -> str:
    """Note what one ``export`` gives; return what stays of it."""
    default, declared, name = found.groups()
    if name is not None and name != "extends":
        given.append(f"default: {name}" if default else name)
        return declared
    if default is None:
        return found[0]
    given.append("default: $default")
    return f"const $default = {declared or ''}"


def _loading(index: str, folder: str, styles: list[str], pages: Mapping[str, str]) -> str:
    """The page, which loads joined files rather than each by itself."""
    holds = " ".join(styles)
    link = f'<link rel="stylesheet" href="{folder}/styles.css" data-holds="{holds}">\n'
    ahead = "".join(f'<link rel="modulepreload" href="{folder}/page-{name}.js">\n' for name in pages)
    first = True

    def replaced(_: re.Match[str]) -> str:
        nonlocal first
        text, first = (link if first else ""), False
        return text

    page = _STYLE.sub(replaced, index)
    page = _EARLY.sub(f'<script src="{folder}/early.js"></script>', page)
    return page.replace(_SCRIPT, f'<script src="{folder}/main.js" type="module"></script>\n{ahead}'.rstrip("\n"))
