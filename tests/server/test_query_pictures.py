"""Pictures to search with, kept for a day."""

import hashlib
import os
import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.server.conftest import jpeg, refused
from yunmeng.errors import PictureError
from yunmeng.library import Library
from yunmeng.server.query_pictures import QueryPictures


def test_a_picture_is_kept_by_its_digest_and_given_back(client: TestClient) -> None:
    picture = jpeg(1)
    digest = hashlib.sha256(picture).hexdigest()
    kept = client.post("/v1/query-pictures", files={"file": picture})
    assert kept.json() == {"sha256": digest}
    given = client.get(f"/v1/query-pictures/{digest}")
    assert (given.content, given.headers["Content-Type"]) == (picture, "image/jpeg")


@pytest.mark.parametrize("digest", ["0" * 64, "x", "..", "../../library.toml", "%2e%2e%2flibrary.toml"])
def test_what_is_not_kept_is_gone(client: TestClient, digest: str) -> None:
    response = client.get(f"/v1/query-pictures/{digest}")
    assert response.status_code in (404, 410)


def test_nothing_but_pictures_is_kept(client: TestClient, library: Library) -> None:
    refused(client.post("/v1/query-pictures", files={"file": b"<svg onload=alert()>"}), 415, "unsupported")
    assert not (library.path / "cache" / "query-pictures").exists()


def test_after_its_time_a_picture_is_gone_and_its_file_too(tmp_path: Path) -> None:
    pictures = QueryPictures(tmp_path, seconds=60)
    digest = pictures.keep(jpeg(1))
    assert pictures.read(digest) == jpeg(1)
    before = time.time() - 61
    os.utime(tmp_path / digest, (before, before))
    assert pictures.read(digest) is None
    other = pictures.keep(jpeg(2))
    assert [path.name for path in tmp_path.iterdir()] == [other]


@pytest.mark.parametrize("limit", ["most_files", "most_bytes"])
def test_the_oldest_make_room(tmp_path: Path, limit: str) -> None:
    sizes = [len(jpeg(seed)) for seed in range(4)]
    most = 2 if limit == "most_files" else sum(sizes[2:])
    pictures = QueryPictures(tmp_path, **{limit: most})
    digests = []
    for seed in range(4):
        digests.append(pictures.keep(jpeg(seed)))
        at = time.time() - 10 + seed
        os.utime(tmp_path / digests[-1], (at, at))
    assert [pictures.read(digest) is not None for digest in digests] == [False, False, True, True]


def test_what_is_larger_than_all_room_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PictureError):
        QueryPictures(tmp_path, most_bytes=100).keep(jpeg(1))
