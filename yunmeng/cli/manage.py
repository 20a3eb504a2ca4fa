"""``yunmeng info`` and ``yunmeng delete``."""

import sys

import click

from yunmeng.terminal.options import db_option, json_option, print_json, printable


@click.command(epilog="\b\nExample:\n  yunmeng info --db my-library\n")
@db_option
@json_option
def info(db: str, as_json: bool) -> None:
    """Show what a library is and what it holds."""
    from yunmeng.library.library import Library

    with Library.open(db) as library:
        found = library.info()
        without = library.reader.colours().without
    job = found.last_job
    facts = {
        "path": found.path,
        "pictures": found.pictures,
        "encoder": found.encoder,
        "dim": found.dim,
        "metric": found.metric,
        "enhance": list(found.enhance),
        "subject": found.subject,
        "regions": found.regions,
        "augmented": found.augmented,
        "full_text": found.full_text,
        "words_missing": found.words_missing,
        "without_colours": without,
        "attributes": dict(found.attributes),
        "created": found.created,
        "bytes": found.bytes,
        "last_run": job
        and {
            "status": job.status,
            "started": job.started_at.isoformat(timespec="seconds"),
            "indexed": job.progress.indexed,
            "skipped": job.progress.skipped,
            "failed": job.progress.failed,
        },
    }
    if as_json:
        print_json(facts)
        return
    facts["enhance"] = ", ".join(found.enhance) or "nothing"
    for name in ("subject", "regions", "augmented"):
        facts[name] = "yes" if facts[name] else "no"
    facts["without_colours"] = f"{without:,}; run yunmeng palettes --db {db}" if without else "none"
    facts["full_text"] = _FULL_TEXT[found.full_text]
    if unread := facts.pop("words_missing"):
        facts["full_text"] = f"{facts['full_text']}, but for {unread:,} pictures; yunmeng index reads them"
    facts["attributes"] = ", ".join(f"{name}:{kind}" for name, kind in found.attributes.items()) or "none declared"
    facts["bytes"] = f"{found.bytes / 1e6:,.1f} MB"
    facts["last_run"] = "none" if job is None else _in_words(facts["last_run"])
    for name, value in facts.items():
        label = "size" if name == "bytes" else name.replace("_", " ")
        click.echo(f"{label:<15} {value:,}" if isinstance(value, int) else f"{label:<15} {value}")


_FULL_TEXT = {
    "store": "in the store",
    "state": "in the state",
    "missing": "missing: words are answered by their meaning only; see docs/milvus.md",
}


def _in_words(run: object) -> str:
    assert isinstance(run, dict)
    counts = ", ".join(f"{run[name]:,} {name}" for name in ("indexed", "skipped", "failed"))
    hint = "; run the same index command again to go on" if run["status"] != "done" else ""
    return f"{run['status']}, {run['started']}: {counts}{hint}"


@click.command(
    epilog="""\b
Examples:
  yunmeng delete summer/beach.jpg --db my-library
  yunmeng delete --filter "category = 'sold out'" --db shop
  yunmeng delete --all --db my-library
"""
)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@db_option
@click.option("--filter", metavar="EXPR", help="Delete all pictures whose attributes pass this expression.")
@click.option("--all", "every", is_flag=True, help="Delete all pictures. On a terminal it asks first.")
@click.option("--yes", is_flag=True, help="With --all: do not ask.")
@json_option
def delete(ids: tuple[str, ...], db: str, filter: str | None, every: bool, yes: bool, as_json: bool) -> int:
    """Remove pictures from a library, by id or by filter, or all. Their files are left alone."""
    from yunmeng.library.library import Library

    if not ids and filter is None and not every:
        raise click.UsageError("name the ids to delete, or give --filter, or --all")
    if every and (ids or filter is not None):
        raise click.UsageError("--all deletes every picture: leave ids and --filter out")
    keys = list(dict.fromkeys(key.removeprefix("id:") for key in ids))
    with Library.open(db) as library:
        if every and not yes and not _confirmed(f"Delete all {library.count():,} pictures of {db}?"):
            click.echo("Nothing was deleted.", err=True)
            return 1
        known = library.reader.get_many(keys)
        deleted = library.delete(keys, filter=filter, all=every)
    unknown = [key for key in keys if key not in known]
    if as_json:
        print_json({"deleted": deleted, **({"unknown": unknown} if unknown else {})})
    else:
        click.echo(f"{deleted:,} deleted")
    for key in unknown:
        click.echo(f"{printable(key)}: no picture has this id", err=True)
    return 1 if unknown else 0


def _confirmed(question: str) -> bool:
    """Ask where somebody sits at a terminal; a script has said it by the option."""
    return not sys.stdin.isatty() or click.confirm(question, err=True)
