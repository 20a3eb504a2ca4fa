"""What a repeated question costs: kept in process, kept in Redis, and not kept; and what keeping costs a new one.

``python -m benchmarks.caching LIBRARY [--redis URL]`` prints one JSON object; times are medians in milliseconds.
"""

import argparse
import json
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from yunmeng.config import Settings
from yunmeng.library import Library
from yunmeng.types import Hits

ROUNDS = 200
TEXT = "red dress"


def median_ms(ask: Callable[[], Hits], rounds: int = ROUNDS) -> float:
    ask()
    times = []
    for _ in range(rounds):
        began = perf_counter()
        ask()
        times.append(perf_counter() - began)
    return round(statistics.median(times) * 1000, 3)


def new_vectors(library: Library) -> Iterator[Any]:
    chance = np.random.default_rng(0)
    while True:
        yield chance.standard_normal(library.config.encoder.dim).astype(np.float32)


def figures(place: str, settings: Settings, rounds: int) -> dict[str, float]:
    """Medians of one way of keeping answers."""
    with Library.open(place, settings=settings) as library:
        record = next(record for record in library.reader.page(100) if Path(record.uri).is_file())
        data = Path(record.uri).read_bytes()
        vector = library.get(record.id, vector=True).vector
        vectors = new_vectors(library)
        asked: dict[str, Callable[[], Hits]] = {
            "path": lambda: library.search(record.uri),
            "bytes": lambda: library.search(data),
            "id": lambda: library.search(id=record.id),
            "vector": lambda: library.search(vector=vector),
            "k = 100": lambda: library.search(record.uri, k=100),
        }
        if library.reader.reads_text:
            asked["text"] = lambda: library.search(text=TEXT)
        found = {name: median_ms(ask, rounds) for name, ask in asked.items()}
        found["a new vector"] = median_ms(lambda: library.search(vector=next(vectors)), ROUNDS)
        counter = iter(range(2, 100_000))
        found["a picture with another k"] = median_ms(lambda: library.search(data, k=2 + next(counter) % 90), 50)
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library")
    parser.add_argument("--redis", help="URL of a Redis to keep answers in")
    arguments = parser.parse_args()
    base = Settings.load()
    ways = {
        "off": base.model_copy(update={"cache_entries": 0, "redis_url": None}),
        "process": base.model_copy(update={"redis_url": None}),
    }
    if arguments.redis:
        ways["redis"] = base.model_copy(update={"cache_entries": 0, "redis_url": arguments.redis})
    found = {
        way: figures(arguments.library, settings, 20 if way == "off" else ROUNDS) for way, settings in ways.items()
    }
    for name in found["off"]:
        row = {way: found[way][name] for way in found}
        print(name, row, f"off / process: {found['off'][name] / found['process'][name]:.1f}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
