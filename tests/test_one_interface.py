"""One interface, three faces: the same questions and changes give the same by `Library`, `Client` and `AsyncClient`."""

import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any, TypeAlias, get_args, get_type_hints

import numpy as np
import pytest
from numpy.typing import ArrayLike
from PIL import Image
from pytest_httpserver import HTTPServer

from tests.conftest import write_pictures
from tests.faces import connecting, jpeg, open_shop
from tests.live import serving
from tests.needing import need
from yunmeng import errors, types
from yunmeng.client import AsyncClient, Client, SearchArguments
from yunmeng.config import ServerSettings
from yunmeng.library import Library
from yunmeng.server import create_app
from yunmeng.stores.filters import Filter
from yunmeng.types import Addition, Hit, QueryPart, SearchKeywords, Tally, Why

Face: TypeAlias = Library | Client

ASKING = ["search", "why", "match", "compare", "evidence", "subject"]
LOOKING = ["get", "iterate", "count", "original", "thumbnail", "info"]
CHANGING = ["index", "add", "set_attributes", "update_attributes", "delete"]
SHARED = ASKING + LOOKING + CHANGING

DIFFERENT = {
    ("get", "vector"): "vectors stay on the server",
    ("iterate", "vectors"): "vectors stay on the server",
    ("search", "filter"): "a filter is sent as text",
    ("match", "filter"): "a filter is sent as text",
    ("iterate", "filter"): "a filter is sent as text",
    ("count", "filter"): "a filter is sent as text",
    ("delete", "filter"): "a filter is sent as text",
    ("index", "runner"): "a server encodes in its own process",
    ("index", "address"): "a server encodes in its own process",
    ("index", "workers"): "a server encodes in its own process",
}
"""Arguments that the clients do not take as the library does, and the reasons."""

LIBRARY = {"Filter": Filter}
"""Names that Library has for type checkers only, beside those of types."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Iterator[tuple[Library, str, Path]]:
    """A shop, the address of its server, and a picture of it, 003.jpg: for questions."""
    folder = tmp_path_factory.mktemp("kept")
    with open_shop(folder, cache_dir) as library, serving(create_app(library, ServerSettings())) as url:
        yield library, url, folder / "shop" / "003.jpg"


@pytest.fixture
def library(kept: tuple[Library, str, Path]) -> Library:
    return kept[0]


@pytest.fixture
def photo(kept: tuple[Library, str, Path]) -> Path:
    return kept[2]


@pytest.fixture(params=[Library, Client, AsyncClient])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def face(kind: Any, kept: tuple[Library, str, Path]) -> Iterator[Face]:
    """The shop by each of its faces."""
    if kind is Library:
        yield kept[0]
    else:
        with connecting(kind) as connect:
            yield connect(kept[1])


@pytest.fixture
def own(kind: Any, tmp_path: Path, cache_dir: Path) -> Iterator[Face]:
    """A shop of the test's own, by each of its faces: for changes."""
    with open_shop(tmp_path, cache_dir) as library:
        if kind is Library:
            yield library
        else:
            with serving(create_app(library, ServerSettings())) as url, connecting(kind) as connect:
                yield connect(url)


def same(hits: list[Hit], expected: list[Hit]) -> None:
    """Check that hits are equal, with some room for scores: a picture may be decoded at another size."""
    assert [hit.id for hit in hits] == [hit.id for hit in expected]
    for hit, wanted in zip(hits, expected, strict=True):
        assert hit.score == pytest.approx(wanted.score, abs=1e-6)
        assert [part.step for part in hit.explanation] == [part.step for part in wanted.explanation]
        for told, right in zip(hit.explanation, wanted.explanation, strict=True):
            assert told.rank == right.rank
            assert told.score == pytest.approx(right.score, abs=1e-6)
        assert replace(hit, score=0, explanation=()) == replace(wanted, score=0, explanation=())


def raised(action: Callable[[], object]) -> errors.YunmengError:
    def complete() -> None:
        made = action()
        if isinstance(made, Iterator):
            list(made)

    with pytest.raises(errors.YunmengError) as caught:
        complete()
    assert "\n" not in str(caught.value)
    return caught.value


# The same signatures


def parameters(method: Callable[..., object]) -> dict[str, inspect.Parameter]:
    found = inspect.signature(method).parameters
    return {name: parameter for name, parameter in found.items() if name != "self"}


