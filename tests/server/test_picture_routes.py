"""Pictures over HTTP: add, list, look at, change, delete."""

import hashlib
import json
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image
from pytest_httpserver import HTTPServer
from starlette.testclient import TestClient

from tests.server.conftest import Open, jpeg, png, refused
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.imaging import decode
from yunmeng.library import Library
from yunmeng.schemas import to_wire

ODD_IDS = [
    "a/b.jpg",
    "100%.jpg",
    "a?b#c",
    "红 鞋.jpg",
    "https://shop.example/p.jpg?size=1",
    "x//y",
    "two\nlines",
    "./a",
    "../a",
    "a/../b",
    "a/.",
    "/",
    "/etc/passwd",
    "a\\b",
    "nul\0",
    "...",
    ".",
    "..",
    "\udc80.jpg",
    " ",
]


def at(kind: str, id: str) -> str:
    return f"/v1/{kind}/{quote(to_wire(id), safe='')}"


def add(client: TestClient, *files: bytes, **fields: Any) -> Any:
    response = client.post("/v1/pictures", files=[("files", ("p.jpg", data)) for data in files], data=fields)
    assert response.status_code == 200, response.text
    return response.json()["results"]


def test_pictures_are_added_found_and_kept(client: TestClient, library: Library) -> None:
    results = add(client, jpeg(1), jpeg(2), ids=["shoe", "hat"], attributes=json.dumps([{"price": 3}, {"price": 4.5}]))
    assert results == [{"id": id, "status": "added", "same_as": []} for id in ("shoe", "hat")]
    shoe = client.get("/v1/pictures/shoe").json()
    assert (shoe["attributes"], shoe["width"], shoe["height"]) == ({"price": 3.0}, 64, 48)
    assert shoe["sha256"] == hashlib.sha256(jpeg(1)).hexdigest()
    assert client.get("/v1/originals/shoe").content == jpeg(1)
    assert Path(library.get("shoe").uri).is_relative_to(library.path.absolute() / "uploads")
    assert library.search(jpeg(2), k=1)[0].id == "hat"


def test_adding_again_changes_nothing(client: TestClient, library: Library, encoder: FakeEncoder) -> None:
    add(client, jpeg(1), ids="shoe", attributes='{"price": 3}')
    before = library.get("shoe")
    encoded = encoder.encoded
    assert add(client, jpeg(1), ids="shoe", attributes='{"price": 3}') == [
        {"id": "shoe", "status": "unchanged", "same_as": []}
    ]
    assert add(client, jpeg(1), ids="shoe") == [{"id": "shoe", "status": "unchanged", "same_as": []}]
    assert (library.get("shoe"), encoder.encoded) == (before, encoded)
    assert add(client, jpeg(1), ids="shoe", attributes='{"price": 5}') == [
        {"id": "shoe", "status": "updated", "same_as": []}
    ]
    assert (library.get("shoe").attributes, encoder.encoded) == ({"price": 5.0}, encoded)
    assert add(client, jpeg(2), ids="shoe") == [{"id": "shoe", "status": "replaced", "same_as": []}]
    replaced = library.get("shoe")
    assert (replaced.attributes, replaced.sha256) == ({"price": 5.0}, hashlib.sha256(jpeg(2)).hexdigest())
    assert [path.read_bytes() for path in uploads(library)] == [jpeg(2)]
    digest = hashlib.sha256(jpeg(3)).hexdigest()
    assert add(client, jpeg(3)) == [{"id": digest, "status": "added", "same_as": []}]
    assert add(client, jpeg(3)) == [{"id": digest, "status": "unchanged", "same_as": []}]
    assert library.count() == 2


def test_files_of_one_request_with_the_same_id_replace_each_other_in_their_order(
    client: TestClient, library: Library
) -> None:
    results = add(client, jpeg(1), jpeg(2), jpeg(2), jpeg(3), ids=["x"] * 4)
    assert [result["status"] for result in results] == ["added", "replaced", "unchanged", "replaced"]
    assert library.get("x").sha256 == hashlib.sha256(jpeg(3)).hexdigest()
    assert [path.read_bytes() for path in uploads(library)] == [jpeg(3)]


