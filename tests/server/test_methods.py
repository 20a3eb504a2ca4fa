"""HEAD like GET without the body, OPTIONS and 405 with the methods that there are."""

import httpx
import pytest
from starlette.testclient import TestClient

from tests.live import serving
from tests.server.conftest import refused
from yunmeng.config import ServerSettings
from yunmeng.library import Library
from yunmeng.server import create_app

PLACES = [
    "/",
    "/docs",
    "/health",
    "/ready",
    "/openapi.json",
    "/console/lib/api.js",
    "/v1/library",
    "/v1/pictures",
    "/v1/pictures/000.jpg",
    "/v1/originals/000.jpg",
    "/v1/thumbnails/000.jpg",
    "/v1/session",
    "/v1/imports",
    "/v1/nothing",
    "/v1/search",
    "/v1/originals/none",
]


def test_head_is_get_without_a_body(filled: Library) -> None:
    with serving(create_app(filled, ServerSettings())) as url, httpx.Client(base_url=url) as client:
        while client.get("/ready").status_code != 200:
            pass
        for place in PLACES:
            got, headed = client.get(place), client.head(place)
            assert headed.status_code == got.status_code, place
            assert headed.content == b""
            for name in ("Content-Type", "Content-Length", "ETag", "Cache-Control", "Allow"):
                assert headed.headers.get(name) == got.headers.get(name), (place, name)
        number = client.post("/v1/imports", json={"paths": ["https://nowhere.invalid/"]}).json()["number"]
        assert client.head(f"/v1/imports/{number}/events").headers["Content-Type"].startswith("text/event-stream")
        tag = client.get("/v1/thumbnails/000.jpg").headers["ETag"]
        assert client.head("/v1/thumbnails/000.jpg", headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize(
    ("place", "methods"),
    [
        ("/health", "GET, HEAD, OPTIONS"),
        ("/v1/search", "OPTIONS, POST"),
        ("/v1/pictures", "GET, HEAD, OPTIONS, POST"),
        ("/v1/pictures/a", "DELETE, GET, HEAD, OPTIONS"),
        ("/console/lib/api.js", "GET, HEAD, OPTIONS"),
    ],
)
def test_options_and_what_is_not_allowed_name_the_methods(client: TestClient, place: str, methods: str) -> None:
    answer = client.options(place)
    assert (answer.status_code, answer.headers["Allow"], answer.content) == (204, methods, b"")
    answer = client.patch(place)
    refused(answer, 405, "method")
    assert answer.headers["Allow"] == methods
    refused(client.options("/v1/nothing"), 404, "not-found")
