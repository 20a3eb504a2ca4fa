"""A library in Milvus, from the command line and in Python: by several processes at once, with regions and averages."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.caching.libraries import SCHEMA, png
from tests.conftest import CommandLine, write_pictures
from tests.milvus_server import MilvusServer
from yunmeng import stores
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import LibraryExists, QueryError
from yunmeng.library import Library


def test_from_the_command_line_with_several_processes_at_once(
    milvus: MilvusServer, yunmeng: CommandLine, tmp_path: Path
) -> None:
    def asked(*arguments: str | Path) -> Any:
        done = yunmeng(*arguments, "--db", "lib", "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    pictures, url = write_pictures(tmp_path / "pictures", 12), f"{milvus.url}/cli?M=16"
    assert asked("index", pictures, "--store", url, "--attributes", "category:str")["indexed"] == 12
    assert f'store = "{url}"' in (tmp_path / "lib" / "library.toml").read_text()
    assert asked("index", pictures)["skipped"] == 12
    assert asked("info")["pictures"] == 12
    with yunmeng.start("serve", "--db", "lib", "--port", "0") as server:
        address = json_line(server.stdout.readline())
        assert [hit["id"] for hit in asked("search", pictures / "005.jpg", "-k", "3")["hits"]][0] == "005.jpg"
        write_pictures(pictures, 2, start=12)
        assert asked("index", pictures)["indexed"] == 2
        files = {"image": (pictures / "013.jpg").read_bytes()}
        found = httpx.post(f"{address}/v1/search", files=files, timeout=60).json()
        assert found["hits"][0]["id"] == "013.jpg"
        assert yunmeng("delete", "005.jpg", "--db", "lib").returncode == 0
        server.terminate()
    assert "005.jpg" not in {hit["id"] for hit in asked("search", pictures / "005.jpg")["hits"]}


def json_line(line: str) -> str:
    return next(word for word in line.split() if word.startswith("http")).rstrip("/")


def test_a_password_in_the_url_is_refused_and_written_nowhere(yunmeng: CommandLine, tmp_path: Path) -> None:
    pictures = write_pictures(tmp_path / "pictures", 1)
    done = yunmeng("index", pictures, "--db", "lib", "--store", "milvus://root:secret@localhost/photos")
    assert done.returncode == 2
    assert "YUNMENG_MILVUS_PASSWORD" in done.stderr
    assert "secret" not in done.stderr
    assert not any("secret" in file.read_text(errors="replace") for file in tmp_path.rglob("*.toml"))


def test_regions_and_second_vectors_are_kept_in_it_too(
    milvus: MilvusServer, settings: Settings, tmp_path: Path
) -> None:
    url, place = f"{milvus.url}/parts", tmp_path / "library"
    with Library.create(place, FakeEncoder(), SCHEMA, settings, store=url, regions=True, augmented=True) as library:
        for number in range(6):
            library.add(png(number), id=f"{number}", attributes={"category": "ab"[number % 2], "price": number})
        hits = library.search(png(3), k=3, filter="price > 1")
        assert (hits[0].id, len(hits)) == ("3", 3)
        assert library.search(png(1), regions=True)[0].id == "1"
        heads = library.search(png(3), group_by="category")
        assert [hit.attributes["category"] for hit in heads] == ["b", "a"]
        library.augment()
        assert {hit.id for hit in library.search(png(3), augmented=True)} == set("012345")
        with pytest.raises(QueryError, match="not words"):
            library.search(text="anything")
    with Library.open(place, FakeEncoder(), settings) as library:
        assert library.count() == 6
        library.delete(filter="category = 'a'")
        assert {hit.id for hit in library.search(png(3))} == {"1", "3", "5"}
        assert {hit.id for hit in library.search(png(3), regions=True)} == {"1", "3", "5"}
    with pytest.raises(LibraryExists, match="parts_store"):
        Library.create(tmp_path / "other", FakeEncoder(), SCHEMA, settings, store=url)
    for name in ("store", "regions", "augmented"):
        stores.remove(url, place / name)
