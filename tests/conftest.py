"""What all tests share: settings that touch nothing of the user's, and pictures made on the spot."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
from PIL import Image

from tests.forking import Forked, fork_server
from tests.postgres_server import PostgresServer, running_postgres
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library

SHARED = Path(__file__).parents[2] / "shared" / "data"
"""Photographs for figures; tests that want them are skipped where they are missing."""

IN_MEMORY = Path("/dev/shm")
ROOM = 8_000_000_000
"""Bytes that must be free there for the tests to use it: a test needs some MB, and leaves them there if it fails."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take ``--every-pair``."""
    parser.addoption("--every-pair", action="store_true", help="compare all pairs of pictures, not every seventh")


def pytest_configure() -> None:
    """Keep temporary files in memory where there is room, unless TMPDIR says where: a new library syncs 80 times.

    No test is about what a disk keeps when the power goes: those of crashes kill processes.
    """
    if "TMPDIR" not in os.environ and IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free >= ROOM:
        os.environ["TMPDIR"] = str(IN_MEMORY)
        tempfile.tempdir = None  # found out anew, where it was known before


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more worker than cores: a fifth of the time, a test waits for a server, a browser or a clock."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With ``--dist loadfile``, keep these folders together too: one browser, one import of PyTorch, one Milvus.

    The contract of stores is one file with a fifth of all tests; it is split by the kind of store.
    """
    from xdist.scheduler import LoadFileScheduling

    scheduler = LoadFileScheduling(config, log)
    by_file = scheduler._split_scope

    def by_file_or_folder(nodeid: str) -> str:
        file = str(by_file(nodeid))
        folder = file.rpartition("/")[0]
        if file == "tests/stores/test_conformance.py":
            return nodeid.partition("[")[2].partition("-")[0].rstrip("]")
        return folder if folder in ("tests/console", "tests/export", "tests/milvus") else file

    scheduler._split_scope = by_file_or_folder
    return scheduler if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the whole run, so that each encoder's graph is built once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def settings(cache_dir: Path) -> Settings:
    return Settings(cache_dir=cache_dir, batch_size=4)


def paint(seed: int, size: tuple[int, int] = (64, 48)) -> Image.Image:
    """A smooth colourful picture that only ``seed`` decides."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def write_pictures(folder: Path, count: int, start: int = 0) -> Path:
    """``count`` different JPEGs named 000.jpg, 001.jpg and so on, from ``start``."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(start, start + count):
        paint(seed).save(folder / f"{seed:03}.jpg", quality=90)
    return folder


@pytest.fixture
def make_pictures(tmp_path: Path) -> Callable[..., Path]:
    """`write_pictures` into a folder of the test's own, by name."""
    return lambda count, name="pictures", start=0: write_pictures(tmp_path / name, count, start)


@pytest.fixture
def encoder() -> FakeEncoder:
    return FakeEncoder()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


STATES = ("sqlite", "postgresql")


def state_of(request: pytest.FixtureRequest) -> str:
    """The URL of a new state database, in the one of `STATES` that a fixture's parameter names."""
    if request.param == "sqlite":
        return "sqlite:"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture
def state_url() -> str:
    """Where the state of `library` is; folders and modules whose tests are about it replace this by both `STATES`."""
    return "sqlite:"


@pytest.fixture
def library(tmp_path: Path, encoder: FakeEncoder, settings: Settings, state_url: str) -> Iterator[Library]:
    attributes = {"category": "str", "price": "float", "stock": "int", "sale": "bool", "tags": "list[str]"}
    with Library.create(tmp_path / "library", encoder, attributes, settings, state=state_url) as library:  # type: ignore[arg-type]
        yield library


def told_in_one_line(done: "subprocess.CompletedProcess[str]", complaint: str) -> None:
    """Check that a command was refused as wrong use is: exit code 2, and one line of complaint."""
    assert done.returncode == 2
    assert done.stdout == ""
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
    if "Usage:" not in done.stderr:
        assert len(done.stderr.splitlines()) == 1, done.stderr


class CommandLine:
    """Runs ``yunmeng`` as users do, in a process of its own, in ``folder``."""

    def __init__(self, folder: Path, cache_dir: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "YUNMENG_CACHE_DIR": str(cache_dir)}
        self.environment.pop("COLUMNS", None)  # pytest-xdist sets it, and output would be cut at that width

    def start(
        self,
        *arguments: str | Path,
        program: Sequence[str | Path] = ("-m", "yunmeng"),
        stderr: IO[str] | None = None,
        **environment: str,
    ) -> Forked:
        """Start the command, or another of Python's; `Forked.communicate` has what it wrote."""
        return fork_server().start(
            *program, *arguments, folder=self.folder, environment={**self.environment, **environment}, stderr=stderr
        )

    def __call__(self, *arguments: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
        command, whole = ["-m", "yunmeng", *map(str, arguments)], {**self.environment, **environment}
        if not any(name.startswith("PYTHON") for name in environment):
            return fork_server().run(*command, folder=self.folder, environment=whole)
        command = [sys.executable, *command]  # what Python itself reads at its start
        return subprocess.run(
            command, cwd=self.folder, env=whole, capture_output=True, encoding="utf-8", check=False, timeout=300
        )


@pytest.fixture
def yunmeng(cache_dir: Path, tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, cache_dir)
