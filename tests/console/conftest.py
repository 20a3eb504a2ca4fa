"""A real server over real photographs, and a real browser before it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import CommandLine
from tests.console import fakeserver
from tests.console.browsing import PATIENCE, Tabs, chromium, need_chromium
from tests.console.serving import ATTRIBUTES, serve, write_catalogue, write_many_ways, write_pair, write_query
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library

expect.set_options(timeout=PATIENCE)


# The scope is the package's: Playwright keeps an event loop in this thread, in which other tests could not run theirs.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    need_chromium()
    with chromium() as started:
        yield started


@pytest.fixture(scope="package")
def command_line(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> CommandLine:
    need_chromium()
    return CommandLine(tmp_path_factory.mktemp("console"), cache_dir)


@pytest.fixture(scope="package")
def catalogue(command_line: CommandLine) -> Path:
    """The library that tests look at; those that change it take a `fresh` one."""
    manifest = write_catalogue(command_line.folder / "pictures")
    done = command_line("index", manifest, "--db", "catalogue", "--attributes", ATTRIBUTES)
    assert done.returncode == 0, done.stderr
    return command_line.folder / "catalogue"


@pytest.fixture(scope="package")
def server(command_line: CommandLine, catalogue: Path) -> Iterator[str]:
    with serve(command_line, catalogue) as address:
        yield address


@pytest.fixture(scope="package")
def many_ways(command_line: CommandLine) -> Iterator[str]:
    """The address of a server over a library that reads words, keeps parts, and has learnt what scores are worth."""
    db = command_line.folder / "many-ways"
    pictures = write_many_ways(command_line.folder / "many")
    with Library.create(db, FakeEncoder(reads_text=True), {"kind": "str"}, regions=True) as library:
        library.index([pictures])
        assert library.reader.calibrated or library.calibrate()
    with serve(command_line, db, program=(fakeserver.__file__,)) as address:
        yield address


@pytest.fixture
def fresh(command_line: CommandLine, catalogue: Path, tabs: Tabs, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Serves a copy of the library, or with ``empty=True`` a new one, and gives its address."""
    with ExitStack() as stack:

        def start(*options: str, empty: bool = False, **environment: str) -> str:
            db = tmp_path / "library"
            if empty:
                done = command_line("index", "--db", db, "--attributes", ATTRIBUTES, _nothing(tmp_path))
                assert done.returncode == 0, done.stderr
            else:
                shutil.copytree(catalogue, db)
            return stack.enter_context(serve(command_line, db, *options, **environment))

        yield start
        tabs.leave()  # before the server goes, which an open page would report


def _nothing(folder: Path) -> Path:
    (folder / "nothing").mkdir()
    return folder / "nothing"


@pytest.fixture
def tabs(browser: Browser, server: str) -> Iterator[Tabs]:
    opened = Tabs(browser, server)
    yield opened
    opened.leave()
    assert opened.troubles() == []


@pytest.fixture
def page(tabs: Tabs) -> Page:
    opened = tabs.open()
    expect(opened.locator(".tile-open")).to_have_count(17)
    return opened


@pytest.fixture
def asker(tabs: Tabs, many_ways: str) -> Callable[..., Page]:
    """Opens a page of the console over that library: ``asker("/#/?id=red.png", locale="zh-CN")``."""
    return lambda path="/", **options: tabs.open(path, address=many_ways, **options)


@pytest.fixture(scope="package")
def query(command_line: CommandLine) -> Path:
    return write_query(command_line.folder / "query.jpg")


@pytest.fixture(scope="package")
def pair(command_line: CommandLine) -> Path:
    return write_pair(command_line.folder / "pair.jpg")
