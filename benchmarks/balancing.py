"""Several servers behind nginx: what nginx costs, how requests are shared, what is lost when one dies or is stopped.

Each server has a copy of the library. The clients are threads of one process on the same cores; each searches by id
again and again over one connection. The configuration is that of ``yunmeng deploy nginx``; nginx must be installed.

``python -m benchmarks.balancing LIBRARY [--seconds 10] [--clients 8]`` prints one JSON object.
"""

import argparse
import http.client
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.__main__ import processor
from tests.nginx_server import free_port, running_nginx
from yunmeng.config import ServerSettings
from yunmeng.deploy.nginx import configuration
from yunmeng.deploy.site import described, server_of
from yunmeng.library import Library
from yunmeng.state.keys import Keys


@dataclass
class Server:
    """One server: its process, and where it is."""

    process: subprocess.Popen[str]
    place: str


class Caller(threading.Thread):
    """One client. Notes the time and the seconds of every answer, and the time of every failure."""

    def __init__(self, place: str, key: str, ids: Sequence[str], over: threading.Event) -> None:
        super().__init__()
        self._place, self._ids, self._over = place, ids, over
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self.answered: list[tuple[float, float]] = []
        self.failed: list[float] = []

    def run(self) -> None:
        connection = http.client.HTTPConnection(self._place, timeout=60)
        number = 0
        while not self._over.is_set():
            body = json.dumps({"id": self._ids[number % len(self._ids)], "k": 10, "min_score": -1 + number * 1e-9})
            began = time.monotonic()
            try:
                connection.request("POST", "/v1/search", body, self._headers)
                response = connection.getresponse()
                response.read()
                ok = response.status == 200
            except (OSError, http.client.HTTPException):
                connection.close()
                ok = False
            now = time.monotonic()
            if ok:
                self.answered.append((now, now - began))
            else:
                self.failed.append(now)
            number += 1
        connection.close()


class Load:
    """Clients that ask until the block is left."""

    def __init__(self, place: str, key: str, ids: Sequence[str], clients: int) -> None:
        self._over = threading.Event()
        self._callers = [Caller(place, key, ids, self._over) for _ in range(clients)]

    def __enter__(self) -> "Load":
        self._began = time.monotonic()
        for caller in self._callers:
            caller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for caller in self._callers:
            caller.join()
        self._ended = time.monotonic()

    def figures(self, since: float | None = None) -> dict[str, Any]:
        """Rate, latency in milliseconds and failures; those after ``since`` with their seconds after it."""
        answered = sorted(one for caller in self._callers for one in caller.answered)
        failed = sorted(at for caller in self._callers for at in caller.failed)
        milliseconds = sorted(took * 1000 for _, took in answered)
        found: dict[str, Any] = {
            "answers": len(answered),
            "answers_per_second": round(len(answered) / (self._ended - self._began), 1),
            "p50_ms": round(statistics.median(milliseconds), 2),
            "p99_ms": round(milliseconds[int(len(milliseconds) * 0.99)], 2),
            "failed": len(failed),
        }
        if since is not None:
            times = [at for at, _ in answered]
            gaps = [after - before for before, after in pairwise(times) if after > since]
            found["failed_after_seconds"] = [round(at - since, 3) for at in failed if at > since]
            found["longest_silence_ms"] = round(max(gaps) * 1000, 1)
        return found


@contextmanager
def served(library: Path, folder: Path, count: int) -> Iterator[list[Server]]:
    """Serve copies of the library, each by a process of its own."""
    environment = {
        **os.environ,
        "YUNMENG_SERVER_TRUSTED_PROXIES": '["127.0.0.1"]',
        "YUNMENG_SERVER_RATE_LIMIT": "100000000/minute",
        "YUNMENG_SERVER_DRAIN": "2",
        "YUNMENG_SERVER_WARM": "0",
    }
    with ExitStack() as stack:
        found = []
        for number in range(count):
            db = folder / f"copy-{number}"
            shutil.copytree(library, db)
            log = stack.enter_context((folder / f"{number}.log").open("w"))
            command = [sys.executable, "-m", "yunmeng", "serve", "--db", str(db), "--port", "0"]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
            stack.callback(process.wait)
            stack.callback(process.kill)
            assert process.stdout is not None
            found.append(Server(process, urlsplit(process.stdout.readline().split()[1]).netloc))
        for server in found:
            until_ready(server.place)
        yield found


