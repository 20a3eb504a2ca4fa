"""Measure class retrieval by student, teacher and result, on pictures that the student has not seen.

    python -m benchmarks.distilling ../shared/data/clothing
    python -m benchmarks.distilling ../shared/data/clothing --fuse --expand 10

A picture's class is the name of the folder that it lies in. Half of each class, drawn at random, is what the student is
taught on, without the classes. Each picture of the other half asks for the others of that half; neither teacher nor
student has a word about these. ``--by-class`` draws half of the classes instead, so that the kinds are new as well.
"--fuse" makes the teacher one of both encoders. Prints one JSON object: mAP and P@1 of the student before and after, of
the teacher, and of the teacher with expansion among the pictures that are asked for; and the share of the gap closed.
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yunmeng.config import Settings
from yunmeng.encoders import load
from yunmeng.encoders.compress.distilling import distill
from yunmeng.encoders.compress.training import USUAL
from yunmeng.encoders.fusion_fitting import fuse
from yunmeng.evaluation.measures import leave_one_out
from yunmeng.imaging import PICTURE_ENDINGS, decode
from yunmeng.stores.dba import augment_all

BATCH = 16


def halves(classes: NDArray[np.str_], seed: int, by_class: bool) -> NDArray[np.bool_]:
    """Which pictures the student is taught on."""
    random = np.random.default_rng(seed)
    names = np.unique(classes)
    if by_class:
        return np.isin(classes, random.permutation(names)[: len(names) // 2])
    taught = np.zeros(len(classes), bool)
    for name in names:
        rows = random.permutation(np.flatnonzero(classes == name))
        taught[rows[: len(rows) // 2]] = True
    return taught


def encode(paths: list[Path], name: str, settings: Settings) -> NDArray[np.float32]:
    encoder = load(name, settings)
    found = []
    for start in range(0, len(paths), BATCH):
        pictures = [decode(path.read_bytes(), at_least=encoder.spec.decoded_side) for path in paths[start:][:BATCH]]
        found.append(encoder.encode([encoder.prepare(picture.image) for picture in pictures]))
    return np.concatenate(found)


def measure(folder: Path, arguments: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_ENDINGS)
    classes = np.array([path.parent.name for path in paths])
    taught = halves(classes, arguments.seed, arguments.by_class)
    asked = [path for path, is_taught in zip(paths, taught, strict=True) if not is_taught]
    numbers = np.unique(classes[~taught], return_inverse=True)[1]
    teacher = arguments.teacher
    if arguments.fuse:
        teacher = fuse("both", [arguments.teacher, arguments.student], settings).spec.name
    sources = [(str(path), path.read_bytes) for path, is_taught in zip(paths, taught, strict=True) if is_taught]
    given = {key: value for key in ("epochs", "frozen", "rate", "similarity") if (value := getattr(arguments, key))}
    began, used = time.perf_counter(), time.process_time()
    made = distill(
        teacher,
        arguments.student,
        settings,
        sources,
        new_name="made",
        expand=arguments.expand,
        plan=replace(USUAL, **given),
    )
    assert made is not None
    figures: dict[str, Any] = {
        "teacher": teacher,
        "expand": arguments.expand,
        "taught on": len(sources),
        "asked": len(asked),
        "seconds": round(time.perf_counter() - began),
        "seconds of processor": round(time.process_time() - used),
        "best epoch": [made.best, len(made.curve) - 1],
        "correlation on pictures held back": [round(x.correlation, 4) for x in (made.before, made.mapped, made.after)],
    }
    theirs = encode(asked, teacher, settings)
    rows = {
        "student": encode(asked, arguments.student, settings),
        "teacher": theirs,
        "teacher, expanded": augment_all(theirs),
        "distilled": encode(asked, "made", settings),
    }
    for name, vectors in rows.items():
        scores = leave_one_out(vectors, numbers)
        figures[name] = {"mAP": round(scores.map, 4), "P@1": round(scores.precision_at_1, 4)}
    reached = figures["distilled"]["mAP"] - figures["student"]["mAP"]
    for name in ("teacher", "teacher, expanded"):
        gap = figures[name]["mAP"] - figures["student"]["mAP"]
        figures[f"gap to {name} closed"] = round(reached / gap, 3)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--teacher", default="efficientnet-lite2")
    parser.add_argument("--student", default="efficientnet-lite0")
    parser.add_argument("--fuse", action="store_true")
    parser.add_argument("--expand", type=int, default=0)
    parser.add_argument("--by-class", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--frozen", type=float)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--similarity", type=float)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.load().model_copy(update={"models_dir": Path(folder) / "models"})
        print(json.dumps(measure(arguments.folder, arguments, settings)))


if __name__ == "__main__":
    main()
