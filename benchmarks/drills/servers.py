"""Drills of the servers behind a shared library: Milvus and PostgreSQL that die under load, and come back."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from signal import SIGQUIT

from _pytest.outcomes import Skipped

from benchmarks.drills.ground import ENCODER, Impossible, Server, check, command, contents, jpeg, pictures
from tests.milvus_server import MilvusServer, running_milvus
from tests.postgres_server import PostgresServer, running_postgres
from yunmeng.errors import ServerError, YunmengError

__all__ = ["restarted_milvus", "restarted_postgresql"]

BEGUN = 20
BACK = 180.0
"""Seconds within which all is as before on a busy machine, once the server runs again."""
TIMES = 2


def restarted_milvus(folder: Path) -> str:
    """A Milvus that is killed under load costs errors that say so, nothing that was confirmed, and no restart."""
    return _restarted(folder, lambda milvus, _: milvus.kill(), lambda milvus, _: milvus.start(), "Milvus")


def restarted_postgresql(folder: Path) -> str:
    """A PostgreSQL that dies under load stops changes and no search; nothing that was confirmed is lost."""
    return _restarted(
        folder, lambda _, postgres: postgres.stop(SIGQUIT), lambda _, postgres: postgres.start(), "PostgreSQL"
    )


class Load:
    """Callers that add and search through each of two servers, until `stop`; each waits ``pause`` s between calls."""

    def __init__(self, servers: Sequence[Server], query: bytes, pause: float = 0.05) -> None:
        self.tried: set[str] = set()
        self.confirmed: dict[str, float] = {}
        self.refused: list[tuple[float, YunmengError]] = []
        self.searches: list[tuple[float, YunmengError | None]] = []
        self.wrong: list[str] = []
        self._over = threading.Event()
        self._query = query
        self._pause = pause
        self._threads = [
            threading.Thread(target=work, args=(number, server))
            for number, server in enumerate(servers)
            for work in (self._add, self._search)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def works_since(self, began: float) -> bool:
        """Return whether an addition and a search that began after that have succeeded."""
        added = any(at > began for at in list(self.confirmed.values()))
        return added and any(at > began and error is None for at, error in list(self.searches))

    def _add(self, number: int, server: Server) -> None:
        with server.client(retries=0, timeout=120) as client:
            seed = 1000 * (number + 1)
            while not self._over.wait(self._pause):
                began = time.monotonic()
                self.tried.add(f"added {seed}")
                try:
                    client.add(jpeg(seed), id=f"added {seed}")
                    self.confirmed[f"added {seed}"] = began
                except YunmengError as exc:
                    self.refused.append((began, exc))
                seed += 1

    def _search(self, number: int, server: Server) -> None:
        with server.client(retries=0, timeout=120) as client:
            while not self._over.wait(self._pause):
                began = time.monotonic()
                try:
                    hits = client.search(self._query, k=5 + number)
                    self.wrong += [hits[0].id] if hits[0].id != "0003.jpg" else []
                    self.searches.append((began, None))
                except YunmengError as exc:
                    self.searches.append((began, exc))


def _restarted(
    folder: Path,
    end: Callable[[MilvusServer, PostgresServer], None],
    begin: Callable[[MilvusServer, PostgresServer], None],
    name: str,
) -> str:
    with ExitStack() as stack:
        milvus, postgres = stack.enter_context(_servers())
        library = folder / "library"
        where = ("--store", f"{milvus.url}/drill", "--state", postgres.database())
        source = pictures(folder / "pictures", BEGUN)
        done = command("index", source, "--db", library, "--encoder", ENCODER, *where)
        check(done.returncode == 0, f"a library to begin with: {done.stderr}")
        before = contents(library)
        quick = {"YUNMENG_MILVUS_TIMEOUT": "10"}
        two = [stack.enter_context(Server(library, **quick)) for _ in range(2)]
        load = Load(two, (source / "0003.jpg").read_bytes())
        stack.callback(load.stop)
        slowest, meanwhile = 0.0, 0
        alive = f"additions and searches with {name} running"
        for _ in range(TIMES):
            _until(load, time.monotonic(), alive)
            end(milvus, postgres)
            gone = time.monotonic()
            time.sleep(5)
            meanwhile += sum(at > gone and error is None for at, error in list(load.searches))
            begin(milvus, postgres)
            back = time.monotonic()
            _until(load, back, alive)
            slowest = max(slowest, time.monotonic() - back)
        load.stop()
        check(all(server.process.poll() is None for server in two), "two servers that still run")
        _check_errors(load, name)
        check(not load.wrong, f"0003.jpg first, not {load.wrong[:1]}")
        if name == "PostgreSQL":
            failed = [error for _, error in load.searches if error is not None]
            check(not failed, f"searches that go on, not: {failed[:1]}")
            check(meanwhile > 0, "searches while it is away")
        now_there = contents(library)
        lost = load.confirmed.keys() - now_there.keys()
        check(not lost, f"all that was confirmed, not without {sorted(lost)[:3]}")
        check(before.items() <= now_there.items(), "all that was there before, unchanged")
        done = command("verify", library)
        check(done.stdout == "Sound.\n", f"a sound library, not {done.stdout or done.stderr}")
        again = command("index", source, "--db", library, "--json")
        check('"indexed": 0' in again.stdout, f"nothing indexed again: {again.stdout or again.stderr}")
    refused = sum(error is not None for _, error in load.searches) + len(load.refused)
    return (
        f"{TIMES} times; {len(load.confirmed)} of {len(load.confirmed)} confirmed additions there, {refused} calls "
        f"refused with 503, {meanwhile} searches answered meanwhile; all as before {slowest:.0f} s after it ran again"
    )


def _check_errors(load: Load, name: str) -> None:
    """Check that whoever was refused was told so in one line that names the server which is away."""
    errors = [error for _, error in load.refused] + [error for _, error in load.searches if error is not None]
    for error in errors:
        check(isinstance(error, ServerError) and error.status == 503, f"a refusal, not {type(error).__name__}: {error}")
        check(name in str(error) or "busy" in error.code, f"a word about {name}, not: {error}")
        check("\n" not in str(error), f"one line, not: {error}")


def _until(load: Load, began: float, what: str) -> None:
    """Wait until calls succeed that began after that."""
    deadline = time.monotonic() + BACK
    while not load.works_since(began):
        check(time.monotonic() < deadline, f"{what} within {BACK:.0f} s")
        time.sleep(0.1)


@contextmanager
def _servers() -> Iterator[tuple[MilvusServer, PostgresServer]]:
    with ExitStack() as stack:
        try:
            pair = stack.enter_context(running_milvus()), stack.enter_context(running_postgres())
        except Skipped as exc:
            raise Impossible(str(exc)) from exc
        yield pair