def until_ready(place: str) -> None:
    """Wait until a server says that it is ready."""
    while True:
        connection = http.client.HTTPConnection(place, timeout=10)
        connection.request("GET", "/ready")
        if connection.getresponse().status == 200:
            return
        connection.close()
        time.sleep(0.05)


@contextmanager
def balanced(folder: Path, servers: Sequence[Server], weights: Sequence[int]) -> Iterator[tuple[str, Path]]:
    """Run nginx before these servers; give its place and its log."""
    port = free_port()
    named = [server_of(f"{server.place}={weight}") for server, weight in zip(servers, weights, strict=True)]
    site = described(None, {"servers": named, "listen": f"127.0.0.1:{port}"})
    with running_nginx(folder, configuration(site, ServerSettings()), port) as log:
        yield f"127.0.0.1:{port}", log


def shares(log: Path, servers: Sequence[Server]) -> list[float]:
    """Return the part of the answers that each server gave, by nginx's log."""
    counts = Counter(line.split()[-3].rpartition(", ")[2] for line in log.read_text().splitlines())
    total = sum(counts[server.place] for server in servers)
    return [round(counts[server.place] / total, 4) for server in servers]


def measure(library: Path, seconds: float, clients: int) -> dict[str, Any]:
    """Measure all, one thing after the other."""
    with tempfile.TemporaryDirectory(prefix="balancing-") as name, ExitStack() as stack:
        folder = Path(name)
        with Library.open(library) as opened:
            ids = [record.id for record in islice(opened.iterate(), 200)]
        shutil.copytree(library, folder / "library")
        with Library.open(folder / "library") as opened:
            key = Keys(opened.state).create("benchmark", "search")[1]
        servers = stack.enter_context(served(folder / "library", folder, 3))
        found: dict[str, Any] = {"processor": processor(), "clients": clients, "pictures in turn": len(ids)}
        with Load(servers[0].place, key, ids, clients) as load:
            time.sleep(seconds)
        found["one server, without nginx"] = load.figures()
        for title, weights in (("one server", [1]), ("two servers, 3:1", [3, 1]), ("three servers", [1, 1, 1])):
            behind = servers[: len(weights)]
            with balanced(folder / title.replace(" ", "-"), behind, weights) as (place, log):
                with Load(place, key, ids, clients) as load:
                    time.sleep(seconds)
                found[f"nginx, {title}"] = {**load.figures(), "shares": shares(log, behind)}
        with balanced(folder / "faults", servers, [1, 1, 1]) as (place, _):
            found["kill -9 of one of three"] = ended(servers[1], signal.SIGKILL, place, key, ids, clients, seconds)
            found["SIGTERM to one of the two left"] = ended(
                servers[2], signal.SIGTERM, place, key, ids, clients, seconds
            )
        return found


def ended(
    server: Server, number: signal.Signals, place: str, key: str, ids: Sequence[str], clients: int, seconds: float
) -> dict[str, Any]:
    """End a server in the middle of the load."""
    with Load(place, key, ids, clients) as load:
        time.sleep(seconds / 2)
        since = time.monotonic()
        server.process.send_signal(number)
        time.sleep(max(seconds / 2, 4))
    return load.figures(since)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--clients", type=int, default=8)
    given = parser.parse_args()
    print(json.dumps(measure(given.library, given.seconds, given.clients), indent=2))


if __name__ == "__main__":
    main()
