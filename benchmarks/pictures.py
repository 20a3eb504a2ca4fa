"""Photographs to measure with, as many as wanted: views of those that scikit-image ships."""

from pathlib import Path

import numpy as np
import skimage
from PIL import Image, ImageEnhance

SIDE = 500
SOURCES = ("astronaut.png", "chelsea.png", "coffee.png", "hubble_deep_field.jpg", "motorcycle_left.png", "rocket.jpg")


def write_pictures(folder: Path, count: int) -> Path:
    """``count`` different JPEGs of 500 x 375 pixels and about 40 kB, made where they are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    data = Path(skimage.__file__).parent / "data"
    sources = [Image.open(data / name).convert("RGB") for name in SOURCES]
    for number in range(count):
        target = folder / f"{number // 1000:03}" / f"{number:06}.jpg"
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            view(sources[number % len(sources)], number).save(target, quality=88)
    return folder


def view(source: Image.Image, seed: int) -> Image.Image:
    """A random part of a photograph, turned and lit a little."""
    random = np.random.default_rng(seed)
    share = random.uniform(0.5, 0.95)
    width = round(source.width * share)
    height = min(round(width * 0.75), source.height)
    left, top = (
        int(random.integers(0, whole - part + 1)) for whole, part in zip(source.size, (width, height), strict=True)
    )
    part = source.crop((left, top, left + width, top + height)).rotate(random.uniform(-8, 8))
    return ImageEnhance.Brightness(part).enhance(random.uniform(0.7, 1.3)).resize((SIDE, SIDE * 3 // 4))
