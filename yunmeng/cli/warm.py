"""``yunmeng warm``."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from yunmeng.terminal.options import json_option, print_json, printable

if TYPE_CHECKING:
    from yunmeng.client.sync_client import Client
    from yunmeng.library.library import Library
    from yunmeng.schemas.searching import SearchOptions

__all__ = ["warm"]

TOP: Final = 100
POLLED: Final = 0.2
"""Seconds between two looks at how far a server has come."""
BATCH: Final = 1000  # questions in one order
OnProgress = Callable[[int, int], None]


@dataclass
class _Outcome:
    """Number of queries that were run, and those that could not be answered."""

    asked: int = 0
    failed: list[dict[str, str]] = field(default_factory=list)

    def fail(self, query: str, reason: object) -> None:
        self.failed.append({"query": query, "reason": str(reason)})


@click.command(
    epilog="""\b
Examples:
  yunmeng warm --server http://127.0.0.1:8000 --top 500
  yunmeng warm --server https://photos.example --key ym_... --list popular.txt
  YUNMENG_REDIS_URL=redis://127.0.0.1 yunmeng warm --db my-library
\b
A list has one query on each line, as yunmeng search takes it: id:KEY, a URL, a picture file, or words.
"""
)
@click.option("--db", metavar="DIR", envvar="YUNMENG_DB", show_envvar=True, help="Folder of a library that is closed.")
@click.option("--server", metavar="URL", help="A server that runs, in place of --db.")
@click.option("--key", metavar="KEY", envvar="YUNMENG_KEY", show_envvar=True, help="Its key, of the scope admin.")
@click.option("--top", type=click.IntRange(1, 10_000), help=f"So many of the most popular queries.  [default: {TOP}]")
@click.option(
    "--list",
    "listed",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The queries in this file, in place of --top.",
)
@json_option
def warm(
    db: str | None, server: str | None, key: str | None, top: int | None, listed: Path | None, as_json: bool
) -> int:
    """Run frequent queries in advance, so that their answers are in the cache when people ask.

    A server keeps the answers in its memory, and in Redis if it has one. If no server has the library open, the answers
    go to Redis (YUNMENG_REDIS_URL), where a server will find them later. The most frequent queries are known from the
    log of the library's server; --list names others instead.
    """
    from yunmeng.terminal.progress import counting_progress

    if top is not None and listed is not None:
        raise click.UsageError("give --top or --list, not both")
    lines = None if listed is None else _lines(listed)
    began = time.perf_counter()
    with counting_progress("Asking") as show:
        if server is not None:
            outcome = _by_server(server, key, top or TOP, lines, show)
        elif db is not None:
            outcome = _by_library(db, top or TOP, lines, show)
        else:
            raise click.UsageError("name a library with --db, or a server with --server")
    _tell(outcome, time.perf_counter() - began, as_json=as_json)
    return 1 if outcome.failed else 0


def _lines(file: Path) -> list[str]:
    from yunmeng.errors import SourceError

    try:
        return [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, ValueError) as exc:
        raise SourceError(f"cannot read {file}: {exc}") from exc


def _kinds(lines: Iterable[str], outcome: _Outcome) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each line with the arguments of its query."""
    from yunmeng.cli.query_parts import kind_of
    from yunmeng.errors import SourceError

    for line in lines:
        try:
            yield line, kind_of(line)
        except SourceError as exc:
            outcome.asked += 1
            outcome.fail(line, exc)


def _by_library(db: str, top: int, lines: list[str] | None, show: OnProgress) -> _Outcome:
    from yunmeng.config import Settings
    from yunmeng.errors import SettingsError
    from yunmeng.library.library import Library
    from yunmeng.schemas.searching import SearchOptions
    from yunmeng.server.requests import asked_with, popular

    settings = Settings.load()
    if not settings.redis_url:
        raise SettingsError(
            "what is kept in memory would end with this command: set YUNMENG_REDIS_URL, or name a server that runs "
            "with --server URL"
        )
    outcome = _Outcome()
    with Library.open(db, settings=settings) as library:
        redis = library.resources.caches.redis
        if redis is None or not redis.look():
            raise SettingsError("Redis does not answer, so that nothing can be kept: see YUNMENG_REDIS_URL")
        asked: list[tuple[str, SearchOptions, dict[str, Any]]]
        if lines is None:
            library.resources.distrust_urls()  # strangers named them
            asked = [(query.named, query, asked_with(query)) for query in popular(library, top)]
        else:
            asked = [(line, SearchOptions(), question) for line, question in _kinds(lines, outcome)]
        for done, (name, wanted, question) in enumerate(asked, 1):
            _ask(library, name, wanted, question, outcome)
            show(done, len(asked))
        if not redis.up:
            raise SettingsError("Redis no longer answers, so some answers were not kept")
    return outcome


def _ask(library: "Library", name: str, wanted: "SearchOptions", question: dict[str, Any], outcome: _Outcome) -> None:
    """Run a query as a server does and as a program does.

    A server requests one hit more, to know whether there is another page.
    """
    from yunmeng.errors import YunmengError
    from yunmeng.server.requests import ask

    outcome.asked += 1
    try:
        for k in (wanted.k, wanted.k - 1):
            ask(library, wanted.model_copy(update={"k": k}), question)
    except YunmengError as exc:
        outcome.fail(name, exc)


def _by_server(server: str, key: str | None, top: int, lines: list[str] | None, show: OnProgress) -> _Outcome:
    from yunmeng.client.sync_client import Client
    from yunmeng.net.fetch import is_url

    outcome = _Outcome()
    with Client(server, key) as client:
        if lines is None:
            client.warm(top=top)
            _follow(client, outcome, show)
            return outcome
        pictures, queries = [], []
        for line, asked in _kinds(lines, outcome):
            if "image" in asked and not is_url(asked["image"]):
                pictures.append(line)
            else:
                queries.append({"url": asked["image"]} if "image" in asked else asked)
        for start in range(0, len(queries), BATCH):
            client.warm(queries[start : start + BATCH])
        for done, picture in enumerate(pictures, 1):  # files are here: the server is asked with what is in them
            _send(client, picture, outcome)
            show(done, len(pictures) + len(queries))
        if queries:
            _follow(client, outcome, show)
    return outcome


def _send(client: "Client", picture: str, outcome: _Outcome) -> None:
    from yunmeng.errors import ServerError

    outcome.asked += 1
    try:
        client.search(picture)
    except (ServerError, OSError) as exc:
        outcome.fail(picture, exc)


def _follow(client: "Client", outcome: _Outcome, show: OnProgress) -> None:
    """Wait until the server is done with what it was ordered."""
    while (state := client.warming()).running:
        show(state.done, state.total)
        time.sleep(POLLED)
    show(state.done, state.total)
    outcome.asked += state.total
    for failure in state.failures:
        outcome.fail(failure.query, failure.reason)


def _tell(outcome: _Outcome, seconds: float, *, as_json: bool) -> None:
    warmed = outcome.asked - len(outcome.failed)
    if as_json:
        print_json({"warmed": warmed, "failed": outcome.failed, "seconds": round(seconds, 3)})
        return
    for failure in outcome.failed:
        click.echo(f"{printable(failure['query'])}: {printable(failure['reason'])}", err=True)
    if not outcome.asked:
        click.echo("No question that can be asked again was asked of a server yet: name some with --list FILE.")
        return
    click.echo(f"{warmed:,} asked ahead, {len(outcome.failed):,} failed, in {seconds:.1f} s")
