"""A real Milvus, for tests: the server that the package ``milvus`` carries, on free ports; it can be killed."""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

__all__ = ["MilvusServer", "running_milvus"]


class MilvusServer:
    """A server in ``folder``. ``url`` is where it is, also while it is down."""

    def __init__(self, folder: Path, binaries: Path | None = None) -> None:
        """Lay out the folder: its programs, unless another server's can be used, take some seconds to unpack."""
        from milvus import MilvusServerConfig, _initialize_data_files

        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        config = MilvusServerConfig(data_dir=str(folder))
        names = [name for name in config.configurable_items if name.endswith("_port")]
        self._health, *ports = free_ports(len(names) + 1)
        config.update(**dict(zip(names, ports, strict=True)))
        config.resolve()
        _own_peers(folder, client=config.get("etcd_port"))
        self.url = f"milvus://127.0.0.1:{config.get('proxy_port')}"
        if binaries is not None:
            (folder / "bin").symlink_to(binaries)
        _initialize_data_files(str(folder))

    @property
    def binaries(self) -> Path:
        return self._folder / "bin"

    def start(self) -> None:
        """Start it on what it has, and wait until it answers."""
        environment = {
            **os.environ,
            "DEPLOY_MODE": "STANDALONE",
            "METRICS_PORT": str(self._health),
            "MILVUS_RUN_DIR": str(self._folder / "run"),
            "LD_LIBRARY_PATH": str(self.binaries),
        }
        with (self._folder / "output.log").open("ab") as output:
            self._process = subprocess.Popen(
                [self.binaries / "milvus", "run", "standalone"],
                cwd=self._folder,
                env=environment,
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + 120
        while not self._healthy():
            assert self._process.poll() is None, "milvus has ended"
            assert time.monotonic() < deadline, "milvus does not answer"
            time.sleep(0.1)

    def kill(self) -> None:
        """End it at once; what it has acknowledged is on the disk."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=20)
            self._process = None

    def _healthy(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self._health}/healthz", timeout=5) as answer:
                return bool(answer.read() == b"OK")
        except (URLError, ConnectionError, TimeoutError):
            return False


def _own_peers(folder: Path, client: int) -> None:
    """Have the etcd inside listen to its peers on a free port too; without this, two servers want the same one."""
    (peer,), etcd, config = free_ports(1), folder / "configs" / "etcd.yaml", folder / "configs" / "milvus.yaml"
    etcd.write_text(
        f"""name: default
data-dir: {folder}/data/etcd.data
listen-client-urls: http://127.0.0.1:{client}
advertise-client-urls: http://127.0.0.1:{client}
listen-peer-urls: http://127.0.0.1:{peer}
initial-advertise-peer-urls: http://127.0.0.1:{peer}
initial-cluster: default=http://127.0.0.1:{peer}
log-level: error
"""
    )
    config.write_text(config.read_text().replace("\netcd:\n", f"\netcd:\n  config:\n    path: {etcd}\n", 1))


def free_ports(count: int) -> list[int]:
    """``count`` ports that are free now."""
    with ExitStack() as bound:
        sockets = [bound.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


@contextmanager
def running_milvus(binaries: Path | None = None) -> Iterator[MilvusServer]:
    """A Milvus that answers; the test is skipped where its package is missing, unless CI is set."""
    if find_spec("milvus") is None:
        if os.environ.get("CI"):
            pytest.fail("the package milvus is missing", pytrace=False)
        pytest.skip("the package milvus is missing")
    with tempfile.TemporaryDirectory(prefix="milvus-", ignore_cleanup_errors=True) as folder:
        server = MilvusServer(Path(folder), binaries)
        server.start()
        try:
            yield server
        finally:
            server.kill()
