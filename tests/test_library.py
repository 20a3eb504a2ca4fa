"""Searching and keeping a library, through its face."""

import errno
import json
import os
import threading
import tomllib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pytest_httpserver import HTTPServer

from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import (
    EncoderMismatch,
    FilterError,
    LibraryError,
    LibraryExists,
    LibraryFormatError,
    LibraryLocked,
    LibraryNotFound,
    OriginalGone,
    PictureError,
    QueryError,
    Reason,
    RecordNotFound,
    SchemaError,
    SourceError,
    StoreError,
    UnknownEncoder,
)
from yunmeng.library import Library
from yunmeng.search import QueryPicture
from yunmeng.stores.filters import And, Filter, In, Not, Or

Make = Callable[..., Path]


@pytest.fixture
def filled(library: Library, make_pictures: Make) -> Library:
    folder = make_pictures(20)
    rows = ["path,category,price", *(f"{n:03}.jpg,{'ab'[n % 2]},{n}" for n in range(20))]
    (folder / "m.csv").write_text("\n".join(rows))
    library.index([folder], manifest=folder / "m.csv")
    return library


def test_a_picture_finds_itself_first_however_it_is_given(filled: Library) -> None:
    path = filled.get("007.jpg").uri
    pixels = np.asarray(Image.open(path))
    queries: list[QueryPicture] = [path, Path(path), Path(path).read_bytes(), Image.open(path), pixels]
    for hits in [filled.search(query, k=3) for query in queries] + [filled.search(id="007.jpg", k=3)]:
        assert hits[0].id == "007.jpg"
        assert hits[0].score == pytest.approx(1.0, abs=1e-5)
        assert hits[0].uri == path
        assert hits[0].attributes == {"category": "b", "price": 7.0}
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_a_url_is_fetched_and_searched_with(filled: Library, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/q").respond_with_data(Path(filled.get("007.jpg").uri).read_bytes())
    hits = filled.search(httpserver.url_for("/q"), k=1)
    assert (hits[0].id, round(hits[0].score, 4)) == ("007.jpg", 1.0)
    httpserver.expect_request("/gone").respond_with_data(b"", status=404)
    with pytest.raises(PictureError, match="unfetchable: HTTP status 404"):
        filled.search(httpserver.url_for("/gone"))


def test_scores_are_the_cosines_of_the_vectors(filled: Library) -> None:
    query = np.random.default_rng(0).normal(size=32)
    hits = filled.search(vector=query, k=20)
    for hit in hits:
        vector = filled.get(hit.id, vector=True).vector
        assert vector is not None
        assert hit.score == pytest.approx(float(vector @ query / np.linalg.norm(query)), abs=1e-5)
    assert len(hits) == 20


def test_a_filter_leaves_k_hits_whenever_k_exist(filled: Library) -> None:
    hits = filled.search(id="007.jpg", k=5, filter="category = 'a' and price >= 10")
    assert {hit.id for hit in hits} == {f"{n:03}.jpg" for n in range(10, 20, 2)}


def test_scores_below_the_least_are_left_out(filled: Library) -> None:
    everything = filled.search(id="007.jpg", k=20)
    least = everything[4].score
    assert filled.search(id="007.jpg", k=20, min_score=least) == everything[:5]
    assert filled.search(id="007.jpg", k=20, min_score=1.1) == []


def test_what_is_deleted_is_found_no_more(filled: Library) -> None:
    assert filled.delete(["007.jpg", "nonsense"]) == 1
    with pytest.raises(RecordNotFound, match="007"):
        filled.get("007.jpg")
    assert filled.delete(filter="price > 14") == 5
    assert filled.count() == 14
    assert all(hit.id != "007.jpg" for hit in filled.search(id="006.jpg", k=20))


def test_a_deletion_leaves_no_part_of_its_own_on_disk(filled: Library, make_pictures: Make) -> None:
    def parts() -> int:
        return len(list(filled.path.glob("store/*/*.proxima")))

    def add_and_delete(picture: Path) -> None:
        assert filled.delete(filled.add(picture).id) == 1

    first, *more = sorted(make_pictures(4, "more", start=100).iterdir())
    add_and_delete(first)  # zvec has a part for what is written next
    before = parts()
    for picture in more:
        add_and_delete(picture)
    assert parts() == before > 0


EMPTY_FILTERS = ["", " ", "\t\n", "\u3000\xa0\u2028", "-- all", "/* all */", "\u200b", "()", ";"]
ALL_FILTERS = ["true", "not false", "true or price > 5", "category not in ()", "contains_all(tags)", "(true) and true"]


@pytest.mark.parametrize("filter", [*EMPTY_FILTERS, *ALL_FILTERS, And(()), Not(Or(())), And((Not(In("stock", ())),))])
def test_a_filter_that_says_nothing_deletes_nothing(filled: Library, filter: str | Filter) -> None:
    for ids in (None, [], "007.jpg", ["007.jpg"]):
        with pytest.raises(FilterError) as error:
            filled.delete(ids, filter=filter)
        assert "\n" not in str(error.value)
    assert filled.count() == 20


def test_deleting_all_has_its_own_word(filled: Library) -> None:
    with pytest.raises(QueryError, match="all=True"):
        filled.delete()
    with pytest.raises(QueryError, match="all=True"):
        filled.delete(None, filter=None)
    for ids, filter in ((["007.jpg"], None), ("007.jpg", None), (None, "price > 5")):
        with pytest.raises(QueryError, match="leave ids and filter out"):
            filled.delete(ids, filter=filter, all=True)
    with pytest.raises(PictureError, match="the id is empty"):
        filled.delete("")
    assert filled.delete([]) == filled.delete(filter="false") == filled.delete(filter="price > 99") == 0
    assert filled.count() == 20
    assert filled.delete("007.jpg") == 1
    assert filled.delete(all=True) == 19
    assert filled.count() == 0
    assert filled.delete(all=True) == 0


def test_a_wrong_filter_beside_ids_deletes_nothing(filled: Library) -> None:
    with pytest.raises(FilterError, match="no attribute 'colour'"):
        filled.delete(["007.jpg"], filter="colour = 'red'")
    assert filled.count() == 20


@pytest.mark.parametrize("filter", EMPTY_FILTERS)
def test_an_empty_filter_is_no_filter_anywhere(filled: Library, filter: str) -> None:
    questions: list[Callable[[], object]] = [
        lambda: filled.search(id="007.jpg", filter=filter),
        lambda: filled.count(filter),
        lambda: list(filled.iterate(filter)),
        lambda: filled.reader.page(3, filter=filter),
    ]
    for ask in questions:
        with pytest.raises(FilterError):
            ask()


@pytest.mark.parametrize("text", ["", " ", "\u3000", "\u200b\ufeff", "\n"])
def test_words_that_say_nothing_are_no_question(filled: Library, text: str) -> None:
    with pytest.raises(QueryError, match="the question is empty"):
        filled.search(text=text)


def test_an_empty_path_is_not_the_folder_we_are_in(filled: Library) -> None:
    with pytest.raises(QueryError, match="the question is empty"):
        filled.search("")
    for make in (Library.open, Library.create, Library.exists):
        with pytest.raises(LibraryError, match="the path of the library is empty"):
            make("")
    for paths, manifest in (([""], None), ("", None), ((), "")):
        with pytest.raises(SourceError, match="a path is empty"):
            filled.index(paths, manifest=manifest)


def test_a_step_is_named_once(filled: Library) -> None:
    for steps in (["expand", "expand"], "expand,diverse, expand"):
        with pytest.raises(QueryError, match="expand is named more than once"):
            filled.search(id="007.jpg", rerank=steps)


@pytest.mark.parametrize("error", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.EACCES, errno.ENOENT])
def test_a_file_that_cannot_be_read_now_is_not_gone(
    filled: Library, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    record = filled.get("007.jpg")
    opened = os.open

    def failing(path: object, *arguments: Any, **options: Any) -> int:
        if path == record.uri or path == Path(record.uri):
            raise OSError(error, os.strerror(error))
        return opened(path, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", failing)
    for read in (filled.original, filled.thumbnail):
        with pytest.raises(OriginalGone if error == errno.ENOENT else StoreError, match=os.strerror(error)):
            read("007.jpg")


def test_a_library_is_the_same_after_it_was_closed(
    tmp_path: Path, encoder: FakeEncoder, settings: Settings, make_pictures: Make
) -> None:
    folder = make_pictures(5)
    with Library.create(tmp_path / "l", encoder, {"category": "str"}, settings) as library:
        library.index([folder])
        hits, info = library.search(id="001.jpg"), library.info()
    with Library.open(tmp_path / "l", encoder, settings) as library:
        assert library.search(id="001.jpg") == hits
        again = library.info()
    assert (again.pictures, again.encoder, again.dim, again.attributes) == (5, "fake", 32, {"category": "str"})
    assert again.last_job == info.last_job
    assert again.last_job is not None
    assert again.last_job.progress.indexed == 5


def test_the_card_says_what_the_library_is(library: Library, tmp_path: Path) -> None:
    card = tomllib.loads((tmp_path / "library" / "library.toml").read_text())
    assert card["format"] == 3
    assert card["metric"] == "cosine"
    assert card["encoder"]["name"] == "fake"
    assert list(card["attributes"]) == ["category", "price", "stock", "sale", "tags"]


def test_pictures_and_queries_are_enhanced_alike_and_only_for_the_encoder(
    tmp_path: Path, encoder: FakeEncoder, settings: Settings, make_pictures: Make
) -> None:
    folder = make_pictures(3)
    with Library.create(tmp_path / "plain", encoder, settings=settings) as plain:
        plain.index([folder])
        records = {record.id: record for record in plain.iterate(vectors=True)}
    with Library.create(tmp_path / "l", encoder, settings=settings, enhance=["contrast", "colour"]) as library:
        library.index([folder])
    with Library.open(tmp_path / "l", encoder, settings) as library:
        assert library.info().enhance == ("contrast", "colour")
        hit = library.search(folder / "001.jpg", k=1)[0]
        assert hit.id == "001.jpg"
        assert hit.score == pytest.approx(1.0, abs=1e-5)
        enhanced = library.get("001.jpg", vector=True)
    assert enhanced.phash == records["001.jpg"].phash
    assert enhanced.vector is not None
    assert records["001.jpg"].vector is not None
    assert float(enhanced.vector @ records["001.jpg"].vector) < 0.999


def test_errors_of_a_query(filled: Library, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="ask with a picture"):
        filled.search()
    with pytest.raises(QueryError, match="exactly one"):
        filled.search("a.jpg", id="x")
    assert filled.search(text="红色连衣裙") == []  # no picture has that name or attribute
    with pytest.raises(QueryError, match="at least 1"):
        filled.search(id="007.jpg", k=0)
    with pytest.raises(RecordNotFound):
        filled.search(id="nonsense")
    with pytest.raises(EncoderMismatch, match=r"\(32,\)"):
        filled.search(vector=[1.0, 2.0])
    with pytest.raises(EncoderMismatch, match="zeros"):
        filled.search(vector=np.zeros(32))
    with pytest.raises(PictureError, match="unreadable"):
        filled.search(tmp_path / "missing.jpg")
    with pytest.raises(PictureError, match="uint8"):
        filled.search(np.zeros((5, 5)))  # type: ignore[arg-type]  # the mistake that is made most
    with pytest.raises(FilterError, match=r"colour.*category"):
        filled.search(id="007.jpg", filter="colour = 'red'")
    with pytest.raises(FilterError):
        filled.search(id="007.jpg", filter="category = = 'a'")


def test_errors_of_creating_and_opening(
    library: Library, tmp_path: Path, encoder: FakeEncoder, settings: Settings, make_pictures: Make
) -> None:
    with pytest.raises(LibraryExists):
        Library.create(tmp_path / "library", encoder)
    with pytest.raises(LibraryNotFound, match="yunmeng index"):
        Library.open(tmp_path / "missing")
    with pytest.raises(LibraryLocked):
        Library.open(tmp_path / "library", encoder)
    with pytest.raises(LibraryError, match="is not empty"):
        Library.create(make_pictures(1), encoder)
    with pytest.raises(UnknownEncoder, match="models list"):
        Library.create(tmp_path / "new", "resnet-9000")
    with pytest.raises(SchemaError, match="float"):
        Library.create(tmp_path / "new", encoder, {"price": "money"})  # type: ignore[dict-item]
    assert not (tmp_path / "new").exists()
    library.close()
    with pytest.raises(EncoderMismatch, match="bound to fake"):
        Library.open(tmp_path / "library", FakeEncoder(dim=16))


@pytest.mark.parametrize(
    ("card", "complaint"),
    [("format = 99\n", "update"), ("not toml", "cannot read"), ("format = 1\n", "broken at encoder")],
)
def test_a_broken_card_is_told_in_one_line(library: Library, tmp_path: Path, card: str, complaint: str) -> None:
    library.close()
    (tmp_path / "library" / "library.toml").write_text(card)
    with pytest.raises(LibraryFormatError, match=complaint) as error:
        Library.open(tmp_path / "library")
    assert "\n" not in str(error.value)


def test_what_a_killed_creation_left_does_not_stand_in_the_way(
    tmp_path: Path, encoder: FakeEncoder, settings: Settings
) -> None:
    Library.create(tmp_path / "l", encoder, settings=settings).close()
    (tmp_path / "l" / "library.toml").unlink()
    with Library.create(tmp_path / "l", encoder, settings=settings) as library:
        assert library.count() == 0


def test_closing_twice_does_no_harm(library: Library) -> None:
    library.close()
    library.close()


def test_pictures_are_searched_while_others_come_in(filled: Library, make_pictures: Make) -> None:
    more = make_pictures(60, "more", start=100)
    found: list[int] = []
    filled.index([more], on_tally=lambda _: found.append(len(filled.search(id="007.jpg", k=5))))
    assert found
    assert set(found) == {5}


def test_of_two_pictures_that_come_at_once_under_one_id_the_second_replaces_the_first(
    library: Library, encoder: FakeEncoder, make_pictures: Make
) -> None:
    files = [file.read_bytes() for file in sorted(make_pictures(2).iterdir())]
    both = threading.Barrier(2)

    class Meeting(FakeEncoder):
        def encode(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
            both.wait(30)  # neither is written before both have been looked at
            return super().encode(pictures)

    library.resources.wrap_encoder = lambda _: Meeting()
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda data: library.add(data, id="x"), files))
    assert sorted(one.status for one in done) == ["added", "replaced"]
    kept = [path for path in (library.path / "uploads").rglob("*") if path.is_file()]
    assert [str(path) for path in kept] == [library.get("x").uri]
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: library.add(files[0] + b"\0", id="y"), range(2)))
    assert sorted(one.status for one in done) == ["added", "unchanged"]


