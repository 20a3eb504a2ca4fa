"""Re-ranked, grouped and explained searches over HTTP agree with the library itself."""

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.needing import need
from tests.server.conftest import png, refused
from yunmeng.library import Library
from yunmeng.search import STEPS
from yunmeng.search.metrics import METRICS
from yunmeng.types import Metric, StepName

pytestmark = pytest.mark.usefixtures("filled")


def post(client: TestClient, **query: Any) -> Any:
    response = client.post("/v1/search", json=query)
    assert response.status_code == 200, response.text
    return response.json()


def test_the_names_are_those_of_the_steps_and_metrics() -> None:
    assert set(get_args(StepName)) == set(STEPS)
    assert set(get_args(Metric)) == set(METRICS)


def test_order_and_explanation_are_those_of_the_library(client: TestClient, library: Library) -> None:
    asked: dict[str, Any] = {"rerank": ["average", "diverse"], "metric": "manhattan", "explain": True}
    hits = library.search(id="004.jpg", k=5, **asked)
    data = Path(library.get("004.jpg").uri).read_bytes()
    sent = client.post("/v1/search/upload", files={"file": ("q.jpg", data)}, data={"k": 5, **asked})
    for answer in (post(client, id="004.jpg", k=5, **asked), sent.json()):
        assert [hit["id"] for hit in answer["hits"]] == [hit.id for hit in hits]
        told = [[part["step"] for part in hit["explanation"]] for hit in answer["hits"]]
        assert told == [[part.step for part in hit.explanation] for hit in hits]
        assert told[0] == ["search", "manhattan", "average", "diverse"]
        ranks = [hit["explanation"][-1]["rank"] for hit in answer["hits"]]
        assert ranks == [1, 2, 3, 4, 5]
        assert answer["hits"][0]["explanation"][-1]["score"] == answer["hits"][0]["score"]
        assert "rerank" in answer["timings"]
    assert "explanation" not in post(client, id="004.jpg")["hits"][0]


def test_one_hit_a_group_and_pages_of_them(client: TestClient, library: Library) -> None:
    groups = [hit.id for hit in library.search(id="004.jpg", k=50, group_by="category")]
    whole = post(client, id="004.jpg", group_by="category")
    assert [hit["id"] for hit in whole["hits"]] == groups
    assert whole["next_offset"] is None
    first = post(client, id="004.jpg", group_by="category", k=1)
    assert first["next_offset"] == 1
    assert post(client, id="004.jpg", group_by="category", k=1, offset=1)["hits"][0]["id"] == groups[1]


def test_what_cannot_be_done_is_refused(client: TestClient) -> None:
    twice = client.post("/v1/search", json={"id": "003.jpg", "rerank": ["expand", "diverse", "expand"]})
    assert (twice.status_code, twice.json()["error"]["code"]) == (422, "query")
    refused(client.post("/v1/search", json={"id": "004.jpg", "rerank": ["magic"]}), 422, "invalid")
    refused(client.post("/v1/search", json={"id": "004.jpg", "metric": "chebyshev"}), 422, "invalid")
    message = refused(client.post("/v1/search", json={"vector": [1.0] * 32, "rerank": ["geometry"]}), 422, "query")
    assert "one picture or id" in message
    refused(client.post("/v1/search", json={"id": "004.jpg", "group_by": "price"}), 422, "filter")


def test_geometry_says_where_the_query_lies(client: TestClient, library: Library) -> None:
    need("cv2", extra="copies")
    coarse = np.random.default_rng(3).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize((400, 300), Image.Resampling.BICUBIC)
    library.add(png(picture), id="whole")
    part = png(picture.crop((200, 0, 400, 300)))
    sent = client.post("/v1/search/upload", files={"file": ("q.png", part)}, data={"rerank": "geometry"})
    first = sent.json()["hits"][0]
    assert first["id"] == "whole"
    x, y = np.array(first["alignment"]["outline"]).T
    assert [x.min(), x.max(), y.min(), y.max()] == pytest.approx([0.5, 1, 0, 1], abs=0.03)
    assert first["alignment"]["target_overlap"] == pytest.approx(0.5, abs=0.05)
    assert not first["alignment"]["mirrored"]
    assert post(client, id="whole", rerank=["geometry"])["hits"][0]["alignment"]["inliers"] > 20
