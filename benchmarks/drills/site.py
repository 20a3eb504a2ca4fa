"""A site of two servers and a cluster of workers over Milvus, PostgreSQL and Redis, whose parts can be killed."""

import os
import random
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import psutil
from _pytest.outcomes import Skipped

from benchmarks.drills.ground import ENCODER, Impossible, Server, check, command, pictures
from tests.cluster.workers import newest_worker
from tests.milvus_server import running_milvus
from tests.nginx_server import free_port
from tests.postgres_server import running_postgres
from tests.redis_server import running_redis
from yunmeng.types import Closing

__all__ = ["BEGUN", "HURRIED", "Site"]

BEGUN: Final = 20
"""Pictures that the library has to begin with."""
HURRIED: Final = "benchmarks.drills.hurried"
NODE: Final[dict[str, Any]] = {"num_cpus": 1, "object_store_memory": 100_000_000, "include_dashboard": False}
"""The cluster: one node, with room for one worker."""


class Site(Closing):
    """A library that two servers have open, and all that it stands on. A killed part is started again at once.

    Raises `Impossible` where a part is not installed.
    """

    def __init__(self, folder: Path, moments: random.Random) -> None:
        self.library = folder / "library"
        self.begun = pictures(folder / "begun", BEGUN)
        self._moments = moments
        with ExitStack() as stack:
            try:
                self._milvus = stack.enter_context(running_milvus())
                self._postgres = stack.enter_context(running_postgres())
                self._redis = stack.enter_context(running_redis())
            except Skipped as exc:
                raise Impossible(str(exc)) from exc
            self._cluster = _cluster()
            stack.callback(self._cluster.shutdown)
            where = ("--store", f"{self._milvus.url}/drill", "--state", self._postgres.database())
            done = command("index", self.begun, "--db", self.library, "--encoder", ENCODER, *where)
            check(done.returncode == 0, f"a library to begin with: {done.stderr}")
            ports = [free_port(), free_port()]
            self.servers: Final = [self._serving(port) for port in ports]
            self._stack = stack.pop_all()

    @property
    def environment(self) -> dict[str, str]:
        """Settings of all processes of the site: small batches, so that something is acknowledged every moment."""
        return {
            "YUNMENG_BATCH_SIZE": "4",
            "YUNMENG_MILVUS_TIMEOUT": "10",
            "YUNMENG_REDIS_URL": self._redis.url,
            "RAY_USAGE_STATS_ENABLED": "0",
        }

    @property
    def cluster(self) -> str:
        """The address of the cluster of workers."""
        return str(self._cluster.address)

    def kill_server(self, server: Server) -> None:
        server.kill()
        server.close()
        self.servers[self.servers.index(server)] = self._serving(int(server.url.rpartition(":")[2]))

    def kill_milvus(self) -> None:
        self._milvus.kill()
        self._milvus.start()

    def kill_postgresql(self) -> None:
        self._postgres.kill()
        self._postgres.start()

    def kill_backend(self) -> None:
        """Kill a process of PostgreSQL that serves one of our connections: it ends all others too, and recovers."""
        self._postgres.kill_backend(self._moments)

    def kill_redis(self) -> None:
        self._redis.kill()
        self._redis.start()

    def worker(self) -> psutil.Process | None:
        """Return the process that encodes for a command, while there is one; the command replaces one that is gone."""
        return newest_worker(self._cluster)

    def close(self) -> None:
        with self._stack:
            for server in self.servers:
                server.close()

    def _serving(self, port: int) -> Server:
        return Server(self.library, "--port", str(port), program=(HURRIED,), **self.environment)


def _cluster() -> Any:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        from ray.cluster_utils import Cluster
    except ImportError as exc:
        raise Impossible('Ray is missing: pip install "yunmeng[ray]"') from exc
    return Cluster(initialize_head=True, head_node_args=NODE)
