"""The kinds of index of the embedded store: time to build, recall and latency.

``python -m benchmarks.zvec_kinds 20000 128``: directions around 300 centres, which are drawn.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.stores.examples import described
from yunmeng.stores import registry
from yunmeng.stores.filters import Compare
from yunmeng.types import Vector

URLS = ("zvec:?index=hnsw", "zvec:?quantize=int8", "zvec:?index=ivf&lists=64", "zvec:?index=ivf", "zvec:?index=flat")
QUERIES = 100


def main() -> None:
    """Print a row for each kind."""
    count, dim = int(sys.argv[1]), int(sys.argv[2])
    draw = np.random.default_rng(0)
    centres = draw.standard_normal((300, dim))

    def vectors(number: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        made = centres[draw.integers(300, size=number)] + 0.7 * draw.standard_normal((number, dim))
        normal = made / np.linalg.norm(made, axis=1, keepdims=True)
        return np.asarray(normal, np.float32)

    kept, asked = vectors(count), vectors(QUERIES)
    print("| index | insert | optimise | recall@10 | p50 | recall@10, filter of 1% | p50 |")
    for url in URLS:
        with tempfile.TemporaryDirectory() as folder:
            store = registry.create(url, Path(folder) / "store", dim, {"part": "int"})
            began = time.perf_counter()
            for start in range(0, count, 1000):
                rows = range(start, min(start + 1000, count))
                store.upsert([described(str(row), {"part": row % 100}, kept[row]) for row in rows])
            inserted = time.perf_counter()
            store.optimise()
            ready = time.perf_counter()
            cells = [f"{inserted - began:.1f} s", f"{ready - inserted:.1f} s"]
            for part in (None, 7):
                found, times = 0, []
                where = None if part is None else Compare("part", "=", part)
                for query in asked:
                    right = _exact(kept, query, part)
                    begin = time.perf_counter()
                    hits = store.search(query, 10, where)
                    times.append(time.perf_counter() - begin)
                    found += len({hit.id for hit in hits} & right)
                cells += [f"{found / (10 * len(asked)):.3f}", f"{1000 * float(np.median(times)):.2f} ms"]
            print(f"| `{url}` | {' | '.join(cells)} |", flush=True)
            store.close()


def _exact(kept: np.ndarray[tuple[int, int], np.dtype[np.float32]], query: Vector, part: int | None) -> set[str]:
    rows = np.arange(len(kept)) if part is None else np.arange(part, len(kept), 100)
    return {str(rows[at]) for at in np.argsort(-(kept[rows] @ query))[:10]}


if __name__ == "__main__":
    main()
