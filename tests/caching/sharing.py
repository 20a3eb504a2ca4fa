"""Processes that share one library, asked and changed at random, and what a dict and plain NumPy answer to the same.

Run as a program, it is one of these processes: it opens a library and does what the lines on its input say.
"""

import base64
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.caching.libraries import png
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import Busy
from yunmeng.library import Library
from yunmeng.state import contents, leases, runner
from yunmeng.state.runner import JobRunner
from yunmeng.stores.protocol import Capabilities
from yunmeng.types import Attributes, Hits

__all__ = ["Caller", "Member", "Reference", "Slow", "as_text", "compare", "members"]

KEPT = 40
"""Ids that records have: few enough that changes and questions meet the same ones again and again."""


def without_version() -> None:
    """Have the store of docs/extending.md say that it cannot tell when others write: so only the state can."""
    try:
        import yunmeng_pocket  # type: ignore[import-not-found]
    except ModuleNotFoundError:
        return
    yunmeng_pocket.PocketStore.capabilities = Capabilities()


class Member:
    """One of the processes."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def send(self, **order: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def receive(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the process has ended"
        return json.loads(line)

    def do(self, **order: Any) -> Any:
        self.send(**order)
        return self.receive()


@contextmanager
def members(place: Path, settings: Settings, environment: Mapping[str, str], count: int = 2) -> Iterator[list[Member]]:
    """``count`` processes that have the library open."""
    with ExitStack() as stack:
        started = []
        for _ in range(count):
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.caching.sharing", str(place), settings.model_dump_json()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, **environment},
            )
            stack.callback(_end, process)
            started.append(Member(process))
        for member in started:
            assert member.receive() == "open"
        yield started


def _end(process: "subprocess.Popen[str]") -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    try:
        process.wait(60)
    finally:
        process.kill()
        process.wait()


class Caller(Protocol):
    """A way to one of the processes."""

    def do(self, **order: Any) -> Any: ...


class Reference:
    """What the library should hold, ranked by plain NumPy."""

    def __init__(self, vector_of: Callable[[bytes], NDArray[Any]]) -> None:
        self.records: dict[str, tuple[NDArray[Any], Attributes]] = {}
        self._vector_of = vector_of

    def search(self, query: bytes, k: int, category: str | None) -> list[tuple[str, float, Attributes]]:
        vector = self._vector_of(query)
        scored = [
            (id, float(own @ vector), attributes)
            for id, (own, attributes) in self.records.items()
            if category in (None, attributes["category"])
        ]
        return sorted(scored, key=lambda hit: -hit[1])[:k]

    def add(self, id: str, picture: bytes, attributes: Attributes) -> None:
        self.records[id] = (self._vector_of(picture), attributes)


def compare(
    members: Sequence[Caller],
    steps: int,
    seed: int,
    vector_of: Callable[[bytes], NDArray[Any]] | None = None,
    on_step: Callable[[int, Mapping[str, int]], None] = lambda _step, _counts: None,
) -> dict[str, int]:
    """Ask and change at random, each time through any of ``members``; returns how many answers were what.

    Every answer is compared with the reference: "stale" must be 0. ``vector_of`` encodes as the library does; None is
    the fake encoder. ``on_step`` is called with the step and the counts until then.
    """
    chance, reference = random.Random(seed), Reference(vector_of or _vector)
    queries = [png(10_000), png(10_001)]
    counts = {"changes": 0, "answers": 0, "cached": 0, "by_another": 0, "stale": 0}
    asked: dict[tuple[bytes, str | None], int] = {}  # who has asked a question last since the last change
    for step in range(steps):
        on_step(step, counts)
        number = chance.randrange(len(members))
        if not reference.records or chance.random() < 0.25:
            _change(members[number], reference, chance, step)
            asked.clear()
            counts["changes"] += 1
            continue
        query, category = chance.choice(queries), chance.choice([None, "shoes"])
        found = members[number].do(do="search", picture=as_text(query), category=category)
        counts["answers"] += 1
        counts["cached"] += found["cached"]
        counts["by_another"] += found["cached"] and asked.get((query, category), number) != number
        counts["stale"] += not _same(found["hits"], reference.search(query, 4, category))
        asked[query, category] = number
    return counts


def _change(member: Caller, reference: Reference, chance: random.Random, step: int) -> None:
    attributes: Attributes = {"category": chance.choice(["shoes", "hats"]), "price": float(step)}
    known = sorted(reference.records)
    what = chance.random()
    if what < 0.4 or len(known) < 5:
        id, picture = f"{chance.randrange(KEPT)}.png", png(step)
        member.do(do="add", id=id, picture=as_text(picture), attributes=attributes)
        reference.add(id, picture, attributes)
    elif what < 0.7:
        id = chance.choice(known)
        member.do(do="set", id=id, attributes=attributes)
        reference.records[id] = (reference.records[id][0], attributes)
    elif what < 0.8:
        ids = chance.sample(known, 3)
        member.do(do="update", ids=ids, attributes={"category": "hats"})
        for id in ids:
            own, before = reference.records[id]
            reference.records[id] = (own, {**before, "category": "hats"})
    else:
        id = chance.choice(known)
        assert member.do(do="delete", id=id) == 1
        del reference.records[id]


def _same(hits: Sequence[Sequence[Any]], expected: Sequence[tuple[str, float, Attributes]]) -> bool:
    """Whether they are the same, within the rounding of a stored vector."""
    told = [(id, attributes) for id, _, attributes in hits]
    return told == [(id, attributes) for id, _, attributes in expected] and all(
        abs(score - wanted) < 1e-3 for (_, score, _), (_, wanted, _) in zip(hits, expected, strict=True)
    )


def _vector(picture: bytes) -> NDArray[Any]:
    vector: NDArray[Any] = FakeEncoder().encode([np.asarray(Image.open(BytesIO(picture)))])[0]
    return vector


def as_text(data: bytes) -> str:
    return base64.b64encode(data).decode()


class _Work:
    """What one process does with its library."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._runner: JobRunner | None = None

    def do(self, order: Mapping[str, Any]) -> Any:
        Slow.by = order.get("slowly", Slow.by)
        match order["do"]:
            case "search":
                filter = None if order["category"] is None else f"category = '{order['category']}'"
                hits: Hits = self._library.search(base64.b64decode(order["picture"]), k=4, filter=filter)
                return {"cached": hits.cached, "hits": [[hit.id, hit.score, hit.attributes] for hit in hits]}
            case "add":
                picture = base64.b64decode(order["picture"])
                return self._library.add(picture, id=order["id"], attributes=order["attributes"]).status
            case "set":
                return self._library.set_attributes(order["id"], order["attributes"]).id
            case "update":
                return self._library.update_attributes(order["ids"], order["attributes"])
            case "delete":
                return self._library.delete([order["id"]])
            case "count":
                return self._library.count()
            case "index":
                return self._index(order["path"])
        return self._serve(order)

    def _index(self, path: str) -> Any:
        try:
            report = self._library.index([path])
        except Busy:
            return "busy"
        return [report.indexed, report.skipped, len(report.failed)]

    def _serve(self, order: Mapping[str, Any]) -> Any:
        from yunmeng.server.job_kinds import importing
        from yunmeng.server.observe import Metrics

        if self._runner is None:
            self._runner = JobRunner(self._library.state, lambda *_: None)
            self._runner.add(importing(self._library, Metrics(), None))
        match order["do"]:
            case "serve":
                self._runner.start()
                return None
            case "order":
                paths = {"paths": [order["path"]], "manifest": None, "frames": 1}
                return self._runner.order("import", paths).id
            case "job":
                job = self._runner.find(order["number"])
                assert job is not None
                counts = [job.progress.indexed, job.progress.skipped, job.progress.failed]
                return {"status": job.status, "counts": counts, "here": self._runner.works_at(job.id)}
        raise AssertionError(order)

    def close(self) -> None:
        if self._runner is not None:
            self._runner.stop()


class Slow(FakeEncoder):
    """An encoder that takes its time, ``by`` so many seconds a batch."""

    by = 0.0

    def encode(self, images: Sequence[Any]) -> Any:
        time.sleep(Slow.by)
        return super().encode(images)


def _hurry(seconds: float) -> None:
    """Give up dead processes after so many seconds."""
    leases.LEASE, leases.BEAT = seconds, seconds / 5
    contents.WRITE_SECONDS = seconds
    runner.LOOK_EVERY = 0.2


def main(place: str, settings: str, orders: IO[str], answers: IO[str]) -> None:
    without_version()
    if "LEASE_SECONDS" in os.environ:
        _hurry(float(os.environ["LEASE_SECONDS"]))
    with (
        Library.open(place, Slow(), Settings.model_validate_json(settings)) as library,
        closing(_Work(library)) as work,
    ):
        print(json.dumps("open"), file=answers, flush=True)
        for line in orders:
            print(json.dumps(work.do(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.stdin, sys.stdout)
