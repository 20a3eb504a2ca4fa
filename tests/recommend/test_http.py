"""Recommendation over HTTP, and by the client."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.live import serving
from tests.server.conftest import HERE, refused
from yunmeng.client import Client
from yunmeng.config import ServerSettings
from yunmeng.library import Library
from yunmeng.server import create_app

AT = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def http(shop: Library) -> Iterator[TestClient]:
    with TestClient(create_app(shop, ServerSettings()), base_url=HERE, raise_server_exceptions=False) as client:
        yield client


def record(http: TestClient, *pictures: str, kind: str = "like", user: str = "ann") -> Any:
    events = [{"user": user, "picture": picture, "kind": kind} for picture in pictures]
    response = http.post("/v1/recommend/events", json={"events": events})
    assert response.status_code == 200, response.text
    return response.json()


def test_a_feed_changes_with_each_event(http: TestClient) -> None:
    answer = record(http, "cats/00", "cats/01", "dogs/00")
    assert (answer["added"], answer["known"], len(set(answer["ids"]))) == (2, 0, 3)
    assert answer["failed"] == [{"picture": "dogs/00", "reason": "the library has no picture with this id"}]
    page = http.get("/v1/recommend/picks", params={"user": "ann", "k": 5}).json()
    assert [pick["picture"]["id"][:4] for pick in page["picks"]] == ["cats"] * 5
    assert page["next_offset"] == 5
    assert page["picks"][0]["source"] == "taste"
    assert page["picks"][0]["because"]["picture"] in ("cats/00", "cats/01")
    assert page["picks"][0]["because"]["kind"] == "like"
    hidden = record(http, page["picks"][0]["picture"]["id"], kind="hide")
    after = http.get("/v1/recommend/picks", params={"user": "ann", "k": 5}).json()
    assert page["picks"][0]["picture"]["id"] not in [pick["picture"]["id"] for pick in after["picks"]]
    assert http.delete(f"/v1/recommend/events/{hidden['ids'][0]}").json() == {"forgotten": True}
    assert http.get("/v1/recommend/picks", params={"user": "ann", "k": 5}).json() == page


def test_pages_end_where_nothing_is_left(http: TestClient) -> None:
    record(http, "cats/00")
    offset: int | None = 0
    ids = []
    while offset is not None:
        params: dict[str, Any] = {"user": "ann", "k": 30, "offset": offset}
        page = http.get("/v1/recommend/picks", params=params).json()
        ids += [pick["picture"]["id"] for pick in page["picks"]]
        offset = page["next_offset"]
    assert len(ids) == len(set(ids)) == 79


def test_requests_that_are_none(http: TestClient) -> None:
    refused(http.get("/v1/recommend/picks"), 422, "invalid")
    refused(http.get("/v1/recommend/picks", params={"user": "a", "k": 101}), 422, "invalid")
    refused(http.get("/v1/recommend/picks", params={"user": "a", "offset": 200}), 422, "invalid")
    refused(http.get("/v1/recommend/picks", params={"user": "a", "filter": "x ="}), 422, "filter")
    refused(http.get("/v1/recommend/picks", params={"user": "a\n"}), 422, "query")
    refused(http.get("/v1/recommend/similar/dogs/00"), 404, "not-found")
    refused(http.post("/v1/recommend/tastes/mute", json={"user": "a", "picture": "cats/00"}), 404, "not-found")
    for wrong in ({"kind": "love"}, {"user": ""}, {"at": "yesterday"}, {"price": 3}):
        event = {"user": "a", "picture": "cats/00", "kind": "like", **wrong}
        refused(http.post("/v1/recommend/events", json={"events": [event]}), 422, "invalid")
    refused(http.post("/v1/recommend/events", json={"events": []}), 422, "invalid")


def test_the_client(shop: Library) -> None:
    with serving(create_app(shop, ServerSettings())) as url, Client(url) as client:
        recorded = client.record_event("小林", "cats/00", "like", AT, "e/1")
        assert (recorded.added, recorded.ids) == (1, ["e/1"])
        again = client.record_events(
            [
                {"user": "小林", "picture": "cats/00", "kind": "like", "id": "e/1"},
                {"user": "小林", "picture": "cars/00", "kind": "buy"},
            ]
        )
        assert (again.added, again.known) == (1, 1)
        picks = client.recommend("小林", k=4, filter="price > 2")
        assert {pick.picture.id[:4] for pick in picks.picks} == {"cats", "cars"}
        assert client.recommend("小林", k=2, offset=2, filter="price > 2").picks == picks.picks[2:]
        assert [pick.because and pick.because.picture for pick in client.recommend_similar("cats/00", k=2).picks] == [
            "cats/00"
        ] * 2
        assert [taste.pictures for taste in client.tastes("小林").tastes] == [["cars/00"], ["cats/00"]]
        assert [taste.muted for taste in client.mute_taste("小林", "cars/00").tastes] == [True, False]
        told = client.export_user("小林")
        assert [(event.picture, event.at) for event in told.events if event.id == "e/1"] == [("cats/00", AT)]
        assert told.muted == ["cars/00"]
        assert client.forget_event("e/1").forgotten
        assert client.erase_user("小林").erased == 1
        assert client.export_user("小林").events == []
