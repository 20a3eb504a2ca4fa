"""``yunmeng models bench``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from yunmeng.terminal.options import json_option, print_json

if TYPE_CHECKING:
    from yunmeng.config import Settings
    from yunmeng.types import Pixels

_ENOUGH = 64  # pictures read from a folder: twice a batch, so that no run is of one size only


@click.command(
    "bench",
    epilog="""\b
Examples:
  yunmeng models bench
  yunmeng models bench efficientnet-lite0 efficientnet-lite2 --pictures photos/
""",
)
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option(
    "--pictures",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Photographs to measure with, in place of noise of the network's own size: resizing then counts too.",
)
@click.option(
    "--seconds", type=click.FloatRange(min=0.1), default=3.0, show_default=True, help="How long to measure each figure."
)
@json_option
def bench_models(names: tuple[str, ...], pictures: Path | None, seconds: float, as_json: bool) -> None:
    """Measure how fast encoders are on this machine.

    For each NAME (without one, the default encoder) it prints: pictures a second, one by one and in batches of 32,
    without decoding; milliseconds a text, if it reads text; size on disk.
    """
    from yunmeng.config import Settings
    from yunmeng.encoders.catalogue import DEFAULT_ENCODER, load, size_on_disk
    from yunmeng.encoders.speed import measure
    from yunmeng.terminal.progress import counting_progress

    settings = Settings.load()
    rows: list[dict[str, Any]] = []
    wanted = names or (DEFAULT_ENCODER,)
    with counting_progress("Measuring") as on_done:
        for done, name in enumerate(wanted):
            on_done(done, len(wanted))
            encoder = load(name, settings)
            speed = measure(encoder, _pictures(pictures, encoder.spec.input_size, settings), seconds)
            rows.append(
                {
                    "name": name,
                    "pictures_per_second_alone": round(speed.alone, 2),
                    "pictures_per_second": round(speed.in_batches, 2),
                    "milliseconds_per_text": None if speed.text_ms is None else round(speed.text_ms, 2),
                    "bytes": size_on_disk(name, settings),
                }
            )
    if as_json:
        print_json({"models": rows})
        return
    width = max(len(str(row["name"])) for row in rows)
    click.echo(f"{'':<{width}}  pictures/s alone  in batches  ms a text       MB")
    for row in rows:
        text = "-" if row["milliseconds_per_text"] is None else f"{row['milliseconds_per_text']:.1f}"
        click.echo(
            f"{row['name']:<{width}}  {row['pictures_per_second_alone']:>16.1f}  {row['pictures_per_second']:>10.1f}"
            f"  {text:>9}  {row['bytes'] / 1e6:>7.1f}"
        )


def _pictures(folder: Path | None, side: int, settings: "Settings") -> "list[Pixels]":
    """Photographs of the folder, or noise of the network's own size."""
    if folder is None:
        from yunmeng.encoders.speed import noise

        return noise(side)
    from yunmeng.errors import PictureError, SourceError
    from yunmeng.imaging.decode import decode
    from yunmeng.imaging.files import is_picture, read

    found: list[Pixels] = []
    for path in sorted(path for path in folder.rglob("*") if is_picture(path)):
        try:
            data = read(path, max_bytes=settings.max_file_bytes)
            found.append(decode(data, at_least=side, max_pixels=settings.max_pixels).pixels)
        except PictureError as error:
            click.echo(f"{path}: {error}", err=True)
        if len(found) == _ENOUGH:
            break
    if not found:
        raise SourceError(f"no pictures in {folder}")
    return found
