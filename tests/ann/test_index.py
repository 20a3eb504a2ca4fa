"""Indexes in files: as right as the store's own search, whatever has come and gone, and refused where they lie."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from tests.conftest import CommandLine, write_pictures
from tests.stores.examples import described
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import LibraryError, LibraryFormatError, LibraryNotFound, QueryError
from yunmeng.library import Library
from yunmeng.library.index_export import export_index
from yunmeng.stores.ann import rows
from yunmeng.stores.parse import read_filter
from yunmeng.types import Record

COUNT, DIM, KINDS = 2500, 32, 100
FACTORIES = ["Flat", "IVF32,Flat", "HNSW32", "SQ8", "PQ16x4", "IVF32,PQ16x4", "PCA24,IVF32,Flat"]


def clustered(count: int, seed: int) -> Any:
    """Directions around some centres, as those of pictures are."""
    draw = np.random.default_rng(seed)
    vectors = np.random.default_rng(0).standard_normal((KINDS, DIM))[draw.integers(KINDS, size=count)]
    vectors = vectors + 0.4 * draw.standard_normal((count, DIM))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def record(number: int, vector: Any) -> Record:
    return described(f"{number}", {"rare": number % 100, "half": number % 2}, vector)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Let FAISS work on one thread: sets this small wait mostly for each other, minutes on a busy machine."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    yield
    faiss.omp_set_num_threads(before)


@pytest.fixture(autouse=True)
def few_scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let filters be applied inside the index, although there are few records."""
    monkeypatch.setattr(rows, "SCANNED", 50)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Library:
    folder, settings = tmp_path_factory.mktemp("filled"), Settings(cache_dir=cache_dir)
    schema: Any = {"rare": "int", "half": "int"}
    with Library.create(folder / "library", FakeEncoder(DIM), schema, settings) as library:
        vectors = clustered(COUNT, 1)
        library.generation.store.upsert([record(number, vectors[number]) for number in range(COUNT)])
        for factory in FACTORIES:
            export_index(library, folder / f"{factory}.faiss", factory)
    return library


@pytest.fixture(params=FACTORIES)
def searched(request: pytest.FixtureRequest, filled: Library) -> Iterator[Library]:
    place = filled.path.parent / f"{request.param}.faiss"
    with Library.open(filled.path, FakeEncoder(DIM), filled.settings, index=place) as library:
        yield library


QUERIES = clustered(10, 2)
FILTERS = [None, "half = 1", "rare = 7", "rare = 7 and half = 0", "rare in (1, 2, 3)"]


def exact(records: list[Record], query: Any, k: int) -> list[str]:
    """What NumPy finds."""
    scores = np.array([one.vector for one in records]).reshape(-1, DIM) @ query
    return [records[at].id for at in np.argsort(-scores)[:k]]


def recall(library: Library, filter: str | None) -> float:
    """The share of the right ten that is found. Every list must be whole, in order, and have the right scores."""
    found = []
    records = list(library.iterate(filter, vectors=True))
    for query in QUERIES:
        right = exact(records, query, 10)
        hits = library.generation.store.search(query, 10, read_filter(filter))
        assert len(hits) == len(right)
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        vectors = library.reader.get_many([hit.id for hit in hits], vectors=True)
        for hit in hits:
            assert hit.score == pytest.approx(float(vectors[hit.id].vector @ query), abs=1e-5)
        found += [hit.id in right for hit in hits]
    return float(np.mean(found)) if found else 1.0


@pytest.mark.parametrize("filter", FILTERS)
def test_an_index_finds_what_the_store_has(searched: Library, filter: str | None, request: Any) -> None:
    factory = request.node.callspec.params["searched"]
    least = {"Flat": 1.0, "PQ16x4": 0.6, "IVF32,PQ16x4": 0.6, "PCA24,IVF32,Flat": 0.8}.get(factory, 0.95)
    assert recall(searched, filter) >= least


@pytest.mark.parametrize("k", [0, 1, 25, 26, 1251, COUNT, COUNT + 1])
def test_as_many_hits_as_there_are(searched: Library, k: int) -> None:
    store = searched.generation.store
    assert len(store.search(QUERIES[0], k)) == min(k, COUNT)
    assert len(store.search(QUERIES[0], k, read_filter("rare = 7"))) == min(k, 25)


