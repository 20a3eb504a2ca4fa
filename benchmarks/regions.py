"""Finding a garment inside a collage: by the whole picture, and by the regions of a grid.

    python -m benchmarks.regions ../shared/data/clothing/gallery ../shared/data/clothing/query [--encoder NAME]

Each picture below the first folder is pasted at a random place of a collage of pictures of the second, so that it fills
``--share`` of its area. Two questions, both judged by P@1, the share of queries whose first hit holds the same garment:

- which collage holds this garment? The query is another rendering of the photograph: cut a little, lit otherwise,
  compressed once more. The gallery is all collages, by their whole or by the best of their regions.
- which garment is in this collage? The query is the collage, or the part of it that a person draws around the garment,
  with each edge up to a tenth of the box off. The gallery is all photographs.

Prints one JSON object; takes some twenty milliseconds for each region of each collage.
"""

import argparse
import io
import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from yunmeng.config import Settings
from yunmeng.encoders import Encoder, load
from yunmeng.encoders.crops import grid
from yunmeng.types import Region

SIZES = ((800, 600), (600, 800), (700, 700), (960, 540))
KEPT = 0.92  # of each side, in the other rendering
DRAWN = 0.1  # by how much of the box a hand is off, at most

Vectors = NDArray[np.float32]


def collage(garment: Image.Image, others: Sequence[Image.Image], share: float, seed: int) -> tuple[Image.Image, Region]:
    """The garment on a mosaic of others, and where it is."""
    random = np.random.default_rng(seed)
    width, height = SIZES[int(random.integers(len(SIZES)))]
    columns, rows = (3, 2) if width > height else (2, 3) if height > width else (3, 3)
    canvas = Image.new("RGB", (width, height))
    for row in range(rows):
        for column in range(columns):
            left, top = round(column * width / columns), round(row * height / rows)
            right, bottom = round((column + 1) * width / columns), round((row + 1) * height / rows)
            tile = others[int(random.integers(len(others)))]
            canvas.paste(tile.resize((right - left, bottom - top), Image.Resampling.BICUBIC), (left, top))
    scale = (share * width * height / (garment.width * garment.height)) ** 0.5
    scale = min(scale, width / garment.width, height / garment.height)
    w, h = round(garment.width * scale), round(garment.height * scale)
    x, y = int(random.integers(0, width - w + 1)), int(random.integers(0, height - h + 1))
    canvas.paste(garment.resize((w, h), Image.Resampling.BICUBIC), (x, y))
    return canvas, Region(x / width, y / height, w / width, h / height)


def rendered_again(garment: Image.Image, seed: int) -> Image.Image:
    random = np.random.default_rng(seed)
    x, y = random.uniform(0, 1 - KEPT, 2)
    part = cut(garment, Region(float(x), float(y), KEPT, KEPT))
    stream = io.BytesIO()
    ImageEnhance.Brightness(part).enhance(random.uniform(0.8, 1.2)).save(stream, "JPEG", quality=60)
    return Image.open(stream).convert("RGB")


def drawn(box: Region, seed: int) -> Region:
    """The box as a hand draws it."""
    off = np.random.default_rng(seed).uniform(-DRAWN, DRAWN, 4)
    left, right = max(0.0, box.x + off[0] * box.w), min(1.0, box.x + (1 + off[1]) * box.w)
    top, bottom = max(0.0, box.y + off[2] * box.h), min(1.0, box.y + (1 + off[3]) * box.h)
    return Region(left, top, right - left, bottom - top)


def cut(picture: Image.Image, region: Region) -> Image.Image:
    width, height = picture.size
    left, top = int(region.x * width), int(region.y * height)
    return picture.crop((left, top, round((region.x + region.w) * width), round((region.y + region.h) * height)))


def encoded(encoder: Encoder, pictures: Iterable[Image.Image]) -> Vectors:
    return encoder.encode([encoder.prepare(picture) for picture in pictures])


def first_right(queries: Vectors, gallery: Vectors, owners: NDArray[np.intp]) -> float:
    """P@1 where query number i is answered by a vector of owner i."""
    best = np.array([(gallery @ query).argmax() for query in queries])
    return round(float((owners[best] == np.arange(len(queries))).mean()), 4)


def measure(paths: Sequence[Path], others: Sequence[Image.Image], encoder: Encoder, share: float) -> dict[str, Any]:
    began = time.perf_counter()
    whole_pictures: list[Vectors] = []
    parts: list[Vectors] = []
    owners: list[int] = []
    for number, path in enumerate(paths):
        garment = Image.open(path).convert("RGB")
        picture, box = collage(garment, others, share, number)
        regions = grid(*picture.size)
        views = [garment, rendered_again(garment, number), picture, cut(picture, drawn(box, number))]
        vectors = encoded(encoder, [*views, *(cut(picture, region) for region in regions)])
        whole_pictures.append(vectors[:4])
        parts.append(vectors[4:])
        owners += [number] * len(regions)
    garments, again, wholes, boxes = np.stack(whole_pictures, axis=1)
    judged = judge(garments, again, wholes, boxes, np.concatenate(parts), np.array(owners))
    counted = {"collages": len(paths), "regions": round(len(owners) / len(paths), 1)}
    return counted | judged | {"seconds": round(time.perf_counter() - began)}


def judge(
    garments: Vectors,
    again: Vectors,
    wholes: Vectors,
    boxes: Vectors,
    parts: Vectors,
    owners: NDArray[np.intp],
) -> dict[str, Any]:
    """Row number i of the first four is of garment i; ``owners`` says whose collage each of ``parts`` is from."""
    one_each = np.arange(len(garments))
    return {
        "which_collage": {
            "whole": first_right(again, wholes, one_each),
            "regions": first_right(again, parts, owners),
            "whole_and_regions": first_right(
                again, np.concatenate([wholes, parts]), np.concatenate([one_each, owners])
            ),
        },
        "which_garment": {
            "whole": first_right(wholes, garments, one_each),
            "drawn_region": first_right(boxes, garments, one_each),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("garments", type=Path)
    parser.add_argument("others", type=Path)
    parser.add_argument("--encoder", default="efficientnet-lite2")
    parser.add_argument("--share", type=float, default=0.15)
    parser.add_argument("--count", type=int, help="collages, evenly from all; all if left out")
    arguments = parser.parse_args()
    paths = sorted(arguments.garments.rglob("*.jpg"))
    if arguments.count is not None:
        paths = [paths[index * len(paths) // arguments.count] for index in range(arguments.count)]
    others = [Image.open(path).convert("RGB").resize((300, 300)) for path in sorted(arguments.others.rglob("*.jpg"))]
    encoder = load(arguments.encoder, Settings.load())
    print(
        json.dumps(
            {"encoder": arguments.encoder, "share": arguments.share} | measure(paths, others, encoder, arguments.share)
        )
    )


if __name__ == "__main__":
    main()
