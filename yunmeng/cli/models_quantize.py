"""``yunmeng models quantize``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from yunmeng.cli.comparison import compare_option, compared, show_compared
from yunmeng.cli.own_pictures import own_pictures, pictures_options, print_unusable, require_pictures
from yunmeng.terminal.options import json_option, print_json

if TYPE_CHECKING:
    from yunmeng.encoders.quantising import Quantised, Target


@click.command(
    "quantize",
    epilog="""\b
Examples:
  yunmeng models quantize efficientnet-lite2 --to int8 --db my-library
  yunmeng models quantize clip --to int8 --pictures photos/ --name clip-small
  yunmeng models quantize efficientnet-lite2 --to int8 --pictures photos/ --compare products/gallery products/query
  yunmeng reencode efficientnet-lite2-int8 --db my-library
""",
)
@click.argument("name")
@click.option("--to", required=True, type=click.Choice(["int8", "fp16"]), help="INT8 for CPUs, FP16 for devices.")
@pictures_options("calibrate with")
@click.option("--name", "new_name", metavar="NEW", help="What to call the result; NAME-int8 or NAME-fp16 if left out.")
@compare_option
@json_option
def quantize(
    name: str,
    to: "Target",
    pictures: tuple[Path, ...],
    db: str | None,
    new_name: str | None,
    compare: tuple[Path, Path] | None,
    as_json: bool,
) -> int:
    """Make encoder NAME smaller and faster, as an encoder of its own.

    The network is calibrated with pictures like those that will be searched: 40 or more, of which 160 are used, without
    labels. With INT8, the layers that lose most stay as they are. A library has to be encoded again for the new
    encoder. Words are found as before.
    """
    from yunmeng.config import Settings
    from yunmeng.encoders.quantising import CALIBRATE_MOST, quantise
    from yunmeng.terminal.progress import counting_progress

    require_pictures(pictures, db, "calibrating")
    settings = Settings.load()
    with own_pictures(pictures, db, settings, CALIBRATE_MOST) as sources, counting_progress("Calibrating") as on_done:
        made = quantise(name, to, settings, sources, new_name=new_name, on_encoded=on_done, on_tried=on_done)
    print_unusable(made.failed)
    sizes = [(name, made.size_before), (made.spec.name, made.size)]
    rows = [] if compare is None else compared(sizes, compare, settings)
    _show(made, rows, as_json)
    return 1 if made.failed else 0


def _show(made: "Quantised", rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "name": made.spec.name,
                "cosine": round(made.cosine, 6),
                "least_cosine": round(made.least, 6),
                "layers": made.layers,
                "layers_kept": made.kept,
                "pictures": made.pictures,
                "failed": [{"path": picture, "reason": reason} for picture, reason in made.failed],
                "bytes_before": made.size_before,
                "bytes": made.size,
                "compared": rows,
            }
        )
        return
    click.echo(
        f"{made.spec.name} added: {made.size_before / 1e6:.1f} MB -> {made.size / 1e6:.1f} MB; "
        f"cosine to the vectors of before {made.cosine:.4f} on average, {made.least:.4f} at least"
    )
    if made.layers:
        click.echo(f"{made.layers - made.kept} of {made.layers} layers with 8 bits, the others as they were")
    show_compared(rows)
