"""How true the chance of a hit is: told against real, on pictures that the library has not learnt from.

``python -m benchmarks.calibration GALLERY STRANGERS LIBRARY`` makes a library of the pictures in GALLERY, asks it with
edited copies of 200 of them, made from other random numbers than those that it learnt from, and with 200 of STRANGERS,
which it lacks, and prints a table of reliability and one JSON object. A first hit is real if it is the copy's original.
"""

import json
import sys
from pathlib import Path

import numpy as np

from yunmeng.imaging import PICTURE_ENDINGS, decode, edited
from yunmeng.library import Library
from yunmeng.search import reliability

ASKED = 200


def pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_ENDINGS)


def main() -> None:
    gallery, strangers, place = map(Path, sys.argv[1:])
    random = np.random.default_rng(99)
    chances: list[float] = []
    real: list[bool] = []
    with Library.create(place) as library:
        library.index([gallery])
        for path in random.permutation(np.array(pictures(gallery)))[:ASKED]:
            hit = library.search(edited(decode(path.read_bytes()).image, random), k=1)[0]
            chances.append(hit.chance or 0.0)
            real.append(hit.uri == str(path))
        for path in pictures(strangers)[:ASKED]:
            chances.append(library.search(path, k=1)[0].chance or 0.0)
            real.append(False)
    bins = reliability(chances, real)
    print("| hits | chance told | real |\n| --- | --- | --- |")
    for row in bins:
        print(f"| {row.hits} | {row.told:.2f} | {row.real:.2f} |")
    told, truth = np.array(chances), np.array(real, dtype=float)
    error = sum(row.hits * abs(row.told - row.real) for row in bins) / len(chances)
    print(json.dumps({"brier": round(float(np.mean((told - truth) ** 2)), 4), "error": round(error, 4)}))


if __name__ == "__main__":
    main()