def test_an_index_that_nothing_has_outgrown_is_believed(searched: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    indexed = searched.generation.indexed
    assert indexed is not None
    monkeypatch.setattr(indexed.plain, "iterate", None)  # it need not look at all records
    assert indexed.beside() == (COUNT, 0)


def test_changes_since_and_during_are_seen(tmp_path: Path, settings: Settings) -> None:
    vectors = clustered(400, 3)
    with Library.create(tmp_path / "library", FakeEncoder(DIM), {"rare": "int", "half": "int"}, settings) as library:
        library.generation.store.upsert([record(number, vectors[number]) for number in range(200)])
        export_index(library, tmp_path / "file.faiss", "HNSW32")
        library.generation.store.upsert([record(number, vectors[number]) for number in range(200, 250)])
    with Library.open(tmp_path / "library", FakeEncoder(DIM), settings) as library:
        store = library.generation.store
        store.delete([str(number) for number in range(50)])
        replaced = record(60, vectors[399])
        store.upsert([Record(**{**_fields(replaced), "sha256": "f" * 64})])
        library.update_attributes(["61"], {"rare": 99})
    with Library.open(tmp_path / "library", FakeEncoder(DIM), settings, index=tmp_path / "file.faiss") as library:
        indexed = library.generation.indexed
        assert indexed is not None
        assert indexed.beside() == (149, 51)
        for filter in (None, "half = 1", "rare = 99"):
            assert recall(library, filter) == 1.0
        store = library.generation.store
        store.delete([str(number) for number in range(100, 150)])
        store.upsert([record(number, vectors[number]) for number in range(300, 340)])
        library.update_attributes(["300", "160"], {"rare": 99})
        for filter in (None, "half = 1", "rare = 99"):
            assert recall(library, filter) == 1.0
        assert store.search(vectors[339], 1)[0].id == "339"


def _fields(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in Record.__slots__}


def test_a_file_that_does_not_belong_is_refused(filled: Library, tmp_path: Path, settings: Settings) -> None:
    def refused(index: Path, path: Path = filled.path, dim: int = DIM) -> str:
        with pytest.raises(LibraryError) as caught:
            Library.open(path, FakeEncoder(dim), settings, index=index)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    flat = filled.path.parent / "Flat.faiss"
    with Library.create(tmp_path / "other", FakeEncoder(16), settings=settings):
        pass
    assert "another library" in refused(flat, tmp_path / "other", 16)
    copy, side = tmp_path / "copy.faiss", tmp_path / "copy.faiss.json"
    copy.write_bytes(flat.read_bytes())
    assert "copy.faiss.json is missing" in refused(copy)
    told = json.loads(flat.with_name("Flat.faiss.json").read_text())
    side.write_text(json.dumps(told))
    Library.open(filled.path, FakeEncoder(DIM), settings, index=copy).close()
    copy.write_bytes(copy.read_bytes()[:-4] + b"oops")
    assert "not the file that" in refused(copy)
    side.write_text(json.dumps({**told, "format": 99}))
    assert "another version" in refused(copy)
    with pytest.raises(LibraryNotFound):
        Library.open(filled.path, FakeEncoder(DIM), settings, index=tmp_path / "nothing.faiss")
    side.write_text("{")
    with pytest.raises(LibraryFormatError):
        Library.open(filled.path, FakeEncoder(DIM), settings, index=copy)


@pytest.mark.parametrize(
    ("factory", "told"),
    [
        ("IVF256,Flat", "needs 9,984 pictures.*has 2,500: choose IVF64,Flat"),
        ("PQ16", "needs 9,984 pictures"),
        ("Nonsense", "is no index"),
        ("PQ7", "divide the dimension"),
        ("NSG32,Flat", "not among"),
    ],
)
def test_what_cannot_be_made_is_told(filled: Library, tmp_path: Path, factory: str, told: str) -> None:
    with Library.open(filled.path, FakeEncoder(DIM), filled.settings) as library:
        with pytest.raises(QueryError, match=told) as caught:
            export_index(library, tmp_path / "new.faiss", factory)
        assert "\n" not in str(caught.value)
        with pytest.raises(LibraryError, match="cannot write"):
            export_index(library, tmp_path / "no" / "where.faiss")
    assert not list(tmp_path.iterdir())


def test_stopped_it_leaves_what_was_there(filled: Library, tmp_path: Path) -> None:
    place, stop = tmp_path / "new.faiss", threading.Event()
    with Library.open(filled.path, FakeEncoder(DIM), filled.settings) as library:
        made = export_index(library, place)
        assert made is not None
        assert (made.pictures, made.factory) == (COUNT, "Flat")
        before = place.read_bytes()
        assert export_index(library, place, "HNSW32", lambda _done, _all: stop.set(), stop) is None
    assert place.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2


def test_by_command(tmp_path: Path, cache_dir: Path) -> None:
    run = CommandLine(tmp_path, cache_dir)
    assert run("index", write_pictures(tmp_path / "a", 6), "--db", "library").returncode == 0
    assert json.loads(run("export", "x.faiss", "--db", "library", "--json").stdout)["factory"] == "Flat"

    def ask(*more: str) -> Any:
        done = run("search", "id:002.jpg", "-k", "9", "--db", "library", "--json", *more)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["hits"], done.stderr

    plain, indexed = ask()[0], ask("--index", "x.faiss")
    assert [hit["id"] for hit in indexed[0]] == [hit["id"] for hit in plain]
    np.testing.assert_allclose([hit["score"] for hit in indexed[0]], [hit["score"] for hit in plain], atol=1e-5)
    assert indexed[1] == ""
    assert run("index", write_pictures(tmp_path / "b", 3, 100), "--db", "library").returncode == 0
    hits, told = ask("--index", "x.faiss")
    assert len(hits) == 9
    assert "6 of 9 pictures" in told
    refused = run("export", "x.parquet", "--factory", "Flat", "--db", "library")
    assert (refused.returncode, "--factory" in refused.stderr) == (2, True)
