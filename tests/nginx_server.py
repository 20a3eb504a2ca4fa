"""A real nginx, for tests: as the command configures it, on a port of its own, with all its files in one folder."""

import os
import random
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.needing import need_program

__all__ = ["check", "free_port", "need_nginx", "running_nginx"]

PORTS = range(20_000, 30_000)
"""Below those that systems give to connections: one that is free now is not taken before nginx listens on it."""
WRITTEN = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def need_nginx() -> str:
    """Return where nginx is. Skip where there is none; on CI that is a failure."""
    return need_program("nginx", "/usr/sbin:/usr/local/sbin", "install the package nginx")


def check(folder: Path, configuration: str) -> "subprocess.CompletedProcess[str]":
    """Let nginx itself check a configuration: ``nginx -t``."""
    command = _command(folder, configuration, workers=1)
    return subprocess.run([*command, "-t"], capture_output=True, encoding="utf-8", check=False, timeout=60)


def free_port() -> int:
    """A port that nobody listens on."""
    for port in random.SystemRandom().sample(PORTS, 1000):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("a thousand ports are taken")


@contextmanager
def running_nginx(folder: Path, configuration: str, port: int) -> Iterator[Path]:
    """An nginx of two workers that listens on ``port``; gives its log, a line each of upstream, status and URI."""
    command = _command(folder, configuration, workers=2)
    with (folder / "said.txt").open("wb") as said:
        process = subprocess.Popen([*command, "-g", "daemon off;"], stdout=said, stderr=said)
        try:
            deadline = time.monotonic() + 60
            while not _listens(port):
                assert process.poll() is None, (folder / "said.txt").read_text() + (folder / "error.log").read_text()
                assert time.monotonic() < deadline, "nginx does not listen"
                time.sleep(0.01)
            yield folder / "access.log"
        finally:
            process.terminate()
            process.wait(timeout=60)


def _command(folder: Path, configuration: str, workers: int) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "site.conf").write_text(configuration, encoding="utf-8")
    user = "user root;" if os.getuid() == 0 else ""
    paths = "".join(f"{name}_temp_path {folder}/{name};" for name in WRITTEN)
    (folder / "nginx.conf").write_text(
        f"{user} worker_processes {workers}; pid {folder}/nginx.pid; error_log {folder}/error.log;"
        "events { worker_connections 1024; } http {"
        f"{paths} log_format upstream '$upstream_addr $status $request_uri';"
        f"access_log {folder}/access.log upstream; include {folder}/site.conf; }}"
    )
    return [need_nginx(), "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", str(folder / "error.log")]


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
