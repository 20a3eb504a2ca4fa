"""What fusing encoders brings: class retrieval by each part, by both, and with a projection fitted on the gallery.

    python -m benchmarks.fusion ../shared/data/clothing/gallery ../shared/data/clothing/query
    python -m benchmarks.fusion /usr/share/tuxpaint/stamps
    python -m benchmarks.fusion GALLERY [QUERIES] --parts A,B,C

With one folder each of its pictures asks for the others. A picture's class is the name of its folder, below a
first one such as animals/; classes of fewer than six pictures are not asked for, but stay in the gallery. Every variant
works on the same vectors of the parts, so the rows differ by the fusion alone. Prints a table: mAP, P@1 and P@10.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from yunmeng.config import Settings
from yunmeng.encoders import load
from yunmeng.encoders.fusion_fitting import fit_projection
from yunmeng.imaging import PICTURE_ENDINGS, decode
from yunmeng.types import Pixels

LEFT_OUT = frozenset({"cartoon", "symbols"})  # folders of drawings
LEAST_ASKED = 6
BATCH = 16

Vectors = NDArray[np.float32]


class Side(NamedTuple):
    paths: list[Path]
    classes: NDArray[np.str_]


def read_side(folder: Path) -> Side:
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in PICTURE_ENDINGS]
    paths = [path for path in paths if LEFT_OUT.isdisjoint(path.parts)]
    return Side(paths, np.array(["/".join(path.relative_to(folder).parent.parts[:2]) for path in paths]))


def unit(vectors: NDArray[np.floating]) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def encode(paths: Sequence[Path], names: Sequence[str], settings: Settings) -> list[Vectors]:
    """The vectors of each encoder, which sees the square of the largest, as the parts of a fusion do."""
    encoders = [load(name, settings) for name in names]
    largest = max(encoders, key=lambda encoder: encoder.spec.input_size)

    def prepare(path: Path) -> Pixels:
        picture = decode(path.read_bytes(), at_least=largest.spec.decoded_side, max_pixels=settings.max_pixels)
        return largest.prepare(picture.image)

    rows: list[list[Vectors]] = [[] for _ in encoders]
    with ThreadPoolExecutor(2) as pool:
        for start in range(0, len(paths), BATCH):
            squares = list(pool.map(prepare, paths[start : start + BATCH]))
            for row, encoder in zip(rows, encoders, strict=True):
                row.append(encoder.encode([encoder.prepare(square) for square in squares]))
    return [np.concatenate(row) for row in rows]


def score(vectors: Vectors, classes: NDArray[np.str_], queries: int) -> tuple[float, float, float]:
    """The last ``queries`` rows ask for the others; with 0 each row asks for all but itself."""
    if queries:
        gallery, asked = slice(0, -queries), np.arange(len(vectors) - queries, len(vectors))
    else:
        names, counts = np.unique(classes, return_counts=True)
        gallery, asked = slice(None), np.flatnonzero(np.isin(classes, names[counts >= LEAST_ASKED]))
    similar = vectors[asked] @ vectors[gallery].T
    right = classes[asked, None] == classes[None, gallery]
    if not queries:
        similar[np.arange(len(asked)), asked] = -np.inf
        right[np.arange(len(asked)), asked] = False
    order = np.argsort(-similar, axis=1, kind="stable")
    hits = np.take_along_axis(right, order, axis=1)
    precision = hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
    average = (precision * hits).sum(axis=1) / hits.sum(axis=1)
    return float(average.mean()), float(hits[:, 0].mean()), float(hits[:, :10].mean())


def variants(names: Sequence[str], parts: Sequence[Vectors], fit: slice) -> Iterator[tuple[str, Vectors]]:
    """Each with what is done to it; projections are fitted on the rows in ``fit``, without their classes."""
    joined = unit(np.hstack(parts))
    halved = unit(np.hstack([vectors * (1.0 if index == 0 else 0.5) for index, vectors in enumerate(parts)]))
    for name, vectors in [*zip(names, parts, strict=True), ("end to end", joined), ("first part counts twice", halved)]:
        yield name, vectors
        dims = [dim for dim in (128, 256, 512) if dim < len(vectors[fit]) and dim <= vectors.shape[1]]
        for whitening, dim in [(0.0, dim) for dim in dims] + [(w, dims[-1]) for w in (-0.25, 0.5, 1.0)]:
            projection, _ = fit_projection(vectors[fit], dim, whitening)
            projected = unit((vectors - projection.mean) @ projection.matrix)
            yield f"{name}, PCA to {dim}" + (f", whitening {whitening:g}" if whitening else ""), projected


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("gallery", type=Path)
    parser.add_argument("queries", type=Path, nargs="?")
    parser.add_argument("--parts", default="efficientnet-lite2,efficientnet-lite0")
    arguments = parser.parse_args()
    names = arguments.parts.split(",")
    sides = [read_side(folder) for folder in (arguments.gallery, arguments.queries) if folder is not None]
    began = time.perf_counter()
    parts = encode([path for side in sides for path in side.paths], names, Settings.load())
    print(f"encoded in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    classes = np.concatenate([side.classes for side in sides])
    queries = len(sides[1].paths) if len(sides) == 2 else 0
    print("| variant | dim | mAP | P@1 | P@10 |\n| --- | --- | --- | --- | --- |")
    for name, vectors in variants(names, parts, slice(0, len(sides[0].paths))):
        figures = " | ".join(f"{figure:.3f}" for figure in score(vectors, classes, queries))
        print(f"| {name} | {vectors.shape[1]} | {figures} |")


if __name__ == "__main__":
    main()
