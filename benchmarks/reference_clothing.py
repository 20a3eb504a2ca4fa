"""Retrieval on a folder of classes, once with PyTorch from end to end and once with Yunmeng's ONNX encoders.

    python -m benchmarks.reference_clothing ../shared/data/clothing

The folder holds ``gallery/CLASS/*`` and ``query/CLASS/*``. A gallery picture is right for a query when its class is
the same. AP is the mean, over the right pictures, of the precision at their places in the whole ranked gallery; mAP
is the mean of AP over the queries (Manning, Raghavan and Schütze, "Introduction to Information Retrieval", 8.4).
The metrics are written here once more, apart from `yunmeng.evaluation`, so that the one checks the other.
Needs ``yunmeng[reference,dev]``; takes about two minutes on two cores.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.encoders.torch_reference import INPUT_SIZE, TorchReference, read
from yunmeng.config import Settings
from yunmeng.encoders import load

_BATCH = 16

Encode = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


class Metrics(NamedTuple):
    mean_ap: float
    p_at_1: float
    p_at_10: float


def labelled(folder: Path) -> tuple[list[Path], NDArray[np.str_]]:
    """The pictures of a folder of classes, and the class of each."""
    files = sorted(file for file in folder.glob("*/*") if not file.name.startswith("."))
    return files, np.array([file.parent.name for file in files])


def encoded(pictures: NDArray[np.uint8], encode: Encode) -> NDArray[np.float32]:
    return np.concatenate([encode(pictures[start : start + _BATCH]) for start in range(0, len(pictures), _BATCH)])


def judged(similarity: NDArray[np.float32], right: NDArray[np.bool_]) -> Metrics:
    """``similarity`` and ``right``, (queries, gallery): how close each pair is, and whether it is of one class."""
    order = np.argsort(-similarity, axis=1, kind="stable")
    hits = np.take_along_axis(right, order, axis=1)
    precision = hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
    average = (precision * hits).sum(axis=1) / hits.sum(axis=1)
    return Metrics(float(average.mean()), float(hits[:, 0].mean()), float(hits[:, :10].mean()))


def with_pytorch(name: str) -> Encode:
    reference = TorchReference(name)
    return lambda pictures: reference(pictures)[0]


def with_onnx(name: str, precision: Literal["fp32", "fp16"]) -> Encode:
    encoder = load(name, Settings(precision=precision))
    return lambda pictures: encoder.encode(list(pictures))


def contestants(name: str) -> dict[str, Encode]:
    return {
        "PyTorch": with_pytorch(name),
        "ONNX fp32": with_onnx(name, "fp32"),
        "ONNX fp16": with_onnx(name, "fp16"),
    }


def main(folder: Path) -> None:
    gallery, gallery_classes = labelled(folder / "gallery")
    queries, query_classes = labelled(folder / "query")
    right = query_classes[:, None] == gallery_classes[None, :]
    print(f"{len(gallery)} in the gallery, {len(queries)} queries, {len(set(gallery_classes))} classes")
    print(f"{'encoder':20} {'runtime':10} {'mAP':>7} {'P@1':>7} {'P@10':>7} {'seconds':>8}")
    for name, side in INPUT_SIZE.items():
        pictures = np.stack([read(file, side) for file in [*gallery, *queries]])
        for runtime, encode in contestants(name).items():
            start = time.perf_counter()
            vectors = encoded(pictures, encode)
            seconds = time.perf_counter() - start
            result = judged(vectors[len(gallery) :] @ vectors[: len(gallery)].T, right)
            print(f"{name:20} {runtime:10} " + " ".join(f"{x:7.4f}" for x in result) + f" {seconds:8.1f}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