def hints(method: Callable[..., object]) -> dict[str, object]:
    """The annotations of a method, those too that are for type checkers only."""
    names = {name: getattr(types, name) for name in types.__all__}
    found = get_type_hints(method, {**vars(sys.modules[method.__module__]), **names, "ArrayLike": ArrayLike, **LIBRARY})
    if str(found["return"]).startswith("collections.abc.AsyncIterator"):
        (item,) = get_args(found["return"])
        found["return"] = Iterator[item]  # type: ignore[valid-type]
    return found


@pytest.mark.parametrize("client", [Client, AsyncClient])
@pytest.mark.parametrize("name", SHARED)
def test_methods_have_the_same_parameters(client: type, name: str) -> None:
    method, model = getattr(client, name), getattr(Library, name)
    given, wanted = parameters(method), parameters(model)
    lacking = {one for one in wanted if (name, one) in DIFFERENT and one not in given}
    assert list(given) == [one for one in wanted if one not in lacking]
    for parameter in given.values():
        right = wanted[parameter.name]
        assert (parameter.kind, parameter.default) == (right.kind, right.default), parameter.name
        if (name, parameter.name) not in DIFFERENT:
            assert hints(method)[parameter.name] == hints(model)[parameter.name], parameter.name
    assert hints(method)["return"] == hints(model)["return"]


def test_further_pages_are_asked_for_as_the_first() -> None:
    taken = parameters(Client.search).keys() - {"image", "options"} | SearchKeywords.__annotations__.keys()
    assert SearchArguments.__annotations__.keys() == taken


def test_what_only_a_library_has_is_known() -> None:
    """A method that Library gets is one of the clients' too, or named here."""
    public = {name for name, _ in inspect.getmembers(Library, inspect.isfunction) if not name.startswith("_")}
    here_only = {"close", "create", "open", "exists", "embed", "pinned"}
    here_only |= {
        "calibrate",
        "augment",
        "palettes",
        "reencode",
        "declare",
        "backup",
        "verify",
    }  # which a server does by jobs
    assert public - here_only == set(SHARED)
    assert all(hasattr(client, name) for client in (Client, AsyncClient) for name in SHARED)


# The same answers


