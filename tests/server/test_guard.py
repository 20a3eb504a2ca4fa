"""Keys, scopes, rate limits, sessions, and what other web sites may not do."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.conftest import CommandLine
from tests.server.conftest import HERE, SCHEMA, Open, jpeg, refused
from yunmeng.config import ServerSettings, Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library
from yunmeng.server import create_app
from yunmeng.state import Keys, State
from yunmeng.types import Scope

ORDERS: list[tuple[str, str, dict[str, Any], Scope]] = [
    ("GET", "/v1/library", {}, "search"),
    ("GET", "/v1/attributes", {}, "search"),
    ("GET", "/v1/pictures", {}, "search"),
    ("GET", "/v1/pictures/x", {}, "search"),
    ("GET", "/v1/thumbnails/x", {}, "search"),
    ("GET", "/v1/originals/x", {}, "search"),
    ("GET", "/v1/previews", {"params": {"url": "file:///x"}}, "search"),
    ("POST", "/v1/search", {"json": {"id": "x"}}, "search"),
    ("POST", "/v1/search/upload", {"files": {"file": jpeg(1)}}, "search"),
    ("POST", "/v1/subject", {"json": {"id": "x"}}, "search"),
    ("POST", "/v1/subject/upload", {"files": {"file": jpeg(1)}}, "search"),
    ("POST", "/v1/compare", {"data": {"a_id": "x", "b_id": "x"}}, "search"),
    ("POST", "/v1/why", {"json": {"hit": "x", "id": "x"}}, "search"),
    ("POST", "/v1/why/upload", {"data": {"hit": "x"}, "files": {"file": b"x"}}, "search"),
    ("POST", "/v1/compare/evidence", {"data": {"a_id": "x", "b_id": "x"}}, "search"),
    ("POST", "/v1/match", {"json": {"id": "x"}}, "search"),
    ("POST", "/v1/match/upload", {"files": {"file": jpeg(1)}}, "search"),
    ("POST", "/v1/query-pictures", {"files": {"file": jpeg(1)}}, "search"),
    ("GET", "/v1/query-pictures/{digest}", {}, "search"),
    ("GET", "/v1/folders", {}, "search"),
    ("GET", "/v1/colors", {}, "search"),
    ("GET", "/v1/saved-searches", {}, "search"),
    ("PUT", "/v1/saved-searches/{name}", {"json": {"query": "/?id=x"}}, "write"),
    ("DELETE", "/v1/saved-searches/{name}", {}, "write"),
    ("GET", "/metrics", {}, "search"),
    ("POST", "/v1/pictures", {"files": {"files": b"x"}}, "write"),
    ("POST", "/v1/pictures/url", {"json": {"url": "file:///x"}}, "write"),
    ("POST", "/v1/pictures/delete", {"json": {"ids": ["x"]}}, "write"),
    ("DELETE", "/v1/pictures/x", {}, "write"),
    ("PUT", "/v1/attributes/x", {"json": {"attributes": {}}}, "write"),
    ("POST", "/v1/attributes", {"json": {"ids": ["x"]}}, "write"),
    ("POST", "/v1/duplicates", {"json": {}}, "write"),
    ("GET", "/v1/duplicates", {}, "write"),
    ("POST", "/v1/duplicates/cancel", {}, "write"),
    ("GET", "/v1/duplicates/groups", {}, "write"),
    ("POST", "/v1/duplicates/groups/1", {"json": {"discard": []}}, "write"),
    ("POST", "/v1/duplicates/groups/1/undo", {}, "write"),
    ("GET", "/v1/copyright", {}, "search"),
    ("GET", "/v1/copyright/works", {}, "search"),
    ("POST", "/v1/copyright/works", {"json": {"id": "x", "owner": "x"}}, "write"),
    ("POST", "/v1/copyright/works/upload", {"data": {"owner": "x"}, "files": {"file": jpeg(1)}}, "write"),
    ("GET", "/v1/copyright/works/1", {}, "search"),
    ("POST", "/v1/copyright/works/1/correct", {"json": {}}, "write"),
    ("POST", "/v1/copyright/works/1/withdraw", {"json": {}}, "write"),
    ("GET", "/v1/copyright/works/1/proof", {}, "search"),
    ("GET", "/v1/copyright/register", {}, "search"),
    ("POST", "/v1/copyright/verify", {"json": {}}, "write"),
    ("POST", "/v1/copyright/stamp", {}, "write"),
    ("POST", "/v1/copyright/check", {"json": {"id": "x"}}, "search"),
    ("POST", "/v1/copyright/check/upload", {"files": {"file": jpeg(1)}}, "search"),
    ("GET", "/v1/shop", {}, "search"),
    ("POST", "/v1/shop/search", {"json": {"text": "x"}}, "search"),
    ("POST", "/v1/shop/search/upload", {"files": {"file": jpeg(1)}}, "search"),
    ("POST", "/v1/shop/objects", {"json": {"url": "x"}}, "search"),
    ("POST", "/v1/shop/objects/upload", {"files": {"file": jpeg(1)}}, "search"),
    ("GET", "/v1/shop/similar/x", {}, "search"),
    ("GET", "/v1/shop/products", {}, "search"),
    ("GET", "/v1/shop/products/x", {}, "search"),
    ("POST", "/v1/shop/products/remove", {"json": {"ids": ["x"]}}, "write"),
    ("POST", "/v1/shop/clicks", {"json": {"search": "x", "product": "x"}}, "search"),
    ("GET", "/v1/shop/clicks", {}, "write"),
    ("POST", "/v1/copyright/check/library", {}, "admin"),
    ("POST", "/v1/shop/import", {"files": {"file": ("x.csv", b"x")}}, "admin"),
    ("POST", "/v1/recommend/events", {"json": {"events": [{"user": "a", "picture": "x", "kind": "like"}]}}, "write"),
    ("DELETE", "/v1/recommend/events/x", {}, "write"),
    ("GET", "/v1/recommend/picks", {"params": {"user": "a"}}, "write"),
    ("GET", "/v1/recommend/similar/x", {}, "search"),
    ("GET", "/v1/recommend/tastes", {"params": {"user": "a"}}, "write"),
    ("POST", "/v1/recommend/tastes/mute", {"json": {"user": "a", "picture": "x"}}, "write"),
    ("GET", "/v1/recommend/user", {"params": {"user": "a"}}, "write"),
    ("DELETE", "/v1/recommend/user", {"params": {"user": "a"}}, "write"),
    ("POST", "/v1/copyright/report", {"json": {"id": "x"}}, "write"),
    ("POST", "/v1/copyright/report/upload", {"files": {"file": jpeg(1)}}, "write"),
    ("GET", "/v1/copyright/findings", {}, "write"),
    ("GET", "/v1/copyright/watches", {}, "write"),
    ("POST", "/v1/copyright/watches", {"json": {"url": "https://127.0.0.1:1/x", "every": 900}}, "admin"),
    ("DELETE", "/v1/copyright/watches/1", {}, "admin"),
    ("POST", "/v1/copyright/findings/1/dismiss", {}, "write"),
    ("GET", "/v1/imports", {}, "admin"),
    ("POST", "/v1/imports", {"json": {"paths": ["/nowhere"]}}, "admin"),
    ("GET", "/v1/imports/1", {}, "admin"),
    ("GET", "/v1/imports/1/events", {}, "admin"),
    ("GET", "/v1/imports/1/failures", {}, "admin"),
    ("POST", "/v1/imports/1/cancel", {}, "admin"),
    ("POST", "/v1/imports/1/resume", {}, "admin"),
    ("GET", "/v1/jobs", {}, "admin"),
    ("POST", "/v1/jobs", {"json": {"kind": "nothing"}}, "admin"),
    ("GET", "/v1/jobs/1", {}, "admin"),
    ("GET", "/v1/jobs/1/events", {}, "admin"),
    ("GET", "/v1/jobs/1/failures", {}, "admin"),
    ("POST", "/v1/jobs/1/cancel", {}, "admin"),
    ("POST", "/v1/jobs/1/resume", {}, "admin"),
    ("GET", "/v1/encoders", {}, "admin"),
    ("GET", "/v1/warm", {}, "admin"),
    ("POST", "/v1/warm", {"json": {"top": 1}}, "admin"),
]
SCOPES: list[Scope] = ["search", "write", "admin"]


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def keys(library: Library) -> Keys:
    return Keys(library.state)


def test_the_list_of_orders_is_whole(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    described = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    listed = {(method, path.replace("/1", "/{number}").replace("/x", "/{id}")) for method, path, _, _ in ORDERS}
    opened = {("GET", "/health"), ("GET", "/ready")} | {(each, "/v1/session") for each in ("GET", "POST", "DELETE")}
    assert described == listed | opened


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Iterator[tuple[TestClient, Keys]]:
    """One server that demands keys, and its keys, for all orders: whatever they change, each needs its scope."""
    settings = Settings(cache_dir=cache_dir, batch_size=4, private_urls=True)
    place = tmp_path_factory.mktemp("guarded") / "library"
    with Library.create(place, FakeEncoder(), SCHEMA, settings) as library:  # type: ignore[arg-type]
        app = create_app(library, ServerSettings(), keys_required=True)
        with TestClient(app, base_url=HERE, raise_server_exceptions=False) as client:
            yield client, Keys(library.state)


@pytest.mark.parametrize(("method", "path", "body", "needed"), ORDERS, ids=[f"{one[0]} {one[1]}" for one in ORDERS])
def test_each_order_needs_its_scope(
    guarded: tuple[TestClient, Keys], method: str, path: str, body: dict[str, Any], needed: Scope
) -> None:
    client, keys = guarded
    refused(client.request(method, path, **body), 401, "no-key")
    refused(client.request(method, path, headers=bearer("ym_wrong"), **body), 401, "wrong-key")
    for scope in SCOPES:
        response = client.request(method, path, headers=bearer(keys.create("x", scope)[1]), **body)
        if SCOPES.index(scope) < SCOPES.index(needed):
            refused(response, 403, "scope")
        else:
            assert response.status_code not in (401, 403, 500), response.text


def test_health_is_open_to_all(open_server: Open) -> None:
    client = open_server(keys_required=True)
    assert client.get("/health").json()["status"] == "ok"
    assert client.get("/v1/session").json() == {
        "keys_required": True,
        "scope": None,
        "scopes": [],
        "name": None,
    }
    assert client.get("/").status_code == 200


def test_a_session_is_a_cookie_that_scripts_cannot_read(open_server: Open, keys: Keys) -> None:
    client = open_server(keys_required=True)
    key, secret = keys.create("console", "write")
    refused(client.post("/v1/session", json={"key": "ym_wrong"}), 401, "wrong-key")
    response = client.post("/v1/session", json={"key": secret})
    allowed = ["search", "write"]
    assert response.json() == {"keys_required": True, "scope": "write", "scopes": allowed, "name": "console"}
    cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert client.get("/v1/library").status_code == 200
    assert client.get("/v1/session").json()["scope"] == "write"
    assert keys.revoke(key.id)
    client.app.state.context.guard._known.clear()  # type: ignore[attr-defined]  # as five seconds do
    refused(client.get("/v1/library"), 401, "wrong-key")
    assert client.get("/v1/session").json()["scope"] is None
    client.delete("/v1/session")
    refused(client.get("/v1/library"), 401, "no-key")


def test_keys_are_kept_as_digests_only(library: Library, keys: Keys) -> None:
    _, secret = keys.create("x", "admin")
    files = [path for path in library.path.rglob("*") if path.is_file()]
    assert any(path.name == "state.db" for path in files)
    assert not any(secret.removeprefix("ym_").encode() in path.read_bytes() for path in files)


def test_each_key_has_its_rate(open_server: Open, keys: Keys) -> None:
    client = open_server(keys_required=True, rate_limit="5/minute")
    hasty, other = (bearer(keys.create(name, "search")[1]) for name in ("hasty", "other"))
    statuses = [client.get("/v1/library", headers=hasty).status_code for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2
    response = client.get("/v1/library", headers=hasty)
    refused(response, 429, "rate-limit")
    assert 1 <= int(response.headers["Retry-After"]) <= 61
    assert client.get("/v1/library", headers=other).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_web_sites_may_not_change_anything(client: TestClient, library: Library, headers: dict[str, str]) -> None:
    files = {"files": ("a.jpg", jpeg(1))}
    refused(client.post("/v1/pictures", files=files, headers=headers), 403, "cross-origin")
    assert library.count() == 0
    own = {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/v1/pictures", files=files, headers=own).status_code == 200


def test_a_name_that_is_made_to_point_here_is_refused(open_server: Open) -> None:
    client = open_server(allowed_hosts=["photos.lan"])
    for host in ("evil.example", "127.0.0.1.evil.example"):
        refused(client.get("/v1/library", headers={"Host": host}), 403, "host")
    for host in ("localhost:8000", "127.0.0.1", "[::1]:80", "photos.lan"):
        assert client.get("/v1/library", headers={"Host": host}).status_code == 200


def test_a_server_with_keys_answers_under_any_name(open_server: Open, keys: Keys) -> None:
    headers = bearer(keys.create("x", "search")[1]) | {"Host": "shop.example"}
    assert open_server(keys_required=True).get("/v1/library", headers=headers).status_code == 200


def test_keys_by_command(yunmeng: CommandLine, tmp_path: Path, library: Library) -> None:
    """While this process has the library open, as a server would."""
    made = yunmeng("keys", "create", "店", "--scope", "write", "--db", library.path, "--json")
    key = json.loads(made.stdout)
    assert (key["name"], key["scope"], key["key"][:3]) == ("店", "write", "ym_")
    with State.open(library.path / "state.db", library.config.state) as state:
        found = Keys(state).find(key["key"])
        assert found is not None
        assert (found.id, found.scope) == (key["id"], "write")
    listed = yunmeng("keys", "list", "--db", library.path)
    assert key["id"] in listed.stdout
    assert key["key"] not in listed.stdout
    assert yunmeng("keys", "revoke", key["id"], "--db", library.path).returncode == 0
    again = yunmeng("keys", "revoke", key["id"], "--db", library.path)
    assert (again.returncode, key["id"] in again.stderr) == (1, True)
    nowhere = yunmeng("keys", "list", "--db", tmp_path / "nowhere")
    assert (nowhere.returncode, nowhere.stderr.count("\n")) == (2, 1)
