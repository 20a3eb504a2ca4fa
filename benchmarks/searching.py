"""What the library adds to a bare zvec query, in one run: both give ten hits with all that a hit carries.

``python -m benchmarks.searching LIBRARY`` prints one JSON object.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import zvec

from yunmeng.config import Settings
from yunmeng.library import Library
from yunmeng.library.paths import LibraryPaths
from yunmeng.types import Vector

QUERIES = 300
ROUNDS = 5


def median_ms(search: Callable[[Vector], object], queries: list[Vector]) -> float:
    """Median time of one search in milliseconds."""
    times = []
    for query in queries:
        began = time.perf_counter()
        search(query)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def main() -> None:
    folder = Path(sys.argv[1])
    uncached = Settings.load().model_copy(update={"cache_entries": 0})
    with Library.open(folder, settings=uncached) as library:
        dim = library.info().dim
        random = np.random.default_rng(0).normal(size=(QUERIES, dim)).astype(np.float32)
        queries = list(random / np.linalg.norm(random, axis=1, keepdims=True))
        median_ms(lambda query: library.search(vector=query), queries)
        ours = [median_ms(lambda query: library.search(vector=query), queries) for _ in range(ROUNDS)]
    collection = zvec.open(str(LibraryPaths(folder).store(0)))
    param = zvec.HnswQueryParam(ef=100)

    def bare(query: Vector) -> object:
        return collection.query(
            zvec.Query("vector", vector=query, param=param), topk=10, output_fields=["uri", "attributes"]
        )

    median_ms(bare, queries)
    theirs = [median_ms(bare, queries) for _ in range(ROUNDS)]
    library_ms, zvec_ms = min(ours), min(theirs)
    print(
        json.dumps(
            {"library_ms": round(library_ms, 3), "zvec_ms": round(zvec_ms, 3), "ratio": round(library_ms / zvec_ms, 3)}
        )
    )


if __name__ == "__main__":
    main()
