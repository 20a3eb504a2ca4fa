"""``yunmeng models distill``."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from yunmeng.cli.own_pictures import own_pictures, pictures_options, print_unusable, require_pictures
from yunmeng.terminal.options import device_option, json_option, print_json

if TYPE_CHECKING:
    from yunmeng.encoders.compress.distilling import Distilled
    from yunmeng.types import Device


@click.command(
    "distill",
    epilog="""\b
Examples:
  yunmeng models distill efficientnet-lite2 --student efficientnet-lite0 --pictures photos/
  yunmeng models fuse both --parts efficientnet-lite2,efficientnet-lite0
  yunmeng models distill both --student efficientnet-lite0 --pictures photos/ --expand 10 --name quick
  yunmeng models distill dinov2-b --student efficientnet-lite0 --db my-library --curve curve.png
  yunmeng reencode quick --db my-library
""",
)
@click.argument("teacher")
@click.option("--student", required=True, metavar="NAME", help="Encoder that learns; it stays as it is.")
@pictures_options("learn from")
@click.option("--name", "new_name", metavar="NEW", help="What to call the result; STUDENT-distilled if left out.")
@click.option(
    "--expand",
    type=click.IntRange(0, 50),
    default=0,
    show_default=True,
    metavar="K",
    help="Average each of the teacher's vectors with those of K neighbours, as --rerank expand does.",
)
@click.option("--epochs", type=click.IntRange(min=1), metavar="N", help="How often each picture is seen at most.")
@click.option(
    "--frozen",
    type=click.FloatRange(0, 1, max_open=True),
    metavar="SHARE",
    help="Share of the network's work, from the front, that is not trained; 0 trains all and is slow.",
)
@click.option("--curve", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Draw the losses here.")
@device_option
@json_option
def distill(
    teacher: str,
    student: str,
    pictures: tuple[Path, ...],
    db: str | None,
    new_name: str | None,
    expand: int,
    epochs: int | None,
    frozen: float | None,
    curve: Path | None,
    device: "Device | None",
    as_json: bool,
) -> int:
    """Teach a small encoder to see pictures as encoder TEACHER does, and keep it as an encoder of its own.

    It takes 160 pictures or more without labels, better thousands, of the kind that will be searched; up to 10,000 are
    used. One in eight is held back: if the student does not rank these more like its teacher than before, none is made.
    Ctrl-C stops cleanly, and the same command goes on from there. A library has to be encoded again for the new
    encoder. Words are no longer found by their meaning, only in names and attributes. Needs the extra train.
    """

    from yunmeng.config import Settings
    from yunmeng.encoders.compress.distilling import DISTILL_MOST
    from yunmeng.encoders.compress.distilling import distill as make
    from yunmeng.encoders.compress.training import USUAL
    from yunmeng.terminal.progress import stage_progress, stop_on_signal

    require_pictures(pictures, db, "learning")
    if curve is not None and curve.suffix.lower() not in (".png", ".webp"):
        raise click.UsageError("--curve draws a picture: name a FILE that ends in .png or .webp")
    if curve is not None:
        _require_matplotlib()
    settings = Settings.load(device=device)
    plan = replace(USUAL, epochs=epochs or USUAL.epochs, frozen=USUAL.frozen if frozen is None else frozen)
    with (
        own_pictures(pictures, db, settings, DISTILL_MOST) as sources,
        stop_on_signal() as stop,
        stage_progress() as on_stage,
    ):
        made = make(
            teacher,
            student,
            settings,
            sources,
            new_name=new_name,
            expand=expand,
            plan=plan,
            on_stage=on_stage,
            stop=stop,
        )
    if made is None:
        click.echo("Stopped. Run the same command again to go on.", err=True)
        return 130
    print_unusable(made.failed)
    if curve is not None:
        _draw(made, curve)
    _show(made, teacher, as_json)
    return 1 if made.failed else 0


def _require_matplotlib() -> None:
    """Raise MissingExtra before the training that a curve is drawn of, not after it."""
    from importlib.util import find_spec

    from yunmeng.errors import MissingExtra

    if find_spec("matplotlib") is None:
        raise MissingExtra("drawing a curve", "train")


def _draw(made: "Distilled", file: Path) -> None:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(9.6, 6), layout="constrained")
    axes = figure.subplots()
    axes.plot([epoch.training for epoch in made.curve], marker="o", label="pictures it learns from")
    axes.plot([epoch.validation for epoch in made.curve], marker="o", label="pictures that choose the epoch")
    axes.axvline(made.best, color="grey", linestyle="--", label="best epoch")
    axes.set(title=made.spec.name, xlabel="epoch", ylabel="loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    try:
        figure.savefig(file)
    except OSError as error:
        click.echo(f"cannot write {file} ({error.strerror or error}); the encoder is made all the same", err=True)


def _show(made: "Distilled", teacher: str, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "name": made.spec.name,
                "pictures": made.pictures,
                "held_back": made.held,
                "before": _rounded(made.before),
                "linear_map": _rounded(made.mapped),
                "after": _rounded(made.after),
                "best_epoch": made.best,
                "curve": [_rounded(epoch) for epoch in made.curve],
                "failed": [{"path": picture, "reason": reason} for picture, reason in made.failed],
            }
        )
        return
    click.echo(f"{made.spec.name} added, taught by {teacher} on {made.pictures - made.held:,} pictures")
    click.echo(f"best after {made.best} of {len(made.curve) - 1} epochs; on {made.held:,} pictures held back:")
    before, after = made.before, made.after
    click.echo(f"  correlation of similarities with {teacher}'s  {before.correlation:.4f} -> {after.correlation:.4f}")
    click.echo(f"  its ten nearest found among the ten nearest  {before.overlap:.4f} -> {after.overlap:.4f}")


def _rounded(row: Any) -> dict[str, float]:
    return {key: round(value, 6) for key, value in asdict(row).items()}
