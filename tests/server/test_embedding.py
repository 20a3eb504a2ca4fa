"""Web sites that show the shop in a frame, and call its search."""

from pathlib import Path

import pytest

from tests.server.conftest import Open, jpeg, refused
from tests.server.test_guard import bearer
from yunmeng.config import ServerSettings
from yunmeng.errors import SettingsError
from yunmeng.library import Library
from yunmeng.state import Keys

SITE = "https://shop.example"
FROM_SITE = {"Origin": SITE, "Sec-Fetch-Site": "cross-site"}
FROM_OTHER = {"Origin": "https://other.example", "Sec-Fetch-Site": "cross-site"}


def test_the_page_may_be_framed_by_these_sites_only(open_server: Open) -> None:
    client = open_server(embed_origins=[SITE])
    framed = client.get("/?embed=1").headers
    assert f"frame-ancestors {SITE}" in framed["Content-Security-Policy"]
    assert "X-Frame-Options" not in framed
    for path, other in (("/", client), ("/?embed=1", open_server())):
        headers = other.get(path).headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Frame-Options"] == "DENY"


def test_pages_of_these_sites_may_search_and_nothing_else(open_server: Open) -> None:
    client = open_server(embed_origins=[SITE])
    asked = client.options("/v1/shop/search", headers={**FROM_SITE, "Access-Control-Request-Method": "POST"})
    assert asked.status_code == 200
    assert asked.headers["Access-Control-Allow-Origin"] == SITE
    answer = client.post("/v1/shop/search", json={"text": "x"}, headers=FROM_SITE)
    assert answer.headers["Access-Control-Allow-Origin"] == SITE
    refused(answer, 422, "query")  # there is no catalogue
    for path, body in (
        ("/v1/shop/products/remove", {"ids": ["x"]}),
        ("/v1/pictures/delete", {"ids": ["x"]}),
        ("/v1/search", {"id": "x"}),
    ):
        refused(client.post(path, json=body, headers=FROM_SITE), 403, "cross-origin")
    refused(client.post("/v1/shop/search", json={"text": "x"}, headers=FROM_OTHER), 403, "cross-origin")
    assert "Access-Control-Allow-Origin" not in client.get("/v1/shop", headers=FROM_OTHER).headers
    assert "Access-Control-Allow-Origin" not in client.get("/v1/library", headers=FROM_SITE).headers


def test_thumbnails_may_be_shown_elsewhere(open_server: Open, filled: Library) -> None:
    assert open_server(embed_origins=[SITE]).get("/v1/thumbnails/000.jpg").headers["Cross-Origin-Resource-Policy"] == (
        "cross-origin"
    )
    assert open_server().get("/v1/thumbnails/000.jpg").headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_everyone_may_search_then_at_a_limited_rate(open_server: Open, library: Library) -> None:
    client = open_server(keys_required=True, embed_origins=[SITE], rate_limit="5/minute")
    assert client.get("/v1/session").json()["scopes"] == ["search"]
    assert client.get("/v1/shop").json() == {"products": 0}
    refused(client.post("/v1/shop/products/remove", json={"ids": ["x"]}), 401, "no-key")
    secret = Keys(library.state).create("keeper", "admin")[1]
    assert client.post("/v1/query-pictures", files={"file": jpeg(1)}, headers=bearer(secret)).status_code == 200
    assert 429 in [client.get("/v1/shop").status_code for _ in range(6)]
    assert client.get("/v1/shop", headers=bearer(secret)).status_code == 200


@pytest.mark.parametrize("origin", ["shop.example", "https://shop.example/path", "*", "https://a.example;b"])
def test_an_origin_that_is_none_is_told(origin: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("YUNMENG_SERVER_EMBED_ORIGINS", f'["{origin}"]')
    with pytest.raises(SettingsError, match="YUNMENG_SERVER_EMBED_ORIGINS"):
        ServerSettings.load()
