"""How well the originals of edited copies are found, and strangers left alone.

    python -m benchmarks.copies FOLDER [--more FOLDER] [--strangers 600] [--each 60] [--seed 1] [--library DIR]

Of the pictures below ``FOLDER``, ``--strangers`` are held back; the others are indexed, with those of ``--more``, in
which no query has its original. Of each kind of edit, ``--each`` copies of indexed pictures are made and looked for,
then the strangers, every second of them edited as well. ``--library`` keeps the library for the next run with the same
pictures and seed.

- micro_ap: average precision of the first hits of all queries, sorted by their scores;
- recall_no_false_alarm: share of the copies whose original is first, with a score above those of all strangers;
- found: share of the copies of each edit whose original comes first.

Each figure is told for all queries and for the halves by the number of the original: scores were fitted on pictures of
even number ("fitted"), and never saw those of odd number ("held_out"). Prints one JSON object.
"""

import argparse
import io
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from benchmarks.copy_edits import EDITS, Random, set_into
from yunmeng.imaging import is_picture
from yunmeng.library import Library

QUALITY = 92
KINDS = (*EDITS, "picture_in_picture")


class Query(NamedTuple):
    data: bytes
    edit: str
    original: Path | None  # None for a stranger
    number: int  # of the original or stranger in its folder


class Answer(NamedTuple):
    query: Query
    score: float  # of the first hit; 0 where there is none
    right: bool
    seconds: float


class CopySet(NamedTuple):
    indexed: Sequence[Path]
    copied: Sequence[Path]  # of those that are indexed
    strangers: Sequence[Path]


def divide(folder: Path, more: Path | None, strangers: int, seed: int) -> CopySet:
    found = sorted(path for path in folder.rglob("*") if path.is_file() and is_picture(path))
    order = np.random.default_rng(seed).permutation(len(found))
    held_back, kept = ([found[number] for number in part] for part in (order[:strangers], order[strangers:]))
    others = [] if more is None else sorted(path for path in more.rglob("*") if path.is_file() and is_picture(path))
    return CopySet([*kept, *others], kept, held_back)


def queries(pictures: CopySet, each: int, seed: int) -> Iterator[Query]:
    """Copies edit by edit, then strangers. What pictures are set into is a stranger too."""
    random = np.random.default_rng(seed + 1)
    for name in KINDS:
        for number in random.choice(len(pictures.copied), each, replace=each > len(pictures.copied)).tolist():
            path = pictures.copied[number]
            yield Query(_saved(_edited(path, name, pictures.strangers, random)), name, path, number)
    for number, path in enumerate(pictures.strangers):
        kind = KINDS[number // 2 % len(KINDS)]
        image = _edited(path, kind, pictures.strangers, random) if number % 2 else _opened(path)
        yield Query(_saved(image), "stranger", None, number // 2)


def _edited(path: Path, kind: str, grounds: Sequence[Path], random: Random) -> Image.Image:
    image = _opened(path)
    if kind in EDITS:
        return EDITS[kind](image, random)
    return set_into(_opened(grounds[int(random.integers(len(grounds)))]), image, random)


def micro_ap(answers: Sequence[Answer]) -> float:
    """Average precision over all copies, by the score of each query's first hit."""
    ranked = sorted((answer for answer in answers if answer.score > 0), key=lambda answer: answer.score, reverse=True)
    right = np.array([answer.right for answer in ranked])
    precision = right.cumsum() / np.arange(1, len(ranked) + 1)
    return float(precision[right].sum() / max(1, sum(answer.query.original is not None for answer in answers)))


def figures(answers: Sequence[Answer]) -> dict[str, float]:
    copies = [answer for answer in answers if answer.query.original is not None]
    alarm = max((answer.score for answer in answers if answer.query.original is None), default=0.0)
    return {
        "micro_ap": round(micro_ap(answers), 4),
        "recall_no_false_alarm": round(float(np.mean([a.right and a.score > alarm for a in copies])), 4),
        "recall": round(float(np.mean([answer.right for answer in copies])), 4),
        "highest_stranger": round(alarm, 4),
    }


def measure(library: Library, asked: Iterator[Query]) -> dict[str, Any]:
    answers = []
    for query in asked:
        began = time.perf_counter()
        hits = library.match(query.data, k=10)
        seconds = time.perf_counter() - began
        right = bool(hits) and query.original is not None and hits[0].uri == str(query.original)
        answers.append(Answer(query, hits[0].score if hits else 0.0, right, seconds))
    kinds = {name: [a.right for a in answers if a.query.edit == name] for name in KINDS}
    times = np.array([answer.seconds for answer in answers[1:]])  # the first loads what the others find loaded
    return {
        "queries": len(answers),
        "all": figures(answers),
        "fitted": figures([answer for answer in answers if answer.query.number % 2 == 0]),
        "held_out": figures([answer for answer in answers if answer.query.number % 2]),
        "found": {name: round(float(np.mean(right)), 3) for name, right in kinds.items()},
        "seconds": {"median": round(float(np.median(times)), 3), "worst": round(float(times.max()), 3)},
    }


def built(folder: Path, pictures: CopySet) -> Library:
    if Library.exists(folder):
        return Library.open(folder)
    library = Library.create(folder)
    library.index([path.absolute() for path in pictures.indexed])
    return library


def _opened(path: Path) -> Image.Image:
    return Image.open(path).convert("RGB")


def _saved(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=QUALITY)
    return stream.getvalue()


def arguments_of(description: str) -> argparse.Namespace:
    """What the set is made of, as the command says it."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--more", type=Path)
    parser.add_argument("--strangers", type=int, default=600)
    parser.add_argument("--each", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--library", type=Path)
    return parser.parse_args()


def main() -> None:
    arguments = arguments_of(__doc__.splitlines()[0])
    pictures = divide(arguments.folder.absolute(), arguments.more, arguments.strangers, arguments.seed)
    with (
        tempfile.TemporaryDirectory() as scratch,
        built(arguments.library or Path(scratch, "library"), pictures) as library,
    ):
        counted = {"indexed": library.count(), "strangers": len(pictures.strangers)}
        result = measure(library, queries(pictures, arguments.each, arguments.seed))
    print(json.dumps(counted | result))


if __name__ == "__main__":
    main()
