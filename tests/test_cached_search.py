"""What is kept from earlier searches never shows: an answer is what it would be without."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pytest_httpserver import HTTPServer

from tests.caching.libraries import create, found, in_redis, png
from tests.conftest import paint, write_pictures
from tests.redis_server import RedisServer, running_redis
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import EncoderError, RecordNotFound
from yunmeng.library import Library
from yunmeng.search import QueryPart
from yunmeng.types import Attributes, Hits


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
def levels(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """Settings with a cache in process, in Redis, or in both."""
    kind = request.param
    url = request.getfixturevalue("redis").url if kind in ("redis", "both") else None
    entries = settings.cache_entries if kind in ("process", "both") else 0
    return settings.model_copy(update={"redis_url": url, "cache_entries": entries})


class Reference:
    """What a library holds, in a dict, ranked by plain NumPy."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self.records: dict[str, tuple[np.ndarray[Any, Any], Attributes]] = {}

    def add(self, id: str, picture: bytes, attributes: Attributes) -> None:
        self._library.add(picture, id=id, attributes=attributes)
        self.records[id] = (FakeEncoder().encode([np.asarray(Image.open(BytesIO(picture)))])[0], attributes)

    def set_attributes(self, id: str, attributes: Attributes) -> None:
        self._library.set_attributes(id, attributes)
        self.records[id] = (self.records[id][0], attributes)

    def delete(self, id: str) -> None:
        assert self._library.delete([id]) == 1
        del self.records[id]

    def search(
        self, picture: bytes, k: int, passes: Callable[[Attributes], bool] = lambda _: True
    ) -> list[tuple[str, float, Attributes]]:
        vector = FakeEncoder().encode([np.asarray(Image.open(BytesIO(picture)))])[0]
        scored = [
            (id, float(own @ vector), attributes)
            for id, (own, attributes) in self.records.items()
            if passes(attributes)
        ]
        return sorted(scored, key=lambda hit: -hit[1])[:k]


def same(hits: Hits, expected: list[tuple[str, float, Attributes]]) -> bool:
    """Whether they are the same, within the rounding of a stored vector."""
    return [(hit.id, hit.attributes) for hit in hits] == [(id, attributes) for id, _, attributes in expected] and all(
        abs(hit.score - score) < 1e-3 for hit, (_, score, _) in zip(hits, expected, strict=True)
    )


