"""``yunmeng models adapt``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from yunmeng.cli.own_pictures import print_unusable
from yunmeng.terminal.options import device_option, json_option, print_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from yunmeng.config import Settings
    from yunmeng.evaluation.adapting import Adapted, Change
    from yunmeng.types import Device


@click.command(
    "adapt",
    epilog="""\b
Examples:
  yunmeng models adapt efficientnet-lite2 --db shop --labels category
  yunmeng models adapt efficientnet-lite2 --pictures products/gallery --name products
  yunmeng reencode efficientnet-lite2-adapted --db shop
""",
)
@click.argument("name")
@click.option("--db", metavar="DIR", help="Learn from the stored vectors of this library, with --labels.")
@click.option("--labels", metavar="ATTRIBUTE", help="Attribute of the library that says what belongs together.")
@click.option(
    "--pictures",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    help="Learn from a folder of folders: a picture's class is the name of the folder it lies in.",
)
@click.option("--name", "new_name", metavar="NEW", help="What to call the result; NAME-adapted if left out.")
@device_option
@json_option
def adapt(
    name: str,
    db: str | None,
    labels: str | None,
    pictures: Path | None,
    new_name: str | None,
    device: "Device | None",
    as_json: bool,
) -> int:
    """Adapt encoder NAME to labels, as an encoder of its own.

    A linear map is put behind the network, which brings pictures of one class together. It takes 40 labelled pictures
    or more, of two classes or more. A quarter of each class is held back; if the map finds less of these, or less of
    classes that it was not shown, than the encoder does without, none is made. A library has to be encoded again for
    the new encoder. Words are no longer found by their meaning, only in names and attributes.
    """
    from yunmeng.config import Settings
    from yunmeng.encoders.heads import with_head
    from yunmeng.evaluation.adapting import choose_head

    if (db is None) == (pictures is None) or (db is None) != (labels is None):
        raise click.UsageError("give --db DIR with --labels ATTRIBUTE, or --pictures FOLDER")
    settings = Settings.load(device=device)
    failed: list[tuple[str, str]] = []
    if db is not None and labels is not None:
        vectors, classes = _of_library(name, db, labels, settings)
    else:
        assert pictures is not None
        vectors, classes, failed = _of_folder(name, pictures, settings)
    adapted = choose_head(vectors, classes)
    by = "folders" if labels is None else f"the attribute {labels}"
    about = f"{adapted.pictures} pictures of {adapted.classes} classes by {by}"
    spec = with_head(name, adapted.head, new_name or f"{name}-adapted", about, settings)
    print_unusable(failed)
    _show(spec.name, adapted, failed, as_json)
    return 1 if failed else 0


def _of_library(
    name: str, db: str, labels: str, settings: "Settings"
) -> "tuple[NDArray[np.float32], Sequence[str | int | bool]]":
    """Return the vectors of a library and their labels, without those that have none; copies count once."""
    import numpy as np

    from yunmeng.encoders.catalogue import get_spec
    from yunmeng.errors import EncoderMismatch, SchemaError
    from yunmeng.library.library import Library

    spec = get_spec(name, settings)
    found: dict[str, tuple[NDArray[np.float32], str | int | bool]] = {}
    with Library.open(db, settings=settings) as library:
        bound = library.config.encoder
        if (bound.name, bound.sha256) != (spec.name, spec.sha256):
            raise EncoderMismatch(f"{db} is not encoded by this {name}: yunmeng models adapt {bound.name} ...")
        if labels not in library.schema:
            declared = ", ".join(library.schema) or "none"
            raise SchemaError(f"{db} declares no attribute {labels!r}, only: {declared}; see: yunmeng declare --help")
        if library.schema[labels] not in ("str", "int", "bool"):
            raise SchemaError(f"{labels} is of type {library.schema[labels]}: a label is a str, an int or a bool")
        for record in library.iterate(vectors=True):
            value = record.attributes.get(labels)
            if isinstance(value, str | int | bool) and record.vector is not None:
                found[record.sha256] = (record.vector, value)
    rows = [found[digest] for digest in sorted(found)]  # no order of a folder, and the same each time
    return np.array([vector for vector, _ in rows], np.float32).reshape(-1, spec.dim), [value for _, value in rows]


def _of_folder(
    name: str, folder: Path, settings: "Settings"
) -> "tuple[NDArray[np.float32], Sequence[str | int | bool], list[tuple[str, str]]]":
    """Return the vectors of a folder by class, the classes, and what is wrong with other pictures."""
    import numpy as np

    from yunmeng.encoders.catalogue import load
    from yunmeng.evaluation.classes import labelled
    from yunmeng.terminal.progress import counting_progress

    with counting_progress("Encoding") as on_done:
        found, failed = labelled(folder, load(name, settings), settings, on_done)
    return np.array([vector for _, vector in found], np.float32), [name for name, _ in found], failed


def _show(name: str, adapted: "Adapted", failed: list[tuple[str, str]], as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "name": name,
                "pictures": adapted.pictures,
                "classes": adapted.classes,
                "held_out": _scores(adapted.held_out),
                "unseen_classes": None if adapted.unseen is None else _scores(adapted.unseen),
                "failed": [{"path": picture, "reason": reason} for picture, reason in failed],
            }
        )
        return
    click.echo(f"{name} added, fitted on {adapted.pictures:,} pictures of {adapted.classes:,} classes")
    click.echo(f"{'':<20}  {'mAP':<16}  P@1")
    for what, change in (("pictures held back", adapted.held_out), ("classes left out", adapted.unseen)):
        if change is not None:
            before, after = change.before, change.after
            click.echo(
                f"{what:<20}  {before.map:.4f} -> {after.map:.4f}"
                f"  {before.precision_at_1:.3f} -> {after.precision_at_1:.3f}"
            )
    if adapted.unseen is None:
        click.echo("There are too few classes to leave any out, so classes that are new may be found less well.")
    click.echo("Words are not found by their meaning with it, only in names and attributes.")


def _scores(change: "Change") -> dict[str, Any]:
    return {
        side: {"mAP": round(scores.map, 6), "P@1": round(scores.precision_at_1, 6)}
        for side, scores in (("before", change.before), ("after", change.after))
    }
