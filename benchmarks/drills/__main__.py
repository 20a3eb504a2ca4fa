"""Runs the drills, each in a folder of its own, and prints a table. See docs/drills.md."""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from benchmarks.drills import components, disk, network, processes, redis, servers
from benchmarks.drills.ground import Broken, Impossible

DRILLS: Final[Sequence[Callable[[Path], str]]] = (
    disk.full_disk,
    disk.read_only_disk,
    disk.corrupted_store,
    disk.corrupted_state,
    processes.killed_writer,
    processes.killed_server,
    processes.clock_jump,
    redis.slow_redis,
    redis.silent_redis,
    redis.dead_redis,
    servers.restarted_milvus,
    servers.restarted_postgresql,
    components.killed_components,
    network.full_queue,
    network.lost_answers,
    network.half_a_network,
)
"""All drills. A new one is a function with an outcome in its docstring, and one line here."""


def held(drill: Callable[[Path], str]) -> tuple[str, str]:
    """Run one drill; return how it ended, and what was seen."""
    folder = Path(tempfile.mkdtemp(prefix="drill-"))
    try:
        return "as it must", drill(folder)
    except Broken as exc:
        return "BROKEN", f"expected {exc}"
    except Impossible as exc:
        return "not possible", str(exc)
    except Exception as exc:  # a fault of the drill, or one that nobody has thought of
        return "BROKEN", f"{type(exc).__name__}: {' '.join(str(exc).split())}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="drills to run; all if left out")
    wanted = parser.parse_args().names
    unknown = set(wanted) - {drill.__name__ for drill in DRILLS}
    if unknown:
        parser.error(f"no drill {', '.join(sorted(unknown))}: {', '.join(drill.__name__ for drill in DRILLS)}")
    broken = False
    print("| drill | outcome | seconds | what was seen |\n| --- | --- | --- | --- |", flush=True)
    for drill in DRILLS:
        if wanted and drill.__name__ not in wanted:
            continue
        began = time.perf_counter()
        outcome, seen = held(drill)
        broken |= outcome == "BROKEN"
        print(f"| {drill.__name__} | {outcome} | {time.perf_counter() - began:.0f} | {seen} |", flush=True)
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
