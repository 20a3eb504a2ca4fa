"""Every error has the one shape, and a code that is documented."""

import pytest
from starlette.testclient import TestClient

from tests.server.conftest import Open, refused
from yunmeng import errors
from yunmeng.errors import PictureError, Reason, StoreError, YunmengError
from yunmeng.library import Library
from yunmeng.server.errors import CODES, describe


def kinds(root: type[YunmengError]) -> list[type[YunmengError]]:
    """The errors of Yunmeng; those of clients, which are a `ServerError` as well, are no errors of a server."""
    own = [kind for kind in root.__subclasses__() if kind.__module__ == "yunmeng.errors"]
    return [root, *(found for kind in own for found in kinds(kind))]


def raised(kind: type[YunmengError]) -> YunmengError:
    if issubclass(kind, PictureError):
        return kind(Reason.TRUNCATED, "x")
    if kind is errors.MissingExtra:
        return errors.MissingExtra("x", "y")
    error = kind.__new__(kind)
    Exception.__init__(error, "what happened")
    return error


@pytest.mark.parametrize("kind", kinds(YunmengError), ids=lambda kind: kind.__name__)
def test_each_error_has_a_documented_code(kind: type[YunmengError]) -> None:
    status, code, message = describe(raised(kind))
    assert CODES[code] == status
    assert message


def test_each_reason_is_a_code() -> None:
    assert {CODES[reason] for reason in Reason} == {413, 415, 422}


def test_what_the_framework_refuses_has_the_same_shape(client: TestClient) -> None:
    assert "/v1/nothing" in refused(client.get("/v1/nothing"), 404, "not-found")
    response = client.put("/v1/library")
    refused(response, 405, "method")
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
    refused(client.get("/console/nothing.js"), 404, "not-found")
    for broken in (b"{", b"\xff\xfe", b"", b'{"id": "x"'):
        response = client.post("/v1/search", content=broken, headers={"Content-Type": "application/json"})
        assert response.status_code in (400, 422)
        refused(response, response.status_code, "bad-json" if response.status_code == 400 else "invalid")
    deep = client.post("/v1/search", content=b"[" * 100_000, headers={"Content-Type": "application/json"})
    refused(deep, 400, "bad-json")
    refused(client.post("/v1/search", content=b'{"id": "x"}', headers={"Content-Type": "text/plain"}), 422, "invalid")
    refused(client.post("/v1/search", json=[1, 2]), 422, "invalid")
    refused(client.post("/v1/search/upload", content=b"x"), 422, "invalid")
    headers = {"Content-Type": "multipart/form-data"}
    refused(client.post("/v1/search/upload", content=b"x", headers=headers), 400, "bad-request")
    refused(client.get("/v1/imports/99"), 404, "not-found")
    refused(client.get("/v1/imports/99999999999999999999999"), 422, "invalid")


def test_details_name_each_field_that_is_wrong(client: TestClient) -> None:
    response = client.post("/v1/search", json={"id": "x", "k": 0, "min_score": 7})
    refused(response, 422, "invalid")
    details = response.json()["error"]["details"]
    assert {detail["where"] for detail in details} == {"body.k", "body.min_score"}


@pytest.mark.parametrize("error", [RuntimeError("secret inside"), MemoryError(), StoreError("no space left")])
def test_a_failure_inside_says_no_more_than_it_should(
    client: TestClient, library: Library, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(library, "search", fail)
    response = client.post("/v1/search", json={"id": "x"})
    if isinstance(error, StoreError):
        refused(response, 503, "store")
    else:
        assert "secret" not in refused(response, 500, "internal")
    assert client.get("/health").status_code == 200


def test_a_request_id_that_is_given_is_kept(client: TestClient) -> None:
    assert client.get("/health", headers={"X-Request-ID": "shop-17"}).headers["X-Request-ID"] == "shop-17"
    for wrong in ("a b", "x" * 65, "<script>", ""):
        kept = client.get("/health", headers={"X-Request-ID": wrong}).headers["X-Request-ID"]
        assert len(kept) == 32
        assert kept != wrong


def test_all_answers_carry_headers_for_safety(open_server: Open) -> None:
    client = open_server()
    for path in ("/", "/health", "/v1/nothing", "/docs"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "script-src 'unsafe-inline'" not in headers["Content-Security-Policy"]


def test_the_reference_works_without_the_web(client: TestClient) -> None:
    page = client.get("/docs").text
    for path in ("docs/swagger/swagger-ui.css", "docs/swagger/swagger-ui-bundle.js", "docs/page/page.js"):
        assert f'"{path}"' in page  # relative to the page, wherever a proxy shows it
        assert client.get(f"/{path}").status_code == 200
    assert "http" not in page.replace("http-equiv", "")


def test_metrics(client: TestClient) -> None:
    client.post("/v1/search", json={"id": "nobody"})
    client.get("/v1/made-up-by-somebody")
    text = client.get("/metrics").text
    assert 'yunmeng_requests_total{method="POST",route="/v1/search",status="404"} 1.0' in text
    assert "made-up" not in text
    assert "yunmeng_pictures 0.0" in text
    for name in ("yunmeng_request_seconds_bucket", "yunmeng_waiting_requests", "yunmeng_batch_pictures"):
        assert name in text
