"""The Python clients, against a real server: what they have beside a library, and what can happen on the way.

Questions and changes that a library has too are in test_one_interface.py.
"""

import inspect
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.conftest import write_pictures
from tests.faces import connecting, jpeg, open_shop
from tests.live import serving
from tests.needing import need
from yunmeng.apps.duplicates.client import duplicates
from yunmeng.client import AsyncClient, Client, calls
from yunmeng.config import ServerSettings, Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import QueryError, ServerError, ServerUnreachable
from yunmeng.library import Library
from yunmeng.schemas import ErrorBody
from yunmeng.server import create_app
from yunmeng.state import Keys
from yunmeng.types import Addition


@pytest.fixture(params=[Client, AsyncClient])
def connect(request: pytest.FixtureRequest) -> Iterator[Callable[..., Client]]:
    """Makes clients of each kind; they are closed when the test is over."""
    with connecting(request.param) as connect:
        yield connect


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


@pytest.mark.parametrize("by_upload", [True, False])
def test_a_page_has_the_fields_that_are_asked_for(client: Client, photo: Path, by_upload: bool) -> None:
    page = partial(client.search_page, photo) if by_upload else partial(client.search_page, id="003.jpg")
    first, second = page(k=5), page(k=5, offset=5)
    assert (first.next_offset, second.next_offset) == (5, 10)
    assert not {hit.id for hit in first.hits} & {hit.id for hit in second.hits}
    assert page(filter="category = 'shoes'").next_offset is None
    assert first.timings["total"] > 0
    (plain,) = page(k=1).hits
    assert (plain.attributes, plain.uri) == ({"category": "hats", "price": 3.5}, None)
    (bare,), (full,) = page(k=1, fields=["sha256"]).hits, page(k=1, fields=("uri", "width", "quality")).hits
    assert bare.sha256
    assert bare.attributes == {}
    assert full.width == 64
    assert full.uri == str(photo)
    assert full.quality


def test_all_hits_come_page_by_page(client: Client, photo: Path) -> None:
    expected = [hit.id for hit in client.search(photo, k=12)]
    assert [hit.id for hit in client.search_all(photo.read_bytes(), k=5)] == expected
    assert [hit.id for hit in client.search_all(id="003.jpg", k=5, offset=2)] == expected[2:]
    assert next(client.search_all(photo, k=2)) == client.search(photo, k=1)[0]
    assert all(hit.score > 0.999 for hit in client.search_all(photo, k=5, min_score=0.999))


def test_a_server_says_what_is_wrong_with_a_question(client: Client) -> None:
    invalid = error_of(lambda: client.search(id="003.jpg", k=0))
    assert (invalid.status, invalid.code) == (422, "invalid")
    assert invalid.details
    assert error_of(lambda: client.thumbnail("003.jpg", 7)).code == "invalid"
    assert error_of(lambda: client.delete(filter=" ")).code == "invalid"
    assert error_of(client.delete).code == "invalid"


# Pictures


def test_no_id_at_all_is_refused_here(client: Client) -> None:
    with pytest.raises(QueryError, match="at least one character"):
        client.get("")


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
            assert result == Addition(f"new/{n}", "added")
    assert owner.get("new/39").attributes == {"price": 39}
    assert owner.add_many([]) == []
    assert owner.count("price = 39") == 1


def test_attributes_may_be_for_all_and_ids_for_none(owner: Client, tmp_path: Path) -> None:
    files = sorted(write_pictures(tmp_path / "more", 3, start=200).iterdir())
    results = owner.add_many(files, attributes={"category": "bags"})
    assert all(isinstance(result, Addition) and len(result.id) == 64 for result in results)
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
                partial(client.search, address),
                partial(client.compare, address, jpeg(1)),
                partial(client.add, address),
            ):
                error = error_of(action)
                assert error.code == "unfetchable"
                assert str(error).endswith("has no public address")
        (failure,) = client.import_failures([*client.follow_import(client.start_import(address).number)][-1].number)
        assert failure.reason.endswith("has no public address")
    assert not httpserver.log


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
    assert connect(httpserver.url_for("")).search(b"x" * 5000) == []
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
