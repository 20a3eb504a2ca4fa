"""The Python clients, against a real server; both are held to the same tests."""

import inspect
import io
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.conftest import paint, write_pictures
from tests.live import serving
from tests.needing import need
from yunmeng.apps.duplicates.client import duplicates
from yunmeng.client import AsyncClient, Client, Id, Picture, calls
from yunmeng.config import ServerSettings, Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import QueryError, ServerError, ServerUnreachable
from yunmeng.library import Library
from yunmeng.schemas import Added, ErrorBody, Region, to_wire
from yunmeng.server import create_app
from yunmeng.state import Keys

END = object()

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


class Blocking:
    """An `AsyncClient` that is called as a `Client` is."""

    def __init__(self, client: AsyncClient, portal: BlockingPortal) -> None:
        self._client = client
        self._portal = portal

    def close(self) -> None:
        self._portal.call(self._client.aclose)

    def __getattr__(self, name: str) -> Callable[..., object]:
        return partial(self._do, getattr(self._client, name))

    def _do(self, method: Callable[..., Any], *args: object, **options: object) -> object:
        made = method(*args, **options)
        if inspect.isasyncgen(made):
            return self._items(made)

        async def wait() -> object:
            return await made

        return self._portal.call(wait)

    def _items(self, made: Any) -> Iterator[object]:
        async def following() -> object:
            return await anext(made, END)

        try:
            while (item := self._portal.call(following)) is not END:
                yield item
        finally:
            self._portal.call(made.aclose)


@pytest.fixture(params=[Client, AsyncClient])
def connect(request: pytest.FixtureRequest) -> Iterator[Callable[..., Client]]:
    """Makes clients of each kind; they are closed when the test is over."""
    with ExitStack() as opened:
        if request.param is Client:
            yield lambda *args, **options: opened.enter_context(Client(*args, **options))
        else:
            portal = opened.enter_context(start_blocking_portal())

            def blocking(*args: Any, **options: Any) -> Client:
                return cast("Client", opened.enter_context(closing(Blocking(AsyncClient(*args, **options), portal))))

            yield blocking


def open_shop(folder: Path, cache_dir: Path) -> Library:
    """Twelve pictures, 000.jpg to 011.jpg, half of them shoes and half of them hats."""
    write_pictures(folder / "shop", 12)
    rows = [{"path": f"{n:03}.jpg", "category": ("shoes", "hats")[n % 2], "price": n + 0.5} for n in range(12)]
    manifest = folder / "catalogue.jsonl"
    manifest.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    attributes: Any = {"category": "str", "price": "float", "tags": "list[str]"}
    settings = Settings(cache_dir=cache_dir, batch_size=4, private_urls=True)
    library = Library.create(folder / "library", FakeEncoder(), attributes, settings)
    library.index([folder / "shop"], manifest=manifest)
    return library


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Iterator[tuple[Library, str, Path]]:
    """A shop, the address of its server, and its folder: for tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("kept")
    with open_shop(folder, cache_dir) as library, serving(create_app(library, ServerSettings())) as url:
        yield library, url, folder


@pytest.fixture
def client(connect: Callable[..., Client], kept: tuple[Library, str, Path]) -> Client:
    return connect(kept[1])


@pytest.fixture
def photo(kept: tuple[Library, str, Path]) -> Path:
    """The picture 003.jpg of the shop again."""
    return kept[2] / "shop" / "003.jpg"


@pytest.fixture
def shop(tmp_path: Path, cache_dir: Path) -> Iterator[Library]:
    """A shop of the test's own."""
    with open_shop(tmp_path, cache_dir) as library:
        yield library


@pytest.fixture
def owner(connect: Callable[..., Client], shop: Library) -> Iterator[Client]:
    """A client of the test's own shop, to change what is in it."""
    with serving(create_app(shop, ServerSettings())) as url:
        yield connect(url)


def jpeg(seed: int) -> bytes:
    file = io.BytesIO()
    paint(seed).save(file, "JPEG", quality=90)
    return file.getvalue()


def error_of(action: Callable[[], object]) -> ServerError:
    with pytest.raises(ServerError) as caught:
        action()
    return caught.value


# What the server and its library are


