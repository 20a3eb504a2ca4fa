"""Search by codes of colours with shares: planted pictures among many, and the time that a question takes.

    python -m benchmarks.palettes [--pictures 10000] [--json]

Pictures of two to five random colours with random shares are painted, indexed with the fake encoder, and a hundred of
them asked for by their colours and shares: in bands, in blocks scattered over the picture, and as a thing of several
colours on a plain ground, which is asked for without the ground and with it. A question may be inexact: its colours are
off by ``noise`` levels of 255 in each channel (standard deviation), its shares by as many hundredths of themselves.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library

SIDE = 96
PLANTED = 100
LAYOUTS = ("bands", "blocks", "on a ground", "on a ground, asked with it")


def colours_of(random: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    count = int(random.integers(2, 6))
    shares = np.maximum(random.dirichlet(np.full(count, 2.0)), 0.05)
    return random.integers(0, 256, (count, 3)), shares / shares.sum()


def paint(
    colours: NDArray[np.int64], shares: NDArray[np.float64], layout: str, random: np.random.Generator
) -> tuple[Image.Image, NDArray[np.int64], NDArray[np.float64]]:
    """Return a picture, and the colours and shares that it is asked for by."""
    if layout.startswith("on a ground"):
        ground = np.array((245, 245, 240))
        pixels = np.broadcast_to(ground, (SIDE, SIDE, 3)).copy()
        inner = SIDE - 40
        pixels[20:-20, 20:-20] = banded(colours, shares, inner)
        if layout.endswith("with it"):
            part = inner * inner / (SIDE * SIDE)
            colours, shares = np.vstack([colours, ground]), np.append(shares * part, 1 - part)
    elif layout == "bands":
        pixels = banded(colours, shares, SIDE)
    else:
        cells = SIDE // 4
        flat = np.repeat(np.arange(len(shares)), np.diff(np.rint(np.cumsum([0, *shares]) * cells * cells).astype(int)))
        pixels = colours[random.permutation(flat).reshape(cells, cells)].repeat(4, axis=0).repeat(4, axis=1)
    return Image.fromarray(pixels.astype(np.uint8)), colours, shares


def banded(colours: NDArray[np.int64], shares: NDArray[np.float64], side: int) -> NDArray[np.int64]:
    ends = np.rint(np.cumsum(shares) * side).astype(int)
    return np.broadcast_to(
        colours[np.searchsorted(ends, np.arange(side), side="right").clip(0, len(shares) - 1)], (side, side, 3)
    )


def question(colours: NDArray[np.int64], shares: NDArray[np.float64], noise: float, random: np.random.Generator) -> str:
    off = np.rint(colours + random.normal(0, noise, colours.shape)).clip(0, 255).astype(int)
    parts = np.maximum(shares * (1 + random.normal(0, noise / 100, len(shares))), 0.01)
    parts = 0.999 * parts / parts.sum()
    return ",".join(f"#{bytes(code.tolist()).hex()}:{part:.4f}" for code, part in zip(off, parts, strict=True))


def measure(pictures: int) -> dict[str, Any]:
    random = np.random.default_rng(0)
    planted = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "pictures"
        folder.mkdir()
        for number in range(pictures):
            layout = LAYOUTS[number % len(LAYOUTS)]
            picture, colours, shares = paint(*colours_of(random), layout, random)
            picture.save(folder / f"{number:06}.jpg", quality=90)
            if number < PLANTED:
                planted[f"{number:06}.jpg"] = (layout, colours, shares)
        with Library.create(Path(temporary) / "library", FakeEncoder()) as library:
            library.index([folder])
            began = perf_counter()
            library.search(color="red")
            result: dict[str, Any] = {
                "pictures": library.count(),
                "first question, s": round(perf_counter() - began, 2),
            }
            for noise in (0.0, 5.0, 10.0):
                result[f"noise {noise:g}"] = asked(library, planted, noise, random)
    return result


def asked(library: Library, planted: dict[str, Any], noise: float, random: np.random.Generator) -> dict[str, Any]:
    found: dict[str, list[bool]] = {layout: [] for layout in LAYOUTS}
    times, work = [], []
    for id, (layout, colours, shares) in planted.items():
        text = question(colours, shares, noise, random)
        began, worked = perf_counter(), process_time()
        hits = library.search(color=text, k=10)
        times.append(1000 * (perf_counter() - began))
        work.append(1000 * (process_time() - worked))
        found[layout].append(id in {hit.id for hit in hits})
    return {
        "recall@10": round(statistics.fmean(hit for hits in found.values() for hit in hits), 3),
        **{layout: round(statistics.fmean(hits), 2) for layout, hits in found.items()},
        "median, ms": round(statistics.median(times), 1),
        "median of the processor's time, ms": round(statistics.median(work), 1),
        "p95, ms": round(float(np.percentile(times, 95)), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = measure(arguments.pictures)
    print(json.dumps(result) if arguments.json else "\n".join(f"{name}: {value}" for name, value in result.items()))


if __name__ == "__main__":
    main()
