"""A library that moves from store to store and back: zvec -> Milvus -> zvec, with the time of each move.

``python -m benchmarks.moving 50000 128`` starts the server that the package ``milvus`` carries.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from tests.milvus_server import running_milvus
from tests.stores.examples import described
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library.library import Library
from yunmeng.library.transfer import copy_library
from yunmeng.types import Record

BATCH = 1000


def main() -> None:
    """Print a line for each move, and whether the last library is the first."""
    count, dim = int(sys.argv[1]), int(sys.argv[2])
    with tempfile.TemporaryDirectory() as place, running_milvus() as server:
        folder, encoder, settings = Path(place), FakeEncoder(dim), Settings.load()
        with Library.create(folder / "a", encoder, {"price": "float", "tags": "list[str]"}, settings) as library:
            draw = np.random.default_rng(1)
            for start in range(0, count, BATCH):
                library.generation.store.upsert([_record(row, draw, dim) for row in range(start, start + BATCH)])
        moves = (("a", "b", f"{server.url}/moved"), ("b", "c", "zvec:"))
        digests = [_move(folder, one, other, url, encoder, settings) for one, other, url in moves]
        with (
            Library.open(folder / "a", encoder, settings) as first,
            Library.open(folder / "c", encoder, settings) as last,
        ):
            same = sum(_same(record, last) for record in first.iterate(vectors=True))
            print(f"identical after both: {same:,} of {first.count():,} ({last.count():,} in the last); ", end="")
            print("digests equal" if len(set(digests)) == 1 else "digests differ")


def _move(folder: Path, one: str, other: str, url: str, encoder: FakeEncoder, settings: Settings) -> str:
    with Library.open(folder / one, encoder, settings) as library:
        report = copy_library(library, folder / other, url)
    rate = report.pictures / report.seconds
    print(
        f"{library.config.store.partition(':')[0]} -> {url.partition(':')[0]}: {report.pictures:,} records in "
        f"{report.seconds:.1f} s ({rate:,.0f}/s), compared; bit for bit {report.exact:,}; encoded {encoder.encoded}",
        flush=True,
    )
    return report.digest


def _record(row: int, draw: np.random.Generator, dim: int) -> Record:
    vector = draw.standard_normal(dim).astype(np.float32)
    attributes = {"price": row / 7, "tags": [f"t{row % 13}", "鞋"], "note": f"number {row}"}
    return described(f"folder/{row}.jpg", attributes, vector / np.linalg.norm(vector))


def _same(record: Record, other: Library) -> bool:
    found = other.get(record.id, vector=True)
    assert record.vector is not None
    assert found.vector is not None
    facts = [[getattr(each, name) for name in Record.__slots__ if name != "vector"] for each in (record, found)]
    return facts[0] == facts[1] and np.array_equal(record.vector, found.vector)


if __name__ == "__main__":
    main()
