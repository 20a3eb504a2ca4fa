"""Comparing and matching over HTTP agree with the library itself."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pytest_httpserver import HTTPServer
from starlette.testclient import TestClient

from tests.conftest import paint
from tests.copies.scenes import scene
from tests.needing import need
from tests.server.conftest import Open, jpeg, png, refused
from yunmeng.library import Library
from yunmeng.state import Keys
from yunmeng.types import Scope

need("cv2", extra="copies")


@pytest.fixture(autouse=True)
def works(filled: Library, tmp_path: Path) -> None:
    """Beside the pictures of the shop, three that have much to recognise: work/0 to work/2."""
    for number in range(3):
        path = tmp_path / f"work{number}.png"
        scene(number, (480, 360)).save(path)
        filled.add(path, id=f"work/{number}", attributes={"category": "art"})


def cut(number: int) -> bytes:
    return png(scene(number, (480, 360)).crop((80, 60, 400, 300)))


def test_compare(client: TestClient, library: Library) -> None:
    data = Path(library.get("005.jpg").uri).read_bytes()
    mirrored = png(paint(5).transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    same = client.post("/v1/compare", files={"a": data}, data={"b_id": "005.jpg"}).json()
    assert (same["verdict"], same["same_file"], same["phash_distance"], same["pdq_distance"]) == (
        "same-file",
        True,
        0,
        0,
    )
    assert same["score"] == pytest.approx(1, abs=1e-5)
    assert set(same["timings"]) == {"read", "encode", "align", "total"}
    again = client.post("/v1/compare", files={"a": data, "b": png(paint(5))}).json()
    assert (again["verdict"], again["same_file"], again["edits"]) == ("same-picture", False, [])
    other = client.post("/v1/compare", files={"a": mirrored}, data={"b_id": "005.jpg"}).json()
    assert other["phash_distance"] > 10
    assert other["edits"] == [{"name": "flip", "amount": None, "detail": "mirrored left to right"}]
    assert other["alignment"]["mirrored"]
    assert other["score"] == pytest.approx(float(library.embed(mirrored) @ library.embed(data)), abs=1e-4)
    by_id = client.post("/v1/compare", data={"a_id": "work/1", "b_id": "work/2"}).json()
    assert (by_id["verdict"], by_id["alignment"]) == ("different", None)
    first, second = (library.get(id, vector=True).vector for id in ("work/1", "work/2"))
    assert first is not None
    assert second is not None
    assert by_id["score"] == pytest.approx(float(first @ second), abs=1e-5)


def test_a_crop_is_told_with_its_place(client: TestClient, library: Library) -> None:
    found = client.post("/v1/compare", files={"a": cut(1)}, data={"b_id": "work/1"}).json()
    expected = library.compare(cut(1), library.get("work/1"))
    assert expected.alignment is not None
    assert found["verdict"] == "edited-copy"
    assert [tuple(point) for point in found["alignment"]["outline"]] == list(expected.alignment.outline)
    assert found["alignment"]["transform"] == list(expected.alignment.transform)
    assert found["alignment"]["target_overlap"] == pytest.approx(expected.alignment.target_overlap)
    assert [edit["name"] for edit in found["edits"]] == ["crop"]


def test_what_cannot_be_compared(client: TestClient, library: Library) -> None:
    for path in ("/v1/compare", "/v1/compare/evidence"):
        refused(client.post(path, data={"a_id": "001.jpg"}), 422, "query")
        refused(client.post(path, files={"a": jpeg(1)}, data={"a_id": "1", "b_id": "2"}), 422, "query")
        refused(client.post(path, data={"a_id": "001.jpg", "b_id": "nobody"}), 404, "not-found")
        refused(client.post(path, data={"a_id": "001.jpg", "b_url": "/etc/passwd"}), 422, "query")
        refused(client.post(path, files={"a": b"words", "b": jpeg(1)}), 415, "not-a-picture")
        refused(client.post(path, data={"a_id": "x" * 1025, "b_id": "y"}), 422, "invalid")
    Path(library.get("003.jpg").uri).unlink()
    refused(client.post("/v1/compare", data={"a_id": "001.jpg", "b_id": "003.jpg"}), 410, "gone")


def test_evidence_is_a_picture_that_nobody_keeps(client: TestClient) -> None:
    answer = client.post("/v1/compare/evidence", files={"a": cut(1)}, data={"b_id": "work/1"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")
    assert answer.headers["Cache-Control"] == "no-store"
    with Image.open(io.BytesIO(answer.content)) as image:
        assert (image.format, image.width) == ("PNG", 1600)


def test_evidence_holds_the_comparison_and_the_names(client: TestClient, library: Library) -> None:
    found = client.post("/v1/compare", files={"a": cut(1)}, data={"b_id": "work/1"}).json()
    names = {"a_name": "suspect", "b_name": "原图"}
    for named, called in ((names, ("suspect", "原图")), ({}, ("", "work/1"))):
        answer = client.post("/v1/compare/evidence", files={"a": cut(1)}, data={"b_id": "work/1", **named})
        drawn = library.evidence(cut(1), library.get("work/1"), called).picture
        with Image.open(io.BytesIO(answer.content)) as image:
            assert np.array_equal(np.asarray(image), np.asarray(drawn))
            assert {**json.loads(image.info["comparison"]), "timings": {}} == {**found, "timings": {}}
    too_long = {"a_id": "work/1", "b_id": "work/2", "a_name": "x" * 1025}
    refused(client.post("/v1/compare/evidence", data=too_long), 422, "invalid")


def test_every_way_to_match_finds_the_original(client: TestClient, library: Library, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/cut.png").respond_with_data(cut(1))
    expected = library.match(cut(1), k=3)
    assert expected[0].id == "work/1"
    answers: list[Any] = [
        client.post("/v1/match", json={"url": httpserver.url_for("/cut.png"), "k": 3}),
        client.post("/v1/match/upload", files={"file": cut(1)}, data={"k": "3"}),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert [match["id"] for match in body["matches"]] == [hit.id for hit in expected]
        assert [match["score"] for match in body["matches"]] == pytest.approx([hit.score for hit in expected], abs=1e-3)
        assert body["matches"][0]["attributes"]["category"] == "art"
        assert body["matches"][0]["alignment"]["inliers"] > 8
        assert body["timings"]["total"] > 0
    itself = client.post("/v1/match", json={"id": "work/2", "k": 1}).json()["matches"]
    assert [match["id"] for match in itself] == ["work/2"]


def test_matches_are_filtered_and_cut_off(client: TestClient) -> None:
    def ids(**wanted: str) -> list[str]:
        answer = client.post("/v1/match/upload", files={"file": cut(1)}, data=wanted)
        assert answer.status_code == 200, answer.text
        return [match["id"] for match in answer.json()["matches"]]

    assert ids(min_score="0.5") == ["work/1"]
    assert "work/1" not in ids(filter="category = 'shoes'")
    assert ids(filter="category = 'shoes'", min_score="0.5") == []


def test_what_cannot_be_matched(client: TestClient) -> None:
    refused(client.post("/v1/match", json={"id": "nobody"}), 404, "not-found")
    refused(client.post("/v1/match", json={"id": "001.jpg", "url": "http://x/y"}), 422, "invalid")
    refused(client.post("/v1/match", json={}), 422, "invalid")
    refused(client.post("/v1/match", json={"id": "001.jpg", "k": 0}), 422, "invalid")
    refused(client.post("/v1/match", json={"id": "001.jpg", "min_score": 2}), 422, "invalid")
    refused(client.post("/v1/match", json={"id": "001.jpg", "filter": "colour = 'red'"}), 422, "filter")
    refused(client.post("/v1/match", json={"url": "/etc/passwd"}), 422, "query")
    refused(client.post("/v1/match/upload", files={"file": b"words"}), 415, "not-a-picture")


def test_a_path_is_shown_to_those_who_may_write(open_server: Open, library: Library) -> None:
    client = open_server(keys_required=True)
    scopes: list[Scope] = ["search", "write"]
    shown = []
    for scope in scopes:
        _, secret = Keys(library.state).create("x", scope)
        answer = client.post("/v1/match", json={"id": "work/1", "k": 1}, headers={"Authorization": f"Bearer {secret}"})
        shown.append(answer.json()["matches"][0]["uri"])
    assert shown == [None, library.get("work/1").uri]
