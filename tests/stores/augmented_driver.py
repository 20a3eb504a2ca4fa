"""A process that fills a store with second vectors and keeps it up, for test_augmented.py to kill."""

import sys
from pathlib import Path

from tests.stores.examples import DIM, SCHEMA, record
from yunmeng.stores import AugmentedStore, second_schema
from yunmeng.stores.zvec.store import ZvecStore


def opened(folder: Path) -> AugmentedStore:
    """The store in ``folder``, made where it is missing."""
    if not (folder / "made").exists():
        plain = ZvecStore.create(folder / "plain", DIM, SCHEMA)
        second = ZvecStore.create(folder / "second", DIM, second_schema(SCHEMA), text=False)
        (folder / "made").touch()
        return AugmentedStore(plain, second)
    plain = ZvecStore.open(folder / "plain", SCHEMA)
    return AugmentedStore(plain, ZvecStore.open(folder / "second", second_schema(SCHEMA)))


def work(folder: str, run: str) -> None:
    """Write, delete and average without end, and say what is acknowledged; no id is used by two runs."""
    store = opened(Path(folder))
    number = 0
    print("open", flush=True)
    while True:
        ids = [f"{run}-{n}.jpg" for n in range(number, number + 8)]
        store.upsert([record(id, category=f"c{len(id) % 3}") for id in ids])
        print("+", *ids, flush=True)
        store.delete(ids[:2])
        print("-", *ids[:2], flush=True)
        store.refresh(20)
        number += 8


if __name__ == "__main__":
    work(sys.argv[1], sys.argv[2])
