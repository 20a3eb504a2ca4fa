"""The log of queries: what is counted, kept and forgotten."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.conftest import STATES, state_of
from yunmeng.schemas import SearchOptions, SearchQuery
from yunmeng.server.query_log import QueryLog
from yunmeng.state import Queries, Query, State


@pytest.fixture(params=STATES)
def state_url(request: pytest.FixtureRequest) -> str:
    return state_of(request)


NOW = datetime.now(UTC)


def query(value: str, count: int = 1, age: float = 0, **wanted: object) -> Query:
    return Query("text", value, wanted, count, NOW - timedelta(days=age))


def counted(queries: Queries, limit: int = 100) -> list[tuple[str, str, int]]:
    return [(found.kind, found.value, found.count) for found in queries.popular(limit)]


def test_counts_add_up_and_the_latest_wish_counts(state_url: str, tmp_path: Path) -> None:
    with State.open(tmp_path / "state.db", state_url) as state:
        queries = Queries(state)
        queries.add([query("red", 2, age=2, k=5), query("blue", 3, age=1)])
        queries.add([query("red", 2, k=7)])
    with State.open(tmp_path / "state.db", state_url) as state:
        first, second = Queries(state).popular(10)
        assert (first.value, first.count, first.wanted, first.last_at) == ("red", 4, {"k": 7}, NOW)
        assert (second.value, second.count) == ("blue", 3)
        assert [found.value for found in Queries(state).popular(1)] == ["red"]
        assert Queries(state).popular(10, "id", "url") == []


def test_what_nobody_asks_any_more_is_forgotten(state_url: str, tmp_path: Path) -> None:
    with State.open(tmp_path / "state.db", state_url) as state:
        queries = Queries(state)
        queries.add([query("old", 1000, age=91), query("new", age=89)])
        assert counted(queries) == [("text", "new", 1)]


def test_only_the_most_popular_are_kept(state_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yunmeng.state.queries.KEPT", 5)
    with State.open(tmp_path / "state.db", state_url) as state:
        queries = Queries(state)
        queries.add(query(f"{number}", number + 1) for number in range(20))
        assert [value for _, value, _ in counted(queries)] == ["19", "18", "17", "16", "15"]


def test_more_than_one_statement_holds(state_url: str, tmp_path: Path) -> None:
    with State.open(tmp_path / "state.db", state_url) as state:
        queries = Queries(state)
        for _ in range(2):
            queries.add(query(f"{number}") for number in range(1200))
        assert {count for _, _, count in counted(queries, 2000)} == {2}
        assert len(queries.popular(2000)) == 1200


def test_what_is_asked_is_counted_by_picture(state_url: str, tmp_path: Path) -> None:
    with State.open(tmp_path / "state.db", state_url) as state:
        log = QueryLog(Queries(state))
        region = {"x": 0, "y": 0, "w": 0.5, "h": 0.5}
        for asked in (
            {"id": "a"},
            {"id": "a", "k": 24, "filter": "price < 5", "fields": ["uri"]},
            {"id": "a", "offset": 10},  # a further page
            {"id": "a", "region": region},
            {"url": "https://pictures.example/a.jpg"},
            {"text": "red dress"},
            {"vector": [1.0, 0.0]},
            {"text": "red", "mix": [{"text": "blue"}]},
        ):
            log.note(SearchQuery.model_validate(asked), None)
        log.note(SearchOptions(), b"a picture")
        log.note(SearchOptions(k=3), b"a picture")
        assert Queries(state).popular(10) == []  # not while people wait
        log.write()
        found = Queries(state).popular(10)
        shown = [(one.kind, one.value, one.count, one.wanted.get("region")) for one in found if one.kind != "sha256"]
        assert sorted(shown, key=lambda one: one[:3]) == [
            ("id", "a", 1, region),
            ("id", "a", 2, None),
            ("text", "red dress", 1, None),
            ("url", "https://pictures.example/a.jpg", 1, None),
        ]
        (sent,) = [one for one in found if one.kind == "sha256"]
        assert sent.count == 2
        state.copy_to(tmp_path / "copy.db")
        assert b"a picture" not in (tmp_path / "copy.db").read_bytes()


def test_the_memory_of_the_log_is_bounded(state_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yunmeng.server.query_log.MOST", 3)
    with State.open(tmp_path / "state.db", state_url) as state:
        log = QueryLog(Queries(state))
        for value in ("a", "b", "c", "d", "a"):
            log.note(SearchQuery(id=value), None)
        log.write()
        assert sorted(counted(Queries(state))) == [("id", "a", 2), ("id", "b", 1), ("id", "c", 1)]
