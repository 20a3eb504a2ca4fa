"""Commands that check pictures against the registered works."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from yunmeng.apps.copyright.commands.group import copyright
from yunmeng.apps.copyright.commands.shown import opened, print_rows
from yunmeng.apps.copyright.commands.whole_library import check_whole_library
from yunmeng.apps.copyright.types import Language, ReportFormat
from yunmeng.terminal.options import db_option, json_option, print_failures, print_json

if TYPE_CHECKING:
    from yunmeng.apps.copyright.types import WorkMatch
    from yunmeng.types import Failure

__all__ = ["check", "report"]


@copyright.command(
    epilog="""\b
Examples:
  yunmeng copyright check suspect.jpg --db my-works
  yunmeng copyright check downloads/ urls.txt --json --db my-works
  yunmeng copyright check --library other-library --db my-works
  yunmeng copyright check --library my-works --db my-works
"""
)
@click.argument("pictures", nargs=-1, metavar="PICTURE|FOLDER...")
@db_option
@click.option("-k", type=click.IntRange(min=1), default=5, show_default=True, help="How many works at the most.")
@click.option(
    "--min-chance",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Leave out works that are less likely to be the original; 0.5 unless told.",
)
@click.option(
    "--false-alarms",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="RATE",
    help="Instead: take at most this share of unrelated pictures for copies, such as 0.01, as far as was measured.",
)
@click.option(
    "--library",
    metavar="DB",
    help="Instead: check all pictures of this library, which may be --db itself, and keep the findings as watch does. "
    "What was checked is not checked again.",
)
@json_option
@click.pass_context
def check(
    context: click.Context,
    pictures: tuple[str, ...],
    db: str,
    k: int,
    min_chance: float | None,
    false_alarms: float | None,
    library: str | None,
    as_json: bool,
) -> int:
    """Tell which registered works pictures were made from: files, folders, lists of URLs (.txt), URLs."""
    if library is not None:
        _refuse_options(context)
        return check_whole_library(db, library, as_json=as_json)
    if not pictures:
        raise click.UsageError("name pictures, folders, lists of URLs or URLs, or a library with --library")
    return _check_pictures(pictures, db, k, min_chance, false_alarms, as_json=as_json)


def _refuse_options(context: click.Context) -> None:
    """Raise `UsageError` where ``--library`` comes with what it does not take."""
    given = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name in ("pictures", "k", "min_chance", "false_alarms")
        and context.get_parameter_source(parameter.name) is not click.core.ParameterSource.DEFAULT
    ]
    if given:
        raise click.UsageError(f"--library goes without {given[0]}")


def _check_pictures(
    pictures: tuple[str, ...],
    db: str,
    k: int,
    min_chance: float | None,
    false_alarms: float | None,
    *,
    as_json: bool,
) -> int:
    from yunmeng.apps.copyright.thresholds import DEFAULT, rate_at, threshold_for

    if min_chance is not None and false_alarms is not None:
        raise click.UsageError("give one of --min-chance and --false-alarms")
    if min_chance is None:
        min_chance = DEFAULT if false_alarms is None else threshold_for(false_alarms)
    rate = rate_at(min_chance)
    found: list[tuple[str, list[WorkMatch]]] = []
    failures: list[Failure] = []
    with opened(db) as works:
        for source, answer in works.check_all(pictures, k=k, min_chance=min_chance):
            if isinstance(answer, list):
                found.append((source, answer))
            else:
                failures.append(answer)
        absent = works.absent()
    copies = [(source, matches) for source, matches in found if matches]
    if as_json:
        print_json(
            {
                "checked": len(found),
                "min_chance": min_chance,
                "false_alarms_at_most": None if rate is None else rate.at_most,
                "copies": [
                    {"picture": source, "works": [_match_as_json(match) for match in matches]}
                    for source, matches in copies
                ],
                "failed": [{"path": failure.path, "reason": failure.reason} for failure in failures],
                "absent": [work.number for work in absent],
            }
        )
    else:
        _print_copies(copies)
        print_failures(failures)
        click.echo(
            f"{len(found):,} checked, {len(copies):,} of them made from registered works, {len(failures):,} failed"
        )
        if rate is not None:
            click.echo(
                f"Threshold {min_chance:g}: of unrelated pictures, at most {rate.at_most:.2%} are taken for copies"
            )
        if absent:
            click.echo(
                f"{len(absent):,} works cannot be found: their pictures are not in the library any more", err=True
            )
    return 1 if failures else 0


@copyright.command(
    epilog="""\b
Examples:
  yunmeng copyright report suspect.jpg --out report.pdf --db my-works
  yunmeng copyright report https://example.com/suspect.jpg --out report.html --language zh --db my-works
  yunmeng copyright report suspect.jpg --work 17 --out report.pdf --db my-works
"""
)
@click.argument("picture")
@db_option
@click.option("--out", required=True, metavar="FILE", help="The report: .html or .pdf.")
@click.option("--language", type=click.Choice(get_args(Language)), default="en", show_default=True)
@click.option("--work", type=click.IntRange(min=1), help="The work to compare with, instead of the likeliest one.")
def report(picture: str, db: str, out: str, language: Language, work: int | None) -> None:
    """Write the evidence that PICTURE was made from a registered work: what agrees, the proof, and how to check it."""
    from yunmeng.errors import SourceError

    formats: dict[str, ReportFormat] = {".html": "html", ".pdf": "pdf"}
    format = formats.get(Path(out).suffix.lower())
    if format is None:
        raise click.UsageError(f"a report is .html or .pdf, not {out}")
    with opened(db) as works:
        data = works.report(picture, work=work, language=language, format=format)
    try:
        Path(out).write_bytes(data)
    except OSError as exc:
        raise SourceError(f"cannot write {out}: {exc.strerror}") from exc
    click.echo(f"{out}: {len(data):,} bytes")


def _match_as_json(match: "WorkMatch") -> dict[str, Any]:
    work = match.work
    return {
        "work": work.number,
        "owner": work.details.owner,
        "title": work.details.title,
        "licence": work.details.licence,
        "registered_at": work.registered_at,
        "id": match.id,
        "uri": match.uri,
        "chance": match.chance,
        "verdict": match.verdict,
        "difference": match.difference,
        "edits": [{"name": edit.name, "amount": edit.amount, "detail": edit.detail} for edit in match.edits],
    }


def _print_copies(copies: "Sequence[tuple[str, list[WorkMatch]]]") -> None:
    rows = [
        [
            source if rank == 0 else "",
            f"{match.chance:.0%}",
            str(match.work.number),
            match.work.details.owner,
            match.work.details.title or match.id,
            match.work.details.licence,
            match.difference or match.verdict or "",
            ", ".join(edit.detail for edit in match.edits),
        ]
        for source, matches in copies
        for rank, match in enumerate(matches)
    ]
    print_rows(["picture", "chance", "work", "owner", "title", "licence", "verdict", "what was done"], rows)
