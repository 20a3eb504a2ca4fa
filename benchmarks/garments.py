"""Montages of garments with the box of each, made of photographs of one: the boxes that are found in them."""

import itertools
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.subject.scenes import overlap
from yunmeng.encoders.subject import find_objects, find_subject
from yunmeng.encoders.subject.contrast import contrast
from yunmeng.encoders.subject.objects import object_boxes
from yunmeng.types import Pixels, Region

__all__ = ["Garment", "cut_out", "laid_out", "objects"]

SIDE: Final = 400  # of a photograph, at most, in pixels
SIZES: Final = ((640, 420), (560, 560), (420, 640))
PLAIN: Final = ((255, 255, 255), (235, 228, 215), (150, 155, 160), (60, 70, 90))
HEIGHT: Final = 420
GROUNDS: Final = ("plain", "photographed", "their own")
NEARLY_ALL: Final = 0.92
MONTAGES: Final = 40
"""Of each number of garments on each kind of ground."""
LEAST: Final = 0.05  # of a photograph that a garment covers

Montage: TypeAlias = tuple[Image.Image, list[Region]]


class Garment(NamedTuple):
    """A photograph, which of its pixels show the garment, and the box of these: left, top, right, bottom."""

    photo: Pixels
    mask: NDArray[np.bool_]
    box: tuple[int, int, int, int]

    @property
    def cut(self) -> tuple[Image.Image, Image.Image]:
        """The garment, and its mask."""
        whole = Image.fromarray(self.photo), Image.fromarray(self.mask)
        return whole[0].crop(self.box), whole[1].crop(self.box).convert("L")

    @property
    def ground(self) -> Image.Image:
        """The corner of the photograph that shows least of the garment, mirrored so that it can be repeated."""
        high, wide = (side // 5 for side in self.mask.shape)
        corners = [
            np.s_[rows, columns]
            for rows in (slice(high), slice(-high, None))
            for columns in (slice(wide), slice(-wide, None))
        ]
        corner = self.photo[min(corners, key=lambda place: self.mask[place].mean())]
        row = np.concatenate([corner, corner[:, ::-1]], axis=1)
        return Image.fromarray(np.concatenate([row, row[::-1]]))


def cut_out(path: Path) -> Garment | None:
    """Return the garment of a photograph, by GrabCut from the box of its subject; None where that finds nothing.

    Whether the outline is right does not matter: the true box is that of what was cut out.
    """
    import cv2

    with Image.open(path) as opened:
        image = opened.convert("RGB")
    image.thumbnail((SIDE, SIDE))
    photo = np.asarray(image)
    region = find_subject(photo).region
    if region.w * region.h > NEARLY_ALL:
        return None
    small = np.asarray(image.resize((image.width // 2, image.height // 2)))
    x, y = int(region.x * small.shape[1]), int(region.y * small.shape[0])
    box = (x, y, int(region.w * small.shape[1]), int(region.h * small.shape[0]))
    labels = np.zeros(small.shape[:2], np.uint8)
    cv2.setRNGSeed(0)
    model = np.zeros((2, 1, 65))
    cv2.grabCut(np.ascontiguousarray(small[..., ::-1]), labels, box, model[0], model[1], 4, cv2.GC_INIT_WITH_RECT)
    inside = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    count, areas, sizes, _ = cv2.connectedComponentsWithStats(inside)
    if count < 2 or inside.mean() < LEAST:
        return None
    kept = 1 + np.flatnonzero(sizes[1:, cv2.CC_STAT_AREA] >= 0.3 * sizes[1:, cv2.CC_STAT_AREA].max())
    mask = Image.fromarray(np.isin(areas, kept)).resize(image.size)
    outline = mask.getbbox()
    return None if outline is None else Garment(photo, np.asarray(mask), outline)


def laid_out(garments: Sequence[Garment], ground: Image.Image | None, random: np.random.Generator) -> Montage:
    """Return garments, cut out, in a row or a column on a plain ground, or on one that is repeated."""
    width, height = SIZES[random.integers(len(SIZES))]
    montage = Image.new("RGB", (width, height), PLAIN[random.integers(len(PLAIN))])
    if ground is not None:
        side = int(random.integers(180, 320))
        tile = np.asarray(ground.resize((side, side)))
        tiled = np.tile(tile, (height // side + 1, width // side + 1, 1))
        montage = Image.fromarray(np.ascontiguousarray(tiled[:height, :width]))
    across, down = (len(garments), 1) if width >= height else (1, len(garments))
    boxes = []
    for at, garment in enumerate(garments):
        cut, mask = garment.cut
        room = width / across, height / down
        scale = min(room[0] / cut.width, room[1] / cut.height) * random.uniform(0.65, 0.95)
        size = max(1, int(cut.width * scale)), max(1, int(cut.height * scale))
        x = int(random.uniform(0, room[0] - size[0]) + (at % across) * room[0])
        y = int(random.uniform(0, room[1] - size[1]) + (at % down) * room[1])
        montage.paste(cut.resize(size), (x, y), mask.resize(size))
        boxes.append(Region(x / width, y / height, size[0] / width, size[1] / height))
    return montage, boxes


def side_by_side(garments: Sequence[Garment]) -> Montage:
    """Return whole photographs in a row, each with its own ground."""
    tiles, boxes, x = [], [], 0.0
    for garment in garments:
        high, wide = garment.mask.shape
        scale = HEIGHT / high
        left, top, right, bottom = (side * scale for side in garment.box)
        tiles.append(np.asarray(Image.fromarray(garment.photo).resize((int(wide * scale), HEIGHT))))
        boxes.append((x + left, top, right - left, bottom - top))
        x += int(wide * scale)
    regions = [Region(left / x, top / HEIGHT, wide / x, high / HEIGHT) for left, top, wide, high in boxes]
    return Image.fromarray(np.concatenate(tiles, axis=1)), regions


def montage(garments: Sequence[Garment], count: int, ground: str, seed: int) -> Montage:
    random = np.random.default_rng([seed, count])
    chosen = [garments[at] for at in random.choice(len(garments), count, replace=False).tolist()]
    if ground == "their own":
        return side_by_side(chosen)
    behind = garments[int(random.integers(len(garments)))].ground if ground == "photographed" else None
    return laid_out(chosen, behind, random)


def judge_boxes(boxes: Sequence[Sequence[Region]], true: Sequence[Sequence[Region]]) -> dict[str, float]:
    found = [
        max((overlap(one, box) for one in regions), default=0) >= 0.5
        for regions, garments in zip(boxes, true, strict=True)
        for box in garments
    ]
    counts = [len(regions) == len(garments) for regions, garments in zip(boxes, true, strict=True)]
    return {"with a box": round(statistics.mean(found), 3), "as many boxes": round(statistics.mean(counts), 3)}


def objects(photos: Path) -> dict[str, Any]:
    cut = [cut_out(path) for path in sorted((photos / "gallery").glob("*/*"))[::9]]
    garments = [garment for garment in cut if garment is not None]
    figures: dict[str, Any] = {"garments": len(garments), "montages of each kind": MONTAGES}
    for ground, count in itertools.product(GROUNDS, (1, 2, 3)):
        montages = [montage(garments, count, ground, seed) for seed in range(MONTAGES)]
        pictures, true = [np.asarray(picture) for picture, _ in montages], [boxes for _, boxes in montages]
        network = [[one.region for one in find_objects(picture)] for picture in pictures]
        without = [[region for region, _ in object_boxes(contrast(picture))] for picture in pictures]
        figures[f"{ground} ground, {count}"] = {
            "network": judge_boxes(network, true),
            "without": judge_boxes(without, true),
        }
    return figures
