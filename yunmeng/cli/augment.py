"""``yunmeng augment``."""

import click

from yunmeng.terminal.options import db_option, json_option, print_json


@click.command(
    epilog="""\b
Examples:
  yunmeng augment --db my-library
  yunmeng search query.jpg --db my-library --rerank expand
"""
)
@db_option
@json_option
def augment(db: str, as_json: bool) -> int:
    """Keep a second vector of each picture, averaged with its neighbours, for --rerank expand.

    It takes as much room as the first vectors. From then on, indexing keeps it up to date, and so does a server as
    pictures come and go. Searches go on meanwhile. Ctrl-C stops cleanly, and the same command continues from there.
    """
    from yunmeng.library.library import Library
    from yunmeng.terminal.progress import counting_progress, stop_on_signal

    with Library.open(db) as library, stop_on_signal() as stop, counting_progress("Averaging") as on_step:
        report = library.augment(on_step, stop)
    if as_json:
        seconds = round(report.seconds, 3)
        print_json({"pictures": report.pictures, "steps": report.steps, "seconds": seconds})
    if report.interrupted:
        click.echo("Stopped. What was done is kept; run the same command again to go on.", err=True)
        return 130
    if not as_json:
        click.echo(f"{report.pictures:,} pictures have their second vectors, in {report.seconds:.1f} s.")
    return 0
