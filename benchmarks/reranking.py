"""What each step of re-ranking is worth on a folder of classes, and what it costs.

    python -m benchmarks.reranking ../shared/data/clothing/gallery ../shared/data/clothing/query
    python -m benchmarks.reranking GALLERY QUERIES --every 4 --orders geometry geometry,reciprocal

Ranks the whole gallery for each query, exactly, and lets the steps loose on it, as ``yunmeng eval --rerank`` does. The
time is that of the steps for one query, without the search: the median, from a store in memory. The first row is the
search alone.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from yunmeng.config import Settings
from yunmeng.encoders import DEFAULT_ENCODER, Encoder, load
from yunmeng.evaluation import ClassScores, Labelled, order_scores, reranked
from yunmeng.imaging import PICTURE_ENDINGS, decode, read
from yunmeng.search import steps_of

ORDERS = (
    "euclidean",
    "manhattan",
    "hamming",
    "average",
    "alpha",
    "expand",
    "reciprocal",
    "diffusion",
    "diverse",
    "expand,reciprocal",
    "expand,diffusion",
    "reciprocal,diverse",
)
METRICS = ("euclidean", "manhattan", "hamming", "fingerprint")
BATCH = 16


def labelled(folder: Path, encoder: Encoder, settings: Settings, classes: Sequence[str]) -> list[Labelled]:
    """The pictures of a folder of classes, encoded."""
    paths = sorted(path for path in folder.glob("*/*") if path.suffix.lower() in PICTURE_ENDINGS)
    found = []
    for start in range(0, len(paths), BATCH):
        part = paths[start : start + BATCH]
        prepared = []
        for path in part:
            data = read(path, max_bytes=settings.max_file_bytes)
            picture = decode(data, at_least=encoder.spec.decoded_side, max_pixels=settings.max_pixels)
            prepared.append(encoder.prepare(picture.image))
        vectors = encoder.encode(prepared)
        found += [Labelled(path, classes.index(path.parent.name), v) for path, v in zip(part, vectors, strict=True)]
    return found


def judged(
    gallery: list[Labelled], queries: list[Labelled], order: str, encoder: Encoder, settings: Settings
) -> tuple[ClassScores, float]:
    """Scores, and the median of the seconds that a query took."""
    names = order.split(",")
    metric = names.pop(0) if names[0] in METRICS else None
    seconds: list[float] = []

    def timed() -> Iterator[NDArray[np.intp]]:
        ranking = reranked(gallery, queries, steps_of(names, metric), encoder, settings)  # type: ignore[arg-type]
        while True:
            began = perf_counter()
            found = next(ranking, None)
            if found is None:
                return
            seconds.append(perf_counter() - began)
            yield found

    classes = [np.array([picture.label for picture in side]) for side in (gallery, queries)]
    return order_scores(timed(), *classes), median(seconds[1:])  # the first one fills the store


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gallery", type=Path)
    parser.add_argument("queries", type=Path)
    parser.add_argument("--encoder", default=DEFAULT_ENCODER)
    parser.add_argument("--every", type=int, default=1, help="ask with every n-th query only")
    parser.add_argument("--orders", nargs="*", default=ORDERS, help="a metric, steps, or both, joined by commas")
    arguments = parser.parse_args()
    settings = Settings.load()
    encoder = load(arguments.encoder, settings)
    classes = sorted(path.name for path in arguments.gallery.iterdir() if path.is_dir())
    gallery = labelled(arguments.gallery, encoder, settings, classes)
    queries = labelled(arguments.queries, encoder, settings, classes)[:: arguments.every]
    print(f"{len(queries):,} queries, {len(gallery):,} pictures, {len(classes)} classes, {arguments.encoder}\n")
    print("| order | mAP | P@1 | P@10 | ms a query |\n| --- | --- | --- | --- | --- |")
    plain = 0.0
    for order in ("", *arguments.orders):
        scores, seconds = judged(gallery, queries, order, encoder, settings)
        shown = f"{scores.map:.3f} | {scores.precision_at_1:.3f} | {scores.precision_at_10:.3f}"
        plain = plain or seconds
        print(f"| {order or 'plain'} | {shown} | {1000 * (seconds - plain if order else seconds):.1f} |", flush=True)


if __name__ == "__main__":
    main()
