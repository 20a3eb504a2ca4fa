"""Vectors and records in files and back: the same to the last bit, whole or not at all."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import CommandLine, write_pictures
from tests.stores.examples import ODD, SCHEMA
from tests.stores.kinds import vector_of
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import EncoderMismatch, LibraryFormatError, LibraryNotFound, SourceError
from yunmeng.library import Library, tables
from yunmeng.library.vectors import export_vectors, import_vectors
from yunmeng.stores import pages
from yunmeng.types import Record

DIM = 16


@pytest.fixture
def filled(tmp_path: Path, settings: Settings) -> Iterator[Library]:
    """A library of odd values and odd ids."""
    with Library.create(tmp_path / "library", FakeEncoder(DIM), SCHEMA, settings) as library:
        library.generation.store.upsert(ODD)
        yield library


@pytest.fixture(params=["vectors.parquet", "vectors.npy"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / str(request.param)


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE", 40)
    monkeypatch.setattr(tables, "PAGE", 30)


def contents(library: Library) -> dict[str, tuple[str, bytes]]:
    def told(record: Record) -> tuple[str, bytes]:
        facts = {name: getattr(record, name) for name in Record.__slots__ if name != "vector"}
        return json.dumps(facts, sort_keys=True), vector_of(record).tobytes()

    return {record.id: told(record) for record in library.iterate(vectors=True)}


def test_out_and_in_again_is_the_same(filled: Library, place: Path, tmp_path: Path, settings: Settings) -> None:
    steps: list[tuple[int, int]] = []
    assert export_vectors(filled, place, lambda *step: steps.append(step)) == len(ODD)
    assert steps[-1] == (len(ODD), len(ODD))
    report = import_vectors(place, tmp_path / "new", settings=settings)
    assert (report.indexed, report.skipped, report.failed) == (len(ODD), 0, [])
    with Library.open(tmp_path / "new", FakeEncoder(DIM), settings) as new:
        assert contents(new) == contents(filled)
        assert dict(new.schema) == dict(filled.schema)
        assert new.config.encoder == filled.config.encoder
        again = tmp_path / f"again{place.suffix}"
        export_vectors(new, again)
        new.delete([ODD[3].id])
    if place.suffix == ".npy":
        assert again.read_bytes() == place.read_bytes()
        assert again.with_suffix(".jsonl").read_bytes() == place.with_suffix(".jsonl").read_bytes()
    report = import_vectors(place, tmp_path / "new", settings=settings)
    assert (report.indexed, report.skipped) == (1, len(ODD) - 1)


def test_others_can_read_the_files(filled: Library, tmp_path: Path) -> None:
    import pyarrow.parquet as parquet

    export_vectors(filled, tmp_path / "a.parquet")
    export_vectors(filled, tmp_path / "a.npy")
    rows = parquet.read_table(tmp_path / "a.parquet").to_pylist()
    matrix = np.load(tmp_path / "a.npy")
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert (matrix.shape, matrix.dtype) == ((len(ODD), DIM), np.float32)
    stored = filled.reader.get_many([line["id"] for line in lines], vectors=True)
    for row, line, vector in zip(rows, lines, matrix, strict=True):
        np.testing.assert_array_equal(vector_of(stored[line["id"]]), vector)
        np.testing.assert_array_equal(np.array(row["vector"], np.float32), vector)
        assert row["attributes.price"] == line["attributes"].get("price")
        assert row["attributes.tags"] == line["attributes"].get("tags")
        assert row["sha256"] == line["sha256"]


def test_stopped_they_leave_nothing_half(filled: Library, place: Path, tmp_path: Path, settings: Settings) -> None:
    export_vectors(filled, place)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()}
    stop = threading.Event()
    assert export_vectors(filled, place, lambda _done, _all: stop.set(), stop) is None
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()} == before
    report = import_vectors(place, tmp_path / "new", None, lambda _done, _all: stop.set(), threading.Event(), settings)
    assert report.indexed == len(ODD)
    report = import_vectors(place, tmp_path / "half", None, lambda _done, _all: stop.set(), stop, settings)
    assert (report.indexed, report.interrupted) == (0, True)
    assert import_vectors(place, tmp_path / "half", settings=settings).indexed == len(ODD)


def test_what_does_not_fit_is_named(filled: Library, place: Path, tmp_path: Path, settings: Settings) -> None:
    export_vectors(filled, place)
    schema: Any = {"category": "int"}
    with Library.create(tmp_path / "ints", FakeEncoder(DIM), schema, settings):
        pass
    report = import_vectors(place, tmp_path / "ints", settings=settings)
    wrong = {record.id for record in ODD if isinstance(record.attributes.get("category"), str)}
    assert {failure.path for failure in report.failed} == wrong
    assert report.indexed == len(ODD) - len(wrong)
    with Library.create(tmp_path / "other", FakeEncoder(DIM, "other"), settings=settings):
        pass
    with pytest.raises(EncoderMismatch, match="its encoder is other, theirs fake"):
        import_vectors(place, tmp_path / "other", settings=settings)


def test_files_that_are_none_are_refused(filled: Library, tmp_path: Path, settings: Settings) -> None:
    def refused(kind: type[Exception], name: str) -> None:
        with pytest.raises(kind) as caught:
            import_vectors(tmp_path / name, tmp_path / "new", settings=settings)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "new").exists()

    refused(LibraryNotFound, "none.parquet")
    refused(LibraryNotFound, "none.npy")
    refused(SourceError, "none.csv")
    with pytest.raises(SourceError, match=r"neither \.parquet nor \.npy"):
        export_vectors(filled, tmp_path / "a.csv")
    (tmp_path / "a.parquet").write_bytes(b"PAR1 no")
    refused(LibraryFormatError, "a.parquet")
    import pyarrow as pa
    import pyarrow.parquet as parquet

    parquet.write_table(pa.table({"id": ["a"]}), tmp_path / "b.parquet")
    refused(LibraryFormatError, "b.parquet")
    export_vectors(filled, tmp_path / "c.npy")
    (tmp_path / "c.jsonl").write_text("{}\n")
    refused(LibraryFormatError, "c.npy")
    (tmp_path / "c.json").write_text("[]")
    refused(LibraryFormatError, "c.npy")


def test_by_command(tmp_path: Path, cache_dir: Path) -> None:
    run = CommandLine(tmp_path, cache_dir)
    assert run("index", write_pictures(tmp_path / "a", 4), "--db", "library").returncode == 0
    assert json.loads(run("export", "a.npy", "--db", "library", "--json").stdout) == {"file": "a.npy", "pictures": 4}
    done = run("import", "a.npy", "--db", "new", "--json")
    assert json.loads(done.stdout)["imported"] == 4
    hits = [run("search", "a/002.jpg", "--db", db, "--json").stdout for db in ("library", "new")]
    assert json.loads(hits[0]) == json.loads(hits[1])