@pytest.mark.parametrize(("levels", "changes"), [("process", 150), ("redis", 200), ("both", 150)], indirect=["levels"])
def test_no_answer_is_stale_after_hundreds_of_changes(
    levels: Settings, changes: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    redis: RedisServer | None = request.getfixturevalue("redis") if levels.redis_url else None
    chance = random.Random(7)
    queries = [png(10_000), png(10_001)]
    filters: list[tuple[str | None, Callable[[Attributes], bool]]] = [
        (None, lambda _: True),
        ("category = 'shoes'", lambda attributes: attributes["category"] == "shoes"),
    ]
    with create(tmp_path / "library", levels) as library:
        reference = Reference(library)
        cached = 0
        for change in range(changes):
            attributes: Attributes = {"category": chance.choice(["shoes", "hats"]), "price": float(change)}
            known = sorted(reference.records)
            what = chance.random()
            if what < 0.4 or len(known) < 5:
                reference.add(f"{chance.randrange(60)}.png", png(change), attributes)
            elif what < 0.8:
                reference.set_attributes(chance.choice(known), attributes)
            else:
                reference.delete(chance.choice(known))
            if redis is not None and change == changes // 3:
                redis.kill()
            if redis is not None and change == changes // 2:
                redis.start()
            for _ in range(3):
                query, (filter, passes) = chance.choice(queries), chance.choice(filters)
                hits = library.search(query, k=4, filter=filter)
                cached += hits.cached
                assert same(hits, reference.search(query, 4, passes)), change
        assert cached > changes // 10
        assert cached == sum(figures.hits for figures in library.resources.caches.results.figures())


@pytest.mark.parametrize("levels", ["process", "redis"], indirect=True)
def test_what_was_deleted_is_never_found_again_while_others_search(levels: Settings, tmp_path: Path) -> None:
    query = png(1)
    gone: set[str] = set()
    stale: list[str] = []
    searches = [0, 0]
    over = threading.Event()

    def ask(library: Library) -> None:
        while not over.wait(0.0005):  # the writer shall have its turn too
            before = frozenset(gone)
            hits = library.search(query, k=50)
            searches[hits.cached] += 1
            stale.extend(hit.id for hit in hits if hit.id in before)

    with create(tmp_path / "library", levels) as library:
        threads = [threading.Thread(target=ask, args=(library,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for number in range(60):
                library.add(png(number), id=f"{number}.png")
                if number % 2:
                    library.delete([f"{number - 1}.png"])
                    gone.add(f"{number - 1}.png")
            seen = sum(searches)
            while sum(searches) < seen + 50:  # nothing changes any more
                threads[0].join(0.01)
                assert threads[0].is_alive()
        finally:
            over.set()
            for thread in threads:
                thread.join(timeout=60)
    assert stale == []
    assert searches[True] > 0
    assert searches[False] > 0


@pytest.mark.parametrize("levels", ["process", "redis"], indirect=True)
def test_libraries_that_share_a_redis_know_nothing_of_each_other(levels: Settings, tmp_path: Path) -> None:
    query = png(1)
    with create(tmp_path / "a", levels) as one, create(tmp_path / "b", levels) as other:
        one.add(png(1), id="one")
        other.add(png(2), id="other")
        for _ in range(2):
            assert [hit.id for hit in one.search(query)] == ["one"]
            assert [hit.id for hit in other.search(query)] == ["other"]


@pytest.mark.parametrize("levels", ["process", "redis"], indirect=True)
def test_another_chance_and_another_encoder_are_other_answers(levels: Settings, tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "pictures", 60)
    query = folder / "003.jpg"
    with create(tmp_path / "library", levels) as library:
        library.index([folder])
        before = library.search(query)
        assert library.search(query).cached
        (library.path / "calibration.json").unlink()
        library.calibrate()
        library.reencode(FakeEncoder(dim=24, name="other"))
        after = library.search(query)
        assert not after.cached
        assert [hit.score for hit in after[1:]] != [hit.score for hit in before[1:]]


@pytest.mark.parametrize("levels", ["process", "redis"], indirect=True)
def test_what_failed_is_asked_again(levels: Settings, tmp_path: Path) -> None:
    with create(tmp_path / "library", levels) as library:
        library.add(png(1), id="a")
        with pytest.raises(RecordNotFound):
            library.search(id="b")
        library.add(png(2), id="b")
        assert library.search(id="b")[0].id == "b"


@pytest.mark.parametrize("levels", ["process", "redis"], indirect=True)
def test_a_file_that_changed_is_another_question(levels: Settings, tmp_path: Path) -> None:
    with create(tmp_path / "library", levels) as library:
        for number in range(4):
            library.add(png(number), id=f"{number}")
        query = tmp_path / "query.png"
        for number in (1, 2, 1):
            query.write_bytes(png(number))
            assert library.search(query)[0].id == f"{number}"
        assert library.search(query).cached


@pytest.mark.parametrize("levels", ["process", "redis"], indirect=True)
def test_another_k_or_filter_encodes_nothing(levels: Settings, tmp_path: Path) -> None:
    encoder = FakeEncoder()
    with create(tmp_path / "library", levels, encoder) as library:
        library.add(png(1), id="a", attributes={"category": "shoes"})
        first = library.search(png(5))
        encoded = encoder.encoded
        assert found(library.search(png(5), k=3)) == found(first)
        assert found(library.search(png(5), filter="category = 'shoes'")) == found(first)
        library.add(png(5), id="b")
        assert library.search(png(5))[0].id == "b"
        assert encoder.encoded == encoded + 1  # the picture that was added
        library.search(png(5), region=(0, 0, 0.5, 0.5))
        assert encoder.encoded == encoded + 2
        np.testing.assert_array_equal(library.embed(png(5)), FakeEncoder().encode([np.asarray(paint(5, (12, 9)))])[0])


@pytest.mark.parametrize("levels", ["process", "redis"], indirect=True)
def test_text_is_encoded_once(levels: Settings, tmp_path: Path) -> None:
    class Counting(FakeEncoder):
        texts = 0

        def encode_texts(self, texts: Any) -> Any:
            self.texts += len(texts)
            return super().encode_texts(texts)

    encoder = Counting(reads_text=True)
    with create(tmp_path / "library", levels, encoder) as library:
        library.add(png(1), id="a")
        answers = [found(library.search(text="teal", k=k)) for k in (1, 2, 3)]
        assert answers[0] == answers[1] == answers[2] != []
        assert encoder.texts == 1


def test_hits_are_the_callers_own(settings: Settings, tmp_path: Path) -> None:
    with create(tmp_path / "library", settings) as library:
        library.add(png(1), id="a", attributes={"category": "shoes"})
        for _ in range(3):
            hits = library.search(png(1))
            assert found(hits) == [("a", 1.0, {"category": "shoes"})]
            hits[0].attributes.clear()  # type: ignore[attr-defined]  # which no caller should do
            hits.clear()


@pytest.mark.parametrize("off", [{"cache_entries": 0}, {"cache_seconds": 0.0}])
def test_it_can_be_turned_off(off: dict[str, Any], settings: Settings, tmp_path: Path) -> None:
    encoder = FakeEncoder()
    with create(tmp_path / "library", settings.model_copy(update=off), encoder) as library:
        library.add(png(1), id="a")
        assert [library.search(png(2)).cached for _ in range(3)] == [False] * 3
        assert encoder.encoded == 1 + 3


def test_redis_that_goes_and_comes_back(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yunmeng.search.cache.redis_tier.RETRY_AFTER", 0.0)  # each call may try again
    with running_redis() as redis, create(tmp_path / "library", in_redis(settings, redis)) as library:
        library.add(png(1), id="a")
        expected = found(library.search(png(2)))
        assert library.search(png(2)).cached
        redis.kill()
        for _ in range(5):
            hits = library.search(png(2))
            assert not hits.cached
            assert found(hits) == expected
        assert library.resources.caches.redis is not None
        assert not library.resources.caches.redis.up
        assert library.resources.caches.redis.errors >= 5
        assert len(caplog.records) == 1
        redis.start()
        assert not library.search(png(2)).cached
        assert library.search(png(2)).cached
        assert library.resources.caches.redis.up
        assert len(caplog.records) == 2


def test_an_answer_that_a_write_ran_into_is_not_kept(settings: Settings, tmp_path: Path) -> None:
    class Interrupted(FakeEncoder):
        meanwhile: Callable[[], object] | None = None

        def encode(self, batch: Any) -> Any:
            if self.meanwhile is not None:
                act, self.meanwhile = self.meanwhile, None
                act()
            return super().encode(batch)

    encoder = Interrupted()
    with create(tmp_path / "library", settings, encoder) as library:
        library.add(png(1), id="a")
        library.add(png(2), id="b")
        encoder.meanwhile = lambda: library.delete(["b"])
        assert [hit.id for hit in library.search(png(3))] == ["a"]
        hits = library.search(png(3))
        assert not hits.cached
        assert [hit.id for hit in hits] == ["a"]


def test_what_is_closed_answers_nothing_from_before(settings: Settings, tmp_path: Path) -> None:
    class Broken(FakeEncoder):
        def encode(self, batch: Any) -> Any:
            raise EncoderError("broken")

    with closing(create(tmp_path / "library", settings)) as library:
        library.add(png(1), id="a")
        library.search(png(2))
    with Library.open(tmp_path / "library", Broken(), settings) as library, pytest.raises(EncoderError):
        library.search(png(2))


@pytest.mark.parametrize("levels", ["process", "redis"], indirect=True)
def test_a_url_is_known_by_what_is_there_now(levels: Settings, tmp_path: Path, httpserver: HTTPServer) -> None:
    url = httpserver.url_for("/picture.png")
    with create(tmp_path / "library", levels) as library:
        for number in range(4):
            library.add(png(number), id=f"{number}")
        library.search(png(1))
        for number, cached in ((1, True), (2, False), (2, True)):
            httpserver.expect_oneshot_request("/picture.png").respond_with_data(png(number))
            hits = library.search(url)
            assert hits[0].id == f"{number}"
            assert hits.cached == cached
    assert len(httpserver.log) == 3


@pytest.mark.parametrize("levels", ["process", "redis"], indirect=True)
def test_every_way_to_ask_is_kept_and_gives_what_it_gave(levels: Settings, settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "query.png"
    file.write_bytes(png(1))
    pixels = np.asarray(paint(1, (12, 9)))
    ways: list[dict[str, Any]] = [
        {"image": str(file)},
        {"image": file, "k": 2},
        {"image": png(2)},
        {"image": paint(1, (12, 9)), "k": 3},
        {"image": pixels, "k": 4},
        {"id": "1"},
        {"vector": [0.5] * 32},
        {"vector": np.ones(32)},
        {"text": "png"},
        {"image": file, "region": (0, 0, 0.5, 0.5)},
        {"mix": [QueryPart(image=file), QueryPart(id="2", weight=-0.5), QueryPart(text="red")]},
        {"image": file, "subject": True},
        {"image": file, "rerank": ("average",), "explain": True},
        {"image": file, "filter": "category = 'shoes'", "group_by": "category"},
    ]
    off = settings.model_copy(update={"cache_entries": 0})
    with create(tmp_path / "library", off, FakeEncoder(reads_text=True)) as library:
        for number in range(6):
            library.add(png(number), id=f"{number}", attributes={"category": "shoes" if number % 2 else "hats"})
        expected = [library.search(**way) for way in ways]
    with Library.open(tmp_path / "library", FakeEncoder(reads_text=True), levels) as library:
        for way, hits in zip(ways, expected, strict=True):
            first, second = library.search(**way), library.search(**way)
            assert (first.cached, second.cached) == (False, True), way
            assert list(first) == list(second) == list(hits), way
            assert second.timings.keys() <= {"read", "cache"}
