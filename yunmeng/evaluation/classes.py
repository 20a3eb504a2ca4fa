"""Evaluation on two folders of classes: each picture's class is the name of the folder it lies in."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from yunmeng.concurrency import bounded_map
from yunmeng.errors import PictureError, SourceError
from yunmeng.evaluation.measures import class_scores, order_scores
from yunmeng.evaluation.reranking import Labelled, reranked
from yunmeng.imaging.decode import decode
from yunmeng.imaging.files import PICTURE_ENDINGS, read
from yunmeng.types import Pixels, Vector

if TYPE_CHECKING:
    from yunmeng.config import Settings
    from yunmeng.encoders.protocol import Encoder
    from yunmeng.evaluation.measures import ClassScores
    from yunmeng.search.rerank.protocol import Step

__all__ = ["Evaluation", "OnDone", "evaluate", "labelled"]

OnDone: TypeAlias = Callable[[int, int], None]
"""Called with how much is done, and how much there is: pictures to encode, and queries to put in order by steps."""

WORKERS = 4  # decoding beside the encoder


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores, and the number of pictures they were measured on. ``failed`` names unusable pictures, with reasons;
    ``vectors`` are those of the gallery and of the queries, float32 (n, dim)."""

    scores: "ClassScores"
    queries: int
    gallery: int
    classes: int
    failed: list[tuple[str, str]]
    vectors: tuple[NDArray[np.float32], NDArray[np.float32]] = field(compare=False, repr=False)


def evaluate(
    gallery: Path,
    queries: Path,
    encoder: "Encoder",
    settings: "Settings",
    on_done: OnDone = lambda _done, _total: None,
    *,
    steps: "Sequence[Step]" = (),
) -> Evaluation:
    """Rank ``gallery`` for each picture of ``queries``, exactly, and score what comes first.

    Both are folders of folders, one for each class. ``steps`` of re-ranking take each ranking in turn, as they do in a
    search. Raises `SourceError` if a folder does not hold classes, or if the queries have a class that the gallery
    lacks, and passes on what the steps and the encoder raise.
    """
    paths = (_pictures(gallery), _pictures(queries))
    classes = sorted({path.parent.name for path in paths[0]})
    missing = {path.parent.name for path in paths[1]}.difference(classes)
    if missing:
        raise SourceError(f"{gallery} has no pictures of the class {min(missing)}, which {queries} asks for")
    number = {name: index for index, name in enumerate(classes)}
    found: tuple[list[Labelled], list[Labelled]] = ([], [])
    failed = []
    encoded = len(paths[0]) + len(paths[1])
    total = encoded + (len(paths[1]) if steps else 0)
    for done, (path, result) in enumerate(_encoded([*paths[0], *paths[1]], encoder, settings), 1):
        if isinstance(result, PictureError):
            failed.append((str(path), str(result)))
        else:
            found[int(done > len(paths[0]))].append(Labelled(path, number[path.parent.name], result))
        on_done(done, total)
    if not all(found):
        raise SourceError(f"none of the pictures in {queries if found[0] else gallery} can be used")
    vectors = [np.array([picture.vector for picture in side]) for side in found]
    scores = _scores(*found, steps, encoder, settings, lambda ranked: on_done(encoded + ranked, total))
    return Evaluation(scores, len(found[1]), len(found[0]), len(classes), failed, (vectors[0], vectors[1]))


def labelled(
    folder: Path, encoder: "Encoder", settings: "Settings", on_done: OnDone = lambda _done, _total: None
) -> tuple[list[tuple[str, Vector]], list[tuple[str, str]]]:
    """Return class and vector of each picture of ``folder``, a folder of folders, and what is wrong with others.

    Raises `SourceError` if it does not hold classes, and passes on what the encoder raises.
    """
    paths = _pictures(folder)
    found, failed = [], []
    for done, (path, result) in enumerate(_encoded(paths, encoder, settings), 1):
        if isinstance(result, PictureError):
            failed.append((str(path), str(result)))
        else:
            found.append((path.parent.name, result))
        on_done(done, len(paths))
    return found, failed


def _scores(
    gallery: Sequence[Labelled],
    queries: Sequence[Labelled],
    steps: "Sequence[Step]",
    encoder: "Encoder",
    settings: "Settings",
    on_ranked: Callable[[int], None],
) -> "ClassScores":
    classes = [np.array([picture.label for picture in side]) for side in (gallery, queries)]
    if not steps:
        vectors = [np.array([picture.vector for picture in side]) for side in (gallery, queries)]
        return class_scores(vectors[0], classes[0], vectors[1], classes[1])

    def orders() -> Iterator[NDArray[np.intp]]:
        for done, order in enumerate(reranked(gallery, queries, steps, encoder, settings), 1):
            yield order
            on_ranked(done)

    return order_scores(orders(), *classes)


def _pictures(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.glob("*/*") if path.suffix.lower() in PICTURE_ENDINGS)
    if not found:
        raise SourceError(f"{folder} must be a folder of folders with pictures, one folder for each class")
    return found


def _encoded(
    paths: Sequence[Path], encoder: "Encoder", settings: "Settings"
) -> Iterator[tuple[Path, Vector | PictureError]]:
    """Yield a vector for each path, or what is wrong with it, in order."""

    def load(path: Path) -> tuple[Path, Pixels | PictureError]:
        try:
            data = read(path, max_bytes=settings.max_file_bytes)
            picture = decode(data, at_least=encoder.spec.decoded_side, max_pixels=settings.max_pixels)
            return path, encoder.prepare(picture.image)
        except PictureError as exc:
            return path, exc

    with ThreadPoolExecutor(WORKERS, "decode") as pool:
        loaded = bounded_map(pool, load, paths, 2 * settings.batch_size)
        while batch := list(islice(loaded, settings.batch_size)):
            good = [pixels for _, pixels in batch if not isinstance(pixels, PictureError)]
            vectors = iter(encoder.encode(good))
            for path, pixels in batch:
                yield path, pixels if isinstance(pixels, PictureError) else next(vectors)
