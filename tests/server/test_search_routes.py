"""Searching over HTTP agrees with the library itself."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pytest_httpserver import HTTPServer
from starlette.testclient import TestClient

from tests.conftest import paint, write_pictures
from tests.server.conftest import HERE, SCHEMA, Open, fill, jpeg, png, refused
from yunmeng.config import ServerSettings, Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library
from yunmeng.server.app import create_app
from yunmeng.types import QueryPart, Region


@pytest.fixture
def client(filled: Library, open_server: Open) -> TestClient:
    return open_server()


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Iterator[TestClient]:
    """The same for questions that are refused, which change nothing: one server for all of them."""
    folder, settings = tmp_path_factory.mktemp("asked"), Settings(cache_dir=cache_dir, batch_size=4, private_urls=True)
    with (
        Library.create(folder / "library", FakeEncoder(), SCHEMA, settings) as library,  # type: ignore[arg-type]
        TestClient(create_app(fill(library, folder), ServerSettings()), base_url=HERE) as client,
    ):
        yield client


def post(client: TestClient, **query: Any) -> Any:
    response = client.post("/v1/search", json=query)
    assert response.status_code == 200, response.text
    return response.json()


def upload(client: TestClient, data: bytes, **fields: Any) -> Any:
    response = client.post("/v1/search/upload", files={"file": ("q.jpg", data)}, data=fields)
    assert response.status_code == 200, response.text
    return response.json()


def test_each_way_to_ask_gives_the_hits_of_the_library(client: TestClient, library: Library) -> None:
    wanted = [(hit.id, pytest.approx(hit.score, abs=1e-5)) for hit in library.search(id="004.jpg", k=5)]
    vector = library.get("004.jpg", vector=True).vector
    assert vector is not None
    data = Path(library.get("004.jpg").uri).read_bytes()
    for answer in (
        post(client, id="004.jpg", k=5),
        post(client, vector=vector.tolist(), k=5),
        upload(client, data, k=5),
    ):
        assert [(hit["id"], hit["score"]) for hit in answer["hits"]] == wanted
        assert answer["next_offset"] == 5
        assert answer["timings"]["total"] >= answer["timings"]["search"] > 0
    assert set(upload(client, jpeg(99))["timings"]) == {"read", "encode", "search", "total"}


def test_pages_join_without_a_seam(client: TestClient) -> None:
    whole = post(client, id="000.jpg", k=12)
    assert whole["next_offset"] is None
    ids, offset = [], 0
    while offset is not None:
        page = post(client, id="000.jpg", k=5, offset=offset)
        ids += [hit["id"] for hit in page["hits"]]
        offset = page["next_offset"]
    assert ids == [hit["id"] for hit in whole["hits"]]
    assert post(client, id="000.jpg", offset=100)["hits"] == []


def test_filter_and_cut_off(client: TestClient) -> None:
    answer = post(client, id="001.jpg", k=4, filter="category = 'shoes'")
    assert [hit["attributes"]["category"] for hit in answer["hits"]] == ["shoes"] * 4
    scores = [hit["score"] for hit in post(client, id="001.jpg", k=12)["hits"]]
    cut = post(client, id="001.jpg", k=12, min_score=scores[3])
    assert [hit["score"] for hit in cut["hits"]] == scores[:4]
    refused(client.post("/v1/search", json={"id": "001.jpg", "filter": "  "}), 422, "filter")


def test_a_region_is_asked_with_as_a_picture_of_its_own(client: TestClient, library: Library) -> None:
    left, right = paint(1, (200, 150)), paint(2, (200, 150))
    collage = Image.new("RGB", (400, 150))
    collage.paste(left, (0, 0))
    collage.paste(right, (200, 0))
    for region, half in (("0,0,0.5,1", left), ("0.5,0,0.5,1", right)):
        found = upload(client, png(collage), region=region, k=3)["hits"]
        assert [hit["id"] for hit in found] == [hit.id for hit in library.search(half, k=3)]
        assert found[0]["score"] == pytest.approx(library.search(half, k=1)[0].score, abs=1e-4)
    whole = post(client, id="002.jpg", k=3)["hits"]
    part = post(client, id="002.jpg", k=3, region={"x": 0, "y": 0, "w": 0.3, "h": 0.3})["hits"]
    assert [hit["score"] for hit in part] != [hit["score"] for hit in whole]


def test_a_small_region_of_a_large_picture_is_not_cut_out_of_a_reduced_copy(tmp_path: Path, settings: Settings) -> None:
    """Noise that a reduced decoding would have blurred away is still there."""
    noise = np.random.default_rng(0).integers(0, 256, (1600, 1600, 3), np.uint8)
    seen = []

    class Watching(FakeEncoder):
        def prepare(self, picture: Any) -> Any:
            seen.append(np.asarray(picture).shape)
            return super().prepare(picture)

    with Library.create(tmp_path / "other", Watching(), settings=settings) as library:
        library.embed(png(Image.fromarray(noise)), region=(0.5, 0.5, 0.25, 0.25))
    assert seen[0] == (400, 400, 3)


def test_fields_that_are_asked_for_come_and_no_others(client: TestClient, library: Library) -> None:
    assert set(post(client, id="003.jpg")["hits"][0]) == {"id", "score", "attributes"}
    assert set(post(client, id="003.jpg", fields=[])["hits"][0]) == {"id", "score"}
    every = ["attributes", "uri", "width", "height", "sha256", "phash", "pdq", "quality"]
    hit = post(client, id="003.jpg", fields=every)["hits"][0]
    record = library.get("003.jpg")
    assert {name: hit[name] for name in every} == {name: getattr(record, name) for name in every}
    assert upload(client, jpeg(3), fields=["sha256", "uri"])["hits"][0].keys() == {"id", "score", "sha256", "uri"}


def test_a_url_is_fetched(filled: Library, open_server: Open, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/q.jpg").respond_with_data(Path(filled.get("007.jpg").uri).read_bytes())
    answer = post(open_server(), url=httpserver.url_for("/q.jpg"), k=1)
    assert (answer["hits"][0]["id"], answer["hits"][0]["score"]) == ("007.jpg", pytest.approx(1, abs=1e-5))


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({}, 422, "invalid"),
        ({"id": "000.jpg", "text": "sea"}, 422, "invalid"),
        ({"id": "nobody"}, 404, "not-found"),
        ({"mix": []}, 422, "invalid"),
        ({"mix": [{"id": "000.jpg", "text": "sea"}]}, 422, "invalid"),
        ({"mix": [{"id": "000.jpg", "weight": 0}]}, 422, "invalid"),
        ({"mix": [{"id": "000.jpg", "weight": 11}]}, 422, "invalid"),
        ({"mix": [{"id": "000.jpg"}] * 51}, 422, "invalid"),
        ({"mix": [{"id": "nobody"}]}, 404, "not-found"),
        ({"mix": [{"url": "/etc/passwd"}]}, 422, "query"),
        ({"mix": [{"id": "000.jpg"}, {"id": "000.jpg", "weight": -1}]}, 422, "query"),
        ({"mix": [{"text": "sea"}, {"id": "000.jpg"}]}, 422, "query"),
        ({"id": "000.jpg", "regions": True}, 422, "query"),
        ({"id": "000.jpg", "min_chance": 0.5}, 422, "query"),
        ({"id": "000.jpg", "min_chance": 2}, 422, "invalid"),
        ({"vector": [1, 2, 3]}, 422, "encoder-mismatch"),
        ({"vector": [0] * 32}, 422, "encoder-mismatch"),
        ({"id": "000.jpg", "filter": "price <"}, 422, "filter"),
        ({"id": "000.jpg", "filter": "colour = 'red'"}, 422, "filter"),
        ({"id": "000.jpg", "k": 0}, 422, "invalid"),
        ({"id": "000.jpg", "k": 100_000}, 422, "invalid"),
        ({"id": "000.jpg", "nonsense": 1}, 422, "invalid"),
        ({"id": "000.jpg", "fields": ["vector"]}, 422, "invalid"),
        ({"id": "000.jpg", "region": {"x": 0.5, "y": 0, "w": 0.6, "h": 1}}, 422, "invalid"),
        ({"vector": [1] * 32, "region": {"x": 0, "y": 0, "w": 1, "h": 1}}, 422, "invalid"),
        ({"url": "/etc/passwd"}, 422, "query"),
        ({"url": "file:///etc/passwd"}, 422, "query"),
    ],
)
def test_what_cannot_be_asked(asked: TestClient, query: dict[str, Any], status: int, code: str) -> None:
    refused(asked.post("/v1/search", json=query), status, code)


@pytest.mark.parametrize("region", ["", "1", "a,b,c,d", "0,0,2,1", "0,0,nan,1", "-1,0,1,1", "0,0,0,0"])
def test_a_region_that_is_none(asked: TestClient, region: str) -> None:
    response = asked.post("/v1/search/upload", files={"file": jpeg(1)}, data={"region": region})
    if region:
        refused(response, 422, "invalid")
    else:
        assert response.status_code == 200


def test_a_mixture_over_http_is_that_of_the_library(client: TestClient, filled: Library) -> None:
    mix = [{"id": "001.jpg", "weight": 0.5}, {"id": "002.jpg", "weight": -0.25}]
    expected = filled.search(
        id="000.jpg", mix=[QueryPart(id="001.jpg", weight=0.5), QueryPart(id="002.jpg", weight=-0.25)], k=5
    )
    assert len(expected) == 5
    answer = client.post("/v1/search", json={"id": "000.jpg", "mix": mix, "k": 5})
    assert [hit["id"] for hit in answer.json()["hits"]] == [hit.id for hit in expected]
    assert [hit["score"] for hit in answer.json()["hits"]] == pytest.approx([hit.score for hit in expected], abs=1e-6)
    picture = Path(filled.get("000.jpg").uri).read_bytes()
    sent = client.post("/v1/search/upload", files={"file": picture}, data={"mix": json.dumps(mix), "k": "5"})
    assert [hit["id"] for hit in sent.json()["hits"]] == [hit.id for hit in expected]
    refused(client.post("/v1/search/upload", files={"file": picture}, data={"mix": "[{"}), 400, "bad-json")
    refused(client.post("/v1/search/upload", files={"file": picture}, data={"mix": '[{"id": 5}]'}), 422, "invalid")


def test_a_mixture_of_files_that_are_sent(client: TestClient, filled: Library) -> None:
    pictures = [jpeg(50), jpeg(51)]
    mix = [{"file": 1}, {"file": 0, "weight": 0.5, "region": {"x": 0, "y": 0, "w": 0.5, "h": 1}}]
    expected = filled.search(
        mix=[QueryPart(pictures[1]), QueryPart(pictures[0], weight=0.5, region=Region(0, 0, 0.5, 1))]
    )
    files = [("files", picture) for picture in pictures]
    answer = client.post("/v1/search/upload", files=files, data={"mix": json.dumps(mix)})
    assert [hit["id"] for hit in answer.json()["hits"]] == [hit.id for hit in expected]
    assert [hit["score"] for hit in answer.json()["hits"]] == pytest.approx([hit.score for hit in expected], abs=1e-6)

    def sent(mix: str, **fields: str) -> Any:
        return client.post("/v1/search/upload", files=files, data={"mix": mix, **fields})

    refused(sent('[{"file": 2}]'), 422, "query")
    for wrong in ('[{"file": -1}]', '[{"file": 0, "id": "000.jpg"}]', '[{"file": "a"}]', "[]"):
        refused(sent(wrong), 422, "invalid")
    refused(sent('[{"file": 0}]', region="0,0,0.5,1"), 422, "invalid")  # of which of them?
    refused(client.post("/v1/search", json={"mix": [{"file": 0}]}), 422, "query")


def test_words_find_names_and_attributes(client: TestClient) -> None:
    answer = client.post("/v1/search", json={"text": "shoes"})
    assert {hit["id"] for hit in answer.json()["hits"]} == {"000.jpg", "003.jpg", "006.jpg", "009.jpg"}
    assert client.post("/v1/search", json={"text": "giraffe"}).json()["hits"] == []


def test_regions_and_chances_are_shown(tmp_path: Path, settings: Settings) -> None:
    folder = write_pictures(tmp_path / "pictures", 60)
    with Library.create(tmp_path / "l", FakeEncoder(), settings=settings, regions=True) as library:
        library.index([folder])
        with TestClient(create_app(library, ServerSettings()), base_url=HERE) as client:
            assert client.get("/v1/library").json()["regions"] is True
            assert client.get("/v1/library").json()["calibrated"] is True
            hit = client.post("/v1/search", json={"id": "005.jpg", "regions": True, "k": 1}).json()["hits"][0]
            assert hit["region"] == {"x": 0, "y": 0, "w": 1, "h": 1}
            assert "chance" not in hit
            assert "band" not in hit
            hits = client.post("/v1/search", json={"id": "005.jpg", "min_chance": 0.5}).json()["hits"]
            assert hits[0]["chance"] > 0.95
            assert all(hit["chance"] >= 0.5 for hit in hits)
            assert "region" not in hits[0]
            assert hits[0]["band"] == "same"


def test_the_subject_of_a_picture(client: TestClient, filled: Library) -> None:
    picture = Image.new("RGB", (200, 100), "white")
    picture.paste((200, 30, 30), (120, 30, 160, 70))
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    found = client.post("/v1/subject/upload", files={"file": stream.getvalue()}).json()
    x, y, w, h = (found["region"][name] for name in "xywh")
    assert x <= 0.66 and y <= 0.4 and x + w >= 0.74 and y + h >= 0.6, found  # noqa: PT018  one box, one check
    assert w * h < 0.5
    assert 0 < found["confidence"] <= 1
    assert client.post("/v1/subject", json={"id": "000.jpg"}).json()["method"] in ("saliency", "centre")
    refused(client.post("/v1/subject", json={"id": "nobody"}), 404, "not-found")
    refused(client.post("/v1/subject", json={}), 422, "invalid")
    refused(client.post("/v1/subject/upload", files={"file": b"x"}), 415, "not-a-picture")
    path = Path(filled.get("001.jpg").uri)
    path.unlink()
    refused(client.post("/v1/subject", json={"id": "001.jpg"}), 410, "gone")
