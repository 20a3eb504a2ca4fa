"""A long run under mixed load over HTTP: searches, additions, deletions, imports; what the server takes must be level.

``python -m benchmarks.drills.soak [--minutes 20] [--plot FILE] [--plant-leak BYTES]`` prints a table of memory, files
and threads; the exit code is 1 if the second half of the run is not level as `benchmarks.drills.level` says, if a
request failed, or if something acknowledged is not there. The load adds as much as it deletes, and the caches are small
enough to be full soon, so that nothing has a reason to grow in the second half.
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
from typing import Final

from benchmarks.drills.ground import Server, contents, filled, jpeg, pictures
from benchmarks.drills.level import Sample, judged, table
from yunmeng.client import Client
from yunmeng.errors import YunmengError

EVERY: Final = 2.0  # seconds between samples
KEPT: Final = 40  # added pictures that are there at a time
IMPORTED: Final = 20
CACHED: Final = 100
"""Answers that the server keeps. With the 10,000 of the default setting, a cache fills for the better part of a run."""


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
        self.over.wait(2)


def measured(server: Server, load: Load, inside: Path, store: Path, minutes: float) -> list[Sample]:
    """Sample the server's process for so long; ``inside`` is the file of `benchmarks.drills.observed`."""
    samples, began = list[Sample](), time.monotonic()
    while (seconds := time.monotonic() - began) < 60 * minutes:
        samples.append(_sample(Path("/proc", str(server.process.pid)), inside, store, seconds, load.done.total()))
        time.sleep(EVERY)
    return samples


def _sample(process: Path, inside: Path, store: Path, seconds: float, requests: int) -> Sample:
    lines = (line.split() for line in (process / "smaps_rollup").read_text().splitlines())
    kilobytes = {words[0]: int(words[1]) for words in lines if words[-1] == "kB"}
    resident, anonymous = kilobytes["Rss:"] * 1024 / 1e6, kilobytes["Anonymous:"] * 1024 / 1e6
    in_use, blocks = map(int, inside.read_text().split())
    opened = [_target(file) for file in (process / "fd").iterdir()]
    of_store = sum(target.startswith(str(store)) for target in opened)
    return Sample(
        seconds=seconds,
        requests=requests,
        in_use=in_use / 1e6,
        blocks=blocks,
        anonymous=anonymous,
        mapped=resident - anonymous,
        store_files=of_store,
        files=len(opened) - of_store,
        threads=sum(1 for _ in (process / "task").iterdir()),
    )


def _target(file: Path) -> str:
    try:
        return str(file.readlink())
    except FileNotFoundError:  # closed meanwhile
        return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--plot", type=Path, help="draw the run as a PNG; needs matplotlib")
    parser.add_argument("--plant-leak", type=int, default=0, help="bytes that the server loses at each request")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as temporary:
        folder = Path(temporary).resolve()
        _, library, before = filled(folder, arguments.pictures)
        inside = folder / "inside"
        observed = ("benchmarks.drills.observed", str(inside), str(arguments.plant_leak))
        with Server(library, program=observed, YUNMENG_CACHE_ENTRIES=str(CACHED)) as server:
            load = Load(server.url, folder, sorted(before))
            load.start()
            samples = measured(server, load, inside, library / "store", arguments.minutes)
            load.stop()
        now = contents(library)
    print(f"{arguments.minutes:g} minutes; done: {dict(load.done)}; failed: {dict(load.failed)}\n")
    findings = judged(samples)
    print(table(findings))
    if arguments.plot:
        draw(samples, arguments.plot)
    lost = (load.expected - now.keys()) | {id for id, digest in before.items() if now.get(id) != digest}
    extra = now.keys() - load.expected
    print(f"\n{len(now)} pictures in the end; missing or changed: {len(lost)}; too many: {len(extra)}")
    level = all(finding.level for finding in findings)
    print("Level." if level else "Not level.")
    sys.exit(0 if level and not (lost or extra or load.failed) else 1)


def draw(samples: Sequence[Sample], file: Path) -> None:
    """Draw memory above, and files and threads below, over the minutes of a run."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (memory, files) = plt.subplots(2, 1, figsize=(8, 5.5), sharex=True, layout="constrained")
    minutes = [sample.seconds / 60 for sample in samples]
    for axis, names in ((memory, ("anonymous", "in_use", "mapped")), (files, ("store_files", "files", "threads"))):
        for name in names:
            axis.plot(minutes, [getattr(sample, name) for sample in samples], label=name.replace("_", " "))
        axis.axvspan(minutes[len(minutes) // 2], minutes[-1], color="0.95", zorder=0)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        axis.legend(loc="upper left", ncols=3, fontsize=8)
    memory.set_ylabel("MB")
    files.set(xlabel="minutes; the half that is judged is grey", ylabel="number")
    figure.savefig(file, dpi=90)


if __name__ == "__main__":
    main()