def test_attributes_have_a_limit_however_they_come(library: Library, make_pictures: Make, tmp_path: Path) -> None:
    folder = make_pictures(1)
    large = {"note": "x" * 30_000, "category": "红" * 13_000}
    library.index([folder])
    (tmp_path / "m.jsonl").write_text(json.dumps({"path": "pictures/000.jpg", **large}))
    (failure,) = library.index([tmp_path / "m.jsonl"]).failed
    assert "the attributes take 69," in failure.reason
    for change in (
        lambda: library.add(folder / "000.jpg", attributes=large),
        lambda: library.set_attributes("000.jpg", large),
        lambda: library.update_attributes(["000.jpg"], large),
    ):
        with pytest.raises(PictureError, match="at most 65,536 fit; the largest is 'note'") as error:
            change()
        assert error.value.reason == Reason.BAD_ATTRIBUTE
    library.set_attributes("000.jpg", {"note": "x" * 60_000})
    assert library.count() == 1


def test_facts_are_told_while_files_come_and_go_in_the_folder(library: Library) -> None:
    over = threading.Event()
    place = library.resources.paths.folder / "scratch"
    place.mkdir()

    def busy() -> None:
        while not over.is_set():
            for number in range(50):
                (place / str(number)).write_bytes(b"1")
            for number in range(50):
                (place / str(number)).unlink()

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        assert all(library.info().bytes > 0 for _ in range(200))
    finally:
        over.set()
        thread.join()
