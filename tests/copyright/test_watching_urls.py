"""Pictures that sitemaps, feeds and lists name are fetched and checked once; what fails is named and tried again."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.copyright.test_checking import file
from tests.imaging.samples import photograph
from tests.needing import need
from yunmeng.apps.copyright import Works
from yunmeng.apps.copyright.watching.tables import Finding
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import QueryError
from yunmeng.library import Library
from yunmeng.types import Failure

need("cv2", "faiss", extra="copies")
need("defusedxml", "feedparser", extra="copyright")

Event = Finding | Failure
SITEMAP = '<urlset xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">{}</urlset>'


def work(seed: int) -> bytes:
    return file(photograph(seed, (240, 180)))


def opened(place: Path, settings: Settings, private: bool | None) -> Iterator[Works]:
    told = settings.model_copy(update={"private_urls": private})
    with Library.create(place, FakeEncoder(), settings=told) as library:
        works = Works(library)
        for seed in range(2):
            works.register(work(seed), owner=f"Owner {seed}")
        yield works


@pytest.fixture
def watched(tmp_path: Path, settings: Settings) -> Iterator[Works]:
    yield from opened(tmp_path / "watched", settings, True)


def watch_once(works: Works, *sources: str | Path) -> list[Event]:
    events: list[Event] = []
    works.watch(sources, events.append, threading.Event(), once=True)
    return events


def told(events: list[Event]) -> list[tuple[str, int | str]]:
    return [
        (event.source, event.work) if isinstance(event, Finding) else (event.path, event.reason) for event in events
    ]


def asked(server: HTTPServer, path: str) -> list[Request]:
    return [request for request, _ in server.log if request.path == path]


def test_each_picture_of_an_index_is_told_once(watched: Works, httpserver: HTTPServer) -> None:
    url = httpserver.url_for
    index = f"<sitemapindex><sitemap><loc>{url('/new.xml')}</loc></sitemap></sitemapindex>"
    images = f"<url><loc>{url('/page')}</loc><image:image><image:loc>{url('/copy')}</image:loc></image:image></url>"
    httpserver.expect_request("/index.xml").respond_with_data(index)
    httpserver.expect_request("/new.xml").respond_with_data(SITEMAP.format(images))
    httpserver.expect_request("/copy").respond_with_data(work(1))
    assert told(watch_once(watched, url("/index.xml"))) == [(url("/copy"), 2)]
    assert watch_once(watched, url("/index.xml")) == []
    assert not asked(httpserver, "/page")


def test_what_fails_is_named_and_tried_again(watched: Works, httpserver: HTTPServer, tmp_path: Path) -> None:
    url = httpserver.url_for
    listed = tmp_path / "urls.txt"
    listed.write_text(f"{url('/gone')}\n{url('/page')}\n{url('/copy')}\n", encoding="utf-8")
    httpserver.expect_request("/page").respond_with_data("<html>")
    httpserver.expect_request("/copy").respond_with_data(work(0))
    httpserver.expect_oneshot_request("/gone").respond_with_data("", status=404)
    httpserver.expect_oneshot_request("/gone").respond_with_data(work(1))
    gone, page, copy = watch_once(watched, listed, url("/page"))[:3]
    assert isinstance(gone, Failure)
    assert "404" in gone.reason
    assert isinstance(page, Failure)
    assert isinstance(copy, Finding)
    events = watch_once(watched, listed, url("/page"))
    assert [event.work for event in events if isinstance(event, Finding)] == [2]
    assert "it is no sitemap, no feed, no list of URLs and no picture" in dict(told(events)).values()


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come")


@pytest.fixture
def watching(watched: Works, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[Event]]]:
    """Watches in the background, with rounds that follow at once."""
    monkeypatch.setattr("yunmeng.apps.copyright.watching.watch.LEAST_EVERY", 0)
    monkeypatch.setattr("yunmeng.net.fetch.LONGEST_WAIT", 0.01)
    stop = threading.Event()
    threads = []

    def start(*sources: str) -> list[Event]:
        events: list[Event] = []
        thread = threading.Thread(target=watched.watch, args=(sources, events.append, stop), kwargs={"every": 0.05})
        threads.append(thread)
        thread.start()
        return events

    yield start
    stop.set()
    for thread in threads:
        thread.join(60)


def test_a_round_asks_for_what_has_changed(watching: Callable[..., list[Event]], httpserver: HTTPServer) -> None:
    url = httpserver.url_for
    names = [url("/copy.jpg")]

    def answer(request: Request, tag: str, body: bytes) -> Response:
        return (
            Response(status=304)
            if request.headers.get("If-None-Match") == tag
            else Response(body, headers={"ETag": tag})
        )

    def feed(request: Request) -> Response:
        items = "".join(f'<item><enclosure url="{name}" type="image/jpeg"/></item>' for name in names)
        return answer(request, f'"{len(names)}"', f'<rss version="2.0"><channel>{items}</channel></rss>'.encode())

    httpserver.expect_request("/feed").respond_with_handler(feed)
    httpserver.expect_request("/copy.jpg").respond_with_handler(lambda request: answer(request, '"a"', work(0)))
    httpserver.expect_request("/new.jpg").respond_with_handler(lambda request: answer(request, '"b"', work(1)))
    events = watching(url("/feed"))
    wait_for(lambda: events)
    names.append(url("/new.jpg"))
    wait_for(lambda: len(events) > 1)
    assert told(events) == [(url("/copy.jpg"), 1), (url("/new.jpg"), 2)]
    whole = [
        request for request, response in httpserver.log if request.path == "/copy.jpg" and response.status_code == 200
    ]
    assert len(whole) == 1
    again = asked(httpserver, "/feed")[1:]
    assert all(request.headers["If-None-Match"] in ('"1"', '"2"') for request in again)


def test_another_picture_at_the_same_url_is_found(watching: Callable[..., list[Event]], httpserver: HTTPServer) -> None:
    shown = [work(0)]
    httpserver.expect_request("/latest.jpg").respond_with_handler(lambda _: Response(shown[-1]))
    events = watching(httpserver.url_for("/latest.jpg"))
    wait_for(lambda: events)
    shown.append(work(1))
    wait_for(lambda: len(events) > 1)
    assert [work for _, work in told(events)] == [1, 2]


def test_a_site_that_is_down_is_left_alone_until_the_next_round(watched: Works, httpserver: HTTPServer) -> None:
    url = httpserver.url_for
    names = "\n".join(url(f"/{number}.jpg") for number in range(30))
    httpserver.expect_request(re.compile(r"/\d+\.jpg")).respond_with_data("", status=404)
    httpserver.expect_request("/list.txt").respond_with_data(names)
    events = told(watch_once(watched, url("/list.txt")))
    assert events[-1] == (url("/list.txt"), "20 pictures in a row failed: 10 wait for the next round")
    assert len(events) == 21


def test_an_index_that_leads_nowhere_ends(watched: Works, httpserver: HTTPServer) -> None:
    def deeper(request: Request) -> Response:
        place = httpserver.url_for(f"{request.path}x")
        here = httpserver.url_for(request.path)
        return Response(f"<sitemapindex><loc>{place}</loc><loc>{here}</loc></sitemapindex>")

    httpserver.expect_request(re.compile("/deep.*")).respond_with_handler(deeper)
    ((place, reason),) = told(watch_once(watched, httpserver.url_for("/deep")))
    assert place == httpserver.url_for("/deepxx")
    assert "not followed" in str(reason)
    assert len(httpserver.log) == 3


def test_a_listing_of_the_web_leads_to_no_private_address(
    tmp_path: Path, settings: Settings, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/list.txt").respond_with_data(httpserver.url_for("/inside.jpg"))
    for works in opened(tmp_path / "careful", settings, None):
        ((place, reason),) = told(watch_once(works, httpserver.url_for("/list.txt")))
    assert place == httpserver.url_for("/inside.jpg")
    assert "no public address" in str(reason)
    assert not asked(httpserver, "/inside.jpg")


def test_how_often_is_bounded(watched: Works) -> None:
    with pytest.raises(QueryError, match="every 10 s at the most"):
        watched.watch(["https://a.example/"], print, threading.Event(), every=5)
