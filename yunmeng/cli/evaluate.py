"""``yunmeng eval``."""

from pathlib import Path

import click

from yunmeng.cli.options import json_option, print_json


@click.command(
    "eval",
    epilog="\b\nExample:\n  yunmeng eval products/gallery products/query --encoder efficientnet-lite0\n",
)
@click.argument("gallery", type=click.Path(path_type=Path))
@click.argument("queries", type=click.Path(path_type=Path))
@click.option("--encoder", metavar="NAME", help="Encoder to judge; see: yunmeng models list.")
@json_option
def evaluate(gallery: Path, queries: Path, encoder: str | None, as_json: bool) -> int:
    """Judge an encoder on your own pictures.

    GALLERY and QUERIES are folders of folders: a picture's class is the name of the folder it lies in. Each query ranks
    the whole gallery; a hit is right if its class is the query's. Prints mean average precision (mAP) and the share
    of right ones among the first (P@1) and the first ten hits (P@10).
    """
    from yunmeng.cli.progress import counting_progress
    from yunmeng.config import Settings
    from yunmeng.encoders import DEFAULT_ENCODER, load
    from yunmeng.evaluation import evaluate as judge

    settings = Settings.load()
    with counting_progress("Encoding") as on_encoded:
        result = judge(gallery, queries, load(encoder or DEFAULT_ENCODER, settings), settings, on_encoded)
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
