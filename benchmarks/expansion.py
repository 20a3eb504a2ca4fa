"""Expansion on both sides, the re-ranking ``expand``: what it finds, and how long its second vectors take.

    python -m benchmarks.expansion GALLERY [QUERIES] [--encoder NAME]
    python -m benchmarks.expansion --vectors 100000

GALLERY and QUERIES are folders of classes; without QUERIES, each fifth of the gallery asks the other four in turn. The
table has class mAP, P@1 and P@10 without it, with it, and with it where the library has no second vectors. Then 500
edited copies of pictures of the gallery (`yunmeng.imaging.edited`) are asked with: how many find their original first.

With ``--vectors``, so many random clustered vectors of 512 numbers are put into a store on disk, and what is timed is
how long their second vectors take from nothing, and after a hundred pictures have come and a hundred gone: seconds
by the clock, and of all threads together.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yunmeng.config import Settings
from yunmeng.encoders import Encoder, load
from yunmeng.evaluation import ClassScores, class_scores, order_scores
from yunmeng.imaging import PICTURE_ENDINGS, decode, edited, read
from yunmeng.search import RerankContext
from yunmeng.search.rerank.expand import Expand
from yunmeng.stores import AugmentedStore, MemoryStore, Store, augmented_in_memory, second_schema
from yunmeng.stores.zvec.store import ZvecStore
from yunmeng.types import Record, Vector

Vectors = NDArray[np.float32]
Labels = NDArray[np.int64]
Split = tuple[Vectors, Labels, Vectors, Labels]

COPIES = 500
FIRST = 100  # hits, where only the first one matters
FOLDS = 5
DIM = 512
CHANGED = 100


def folder_of_classes(folder: Path, encoder: Encoder, settings: Settings) -> tuple[list[Path], Vectors, list[str]]:
    paths = sorted(path for path in folder.glob("*/*") if path.suffix.lower() in PICTURE_ENDINGS)
    images = (decode(read(path, max_bytes=settings.max_file_bytes), max_pixels=settings.max_pixels) for path in paths)
    return paths, encoded(encoder, (encoder.prepare(each.image) for each in images)), [p.parent.name for p in paths]


def encoded(encoder: Encoder, prepared: Iterator[Any]) -> Vectors:
    return np.concatenate([encoder.encode([pixels]) for pixels in prepared])


def copies(paths: Sequence[Path], encoder: Encoder, settings: Settings) -> tuple[Vectors, NDArray[np.intp]]:
    """The embeddings of edited copies, and the rows of their originals."""
    rows = np.random.default_rng(0).permutation(len(paths))[:COPIES]

    def edits() -> Iterator[Any]:
        for row in rows:
            data = read(paths[row], max_bytes=settings.max_file_bytes)
            image = decode(data, max_pixels=settings.max_pixels).image
            yield encoder.prepare(edited(image, np.random.default_rng(int(row))))

    return encoded(encoder, edits()), rows


def records(vectors: Vectors) -> list[Record]:
    return [Record(str(row), "", f"{row:064x}", "", "", 1, 1, vector=vector) for row, vector in enumerate(vectors)]


def without(vectors: Vectors) -> Store:
    store = MemoryStore(vectors.shape[1])
    store.upsert(records(vectors))
    return store


def reranked(store: Store, query: NDArray[np.float32], count: int) -> list[int]:
    hits = Expand().reorder(RerankContext(query, store, count), store.search(query, count))
    return [int(hit.id) for hit in hits]


def judge(split: Split, make: Callable[[Vectors], Store] | None) -> ClassScores:
    gallery, classes, queries, wanted = split
    if make is None:
        return class_scores(*split)
    store = make(gallery)
    return order_scores((np.array([reranked(store, query, len(gallery))]) for query in queries), classes, wanted)


def splits(gallery: Vectors, classes: Labels) -> Iterator[Split]:
    order = np.random.default_rng(0).permutation(len(gallery))
    for fold in range(FOLDS):
        asking = order[fold::FOLDS]
        rest = np.setdiff1d(order, asking)
        asking = asking[np.isin(classes[asking], classes[rest])]
        yield gallery[rest], classes[rest], gallery[asking], classes[asking]


def table(gallery: Path, queries: Path | None, encoder: Encoder, settings: Settings) -> dict[str, Any]:
    paths, vectors, names = folder_of_classes(gallery, encoder, settings)
    number = {name: index for index, name in enumerate(sorted(set(names)))}
    classes = np.array([number[name] for name in names])
    if queries is None:
        parts = list(splits(vectors, classes))
    else:
        _, asking, wanted = folder_of_classes(queries, encoder, settings)
        parts = [(vectors, classes, asking, np.array([number[name] for name in wanted]))]
    edits, originals = copies(paths, encoder, settings)
    print("| ranking | mAP | P@1 | P@10 | original of a copy first |\n| --- | --- | --- | --- | --- |")
    figures = {}
    for name, make in {"plain": None, "expand": augmented, "expand, no second vectors": without}.items():
        scores = [judge(part, make) for part in parts]
        counts = [len(part[2]) for part in parts]
        row = [np.average([getattr(each, key) for each in scores], weights=counts) for key in KEYS]
        store = (make or without)(vectors)
        firsts = [
            int(store.search(edit, 1)[0].id) if make is None else reranked(store, edit, FIRST)[0] for edit in edits
        ]
        row.append(np.mean(np.array(firsts) == originals))
        figures[name] = [round(float(figure), 4) for figure in row]
        print(f"| {name} | " + " | ".join(f"{figure:.3f}" for figure in row) + " |", flush=True)
    return {"pictures": len(paths), "classes": len(number), "copies": len(edits), "figures": figures}


KEYS = ("map", "precision_at_1", "precision_at_10")


def augmented(vectors: Vectors) -> Store:
    return augmented_in_memory(records(vectors))


def clustered(count: int, seed: int) -> Vectors:
    """Vectors around centres, twenty each on average."""
    draw = np.random.default_rng(seed)
    centres = np.random.default_rng(0).standard_normal((max(1, count // 20), DIM)).astype(np.float32)
    noise = draw.standard_normal((count, DIM)).astype(np.float32)
    vectors: Vectors = centres[draw.integers(len(centres), size=count)] + noise
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def timed(count: int) -> dict[str, Any]:
    figures: dict[str, Any] = {"vectors": count}

    def time_it(name: str, work: Callable[[], object]) -> None:
        """Seconds by the clock, and of all threads together."""
        clock, used = time.perf_counter(), time.process_time()
        work()
        figures[name] = [round(time.perf_counter() - clock, 2), round(time.process_time() - used, 2)]
        print(name, *figures[name], file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as folder:
        plain = ZvecStore.create(f"{folder}/plain", DIM)
        store = AugmentedStore(plain, ZvecStore.create(f"{folder}/second", DIM, second_schema({}), text=False))
        every = [replaced(each, "old") for each in records(clustered(count, 1))]
        new = [replaced(each, "new") for each in records(clustered(CHANGED, 2))]
        with store:
            time_it("write_s", lambda: write(store, every))
            time_it("index_s", store.optimise)
            time_it("average_s", lambda: finish(store))
            time_it("index_second_s", store.second.optimise)
            time_it("change_s", lambda: change(store, new, every[:CHANGED]))
            time_it("keep_up_s", lambda: figures.update(steps_after_change=finish(store)))
            time_it("search_1000_s", lambda: [store.search(asking(each), 10) for each in every[-1000:]])
            time_it("augmented_1000_s", lambda: [store.search_augmented(asking(each), 10) for each in every[-1000:]])
    return figures


def asking(record: Record) -> Vector:
    assert record.vector is not None
    return record.vector


def write(store: Store, every: Sequence[Record]) -> None:
    for start in range(0, len(every), 1000):
        store.upsert(every[start : start + 1000])


def change(store: Store, new: Sequence[Record], gone: Sequence[Record]) -> None:
    store.upsert(new)
    store.delete([each.id for each in gone])


def replaced(record: Record, prefix: str) -> Record:
    return replace(record, id=f"{prefix}/{record.id}.jpg")


def finish(store: AugmentedStore) -> int:
    taken = 0
    while steps := store.refresh(2000):
        taken += steps
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("gallery", type=Path, nargs="?")
    parser.add_argument("queries", type=Path, nargs="?")
    parser.add_argument("--encoder", default="efficientnet-lite2")
    parser.add_argument("--vectors", type=int)
    arguments = parser.parse_args()
    if arguments.vectors is not None:
        print(json.dumps(timed(arguments.vectors)))
        return
    if arguments.gallery is None:
        parser.error("name a folder of classes, or give --vectors")
    settings = Settings.load()
    encoder = load(arguments.encoder, settings)
    print(json.dumps(table(arguments.gallery, arguments.queries, encoder, settings)))


if __name__ == "__main__":
    main()
