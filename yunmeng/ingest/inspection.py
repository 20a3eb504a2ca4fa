"""Inspection of the quality of pictures, without a library."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from yunmeng.concurrency import bounded_map
from yunmeng.config import Settings
from yunmeng.errors import PictureError
from yunmeng.imaging.budget import limit_decoding
from yunmeng.imaging.decode import DECODED_SIDE, decode
from yunmeng.imaging.files import is_picture, read
from yunmeng.imaging.quality import assess, damaged, problems
from yunmeng.ingest.entries import Entry
from yunmeng.ingest.folders import file_entry, folder_entries
from yunmeng.state.database import Failure

__all__ = ["PoorPicture", "QualityReport", "inspect_quality"]

WORKERS = 4


@dataclass(frozen=True, slots=True)
class PoorPicture:
    """A picture with problems, as `yunmeng.imaging.quality` names them, and its scores."""

    path: str
    problems: list[str]
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class QualityReport:
    """The result for ``inspected`` files."""

    inspected: int
    poor: list[PoorPicture]
    failed: list[Failure]


def inspect_quality(path: Path, settings: Settings, on_inspected: Callable[[int, int], None]) -> QualityReport:
    """Assess the picture at ``path``, or all pictures below it. ``on_inspected`` is called with how many are done."""
    limit_decoding(memory=settings.decode_memory, seconds=settings.decode_seconds)
    entries = list(folder_entries(path)) if path.is_dir() else [file_entry(path)]
    entries = [entry for entry in entries if entry.certain or is_picture(Path(entry.uri))]
    poor, failed = [], []

    def inspect(entry: Entry) -> PoorPicture | Failure | None:
        try:
            if entry.problem is not None:
                raise entry.problem
            data = read(Path(entry.uri), max_bytes=settings.max_file_bytes)
            picture = decode(data, at_least=DECODED_SIDE, max_pixels=settings.max_pixels)
        except PictureError as exc:
            return Failure(entry.uri, str(exc))
        scores = assess(picture.pixels, width=picture.width, height=picture.height)
        found = [*problems(scores), *(["damaged"] if damaged(data) else [])]
        return PoorPicture(entry.uri, found, scores) if found else None

    with ThreadPoolExecutor(WORKERS, "inspect") as pool:
        for done, result in enumerate(bounded_map(pool, inspect, entries, 4 * WORKERS), 1):
            if isinstance(result, Failure):
                failed.append(result)
            elif result is not None:
                poor.append(result)
            on_inspected(done, len(entries))
    return QualityReport(len(entries), poor, failed)
