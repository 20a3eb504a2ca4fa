"""From ten thousand vectors to a million and more: build, memory, disk, latency and recall, beside other engines.

``python -m benchmarks.scale --counts 10000 100000 1000000 --folder FOLDER --out docs/images`` writes ``scale.json`` and
a plot, and prints a table. What was measured is in ``scale.json`` already and is not measured again; delete the file
to begin anew. ``--like LIBRARY`` prints how near the vectors come to those of a library.
"""

import argparse
import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.__main__ import processor
from benchmarks.scale.engines import ENGINES
from benchmarks.scale.one import GROUPS, SHARES, K
from benchmarks.scale.plots import draw
from benchmarks.scale.vectors import likeness, nearest, sample

QUERIES: Final = 500
HOURS: Final = 3.0


def prepare(folder: Path, count: int) -> None:
    """Write vectors, queries and what is to be found, if they are not there."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "truth.npz").exists():
        return
    vectors, queries = sample(count), sample(QUERIES, seed=1)
    groups = np.random.default_rng(3).integers(0, GROUPS, count)
    truth: dict[str, Any] = {"all": nearest(vectors, queries, K), "count": np.array(count)}
    for name, below in SHARES.items():
        rows = np.flatnonzero(groups < below)
        found = rows[nearest(vectors[rows], queries, min(K, len(rows)))]
        truth[name] = np.pad(found, ((0, 0), (0, K - found.shape[1])), constant_values=-1)
    np.save(folder / "vectors.npy", vectors)
    np.save(folder / "queries.npy", queries)
    np.save(folder / "groups.npy", groups)
    np.savez(folder / "truth.npz", **truth)


def measure(folder: Path, name: str) -> dict[str, Any]:
    """Build and ask one engine, in processes of their own."""
    figures: dict[str, Any] = {}
    for what in ("build", "ask"):
        command = [sys.executable, "-m", "benchmarks.scale.one", name, str(folder), what]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=HOURS * 3600)
        figures |= json.loads(done.stdout.splitlines()[-1])
    shutil.rmtree(folder / name)
    return figures


def table(results: dict[str, Any]) -> str:
    """Return all results as one Markdown table."""
    lines = [
        "| vectors | engine | build, s | disk, MB | memory, MB | open, s | p50 / p99, ms | recall@10 | "
        "finds itself | 1%: p50, recall | 0.01%: p50, recall |",
        "| --- " * 11 + "|",
    ]
    for count, engines in sorted(results["counts"].items(), key=lambda one: int(one[0])):
        for name, one in sorted(engines.items(), key=lambda each: list(ENGINES).index(each[0])):
            shares = [f"{one[share]['p50_ms']} ms, {one[share]['recall']}" if share in one else "" for share in SHARES]
            lines.append(
                f"| {int(count):,} | {name} | {one['build_seconds']} | {one['disk_mb']} | {one['memory_mb']} | "
                f"{one['open_seconds']} | {one['p50_ms']} / {one['p99_ms']} | {one['recall']} | "
                f"{one.get('finds_itself', '')} | {' | '.join(shares)} |"
            )
    return "\n".join(lines)


def compare(library: Path) -> str:
    """Return a table of the quantiles of `likeness`, for a library and for as many vectors made here."""
    from yunmeng.library import Library

    with Library.open(library) as opened:
        real = np.array([record.vector for record in opened.iterate(vectors=True)], np.float32)
    lines = ["| cosine with | pictures | 5 % | 25 % | 50 % | 75 % | 95 % |", "| --- " * 7 + "|"]
    made = sample(len(real), dim=real.shape[1])
    for name, quantiles in likeness(real).items():
        for what, row in (("real", quantiles), ("made", likeness(made)[name])):
            lines.append(f"| {name} | {what} | {' | '.join(map(str, row))} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=list(ENGINES))
    parser.add_argument("--folder", type=Path, required=True, help="for vectors and engines: 8 GB a million vectors")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--like", type=Path, metavar="LIBRARY")
    arguments = parser.parse_args()
    if arguments.like:
        print(compare(arguments.like))
        return
    arguments.out.mkdir(parents=True, exist_ok=True)
    place = arguments.out / "scale.json"
    results: dict[str, Any] = json.loads(place.read_text()) if place.exists() else {"counts": {}}
    results |= {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": processor()}
    for count in sorted(arguments.counts):
        done = results["counts"].setdefault(str(count), {})
        for name in arguments.engines:
            if name in done or count > ENGINES[name](arguments.folder, 1).most:
                continue
            prepare(arguments.folder / str(count), count)
            print(f"... {count:,} {name}", file=sys.stderr, flush=True)
            done[name] = measure(arguments.folder / str(count), name)
            place.write_text(json.dumps(results, indent=1) + "\n")
    draw(results, arguments.out)
    print(table(results))


if __name__ == "__main__":
    main()
