"""Options and output that several commands share."""

import json
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from yunmeng.types import Attributes, Device, Metric, StepName

if TYPE_CHECKING:
    from rich.table import Table

    from yunmeng.state.database import Failure

__all__ = [
    "db_option",
    "device_option",
    "index_option",
    "json_option",
    "metric_option",
    "print_failures",
    "print_json",
    "print_table",
    "printable",
    "rerank_option",
    "shown_attributes",
]

SHOWN_FAILURES = 20
UNBOUNDED = 10_000  # characters, wider than any row

Command = TypeVar("Command", bound=Callable[..., Any])


def db_option(command: Command) -> Command:
    """Add ``--db DIR``, the library's folder."""
    return click.option(
        "--db", required=True, metavar="DIR", envvar="YUNMENG_DB", show_envvar=True, help="Folder of the library."
    )(command)


def device_option(command: Command) -> Command:
    """Add ``--device NAME``, what runs the encoder."""
    return click.option(
        "--device",
        type=click.Choice(get_args(Device)),
        envvar="YUNMENG_DEVICE",
        show_envvar=True,
        help="What runs the encoder; auto takes the best that works here.",
    )(command)


def index_option(command: Command) -> Command:
    """Add ``--index FILE``, an index to search by."""
    return click.option(
        "--index", metavar="FILE", help="Search by this index, which yunmeng export has made of the library."
    )(command)


def rerank_option(command: Command) -> Command:
    """Add ``--rerank LIST``, steps of re-ranking."""
    return click.option(
        "--rerank",
        default="",
        metavar="LIST",
        help="Steps that put the first hits in order, one upon the other, such as geometry,expand: "
        f"{', '.join(get_args(StepName))}.",
    )(command)


def metric_option(command: Command) -> Command:
    """Add ``--metric NAME``, the metric of scores."""
    return click.option(
        "--metric",
        type=click.Choice(get_args(Metric)),
        help="Score the nearest anew, exactly, by this.",
    )(command)


def json_option(command: Command) -> Command:
    """Add ``--json``, for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout, and nothing else.")(
        command
    )


def print_json(value: object) -> None:
    """Print one JSON object on stdout. Text stays readable, except what no UTF-8 stream can carry."""
    text = json.dumps(value, ensure_ascii=False)
    click.echo(text if text.isprintable() else json.dumps(value))


def print_table(table: "Table") -> None:
    """Print a table on stdout: within the terminal's width, or one line for each row in a file or a pipe."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = UNBOUNDED
    console.print(table)


def print_failures(failures: "Sequence[Failure]") -> None:
    """Print the first failures of a run on stderr, and how many more there are."""
    for failure in failures[:SHOWN_FAILURES]:
        click.echo(f"{printable(failure.path)}: {printable(failure.reason)}", err=True)
    if len(failures) > SHOWN_FAILURES:
        click.echo(f"... and {len(failures) - SHOWN_FAILURES:,} more; --json names all of them", err=True)


def printable(text: str) -> str:
    """Return text for a terminal: control characters and bytes that are not UTF-8, as in file names, are spelt out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def shown_attributes(attributes: "Attributes") -> str:
    """Return ``category=shoes, price=49.9``, for a terminal."""
    return printable(", ".join(f"{name}={value}" for name, value in attributes.items()))
