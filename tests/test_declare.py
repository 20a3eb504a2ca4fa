"""Attributes that are declared when the library is there already."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import CommandLine, paint
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import FilterError, LibraryError, SchemaError
from yunmeng.library import Library

Make = Callable[..., Path]


@pytest.fixture
def filled(library: Library, make_pictures: Make) -> Library:
    """Seven pictures with a colour, a price as text, and a year, none of them declared."""
    library.index([make_pictures(7)])
    for number, record in enumerate(sorted(library.iterate(), key=lambda record: record.id)):
        library.set_attributes(record.id, {"colour": "red", "cost": f"{number}.50", "year": 2020 + number})
    return library


def test_what_is_declared_can_be_filtered_and_nothing_else_changes(
    filled: Library, tmp_path: Path, settings: Settings
) -> None:
    before = {record.id: record for record in filled.iterate(vectors=True)}
    with pytest.raises(FilterError):
        filled.count("cost < 3")
    report = filled.declare({"cost": "float", "year": "str"})
    assert (report.indexed, report.failed) == (7, [])
    assert filled.schema["cost"] == "float"
    assert "category" in filled.schema  # as it was
    assert filled.count("cost < 3") == 3
    assert [hit.id for hit in filled.search(id="001.jpg", k=3, filter="year = '2021'")] == ["001.jpg"]
    after = {record.id: record for record in filled.iterate(vectors=True)}
    assert after.keys() == before.keys()
    for id, record in after.items():
        assert record.attributes["cost"] == float(str(before[id].attributes["cost"]))
        assert record.attributes["year"] == str(before[id].attributes["year"])
        assert (record.palette, record.pdq, record.sha256) == (before[id].palette, before[id].pdq, before[id].sha256)
        np.testing.assert_array_equal(record.vector, before[id].vector)
    filled.close()
    with Library.open(tmp_path / "library", FakeEncoder(), settings) as again:
        assert (again.schema["cost"], again.count("cost >= 3")) == ("float", 4)
    assert len(list((tmp_path / "library").glob("store*"))) == 1


def test_no_picture_is_read(filled: Library, make_pictures: Make) -> None:
    for record in filled.iterate():
        Path(record.uri).unlink()
    assert filled.declare({"cost": "float"}).failed == []
    assert filled.count("cost > 0") == 7


def test_what_does_not_fit_is_named_and_leaves_the_library_as_it_was(filled: Library) -> None:
    filled.set_attributes("002.jpg", {"cost": "on request"})
    report = filled.declare({"cost": "float"})
    assert [failure.path for failure in report.failed] == ["002.jpg"]
    assert "on request" in report.failed[0].reason
    assert "cost" not in filled.schema
    filled.set_attributes("002.jpg", {"cost": 7})
    assert filled.declare({"cost": "float"}).failed == []
    assert filled.count("cost = 7.0") == 1


def test_what_is_no_longer_declared_keeps_its_values(filled: Library) -> None:
    filled.declare({"colour": "str"})
    filled.declare({"colour": None})
    assert "colour" not in filled.schema
    assert filled.get("000.jpg").attributes["colour"] == "red"


def test_orders_that_make_no_sense(filled: Library) -> None:
    with pytest.raises(SchemaError):
        filled.declare({"cost": "money"})  # type: ignore[dict-item]
    with pytest.raises(LibraryError, match="so already"):
        filled.declare({"category": filled.schema["category"]})


def test_stopped_it_goes_on(filled: Library) -> None:
    stop = threading.Event()
    stop.set()
    assert filled.declare({"cost": "float"}, stop=stop).interrupted
    assert "cost" not in filled.schema
    assert filled.declare({"cost": "float"}).failed == []
    assert filled.count("cost > 0") == 7


def test_parts_and_second_vectors_come_along(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "pictures").mkdir()
    for seed in range(6):
        paint(seed, (200, 200)).save(tmp_path / "pictures" / f"{seed}.png")
    with Library.create(tmp_path / "library", FakeEncoder(), settings=settings, regions=True) as library:
        library.index([tmp_path / "pictures"])
        library.augment()
        library.update_attributes(["2.png"], {"kind": "left"})
        part = paint(2, (200, 200)).crop((0, 0, 80, 80))
        before = library.search(part, regions=True, k=4)
        expanded = library.search(id="1.png", k=4, rerank="expand")
        library.declare({"kind": "str"})
        assert library.info().regions
        assert library.info().augmented
        assert library.search(part, regions=True, k=4) == before
        assert library.search(id="1.png", k=4, rerank="expand") == expanded
        assert [hit.id for hit in library.search(part, regions=True, k=4, filter="kind = 'left'")] == ["2.png"]


def test_by_command(tmp_path: Path, cache_dir: Path, make_pictures: Make) -> None:
    run = CommandLine(tmp_path, cache_dir)
    assert run("index", make_pictures(2), "--db", "library").returncode == 0
    done = run("declare", "price:float, tags:list[str]", "--db", "library")
    assert (done.returncode, done.stdout.strip()) == (0, "Attributes: price:float, tags:list[str].")
    done = run("declare", "--undeclare", "tags", "--db", "library", "--json")
    assert '"attributes": {"price": "float"}' in done.stdout
    for wrong in ((), ("--undeclare", "size"), ("price",), ("price:money",)):
        assert run("declare", *wrong, "--db", "library").returncode == 2
