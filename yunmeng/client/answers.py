"""The server's answers as the values that a library returns. Only this module reads the bodies of `yunmeng.schemas`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any, Final

from yunmeng import schemas
from yunmeng.errors import ServerError
from yunmeng.schemas.common import as_region
from yunmeng.types import (
    Addition,
    Alignment,
    Attributes,
    Comparison,
    Contribution,
    Edit,
    Evidence,
    Failure,
    HeatMap,
    Hit,
    Hits,
    IndexReport,
    LibraryInfo,
    Record,
    Subject,
    Tally,
    Why,
)

__all__ = [
    "as_addition",
    "as_record",
    "as_report",
    "as_tally",
    "hits_of",
    "read_addition",
    "read_changed",
    "read_comparison",
    "read_count",
    "read_deleted",
    "read_evidence",
    "read_hits",
    "read_info",
    "read_matches",
    "read_record",
    "read_subject",
    "read_why",
]

_MILLISECONDS: Final = 1000.0


def read_hits(body: bytes) -> Hits:
    """Return the hits of a search."""
    answer = schemas.SearchAnswer.model_validate_json(body)
    return Hits(hits_of(answer), _seconds(answer.timings), cached=answer.cached)


def hits_of(answer: schemas.SearchAnswer) -> Iterator[Hit]:
    """Return the hits of one page."""
    for hit in answer.hits:
        yield replace(
            _hit(hit),
            chance=hit.chance,
            band=hit.band,
            region=None if hit.region is None else as_region(hit.region),
            explanation=tuple(Contribution(part.step, part.score, part.rank) for part in hit.explanation or ()),
        )


def read_matches(body: bytes) -> Hits:
    """Return the originals of a suspect picture."""
    answer = schemas.MatchAnswer.model_validate_json(body)
    return Hits(map(_hit, answer.matches), _seconds(answer.timings))


def read_comparison(body: bytes | str) -> Comparison:
    """Return the comparison of two pictures."""
    found = schemas.Comparison.model_validate_json(body)
    return Comparison(
        verdict=found.verdict,
        edits=tuple(Edit(edit.name, edit.amount, edit.detail) for edit in found.edits),
        alignment=_alignment(found.alignment),
        same_file=found.same_file,
        phash_distance=found.phash_distance,
        pdq_distance=found.pdq_distance,
        score=found.score,
        timings=_seconds(found.timings),
        difference=found.difference,
    )


def read_evidence(body: bytes) -> Evidence:
    """Return a comparison and the picture that shows it, from a PNG that holds both."""
    from PIL import Image

    try:
        with Image.open(BytesIO(body), formats=("PNG",)) as opened:
            picture = opened.copy()
        said = str(picture.info["comparison"])
    except (OSError, SyntaxError, KeyError) as exc:
        raise ValueError("it is no PNG that holds a comparison") from exc
    return Evidence(read_comparison(said), picture)


def read_subject(body: bytes) -> Subject:
    """Return where the main subject of a picture is."""
    found = schemas.SubjectOut.model_validate_json(body)
    return Subject(as_region(found.region), found.method, found.confidence)


def read_why(body: bytes) -> Why:
    """Return what of a query and of a hit is alike."""
    told = schemas.WhyAnswer.model_validate_json(body)
    return Why(
        id=schemas.from_wire(told.id),
        score=told.score,
        band=told.band,
        chance=told.chance,
        hit=_heat(told.hit),
        query=_heat(told.query),
        words=tuple(map(schemas.from_wire, told.words)),
        timings=_seconds(told.timings),
    )


def _heat(told: schemas.HeatMapOut | None) -> HeatMap | None:
    return None if told is None else HeatMap(as_region(told.region), tuple(map(tuple, told.rows)))


def read_record(body: bytes) -> Record:
    """Return one picture of the library."""
    return as_record(schemas.PictureOut.model_validate_json(body))


def as_record(picture: schemas.PictureOut) -> Record:
    """Return a picture of the library, without its vector."""
    return Record(
        id=schemas.from_wire(picture.id),
        uri=schemas.from_wire(picture.uri or ""),
        sha256=picture.sha256,
        phash=picture.phash,
        pdq=picture.pdq,
        width=picture.width,
        height=picture.height,
        quality=picture.quality,
        attributes=_attributes(picture.attributes),
        part=picture.part,
        palette="" if picture.palette is None else picture.palette.text,
    )


def read_count(body: bytes) -> int:
    """Return how many pictures there are on all pages together."""
    return schemas.PicturePage.model_validate_json(body).total


def read_changed(body: bytes) -> int:
    """Return how many pictures were changed."""
    return schemas.Changed.model_validate_json(body).changed


def read_deleted(body: bytes) -> int:
    """Return how many pictures were deleted."""
    return schemas.Deleted.model_validate_json(body).deleted


def read_addition(body: bytes) -> Addition:
    """Return what became of the one picture that was sent."""
    return as_addition(schemas.Added.model_validate_json(body))


def as_addition(added: schemas.Added) -> Addition:
    """Return what became of a picture that was sent."""
    return Addition(schemas.from_wire(added.id), added.status)


def read_info(body: bytes) -> LibraryInfo:
    """Return the facts of a library. Its path is the name of its folder, and its last job is None."""
    told = schemas.LibraryOut.model_validate_json(body)
    return LibraryInfo(
        path=told.name,
        pictures=told.pictures,
        encoder=told.encoder,
        dim=told.dim,
        metric=told.metric,
        enhance=tuple(told.enhance),
        subject=told.subject,
        regions=told.regions,
        augmented=told.augmented,
        full_text=told.full_text,
        words_missing=told.words_missing,
        attributes=told.attributes,
        created=told.created.isoformat(),
        bytes=told.bytes,
        last_job=None,
    )


def as_tally(progress: schemas.ImportOut) -> Tally:
    """Return the progress of an import."""
    return Tally(progress.phase, progress.total, progress.indexed, progress.skipped, progress.failed)


def as_report(end: schemas.ImportOut, failures: Sequence[schemas.ImportFailure]) -> IndexReport:
    """Return the report of an import that is over. Raises `ServerError` where it failed as a whole."""
    if end.status == "failed":
        raise ServerError(end.error or "the import failed", status=200, code="import-failed")
    return IndexReport(
        indexed=end.indexed,
        skipped=end.skipped,
        failed=[Failure(schemas.from_wire(one.path), schemas.from_wire(one.reason)) for one in failures],
        seconds=0.0 if end.finished_at is None else (end.finished_at - end.started_at).total_seconds(),
        interrupted=end.status != "done",
    )


def _attributes(told: Mapping[str, Any]) -> Attributes:
    return told  # which the server has checked; JSON allows more


def _hit(told: schemas.HitOut | schemas.MatchOut) -> Hit:
    """Return what the hits of a search and the originals of a picture have in common."""
    return Hit(
        id=schemas.from_wire(told.id),
        score=told.score,
        uri=schemas.from_wire(told.uri or ""),
        attributes=_attributes(told.attributes),
        alignment=_alignment(told.alignment),
        recoloured=isinstance(told, schemas.MatchOut) and told.recoloured,
    )


def _alignment(shown: schemas.AlignmentOut | None) -> Alignment | None:
    if shown is None:
        return None
    return Alignment(
        inliers=shown.inliers,
        transform=shown.transform,
        mirrored=shown.mirrored,
        outline=tuple(shown.outline),
        query_overlap=shown.query_overlap,
        target_overlap=shown.target_overlap,
    )


def _seconds(timings: Mapping[str, float]) -> dict[str, float]:
    """Return the seconds of each stage; their total is left out, as a library has none."""
    return {stage: taken / _MILLISECONDS for stage, taken in timings.items() if stage != "total"}
