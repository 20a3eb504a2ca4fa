"""Drills of processes: one that is killed, and one whose clock jumps."""

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from benchmarks.drills.ground import ENCODER, Impossible, Server, check, command, contents, filled, jpeg, pictures
from yunmeng.client import Client
from yunmeng.library import Library

__all__ = ["clock_jump", "killed_server", "killed_writer"]

KILLS = 5
YEAR = 31_536_000


def killed_writer(folder: Path) -> str:
    """An import that is killed again and again loses nothing that it acknowledged, and ends with every picture once."""
    source, library = pictures(folder / "pictures", 250), folder / "library"
    moments, safe = random.Random(7), dict[str, str]()
    order = [sys.executable, "-m", "yunmeng", "index", str(source), "--db", str(library), "--encoder", ENCODER]
    for _ in range(KILLS):
        process = subprocess.Popen(
            order,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "YUNMENG_BATCH_SIZE": "4"},
        )
        while process.poll() is None and _acknowledged(library) <= len(safe):
            time.sleep(0.02)
        time.sleep(moments.uniform(0.0, 0.5))
        process.kill()
        process.wait()
        now = contents(library) if Library.exists(library) else {}
        check(safe.items() <= now.items(), "all that was there after the kill before")
        safe = now
    done = command("index", source, "--db", library, "--encoder", ENCODER, "--json")
    report = json.loads(done.stdout)
    check((report["indexed"], report["skipped"]) == (250 - len(safe), len(safe)), f"the rest only, not {report}")
    check(len(contents(library)) == 250, "250 pictures")
    return f"{KILLS} kills, {len(safe)} of 250 in before the last run, 250 after it, each once"


def _acknowledged(library: Path) -> int:
    """Return how many pictures are in by the state of a running import, over all its runs."""
    try:
        with closing(sqlite3.connect(f"file:{library / 'state.db'}?mode=ro", uri=True)) as state:
            sums = "select coalesce(sum(most), 0) from (select max(indexed) as most from checkpoints group by job_id)"
            return int(state.execute(sums).fetchone()[0])
    except sqlite3.Error:
        return 0


def killed_server(folder: Path) -> str:
    """A server that is killed while pictures are added has every picture whose addition it confirmed."""
    _, library, before = filled(folder, 20)
    confirmed = set[str]()
    for turn in range(3):
        with Server(library) as server, server.client(retries=0) as client:
            for number in range(6):
                confirmed.add(client.add(jpeg(1000 + 10 * turn + number)).id)
            server.kill()
    now = contents(library)
    check(before.items() <= now.items() and confirmed <= now.keys(), "all that was confirmed")
    check(len(now) == 20 + len(confirmed), f"{20 + len(confirmed)} pictures, not {len(now)}")
    return f"3 kills, {len(confirmed)} of {len(confirmed)} confirmed additions there"


def clock_jump(folder: Path) -> str:
    """A clock that jumps a year ahead and two years back under a running server changes no answer and loses nothing."""
    library_file = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library_file is None:
        raise Impossible("libfaketime is missing: apt install faketime")
    _, library, before = filled(folder, 20)
    key = command("keys", "create", "drill", "--scope", "admin", "--db", library).stdout.split()[-1]
    clock = folder / "clock"
    clock.write_text("+0")
    fake = {
        "LD_PRELOAD": str(library_file),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # as a real clock that is set
    }
    added = set[str]()
    with Server(library, "--require-keys", **fake) as server, server.client(key=key) as client:
        for number, jump in enumerate((0, YEAR, -YEAR, 0)):
            before_jump = _asked(client)
            clock.write_text(f"{jump:+d}")
            check(_asked(client) == before_jump, f"the same hits {jump:+,} s away")
            added.add(client.add(jpeg(2000 + number), id=f"added-{number}").id)
            check(client.count() == 21 + number, f"{21 + number} pictures {jump:+,} s away")
            check(_asked(client) != before_jump, f"the new picture among the hits {jump:+,} s away")
    now = contents(library)
    check(before.items() <= now.items() and added <= now.keys() and len(now) == 24, "all 24 pictures")
    done = command("index", folder / "pictures", "--db", library, "--json")
    check(json.loads(done.stdout)["skipped"] == 20, "nothing indexed again")
    return "+1 year, -1 year, back: keys, searches and additions work; 24 of 24 there"


def _asked(client: Client) -> list[tuple[str, float]]:
    """All pictures, as the hits of one of them."""
    return [(hit.id, hit.score) for hit in client.search(id="0003.jpg", k=100)]
