"""The drill of all components: each that has a part in an import is killed in turn, and started again."""

import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Final, TypeVar

from benchmarks.drills.ground import ENCODER, check, command, contents, jpeg, pictures
from benchmarks.drills.imports import CommandImport, Import, JobImport
from benchmarks.drills.servers import BACK, Load
from benchmarks.drills.site import Site
from yunmeng.errors import ServerError, ServerUnreachable, YunmengError
from yunmeng.library import Library

__all__ = ["killed_components"]

T = TypeVar("T")

KILLS: Final = 20
PICTURES: Final = 100
"""Of one import. When it is over before the last kill, the next one is ordered."""
FIRST: Final = 100_000
"""The number of the first of them: those that are added singly are below."""
SEED: Final = 9
LOOK: Final = 0.1  # seconds


def killed_components(folder: Path) -> str:
    """Whichever component of an import is killed, all that was acknowledged is in, once, and the rest comes in."""
    moments = random.Random(SEED)
    with ExitStack() as stack:
        site = stack.enter_context(Site(folder, moments))
        load = Load(site.servers, (site.begun / "0003.jpg").read_bytes(), pause=0.3)
        stack.callback(load.stop)
        drill = _Drill(site, folder, moments, stack)
        drill.run(JobImport, KILLS // 2)
        drill.run(CommandImport, KILLS - KILLS // 2)
        load.stop()
        refused = _refused(load)
        check(not load.wrong, f"0003.jpg first, not {load.wrong[:1]}")
        found = contents(site.library)
        done = command("verify", site.library)
        check(done.stdout == "Sound.\n", f"a sound library, not {done.stdout or done.stderr}")
    expected = _undisturbed(folder, [site.begun, *drill.sources], load.tried)
    lost = expected.keys() - (load.tried - load.confirmed.keys()) - found.keys()
    check(not lost, f"all that was acknowledged, not without {sorted(lost)[:3]}")
    changed = [id for id, digest in found.items() if expected.get(id) != digest]
    check(not changed, f"the same files and vectors as without a kill, not {changed[:3]}")
    kills = ", ".join(f"{name} {times}" for name, times in drill.killed.items())
    total, added = PICTURES * len(drill.sources), len(load.confirmed)
    return (
        f"{drill.killed.total()} kills ({kills}) under {len(drill.sources)} imports, in at least {drill.runs} runs; "
        f"{total} of {total} pictures in, each once, {drill.before} of them acknowledged before the last run of their "
        f"import, none of these encoded again; {added} of {added} confirmed additions there; "
        f"{len(load.searches)} searches, {refused} calls refused; all listed again {drill.slowest:.0f} s after a start"
    )


class _Drill:
    """Imports, one after the other, and what is killed under them."""

    current: Import

    def __init__(self, site: Site, folder: Path, moments: random.Random, stack: ExitStack) -> None:
        """Prepare; ``stack`` ends what is left of an import."""
        self.killed: Counter[str] = Counter()
        self.sources: list[Path] = []
        self.runs = 0
        self.before = 0
        self.slowest = 0.0
        self._site = site
        self._folder = folder
        self._moments = moments
        self._stack = stack
        self._there: set[str] = set()

    def run(self, kind: type[Import], kills: int) -> None:
        """Kill the components of such imports in turn, always while something comes in and more is to come."""
        self._order(kind)
        ways = self._ways(kind)
        for name in islice(cycle(ways), kills):
            self._wait_for_progress(kind)
            told = f"{self.current.now.done} of {self.current.total} pictures in: kill -9 of {name}"
            print(f"{time.strftime('%H:%M:%S')} {told}", file=sys.stderr, flush=True)
            ways[name]()
            self.killed[name] += 1
            self._check_there()
            self.current.look()
        _waited(self.current.look, "the rest of the import")
        self._end()

    def _ways(self, kind: type[Import]) -> Mapping[str, Callable[[], None]]:
        site = self._site
        own = {"importing server": self._kill_server}
        if kind is CommandImport:
            own = {"importing command": self._kill_command, "encoding worker": self._kill_worker}
        servers = {"Redis": site.kill_redis, "PostgreSQL": site.kill_postgresql, "one backend of it": site.kill_backend}
        return {**own, **servers, "Milvus": site.kill_milvus}

    def _kill_server(self) -> None:
        assert isinstance(self.current, JobImport)
        self._site.kill_server(_waited(self.current.server, "a server that does the job"))

    def _kill_command(self) -> None:
        assert isinstance(self.current, CommandImport)
        self.current.process.kill()

    def _kill_worker(self) -> None:
        _waited(self._site.worker, "a worker").kill()

    def _order(self, kind: type[Import]) -> None:
        number = len(self.sources)
        self.sources.append(pictures(self._folder / f"import-{number}", PICTURES, FIRST + number * PICTURES))
        self.current = self._stack.enter_context(kind(self._site, self.sources[-1]))

    def _end(self) -> None:
        self.current.check_report()
        self.runs += self.current.runs
        self.before += self.current.before
        self.current.close()

    def _wait_for_progress(self, kind: type[Import]) -> None:
        """Wait until new pictures are acknowledged since the last kill, and a moment more, while others are to come."""

        def progressed(seen: Import, runs: int, indexed: int) -> bool:
            over = seen.look()
            return over or seen.now.indexed > (indexed if seen.runs == runs else 0)

        while True:
            seen = self.current
            _waited(partial(progressed, seen, seen.runs, seen.now.indexed), "an import that goes on")
            time.sleep(self._moments.uniform(0, 1))
            if not seen.look() and seen.now.done < seen.total:
                return
            _waited(seen.look, "the end of an import that has all")
            self._end()
            self._order(kind)

    def _check_there(self) -> None:
        """Check that all pictures are still there that were there at the last kill, once a server tells of them."""

        def listed() -> set[str] | None:
            with suppress(YunmengError), self._site.servers[0].client(retries=0, timeout=60) as client:
                return {record.id for record in client.iterate()}
            return None

        began = time.monotonic()
        now = _waited(listed, "pictures that can be listed")
        self.slowest = max(self.slowest, time.monotonic() - began)
        check(now >= self._there, f"all that was there before, not without {sorted(self._there - now)[:3]}")
        self._there = now


def _waited(look: Callable[[], T | None], what: str) -> T:
    """Return what ``look`` finds, as soon as it finds something."""
    deadline = time.monotonic() + BACK
    while not (found := look()):
        check(time.monotonic() < deadline, f"{what} within {BACK:.0f} s")
        time.sleep(LOOK)
    return found


def _refused(load: Load) -> int:
    """Return how many calls were refused, each in one line that says what is away."""
    failed = [error for _, error in load.searches if error is not None]
    for error in (*failed, *(error for _, error in load.refused)):
        away = isinstance(error, ServerUnreachable) or (isinstance(error, ServerError) and error.status == 503)
        check(away and "\n" not in str(error), f"one line about what is away, not {type(error).__name__}: {error}")
    return len(failed) + len(load.refused)


def _undisturbed(folder: Path, sources: Sequence[Path], added: Iterable[str]) -> dict[str, str]:
    """Return what a library of the same pictures holds under which nothing was killed."""
    place = folder / "undisturbed"
    with Library.create(place, ENCODER) as library:
        library.index(sources)
        for id in added:
            library.add(jpeg(int(id.split()[1])), id=id)
    return contents(place)
