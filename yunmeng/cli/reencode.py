"""``yunmeng reencode`` and ``yunmeng calibrate``."""

from typing import TYPE_CHECKING

import click

from yunmeng.terminal.options import db_option, device_option, json_option, print_failures, print_json

if TYPE_CHECKING:
    from yunmeng.types import Device


@click.command(
    epilog="""\b
Examples:
  yunmeng reencode efficientnet-lite0 --db my-library
  yunmeng reencode --regions --db my-library
"""
)
@click.argument("encoder", required=False)
@db_option
@click.option("--subject/--whole", default=None, help="See pictures by their main subject only, or all of them.")
@click.option("--regions/--no-regions", default=None, help="Keep the parts of pictures too, or no longer.")
@click.option("--drop-missing", is_flag=True, help="Go on without the pictures whose files cannot be read any more.")
@device_option
@json_option
def reencode(
    encoder: str | None,
    db: str,
    subject: bool | None,
    regions: bool | None,
    drop_missing: bool,
    device: "Device | None",
    as_json: bool,
) -> int:
    """Move a library to another ENCODER, or change which parts of its pictures are encoded.

    All pictures are read and encoded again, beside the old vectors. The library stays as it was until all is done, and
    then changes at once. Ctrl-C stops cleanly, and the same command continues from there.
    """
    from yunmeng.config import Settings
    from yunmeng.library.library import Library
    from yunmeng.terminal.progress import indexing_progress, stop_on_signal

    settings = Settings.load(device=device)
    with Library.open(db, settings=settings) as library, stop_on_signal() as stop, indexing_progress() as on_tally:
        before = library.config.generation
        report = library.reencode(
            encoder, subject=subject, regions=regions, drop_missing=drop_missing, on_tally=on_tally, stop=stop
        )
        name, moved = library.config.encoder.name, library.config.generation > before
    if as_json:
        failed = [{"path": failure.path, "reason": failure.reason} for failure in report.failed]
        print_json({"moved": moved, "encoder": name, "failed": failed, "seconds": round(report.seconds, 3)})
    else:
        print_failures(report.failed)
    if report.interrupted:
        click.echo("Stopped. The library is as it was; run the same command again to go on.", err=True)
        return 130
    if not moved:
        click.echo(
            f"{len(report.failed):,} pictures cannot be read, so the library stays as it was. Bring their files back "
            "and run the same command again, or leave them out with --drop-missing.",
            err=True,
        )
        return 1
    if not as_json:
        click.echo(f"Moved to {name} in {report.seconds:.1f} s.")
    return 0


@click.command(epilog="\b\nExample:\n  yunmeng calibrate --db my-library\n")
@db_option
@json_option
def calibrate(db: str, as_json: bool) -> int:
    """Learn what scores mean in a library: how alike is very alike, and the chance that a hit is the same picture.

    Indexing does this by itself as a library grows. This command does it again and checks the result: it learns from
    half of the scores, and the other half shows how many hits with a given chance were real matches.
    """
    from yunmeng.library.library import Library
    from yunmeng.search.calibration import CALIBRATED_FROM, held_out

    with Library.open(db) as library:
        sample = library.calibrate()
    if sample is None:
        click.echo(
            f"There is nothing to learn from: it takes {CALIBRATED_FROM} pictures, their files at their place, and not "
            "a copy of nearly every one among them.",
            err=True,
        )
        return 1
    bins = held_out(sample)
    if as_json:
        print_json({"bins": [{"hits": row.hits, "told": row.told, "real": row.real} for row in bins]})
        return 0
    click.echo(f"Learnt from {len(sample.strangers):,} strangers and {len(sample.copies):,} edited copies.")
    click.echo("chance told   real   hits")
    for row in bins:
        click.echo(f"{row.told:>11.0%} {row.real:>6.0%} {row.hits:>6}")
    return 0
