"""A long run under mixed load over HTTP: searches, additions, deletions, imports; what the server takes must be level.

``python -m benchmarks.drills.soak [--minutes 20]`` prints a table of memory, files and threads; the exit code is 1 if a
mean of the last third lies more than a few per cent above that of the middle third, if a request failed, or if
something acknowledged is not there.
"""

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import Final, NamedTuple

import psutil

from benchmarks.drills.ground import Server, contents, filled, jpeg, pictures
from yunmeng.client import Client
from yunmeng.errors import YunmengError

EVERY: Final = 2.0  # seconds between samples
KEPT: Final = 40  # added pictures that are there at a time
IMPORTED: Final = 20
ROOM: Final = {"memory, MB": 1.05, "files": 1.05, "threads": 1.05}
"""Bounds of the mean of the last third, as multiples of the middle third's."""


class Sample(NamedTuple):
    """Holds what the server's process takes."""

    memory: float
    files: float
    threads: float


class Load:
    """Callers of all kinds, each on a thread of its own, until ``over``."""

    def __init__(self, url: str, folder: Path, ids: Sequence[str]) -> None:
        self.over = threading.Event()
        self.done: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.expected = set(ids)
        self._url = url
        self._folder = folder
        self._ids = ids
        kinds = (self._search_ids, self._search_pictures, self._add_and_delete, self._import)
        self._threads = [threading.Thread(target=self._repeat, args=(kind,)) for kind in kinds]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self.over.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, kind: Callable[[Client, int], None]) -> None:
        with Client(self._url, timeout=60, retries=20) as client:
            number = 0
            while not self.over.is_set():
                try:
                    kind(client, number)
                    self.done[kind.__name__[1:]] += 1
                except YunmengError as exc:
                    self.failed[f"{kind.__name__[1:]}: {exc}"] += 1
                number += 1

    def _search_ids(self, client: Client, number: int) -> None:
        client.search(id=random.choice(self._ids), k=10, offset=number % 50)
        self.over.wait(0.01)

    def _search_pictures(self, client: Client, number: int) -> None:
        client.search(jpeg(10_000 + number % 500), k=10)

    def _add_and_delete(self, client: Client, number: int) -> None:
        id = f"added-{number}"
        client.add(jpeg(20_000 + number), id=id)
        self.expected.add(id)
        old = f"added-{number - KEPT}"
        if old in self.expected:
            client.delete(old)
            self.expected.discard(old)

    def _import(self, client: Client, number: int) -> None:
        folder = pictures(self._folder / f"import-{number}", IMPORTED, start=1_000_000 + number * IMPORTED)
        client.index([folder])
        names = {file.name for file in folder.iterdir()}
        self.expected |= names
        client.delete(sorted(names))
        self.expected -= names
        for file in folder.iterdir():
            file.unlink()
        self.over.wait(5)


def measured(server: Server, minutes: float) -> list[Sample]:
    """Sample the server's process for so long."""
    process, samples, ends = psutil.Process(server.process.pid), list[Sample](), time.monotonic() + 60 * minutes
    while time.monotonic() < ends:
        with process.oneshot():
            samples.append(Sample(process.memory_info().rss / 1e6, process.num_fds(), process.num_threads()))
        time.sleep(EVERY)
    return samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--pictures", type=int, default=500)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as temporary:
        folder = Path(temporary)
        _, library, before = filled(folder, arguments.pictures)
        with Server(library) as server:
            load = Load(server.url, folder, sorted(before))
            load.start()
            samples = measured(server, arguments.minutes)
            load.stop()
        now = contents(library)
    print(f"{arguments.minutes:g} minutes; done: {dict(load.done)}; failed: {dict(load.failed)}\n")
    lost = (load.expected - now.keys()) | {id for id, digest in before.items() if now.get(id) != digest}
    level = print_thirds(samples)
    extra = now.keys() - load.expected
    print(f"\n{len(now)} pictures in the end; missing or changed: {len(lost)}; too many: {len(extra)}")
    sys.exit(0 if level and not (lost or extra or load.failed) else 1)


def print_thirds(samples: Sequence[Sample]) -> bool:
    """Print the mean of each third of the run, and return whether the last is level with the middle one."""
    third = max(1, len(samples) // 3)
    parts = samples[:third], samples[third : 2 * third], samples[2 * third :]
    print("| | first third | middle third | last third | last / middle |\n| --- | --- | --- | --- | --- |")
    level = True
    for column, (name, most) in enumerate(ROOM.items()):
        first, middle, last = (mean(sample[column] for sample in part) for part in parts)
        level &= last <= middle * most
        print(f"| {name} | {first:.0f} | {middle:.0f} | {last:.0f} | {last / middle:.3f} |")
    return level


if __name__ == "__main__":
    main()
