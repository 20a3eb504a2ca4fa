"""One engine with one number of vectors, in two processes: one that builds, and one that opens what was built and asks.

``python -m benchmarks.scale.one ENGINE FOLDER build|ask`` prints one JSON object; ``FOLDER`` has the vectors.
"""

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil

from benchmarks.scale.engines import ENGINES, Engine, Vectors

K: Final = 10
GROUPS: Final = 10_000
SHARES: Final = {"1%": GROUPS // 100, "0.01%": 1}
CHANGED: Final = 1000
OWN: Final = 5000
"""Of its own vectors that an engine is asked for."""


def build(engine: Engine, data: Path) -> dict[str, Any]:
    """Build the engine from the files of `benchmarks.scale`."""
    vectors, groups = np.load(data / "vectors.npy", mmap_mode="r"), np.load(data / "groups.npy")
    began = time.perf_counter()
    engine.build(np.ascontiguousarray(vectors), groups)
    seconds = time.perf_counter() - began
    disk = sum(file.stat().st_size for file in engine.folder.rglob("*") if file.is_file())
    return {"build_seconds": round(seconds, 1), "disk_mb": round(disk / 1e6), "peak_mb": _peak()}


def ask(engine: Engine, data: Path) -> dict[str, Any]:
    """Open the engine and ask it, then add and delete where it can."""
    queries, truth = np.load(data / "queries.npy"), np.load(data / "truth.npz")
    began = time.perf_counter()
    engine.open()
    engine.search(queries[0], K)
    figures: dict[str, Any] = {"open_seconds": round(time.perf_counter() - began, 2)}
    for query in queries[:50]:
        engine.search(query, K)
    figures |= _asked(engine, queries, truth["all"], None)
    figures["memory_mb"] = round(psutil.Process().memory_info().rss / 1e6)
    figures["finds_itself"] = _finds_itself(engine, np.load(data / "vectors.npy", mmap_mode="r"))
    if engine.filters:
        for name, below in SHARES.items():
            if (truth[name] < 0).all():  # so few vectors that nothing passes
                continue
            figures[name] = _asked(engine, queries, truth[name], below)
    changed = _changed(engine, queries, int(truth["count"]))
    engine.close()
    return {**figures, **changed}


def _asked(engine: Engine, queries: Vectors, truth: Any, below: int | None) -> dict[str, Any]:
    times, found = [], []
    for query in queries:
        began = time.perf_counter()
        hits = engine.search(query, K, below)
        times.append(time.perf_counter() - began)
        found.append(hits)
    wanted = sum(len(true) - list(true).count(-1) for true in truth)
    hit = sum(len(set(hits) & set(true.tolist()) - {-1}) for hits, true in zip(found, truth, strict=True))
    p50, p99 = (float(one) * 1000 for one in np.quantile(times, (0.5, 0.99)))
    return {"recall": round(hit / max(wanted, 1), 4), "p50_ms": round(p50, 2), "p99_ms": round(p99, 2)}


def _finds_itself(engine: Engine, vectors: Vectors) -> float:
    """Return the share of some of its own vectors that the engine finds when it is asked for them.

    A graph does not lead to each of them, and recall hardly shows it: whatever it does not lead to is near to few.
    """
    rows = np.linspace(0, len(vectors) - 1, OWN).astype(int)
    return round(sum(int(row) in engine.search(np.array(vectors[row]), K) for row in rows) / len(rows), 4)


def _changed(engine: Engine, queries: Vectors, count: int) -> dict[str, Any]:
    """Add the queries as new rows, find each, and delete them again."""
    new = queries[:CHANGED]
    try:
        began = time.perf_counter()
        engine.add(count, new, np.full(len(new), GROUPS))
        added = time.perf_counter() - began
        found = sum(count + row in engine.search(query, 1) for row, query in enumerate(new))
        began = time.perf_counter()
        engine.delete(range(count, count + len(new)))
        deleted = time.perf_counter() - began
        left = sum(any(hit >= count for hit in engine.search(query, K)) for query in new[:100])
    except NotImplementedError:
        return {}
    share = round(found / len(new), 3)
    return {"add_1000_s": round(added, 2), "found_new": share, "delete_1000_s": round(deleted, 2), "left": left}


def _peak() -> int:
    import resource

    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)


def main(arguments: Sequence[str]) -> None:
    name, folder, what = arguments
    data = Path(folder)
    place = data / name
    place.mkdir(exist_ok=True)
    dim = int(np.load(data / "queries.npy", mmap_mode="r").shape[1])
    engine = ENGINES[name](place, dim)
    print(json.dumps(build(engine, data) if what == "build" else ask(engine, data)), flush=True)
    os._exit(0)  # some engines take their time to end


if __name__ == "__main__":
    main(sys.argv[1:])
