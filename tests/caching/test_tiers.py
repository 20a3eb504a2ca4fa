"""What is kept in process and in Redis: bounds, expiry, and a Redis that fails in every way."""

import socket
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.redis_server import RedisServer, running_redis
from yunmeng.errors import MissingExtra, SettingsError
from yunmeng.search.cache import Cache, Figures, MemoryTier, RedisTier
from yunmeng.search.cache.redis_tier import RETRY_AFTER
from yunmeng.search.cache.tiers import OVERHEAD

KEYS = st.sampled_from("abcdefgh")


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
def tier(redis: RedisServer) -> Iterator[RedisTier]:
    redis.client.flushall()
    with RedisTier(redis.url, 60) as tier:
        yield tier


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.tuples(st.sampled_from(["get", "put"]), KEYS), max_size=60), st.integers(1, 5))
def test_the_least_recently_used_goes_first(steps: list[tuple[str, str]], entries: int) -> None:
    tier = MemoryTier(entries, 1_000_000, 60)
    reference: OrderedDict[str, bytes] = OrderedDict()
    for number, (what, key) in enumerate(steps):
        if what == "get":
            assert tier.get(key) == reference.get(key)
        else:
            tier.put(key, b"%d" % number)
            reference[key] = b"%d" % number
        if key in reference:
            reference.move_to_end(key)
        while len(reference) > entries:
            reference.popitem(last=False)
        assert tier.size()[0] == len(reference)


def test_bytes_are_bounded_and_nothing_is_kept_that_is_larger() -> None:
    tier = MemoryTier(1000, 10 * (OVERHEAD + 1000), 60)
    for number in range(50):
        tier.put(f"{number}", bytes(1000))
        assert tier.size() == (min(number + 1, 10), min(number + 1, 10) * (OVERHEAD + 1000))
    tier.put("49", bytes(20_000))
    assert tier.get("49") is None
    assert tier.get("48") == bytes(1000)


def test_entries_go_after_their_time() -> None:
    clock = Clock()
    tier = MemoryTier(10, 100_000, 60, clock)
    tier.put("a", b"1")
    clock.now = 59
    assert tier.get("a") == b"1"
    clock.now = 61
    assert tier.get("a") is None
    assert tier.size() == (0, 0)


def test_entries_in_redis_go_after_their_time(redis: RedisServer) -> None:
    with RedisTier(redis.url, 60) as tier:
        tier.put("a", b"1")
        (name,) = redis.client.keys("yunmeng:*a")
        left = redis.client.pttl(name)
        assert isinstance(left, int)
        assert 0 < left <= 60_000
        redis.client.pexpire(name, 0)
        assert tier.get("a") is None


def test_what_was_changed_in_redis_is_no_entry(redis: RedisServer, tier: RedisTier) -> None:
    value = bytes(range(256))
    tier.put("a", value)
    tier.put("b", value)
    assert tier.get("a") == value
    (a,), (b,) = redis.client.keys("yunmeng:*a"), redis.client.keys("yunmeng:*b")
    entry = redis.client.get(a)
    assert isinstance(entry, bytes)
    for wrong in (b"", entry[:-1], entry[:10], entry[:20] + b"?" + entry[21:], b"?" + entry[1:], entry + b"?"):
        redis.client.set(a, wrong)
        assert tier.get("a") is None
    redis.client.set(b, entry)  # the entry of another key
    assert tier.get("b") is None
    redis.client.delete(a)
    redis.client.lpush(a, "no text")
    assert tier.get("a") is None
    assert tier.errors == 1


def test_nothing_is_asked_of_a_redis_that_is_down_until_a_while_has_passed(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    with running_redis() as redis, RedisTier(redis.url, 60, clock) as tier:
        tier.put("a", b"1")
        redis.kill()
        assert [tier.get("a") for _ in range(5)] == [None] * 5
        tier.put("b", b"2")
        assert (tier.errors, tier.up) == (1, False)
        redis.start()
        assert not tier.look()  # it is too soon to ask again
        clock.now += RETRY_AFTER
        assert tier.look()
        tier.put("b", b"2")
        assert tier.get("b") == b"2"
    assert len(caplog.records) == 2, "one line when it goes, one when it comes back"


def test_a_redis_that_does_not_answer_is_tried_once(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(20)
        callers: list[socket.socket] = []
        accepting = threading.Thread(target=lambda: callers.append(silent.accept()[0]))
        accepting.start()
        with RedisTier(f"redis://127.0.0.1:{silent.getsockname()[1]}", 60) as tier:
            assert [tier.get("a") for _ in range(20)] == [None] * 20
            assert (tier.errors, tier.up) == (1, False)
        accepting.join(timeout=20)
        assert len(callers) == 1
        callers[0].close()
    assert len(caplog.records) == 1


def test_a_redis_that_is_full_still_gives_what_it_has(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    with running_redis("--maxmemory-policy", "noeviction") as redis, RedisTier(redis.url, 60, clock) as tier:
        tier.put("a", b"1")
        redis.client.config_set("maxmemory", "1")
        for _ in range(5):
            tier.put("b", b"2")
        assert tier.errors == 1
        assert tier.get("a") == b"1"
        assert tier.up
        redis.client.config_set("maxmemory", "0")
        clock.now += RETRY_AFTER
        tier.put("b", b"2")
        assert tier.get("b") == b"2"
    assert len(caplog.records) == 2


def test_a_url_that_is_none_is_told_at_once() -> None:
    with pytest.raises(SettingsError, match="YUNMENG_REDIS_URL is wrong"):
        RedisTier("http://127.0.0.1", 60)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(MissingExtra, match=r"yunmeng\[redis\]"):
        RedisTier("redis://127.0.0.1", 60)


def test_tiers_count_what_is_found_where(tier: RedisTier) -> None:
    cache = Cache("answers", MemoryTier(10, 100_000, 60), tier)
    assert cache.get("a") is None
    cache.put("a", b"1")
    assert cache.get("a") == b"1"
    other = Cache("answers", MemoryTier(10, 100_000, 60), tier)  # another process
    assert [other.get("a") for _ in range(3)] == [b"1"] * 3
    assert Cache("vectors", None, tier).get("a") is None
    assert list(cache.figures()) == [Figures("answers", "process", 1, 1), Figures("answers", "redis", 0, 1)]
    assert list(other.figures()) == [Figures("answers", "process", 2, 1), Figures("answers", "redis", 1, 0)]
    assert other.size() == (1, 1 + OVERHEAD)
