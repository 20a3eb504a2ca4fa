"""A library of photographs with attributes of every type, and `yunmeng serve` over it, as users start it."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from tests.conftest import CommandLine, write_pictures
from tests.forking import Forked
from yunmeng.encoders.crops import grid

ATTRIBUTES = "category:str, price:float, stock:int, sale:bool, tags:list[str]"
CATEGORIES = {
    "animal": ("chelsea.png",),
    "portrait": ("astronaut.png", "camera.png"),
    "thing": ("coffee.png", "coins.png", "motorcycle_left.png", "clock_motion.png"),
    "texture": ("brick.png", "grass.png", "gravel.png"),
    "sky": ("hubble_deep_field.jpg", "moon.png", "rocket.jpg"),
    "medicine": ("cell.png", "ihc.png", "retina.jpg"),
}
SCRIPT = "<script>document.title='owned'</script>"
"""A value of an attribute, which must show as text."""

SCRIPT_ID = "<img src=x onerror=document.title='owned'> 50%?#/猫.jpg"
"""An id, which must show as text and survive in addresses."""


def photograph(name: str, size: int = 480) -> Image.Image:
    """One of the photographs in scikit-image's wheel."""
    import skimage

    image = Image.open(Path(skimage.__file__).parent / "data" / name).convert("RGB")
    image.thumbnail((size, size))
    return image


def write_query(path: Path) -> Path:
    """A view of the cat that the library does not hold."""
    cat = photograph("chelsea.png")
    cat.crop((40, 20, 440, 290)).save(path, quality=80)
    return path


def write_pair(path: Path) -> Path:
    """The cat to the left, the cup of coffee to the right: which is found depends on the region."""
    cat, coffee = (photograph(name).resize((400, 400)) for name in ("chelsea.png", "coffee.png"))
    Image.fromarray(np.hstack([np.asarray(cat), np.asarray(coffee)])).save(path, quality=92)
    return path


def write_catalogue(folder: Path) -> Path:
    """Some twenty pictures and the manifest with their attributes."""
    folder.mkdir()
    rows: list[dict[str, object]] = []
    for category, names in CATEGORIES.items():
        for name in names:
            stem = Path(name).stem
            photograph(name).save(folder / f"{stem}.jpg", quality=88)
            number = len(rows)
            rows.append(
                {
                    "path": f"{stem}.jpg",
                    "id": f"{category}/{stem}.jpg",
                    "category": category,
                    "price": 5.0 * number,
                    "stock": number,
                    "sale": number % 2 == 0,
                    "tags": ["even" if number % 2 == 0 else "odd", "it's"],
                    "note": SCRIPT,
                }
            )
    photograph("chelsea.png").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "mirrored.jpg", quality=88)
    mirrored = {"path": "mirrored.jpg", "id": SCRIPT_ID, "category": SCRIPT, "price": 999.5, "stock": 99, "tags": []}
    manifest = folder / "catalogue.jsonl"
    lines = [json.dumps(row, ensure_ascii=False) for row in [*rows, mirrored]]
    manifest.write_text("\n".join(lines), encoding="utf-8")
    return manifest


HELD = {"wide.png": ((400, 200), grid(400, 200)[0]), "tall.png": ((200, 400), grid(200, 400)[-1])}
"""Pictures that hold another, their sizes, and the region where it is."""


def write_many_ways(folder: Path) -> Path:
    """Pictures to ask for in every way: sixty that are painted, three of one colour, and two that hold part of another.

    In ``wide.png``, twice as wide as high, the painting 007 is the upper left; in ``tall.png`` it is the lower right.
    """
    write_pictures(folder, 60)
    for colour in ("red", "lime", "blue"):
        Image.new("RGB", (96, 96), colour).save(folder / f"{colour}.png")
    for name, (size, (x, y, w, h)) in HELD.items():
        picture = Image.new("RGB", size, "grey")
        held = Image.open(folder / "007.jpg").resize((round(w * size[0]), round(h * size[1])))
        picture.paste(held, (int(x * size[0]), int(y * size[1])))
        picture.save(folder / name)
    return folder


@contextmanager
def serve(
    run: CommandLine, db: Path, *options: str, program: Sequence[str] = ("-m", "yunmeng", "serve"), **environment: str
) -> Iterator[str]:
    """Start a server on a free port; gives its address without the last slash."""
    log = db.parent / f"{db.name}.log"
    with log.open("w") as errors:
        process = run.start("--db", db, "--port", "0", *options, program=program, stderr=errors, **environment)
        with process:
            try:
                yield _address(process, log)
            finally:
                process.terminate()
                process.wait(timeout=60)


def _address(process: Forked, log: Path) -> str:
    line = process.stdout.readline()
    assert line.startswith("Console:"), log.read_text(encoding="utf-8")
    address = line.split()[1].rstrip("/")
    deadline = time.monotonic() + 60
    while httpx.get(f"{address}/ready").status_code != 200:
        assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
        time.sleep(0.05)  # between two looks
    return address
