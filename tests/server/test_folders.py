"""Folders of pictures, as their ids tell them."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.server.conftest import jpeg, refused
from yunmeng.library.folders import Folders
from yunmeng.stores.changes import Changes
from yunmeng.types import Record

IDS = ["a.jpg", "photos/2025/x.jpg", "photos/2026/1.jpg", "photos/2026/2.jpg", "photos/2026-old/3.jpg", "photos/y.jpg"]


@pytest.fixture
def shelves(client: TestClient) -> TestClient:
    files = [("files", (f"{at}.jpg", jpeg(at), "image/jpeg")) for at in range(len(IDS))]
    sent = client.post("/v1/pictures", files=files, data={"ids": IDS, "attributes": '{"price": 3}'})
    assert sent.status_code == 200
    client.put("/v1/attributes/photos%2F2026%2F2.jpg", json={"attributes": {"price": 5}})
    return client


def test_folders_are_listed_with_all_that_lies_in_them(shelves: TestClient) -> None:
    assert shelves.get("/v1/folders").json() == [{"path": "photos", "pictures": 5, "has_folders": True}]
    below = shelves.get("/v1/folders", params={"under": "photos"}).json()
    assert {one["path"]: one["pictures"] for one in below} == {
        "photos/2025": 1,
        "photos/2026": 2,
        "photos/2026-old": 1,
    }
    assert not any(one["has_folders"] for one in below)
    assert shelves.get("/v1/folders", params={"under": "nowhere"}).json() == []


def listed(client: TestClient, **asked: str | int) -> Iterator[str]:
    cursor: str | None = None
    while True:
        page = client.get("/v1/pictures", params={**asked, **({"cursor": cursor} if cursor else {})}).json()
        yield from (picture["id"] for picture in page["pictures"])
        cursor = page["next_cursor"]
        if cursor is None:
            return


def test_the_pictures_of_a_folder_are_paged_and_filtered(shelves: TestClient) -> None:
    assert list(listed(shelves, folder="photos/2026")) == IDS[2:4]
    assert sorted(listed(shelves, folder="photos", limit=2)) == sorted(IDS[1:])
    assert list(listed(shelves, folder="photos", filter="price = 5", limit=1)) == ["photos/2026/2.jpg"]
    assert shelves.get("/v1/pictures", params={"folder": "photos", "filter": "price = 3"}).json()["total"] == 4
    refused(shelves.get("/v1/pictures", params={"folder": "photos", "filter": "x ="}), 422, "filter")


def test_what_is_added_later_is_there_and_what_is_deleted_is_not(shelves: TestClient) -> None:
    shelves.get("/v1/folders")
    shelves.delete("/v1/pictures/photos%2F2025%2Fx.jpg")
    assert "photos/2025/x.jpg" not in set(listed(shelves, folder="photos"))


class _Store:
    """As much of a store as folders need."""

    def __init__(self, ids: list[str]) -> None:
        self._ids = ids
        self.changes = Changes()

    def version(self) -> str:
        return "1"

    def iterate(self) -> Iterator[Record]:
        return (Record(id=id, uri=id, sha256="", phash="", pdq="", width=1, height=1) for id in self._ids)


names = st.text("ab-0/.", min_size=1, max_size=6)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(names, unique=True, max_size=20), names.map(lambda name: name.strip("/")))
def test_folders_are_those_of_plain_splitting(ids: list[str], folder: str) -> None:
    prefix = f"{folder}/" if folder else ""
    inside = [id for id in ids if id.startswith(prefix)]
    expected: dict[str, int] = {}
    for id in inside:
        name, slash, _ = id[len(prefix) :].partition("/")
        if slash:
            expected[prefix + name] = expected.get(prefix + name, 0) + 1
    found = Folders().below(_Store(ids), folder)  # type: ignore[arg-type]
    assert {one.path: one.pictures for one in found} == expected
    for one in found:
        assert one.has_folders == any("/" in id[len(one.path) + 1 :] for id in ids if id.startswith(f"{one.path}/"))
