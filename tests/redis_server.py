"""A real Redis, for tests: on a socket of its own, with nothing on disk; it can be killed and started again."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

__all__ = ["RedisServer", "running_redis"]


class RedisServer:
    """``redis-server`` behind a Unix socket. ``url`` is where it is, also while it is down."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._socket = folder / "redis.sock"
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self._socket}"

    @property
    def client(self) -> "Redis":
        return Redis.from_url(self.url)

    def start(self) -> None:
        plain = ("--port", "0", "--save", "", "--appendonly", "no", "--unixsocket", str(self._socket))
        command = ["redis-server", *plain, *self._options]
        self._process = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not self._answers():
            assert self._process.poll() is None, "redis-server has ended"
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.01)

    def kill(self) -> None:
        """End it at once, with all that it holds."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=60)
            self._process = None
        self._socket.unlink(missing_ok=True)

    def _answers(self) -> bool:
        from redis import RedisError

        try:
            with self.client as client:
                return bool(client.ping())
        except RedisError:
            return False


@contextmanager
def running_redis(*options: str) -> Iterator[RedisServer]:
    """A Redis that answers; the test is skipped where there is no redis-server, unless CI is set."""
    if shutil.which("redis-server") is None:
        if os.environ.get("CI"):
            pytest.fail("redis-server is missing", pytrace=False)
        pytest.skip("redis-server is missing")
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:  # a socket's path must be short
        server = RedisServer(Path(folder), *options)
        server.start()
        try:
            yield server
        finally:
            server.kill()
