"""``yunmeng recommend``."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from yunmeng.apps.recommend.types import EventKind, Method
from yunmeng.terminal.options import db_option, json_option, print_failures, print_json, print_table, printable

if TYPE_CHECKING:
    from yunmeng.apps.recommend.service import Recommender
    from yunmeng.apps.recommend.types import EventReport, Pick, Replay, UserData

__all__ = ["recommend"]

COUNT = click.IntRange(1, 200)
SHOWN_PICTURES = 5
REASONS = {"like": "liked", "buy": "bought", "view": "viewed"}


@click.group(
    epilog="""\b
Examples:
  yunmeng recommend events log.jsonl --db my-library
  yunmeng recommend for ann --db my-library
  yunmeng recommend eval log.jsonl --db my-library
"""
)
def recommend() -> None:
    """Recommend pictures by what people liked, bought, viewed and hid.

    docs/recommend.md tells how it ranks, and what is kept of users.
    """


@recommend.command(
    epilog="""\b
Examples:
  yunmeng recommend events log.jsonl more.csv --db my-library
  yunmeng recommend events --user ann --picture shoes/17.jpg --kind like --db my-library
"""
)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@db_option
@click.option("--user", help="One event instead of files: who.")
@click.option("--picture", help="The id of a picture.")
@click.option("--kind", type=click.Choice(get_args(EventKind)), help="What the user did with it.")
@click.option("--at", metavar="TIME", help="When, as 2026-05-01T12:00:00Z. Now, if it is left out.")
@click.option("--id", help="A name for the event; the same name counts once.")
@json_option
def events(files: tuple[str, ...], db: str, as_json: bool, **one: str | None) -> int:
    """Record events: FILEs (.jsonl, .csv, .tsv) with the columns user, picture, kind, at and id, or one event.

    A row may do without an id. Files can be imported again: what is known does not count twice. The next
    recommendation knows all of them.
    """
    from yunmeng.terminal.progress import counting_progress, stop_on_signal

    single = any(value is not None for value in one.values())
    if single == bool(files):
        raise click.UsageError("name files, or give one event by --user, --picture and --kind")
    with _recommender(db) as recommender, stop_on_signal() as stop:
        if single:
            report = _record(recommender, one)
        else:
            with counting_progress("Recording events") as show:
                report = recommender.import_events(files, lambda done: show(done, 0), stop)
    if as_json:
        failed = [{"path": failure.path, "reason": failure.reason} for failure in report.failed]
        print_json({"added": report.added, "known": report.known, "failed": failed})
    else:
        print_failures(report.failed)
        click.echo(f"{report.added:,} recorded, {report.known:,} known already, {len(report.failed):,} failed")
    if report.interrupted:
        click.echo("Stopped. What was recorded is kept; run the same command again to go on.", err=True)
        return 130
    return 1 if report.failed else 0


@recommend.command(
    "for",
    epilog="""\b
Examples:
  yunmeng recommend for ann --db my-library
  yunmeng recommend for ann -k 20 --filter "price < 50" --json --db my-library
""",
)
@click.argument("user")
@db_option
@click.option("-k", type=COUNT, default=10, show_default=True, help="How many pictures.")
@click.option("--filter", metavar="EXPR", help="Only pictures that pass it, as in yunmeng search.")
@click.option(
    "--method",
    type=click.Choice(get_args(Method)),
    default="tastes",
    show_default=True,
    help="How they are ranked; the others are there to compare with.",
)
@json_option
def for_user(user: str, db: str, k: int, filter: str | None, method: Method, as_json: bool) -> None:
    """Recommend pictures to USER that this user has no event with, each with its reason.

    Of a user who is not known, popular and varied pictures are shown.
    """
    with _recommender(db) as recommender:
        picks = recommender.recommend(user, k, filter=filter, method=method)
    _print_picks(picks, as_json=as_json)


@recommend.command(epilog="\b\nExample:\n  yunmeng recommend similar shoes/17.jpg -k 20 --db my-library\n")
@click.argument("picture")
@db_option
@click.option("-k", type=COUNT, default=10, show_default=True, help="How many pictures.")
@click.option("--filter", metavar="EXPR", help="Only pictures that pass it, as in yunmeng search.")
@json_option
def similar(picture: str, db: str, k: int, filter: str | None, as_json: bool) -> None:
    """Recommend pictures that are like PICTURE, an id: for the page of a product."""
    with _recommender(db) as recommender:
        picks = recommender.similar(picture, k, filter=filter)
    _print_picks(picks, as_json=as_json)


@recommend.command(
    epilog="""\b
Examples:
  yunmeng recommend tastes ann --db my-library
  yunmeng recommend tastes ann --mute shoes/17.jpg --db my-library
"""
)
@click.argument("user")
@db_option
@click.option("--mute", metavar="PICTURE", help="Recommend nothing more for the taste with this picture.")
@click.option("--unmute", metavar="PICTURE", help="Recommend for it again.")
@json_option
def tastes(user: str, db: str, mute: str | None, unmute: str | None, as_json: bool) -> None:
    """Show the tastes of USER: groups of liked pictures, those that count most first."""
    if mute is not None and unmute is not None:
        raise click.UsageError("give one of --mute and --unmute")
    picture = mute if mute is not None else unmute
    with _recommender(db) as recommender:
        found = recommender.tastes(user) if picture is None else recommender.mute(user, picture, muted=mute is not None)
    if as_json:
        print_json(
            {
                "tastes": [
                    {"pictures": list(taste.pictures), "share": round(taste.share, 4), "muted": taste.muted}
                    for taste in found
                ]
            }
        )
        return
    for taste in found:
        more = len(taste.pictures) - SHOWN_PICTURES
        shown = ", ".join(map(printable, taste.pictures[:SHOWN_PICTURES])) + (f" and {more:,} more" if more > 0 else "")
        click.echo(f"{taste.share:>4.0%}{'  muted' if taste.muted else ''}  {shown}")
    if not found:
        click.echo(f"Nothing is known of what {printable(user)} likes.")


@recommend.command(
    epilog="""\b
