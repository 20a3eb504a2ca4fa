"""The console in a few files: what is joined, what is refused, and how it is served."""

import gzip
import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from tests.live import serving
from tests.server.conftest import refused
from yunmeng.apps import APPS
from yunmeng.library import Library
from yunmeng.server import create_app
from yunmeng.server.bundle import NotJoinable, bundle

INDEX = """<link rel="stylesheet" href="console/a.css">
<link rel="stylesheet" href="console/b.css">
<script src="console/early.js"></script>
<script src="console/main.js" type="module"></script>
"""
EARLY = {"/console/early.js": "0;", "/console/a.css": "a{}", "/console/b.css": "b{}"}
PAGE = "/console/pages/liked/page.js"


def joined(main: str, **modules: str) -> str:
    """The joined module of a console with this ``main.js`` and these modules in its folder ``lib``."""
    sources = {f"/console/lib/{name}.js": text for name, text in modules.items()}
    return bundle({**EARLY, **sources, "/console/main.js": main}, INDEX, {}).files["main.js"]


def test_a_module_comes_once_and_after_those_that_it_imports() -> None:
    text = joined(
        'import { a } from "/console/lib/a.js";\nimport { b } from "./lib/b.js";\nmain(a, b);\n',
        a='import { b } from "./b.js";\nexport const a = b;\n',
        b="export const b = 1;\n",
    )
    assert re.findall(r"^\{ // (.*)", text, re.M) == ["/console/lib/b.js", "/console/lib/a.js", "/console/main.js"]


@pytest.mark.parametrize(
    ("taken", "given"),
    [
        ("{ a, b as c }", "const { a, b: c } ="),
        ("* as all", "const all ="),
        ("one", 'const one = $modules["/console/lib/m.js"].default;'),
    ],
)
def test_imports(taken: str, given: str) -> None:
    assert given in joined(f'import {taken} from "./lib/m.js";\n', m="export default 1;\n")


@pytest.mark.parametrize(
    ("written", "table"),
    [
        ("export const a = 1;", "{ a }"),
        ("export async function a() {}", "{ a }"),
        ("export class A {}", "{ A }"),
        ("export default class A {}", "{ default: A }"),
        ("export default class extends A {}", "{ default: $default }"),
        ("export default [];", "{ default: $default }"),
        ("const a = 1, b = 2;\nexport { a, b as c };", "{ a: a, c: b }"),
    ],
)
def test_exports(written: str, table: str) -> None:
    text = joined('import "./lib/m.js";\n', m=written)
    assert f'$modules["/console/lib/m.js"] = {table};' in text
    assert "export " not in text.replace("export const $modules", "")


def test_comments_on_lines_of_their_own_go_and_what_looks_like_one_stays() -> None:
    text = joined('// one\n/** two\n * two */\nconst a = "// three"; // four\nconst b = /\\/\\*/;\n')
    assert "one" not in text
    assert "two" not in text
    assert 'const a = "// three"; // four\nconst b = /\\/\\*/;' in text


@pytest.mark.parametrize(
    "main",
    [
        "export let a = 1;",
        "export const { a } = b;",
        'export * from "./lib/m.js";',
        'import m, { n } from "./lib/m.js";',
        'import { n } from "https://elsewhere.invalid/m.js";',
        'import { n } from "./lib/missing.js";',
        'import "./main.js";',
        "const $modules = 1;",
        "log(import.meta.url);",
    ],
)
def test_what_is_not_understood_is_refused(main: str) -> None:
    with pytest.raises(NotJoinable):
        joined(main, m="export const n = 1;")


def test_pages_of_applications_are_files_of_their_own_that_share_the_consoles_modules() -> None:
    sources = {
        **EARLY,
        "/console/main.js": "const load = (name) => import(`/console/pages/${name}/page.js`);\n",
        "/console/lib/t.js": "export const t = 1;\n",
        "/console/pages/liked/own.js": "export const own = 1;\n",
        "/console/pages/liked/page.css": "liked{}",
        PAGE: 'import { t } from "/console/lib/t.js";\nimport { own } from "./own.js";\nexport default class P {}\n',
    }
    found = bundle(sources, INDEX, {"liked": PAGE})
    page = found.files["page-liked.js"]
    assert "/console/lib/t.js" in re.findall(r"^\{ // (.*)", found.files["main.js"], re.M)
    assert re.findall(r"^\{ // (.*)", page, re.M) == ["/console/pages/liked/own.js", PAGE]
    assert page.startswith('import { $modules } from "./main.js";')
    assert '{ "/console/pages/liked/page.js": "./page-liked.js" }' in found.files["main.js"]
    assert found.files["styles.css"] == "a{}b{}liked{}"
    assert found.page.count("stylesheet") == 1
    assert f'"console/joined/{found.version}/main.js"' in found.page


def test_the_version_is_that_of_the_contents() -> None:
    def version(main: str) -> str:
        return bundle({**EARLY, "/console/main.js": main}, INDEX, {}).version

    assert version("a();") == version("a();") != version("b();")


def test_the_page_loads_files_that_may_be_kept_for_good(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["Cache-Control"] == "no-cache"
    links = re.findall(r'(?:src|href)="(console/joined/[^"]+)"', page.text)
    pages = {"page-duplicates.js", "page-copyright.js", "page-shop.js", "page-recommend.js"}
    assert {Path(link).name for link in links} == {"styles.css", "early.js", "main.js", *pages}
    for link in links:
        answer = client.get(link)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Content-Security-Policy"] == page.headers["Content-Security-Policy"]
        plain = client.get(link, headers={"Accept-Encoding": "identity"})
        assert "Content-Encoding" not in plain.headers
        assert plain.text == answer.text


def test_a_file_of_another_version_is_answered_and_not_kept(client: TestClient) -> None:
    assert client.get("/console/joined/before/main.js").headers["Cache-Control"] == "no-cache"
    refused(client.get("/console/joined/before/other.js"), 404, "not-found")


def test_modules_stay_there_one_by_one(client: TestClient) -> None:
    page = client.get("/?plain").text
    assert '<script src="console/main.js" type="module"></script>' in page
    assert "joined" not in page


def test_a_page_that_cannot_be_joined_leaves_the_console_as_it_is(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "page.js").write_text('export * from "./other.js";\n', encoding="utf-8")
    monkeypatch.setattr("yunmeng.apps.APPS", [replace(APPS[0], page=tmp_path)])
    with TestClient(create_app(library), base_url="http://localhost") as client:
        assert '<script src="console/main.js" type="module"></script>' in client.get("/").text
        refused(client.get("/console/joined/any/main.js"), 404, "not-found")


def test_long_json_is_compressed_and_events_are_not(filled: Library) -> None:
    with serving(create_app(filled)) as url, httpx.Client(base_url=url, timeout=60) as client:
        with client.stream("GET", "/openapi.json") as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert gzip.decompress(b"".join(answer.iter_raw())).startswith(b"{")
        assert "Content-Encoding" not in client.get("/openapi.json", headers={"Accept-Encoding": "identity"}).headers
        assert "Content-Encoding" not in client.get("/health").headers
        assert "Content-Encoding" not in client.get("/v1/thumbnails/000.jpg").headers
        number = client.post("/v1/imports", json={"paths": ["https://nowhere.invalid/"]}).json()["number"]
        with client.stream("GET", f"/v1/imports/{number}/events") as events:
            assert "Content-Encoding" not in events.headers
            assert next(events.iter_lines())
