"""Tell whether colour variants of one garment stay apart, while edited copies of each are found.

Garments of a folder of photographs are recoloured in four ways by turning all hues in OKLab, which keeps lightness, as
photographs of the colours of one model do. Of each picture one edited copy is made. All lie in one library:

    python -m benchmarks.colour_variants FOLDER --garments 150
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from benchmarks.copy_edits import EDITS
from benchmarks.doctored import compressed
from yunmeng.apps.duplicates import Duplicates
from yunmeng.imaging.files import is_picture
from yunmeng.library import Library
from yunmeng.types import Pixels

TURNS: Final = (72, 144, 216, 288)
"""Degrees by which the hues are turned."""
COPIES: Final = ("jpeg", "blur", "crop", "text", "flip", "border")
COLOURED: Final = (0.06, 0.1)
"""OKLab chroma from which a pixel has a colour, and share of them that a garment must have to come in several."""
SIDE: Final = 512

# Björn Ottosson, A perceptual color space for image processing (2020): linear sRGB to cone responses, and these to Lab.
_CONES: Final = np.array(
    [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
     [0.0883024619, 0.2817188376, 0.6299787005]]
)  # fmt: skip
_LAB: Final = np.array(
    [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
     [0.0259040371, 0.7827717662, -0.8086757660]]
)  # fmt: skip


def turned(pixels: Pixels, degrees: float) -> Pixels:
    """Return a picture with all its hues turned by ``degrees``."""
    angle = np.deg2rad(degrees)
    lab = _to_lab(pixels)
    rotation = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    cones = np.linalg.solve(_LAB, (lab @ rotation.T).reshape(-1, 3).T) ** 3
    linear = np.linalg.solve(_CONES, cones).T.reshape(pixels.shape).clip(0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    result: Pixels = (255 * encoded).round().astype(np.uint8)
    return result


def is_coloured(pixels: Pixels) -> bool:
    """Return whether enough of a picture has a colour that can be turned."""
    lab = _to_lab(pixels[::4, ::4])
    return float((np.hypot(lab[..., 1], lab[..., 2]) > COLOURED[0]).mean()) > COLOURED[1]


def _to_lab(pixels: Pixels) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    encoded = pixels / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    lab: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = np.cbrt(linear @ _CONES.T) @ _LAB.T
    return lab


def garments(folder: Path, count: int, seed: int) -> Iterator[Image.Image]:
    """Yield photographs below ``folder`` that have a colour, in random order."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and is_picture(path))
    for number in np.random.default_rng(seed).permutation(len(files)):
        if count == 0:
            return
        image = Image.open(files[number]).convert("RGB")
        image.thumbnail((SIDE, SIDE))
        if is_coloured(np.asarray(image)):
            yield image
            count -= 1


def write(folder: Path, into: Path, count: int, seed: int) -> None:
    """Write ``NUMBER/TURN.jpg`` and ``NUMBER/TURN-copy.jpg`` for each garment and colour."""
    random = np.random.default_rng(seed)
    for number, garment in enumerate(garments(folder, count, seed)):
        below = into / f"{number:03}"
        below.mkdir(parents=True)
        for turn in (0, *TURNS):
            variant = Image.fromarray(turned(np.asarray(garment), turn)) if turn else garment
            variant.save(below / f"{turn}.jpg", quality=92)
            edit = COPIES[int(random.integers(len(COPIES)))]
            compressed(EDITS[edit](variant, random), 88).save(below / f"{turn}-copy.jpg", quality=92)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--garments", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        pictures = Path(scratch) / "pictures"
        write(given.folder, pictures, given.garments, given.seed)
        with Library.create(Path(scratch) / "library") as library:
            report = library.index([pictures])
            groups = [{member.id for member in group.members} for group in Duplicates(library).find().groups]
    print(f"{report.indexed} pictures in {len(groups)} groups", file=sys.stderr)
    colours = [f"{number:03}/{turn}" for number in range(given.garments) for turn in (0, *TURNS)]
    mixed = [
        sorted(group) for group in groups if len({id.removesuffix(".jpg").removesuffix("-copy") for id in group}) > 1
    ]
    found = [any({f"{colour}.jpg", f"{colour}-copy.jpg"} <= group for group in groups) for colour in colours]
    print(
        json.dumps(
            {
                "garments": given.garments,
                "colours": len(colours),
                "groups of several colours": len(mixed),
                "copies with their own colour": sum(found),
                "mixed": mixed[:20],
                "not found": [colour for colour, is_found in zip(colours, found, strict=True) if not is_found][:40],
            }
        )
    )


if __name__ == "__main__":
    main()
