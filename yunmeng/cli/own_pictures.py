"""Pictures of the user's own that a model is fitted on: of files and folders, and of a library."""

import heapq
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from yunmeng.terminal.options import printable

if TYPE_CHECKING:
    from yunmeng.config import Settings
    from yunmeng.encoders.fitting import Source
    from yunmeng.library.library import Library

__all__ = ["own_pictures", "pictures_options", "print_unusable", "require_pictures"]

Command = TypeVar("Command", bound=Callable[..., object])


def pictures_options(use: str) -> Callable[[Command], Command]:
    """Return a decorator that adds --pictures and --db; ``use`` is what is done with them, as in "fit on"."""

    def add(command: Command) -> Command:
        in_db = f"{use[0].upper()}{use[1:]} the pictures of this library."
        files = click.option(
            "--pictures",
            multiple=True,
            type=click.Path(exists=True, path_type=Path),
            metavar="PICTURES",
            help=f"Folder or picture to {use}; may be given several times.",
        )
        return files(click.option("--db", metavar="DIR", help=in_db)(command))

    return add


def require_pictures(pictures: tuple[Path, ...], db: str | None, what: str) -> None:
    """Raise UsageError where neither is given; ``what`` needs them, as "fitting" does."""
    if not pictures and db is None:
        raise click.UsageError(f"{what} needs pictures: give --pictures FOLDER or --db DIR")


@contextmanager
def own_pictures(paths: tuple[Path, ...], db: str | None, settings: "Settings", most: int) -> "Iterator[list[Source]]":
    """Give the pictures of files and folders, and up to ``most`` of a library, which is open meanwhile."""
    from yunmeng.library.library import Library

    found = _in_files(paths, settings)
    if db is None:
        yield found
        return
    with Library.open(db, settings=settings) as library:
        yield found + _in_library(library, most)


def print_unusable(failed: Sequence[tuple[str, str]]) -> None:
    """Print names and reasons of pictures that could not be used, on stderr."""
    for picture, reason in failed:
        click.echo(printable(f"{picture}: {reason}"), err=True)


def _in_files(paths: tuple[Path, ...], settings: "Settings") -> "list[Source]":
    from yunmeng.imaging.files import is_picture, read
    from yunmeng.ingest.folders import file_entry, folder_entries

    def source(path: Path) -> "Source":
        return str(path), lambda: read(path, max_bytes=settings.max_file_bytes)

    entries = [entry for path in paths for entry in (folder_entries(path) if path.is_dir() else [file_entry(path)])]
    return [
        source(Path(entry.uri))
        for entry in entries
        if entry.problem is None and (entry.certain or is_picture(Path(entry.uri)))
    ]


def _in_library(library: "Library", most: int) -> "list[Source]":
    from yunmeng.types import Record

    def source(record: Record) -> "Source":
        return record.id, lambda: library.original(record)

    # The order of the digests is a random one that is always the same.
    return [source(record) for record in heapq.nsmallest(most, library.iterate(), key=lambda r: r.sha256)]
