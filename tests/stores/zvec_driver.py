"""A process that has a zvec store open, for tests to kill, to wait for, or to watch."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.stores.examples import DIM, SCHEMA, many, record, unit
from yunmeng.stores import Filter, parse_filter
from yunmeng.stores.zvec.store import ZvecStore

ROOT = Path(__file__).parents[2]


def driver(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
    """This module as a process, doing what ``arguments`` say."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.stores.zvec_driver", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def hold(path: str) -> None:
    """Have the store open until the end of input."""
    with ZvecStore.open(path, SCHEMA):
        print("open", flush=True)
        sys.stdin.read()


def write(path: str) -> None:
    """Write batches without end, and say each time how many records are acknowledged."""
    store = ZvecStore.open(path, SCHEMA) if Path(path).exists() else ZvecStore.create(path, DIM, SCHEMA)
    count = store.count()
    while True:
        store.upsert([record(f"{n}.jpg", category=f"c{n % 3}") for n in range(count, count + 8)])
        count += 8
        print(count, flush=True)


def ask(path: str) -> None:
    """Query from many threads a store in several segments while it is written, flushed, read through and optimised."""
    filters: list[Filter | None] = [None, parse_filter("category = 'b'"), parse_filter("category is not null")]
    store, asked = ZvecStore.create(path, DIM, SCHEMA), [0] * 9
    store.upsert(many(600, category=["a", "b", "c"] * 200))
    store.optimise()
    store.upsert(many(50, seed=1))
    store.flush()
    began, rounds = time.monotonic(), 0

    def going_on() -> bool:
        """A machine with other work gets longer, and one that hangs is not waited for."""
        enough = rounds > 5 and min(asked) > 5
        return time.monotonic() - began < (1.2 if enough else 25)

    def run(number: int) -> None:
        while going_on():
            assert store.search(unit(2)[0], 5, filters[number % 3])
            assert store.get(["77"])
            asked[number] += 1

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(len(asked))]
    for thread in threads:
        thread.start()
    while going_on():
        store.upsert([record(f"new {rounds} {n}") for n in range(20)])
        (store.flush, store.optimise, lambda: list(store.iterate()))[rounds % 3]()
        rounds += 1
    for thread in threads:
        thread.join(timeout=20)
    print(rounds, min(asked), sum(thread.is_alive() for thread in threads), flush=True)


def die(path: str, pattern: str) -> None:
    """Optimise the store, and be killed as soon as what matches ``pattern`` in its folder is not what it was."""

    def look() -> set[Path]:
        return set(Path(path).glob(pattern))

    def watch(before: set[Path]) -> None:
        while look() == before:
            time.sleep(0.0005)
        os.kill(os.getpid(), signal.SIGKILL)

    with ZvecStore.open(path, SCHEMA) as store:
        threading.Thread(target=watch, args=[look()], daemon=True).start()
        store.optimise()


if __name__ == "__main__":
    jobs: dict[str, Callable[..., None]] = {"hold": hold, "write": write, "ask": ask, "die": die}
    jobs[sys.argv[1]](*sys.argv[2:])
