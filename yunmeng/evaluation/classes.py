"""Evaluation on two folders of classes: each picture's class is the name of the folder it lies in."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from yunmeng.config import Settings
from yunmeng.encoders import Encoder
from yunmeng.errors import PictureError, SourceError
from yunmeng.evaluation.measures import ClassScores, class_scores
from yunmeng.imaging import PICTURE_ENDINGS, decode, read
from yunmeng.lookahead import map_ahead
from yunmeng.types import Pixels, Vector

__all__ = ["Evaluation", "OnEncoded", "evaluate"]

OnEncoded = Callable[[int, int], None]
"""Called with the number of pictures that are done and that of all."""

WORKERS = 4  # decoding beside the encoder


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was measured, on how much. ``failed`` holds path and reason of pictures that could not be used."""

    scores: ClassScores
    queries: int
    gallery: int
    classes: int
    failed: list[tuple[str, str]]


def evaluate(
    gallery: Path, queries: Path, encoder: Encoder, settings: Settings, on_encoded: OnEncoded | None = None
) -> Evaluation:
    """Rank ``gallery`` for each picture of ``queries``, exactly, and score what comes first.

    Both are folders of folders, one for each class. Raises `SourceError` if one of them is not, or if the queries have
    a class that the gallery lacks.
    """
    sides = (_pictures(gallery), _pictures(queries))
    classes = sorted({path.parent.name for path in sides[0]})
    missing = {path.parent.name for path in sides[1]}.difference(classes)
    if missing:
        raise SourceError(f"{gallery} has no pictures of the class {min(missing)}, which {queries} asks for")
    number = {name: index for index, name in enumerate(classes)}
    vectors: tuple[list[Vector], list[Vector]] = ([], [])
    labels: tuple[list[int], list[int]] = ([], [])
    failed = []
    paths = [*sides[0], *sides[1]]
    for done, (path, result) in enumerate(_encoded(paths, encoder, settings), 1):
        side = int(done > len(sides[0]))
        if isinstance(result, PictureError):
            failed.append((str(path), str(result)))
        else:
            vectors[side].append(result)
            labels[side].append(number[path.parent.name])
        if on_encoded is not None:
            on_encoded(done, len(paths))
    if not all(vectors):
        raise SourceError(f"none of the pictures in {queries if vectors[0] else gallery} can be used")
    scores = class_scores(*(np.array(part) for pair in zip(vectors, labels, strict=True) for part in pair))
    return Evaluation(scores, len(labels[1]), len(labels[0]), len(classes), failed)


def _pictures(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.glob("*/*") if path.suffix.lower() in PICTURE_ENDINGS)
    if not found:
        raise SourceError(f"{folder} must be a folder of folders with pictures, one folder for each class")
    return found


def _encoded(
    paths: Sequence[Path], encoder: Encoder, settings: Settings
) -> Iterator[tuple[Path, Vector | PictureError]]:
    """A vector for each path, or what is wrong with it, in order."""

    def load(path: Path) -> tuple[Path, Pixels | PictureError]:
        try:
            data = read(path, max_bytes=settings.max_file_bytes)
            picture = decode(data, at_least=encoder.spec.decoded_side, max_pixels=settings.max_pixels)
            return path, encoder.prepare(picture.image)
        except PictureError as exc:
            return path, exc

    with ThreadPoolExecutor(WORKERS, "decode") as pool:
        loaded = map_ahead(pool, load, paths, 2 * settings.batch_size)
        while batch := list(islice(loaded, settings.batch_size)):
            good = [pixels for _, pixels in batch if not isinstance(pixels, PictureError)]
            vectors = iter(encoder.encode(good))
            for path, pixels in batch:
                yield path, pixels if isinstance(pixels, PictureError) else next(vectors)
