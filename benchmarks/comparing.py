"""How well `yunmeng compare` tells copies from strangers, and names what was done to them.

    python -m benchmarks.comparing FOLDER [--pictures 100] [--seed 1]

``FOLDER`` holds a folder of pictures for each class. Of each picture copies are made with none of the edits of
`benchmarks.doctored`, with every second one alone, and with three pairs of them; all are JPEGs of quality 30 to 95.
Each copy is compared with its original, and the picture with two others of its class, its strangers.

Prints one JSON object: for each edit how many of the copies that had it were given its name (``named``), alone and in
pairs, and in how many that had not (``false``) it was; the share of right verdicts; the least agreement of a copy and
the most of a stranger; milliseconds of one comparison.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.doctored import EDITS, compressed
from yunmeng.copies import Edit, PreparedPicture, Verification, edits_between, verify
from yunmeng.imaging import Picture, is_picture

QUALITY = (30, 95)
IMPLIED = {"perspective": {"crop", "rotation", "scale"}, "inset": {"scale"}}
"""What an edit brings with it, and is not wrong to say."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    files = sorted(path for path in given.folder.rglob("*") if is_picture(path))
    random = np.random.default_rng(given.seed)
    chosen = [files[int(number)] for number in random.permutation(len(files))[: given.pictures]]
    tally = Tally()
    for count, path in enumerate(chosen):
        original = load(path)
        for names in orders(random, count):
            other = load(files[int(random.integers(len(files)))])
            tally.take(names, *verified(doctored(original, names, random, other), original))
        alike = [file for file in path.parent.iterdir() if file != path and is_picture(file)]
        for stranger in random.choice(np.array(alike, dtype=object), min(2, len(alike)), replace=False):
            tally.take_stranger(*verified(load(Path(stranger)), original))
        print(f"{count + 1} of {len(chosen)}", file=sys.stderr)
    print(json.dumps(tally.summary(), indent=2))


def load(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def orders(random: np.random.Generator, count: int) -> Iterator[tuple[str, ...]]:
    """What is done to one picture's copies: nothing, half of the edits alone, three pairs."""
    names = list(EDITS)
    yield ()
    yield from ((name,) for name in names[count % 2 :: 2])
    for _ in range(3):
        one, other = random.choice(len(names), 2, replace=False)
        yield names[one], names[other]


def doctored(image: Image.Image, names: Sequence[str], random: np.random.Generator, other: Image.Image) -> Image.Image:
    for name in names:
        image = EDITS[name][1](image, random, other)
    return compressed(image, int(random.integers(*QUALITY)))


def verified(a: Image.Image, b: Image.Image) -> tuple[Verification, tuple[Edit, ...], float]:
    began = time.perf_counter()
    one, other = (PreparedPicture(Picture(image, image.width, image.height, "JPEG")) for image in (a, b))
    found = verify(one, other)
    edits = edits_between(one, other, found)
    return found, edits, time.perf_counter() - began


class Tally:
    """What was done, and what was said about it."""

    def __init__(self) -> None:
        self.single: Counter[str] = Counter()
        self.single_named: Counter[str] = Counter()
        self.paired: Counter[str] = Counter()
        self.paired_named: Counter[str] = Counter()
        self.false: Counter[str] = Counter()
        self.verdicts: Counter[str] = Counter()
        self.agreements: dict[str, list[float]] = {"copy": [], "stranger": []}
        self.seconds: list[float] = []
        self.missed: list[str] = []

    def take(self, names: tuple[str, ...], found: Verification, edits: tuple[Edit, ...], seconds: float) -> None:
        done = {EDITS[name][0] for name in names}
        said = {edit.name for edit in edits}
        changed = bool(done - {"scale"})
        if found.alignment is None:
            right = False
            self.missed.append("+".join(names))
        else:
            right = bool(said - {"scale"}) == changed
            self.agreements["copy"].append(found.agreement)
        kind = "edited" if changed else "same"
        self.verdicts.update([kind, f"{kind} right"] if right else [kind])
        total, named = (self.single, self.single_named) if len(names) == 1 else (self.paired, self.paired_named)
        for name in names:
            total[name] += 1
            named[name] += EDITS[name][0] in said
        wrong = said - done - set().union(*(IMPLIED.get(one, set()) for one in done))
        self.false.update(f"{name} of {'+'.join(names) or 'none'}" for name in wrong)
        self.seconds.append(seconds)

    def take_stranger(self, found: Verification, _: tuple[Edit, ...], seconds: float) -> None:
        self.verdicts.update(["stranger"] if found.alignment else ["stranger", "stranger right"])
        self.agreements["stranger"].append(found.agreement)
        self.seconds.append(seconds)

    def summary(self) -> dict[str, Any]:
        milliseconds = 1000 * np.array(self.seconds)
        return {
            "alone": {name: f"{self.single_named[name]} of {self.single[name]}" for name in EDITS},
            "in pairs": {name: f"{self.paired_named[name]} of {self.paired[name]}" for name in EDITS},
            "false": dict(self.false),
            "verdicts": dict(self.verdicts),
            "not seen as copies": dict(Counter(self.missed)),
            "least agreement of a copy": min(self.agreements["copy"]),
            "most agreement of a stranger": max(self.agreements["stranger"]),
            "milliseconds": {"median": float(np.median(milliseconds)), "worst": float(milliseconds.max())},
        }


if __name__ == "__main__":
    main()
