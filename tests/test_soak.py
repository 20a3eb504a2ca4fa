"""The soak's judgement: what is level passes, and a leak of 1 kB a request does not, of whatever kind it is."""

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import pytest

from benchmarks.drills.ground import Server
from benchmarks.drills.level import Sample, judged, table
from yunmeng.library import Library

EVERY = 2.0  # seconds


def run(change: Callable[[int, float], dict[str, float]] = lambda _requests, _minutes: {}) -> list[Sample]:
    """Return 20 minutes of a server as they were seen: 20 requests a second, parts that are joined every 4 minutes.

    ``change`` returns what a sample has more than that, by the number of requests and the minutes.
    """
    dice, samples = random.Random(3), list[Sample]()
    for number in range(600):
        minutes, requests = number * EVERY / 60, number * 40
        parts = 64 * (minutes % 4) / 4
        warm = min(1.0, minutes / 3)
        values = {
            "in_use": 205 + 25 * warm + dice.gauss(0, 5),
            "blocks": 740_000 + 60_000 * warm + dice.gauss(0, 4000),
            "anonymous": 300 + 100 * warm + dice.gauss(0, 20),
            "mapped": 100 + parts,
            "store_files": 30 + 3 * parts,
            "files": 26 + dice.choice([0, 0, 1]),
            "threads": 41 + dice.choice([0, 0, 4]),
        }
        more = change(requests, minutes)
        values = {name: value + more.get(name, 0) for name, value in values.items()}
        samples.append(Sample(seconds=60 * minutes, requests=requests, **values))
    return samples


def growing(samples: Sequence[Sample]) -> list[str]:
    return [finding.rule.field for finding in judged(samples) if not finding.level]


def test_a_server_that_warms_up_and_then_stays_is_level() -> None:
    assert growing(run()) == []


def test_memory_that_is_given_back_now_and_then_is_level_whatever_lies_above() -> None:
    """Each quarter of a minute it falls to where it was; before that it rises more, the busier the machine is."""
    busy = run(lambda _, minutes: {"anonymous": 15 * minutes * (4 * minutes % 1)})
    assert growing(busy) == []


@pytest.mark.parametrize(
    ("leak", "field"),
    [
        (lambda requests, _: {"in_use": requests * 0.001}, "in_use"),  # 1 kB a request in one piece
        (lambda requests, _: {"blocks": requests * 2}, "blocks"),  # or in two
        (lambda _, minutes: {"anonymous": 3 * minutes}, "anonymous"),  # freed, and kept by the C library
        (lambda _, minutes: {"mapped": 2 * minutes}, "mapped"),
        (lambda _, minutes: {"store_files": 2 * minutes}, "store_files"),
        (lambda requests, _: {"files": requests // 5000}, "files"),
        (lambda requests, _: {"threads": requests // 4000}, "threads"),
    ],
)
def test_what_grows_is_named(leak: Callable[[int, float], dict[str, float]], field: str) -> None:
    samples = run(leak)
    assert growing(samples) == [field]
    assert table(judged(samples)).count("**too much**") == 1


def test_a_planted_leak_is_seen_from_inside(tmp_path: Path) -> None:
    """The server loses 10 MB at each of 30 requests; loading its model takes less than a third of that."""
    Library.create(tmp_path / "library", encoder="efficientnet-lite0").close()
    inside = tmp_path / "inside"
    program = ("benchmarks.drills.observed", str(inside), "10000000")

    def in_use() -> int:
        return int(inside.read_text().split()[0])

    with Server(tmp_path / "library", program=program) as server:
        before = in_use()
        for _ in range(30):
            assert httpx.get(f"{server.url}/health", timeout=60).is_success
        for _ in range(300):  # it is written each second
            if in_use() - before >= 290_000_000:
                break
            time.sleep(0.1)
        assert in_use() - before >= 290_000_000
