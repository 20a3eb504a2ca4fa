"""Whatever is asked and whatever is answered: errors of Yunmeng leave the clients, no others, and none says the key."""

import asyncio
import contextlib
import io
import logging
import traceback
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from yunmeng.client import AsyncClient, Client
from yunmeng.errors import PictureError, QueryError, ServerError, ServerUnreachable, SettingsError, YunmengError
from yunmeng.types import QueryPart

SECRET = "s3cr3tkey"
NOWHERE = "http://127.0.0.1:9"


def asked(base_url: Any, key: Any, call: Callable[[Any], Any], **options: Any) -> list[BaseException | None]:
    """What calls of both clients raise."""

    def blocking() -> None:
        with Client(base_url, key, retries=0, **options) as client:
            made = call(client)
            if isinstance(made, Iterator):
                list(made)

    async def waiting() -> None:
        async with AsyncClient(base_url, key, retries=0, **options) as client:
            made = call(client)
            if isinstance(made, Awaitable):
                await made
            else:
                async for _ in made:
                    pass

    raised: list[BaseException | None] = []
    for attempt in (blocking, lambda: asyncio.run(waiting())):
        try:
            attempt()
            raised.append(None)
        except Exception as exc:
            raised.append(exc)
    return raised


def error(base_url: Any, key: Any, call: Callable[[Any], Any], **options: Any) -> YunmengError:
    """The error that both clients raise, after a check that it is one of ours and says no key."""
    one, other = asked(base_url, key, call, **options)
    assert isinstance(one, YunmengError), repr(one)
    assert type(one) is type(other), repr(other)
    assert "\n" not in str(one)
    for raised in (one, other):
        assert SECRET not in "".join(traceback.format_exception(raised)) + repr(raised)
    return one


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.text(max_size=3), after=st.text(min_size=0, max_size=3))
def test_no_key_is_told_whatever_it_is(caplog: pytest.LogCaptureFixture, before: str, after: str) -> None:
    caplog.set_level(logging.DEBUG)
    raised = error(NOWHERE, before + SECRET + after, lambda client: client.health(), timeout=5)
    assert isinstance(raised, SettingsError | ServerUnreachable)
    assert SECRET not in caplog.text


def test_a_key_as_files_have_it_is_used(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/health", headers={"Authorization": "Bearer ym_x"}).respond_with_json(
        {"status": "ok", "version": "1"}
    )
    with Client(httpserver.url_for(""), "ym_x\n") as client:
        assert client.health().status == "ok"
        assert "ym_x" not in repr(client)


@pytest.mark.parametrize("key", ["", " ", "a b", "a\nb", "ключ", "\ud800", "a\0"])
def test_what_is_no_key_is_refused_at_once(key: str) -> None:
    for kind in (Client, AsyncClient):
        with pytest.raises(SettingsError, match="key"):
            kind(NOWHERE, key)


@settings(deadline=None, max_examples=80)
@given(
    url=st.one_of(
        st.text(max_size=20),
        st.builds("http://{}".format, st.text(max_size=12)),
        st.builds("http://user:{}@127.0.0.1:{}".format, st.just(SECRET), st.text("0123456789x", max_size=6)),
        st.builds("http://127.0.0.1:9/{}".format, st.text(max_size=12)),
        st.sampled_from(["http://[::1", "//x", "http://a:b", f"http://u:{SECRET}#@x/", "file:///etc", "http://\0"]),
    ).filter(lambda url: "." not in url.removeprefix("http://").partition("/")[0] or "127.0.0.1" in url)
)
def test_any_address_is_told_as_unreachable(url: str) -> None:
    with contextlib.suppress(UnicodeEncodeError):
        url.encode()
    for raised in asked(url, "ym_x", lambda client: client.health(), timeout=2):
        assert isinstance(raised, ServerUnreachable | ServerError), (url, raised)
        assert SECRET not in str(raised)
        assert "\n" not in str(raised)


