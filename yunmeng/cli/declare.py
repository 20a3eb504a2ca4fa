"""``yunmeng declare``."""

import click

from yunmeng.terminal.options import db_option, json_option, print_failures, print_json


@click.command(
    epilog="""\b
Examples:
  yunmeng declare "price:float, tags:list[str]" --db my-library
  yunmeng declare --undeclare tags --db my-library
"""
)
@click.argument("attributes", default="")
@click.option("--undeclare", "gone", multiple=True, metavar="NAME", help="Declare it no longer; may be repeated.")
@db_option
@json_option
def declare(attributes: str, gone: tuple[str, ...], db: str, as_json: bool) -> int:
    """Declare ATTRIBUTES of a library that is there: what is declared can be filtered and counted.

    They are written name:type, and come beside those that are declared already; types are str, int, float, bool and
    list[str]. Values that pictures have are kept, and text is read as the new type, such as "12.50" as a number. No
    picture is read or encoded. The library stays as it was until all is done, and then changes at once.
    """
    from yunmeng.library.library import Library
    from yunmeng.stores.schema import parse_schema
    from yunmeng.terminal.progress import indexing_progress, stop_on_signal

    declared = parse_schema(attributes)
    if not declared and not gone:
        raise click.UsageError('Name an attribute and its type, such as "price:float", or one to --undeclare.')
    with Library.open(db) as library:
        unknown = [name for name in gone if name not in library.schema]
        if unknown:
            raise click.UsageError(f"{unknown[0]!r} is not declared, so it cannot be undeclared.")
        with stop_on_signal() as stop, indexing_progress() as on_tally:
            report = library.declare({**declared, **dict.fromkeys(gone)}, on_tally=on_tally, stop=stop)
        schema = dict(library.schema)
    if as_json:
        failed = [{"path": failure.path, "reason": failure.reason} for failure in report.failed]
        print_json({"attributes": schema, "failed": failed, "seconds": round(report.seconds, 3)})
    else:
        print_failures(report.failed)
    if report.interrupted:
        click.echo("Stopped. The library is as it was; run the same command again to go on.", err=True)
        return 130
    if report.failed:
        click.echo(
            f"{len(report.failed):,} pictures have values that do not fit, so the library stays as it was. Give them "
            "other values, or declare another type.",
            err=True,
        )
        return 1
    if not as_json:
        told = ", ".join(f"{name}:{type}" for name, type in schema.items()) or "none"
        click.echo(f"Attributes: {told}.")
    return 0
