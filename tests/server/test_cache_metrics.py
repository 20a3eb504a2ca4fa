"""What the server keeps and asks ahead, and what it tells of that."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.redis_server import RedisServer, running_redis
from tests.server.conftest import HERE, SCHEMA, Open, jpeg, refused
from yunmeng.config import ServerSettings, Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library
from yunmeng.server import create_app
from yunmeng.state import Keys, Queries


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
def shared(redis: RedisServer, tmp_path: Path, settings: Settings) -> Iterator[Library]:
    """A library with five pictures whose answers are kept in Redis, too."""
    own = settings.model_copy(update={"redis_url": redis.url})
    with Library.create(tmp_path / "shared", FakeEncoder(), SCHEMA, own) as library:  # type: ignore[arg-type]
        for number in range(5):
            library.add(jpeg(number), id=f"{number}")
        yield library


def figures(client: TestClient) -> dict[str, float]:
    """All of /metrics that is of caches and what belongs to them."""
    found = re.findall(r"^yunmeng_((?:cache|redis|warmed)\S*) (\S+)$", client.get("/metrics").text, re.MULTILINE)
    return {name: float(value) for name, value in found}


def search(client: TestClient, **query: Any) -> dict[str, Any]:
    response = client.post("/v1/search", json=query)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def settled(client: TestClient) -> dict[str, Any]:
    """What the server says of its warming once it is done."""
    deadline = time.monotonic() + 60
    while (state := client.get("/v1/warm").json())["running"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    found: dict[str, Any] = state
    return found


def test_hits_and_misses_are_counted(filled: Library, open_server: Open) -> None:
    client = open_server(warm=0)
    before = figures(client)
    picture = {"file": jpeg(3)}
    answers = [client.post("/v1/search/upload", files=picture).json() for _ in range(3)]
    other = client.post("/v1/search/upload", files=picture, data={"k": 3}).json()
    assert [answer["cached"] for answer in (*answers, other)] == [False, True, True, False]
    assert answers[0]["hits"] == answers[1]["hits"] == answers[2]["hits"]
    assert "encode" not in other["timings"]
    now = figures(client)

    def grown(name: str) -> float:
        return now[name] - before[name]

    assert grown('cache_hits_total{cache="result",level="process"}') == 2
    assert grown('cache_misses_total{cache="result",level="process"}') == 2
    assert grown('cache_hits_total{cache="vector",level="process"}') == 1
    assert grown('cache_misses_total{cache="vector",level="process"}') == 1
    assert grown('cache_entries{cache="result"}') == 2
    assert grown('cache_entries{cache="vector"}') == 1
    assert now['cache_bytes{cache="result"}'] > 0
    assert not any(name.startswith("redis") for name in now)


def test_a_change_through_the_server_is_seen(filled: Library, client: TestClient) -> None:
    first = search(client, id="001.jpg")["hits"]
    assert search(client, id="001.jpg")["cached"]
    victim = first[1]["id"]
    assert client.delete(f"/v1/pictures/{victim}").status_code == 204
    after = search(client, id="001.jpg")
    assert not after["cached"]
    assert victim not in [hit["id"] for hit in after["hits"]]
    client.put("/v1/attributes/001.jpg", json={"attributes": {"category": "scarves"}})
    assert search(client, id="001.jpg")["hits"][0]["attributes"] == {"category": "scarves"}


def test_redis_is_told_of_and_searches_go_on_without_it(shared: Library, redis: RedisServer) -> None:
    app = create_app(shared, ServerSettings(warm=0))
    with TestClient(app, base_url=HERE) as client:
        answers = [search(client, id="1") for _ in range(2)]
        assert [answer["cached"] for answer in answers] == [False, True]
        now = figures(client)
        assert now['cache_misses_total{cache="result",level="redis"}'] == 1
        assert (now["redis_up"], now["redis_errors_total"]) == (1, 0)
        redis.kill()
        for number in range(5):
            assert search(client, id=f"{number}", k=2)["hits"][0]["id"] == f"{number}"
        assert search(client, id="1", k=2)["cached"]  # in process still
        now = figures(client)
        assert now["redis_up"] == 0
        assert now["redis_errors_total"] == 1


def test_what_was_in_redis_is_there_after_a_restart(shared: Library, settings: Settings, redis: RedisServer) -> None:
    with TestClient(create_app(shared, ServerSettings(warm=0)), base_url=HERE) as client:
        before = search(client, id="1")
    shared.close()
    own = settings.model_copy(update={"redis_url": redis.url})
    with (
        Library.open(shared.path, FakeEncoder(), own) as library,
        TestClient(create_app(library, ServerSettings(warm=0)), base_url=HERE) as client,
    ):
        after = search(client, id="1")
        assert after["cached"]
        assert after["hits"] == before["hits"]
        assert figures(client)['cache_hits_total{cache="result",level="redis"}'] == 1


def test_what_is_ordered_is_asked_ahead(filled: Library, open_server: Open) -> None:
    client = open_server(warm=0)
    ordered: list[dict[str, Any]] = [
        {"id": "001.jpg"},
        {"id": "002.jpg", "k": 3, "filter": "category = 'shoes'", "region": {"x": 0, "y": 0, "w": 0.5, "h": 1}},
        {"text": "000"},
        {"id": "nowhere.jpg"},
    ]
    response = client.post("/v1/warm", json={"queries": ordered})
    assert response.status_code == 202
    assert response.json()["total"] == 4
    state = settled(client)
    assert (state["total"], state["done"], state["failed"]) == (4, 4, 1)
    assert state["failures"] == [{"query": "id:nowhere.jpg", "reason": "no picture has the id nowhere.jpg"}]
    assert all(search(client, **query)["cached"] for query in ordered[:3])
    now = figures(client)
    assert now['warmed_questions_total{outcome="done"}'] == 3
    assert now['warmed_questions_total{outcome="failed"}'] == 1


def test_the_most_popular_are_asked_at_the_start(filled: Library, open_server: Open) -> None:
    client = open_server(warm=0)
    for number, times in ((1, 1), (2, 3), (3, 2)):
        for _ in range(times):
            search(client, id=f"{number:03}.jpg", k=number)
    search(client, text="shoes")
    client.post("/v1/search/upload", files={"file": jpeg(3)})
    client.__exit__(None, None, None)
    popular = Queries(filled.state).popular(10)
    assert [(query.kind, query.value, query.count) for query in popular[:2]] == [
        ("id", "002.jpg", 3),
        ("id", "003.jpg", 2),
    ]
    assert sorted(query.kind for query in popular) == ["id", "id", "id", "sha256", "text"]
    filled.set_attributes("011.jpg", {})  # so that all that was kept is worth nothing
    client = open_server(warm=2)
    deadline = time.monotonic() + 60
    while figures(client).get('warmed_questions_total{outcome="done"}') != 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert search(client, id="002.jpg", k=2)["cached"]
    assert search(client, id="003.jpg", k=3)["cached"]
    assert not search(client, id="001.jpg", k=1)["cached"]
    state = client.post("/v1/warm", json={"top": 50}).json()
    assert state["total"] == 4  # a picture that was sent cannot be asked again
    assert settled(client)["failed"] == 0


def test_a_server_can_be_told_to_count_nothing(filled: Library, open_server: Open) -> None:
    client = open_server(log_queries=False)
    search(client, id="001.jpg")
    client.__exit__(None, None, None)
    assert Queries(filled.state).popular(10) == []


def test_only_admins_warm(filled: Library, open_server: Open) -> None:
    _, secret = Keys(filled.state).create("writer", "write")
    client = open_server(keys_required=True)
    key = {"Authorization": f"Bearer {secret}"}
    refused(client.post("/v1/warm", json={"top": 1}, headers=key), 403, "scope")
    refused(client.get("/v1/warm", headers=key), 403, "scope")


@pytest.mark.parametrize(
    "body", [{}, {"top": 0}, {"top": 20_000}, {"queries": [{}]}, {"queries": [{"id": "a", "z": 1}]}]
)
def test_orders_that_make_no_sense_are_refused(client: TestClient, body: dict[str, Any]) -> None:
    refused(client.post("/v1/warm", json=body), 422, "invalid")


def test_nothing_is_asked_ahead_where_nothing_is_kept(tmp_path: Path, settings: Settings) -> None:
    own = settings.model_copy(update={"cache_entries": 0})
    with (
        Library.create(tmp_path / "library", FakeEncoder(), settings=own) as library,
        TestClient(create_app(library), base_url=HERE) as client,
    ):
        message = refused(client.post("/v1/warm", json={"top": 1}), 422, "query")
        assert "YUNMENG_CACHE_ENTRIES" in message
        refused(client.post("/v1/warm", json={"queries": [{"url": "/etc/passwd"}]}), 422, "query")
