"""``yunmeng palettes``."""

import click

from yunmeng.terminal.options import db_option, json_option, print_failures, print_json


@click.command(
    epilog="""\b
Examples:
  yunmeng palettes --db my-library
  yunmeng search --color "navy:0.7,white" --db my-library
"""
)
@db_option
@json_option
def palettes(db: str, as_json: bool) -> int:
    """Compute the colours of pictures that were indexed before Yunmeng knew colours.

    Their files are read again; what is indexed from now on has its colours at once. Searches go on meanwhile. Ctrl-C
    stops cleanly, and the same command continues from there.
    """
    from yunmeng.library.library import Library
    from yunmeng.terminal.progress import counting_progress, stop_on_signal

    with Library.open(db) as library, stop_on_signal() as stop, counting_progress("Reading colours") as on_step:
        report = library.palettes(on_step, stop)
    if as_json:
        failed = [{"path": failure.path, "reason": failure.reason} for failure in report.failed]
        print_json({"computed": report.computed, "failed": failed, "seconds": round(report.seconds, 3)})
    else:
        print_failures(report.failed)
    if report.interrupted:
        click.echo("Stopped. What was done is kept; run the same command again to go on.", err=True)
        return 130
    if not as_json:
        click.echo(f"{report.computed:,} pictures got their colours, in {report.seconds:.1f} s.")
    return 1 if report.failed else 0
