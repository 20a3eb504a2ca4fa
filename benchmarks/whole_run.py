"""``yunmeng index`` from the command line, from start to end, against the network alone on as many pictures.

Process start, calibration and flush are counted. Both are measured in turns, each in a process of its own, by the clock
and by CPU time. CPU time is what holds on a machine that does other work too; the clock counts on a quiet one.

``python -m benchmarks.whole_run PICTURES [--rounds 3] [--encoder NAME]`` prints one JSON object.
"""

import argparse
import compileall
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import yunmeng
from yunmeng.config import Settings, cores
from yunmeng.encoders import load
from yunmeng.imaging import decode

BATCH = 32
MOST = 512  # pictures that the network alone is measured on; its rate does not change with their number


class Cost(NamedTuple):
    """Seconds by the clock, and of all cores together."""

    wall: float
    cpu: float


def run(*command: str) -> tuple[Cost, str]:
    """The cost of a command in a process of its own, and what it prints."""
    began, before = time.perf_counter(), os.times()
    done = subprocess.run([sys.executable, "-m", *command], check=True, stdout=subprocess.PIPE, text=True)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(time.perf_counter() - began, cpu), done.stdout


def network_alone(pictures: Path, encoder: str) -> None:
    """Print the cost of one prepared picture, measured in this process, in batches as the pipeline has them."""
    network = load(encoder, Settings.load())
    files = sorted(pictures.rglob("*.jpg"))
    batch = [network.prepare(decode(file.read_bytes()).pixels) for file in files[:BATCH]]
    network.encode(batch)
    rounds = max(1, min(MOST, len(files)) // BATCH)
    began, before = time.perf_counter(), time.process_time()
    for _ in range(rounds):
        network.encode(batch)
    count = rounds * len(batch)
    print(json.dumps([(time.perf_counter() - began) / count, (time.process_time() - before) / count]))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--encoder", default="efficientnet-lite2")
    parser.add_argument("--alone", action="store_true", help="measure the network only: a run asks itself for it")
    arguments = parser.parse_args()
    if arguments.alone:
        network_alone(arguments.pictures, arguments.encoder)
        return
    compileall.compile_dir(str(Path(yunmeng.__file__).parent), quiet=1)  # an installed package has its bytecode
    alone: list[Cost] = []
    whole: list[Cost] = []
    indexed = 0
    for _ in range(arguments.rounds):
        asked = (str(arguments.pictures), "--encoder", arguments.encoder)
        alone.append(Cost(*json.loads(run("benchmarks.whole_run", *asked, "--alone")[1])))
        with TemporaryDirectory() as folder:
            cost, answer = run("yunmeng", "index", *asked, "--db", f"{folder}/library", "--json")
        whole.append(cost)
        indexed = json.loads(answer)["indexed"]
    network, index = (Cost(*map(statistics.median, zip(*costs, strict=True))) for costs in (alone, whole))
    print(
        json.dumps(
            {
                "pictures": indexed,
                "threads": Settings.load().threads or cores(),
                "seconds": round(index.wall, 2),
                "cpu_seconds": round(index.cpu, 2),
                "network_rate": round(1 / network.wall, 1),
                "network_cpu_ms": round(network.cpu * 1000, 2),
                "ratio": round(indexed * network.wall / index.wall, 3),
                "cpu_ratio": round(indexed * network.cpu / index.cpu, 3),
            }
        )
    )


if __name__ == "__main__":
    main()
