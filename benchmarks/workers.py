"""How fast pictures come in by workers of a Ray cluster on this machine, against one process with as many threads.

``python -m benchmarks.workers [--count N] [--workers 1,2]`` prints one JSON object; rates are pictures a second over
the whole run, and from the first acknowledged batch to the last, without the start of the workers.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.pictures import write_pictures
from yunmeng.config import Settings
from yunmeng.library import Library
from yunmeng.types import Tally


def rates(pictures: Path, library: Path, settings: Settings, **runner: Any) -> dict[str, float]:
    """Index all pictures into a new library. Returns both rates, in pictures/s."""
    seen: list[tuple[float, int]] = []

    def watch(tally: Tally) -> None:
        if not seen or tally.indexed > seen[-1][1]:
            seen.append((time.perf_counter(), tally.indexed))

    with Library.create(library, settings=settings) as opened:
        began = time.perf_counter()
        report = opened.index([pictures], on_tally=watch, **runner)
    (first, before), (last, after) = seen[0], seen[-1]
    return {
        "whole": round(report.indexed / (last - began), 1),
        "steady": round((after - before) / (last - first), 1),
        "start_seconds": round(first - began, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1500)
    parser.add_argument("--workers", default="1,2")
    arguments = parser.parse_args()
    found: dict[str, Any] = {"pictures": arguments.count}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        pictures = write_pictures(folder / "pictures", arguments.count)
        for number in map(int, arguments.workers.split(",")):
            one_core = Settings.load().model_copy(update={"threads": 1})
            found[f"ray_{number}"] = rates(
                pictures, folder / f"ray-{number}", one_core, runner="ray", address="local", workers=number
            )
            threads = one_core.model_copy(update={"threads": number})
            found[f"local_{number}"] = rates(pictures, folder / f"local-{number}", threads)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