Examples:
  yunmeng recommend export ann --db my-library
  yunmeng recommend export ann ann.json --db my-library
"""
)
@click.argument("user")
@click.argument("file", required=False)
@db_option
def export(user: str, file: str | None, db: str) -> None:
    """Write all that is kept of USER as one JSON file, or on stdout: events, and muted pictures."""
    with _recommender(db) as recommender:
        told = _told(recommender.export(user))
    if file is None:
        print_json(told)
        return
    try:
        Path(file).write_text(json.dumps(told, ensure_ascii=False) + "\n", "utf-8", "backslashreplace")
    except OSError as exc:
        raise click.UsageError(f"cannot write {file}: {exc.strerror}") from exc


@recommend.command(epilog="\b\nExample:\n  yunmeng recommend erase ann --yes --db my-library\n")
@click.argument("user")
@db_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def erase(user: str, db: str, yes: bool, as_json: bool) -> None:
    """Erase all that is kept of USER, also from what is popular. It cannot be undone."""
    if not yes:
        click.confirm(f"Erase all events of {printable(user)}?", abort=True, err=True)
    with _recommender(db) as recommender:
        count = recommender.erase(user)
    if as_json:
        print_json({"erased": count})
    else:
        click.echo(f"{count:,} events erased")


@recommend.command(
    "eval",
    epilog="""\b
Examples:
  yunmeng recommend eval log.jsonl --db my-library
  yunmeng recommend eval log.csv -k 20 --later 0.1 --json --db my-library
""",
)
@click.argument("files", nargs=-1, required=True, metavar="LOG...")
@db_option
@click.option("-k", type=COUNT, default=10, show_default=True, help="How many pictures are recommended to each user.")
@click.option(
    "--later",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.2,
    show_default=True,
    metavar="SHARE",
    help="How much of the log is to be predicted.",
)
@click.option(
    "--users",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="How many users are asked for, at most.",
)
@json_option
def evaluate(files: tuple[str, ...], db: str, k: int, later: float, users: int, as_json: bool) -> None:
    """Replay LOGs of events: tell each method the first part, and see how well it predicts who likes what later.

    The library's own events play no part, and none is recorded.
    """
    from yunmeng.terminal.progress import counting_progress

    with _recommender(db) as recommender, counting_progress("Replaying") as show:
        found = recommender.evaluate(files, k=k, share=later, users=users, on_step=show)
    if as_json:
        print_json(_replay_as_json(found))
    else:
        _print_replay(found)


@contextmanager
def _recommender(db: str) -> "Iterator[Recommender]":
    from yunmeng.apps.recommend.service import Recommender
    from yunmeng.library.library import Library

    with Library.open(db) as library:
        yield Recommender(library)


def _record(recommender: "Recommender", one: dict[str, str | None]) -> "EventReport":
    from yunmeng.apps.recommend.log import made_event

    if missing := [name for name in ("user", "picture", "kind") if one[name] is None]:
        raise click.UsageError(f"--{missing[0]} is missing: an event has --user, --picture and --kind")
    return recommender.add([made_event(**one)])


def _print_picks(picks: "Sequence[Pick]", *, as_json: bool) -> None:
    if as_json:
        print_json({"picks": [_pick_as_json(pick) for pick in picks]})
        return
    from rich.table import Table

    table = Table("score", "picture", "why", box=None, pad_edge=False)
    for pick in picks:
        table.add_row(f"{pick.score:.3f}" if pick.because else "", printable(pick.id), printable(_why(pick)))
    print_table(table)
    if not picks:
        click.echo("Nothing is left to recommend.", err=True)


def _why(pick: "Pick") -> str:
    if pick.because is None:
        return {"popular": "popular"}.get(pick.source, "for variety")
    if pick.because.kind is None:
        return f"similar to {pick.because.picture}"
    if pick.source == "people":
        return f"liked by others who {REASONS[pick.because.kind]} {pick.because.picture}"
    return f"because you {REASONS[pick.because.kind]} {pick.because.picture}"


def _pick_as_json(pick: "Pick") -> dict[str, Any]:
    because = None if pick.because is None else {"picture": pick.because.picture, "kind": pick.because.kind}
    return {
        "id": pick.id,
        "score": pick.score,
        "source": pick.source,
        "because": because,
        "uri": pick.record.uri,
        "attributes": pick.record.attributes,
    }


def _told(data: "UserData") -> dict[str, Any]:
    events = [{**event._asdict(), "at": event.at.isoformat()} for event in data.events]
    return {"user": data.user, "events": events, "muted": list(data.muted)}


def _replay_as_json(found: "Replay") -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(found), "until": found.until.isoformat()}


def _print_replay(found: "Replay") -> None:
    from rich.table import Table

    names = ["recall", "ndcg", "coverage", "diversity"]
    table = Table("method", *(f"{name}@{found.k}" if name in names[:2] else name for name in names), box=None)
    for method, figures in found.methods.items():
        table.add_row(method, *(f"{getattr(figures, name):.3f}" for name in names))
    print_table(table)
    click.echo(f"{found.users:,} users, {found.events:,} events before {found.until:%Y-%m-%d %H:%M} UTC")