def test_the_server_tells_of_itself(client: Client) -> None:
    assert client.health().status == "ok"
    assert client.ready().status == "ready"
    library = client.library()
    assert library.pictures == 12
    assert library.attributes["price"] == "float"
    category = next(values for values in client.attributes() if values.name == "category")
    assert {(entry.value, entry.count) for entry in category.values} == {("shoes", 6), ("hats", 6)}


# Asking


def test_a_picture_is_searched_by_path_bytes_file_url_and_id(
    client: Client, photo: Path, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/photo.jpg").respond_with_data(photo.read_bytes())
    url = httpserver.url_for("/photo.jpg")
    answers = [
        client.search(photo),
        client.search(str(photo)),
        client.search(photo.read_bytes()),
        client.search(io.BytesIO(photo.read_bytes())),
        client.search(url),
        client.search(url=url),
        client.search(Id("003.jpg")),
        client.search(id="003.jpg"),
    ]
    for answer in answers:
        assert len(answer.hits) == 10
        assert answer.hits[0].id == "003.jpg"
        assert answer.hits[0].score == pytest.approx(1, abs=1e-4)
        assert answer.hits[0].attributes == {"category": "hats", "price": 3.5}
        assert answer.timings["total"] > 0


def test_vectors_may_be_arrays(client: Client, kept: tuple[Library, str, Path], photo: Path) -> None:
    vector = kept[0].embed(photo)
    for same in (vector, vector.tolist(), vector.astype(np.float64)):
        assert client.search(vector=same, k=1).hits[0].id == "003.jpg"


@pytest.mark.parametrize("by_upload", [True, False])
def test_what_a_search_takes_arrives(client: Client, photo: Path, by_upload: bool) -> None:
    search = partial(client.search, photo) if by_upload else partial(client.search, id="003.jpg")
    assert len(search(k=3).hits) == 3
    shoes = search(filter="category = 'shoes' and price < 9")
    assert {hit.attributes["category"] for hit in shoes.hits} == {"shoes"}
    assert len(shoes.hits) == 5
    assert shoes.next_offset is None
    ordered = search(k=4, rerank=("average", "diverse"), metric="hamming", group_by="category", explain=True).hits
    assert [part.step for part in ordered[0].explanation or ()] == ["search", "hamming", "average", "diverse"]
    assert len({hit.attributes["category"] for hit in ordered}) == len(ordered)
    first, second = search(k=5), search(k=5, offset=5)
    assert first.next_offset == 5
    assert not {hit.id for hit in first.hits} & {hit.id for hit in second.hits}
    assert [hit.id for hit in search(min_score=0.999).hits] == ["003.jpg"]
    assert len(search(k=2, filter=None, min_score=None, region=None, fields=None).hits) == 2
    bare, full = search(k=1, fields=["sha256"]).hits[0], search(k=1, fields=("uri", "width", "quality")).hits[0]
    assert bare.sha256
    assert bare.attributes == {}
    assert full.width == 64
    assert full.uri
    assert full.quality


def test_a_region_is_a_tuple_or_a_region(client: Client, photo: Path) -> None:
    whole = client.search(photo, k=5)
    for region in (
        (0.5, 0.25, 0.5, 0.75),
        Region(x=0.5, y=0.25, w=0.5, h=0.75),
        tuple(np.array([0.5, 0.25, 0.5, 0.75])),
    ):
        uploaded = client.search(photo, k=5, region=cast("Any", region))
        by_id = client.search(id="003.jpg", k=5, region=cast("Any", region))
        assert [hit.score for hit in uploaded.hits] == pytest.approx([hit.score for hit in by_id.hits], abs=1e-4)
        assert uploaded.hits[0].score < whole.hits[0].score


def test_a_region_that_is_none_is_told(client: Client, photo: Path) -> None:
    with pytest.raises(QueryError, match="four numbers"):
        client.search(photo, region=cast("Any", (0.1, 0.2)))
    for outside in ((0.5, 0.5, 0.6, 0.6), (float("inf"), 0, 1, 1)):
        assert error_of(partial(client.search, photo, region=outside)).code == "invalid"
    assert error_of(lambda: client.search(id="003.jpg", region=(-0.1, 0, 1, 1))).code == "invalid"


def test_all_hits_come_page_by_page(client: Client, photo: Path) -> None:
    expected = [hit.id for hit in client.search(photo, k=12).hits]
    with photo.open("rb") as file:  # which can be read once only
        assert [hit.id for hit in client.search_all(file, k=5)] == expected
    assert [hit.id for hit in client.search_all(id="003.jpg", k=5, offset=2)] == expected[2:]
    hits = client.search_all(photo, k=2)
    assert next(hits).id == "003.jpg"
    assert all(hit.score > 0.999 for hit in client.search_all(photo, k=5, min_score=0.999))


@pytest.mark.parametrize("question", [{}, {"id": "a", "text": "b"}, {"url": "https://shop.example/", "vector": [1.0]}])
def test_a_question_is_one_question(client: Client, question: Any) -> None:
    with pytest.raises(QueryError, match="exactly one"):
        client.search(**question)
    with pytest.raises(QueryError, match="exactly one"):
        client.search(b"picture", **{"id": "a", **question})


def test_a_question_that_cannot_be_answered(client: Client) -> None:
    assert error_of(lambda: client.search(mix=[{"text": "red"}, {"id": "003.jpg"}])).code == "query"
    assert error_of(lambda: client.search(id="003.jpg", regions=True)).code == "query"
    assert error_of(lambda: client.search(id="003.jpg", filter="colour = 'red'")).code == "filter"
    assert error_of(lambda: client.search(vector=[1.0, 2.0])).code in ("query", "encoder-mismatch")
    assert error_of(lambda: client.search(b"no picture")).code == "not-a-picture"
    assert error_of(lambda: client.search(b"")).code == "empty"
    invalid = error_of(lambda: client.search(id="003.jpg", k=0))
    assert (invalid.status, invalid.code) == (422, "invalid")
    assert invalid.details


def test_pictures_are_compared_in_every_form(client: Client, photo: Path, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/photo.jpg").respond_with_data(photo.read_bytes())
    same: list[Picture | Id] = [photo, str(photo), photo.read_bytes(), Id("003.jpg"), httpserver.url_for("/photo.jpg")]
    for side in same:
        found = client.compare(side, Id("003.jpg"))
        assert found.same_file
        assert found.score == pytest.approx(1, abs=1e-4)
    assert not client.compare(Id("003.jpg"), Id("004.jpg")).same_file
    assert client.evidence(photo, Id("003.jpg"))[:8] == b"\x89PNG\r\n\x1a\n"


def test_originals_are_matched_in_every_form(client: Client, photo: Path, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/photo.jpg").respond_with_data(photo.read_bytes())
    same: list[Picture | Id] = [photo, photo.read_bytes(), Id("003.jpg"), httpserver.url_for("/photo.jpg")]
    answers = [client.match(side, k=2, filter="price < 4").matches for side in same]
    assert [matches[0].id for matches in answers] == ["003.jpg"] * len(same)
    assert client.match(photo, min_score=0.5, filter="price > 5").matches == []


# Pictures


@pytest.mark.parametrize("id", ODD_IDS)
def test_any_id_goes_all_the_way(client: Client, id: str) -> None:
    picture = jpeg(100)
    try:
        assert client.add(picture, id=id, attributes={"category": "new"}) == Added(id=to_wire(id), status="added")
        assert client.get(id).id == to_wire(id)
        assert client.original(id) == picture
        assert client.search(id=id, k=1).hits[0].id == to_wire(id)
        assert client.compare(Id(id), picture).same_file
        assert client.set_attributes(id, {"category": "old"}).attributes == {"category": "old"}
        client.delete(id)
        assert error_of(lambda: client.get(id)).code == "not-found"
    finally:
        client.delete_where([id])


def test_an_id_from_an_answer_is_an_id_to_ask_with(client: Client) -> None:
    added = client.add(jpeg(100), id="caf\udce9.jpg")
    assert client.get(added.id).id == added.id
    assert client.delete_where(ids=[added.id]) == 1


def test_no_id_at_all_is_refused_here(client: Client) -> None:
    with pytest.raises(QueryError, match="at least one character"):
        client.delete("")


def test_adding_is_idempotent(owner: Client, tmp_path: Path) -> None:
    file = tmp_path / "new.jpg"
    file.write_bytes(jpeg(100))
    add = partial(owner.add, id="new", attributes={"category": "shoes", "price": 1, "tags": ["红", "a"]})
    assert [add(file).status, add(str(file)).status] == ["added", "unchanged"]
    assert add(file, attributes={"category": "hats"}).status == "updated"
    assert add(jpeg(101)).status == "replaced"
    assert owner.get("new").attributes == {"category": "shoes", "price": 1, "tags": ["红", "a"]}
    nameless = owner.add(file)
    assert nameless.id == owner.get("new").sha256 or len(nameless.id) == 64
    assert owner.library().pictures == 14


def test_a_picture_that_cannot_be_used_raises(client: Client) -> None:
    error = error_of(lambda: client.add(b"no picture", id="new"))
    assert (error.status, error.code) == (415, "not-a-picture")
    assert error.request_id


def test_many_pictures_are_added_in_their_order(owner: Client) -> None:
    pictures = [jpeg(seed) for seed in range(100, 140)]
    pictures[3] = b"no picture"
    pictures[16:32] = [b""] * 16  # a whole request that fails
    ids = [f"new/{n}" for n in range(40)]
    results = owner.add_many(pictures, ids, [{"price": n} for n in range(40)])
    assert len(results) == 40
    for n, result in enumerate(results):
        if n == 3 or 16 <= n < 32:
            assert isinstance(result, ErrorBody)
            assert result.error.code == ("not-a-picture" if n == 3 else "empty")
        else:
            assert result == Added(id=f"new/{n}", status="added")
    assert owner.get("new/39").attributes == {"price": 39}
    assert owner.add_many([]) == []
    assert owner.count("price = 39") == 1


def test_attributes_may_be_for_all_and_ids_for_none(owner: Client, tmp_path: Path) -> None:
    files = sorted(write_pictures(tmp_path / "more", 3, start=200).iterdir())
    results = owner.add_many(files, attributes={"category": "bags"})
    assert all(isinstance(result, Added) and len(result.id) == 64 for result in results)
    assert owner.count("category = 'bags'") == 3


def test_large_pictures_go_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "BATCH_BYTES", 15)
    sent = list(calls.batches([b"x" * 10] * 5, None, [{"n": n} for n in range(5)]))
    assert [count for count, _ in sent] == [2, 2, 1]
    assert [dict(call.parts or ())["attributes"] for _, call in sent] == [
        (None, b'[{"n": 0}, {"n": 1}]'),
        (None, b'[{"n": 2}, {"n": 3}]'),
        (None, b'[{"n": 4}]'),
    ]


def test_what_is_for_each_is_as_many_as_the_pictures(client: Client) -> None:
    with pytest.raises(QueryError, match="one id"):
        client.add_many([b"a", b"b"], ids=["a"])
    with pytest.raises(QueryError, match="one id"):
        client.add_many([b"a", b"b"], attributes=[{}])


def test_what_stops_all_pictures_raises(connect: Callable[..., Client], httpserver: HTTPServer) -> None:
    body = {"error": {"code": "disk-full", "message": "the disk is full", "request_id": "1", "details": []}}
    httpserver.expect_request("/v1/pictures").respond_with_json(body, status=503)
    assert error_of(lambda: connect(httpserver.url_for("")).add_many([b"a", b"b"])).code == "disk-full"


def test_a_picture_of_the_web_is_added(owner: Client, photo: Path, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/photo.jpg").respond_with_data(photo.read_bytes())
    url = httpserver.url_for("/photo.jpg")
    assert owner.add_url(url) == Added(id=url, status="added")
    assert owner.add_url(url, id="web", attributes={"category": "hats"}).id == "web"
    assert owner.get(url).uri == url
    assert owner.original("web") == photo.read_bytes()
    httpserver.expect_request("/gone.jpg").respond_with_data(status=404)
    assert error_of(lambda: owner.add_url(httpserver.url_for("/gone.jpg"))).code == "unfetchable"


def test_pictures_are_listed_to_the_end(client: Client) -> None:
    ids = [picture.id for picture in client.pictures(page=5)]
    assert sorted(ids) == [f"{n:03}.jpg" for n in range(12)]
    assert {picture.id for picture in client.pictures("price < 2", page=1)} == {"000.jpg", "001.jpg"}
    assert list(client.pictures("price < 0")) == []
    assert (client.count(), client.count("price < 2")) == (12, 2)


def test_a_server_fetches_from_public_addresses_only(
    connect: Callable[..., Client], tmp_path: Path, cache_dir: Path, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/photo.jpg").respond_with_data(jpeg(1))
    settings = Settings(cache_dir=cache_dir, private_urls=False)
    with (
        Library.create(tmp_path / "library", FakeEncoder(), {}, settings) as library,
        serving(create_app(library, ServerSettings())) as url,
    ):
        client = connect(url)
        for address in (httpserver.url_for("/photo.jpg"), f"http://2130706433:{httpserver.port}/photo.jpg"):
            for action in (
                partial(client.search, url=address),
                partial(client.compare, address, jpeg(1)),
                partial(client.add_url, address),
            ):
                error = error_of(action)
                assert error.code == "unfetchable"
                assert str(error).endswith("has no public address")
        (failure,) = client.import_failures([*client.follow_import(client.start_import(address).number)][-1].number)
        assert failure.reason.endswith("has no public address")
    assert not httpserver.log


def test_thumbnails_are_small_pictures(client: Client) -> None:
    for side in (128, 1024):
        assert client.thumbnail("003.jpg", side)[8:12] == b"WEBP"
    assert error_of(lambda: client.thumbnail("003.jpg", 7)).code == "invalid"


def test_an_original_that_is_gone_is_told(owner: Client, tmp_path: Path) -> None:
    (tmp_path / "shop" / "003.jpg").unlink()
    assert error_of(lambda: owner.original("003.jpg")).code == "gone"


def test_pictures_are_deleted_by_ids_and_filter(owner: Client) -> None:
    assert owner.delete_where(ids=["000.jpg", "nobody"]) == 1
    assert owner.delete_where(filter="category = 'shoes'") == 5
    assert owner.delete_where(["001.jpg"], "price > 11") == 2
    assert owner.library().pictures == 4
    assert error_of(owner.delete_where).code == "invalid"
    assert error_of(lambda: owner.delete_where(filter=" ")).code == "invalid"
    assert error_of(lambda: owner.delete("000.jpg")).code == "not-found"
    owner.add(jpeg(100), id="new")
    assert owner.delete_where("new") == 1
    assert owner.delete_where(all=True) == 4
    assert owner.library().pictures == 0


# Imports


def test_an_import_is_followed_to_its_end(owner: Client, tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "more", 6, start=300)
    (folder / "broken.jpg").write_bytes(b"no picture")
    started = owner.start_import(folder)
    seen = list(owner.follow_import(started.number))
    assert {progress.number for progress in seen} == {started.number}
    end = seen[-1]
    assert (end.status, end.indexed, end.failed) == ("done", 6, 1)
    assert owner.get_import(started.number) == end
    assert owner.imports()[0] == end
    (failure,) = owner.import_failures(started.number)
    assert failure.path.endswith("broken.jpg")
    assert "not-a-picture" in failure.reason
    assert list(owner.follow_import(started.number)) == [end]
    assert error_of(lambda: owner.cancel_import(started.number)).code == "import-over"
    assert error_of(lambda: owner.resume_import(started.number)).status == 409


def test_an_import_takes_several_places_and_a_manifest(owner: Client, tmp_path: Path) -> None:
    one, two = (write_pictures(tmp_path / name, 2, start) for name, start in (("one", 400), ("two", 500)))
    manifest = tmp_path / "more.csv"
    manifest.write_text("path,category\none/400.jpg,bags\n", encoding="utf-8")
    for progress in owner.follow_import(owner.start_import([one, str(two)], manifest=manifest).number):
        last = progress
    assert (last.status, last.indexed) == ("done", 4)
    assert owner.count("category = 'bags'") == 1
    assert error_of(lambda: owner.start_import(tmp_path / "nothing")).code == "source"
    assert error_of(lambda: owner.start_import([])).code == "invalid"
    assert error_of(lambda: owner.get_import(999)).code == "not-found"
    assert error_of(lambda: list(owner.follow_import(999))).code == "not-found"


def test_an_import_is_cancelled_and_resumed(owner: Client, tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "more", 60, start=600)
    number = owner.start_import(folder).number
    with suppress(ServerError):  # it may be over by now
        owner.cancel_import(number)
    assert list(owner.follow_import(number))[-1].status in ("cancelled", "done")
    if owner.get_import(number).status == "cancelled":
        owner.resume_import(number)
        assert list(owner.follow_import(number))[-1].status == "done"
    assert owner.library().pictures == 72


def test_jobs_of_every_kind_are_started_and_followed(owner: Client) -> None:
    number = owner.start_job("augment").number
    end = list(owner.follow_job(number))[-1]
    assert (end.kind, end.status, end.failed) == ("augment", "done", 0)
    assert owner.get_job(number) == owner.jobs("augment")[0] == owner.jobs()[0] == end
    assert owner.job_failures(number) == []
    assert error_of(lambda: owner.cancel_job(number)).code == "job-over"
    assert error_of(lambda: owner.resume_job(number)).code == "job-over"
    assert error_of(lambda: owner.start_job("reencode", encoder="no-such-encoder")).code == "query"
    assert error_of(lambda: list(owner.follow_job(999))).code == "not-found"


def test_events_that_end_early_are_no_end(connect: Callable[..., Client], httpserver: HTTPServer) -> None:
    progress = {
        "number": 1,
        "sources": [],
        "status": "running",
        "phase": "indexing",
        "total": None,
        "indexed": 1,
        "skipped": 0,
        "failed": 0,
        "started_at": "2026-01-01T00:00:00Z",
        "finished_at": None,
        "error": None,
    }
    text = f": hello\n\nevent: progress\ndata: {json.dumps(progress)}\n\nevent: other\ndata: x\n\n"
    httpserver.expect_request("/v1/imports/1/events").respond_with_data(text, content_type="text/event-stream")
    httpserver.expect_request("/v1/imports/2/events").respond_with_data("hello", content_type="text/html")
    client = connect(httpserver.url_for(""))
    events = client.follow_import(1)
    assert next(events).indexed == 1
    with pytest.raises(ServerUnreachable, match="ended before"):
        next(events)
    with pytest.raises(ServerUnreachable, match="text/event-stream"):
        next(client.follow_import(2))


# Keys, errors, and asking again


def test_keys_open_what_their_scope_allows(connect: Callable[..., Client], shop: Library) -> None:
    _, key = Keys(shop.state).create("shop", "search")
    with serving(create_app(shop, ServerSettings(), keys_required=True)) as url:
        assert connect(url).health().status == "ok"
        assert connect(url, key=key).library().pictures == 12
        errors = [
            error_of(connect(url).library),
            error_of(connect(url, key="ym_wrong").library),
            error_of(lambda: connect(url, key=key).delete("003.jpg")),
        ]
    assert [(error.status, error.code) for error in errors] == [(401, "no-key"), (401, "wrong-key"), (403, "scope")]
    assert all(key not in str(error) for error in errors)


def test_who_asks_too_often_is_slowed_down(connect: Callable[..., Client], shop: Library) -> None:
    _, key = Keys(shop.state).create("shop", "search")
    settings = ServerSettings(rate_limit="2/second")
    with serving(create_app(shop, settings, keys_required=True)) as url:
        patient = connect(url, key, retries=5)
        assert [patient.library().pictures for _ in range(4)] == [12] * 4
        hasty = connect(url, key, retries=0)
        error = error_of(lambda: [hasty.library() for _ in range(4)])
    assert (error.status, error.code) == (429, "rate-limit")
    assert error.retry_after == 1


def flaky(failures: int, status: int, after: str | None) -> Callable[[Request], Response]:
    """A server that fails some times and then answers."""
    left = [failures]

    def answer(_: Request) -> Response:
        if not left[0]:
            return Response(json.dumps({"status": "ok", "version": "1"}))
        left[0] -= 1
        body = {"error": {"code": "busy", "message": "ask again", "request_id": "1"}}
        return Response(json.dumps(body), status, {} if after is None else {"Retry-After": after})

    return answer


@pytest.mark.parametrize(
    ("failures", "status", "after", "attempts"),
    [
        (2, 503, "0", 3),
        (2, 429, "0", 3),
        (1, 503, None, 1),
        (1, 503, "3600", 1),
        (1, 503, "Wed, 21 Oct 2026 07:28:00 GMT", 1),
        (1, 500, "0", 1),
        (3, 503, "0", 3),
    ],
)
def test_only_a_server_that_names_a_time_is_asked_again(
    connect: Callable[..., Client],
    httpserver: HTTPServer,
    failures: int,
    status: int,
    after: str | None,
    attempts: int,
) -> None:
    httpserver.expect_request("/health").respond_with_handler(flaky(failures, status, after))
    client = connect(httpserver.url_for(""))
    if failures < attempts:
        assert client.health().status == "ok"
    else:
        assert error_of(client.health).code == "busy"
    assert len(httpserver.log) == attempts


def test_a_body_is_sent_again_whole(connect: Callable[..., Client], httpserver: HTTPServer) -> None:
    sizes: list[int] = []
    answer = flaky(2, 503, "0")

    def count(request: Request) -> Response:
        sizes.append(len(request.files["file"].read()))
        answered = answer(request)
        return answered if answered.status_code != 200 else Response('{"hits": [], "next_offset": null, "timings": {}}')

    httpserver.expect_request("/v1/search/upload").respond_with_handler(count)
    assert connect(httpserver.url_for("")).search(io.BytesIO(b"x" * 5000)).hits == []
    assert sizes == [5000] * 3


def test_errors_of_others_on_the_way_are_errors_too(connect: Callable[..., Client], httpserver: HTTPServer) -> None:
    httpserver.expect_request("/health").respond_with_data("<html>Bad Gateway</html>", status=502)
    httpserver.expect_request("/ready").respond_with_data("", status=301, headers={"Location": "https://shop.example/"})
    httpserver.expect_request("/v1/library").respond_with_data("<html>Welcome</html>")
    client = connect(httpserver.url_for(""))
    assert error_of(client.health).code == "http-502"
    moved = error_of(client.ready)
    assert moved.code == "http-301"
    assert "https://shop.example/" in str(moved)
    unknown = error_of(client.library)
    assert (unknown.status, unknown.code) == (200, "unknown-answer")
    assert "\n" not in str(unknown)


def test_the_server_may_lie_below_a_path(connect: Callable[..., Client], httpserver: HTTPServer) -> None:
    httpserver.expect_request("/images/health").respond_with_json({"status": "ok", "version": "1"})
    assert connect(httpserver.url_for("/images")).health().status == "ok"


def test_nobody_there(connect: Callable[..., Client]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with pytest.raises(ServerUnreachable, match=address):
        connect(address).health()
    with pytest.raises(ServerUnreachable, match="no answer from shop"):
        connect("shop.example").health()
    with pytest.raises(ServerUnreachable):
        connect("http://[::1").health()


def test_silence_is_not_waited_for_longer_than_asked(connect: Callable[..., Client]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = connect(f"http://127.0.0.1:{server.getsockname()[1]}", timeout=0.2)
        with pytest.raises(ServerUnreachable, match="Timeout"):
            client.health()


# Duplicates


def test_duplicates_are_found_decided_and_undone(owner: Client, tmp_path: Path) -> None:
    need("faiss", "cv2", extra="copies")
    assert owner.duplicates().status == "none"
    assert owner.send(duplicates()).status == "none"  # the same, with types
    for id in ("twin", "twin-b"):
        owner.add(jpeg(3), id=id)
    owner.find_duplicates("smallest")
    while (search := owner.duplicates()).status == "running":
        pass
    assert (search.status, search.groups, search.open) == ("done", 1, 1)
    (group,) = owner.duplicate_groups(open=True, page=1)
    assert [member.picture.id for member in group.members] == ["twin", "twin-b", "003.jpg"]
    assert owner.decide_duplicates(group.number, ["twin-b"]).decided
    assert error_of(lambda: owner.get("twin-b")).code == "not-found"
    assert list(owner.duplicate_groups(open=True)) == []
    assert not owner.undo_duplicates(group.number).decided
    assert owner.get("twin-b").id == "twin-b"
    assert owner.cancel_duplicates().status == "done"


# The clients as such


def test_both_clients_have_the_same_methods() -> None:
    def methods(kind: type) -> dict[str, list[inspect.Parameter]]:
        found = inspect.getmembers(kind, inspect.isfunction)
        return {
            name.replace("aclose", "close"): list(inspect.signature(function).parameters.values())
            for name, function in found
            if not name.startswith("_") or name == "__init__"
        }

    assert methods(Client) == methods(AsyncClient)


def test_every_method_is_explained() -> None:
    for name, function in inspect.getmembers(Client, inspect.isfunction):
        assert name.startswith("_") or name == "close" or function.__doc__, name


def test_calls_of_apps_are_methods() -> None:
    with Client("http://127.0.0.1:1") as client:
        assert "find_duplicates" in dir(client)
        assert client.find_duplicates.__doc__
        with pytest.raises(AttributeError):
            _ = client.no_such_call


def test_importing_the_client_is_light() -> None:
    heavy = ("numpy", "PIL", "sqlalchemy", "onnxruntime", "fastapi", "yunmeng.library.library", "yunmeng.config")
    code = f"import sys, yunmeng.client; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
