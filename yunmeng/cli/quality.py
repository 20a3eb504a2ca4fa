"""``yunmeng quality``."""

from pathlib import Path

import click

from yunmeng.terminal.options import json_option, print_json, printable


@click.command(
    epilog="""\b
Examples:
  yunmeng quality photos/
  yunmeng quality photos/ --json | jq -r '.pictures[].path'
"""
)
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@json_option
def quality(path: Path, as_json: bool) -> int:
    """Report pictures that are broken, damaged inside, blurred, dark, bright, flat, nearly empty, tiny or oddly shaped.

    PATH is a folder or a picture. Nothing is changed. The exit code is 1 if some could not be read at all.
    """
    from yunmeng.config import Settings
    from yunmeng.imaging.quality import EXPLANATIONS
    from yunmeng.ingest.inspection import inspect_quality
    from yunmeng.terminal.progress import counting_progress

    with counting_progress("Looking at pictures") as on_inspected:
        report = inspect_quality(path, Settings.load(), on_inspected)
    if as_json:
        print_json(
            {
                "inspected": report.inspected,
                "pictures": [
                    {"path": found.path, "problems": found.problems, "scores": dict(found.scores)}
                    for found in report.poor
                ],
                "failed": [{"path": failure.path, "reason": failure.reason} for failure in report.failed],
            }
        )
        return 1 if report.failed else 0
    for failure in report.failed:
        click.echo(f"{printable(failure.path)}: cannot be read: {failure.reason}")
    for found in report.poor:
        click.echo(f"{printable(found.path)}: {', '.join(found.problems)}")
    named = sorted({problem for found in report.poor for problem in found.problems})
    for problem in named:
        click.echo(f"  {problem}: {EXPLANATIONS[problem]}")
    click.echo(f"{report.inspected:,} pictures: {len(report.poor):,} poor, {len(report.failed):,} unreadable")
    return 1 if report.failed else 0
