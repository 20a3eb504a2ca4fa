"""How fast pictures come in, against the encoder alone on the same threads; and how much memory it takes.

The encoder alone is measured twice: `Encoder.encode` on decoded pictures, which it brings to its input size first, and
on pictures that were prepared beforehand, which leaves the network alone.

``python -m benchmarks.indexing PICTURES LIBRARY [--encoder NAME]`` prints one JSON object.
"""

import argparse
import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from yunmeng.config import Settings, cores
from yunmeng.encoders import Encoder, load
from yunmeng.imaging import decode
from yunmeng.library import Library
from yunmeng.types import Pixels

ROUNDS = 12  # batches of the encoder alone, before and after


def raw_rate(encoder: Encoder, batch: Sequence[Pixels]) -> float:
    """Pictures a second through `Encoder.encode`, over and over with the same batch."""
    began = time.perf_counter()
    for _ in range(ROUNDS):
        encoder.encode(batch)
    return ROUNDS * len(batch) / (time.perf_counter() - began)


class Watch(threading.Thread):
    """Samples this process's resident memory, in MB, with the number of pictures done."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.done = 0
        self.samples: list[tuple[int, float]] = []
        self.over = threading.Event()

    def run(self) -> None:
        process = psutil.Process()
        while not self.over.wait(0.1):
            self.samples.append((self.done, process.memory_info().rss / 1e6))

    def peak(self, first: int, last: int) -> float:
        """The most memory while between ``first`` and ``last`` pictures were done."""
        return max((rss for done, rss in self.samples if first <= done <= last), default=0.0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("pictures", type=Path)
    parser.add_argument("library", type=Path)
    parser.add_argument("--encoder", default="efficientnet-lite2")
    arguments = parser.parse_args()
    settings = Settings.load()
    encoder = load(arguments.encoder, settings)
    files = sorted(arguments.pictures.rglob("*.jpg"))[: settings.batch_size]
    decoded = [decode(file.read_bytes()).pixels for file in files]
    prepared = [encoder.prepare(pixels) for pixels in decoded]
    encoder.encode(prepared)
    before = raw_rate(encoder, decoded), raw_rate(encoder, prepared)
    watch = Watch()
    watch.start()
    with Library.create(arguments.library, encoder, {"category": "str"}, settings) as library:
        report = library.index([arguments.pictures], on_tally=lambda tally: setattr(watch, "done", tally.indexed))
    watch.over.set()
    after = raw_rate(encoder, decoded), raw_rate(encoder, prepared)
    rate = report.indexed / report.seconds
    from_pictures, network = ((first + second) / 2 for first, second in zip(before, after, strict=True))
    print(
        json.dumps(
            {
                "pictures": report.indexed,
                "rate": round(rate, 1),
                "threads": settings.threads or cores(),
                "encode_rate": round(from_pictures, 1),
                "network_rate": round(network, 1),
                "ratio_to_encode": round(rate / from_pictures, 3),
                "ratio_to_network": round(rate / network, 3),
                "rss_to_1000": round(watch.peak(1, 1000)),
                "rss_at_all": round(watch.peak(0, report.indexed)),
            }
        )
    )


if __name__ == "__main__":
    main()
