"""A library's store in Milvus: how fast it takes vectors and answers, and what a filter finds right after an import.

``python -m benchmarks.milvus URL [COUNT]`` prints one JSON object. URL is that of an empty library, such as
``milvus://localhost:19530/bench``; its collection is dropped in the end. The vectors lie in clusters, as those of
photographs do: 512 numbers, one cluster for a hundred of them, cosine 0.7 to the cluster's centre.
"""

import hashlib
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from yunmeng import stores
from yunmeng.stores.filters import Compare, Filter
from yunmeng.stores.milvus import query as limits
from yunmeng.stores.protocol import Store
from yunmeng.types import Record

DIM: Final = 512
QUERIES: Final = 200
PLACE: Final = Path("store")

FILTERS: Final[dict[str, Filter | None]] = {
    "all": None,
    "ten_percent": Compare("part", "<", 10),
    "one_percent": Compare("part", "=", 7),
}


def clustered(count: int) -> NDArray[np.float32]:
    """Vectors of length 1, float32 (count, DIM)."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((count // 100, DIM), np.float32)
    vectors = centres[rng.integers(len(centres), size=count)] + rng.standard_normal((count, DIM), np.float32)
    normal: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return normal


def record(row: int, vector: NDArray[np.float32]) -> Record:
    return Record(
        id=f"{row}.jpg", uri=f"/pictures/{row}.jpg", sha256=hashlib.sha256(str(row).encode()).hexdigest(),
        phash="0" * 16, pdq="0" * 64, width=640, height=480, attributes={"part": row % 100}, vector=vector,
    )  # fmt: skip


def written(store: Store, vectors: NDArray[np.float32], batch: int) -> float:
    """Write all, ``batch`` at a time; records a second."""
    records = [record(row, vector) for row, vector in enumerate(vectors)]
    began = time.perf_counter()
    for start in range(0, len(records), batch):
        store.upsert(records[start : start + batch])
    return round(len(records) / (time.perf_counter() - began))


def answers(store: Store, vectors: NDArray[np.float32], filter: Filter | None, kept: int) -> dict[str, float]:
    """Recall of the ten nearest, and milliseconds of one question at a time. ``kept`` of a hundred rows match."""
    rows = np.flatnonzero(np.arange(len(vectors)) % 100 < kept) if kept != 1 else np.arange(7, len(vectors), 100)
    shares, seconds = [], []
    for query in vectors[:: len(vectors) // QUERIES][:QUERIES]:
        true = {f"{row}.jpg" for row in rows[np.argsort(-(vectors[rows] @ query))[:10]]}
        began = time.perf_counter()
        hits = store.search(query, 10, filter)
        seconds.append(time.perf_counter() - began)
        shares.append(len(true & {hit.id for hit in hits}) / len(true))
    ordered = sorted(1000 * each for each in seconds)
    p50, p99 = statistics.median(ordered), ordered[int(0.99 * len(ordered))]
    return {"recall": round(float(np.mean(shares)), 3), "p50_ms": round(p50, 1), "p99_ms": round(p99, 1)}


def all_answers(store: Store, vectors: NDArray[np.float32]) -> dict[str, Any]:
    kept = {"all": 100, "ten_percent": 10, "one_percent": 1}
    return {name: answers(store, vectors, filter, kept[name]) for name, filter in FILTERS.items()}


def seconds_of_first_read(store: Store, vectors: NDArray[np.float32]) -> float:
    """Return what the first search after a write costs, in milliseconds, the median of twenty."""
    times = []
    for row in range(20):
        store.upsert([record(row, vectors[row])])
        began = time.perf_counter()
        store.search(vectors[row], 10)
        times.append(1000 * (time.perf_counter() - began))
    return round(statistics.median(times), 1)


def main() -> None:
    url, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
    vectors = clustered(count)
    store = stores.create(url, PLACE, DIM, {"part": "int"})
    figures: dict[str, Any] = {"count": count, "inserted_per_second": written(store, vectors, 1000)}
    try:
        store.search(vectors[0], 10)  # which waits for the server to have caught up
        figures["fresh"] = all_answers(store, vectors)
        exact, limits.EXACT = limits.EXACT, 0  # type: ignore[misc]  # what the server alone finds
        figures["fresh_without_comparing"] = answers(store, vectors, FILTERS["one_percent"], 1)
        limits.EXACT = exact  # type: ignore[misc]
        figures["first_read_after_a_write_ms"] = seconds_of_first_read(store, vectors)
        began = time.perf_counter()
        store.optimise()
        figures["optimise_seconds"] = round(time.perf_counter() - began, 1)
        figures["indexed"] = all_answers(store, vectors)
    finally:
        store.close()
        stores.remove(url, PLACE)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
