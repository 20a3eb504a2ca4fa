"""Tell whether colour variants of one garment stay apart, while edited copies of each are found.

Garments of a folder of photographs are recoloured in four ways by turning all hues and keeping their luma, as
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
from numpy.typing import NDArray
from PIL import Image

from benchmarks.copy_edits import EDITS
from benchmarks.doctored import compressed
from yunmeng.apps.duplicates import Duplicates
from yunmeng.imaging.files import is_picture
from yunmeng.library import Library

TURNS: Final = (72, 144, 216, 288)
"""Degrees by which the hues are turned."""
COPIES: Final = ("jpeg", "blur", "crop", "text", "flip", "border")
COLOURED: Final = (25, 0.1)
"""Levels of Cb and Cr from which a pixel has a colour, and share of such pixels in a garment that can be recoloured."""
SIDE: Final = 512


def turned(image: Image.Image, degrees: float) -> Image.Image:
    """Return a picture with all its hues turned by ``degrees``; its luma stays."""
    luma, chroma = _split(image)
    angle = np.deg2rad(degrees)
    chroma = chroma @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    ycbcr = np.dstack([luma, (chroma + 128).round().clip(0, 255)]).astype(np.uint8)
    return Image.fromarray(ycbcr, "YCbCr").convert("RGB")


def is_coloured(image: Image.Image) -> bool:
    """Return whether enough of a picture has a colour that can be turned."""
    return float((np.linalg.norm(_split(image)[1], axis=2) > COLOURED[0]).mean()) > COLOURED[1]


def _split(image: Image.Image) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    ycbcr = np.asarray(image.convert("YCbCr"))
    return ycbcr[..., :1], ycbcr[..., 1:] - 128.0


def garments(folder: Path, count: int, seed: int) -> Iterator[Image.Image]:
    """Yield photographs below ``folder`` that have a colour, in random order."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and is_picture(path))
    for number in np.random.default_rng(seed).permutation(len(files)):
        if count == 0:
            return
        image = Image.open(files[number]).convert("RGB")
        image.thumbnail((SIDE, SIDE))
        if is_coloured(image):
            yield image
            count -= 1


def write(folder: Path, into: Path, count: int, seed: int) -> None:
    """Write ``NUMBER/TURN.jpg`` and ``NUMBER/TURN-copy.jpg`` for each garment and colour."""
    random = np.random.default_rng(seed)
    for number, garment in enumerate(garments(folder, count, seed)):
        below = into / f"{number:03}"
        below.mkdir(parents=True)
        for turn in (0, *TURNS):
            variant = turned(garment, turn) if turn else garment
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
