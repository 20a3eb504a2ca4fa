"""Searches that are saved under a name."""

import pytest
from starlette.testclient import TestClient

from tests.conftest import STATES, state_of
from tests.server.conftest import refused
from yunmeng.errors import QueryError
from yunmeng.library import Library
from yunmeng.state import saved_searches
from yunmeng.state.saved_searches import SavedSearches

NAME = "红色/连衣裙 50%?#"


@pytest.fixture(params=STATES)
def state_url(request: pytest.FixtureRequest) -> str:
    return state_of(request)


def test_searches_are_saved_listed_replaced_and_forgotten(client: TestClient, library: Library) -> None:
    place = "/v1/saved-searches/" + "%E7%BA%A2%E8%89%B2%2F%E8%BF%9E%E8%A1%A3%E8%A3%99%2050%25%3F%23"
    assert client.get("/v1/saved-searches").json() == []
    assert client.put(place, json={"query": "/?text=red+dress"}).json()["name"] == NAME
    client.put(place, json={"query": "/?text=dress"})
    client.put("/v1/saved-searches/A", json={"query": "/library?filter=x"})
    listed = client.get("/v1/saved-searches").json()
    assert [(one["name"], one["query"]) for one in listed] == [("A", "/library?filter=x"), (NAME, "/?text=dress")]
    assert [one.name for one in SavedSearches(library.state).all()] == ["A", NAME]
    assert client.delete(place).status_code == 204
    refused(client.delete(place), 404, "not-found")
    refused(client.put("/v1/saved-searches/B", json={"query": "https://elsewhere"}), 422, "invalid")


def test_there_is_an_end_to_them(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_searches, "MOST", 2)
    searches = SavedSearches(library.state)
    for name in ("a", "b", "a"):
        searches.save(name, "/?id=x")
    with pytest.raises(QueryError):
        searches.save("c", "/?id=x")
