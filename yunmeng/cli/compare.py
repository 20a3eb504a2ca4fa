"""``yunmeng compare``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from yunmeng.terminal.options import json_option, print_json, print_table, printable

if TYPE_CHECKING:
    from PIL.Image import Image

    from yunmeng.copies.comparison import Comparable, Comparer, Comparison, Evidence
    from yunmeng.library.library import Library
    from yunmeng.types import Alignment

VERDICTS = {
    "same-file": "The same file, byte for byte.",
    "same-picture": "The same picture: compressed or scaled anew at most.",
    "edited-copy": "An edited copy: A was made from B, or from what B was made from.",
    "different": "Different pictures: nothing says that one was made from the other.",
}
DIFFERENCES = {
    "other-content": "Different pictures: the same template with other content.",
    "other-moment": "Different pictures: the same scene at another moment.",
}


@click.command(
    epilog="""\b
Examples:
  yunmeng compare suspect.jpg mine.jpg
  yunmeng compare suspect.jpg mine.jpg --evidence evidence.png
  yunmeng compare https://example.com/suspect.jpg id:works/0017.jpg --db works
""",
)
@click.argument("a")
@click.argument("b")
@click.option("--db", metavar="DIR", help="Folder of the library whose pictures id:KEY names.")
@click.option(
    "--evidence",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw what matches where as one picture (.png, .jpg, .webp).",
)
@json_option
def compare(a: str, b: str, db: str | None, evidence: Path | None, as_json: bool) -> None:
    """Tell whether picture A is a copy of picture B, and what was done to it.

    A is the suspect and B the original; each is a picture file, a URL, or, with --db, id:KEY for a picture of the
    library. Says that they are the same file, the same picture, an edited copy (cropped, mirrored, turned, scaled,
    stretched, recoloured, blurred, written on, set inside something else), or different.
    """
    if db is None and (a.startswith("id:") or b.startswith("id:")):
        raise click.UsageError("id:KEY names a picture of a library: give its folder with --db")
    check_given(a, b)
    found, drawn = _in_library(db, a, b, evidence) if db is not None else _alone(a, b, evidence)
    if evidence is not None and drawn is not None:
        save_evidence(drawn, evidence)
    if as_json:
        print_json(
            {
                "verdict": found.verdict,
                "edits": [{"name": edit.name, "amount": edit.amount, "detail": edit.detail} for edit in found.edits],
                "alignment": shown_alignment(found.alignment),
                "same_file": found.same_file,
                "phash_distance": found.phash_distance,
                "pdq_distance": found.pdq_distance,
                "score": found.score,
                "difference": found.difference,
            }
        )
    else:
        _print(found)
    if evidence is not None:
        click.echo(f"Evidence: {evidence}", err=as_json)


def check_given(*pictures: str) -> None:
    """Check that each is an id, a URL or a file. Raises `SourceError`."""
    from yunmeng.errors import SourceError
    from yunmeng.net.fetch import is_url

    for given in pictures:
        if not (given.startswith("id:") or is_url(given) or Path(given).is_file()):
            raise SourceError(f"no such file: {given} (for a picture of the library write id:{given})")


def shown_alignment(alignment: "Alignment | None") -> dict[str, Any] | None:
    """Return an alignment as values for JSON."""
    if alignment is None:
        return None
    return {
        "inliers": alignment.inliers,
        "mirrored": alignment.mirrored,
        "outline": [list(point) for point in alignment.outline],
        "query_overlap": alignment.query_overlap,
        "target_overlap": alignment.target_overlap,
    }


def save_evidence(drawn: "Image", path: Path) -> None:
    """Write the picture. Raises `SourceError`."""
    from yunmeng.errors import SourceError
    from yunmeng.imaging.sheet import save_sheet

    try:
        save_sheet(drawn, path)
    except (OSError, ValueError) as exc:  # ValueError: an ending that names no format for it
        raise SourceError(f"cannot write the evidence to {path}: {exc}") from exc


def short_name(given: str) -> str:
    """Return the name of a picture in the evidence: its id, or the name of its file."""
    return given.removeprefix("id:") if given.startswith("id:") else given.rstrip("/").rpartition("/")[2]


def _alone(a: str, b: str, evidence: Path | None) -> "tuple[Comparison, Image | None]":
    """Without a library: by the encoder that new ones get."""
    from yunmeng.config import Settings
    from yunmeng.copies.comparison import Comparer
    from yunmeng.encoders.catalogue import DEFAULT_ENCODER, load
    from yunmeng.encoders.crops.views import Views
    from yunmeng.imaging.budget import limit_decoding
    from yunmeng.search.query import Embedder, read_bytes
    from yunmeng.types import Record

    settings = Settings.load()
    limit_decoding(memory=settings.decode_memory, seconds=settings.decode_seconds)
    encoder = load(DEFAULT_ENCODER, settings)
    views = Views(encoder, max_pixels=settings.max_pixels)
    embedder = Embedder(encoder, views, lambda picture: read_bytes(picture, settings))

    def original(record: Record) -> bytes:
        return read_bytes(record.uri, settings)

    return _done(Comparer(embedder, original, settings.max_pixels), a, b, (a, b), evidence)


def _in_library(db: str, a: str, b: str, evidence: Path | None) -> "tuple[Comparison, Image | None]":
    from yunmeng.library.library import Library

    with Library.open(db) as library:
        one, other = (_side(library, given) for given in (a, b))
        return _done(library, one, other, (a, b), evidence)


def _side(library: "Library", given: str) -> "Comparable":
    return library.get(given.removeprefix("id:"), vector=True) if given.startswith("id:") else given


def _done(
    by: "Library | Comparer", a: "Comparable", b: "Comparable", given: tuple[str, str], evidence: Path | None
) -> "tuple[Comparison, Image | None]":
    if evidence is None:
        return by.compare(a, b), None
    found: Evidence = by.evidence(a, b, (short_name(given[0]), short_name(given[1])))
    return found.comparison, found.picture


def _print(found: "Comparison") -> None:
    from rich.table import Table

    click.echo(VERDICTS[found.verdict] if found.difference is None else DIFFERENCES[found.difference])
    for edit in found.edits:
        click.echo(f"  - {printable(edit.detail)}")
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    if found.alignment is not None and found.verdict != "same-file":
        how = f"{found.alignment.inliers} points agree" if found.alignment.inliers else "the whole frames fit"
        table.add_row("match", f"{how}; A shows {found.alignment.target_overlap:.0%} of B")
    table.add_row("pHash", f"{found.phash_distance} of 64 bits differ")
    table.add_row("PDQ", f"{found.pdq_distance} of 256 bits differ")
    table.add_row("similarity", f"{found.score:.3f}")
    print_table(table)
