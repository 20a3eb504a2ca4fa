"""``yunmeng copy``."""

import click

from yunmeng.terminal.options import json_option, print_json


@click.command(
    epilog="""\b
Examples:
  yunmeng copy my-library copy-of-it
  yunmeng copy my-library on-the-server --store milvus://127.0.0.1:19530/photos
  yunmeng copy my-library shared --store milvus://milvus.lan/photos --state postgresql://yunmeng@db.lan/yunmeng
  yunmeng copy on-the-server back-again --store zvec:
"""
)
@click.argument("library", metavar="A")
@click.argument("copy", metavar="B")
@click.option("--store", metavar="URL", help="Where B keeps its vectors; see: yunmeng plugins.  [default: as A does]")
@click.option(
    "--state",
    metavar="URL",
    default="sqlite:",
    show_default=True,
    help="Where B keeps its state; see docs/cluster.md.",
)
@json_option
def copy(library: str, copy: str, store: str | None, state: str, as_json: bool) -> int:
    """Copy the library in folder A into a new one in folder B, over another store if you name one.

    All comes along: vectors, attributes, parts and second vectors of pictures, colours, and the state: jobs, keys,
    saved searches, what applications keep. No picture is read or encoded. At the end both libraries are compared,
    record by record. Ctrl-C stops cleanly, and the same command continues from there, also after a crash. Pictures that
    were indexed in place stay where they are; those that were sent to A are copied.
    """
    from yunmeng.library.library import Library
    from yunmeng.library.transfer import copy_library
    from yunmeng.terminal.progress import counting_progress, stop_on_signal

    with Library.open(library) as opened, stop_on_signal() as stop, counting_progress("Copying") as on_step:
        report = copy_library(opened, copy, store, on_step, stop, state)
    if as_json:
        print_json(
            {
                "copied": report.copied,
                "pictures": report.pictures,
                "records": report.records,
                "exact": report.exact,
                "digest": report.digest,
                "seconds": round(report.seconds, 3),
            }
        )
    if report.interrupted:
        click.echo("Stopped. What was copied is kept; run the same command again to go on.", err=True)
        return 130
    if not as_json:
        click.echo(f"{report.pictures:,} pictures copied and compared in {report.seconds:.1f} s: {copy}")
    return 0