UNASKABLE: list[tuple[Callable[[Any], Any], type[YunmengError]]] = [
    (lambda client: client.search("/no/such/picture.jpg"), PictureError),
    (lambda client: client.search("/"), PictureError),
    (lambda client: client.search("a\0.jpg"), QueryError),
    (lambda client: client.search(io.BytesIO(b"x")), QueryError),
    (lambda client: client.search(17), QueryError),
    (lambda client: client.search(vector=["a"]), QueryError),
    (lambda client: client.search(vector=[float("nan")]), QueryError),
    (lambda client: client.search(id=object()), QueryError),
    (lambda client: client.search(text="\ud800"), QueryError),
    (lambda client: client.search(mix=[7]), QueryError),
    (lambda client: client.search(mix=[QueryPart(image="/no/such/picture.jpg")]), PictureError),
    (lambda client: client.search(mix=[QueryPart(vector=[float("nan")], weight=2)]), QueryError),
    (lambda client: client.search(id="a", region=("a", 1, 2, 3)), QueryError),
    (lambda client: client.search_all(vector=["a"]), QueryError),
    (lambda client: client.compare("/no/such.jpg", b"x"), PictureError),
    (lambda client: client.add("/no/such.jpg"), PictureError),
    (lambda client: client.add(b"x", attributes={"a": object()}), QueryError),
    (lambda client: client.add_many(["/no/such.jpg"]), PictureError),
    (lambda client: client.add_many([b"x"], ids=["a", "b"]), QueryError),
    (lambda client: client.add("http://x/", attributes={"a": {1}}), QueryError),
    (lambda client: client.set_attributes("a", {"a": float("inf")}), QueryError),
    (lambda client: client.get(""), QueryError),
    (lambda client: client.get(None), QueryError),
    (lambda client: client.delete([1]), QueryError),
    (lambda client: client.start_import([1]), QueryError),
    (lambda client: client.warm([{"id": 3, "x": object()}]), QueryError),
    (lambda client: client.warm(3), QueryError),
    (lambda client: client.decide_duplicates(1, 7), QueryError),
    (lambda client: client.iterate(filter="\ud800"), QueryError),
]


@pytest.mark.parametrize(("call", "kind"), UNASKABLE, ids=range(len(UNASKABLE)))
def test_what_cannot_be_asked(call: Callable[[Any], Any], kind: type[YunmengError]) -> None:
    assert type(error(NOWHERE, SECRET, call, timeout=5)) is kind


ANSWERS: list[Response] = [
    Response("", 200),
    Response("<html>", 200),
    Response(b"\xff\xfe", 200),
    Response("[" * 100_000, 200),
    Response("{}", 200, headers={"Content-Encoding": "gzip"}),
    Response("", 302, headers={"Location": "http://[::1"}),
    Response("null", 500),
    Response(f'{{"error": {{"code": "{SECRET}", "message": "{SECRET}", "request_id": "{SECRET}"}}}}', 401),
    Response("", 503, headers={"Retry-After": "1" * 400}),
    Response("event: end\ndata: {\n\n", 200, content_type="text/event-stream"),
    Response(b"event: end\ndata: \xff\xfe\n\n", 200, content_type="text/event-stream"),
]


@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
def test_whatever_is_answered(httpserver: HTTPServer, answer: Response) -> None:
    httpserver.expect_request("/v1/library").respond_with_response(answer)
    httpserver.expect_request("/v1/imports/1/events").respond_with_response(answer)
    url = httpserver.url_for("")
    assert isinstance(error(url, SECRET, lambda client: client.library()), ServerError | ServerUnreachable)
    assert isinstance(error(url, SECRET, lambda client: client.follow_import(1)), ServerError | ServerUnreachable)


def test_a_server_that_repeats_the_key(httpserver: HTTPServer) -> None:
    def repeat(request: Request) -> Response:
        return Response("", 302, headers={"Location": f"http://x/?{request.headers['Authorization']}"})

    httpserver.expect_request("/v1/library").respond_with_handler(repeat)
    assert "lies at" in str(error(httpserver.url_for(""), SECRET, lambda client: client.library()))


def test_a_client_that_is_closed_and_options_that_are_none(tmp_path: Path) -> None:
    client = Client(NOWHERE)
    client.close()
    with pytest.raises(ServerUnreachable, match="closed"):
        client.health()
    assert isinstance(error(NOWHERE, SECRET, lambda client: client.health(), timeout="soon"), YunmengError)
    assert isinstance(error(7, SECRET, lambda client: client.health()), ServerUnreachable)
    assert isinstance(error(None, SECRET, lambda client: client.health()), ServerUnreachable)