QUESTIONS: dict[str, Callable[[Face, Path], list[Hit]]] = {
    "path": lambda face, photo: face.search(photo),
    "path as text": lambda face, photo: face.search(str(photo), k=3),
    "bytes": lambda face, photo: face.search(image=photo.read_bytes(), k=3),
    "id": lambda face, _: face.search(id="003.jpg", k=12),
    "text": lambda face, _: face.search(text="003"),
    "array": lambda face, _: face.search(vector=np.linspace(-1, 1, 32, dtype=np.float32)),
    "list": lambda face, _: face.search(vector=np.linspace(-1, 1, 32).tolist(), k=4),
    "filter": lambda face, photo: face.search(photo, filter="category = 'shoes' and price < 9"),
    "page": lambda face, _: face.search(id="003.jpg", k=4, offset=5),
    "min_score": lambda face, photo: face.search(photo, min_score=0.5),
    "region": lambda face, photo: face.search(photo, region=(0.5, 0.25, 0.5, 0.75)),
    "region of an id": lambda face, _: face.search(id="003.jpg", region=[0.5, 0.25, 0.5, 0.75]),
    "region of an array": lambda face, _: face.search(id="003.jpg", region=tuple(np.array([0.5, 0.25, 0.5, 0.75]))),
    "whole": lambda face, photo: face.search(photo, subject=False),
    "subject": lambda face, _: face.search(id="003.jpg", subject=True),
    "steps": lambda face, photo: face.search(photo, k=6, rerank=("average", "diverse"), explain=True),
    "steps as text": lambda face, _: face.search(id="003.jpg", k=6, rerank="reciprocal, diverse", explain=True),
    "metric": lambda face, _: face.search(id="003.jpg", metric="hamming", group_by="category", explain=True),
    "fingerprint": lambda face, photo: face.search(photo, metric="fingerprint"),
    "mix": lambda face, _: face.search(mix=[QueryPart(id="003.jpg"), QueryPart(id="004.jpg", weight=-0.5)]),
    "mix beside": lambda face, photo: face.search(photo, mix=[QueryPart(id="004.jpg", weight=0.5)]),
    "weighted": lambda face, photo: face.search(mix=[QueryPart(photo, weight=2), QueryPart(id="004.jpg")], k=5),
    "mix of files": lambda face, photo: face.search(
        photo,
        region=(0, 0, 0.5, 1),
        mix=[
            QueryPart(id="005.jpg"),
            QueryPart(photo.with_name("007.jpg"), weight=0.5),
            QueryPart(photo.with_name("008.jpg").read_bytes(), weight=-0.25),
        ],
    ),
    "file beside an id": lambda face, photo: face.search(
        id="005.jpg", mix=[QueryPart(photo, weight=0.5), QueryPart(vector=[0.5] * 32, weight=0.1)], min_score=0.1
    ),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_questions_have_the_same_answers(face: Face, library: Library, photo: Path, name: str) -> None:
    expected = QUESTIONS[name](library, photo)
    assert expected
    same(QUESTIONS[name](face, photo), expected)


def test_pictures_of_the_web_and_of_the_program(
    face: Face, library: Library, photo: Path, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/photo.jpg").respond_with_data(photo.read_bytes())
    url = httpserver.url_for("/photo.jpg")
    expected = library.search(photo)
    same(face.search(url), expected)
    same(face.search(mix=[QueryPart(image=url, weight=0.5)]), library.search(mix=[QueryPart(image=photo, weight=0.5)]))
    with Image.open(photo) as image:
        same(face.search(image), library.search(image))
        same(face.search(np.asarray(image)), library.search(image))
        assert face.subject(image) == library.subject(image)
    assert face.compare(url, photo).same_file
    assert face.match(url, k=1)[0].id == "003.jpg"


def test_answers_tell_their_time_and_where_pictures_are(face: Face, photo: Path) -> None:
    began = perf_counter()
    hits = face.search(photo, k=1)
    taken = perf_counter() - began
    assert hits[0].uri == str(photo)
    assert hits[0].attributes == {"category": "hats", "price": 3.5}
    assert "total" not in hits.timings
    assert all(0 <= seconds <= taken for seconds in hits.timings.values())  # in milliseconds they would be more
    assert face.search(photo, k=1).cached


WHYS: dict[str, Callable[[Face, Path], Why]] = {
    "path": lambda face, photo: face.why("004.jpg", photo),
    "id": lambda face, _: face.why("004.jpg", id="003.jpg"),
    "text": lambda face, _: face.why("004.jpg", text="hats 004"),
    "region": lambda face, photo: face.why("004.jpg", photo.read_bytes(), region=(0.5, 0.25, 0.5, 0.75)),
    "region of an id": lambda face, _: face.why("004.jpg", id="003.jpg", region=[0.5, 0.25, 0.5, 0.75]),
}


@pytest.mark.parametrize("name", WHYS)
def test_hits_are_explained_alike(face: Face, library: Library, photo: Path, name: str) -> None:
    found, expected = WHYS[name](face, photo), WHYS[name](library, photo)
    assert (found.hit is None) == (name == "text")  # which this encoder does not read
    assert replace(found, timings={}, score=0) == replace(expected, timings={}, score=0)
    assert found.score == (None if expected.score is None else pytest.approx(expected.score, abs=1e-6))
    assert set(found.timings) <= {"read", "encode"}


def test_alignments_are_the_same(face: Face, library: Library) -> None:
    need("faiss", "cv2", extra="copies")
    picture = jpeg(3)
    same(face.search(picture, k=2, rerank="geometry"), library.search(picture, k=2, rerank="geometry"))
    same(face.match(picture, k=2, filter="price < 4"), library.match(picture, k=2, filter="price < 4"))
    same(face.match(face.get("003.jpg")), library.match(library.get("003.jpg")))
    assert face.match(picture, min_score=0.5, filter="price > 5") == []


def test_comparisons_are_the_same(face: Face, library: Library, photo: Path) -> None:
    need("cv2", extra="copies")
    record = face.get("003.jpg")
    sides: list[Any] = [photo, str(photo), photo.read_bytes(), record]
    for a, b in [*((side, record) for side in sides), (jpeg(3), record), (record, library.get("004.jpg", vector=True))]:
        found, expected = face.compare(a, b), library.compare(a, b)
        assert found.score == pytest.approx(expected.score, abs=1e-6)
        assert set(found.timings) <= {"read", "encode", "align"}
        assert replace(found, score=0, timings={}) == replace(expected, score=0, timings={})
    found, picture = face.evidence(photo, record, ("suspect", "original"))
    wanted = library.evidence(photo, library.get("003.jpg"), ("suspect", "original"))
    assert replace(found, score=0, timings={}) == replace(wanted.comparison, score=0, timings={})
    assert np.array_equal(np.asarray(picture), np.asarray(wanted.picture))


def test_subjects_are_the_same(face: Face, library: Library, photo: Path) -> None:
    expected = library.subject(photo)
    assert face.subject(photo) == face.subject(photo.read_bytes()) == face.subject(face.get("003.jpg")) == expected


def test_records_are_the_same(face: Face, library: Library, photo: Path) -> None:
    assert face.get("003.jpg") == library.get("003.jpg")
    assert {record.id: record for record in face.iterate()} == {record.id: record for record in library.iterate()}
    assert {record.id for record in face.iterate("price < 2")} == {"000.jpg", "001.jpg"}
    assert list(face.iterate("price < 0")) == []
    assert (face.count(), face.count("price < 2")) == (12, 2)
    assert face.original("003.jpg") == face.original(face.get("003.jpg")) == photo.read_bytes()
    assert face.thumbnail("003.jpg") == library.thumbnail("003.jpg")
    assert face.thumbnail(face.get("003.jpg"), 128) == library.thumbnail("003.jpg", 128)


def test_the_library_tells_the_same_of_itself(kind: Any, face: Face, library: Library) -> None:
    told = library.info()
    assert face.info() == (told if kind is Library else replace(told, path=library.name, last_job=None))


# The same errors


REFUSED: dict[str, tuple[Callable[[Face, Path], object], type[errors.YunmengError], str | None]] = {
    "nothing": (lambda face, _: face.search(), errors.QueryError, "query"),
    "two questions": (lambda face, photo: face.search(photo, id="003.jpg"), errors.QueryError, "query"),
    "two others": (lambda face, _: face.search(id="003.jpg", text="red"), errors.QueryError, "query"),
    "empty": (lambda face, _: face.search(""), errors.QueryError, "query"),
    "blank": (lambda face, _: face.search(text=" "), errors.QueryError, "query"),
    "no weight": (lambda face, _: face.search(mix=[QueryPart(id="a", weight=0)]), errors.QueryError, "query"),
    "words mixed": (
        lambda face, _: face.search(mix=[QueryPart(text="sea"), QueryPart(id="003.jpg")]),
        errors.QueryError,
        "query",
    ),
    "no id": (lambda face, _: face.search(id="nobody"), errors.RecordNotFound, "not-found"),
    "no regions kept": (lambda face, _: face.search(id="003.jpg", regions=True), errors.QueryError, "query"),
    "undeclared": (lambda face, _: face.search(id="003.jpg", filter="colour = 'red'"), errors.FilterError, "filter"),
    "blank filter": (lambda face, _: face.search(id="003.jpg", filter=" "), errors.FilterError, "filter"),
    "dimension": (lambda face, _: face.search(vector=[1.0, 2.0]), errors.EncoderMismatch, "encoder-mismatch"),
    "no picture": (lambda face, _: face.search(b"no picture"), errors.PictureError, "not-a-picture"),
    "no bytes": (lambda face, _: face.search(b""), errors.PictureError, "empty"),
    "no file": (lambda face, _: face.search("/no/such/picture.jpg"), errors.PictureError, "unreadable"),
    "no array": (lambda face, _: face.search(np.zeros((4, 4), np.uint8)), errors.PictureError, "unsupported"),
    "no hits": (lambda face, _: face.search(id="003.jpg", k=0), errors.QueryError, None),
    "two numbers": (lambda face, photo: face.search(photo, region=(0.1, 0.2)), errors.QueryError, "query"),
    "outside": (lambda face, photo: face.search(photo, region=(0.5, 0.5, 0.6, 0.6)), errors.QueryError, None),
    "endless": (lambda face, photo: face.search(photo, region=(float("inf"), 0, 1, 1)), errors.QueryError, None),
    "no step": (lambda face, _: face.search(id="003.jpg", rerank="magic"), errors.QueryError, None),
    "no group": (lambda face, _: face.search(id="003.jpg", group_by="colour"), errors.FilterError, "filter"),
    "matched": (lambda face, _: face.match(b"no picture"), errors.PictureError, "not-a-picture"),
    "matched none": (lambda face, photo: face.match(photo, k=0), errors.QueryError, None),
    "compared": (lambda face, photo: face.compare(photo, b"no picture"), errors.PictureError, "not-a-picture"),
    "why of nobody": (lambda face, photo: face.why("nobody", photo), errors.RecordNotFound, "not-found"),
    "why of nothing": (lambda face, _: face.why("003.jpg"), errors.QueryError, None),
    "why in no region": (lambda face, photo: face.why("003.jpg", photo, region=(0, 0, 2, 1)), errors.QueryError, None),
    "got": (lambda face, _: face.get("nobody"), errors.RecordNotFound, "not-found"),
    "original": (lambda face, _: face.original("nobody"), errors.RecordNotFound, "not-found"),
    "thumbnail": (lambda face, _: face.thumbnail("nobody"), errors.RecordNotFound, "not-found"),
    "counted": (lambda face, _: face.count("x ="), errors.FilterError, "filter"),
    "iterated": (lambda face, _: face.iterate("x ="), errors.FilterError, "filter"),
    "added": (lambda face, _: face.add(b"no picture", id="new"), errors.PictureError, "not-a-picture"),
    "unfit": (lambda face, photo: face.add(photo, attributes={"price": "x"}), errors.PictureError, "bad-attribute"),
    "nobody": (lambda face, _: face.set_attributes("nobody", {}), errors.RecordNotFound, "not-found"),
    "unfit change": (
        lambda face, _: face.set_attributes("003.jpg", {"price": "x"}),
        errors.PictureError,
        "bad-attribute",
    ),
    "unfit for many": (
        lambda face, _: face.update_attributes(["003.jpg"], {"price": "x"}),
        errors.PictureError,
        "bad-attribute",
    ),
    "no list": (
        lambda face, _: face.update_attributes(["003.jpg"], add={"category": ["x"]}),
        errors.PictureError,
        "bad-attribute",
    ),
    "delete": (lambda face, _: face.delete(), errors.QueryError, None),
    "delete all and some": (lambda face, _: face.delete("003.jpg", all=True), errors.QueryError, None),
    "delete by all": (lambda face, _: face.delete(filter="true"), errors.FilterError, "filter"),
    "no source": (lambda face, _: face.index(["/no/such/folder"]), errors.SourceError, "source"),
    "no frames": (lambda face, photo: face.index([photo], frames=0), errors.YunmengError, None),
}
"""Refused arguments, and their errors; a code of None is ``query``, and ``invalid`` where a server has looked first."""


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_raises_the_same(face: Face, photo: Path, name: str) -> None:
    action, kind, code = REFUSED[name]
    error = raised(lambda: action(face, photo))
    assert isinstance(error, kind)
    assert error.code in ((code,) if code is not None else ("query", "invalid", "source"))
    if isinstance(error, errors.PictureError):
        assert error.reason == code


def test_a_picture_that_cannot_be_fetched(face: Face, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/gone.jpg").respond_with_data(status=404)
    for ask in (face.search, face.match, face.add):
        error = raised(lambda ask=ask: ask(httpserver.url_for("/gone.jpg")))  # type: ignore[misc]
        assert isinstance(error, errors.FetchError)
        assert (error.reason, error.code) == ("unfetchable", "unfetchable")


def test_an_original_that_is_gone(own: Face, tmp_path: Path) -> None:
    (tmp_path / "shop" / "003.jpg").unlink()
    error = raised(lambda: own.original("003.jpg"))
    assert isinstance(error, errors.OriginalGone)
    assert error.code == "gone"


# The same changes


def test_pictures_are_added_changed_and_deleted(own: Face, httpserver: HTTPServer) -> None:
    values: Any = {"category": "shoes", "price": 1, "tags": ["红", "a"]}
    assert own.add(jpeg(100), id="new", attributes=values) == Addition("new", "added")
    assert own.add(jpeg(100), id="new", attributes=values) == Addition("new", "unchanged")
    assert own.add(jpeg(100), id="new", attributes={"category": "hats"}) == Addition("new", "updated")
    assert own.add(jpeg(101), id="new") == Addition("new", "replaced")
    assert own.get("new").attributes == {"category": "hats"}
    assert own.set_attributes("new", values) == own.get("new")
    assert own.get("new").attributes == values
    assert own.update_attributes(["new", "nobody"], {"price": 2, "category": None}, add={"shown": ["shop", "web"]}) == 1
    assert own.update_attributes(["new"], add={"shown": ["web", "print"]}) == 1
    assert own.get("new").attributes["shown"] == ["shop", "web", "print"]
    assert own.get("new").attributes["price"] == 2
    assert own.set_attributes("new", values).attributes == values
    assert own.add(jpeg(102)).id == next(iter(own.iterate("category is null"))).sha256
    httpserver.expect_request("/photo.jpg").respond_with_data(jpeg(103))
    url = httpserver.url_for("/photo.jpg")
    assert own.add(url) == Addition(url, "added")
    assert own.add(url, id="web").id == "web"
    assert own.get(url).uri == url
    assert own.count() == 16
    assert own.delete(["000.jpg", "nobody"]) == 1
    assert own.delete(filter="category = 'shoes'") == 6
    assert own.delete(["001.jpg"], filter="price > 11") == 2
    assert own.delete("web") == 1
    assert own.delete([]) == 0
    assert own.delete(all=True) == 6
    assert own.count() == 0


def test_a_file_is_added(own: Face, tmp_path: Path) -> None:
    file = tmp_path / "new.jpg"
    file.write_bytes(jpeg(100))
    assert [own.add(file, id="a").status, own.add(str(file), id="a").status] == ["added", "unchanged"]
    assert own.original("a") == jpeg(100)


def test_folders_are_indexed(own: Face, tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "more", 3, start=300)
    (folder / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "more.csv").write_text("path,category\nmore/300.jpg,bags\n", encoding="utf-8")
    seen: list[Tally] = []
    report = own.index([folder], manifest=tmp_path / "more.csv", on_tally=lambda tally: seen.append(replace(tally)))
    assert (report.indexed, report.skipped, report.interrupted) == (3, 0, False)
    (failure,) = report.failed
    assert failure.path.endswith("broken.jpg")
    assert "not-a-picture" in failure.reason
    assert (seen[-1].total, seen[-1].indexed, seen[-1].failed) == (4, 3, 1)
    assert own.count("category = 'bags'") == 1
    again = own.index([folder])
    assert (again.indexed, again.skipped) == (0, 3)
    assert own.info().pictures == 15


def test_an_import_is_stopped(own: Face, tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    report = own.index([write_pictures(tmp_path / "more", 40, start=300)], stop=stop)
    assert report.interrupted or report.indexed == 40
    assert own.index([tmp_path / "more"]).interrupted is False
    assert own.count() == 52


# Ids of every kind


ODD_IDS = [
    "a b",
    "shoes/红色/1.jpg",
    "/from/the/root.jpg",
    "folder/",
    "a//b",
    ".",
    "..",
    "a/../b",
    "100%",
    "50%25",
    "what?=1&b#c",
    "a+b;c,d",
    "https://shop.example/图.jpg?size=1#top",
    "c:\\pictures\\1.jpg",
    "\"quoted\" 'twice'",
    "<script>alert(1)</script>",
    "two\nlines",
    "caf\udce9.jpg",
    "👗",
]


def test_any_id_goes_all_the_way(own: Face) -> None:
    picture = jpeg(100)
    for id in ODD_IDS:
        assert own.add(picture, id=id, attributes={"category": "new"}) == Addition(id, "added")
        assert own.get(id).id == id
        assert own.original(id) == picture
        assert own.search(id=id, k=1)[0].id == id
        assert own.compare(own.get(id), picture).same_file
        assert own.set_attributes(id, {"category": "old"}).attributes == {"category": "old"}
    assert own.delete(ODD_IDS[:-1]) == len(ODD_IDS) - 1
    for id in ODD_IDS[:-1]:
        with pytest.raises(errors.RecordNotFound):
            own.get(id)
    assert own.get(ODD_IDS[-1]).id == ODD_IDS[-1]
