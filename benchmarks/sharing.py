"""Looks for stale answers of processes that share a library: random questions and changes through either.

``python -m benchmarks.sharing [--steps 10000] [--processes 2] [--store URL]`` starts a PostgreSQL and a Redis of its
own, and prints one JSON object: how many answers there were, how many came from a cache, and how many were stale, which
must be 0. With ``--servers`` the processes are those of ``yunmeng serve``, asked over HTTP, with a real encoder and a
Milvus of its own.
"""

import argparse
import base64
import io
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.drills.ground import ENCODER, Server
from tests.caching.libraries import SCHEMA
from tests.caching.sharing import Caller, compare, members, without_version
from tests.installing import files_of, importable, install
from tests.milvus_server import running_milvus
from tests.postgres_server import running_postgres
from tests.redis_server import running_redis
from yunmeng.client import Client
from yunmeng.config import Settings
from yunmeng.encoders.catalogue import load
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000, help="questions and changes")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--store", default="pocket:", help="the store; pocket: is that of docs/extending.md")
    parser.add_argument("--servers", action="store_true", help="ask servers over HTTP, over a Milvus that is started")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres, redis = stack.enter_context(running_postgres()), stack.enter_context(running_redis())
        settings, state = Settings(redis_url=redis.url), postgres.database()
        callers: Sequence[Caller]
        if arguments.servers:
            arguments.store = f"{stack.enter_context(running_milvus()).url}/sharing"
            encoder = load(ENCODER, settings)
            Library.create(folder / "library", ENCODER, SCHEMA, settings, store=arguments.store, state=state).close()
            callers = stack.enter_context(_servers(folder / "library", redis.url, arguments.processes))
        else:
            encoder = FakeEncoder()
            package = stack.enter_context(_package(folder / "packages"))
            Library.create(folder / "library", encoder, SCHEMA, settings, store=arguments.store, state=state).close()
            path = {"PYTHONPATH": f"{package}:{Path(__file__).parents[1]}"}
            callers = stack.enter_context(members(folder / "library", settings, path, arguments.processes))

        def vector_of(picture: bytes) -> NDArray[Any]:
            vector: NDArray[Any] = encoder.encode([np.asarray(Image.open(io.BytesIO(picture)))])[0]
            return vector

        def tell(step: int, counts: Mapping[str, int]) -> None:
            if step % 100 == 0:
                print(f"{step:,} of {arguments.steps:,}: {dict(counts)}", file=sys.stderr, flush=True)

        began = perf_counter()
        counts = compare(callers, arguments.steps, arguments.seed, vector_of, tell)
        store = "milvus:" if arguments.servers else arguments.store
        print(json.dumps({**counts, "seconds": round(perf_counter() - began, 1), "store": store}))
    sys.exit(1 if counts["stale"] else 0)


class _OverHttp:
    """One of the servers."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def do(self, **order: Any) -> Any:
        client = self._client
        match order["do"]:
            case "search":
                filter = None if order["category"] is None else f"category = '{order['category']}'"
                hits = client.search(base64.b64decode(order["picture"]), k=4, filter=filter)
                return {"cached": hits.cached, "hits": [[hit.id, hit.score, hit.attributes] for hit in hits]}
            case "add":
                picture = base64.b64decode(order["picture"])
                return client.add(picture, id=order["id"], attributes=order["attributes"]).status
            case "set":
                return client.set_attributes(order["id"], order["attributes"]).id
            case "update":
                return client.update_attributes(order["ids"], order["attributes"])
            case "delete":
                return client.delete([order["id"]])
        raise AssertionError(order)


@contextmanager
def _servers(library: Path, redis: str, count: int) -> Iterator[list[_OverHttp]]:
    with ExitStack() as stack:
        started = [stack.enter_context(Server(library, YUNMENG_REDIS_URL=redis)) for _ in range(count)]
        yield [_OverHttp(stack.enter_context(server.client(timeout=120))) for server in started]


@contextmanager
def _package(folder: Path) -> Iterator[Path]:
    package = install(files_of("A new store"), folder)
    with importable(package):
        without_version()
        yield package


if __name__ == "__main__":
    main()