def uploads(library: Library) -> list[Path]:
    return [path for path in (library.path / "uploads").rglob("*") if path.is_file()]


def test_a_bad_picture_does_not_stop_the_others(client: TestClient, library: Library) -> None:
    results = add(client, jpeg(1), b"words", jpeg(2)[:900], b"", jpeg(3), ids=["a", "b", "c", "d", "e"])
    codes = [result.get("status") or result["error"]["code"] for result in results]
    assert codes == ["added", "not-a-picture", "truncated", "empty", "added"]
    assert library.count() == 2
    assert len(uploads(library)) == 2
    response = client.post("/v1/pictures", files=[("files", jpeg(2)[:900]), ("files", b"words")])
    refused(response, 422, "truncated")
    details = response.json()["error"]["details"]
    assert [detail["error"]["code"] for detail in details] == ["truncated", "not-a-picture"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"attributes": "{"}, "query"),
        ({"attributes": "3"}, "query"),
        ({"attributes": "[{}, {}]"}, "query"),
        ({"attributes": '{"price": "cheap"}'}, "bad-attribute"),
        ({"ids": ["a", "b"]}, "query"),
        ({"ids": "x" * 2000}, "bad-id"),
    ],
)
def test_what_cannot_be_added(client: TestClient, fields: dict[str, Any], code: str) -> None:
    refused(client.post("/v1/pictures", files=[("files", jpeg(1))], data=fields), 422, code)


