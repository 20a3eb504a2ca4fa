"""``yunmeng models fuse``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from yunmeng.cli.own_pictures import own_pictures, print_unusable
from yunmeng.terminal.options import json_option, print_json

if TYPE_CHECKING:
    from yunmeng.encoders.fusion_fitting import FusionReport


@click.command(
    "fuse",
    epilog="""\b
Examples:
  yunmeng models fuse both --parts efficientnet-lite0,efficientnet-lite2
  yunmeng models fuse mine --parts efficientnet-lite2,dinov2-s --weights 1,0.7 --fit photos/ --dim 512
  yunmeng models fuse mine --parts efficientnet-lite2,dinov2-s --db my-library
  yunmeng eval products/gallery products/query --encoder mine
""",
)
@click.argument("name")
@click.option("--parts", required=True, metavar="A,B", help="Encoders to fuse; see: yunmeng models list.")
@click.option(
    "--weights", metavar="W,W", help="How much each part counts, as in 1,0.5: by its square. 1 each if left out."
)
@click.option(
    "--dim",
    type=click.IntRange(min=1),
    metavar="N",
    help="Length of the projected vectors; 512 if left out.",
)
@click.option(
    "--fit",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="PICTURES",
    help="Folder or picture to fit a projection on; may be given several times.",
)
@click.option("--db", metavar="DIR", help="Fit on the pictures of this library.")
@click.option(
    "--whitening",
    type=click.FloatRange(-1, 1),
    default=0.0,
    show_default=True,
    metavar="P",
    help="0 keeps the variances of the axes, 0.5 whitens half, 1 fully; below 0 the strong ones become stronger.",
)
@json_option
def fuse(
    name: str,
    parts: str,
    weights: str | None,
    dim: int | None,
    fit: tuple[Path, ...],
    db: str | None,
    whitening: float,
    as_json: bool,
) -> int:
    """Make one encoder NAME of several, to be used like any other.

    The vectors of the parts are weighted and joined end to end. With --fit or --db they are then centred and projected
    to their --dim principal axes, which are learnt from those pictures (up to 5,000, without labels). Whether a fusion
    is better than its best part depends on the pictures and the parts: measure it with yunmeng eval.
    """
    from yunmeng.config import Settings
    from yunmeng.encoders.fusion_fitting import FIT_MOST
    from yunmeng.encoders.fusion_fitting import fuse as make
    from yunmeng.terminal.progress import counting_progress

    if dim is not None and not fit and db is None:
        raise click.UsageError("--dim needs a projection: add --fit PICTURES or --db DIR")
    settings = Settings.load()
    with own_pictures(fit, db, settings, FIT_MOST) as pictures, counting_progress("Encoding") as on_encoded:
        if (fit or db is not None) and not pictures:
            raise click.UsageError("there are no pictures to fit on in what --fit and --db name")
        report = make(
            name,
            [part.strip() for part in parts.split(",")],
            settings,
            weights=None if weights is None else _numbers(weights),
            dim=dim,
            whitening=whitening,
            pictures=pictures,
            on_encoded=on_encoded,
        )
    _show(report, as_json)
    return 1 if report.failed else 0


def _show(report: "FusionReport", as_json: bool) -> None:
    print_unusable(report.failed)
    explained = report.explained_variance
    if as_json:
        print_json(
            {
                "name": report.spec.name,
                "dim": report.spec.dim,
                "explained_variance": None if explained is None else round(explained, 6),
                "pictures": report.pictures,
                "failed": [{"path": picture, "reason": reason} for picture, reason in report.failed],
            }
        )
        return
    click.echo(f"{report.spec.name}: {report.spec.dim}-d, {report.spec.source}")
    if explained is not None:
        click.echo(f"fitted on {report.pictures:,} pictures; keeps {explained:.1%} of the variance")


def _numbers(text: str) -> list[float]:
    try:
        return [float(number) for number in text.split(",")]
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a list of numbers like 1,0.5", param_hint="--weights") from None
