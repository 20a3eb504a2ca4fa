"""``yunmeng eval``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from yunmeng.terminal.options import device_option, json_option, metric_option, print_json, rerank_option

if TYPE_CHECKING:
    from yunmeng.types import Device, Metric


@click.command(
    "eval",
    epilog="""\b
Examples:
  yunmeng eval products/gallery products/query --encoder efficientnet-lite0
  yunmeng eval products/gallery products/query --rerank expand
""",
)
@click.argument("gallery", type=click.Path(path_type=Path))
@click.argument("queries", type=click.Path(path_type=Path))
@click.option("--encoder", metavar="NAME", help="Encoder to judge; see: yunmeng models list.")
@rerank_option
@metric_option
@device_option
@json_option
def evaluate(
    gallery: Path,
    queries: Path,
    encoder: str | None,
    rerank: str,
    metric: "Metric | None",
    device: "Device | None",
    as_json: bool,
) -> int:
    """Judge an encoder on your own pictures.

    GALLERY and QUERIES are folders of folders: a picture's class is the name of the folder it lies in. Each query ranks
    the whole gallery; a hit is right if its class is the query's. Prints mean average precision (mAP) and the share
    of right ones among the first (P@1) and the first ten hits (P@10). With --metric and --rerank, the rankings are put
    in order as in a search with these options; pictures that a step does not look at keep their order and come last.
    """
    from yunmeng.config import Settings
    from yunmeng.encoders.catalogue import DEFAULT_ENCODER, load
    from yunmeng.evaluation.classes import evaluate as judge
    from yunmeng.search.rerank.registry import steps_of
    from yunmeng.terminal.progress import counting_progress

    settings, steps = Settings.load(device=device), steps_of(rerank, metric)
    with counting_progress("Judging" if steps else "Encoding") as on_done:
        result = judge(gallery, queries, load(encoder or DEFAULT_ENCODER, settings), settings, on_done, steps=steps)
    for path, reason in result.failed:
        click.echo(f"{path}: {reason}", err=True)
    scores = result.scores
    if as_json:
        print_json(
            {
                "mAP": round(scores.map, 6),
                "P@1": round(scores.precision_at_1, 6),
                "P@10": round(scores.precision_at_10, 6),
                "queries": result.queries,
            }
        )
    else:
        click.echo(f"mAP {scores.map:.4f}   P@1 {scores.precision_at_1:.4f}   P@10 {scores.precision_at_10:.4f}")
        click.echo(f"{result.queries:,} queries on {result.gallery:,} pictures of {result.classes:,} classes")
    return 1 if result.failed else 0
