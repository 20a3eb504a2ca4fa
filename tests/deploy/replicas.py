"""Copies of one library, each served by a process of its own, and nginx before them as the command configures it."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.conftest import CommandLine, write_pictures
from tests.console import fakeserver
from tests.forking import Forked
from tests.nginx_server import free_port, need_nginx, running_nginx
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library
from yunmeng.state import Keys

PICTURES = 12
LOCAL = '["127.0.0.1"]'


@dataclass
class Replicas:
    """Some servers, and the load balancer; ``key`` lets everybody in who shows it."""

    key: str
    address: str = ""
    servers: list[Forked] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    log: Path = Path()

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.address, headers=self.headers, timeout=30)

    def answered(self) -> dict[str, int]:
        """How many requests each server has answered, by its place, as nginx wrote down."""
        counts = dict.fromkeys(self.places, 0)
        for line in self.log.read_text().splitlines():
            upstream, status, _ = line.rsplit(" ", 2)
            if status == "200":
                counts[upstream.rpartition(", ")[2]] += 1
        return counts


@contextmanager
def replicas(
    run: CommandLine, folder: Path, weights: list[int], *options: str, **environment: str
) -> Iterator[Replicas]:
    """One server for each of ``weights``, ready, behind nginx."""
    need_nginx()
    folder.mkdir(parents=True, exist_ok=True)
    found = Replicas(_library(folder / "library", run))
    environment = {
        "YUNMENG_SERVER_TRUSTED_PROXIES": LOCAL,
        "YUNMENG_SERVER_RATE_LIMIT": "10000000/minute",
        **environment,
    }
    with ExitStack() as stack:
        for number in range(len(weights)):
            db = folder / f"library-{number}"
            shutil.copytree(folder / "library", db)
            stack.enter_context(_server(found, run, db, environment))
        port = free_port()
        named = [f"--server={place}={weight}" for place, weight in zip(found.places, weights, strict=True)]
        done = run("deploy", "nginx", *named, "--listen", f"127.0.0.1:{port}", *options)
        assert done.returncode == 0, done.stderr
        found.address = f"http://127.0.0.1:{port}"
        found.log = stack.enter_context(running_nginx(folder / "nginx", done.stdout, port))
        yield found


def _library(place: Path, run: CommandLine) -> str:
    """A small library; a key to it."""
    settings = Settings(cache_dir=Path(run.environment["YUNMENG_CACHE_DIR"]))
    with Library.create(place, FakeEncoder(reads_text=True), {"kind": "str"}, settings) as library:
        library.index([write_pictures(place.parent / "pictures", PICTURES)])
        return Keys(library.state).create("tests", "admin")[1]


@contextmanager
def _server(found: Replicas, run: CommandLine, db: Path, environment: dict[str, str]) -> Iterator[None]:
    with (db.parent / f"{db.name}.log").open("w") as log:
        process = run.start("--db", db, "--port", "0", program=(fakeserver.__file__,), stderr=log, **environment)
        with process:
            try:
                line = process.stdout.readline()
                assert line.startswith("Console:"), Path(log.name).read_text()
                found.servers.append(process)
                found.places.append(line.split()[1].removeprefix("http://").rstrip("/"))
                _until_ready(line.split()[1].rstrip("/"))
                yield
            finally:
                process.kill()
                process.wait(timeout=20)


def _until_ready(address: str) -> None:
    deadline = time.monotonic() + 60
    while httpx.get(f"{address}/ready", timeout=30).status_code != 200:
        assert time.monotonic() < deadline, "a replica does not become ready"
        time.sleep(0.05)


class Load:
    """Threads that ask again and again, and note when something other than the answer came."""

    def __init__(self, found: Replicas, asks: list[Callable[[httpx.Client], httpx.Response]]) -> None:
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(found, ask)) for ask in asks]
        self.answered: list[float] = []
        """The times of answers, by `time.monotonic`."""
        self.failed: list[tuple[float, str]] = []

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=60)

    def wait(self, count: int, seconds: float = 60) -> None:
        """Wait until there are ``count`` more answers."""
        wanted, deadline = len(self.answered) + count, time.monotonic() + seconds
        while len(self.answered) < wanted:
            assert time.monotonic() < deadline, f"only {len(self.answered)} answers; {self.failed[:3]}"
            time.sleep(0.01)

    def _ask(self, found: Replicas, ask: Callable[[httpx.Client], httpx.Response]) -> None:
        with found.client() as client:
            while not self._over.is_set():
                wrong = ""
                with suppress(httpx.HTTPError):
                    response = ask(client)
                    wrong = "" if response.status_code == 200 else f"{response.status_code} {response.text[:200]}"
                    if not wrong:
                        self.answered.append(time.monotonic())
                        continue
                self.failed.append((time.monotonic(), wrong or "no answer"))
