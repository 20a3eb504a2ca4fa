"""Records with made-up vectors and codes, and stores of them."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from yunmeng.apps.duplicates.search import find_duplicates
from yunmeng.apps.duplicates.types import DuplicateReport
from yunmeng.errors import OriginalGone
from yunmeng.stores import MemoryStore
from yunmeng.types import Record

DIM = 64
Find: TypeAlias = Callable[..., DuplicateReport]


def record(id: str, random: np.random.Generator, **known: Any) -> Record:
    """A picture of its own in all that is not given."""
    vector = random.normal(size=DIM)
    made: dict[str, Any] = {
        "uri": f"/gone/{id}",
        "sha256": hashlib.sha256(f"{id} {random.random()}".encode()).hexdigest(),
        "phash": "0" * 16,
        "pdq": random.bytes(32).hex(),
        "width": 100,
        "height": 100,
        "quality": {"contrast": 0.6, "sharpness": 100.0},
        "vector": (vector / np.linalg.norm(vector)).astype(np.float32),
    }
    return Record(id=id, **{**made, **known})


def like(vector: NDArray[np.float32], cosine: float, random: np.random.Generator) -> NDArray[np.float32]:
    """A vector at this cosine to ``vector``."""
    other = random.normal(size=len(vector))
    other -= (other @ vector) * vector
    mixed = cosine * vector + np.sqrt(1 - cosine**2) * other / np.linalg.norm(other)
    return np.asarray(mixed / np.linalg.norm(mixed), np.float32)


def flipped(pdq: str, bits: int, random: np.random.Generator) -> str:
    """A PDQ code with so many other bits."""
    code = np.unpackbits(np.frombuffer(bytes.fromhex(pdq), np.uint8))
    code[random.choice(256, bits, replace=False)] ^= 1
    return np.packbits(code).tobytes().hex()


def gone(id: str) -> bytes:
    raise OriginalGone(f"{id} is gone")


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def find(tmp_path: Path) -> Find:
    """What is found among records, whose files are gone unless ``original`` has them."""

    def find(records: list[Record], original: Callable[[str], bytes] = gone, **options: Any) -> DuplicateReport:
        with MemoryStore(DIM) as store:
            store.upsert(records)
            report = find_duplicates(store, DIM, original, tmp_path / "scratch", max_pixels=10**8, **options)
        assert list((tmp_path / "scratch").iterdir()) == []
        return report

    return find


def ids(report: DuplicateReport) -> list[list[str]]:
    """The groups as sorted ids."""
    return sorted(sorted(member.id for member in group.members) for group in report.groups)
