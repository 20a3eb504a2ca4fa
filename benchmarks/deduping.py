"""The search for duplicates as libraries grow: seconds, their exponent from size to size, and what it finds.

``python -m benchmarks.deduping 10000 100000 1000000`` prints a JSON object. The records are made up as they are read:
512 numbers each, in clusters whose members have cosines of 0.5 to 0.8 to each other, and one in ten a copy of another:
by its vector (cosine 0.9 to 0.999), by its fingerprint (up to 20 of 256 bits differ), or by both. There are no files.
"""

import hashlib
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from yunmeng.apps.duplicates.search import find_duplicates
from yunmeng.apps.duplicates.types import DuplicateReport
from yunmeng.errors import OriginalGone
from yunmeng.stores import MemoryStore
from yunmeng.types import Record

DIM = 512
BLOCK = 10_000
COPIES = BLOCK // 10
IN_CLUSTER = 500


class PlantedStore(MemoryStore):
    """Reads as a store of ``n`` records would, and keeps none of them."""

    def __init__(self, n: int) -> None:
        super().__init__(DIM)
        self._n = n
        self._centres = _unit(np.random.default_rng(0).normal(size=(max(n // IN_CLUSTER, 1), DIM)))
        self.block = lru_cache(4)(self._block)
        self.seconds = 0.0  # spent on making records up

    def count(self, filter: object = None) -> int:  # noqa: ARG002  as stores have it
        return self._n

    def iterate(self, filter: object = None, *, vectors: bool = False) -> Iterator[Record]:  # noqa: ARG002
        return (record for number in range(self._n // BLOCK) for record in self.block(number))

    def get(self, ids: Sequence[str], *, vectors: bool = False) -> dict[str, Record]:  # noqa: ARG002
        return {id: self.block(int(id) // BLOCK)[int(id) % BLOCK] for id in ids}

    def _block(self, number: int) -> list[Record]:
        began = time.perf_counter()
        records = self._drawn(number)
        self.seconds += time.perf_counter() - began
        return records

    def _drawn(self, number: int) -> list[Record]:
        random = np.random.default_rng(number + 1)
        known = BLOCK - COPIES
        codes = random.integers(0, 256, (BLOCK, 32), dtype=np.uint8)
        vectors = np.empty((BLOCK, DIM), np.float32)
        vectors[:known] = self._clustered(random, known)
        for place, original, by in planted(number):
            vector = vectors[original]
            if by != "fingerprint":
                vectors[place] = _near(vector, random.uniform(0.9, 0.999), random)
            else:
                vectors[place] = _near(vector, random.uniform(0.5, 0.8), random)
            if by != "vector":
                bits = np.unpackbits(codes[original])
                bits[random.choice(256, random.integers(0, 21), replace=False)] ^= 1
                codes[place] = np.packbits(bits)
        return [self._record(number * BLOCK + row, codes[row], vectors[row]) for row in range(BLOCK)]

    def _clustered(self, random: np.random.Generator, n: int) -> NDArray[np.float32]:
        share = np.sqrt(random.uniform(0.5, 0.8, (n, 1)))
        centres = self._centres[random.integers(len(self._centres), size=n)]
        return _unit(share * centres + np.sqrt(1 - share**2) * _unit(random.normal(size=(n, DIM))))

    @staticmethod
    def _record(number: int, code: NDArray[np.uint8], vector: NDArray[np.float32]) -> Record:
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        return Record(str(number), f"/gone/{number}", digest, "0" * 16, code.tobytes().hex(), 100, 100, {}, {}, vector)


def planted(block: int) -> list[tuple[int, int, str]]:
    """The copies of a block: their rows, those of their originals, of which some have several, and by what."""
    random = np.random.default_rng(-block % 2**32)
    originals = random.choice(BLOCK - COPIES, COPIES, replace=False)
    originals[1::4] = originals[::4]
    ways = ("vector", "both", "fingerprint")
    return [(BLOCK - COPIES + n, int(row), ways[n % 3]) for n, row in enumerate(originals)]


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)
    return unit


def _near(vector: NDArray[np.float32], cosine: float, random: np.random.Generator) -> NDArray[np.float32]:
    drawn = random.normal(size=DIM)
    other = _unit(drawn - (drawn @ vector) * vector)
    return _unit(cosine * vector + math.sqrt(1 - cosine**2) * other)


def _gone(id: str) -> NoReturn:
    raise OriginalGone(id)


def scores(report: DuplicateReport, n: int) -> dict[str, float]:
    """The share of the planted copies that are in a group with their original, and of those in groups that belong."""
    group = {int(member.id): number for number, found in enumerate(report.groups) for member in found.members}
    original: dict[int, int] = {}
    found = copies = 0
    for block in range(n // BLOCK):
        for place, row, _ in planted(block):
            copy, origin = block * BLOCK + place, block * BLOCK + row
            original[copy] = original[origin] = origin
            copies += 1
            found += copy in group and group[copy] == group.get(origin)
    right = sum(
        original.get(int(member.id)) is not None and original.get(int(member.id)) == original.get(int(one.keep))
        for one in report.groups
        for member in one.discard
    )
    return {"recall": round(found / copies, 4), "precision": round(right / max(report.duplicates, 1), 4)}


def run(n: int) -> dict[str, Any]:
    """One size. What it takes to make up the records, when they are read and again when groups are, is taken off."""
    store = PlantedStore(n)
    with tempfile.TemporaryDirectory() as folder:
        report = find_duplicates(store, DIM, _gone, Path(folder), max_pixels=1)
    return {
        "n": n,
        "seconds": round(report.seconds - store.seconds, 2),
        "making": round(store.seconds, 2),
        **scores(report, n),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or [10_000, 100_000, 1_000_000]
    if len(sizes) == 1:
        print(json.dumps(run(sizes[0])))
        return
    runs = []
    for size in sizes:  # each in a process of its own: memory is told by its peak
        command = [sys.executable, "-m", "benchmarks.deduping", str(size)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        runs.append(json.loads(done.stdout))
        print(runs[-1], file=sys.stderr)
    exponents = [math.log(b["seconds"] / a["seconds"]) / math.log(b["n"] / a["n"]) for a, b in pairwise(runs)]
    print(json.dumps({"runs": runs, "exponents": [round(one, 3) for one in exponents]}))


if __name__ == "__main__":
    main()