def test_many_at_once_from_many_callers(client: TestClient, library: Library) -> None:
    threads = [
        threading.Thread(target=add, args=(client, *(jpeg(n * 10 + i) for i in range(5))), kwargs={}) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert library.count() == 40
    assert len(uploads(library)) == 40


def test_a_picture_from_the_web(client: TestClient, library: Library, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a.jpg").respond_with_data(jpeg(1))
    url = httpserver.url_for("/a.jpg")
    assert client.post("/v1/pictures/url", json={"url": url}).json() == {"id": url, "status": "added", "same_as": []}
    order = {"url": url, "id": "a", "attributes": {"price": 1}}
    assert client.post("/v1/pictures/url", json=order).json() == {"id": "a", "status": "added", "same_as": [url]}
    assert client.post("/v1/pictures/url", json=order).json() == {"id": "a", "status": "unchanged", "same_as": []}
    assert client.get(at("pictures", url)).json()["uri"] == url
    assert client.get(at("originals", url)).content == jpeg(1)
    httpserver.expect_request("/b.jpg").respond_with_data(jpeg(2))
    moved = {"url": httpserver.url_for("/b.jpg"), "id": "a"}
    assert client.post("/v1/pictures/url", json=moved).json() == {"id": "a", "status": "replaced", "same_as": []}
    assert library.get("a").sha256 == hashlib.sha256(jpeg(2)).hexdigest()
    httpserver.expect_request("/page").respond_with_data("<html>")
    response = client.post("/v1/pictures/url", json={"url": httpserver.url_for("/page")})
    refused(response, 415, "not-a-picture")
    refused(client.post("/v1/pictures/url", json={"url": str(library.path / "library.toml")}), 422, "query")


def test_its_thumbnail_needs_no_second_visit(client: TestClient, httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request("/a.jpg").respond_with_data(jpeg(1, (900, 600)))
    client.post("/v1/pictures/url", json={"url": httpserver.url_for("/a.jpg"), "id": "a"})
    response = client.get("/v1/thumbnails/a")
    assert (response.status_code, response.headers["Content-Type"]) == (200, "image/webp")
    assert decode(response.content).image.size == (256, 171)


def test_a_preview_of_a_picture_on_the_web(client: TestClient, library: Library, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a.jpg").respond_with_data(jpeg(1, (900, 600)))
    response = client.get("/v1/previews", params={"url": httpserver.url_for("/a.jpg"), "side": 512})
    assert decode(response.content).image.size == (512, 341)
    refused(client.get("/v1/previews", params={"url": str(library.path / "library.toml")}), 422, "query")


@pytest.mark.parametrize("id", ODD_IDS)
def test_odd_ids(client: TestClient, library: Library, id: str) -> None:
    spelt = to_wire(id)
    assert add(client, jpeg(1), ids=spelt) == [{"id": spelt, "status": "added", "same_as": []}]
    assert library.get(id).id == id
    assert client.get(at("pictures", id)).json()["id"] == spelt
    assert client.get(at("thumbnails", id)).status_code == 200
    assert client.put(at("attributes", id), json={"attributes": {"price": 2}}).json()["attributes"] == {"price": 2.0}
    found = client.post("/v1/search", json={"id": spelt}).json()
    assert [hit["id"] for hit in found["hits"]] == [spelt]
    assert client.delete(at("pictures", id)).status_code == 204
    refused(client.get(at("pictures", id)), 404, "not-found")


def test_pages_of_pictures(client: TestClient, filled: Library) -> None:
    seen, cursor = [], None
    while True:
        page = client.get("/v1/pictures", params={"limit": 5} | ({"cursor": cursor} if cursor else {})).json()
        assert page["total"] == 12
        seen += [picture["id"] for picture in page["pictures"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen) == [f"{number:03}.jpg" for number in range(12)]
    some = client.get("/v1/pictures", params={"filter": "category = 'shoes' and price > 0"}).json()
    assert (some["total"], some["next_cursor"]) == (3, None)
    refused(client.get("/v1/pictures", params={"cursor": "xyz"}), 422, "query")
    refused(client.get("/v1/pictures", params={"filter": "x ="}), 422, "filter")
    refused(client.get("/v1/pictures", params={"limit": 0}), 422, "invalid")


@pytest.mark.usefixtures("filled")
def test_attributes_are_replaced(client: TestClient) -> None:
    response = client.put("/v1/attributes/001.jpg", json={"attributes": {"category": "boots", "note": "new"}})
    assert response.json()["attributes"] == {"category": "boots", "note": "new"}
    assert client.get("/v1/pictures", params={"filter": "category = 'boots'"}).json()["total"] == 1
    assert client.get("/v1/pictures", params={"filter": "price = 10"}).json()["total"] == 0
    refused(client.put("/v1/attributes/001.jpg", json={"attributes": {"price": "x"}}), 422, "bad-attribute")
    refused(client.put("/v1/attributes/nobody", json={"attributes": {}}), 404, "not-found")


@pytest.mark.usefixtures("filled")
def test_some_attributes_of_several_pictures_are_changed(client: TestClient) -> None:
    ids = ["001.jpg", "002.jpg", "nobody"]
    before = client.get("/v1/pictures/001.jpg").json()["attributes"]
    changes = {"ids": ids, "values": {"price": 3, "note": None}, "add": {"shown": ["shop"]}}
    assert client.post("/v1/attributes", json=changes).json() == {"changed": 2}
    after = client.get("/v1/pictures/001.jpg").json()["attributes"]
    assert after == {**before, "price": 3.0, "shown": ["shop"]}
    refused(client.post("/v1/attributes", json={"ids": []}), 422, "invalid")
    refused(client.post("/v1/attributes", json={"ids": ids, "values": {"price": "x"}}), 422, "bad-attribute")


def test_deleting(client: TestClient, filled: Library) -> None:
    add(client, jpeg(50), jpeg(50), ids=["one", "two"])
    assert client.get("/v1/thumbnails/one").status_code == 200
    assert client.delete("/v1/pictures/one").status_code == 204
    refused(client.delete("/v1/pictures/one"), 404, "not-found")
    assert client.get("/v1/originals/two").content == jpeg(50)
    uri = Path(filled.get("000.jpg").uri)
    deleted = client.post("/v1/pictures/delete", json={"ids": ["two", "nobody"], "filter": "category = 'shoes'"})
    assert deleted.json() == {"deleted": 5}
    assert filled.count() == 8
    assert uri.exists()
    assert uploads(filled) == []
    assert list((filled.path / "cache").rglob("*.webp")) == []
    refused(client.post("/v1/pictures/delete", json={}), 422, "invalid")
    for filter in ("", "  ", "\u3000"):
        for ids in ([], ["001.jpg"]):
            refused(client.post("/v1/pictures/delete", json={"ids": ids, "filter": filter}), 422, "invalid")
    for filter in ("-- all", "true", "\u200b"):
        refused(client.post("/v1/pictures/delete", json={"ids": ["001.jpg"], "filter": filter}), 422, "filter")
    for order in ({"all": False}, {"all": True, "ids": ["001.jpg"]}, {"all": True, "filter": "true"}, {"all": "yes"}):
        refused(client.post("/v1/pictures/delete", json=order), 422, "invalid")
    refused(client.get("/v1/pictures", params={"filter": " "}), 422, "filter")
    assert client.post("/v1/pictures/delete", json={"ids": []}).json() == {"deleted": 0}
    assert filled.count() == 8
    assert client.post("/v1/pictures/delete", json={"all": True}).json() == {"deleted": 8}
    assert filled.count() == 0


@pytest.mark.parametrize(("side", "size"), [(None, (256, 128)), (128, (128, 64)), (1024, (600, 300))])
def test_thumbnails_are_upright_and_small(client: TestClient, side: int | None, size: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = __import__("io").BytesIO()
    Image.new("RGB", (300, 600), "teal").save(stream, "JPEG", exif=exif)
    add(client, stream.getvalue(), ids="turned")
    for _ in range(2):  # made, and found again
        response = client.get("/v1/thumbnails/turned", params={} if side is None else {"side": side})
        assert decode(response.content).image.size == size
    tag = response.headers["ETag"]
    again = client.get("/v1/thumbnails/turned", params={"side": side or 256}, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_a_thumbnail_of_another_size_is_none(client: TestClient) -> None:
    add(client, jpeg(1), ids="a")
    refused(client.get("/v1/thumbnails/a", params={"side": 300}), 422, "invalid")
    refused(client.get("/v1/thumbnails/b"), 404, "not-found")


def test_an_original_that_went_or_changed(client: TestClient, filled: Library) -> None:
    path = Path(filled.get("001.jpg").uri)
    response = client.get("/v1/originals/001.jpg")
    assert (response.content, response.headers["Content-Type"]) == (path.read_bytes(), "image/jpeg")
    assert client.get("/v1/originals/001.jpg", headers={"If-None-Match": response.headers["ETag"]}).status_code == 304
    path.write_bytes(png(Image.new("RGB", (8, 8))))
    refused(client.get("/v1/originals/001.jpg"), 410, "gone")
    path.unlink()
    refused(client.get("/v1/originals/001.jpg"), 410, "gone")


def test_what_the_library_is(client: TestClient, filled: Library) -> None:
    found = client.get("/v1/library").json()
    assert (found["pictures"], found["encoder"], found["dim"], found["reads_text"]) == (12, "fake", 32, True)
    assert (found["regions"], found["subject"], found["calibrated"]) == (False, False, False)
    assert found["attributes"] == dict(filled.schema)


@pytest.mark.usefixtures("filled")
def test_values_of_the_attributes(client: TestClient) -> None:
    found = {one["name"]: one for one in client.get("/v1/attributes").json()}
    assert found["category"]["values"] == [{"value": "hats", "count": 8}, {"value": "shoes", "count": 4}]
    assert found["tags"]["values"][0] == {"value": "blue", "count": 8}
    assert (found["price"]["min"], found["price"]["max"], found["stock"]["max"]) == (0, 110, 11)
    assert all(one["complete"] for one in found.values())


def test_paths_are_shown_to_those_who_may_write(open_server: Open, filled: Library) -> None:
    from yunmeng.state import Keys

    keys = Keys(filled.state)
    client = open_server(keys_required=True)
    for scope, shown in (("search", None), ("write", filled.get("001.jpg").uri)):
        headers = {"Authorization": f"Bearer {keys.create('x', scope)[1]}"}  # type: ignore[arg-type]
        assert client.get("/v1/pictures/001.jpg", headers=headers).json()["uri"] == shown
        query = {"id": "001.jpg", "fields": ["uri"]}
        assert client.post("/v1/search", json=query, headers=headers).json()["hits"][0]["uri"] == shown
