"""Drills of Redis: slow, silent, dead. Answers are the same as without it, and nobody waits long."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.drills.ground import Impossible, Server, check, filled
from benchmarks.drills.proxy import Proxy
from tests.nginx_server import free_port
from yunmeng.client import Client

__all__ = ["dead_redis", "silent_redis", "slow_redis"]

PATIENCE = 2.0
"""Seconds that an answer may take on a busy machine, Redis or not; Redis has 0.2 of them."""
DELAY = 3.0
PAUSE = 6.0  # seconds: the server leaves a Redis alone for 5 after an error


def slow_redis(folder: Path) -> str:
    """A Redis that takes seconds to answer slows no answer down."""
    return _ill(folder, lambda proxy: setattr(proxy, "delay", DELAY))


def silent_redis(folder: Path) -> str:
    """A Redis whose answers are lost, on connections that stay open, slows no answer down: half a network."""
    return _ill(folder, lambda proxy: setattr(proxy, "lost_answers", True))


def dead_redis(folder: Path) -> str:
    """A Redis that dies under questions costs no answer, and is used again when it is back."""
    _, library, _ = filled(folder, 30)
    port = free_port()
    with Server(library, YUNMENG_REDIS_URL=f"redis://127.0.0.1:{port}/0") as server, server.client() as client:
        truth, _ = _ask(client, 5)
        with _redis(folder, port) as process:
            time.sleep(PAUSE)
            check(_ask(client, 6)[0] == truth and _keys(port) > 0, "the same hits with Redis, and entries in it")
            process.kill()
            process.wait()
            hits, worst = _ask(client, 7)
            check(hits == truth, "the same hits after its death")
        with _redis(folder, port):
            time.sleep(PAUSE)
            check(_ask(client, 8)[0] == truth and _keys(port) > 0, "the same hits with Redis back, and entries in it")
    check(worst < PATIENCE, f"answers below {PATIENCE} s, not {worst:.2f}")
    return f"30 of 30 answers the same, slowest {worst:.2f} s; used again when it was back"


def _ill(folder: Path, spoil: Callable[[Proxy], None]) -> str:
    _, library, _ = filled(folder, 30)
    port = free_port()
    with _redis(folder, port), Proxy(("127.0.0.1", port)) as proxy:
        with Server(library) as plain, plain.client() as client:
            truth, before = _ask(client, 5)
        url = f"redis://127.0.0.1:{proxy.port}/0"
        with Server(library, YUNMENG_REDIS_URL=url) as server, server.client() as client:
            check(_ask(client, 6)[0] == truth and _keys(port) > 0, "the same hits with Redis, and entries in it")
            spoil(proxy)
            hits, worst = _ask(client, 7)
            check(hits == truth, "the same hits")
            check(worst < PATIENCE, f"answers below {PATIENCE} s, not {worst:.2f}")
    return f"30 of 30 answers the same; slowest {worst:.2f} s, {before:.2f} without Redis"


def _ask(client: Client, k: int) -> tuple[list[list[tuple[str, float]]], float]:
    """The first five hits of each question, and the seconds of the slowest answer. Another ``k`` is another question,
    whose answer is kept nowhere yet.
    """
    found, worst = [], 0.0
    for number in range(30):
        began = time.perf_counter()
        hits = client.search(id=f"{number:04}.jpg", k=k)
        worst = max(worst, time.perf_counter() - began)
        found.append([(hit.id, round(hit.score, 6)) for hit in hits[:5]])
    return found, worst


def _keys(port: int) -> int:
    from redis import Redis

    with Redis(port=port) as client:
        return int(client.dbsize())


@contextmanager
def _redis(folder: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """A Redis on ``port`` that keeps nothing on disk."""
    if shutil.which("redis-server") is None:
        raise Impossible("redis-server is missing: apt install redis-server")
    options = ["--port", str(port), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"]
    process = subprocess.Popen(["redis-server", *options], cwd=folder, stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        yield process
    finally:
        process.kill()
        process.wait()
