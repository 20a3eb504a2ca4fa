"""Judge encoders beside each other: how well they find, how fast and how large they are."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from yunmeng.config import Settings

__all__ = ["compare_option", "compared", "show_compared"]

_SECONDS: Final = 3.0  # for each encoder's rate, in turns

compare_option = click.option(
    "--compare",
    nargs=2,
    type=click.Path(exists=True, path_type=Path),
    metavar="GALLERY QUERIES",
    help="Then judge both encoders on these folders of classes, as yunmeng eval does.",
)
"""The option whose folders `compared` takes."""


def compared(
    sizes: Sequence[tuple[str, int]], folders: tuple[Path, Path], settings: "Settings"
) -> list[dict[str, Any]]:
    """Judge encoders on a gallery and queries, folders of classes; return a row for each.

    ``sizes`` has the names, the one that they are compared with first, and the size of each in bytes.
    """
    from yunmeng.encoders.catalogue import load
    from yunmeng.encoders.speed import in_turns, noise
    from yunmeng.evaluation.classes import evaluate
    from yunmeng.evaluation.measures import first_hits, overlap
    from yunmeng.terminal.progress import counting_progress

    rows: list[dict[str, Any]] = []
    hits = []
    encoders = [load(name, settings) for name, _ in sizes]
    for encoder, (name, size) in zip(encoders, sizes, strict=True):
        with counting_progress(f"Judging {name}") as on_done:
            result = evaluate(*folders, encoder, settings, on_done)
        hits.append(first_hits(*result.vectors))
        rows.append(
            {
                "name": name,
                "mAP": round(result.scores.map, 6),
                "P@1": round(result.scores.precision_at_1, 6),
                "overlap@10": round(overlap(hits[0], hits[-1]), 6),
                "bytes": size,
            }
        )
    pictures = [noise(encoder.spec.input_size) for encoder in encoders]
    for row, rate in zip(rows, in_turns(encoders, pictures, _SECONDS), strict=True):
        row["pictures_per_second"] = round(rate, 2)
    return rows


def show_compared(rows: Sequence[dict[str, Any]]) -> None:
    """Print the rows of `compared` as a table; nothing without rows."""
    if not rows:
        return
    width = max(len(row["name"]) for row in rows)
    click.echo(f"{'':<{width}}     mAP    P@1  overlap@10  pictures/s      MB")
    for row in rows:
        click.echo(
            f"{row['name']:<{width}}  {row['mAP']:.4f}  {row['P@1']:.3f}  {row['overlap@10']:>10.3f}"
            f"  {row['pictures_per_second']:>10.1f}  {row['bytes'] / 1e6:>6.1f}"
        )
