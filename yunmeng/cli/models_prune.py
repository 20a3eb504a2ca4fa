"""``yunmeng models prune``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from yunmeng.cli.comparison import compare_option, compared, show_compared
from yunmeng.cli.own_pictures import own_pictures, pictures_options, print_unusable, require_pictures
from yunmeng.terminal.options import json_option, print_json

if TYPE_CHECKING:
    from yunmeng.encoders.compress.pruning import Pruned


@click.command(
    "prune",
    epilog="""\b
Examples:
  yunmeng models prune efficientnet-lite2 --keep 0.7 --db my-library
  yunmeng models prune efficientnet-lite2 --keep 0.5 --pictures photos/ --epochs 4 --name small
  yunmeng models prune efficientnet-lite2 --keep 0.7 --pictures photos/ --compare products/gallery products/query
  yunmeng reencode efficientnet-lite2-pruned70 --db my-library
""",
)
@click.argument("name")
@click.option(
    "--keep",
    required=True,
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    help="Share of the network's multiplications that is left, such as 0.7.",
)
@pictures_options("fit on")
@click.option(
    "--epochs",
    type=click.IntRange(0, 1000),
    default=0,
    show_default=True,
    help="How often each picture is trained on afterwards, which needs PyTorch.",
)
@click.option("--name", "new_name", metavar="NEW", help="What to call the result; such as NAME-pruned70 if left out.")
@compare_option
@json_option
def prune_model(
    name: str,
    keep: float,
    pictures: tuple[Path, ...],
    db: str | None,
    epochs: int,
    new_name: str | None,
    compare: tuple[Path, Path] | None,
    as_json: bool,
) -> int:
    """Make encoder NAME smaller and faster by cutting channels out of its network, as an encoder of its own.

    Those that matter least go, until the share SHARE of the multiplications is left, and the others are fitted again.
    That takes 100 pictures or more, like those that will be searched, without labels; better some hundred. With
    --epochs (needs pip install "yunmeng[train]") the result is then trained to give the vectors of the whole encoder,
    which takes long and adds little. Up to 200 pictures are held back to tell how near they are. A library has to be
    encoded again for the new encoder.
    """
    from yunmeng.config import Settings
    from yunmeng.encoders.compress.pruning import READ_MOST, prune
    from yunmeng.terminal.progress import counting_progress, stop_on_signal

    require_pictures(pictures, db, "fitting")
    settings = Settings.load()
    with (
        own_pictures(pictures, db, settings, READ_MOST) as sources,
        stop_on_signal() as stop,
        counting_progress("Pruning") as on_done,
    ):
        made = prune(
            name,
            keep,
            settings,
            sources,
            epochs=epochs,
            new_name=new_name,
            on_encoded=on_done,
            on_cut=on_done,
            on_trained=on_done,
            stop=stop,
        )
    if made is None:
        click.echo("Stopped. Run the same command again to go on.", err=True)
        return 130
    print_unusable(made.failed)
    sizes = [(name, made.size_before), (made.spec.name, made.size)]
    rows = [] if compare is None else compared(sizes, compare, settings)
    _show(made, rows, as_json)
    return 1 if made.failed else 0


def _show(made: "Pruned", rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "name": made.spec.name,
                "cosine": round(made.cosine, 6),
                "least_cosine": round(made.least, 6),
                "fitted_cosine": None if made.fitted is None else round(made.fitted, 6),
                "kept": round(made.kept, 6),
                "multiplications": made.multiplications,
                "channels_before": made.channels_before,
                "channels": made.channels,
                "pictures": made.pictures,
                "failed": [{"path": picture, "reason": reason} for picture, reason in made.failed],
                "bytes_before": made.size_before,
                "bytes": made.size,
                "compared": rows,
            }
        )
        return
    click.echo(
        f"{made.spec.name} added: {made.kept:.0%} of {made.multiplications / 1e6:,.0f} million multiplications, "
        f"{made.size_before / 1e6:.1f} MB -> {made.size / 1e6:.1f} MB; "
        f"{made.channels:,} of {made.channels_before:,} channels that can be cut"
    )
    before = "" if made.fitted is None else f", {made.fitted:.4f} before training"
    click.echo(
        f"cosine to the vectors of before {made.cosine:.4f} on average, {made.least:.4f} at least{before}, "
        "on pictures that were held back"
    )
    show_compared(rows)
