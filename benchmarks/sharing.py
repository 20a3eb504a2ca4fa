"""Looks for stale answers of processes that share a library: random questions and changes through either.

``python -m benchmarks.sharing [--steps 10000] [--processes 2] [--store URL]`` starts a PostgreSQL and a Redis of its
own, and prints one JSON object: how many answers there were, how many came from a cache, and how many were stale, which
must be 0.
"""

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter

from tests.caching.libraries import SCHEMA
from tests.caching.sharing import compare, members, without_version
from tests.installing import files_of, importable, install
from tests.postgres_server import running_postgres
from tests.redis_server import running_redis
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000, help="questions and changes")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--store", default="pocket:", help="the store; pocket: is that of docs/extending.md")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        package = install(files_of("A new store"), folder / "packages")
        stack.enter_context(importable(package))
        without_version()
        postgres, redis = stack.enter_context(running_postgres()), stack.enter_context(running_redis())
        settings, place = Settings(redis_url=redis.url), folder / "library"
        url = postgres.database()
        Library.create(place, FakeEncoder(), SCHEMA, settings, store=arguments.store, state=url).close()
        path = {"PYTHONPATH": f"{package}:{Path(__file__).parents[1]}"}
        processes = stack.enter_context(members(place, settings, path, arguments.processes))
        began = perf_counter()
        counts = compare(processes, arguments.steps, arguments.seed)
        print(json.dumps({**counts, "seconds": round(perf_counter() - began, 1), "store": arguments.store}))
    sys.exit(1 if counts["stale"] else 0)


if __name__ == "__main__":
    main()
