"""Commands that watch folders and the web, and that list findings and mark false alarms."""

from typing import TYPE_CHECKING

import click

from yunmeng.apps.copyright.commands.group import copyright
from yunmeng.apps.copyright.commands.shown import finding_line, opened, print_rows
from yunmeng.terminal.options import db_option, json_option, print_json, printable

if TYPE_CHECKING:
    from yunmeng.apps.copyright.watching.tables import Finding
    from yunmeng.types import Failure

__all__ = ["dismiss", "findings", "watch"]


@copyright.command(
    epilog="""\b
Examples:
  yunmeng copyright watch downloads/ --db my-works
  yunmeng copyright watch https://site.example/sitemap.xml https://site.example/feed.xml --every 600 --db my-works
  yunmeng copyright watch downloads/ urls.txt --json --db my-works >> findings.jsonl
  yunmeng copyright watch downloads/ --once --db my-works
"""
)
@click.argument("sources", nargs=-1, required=True, metavar="FOLDER|URL|FILE...")
@db_option
@click.option(
    "--every",
    type=click.FloatRange(min=10),
    default=900,
    show_default=True,
    metavar="SECONDS",
    help="How often sitemaps, feeds and lists are read again.",
)
@click.option("--once", is_flag=True, help="Check what is there now, and end.")
@click.option("--json", "as_json", is_flag=True, help="Print each finding as one line of JSON.")
def watch(sources: tuple[str, ...], db: str, every: float, once: bool, as_json: bool) -> int:
    """Check new pictures as they come, each once, and tell which registered works they were made from.

    They come into folders, or are named by sitemaps, feeds (RSS, Atom) and lists of URLs, each a URL or a file. What
    cannot be fetched is named, and tried again. Findings are kept: yunmeng copyright findings lists them. With
    YUNMENG_WEBHOOK_URL and YUNMENG_WEBHOOK_SECRET set, each is also sent there, signed, and again later where that
    fails. Ctrl-C ends the watch.
    """
    from yunmeng.apps.copyright.watching.webhook import event_of
    from yunmeng.terminal.progress import stop_on_signal
    from yunmeng.types import Failure

    failed = 0

    def on_event(event: "Finding | Failure") -> None:
        nonlocal failed
        if isinstance(event, Failure):
            failed += 1
            click.echo(f"{printable(event.path)}: {printable(event.reason)}", err=True)
        elif as_json:
            print_json(event_of(event))
        else:
            click.echo(finding_line(event))

    with opened(db) as works, stop_on_signal() as stop:
        works.watch(sources, on_event, stop, every=every, once=once)
    return 1 if failed else 0


@copyright.command(
    epilog="""\b
Examples:
  yunmeng copyright findings --db my-works
  yunmeng copyright findings --dismissed --json --db my-works
"""
)
@db_option
@click.option("--dismissed", is_flag=True, help="Those that were false alarms instead.")
@click.option("-n", "count", type=click.IntRange(min=1), default=50, show_default=True, help="How many at the most.")
@json_option
def findings(db: str, dismissed: bool, count: int, as_json: bool) -> None:
    """List what a watch has found, the newest first."""
    from yunmeng.apps.copyright.watching.webhook import event_of

    with opened(db) as works:
        found = works.findings.all(limit=count, dismissed=dismissed)
    if as_json:
        print_json({"findings": [event_of(finding) for finding in found]})
        return
    rows = [
        [
            str(finding.number),
            f"{finding.found_at:%Y-%m-%d %H:%M}",
            f"{finding.found['chance']:.0%}",
            str(finding.work),
            finding.found["owner"],
            finding.source,
        ]
        for finding in found
    ]
    print_rows(["finding", "found", "chance", "work", "owner", "picture"], rows)


@copyright.command(epilog="\b\nExample:\n  yunmeng copyright dismiss 4 --db my-works\n")
@click.argument("finding", type=click.IntRange(min=1))
@db_option
def dismiss(finding: int, db: str) -> None:
    """Mark FINDING, a number, as a false alarm: no check tells of this picture and this work again."""
    with opened(db) as works:
        dismissed = works.findings.dismiss(finding)
    click.echo(f"Finding {finding} was a false alarm: {printable(dismissed.source)} and work {dismissed.work}")
