"""Runs every benchmark, each in a process of its own, and prints the figures as a table."""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.pictures import write_pictures


def measure(module: str, *arguments: str | Path) -> dict[str, Any]:
    """The JSON object that a benchmark prints last."""
    print(f"... {module}", file=sys.stderr)
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="pictures to index")
    parser.add_argument("--encoder", default="efficientnet-lite2")
    parser.add_argument(
        "--folder", type=Path, help="where to keep pictures and library; a temporary folder if left out"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        pictures = write_pictures(folder / f"pictures-{arguments.count}", arguments.count)
        library = folder / f"library-{datetime.now(UTC):%Y%m%d%H%M%S}"
        indexing = measure("indexing", pictures, library, "--encoder", arguments.encoder)
        searching = measure("searching", library)
        starting = measure("starting", library, next(pictures.rglob("*.jpg")))
        serving = measure("serving", pictures, library)
    print_table(arguments.encoder, indexing, searching, starting)
    print_serving(serving)


def print_table(encoder: str, indexing: dict[str, Any], searching: dict[str, Any], starting: dict[str, Any]) -> None:
    print(f"{datetime.now(UTC):%Y-%m-%d}, {processor()}, Python {platform.python_version()}, {encoder}\n")
    rows = [
        ("indexing, pictures/s", indexing["rate"]),
        (f"`Encoder.encode` on decoded pictures, {indexing['threads']} threads, pictures/s", indexing["encode_rate"]),
        ("indexing / `Encoder.encode`", indexing["ratio_to_encode"]),
        ("the network alone, on prepared pictures, pictures/s", indexing["network_rate"]),
        ("indexing / the network alone", indexing["ratio_to_network"]),
        ("memory up to 1,000 pictures, MB", indexing["rss_to_1000"]),
        (f"memory up to {indexing['pictures']:,} pictures, MB", indexing["rss_at_all"]),
        ("search by vector, ms", searching["library_ms"]),
        ("bare zvec query, ms", searching["zvec_ms"]),
        ("search / bare zvec", searching["ratio"]),
        ("yunmeng --help, s", starting["help_seconds"]),
        (f"yunmeng search, {indexing['pictures']:,} pictures, cold, s", starting["search_seconds"]),
    ]
    print("| what | figure |\n| --- | --- |")
    for name, figure in rows:
        print(f"| {name} | {figure} |")


def print_serving(serving: dict[str, Any]) -> None:
    rows = [
        ("searches by picture over HTTP, a second", serving["rate"]),
        ("errors", serving["errors"]),
        ("half of them answered within, ms", serving["p50_ms"]),
        ("searches / `Encoder.encode` on decoded pictures", serving["ratio_to_encode"]),
        ("searches / the network alone", serving["ratio_to_network"]),
        ("memory in the first quarter, MB", serving["rss_first_quarter"]),
        ("memory in the last quarter, MB", serving["rss_last_quarter"]),
        ("search by id over HTTP, median, ms", serving["by_id_http_ms"]),
        ("the same in the library, median, ms", serving["by_id_library_ms"]),
        ("by id, HTTP / library", serving["by_id_ratio"]),
    ]
    print(f"\n{serving['clients']} clients for {serving['seconds']:g} s\n\n| what | figure |\n| --- | --- |")
    for name, figure in rows:
        print(f"| {name} | {figure} |")


def processor() -> str:
    """The machine in words."""
    import os

    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    return f"{model}, {os.cpu_count()} cores, {platform.system()}"


if __name__ == "__main__":
    main()
