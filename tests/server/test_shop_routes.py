"""A shop over HTTP, and with the clients: imports, searches, products, clicks."""

import csv
import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.server.conftest import Open, jpeg, refused
from tests.subject.scenes import scene
from yunmeng.apps.shop import client as calls
from yunmeng.library import Library
from yunmeng.schemas.call import Call, Pages
from yunmeng.types import Pixels, Region

COLUMNS = ("id", "title", "price", "currency", "category", "stock", "image")


def catalogue(folder: Path, count: int = 6) -> bytes:
    """A catalogue of products 0, 1, ..., with pictures that are made in ``folder``; the last one has no title."""
    folder.mkdir(exist_ok=True)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for number in range(count):
        (folder / f"{number}.jpg").write_bytes(jpeg(number))
        category = "shoes/boots" if number % 2 else "hats"
        writer.writerow((number, f"Product {number}", number + 0.5, "EUR", category, number % 3, f"{number}.jpg"))
    writer.writerow((count, "", 1, "EUR", "", "", "0.jpg"))
    return text.getvalue().encode()


def bring_in(client: TestClient, folder: Path, data: bytes, name: str = "catalogue.csv", **form: Any) -> Any:
    """Import a catalogue, and wait for the end of the job."""
    form = {"folder": str(folder), **form}
    response = client.post("/v1/shop/import", files={"file": (name, data)}, data=form)
    assert response.status_code == 202, response.text
    number = response.json()["job"]
    deadline = time.monotonic() + 60
    while (job := client.get(f"/v1/jobs/{number}").json())["status"] in ("queued", "running"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return job


@pytest.fixture
def filled(client: TestClient, tmp_path: Path) -> TestClient:
    """A server with six products."""
    assert bring_in(client, tmp_path / "shop", catalogue(tmp_path / "shop"))["status"] == "done"
    return client


def test_a_catalogue_is_brought_in_by_a_job(client: TestClient, tmp_path: Path, library: Library) -> None:
    assert client.get("/v1/shop").json() == {"products": 0}
    assert client.get("/v1/shop/products").json() == {"products": [], "total": 0, "next_cursor": None}
    refused(client.post("/v1/shop/search", json={"text": "x"}), 422, "query")
    folder = tmp_path / "shop"
    job = bring_in(client, folder, catalogue(folder))
    assert (job["status"], job["done"], job["failed"], job["error"]) == ("done", 7, 1, None)
    failures = client.get(f"/v1/jobs/{job['number']}/failures").json()["failures"]
    assert failures == [{"path": "line 8 (6)", "reason": "it has no title"}]
    assert client.get("/v1/shop").json() == {"products": 6}
    assert not list((library.path / "cache" / "catalogues").iterdir())
    again = bring_in(client, folder, catalogue(folder, 3), replace="true")
    assert (again["done"], again["skipped"], again["failed"]) == (4, 3, 1)
    assert client.get("/v1/shop").json() == {"products": 4}  # the fourth is named in the row that is wrong: it stays
    failed = bring_in(client, folder, b"id,title,image\n1,,x.jpg\n")
    assert failed["status"] == "failed"
    assert "nothing was changed" in failed["error"]
    refused(client.post("/v1/shop/import", files={"file": ("a.txt", b"x")}), 422, "query")


def test_pictures_are_read_from_allowed_folders_only(open_server: Open, tmp_path: Path) -> None:
    data = catalogue(tmp_path / "outside")
    (tmp_path / "inside").mkdir()
    client = open_server(import_roots=[tmp_path / "inside"])
    job = bring_in(client, tmp_path / "outside", data)
    assert job["status"] == "failed"
    assert "YUNMENG_SERVER_IMPORT_ROOTS" in job["error"]


def test_searching_by_photo_and_words(filled: TestClient) -> None:
    answer = filled.post("/v1/shop/search/upload", files={"file": jpeg(3)}, data={"k": 2}).json()
    first = answer["products"][0]
    assert (first["id"], first["title"], first["price"], first["currency"]) == ("3", "Product 3", 3.5, "EUR")
    assert filled.get(f"/v1/thumbnails/{first['picture']}").status_code == 200
    assert answer["next_offset"] == 2
    assert answer["total"] == 6
    assert answer["facets"]["prices"] == [{"currency": "EUR", "least": 0.5, "most": 5.5}]
    assert {guess["category"] for guess in answer["guesses"]} <= {"shoes", "shoes/boots", "hats"}
    form = {"category": "shoes", "sort": "-price", "in_stock": "true", "region": "0,0,0.5,0.5"}
    answer = filled.post("/v1/shop/search/upload", files={"file": jpeg(3)}, data=form).json()
    assert [one["id"] for one in answer["products"]] == ["5", "1"]
    answer = filled.post("/v1/shop/search", json={"text": "Product", "brands": [], "most": 1}).json()
    assert [one["id"] for one in answer["products"]] == ["0"]
    for body in ({}, {"url": "/etc/passwd"}, {"text": "x", "region": {"x": 0, "y": 0, "w": 1, "h": 1}}, {"k": 0}):
        assert filled.post("/v1/shop/search", json=body).status_code in (400, 422)


def png(pixels: Pixels) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def test_the_things_in_a_photo(filled: TestClient) -> None:
    photo = png(scene(Region(0.05, 0.1, 0.3, 0.5), Region(0.6, 0.35, 0.3, 0.5)))
    objects = filled.post("/v1/shop/objects/upload", files={"file": photo}).json()["objects"]
    assert len(objects) == 2
    region = ",".join(str(objects[1]["region"][side]) for side in "xywh")
    assert filled.post("/v1/shop/search/upload", files={"file": photo}, data={"region": region}).status_code == 200
    empty = png(np.full((90, 120, 3), 127, np.uint8))
    assert filled.post("/v1/shop/objects/upload", files={"file": empty}).json() == {"objects": []}
    refused(filled.post("/v1/shop/objects/upload", files={"file": b"no picture"}), 415, "not-a-picture")
    refused(filled.post("/v1/shop/objects", json={"url": "/etc/passwd"}), 422, "query")


def test_products_and_similar_ones(filled: TestClient) -> None:
    page = filled.get("/v1/shop/products", params={"limit": 4}).json()
    rest = filled.get("/v1/shop/products", params={"limit": 4, "cursor": page["next_cursor"]}).json()
    found = [*page["products"], *rest["products"]]
    assert sorted(one["id"] for one in found) == ["0", "1", "2", "3", "4", "5"]
    assert (page["total"], rest["next_cursor"]) == (6, None)
    assert filled.get("/v1/shop/products/2").json()["title"] == "Product 2"
    similar = filled.get("/v1/shop/similar/2").json()["products"]
    assert [one["id"] for one in similar][-2:] in (["0", "3"], ["3", "0"])  # sold out
    for place in ("products/none", "similar/none"):
        refused(filled.get(f"/v1/shop/{place}"), 404, "not-found")
    assert filled.post("/v1/shop/products/remove", json={"ids": ["2", "none"]}).json() == {"removed": 1}


def test_clicks(filled: TestClient) -> None:
    answer = filled.post("/v1/shop/search", json={"text": "Product"}).json()
    chosen = answer["products"][1]["id"]
    click = filled.post("/v1/shop/clicks", json={"search": answer["search"], "product": chosen})
    assert click.status_code == 201
    page = filled.get("/v1/shop/clicks").json()
    assert page["clicks"] == [click.json()]
    assert (page["clicks"][0]["place"], page["clicks"][0]["query"], page["next_after"]) == (2, "Product", None)
    refused(filled.post("/v1/shop/clicks", json={"search": "x", "product": chosen}), 404, "not-found")


def test_the_calls_of_clients(filled: TestClient, tmp_path: Path) -> None:
    def send(call: Call[Any]) -> Any:
        files = (
            None
            if call.parts is None
            else [(name, content if content[0] is not None else (None, content[1])) for name, content in call.parts]
        )
        response = filled.request(call.method, call.path, params=call.params, json=call.json, files=files)
        assert response.status_code < 300, response.text
        return call.read(response.content)

    def every(pages: Pages[Any, Any]) -> list[Any]:
        found: list[Any] = []
        call: Call[Any] | None = pages.first
        while call is not None:
            answer = send(call)
            found += pages.items(answer)
            call = pages.following(answer)
        return found

    (tmp_path / "photo.jpg").write_bytes(jpeg(4))
    assert send(calls.shop()).products == 6
    for photo in (jpeg(4), tmp_path / "photo.jpg", str(tmp_path / "photo.jpg")):
        answer = send(calls.search_products(photo, region=(0, 0, 1, 1), category="hats", in_stock=True))
        assert answer.products[0].id == "4"
        assert len(send(calls.objects_in_photo(photo)).objects) <= 5
    answer = send(calls.search_products(text="Product", brands=[], k=3))
    assert len(answer.products) == 3
    assert len(every(calls.products(page=4))) == 6
    assert send(calls.product("4")).title == "Product 4"
    assert len(send(calls.similar_products("4", k=2)).products) == 2
    send(calls.click_product(answer.search, answer.products[0].id))
    assert [click.place for click in every(calls.product_clicks(page=1))] == [1]
    assert send(calls.remove_products(["4"])).removed == 1
    (tmp_path / "more.csv").write_bytes(catalogue(tmp_path / "shop", 2))
    assert send(calls.import_catalogue(tmp_path / "more.csv", replace=True, folder=str(tmp_path / "shop"))).job > 0
