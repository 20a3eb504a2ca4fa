"""Edited copies of a picture, as people make them: cut, scaled, mirrored, tinted, compressed."""

import io
from typing import Final

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

__all__ = ["edited"]

_KEPT: Final = (0.35, 0.95)  # share of the area that a crop keeps
_SCALED: Final = (0.3, 1.0)
_TINT: Final = (0.6, 1.5)
_QUALITY: Final = (25, 90)


def edited(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """Return a copy of an RGB picture with several edits at once, each drawn from ``random``."""
    if random.random() < 0.6:
        image = _cropped(image, random)
    if random.random() < 0.3:
        image = ImageOps.mirror(image)
    if random.random() < 0.2:
        image = image.rotate(random.uniform(-15, 15), Image.Resampling.BICUBIC, expand=True)
    for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        if random.random() < 0.4:
            image = change(image).enhance(random.uniform(*_TINT))
    if random.random() < 0.5:
        scale = random.uniform(*_SCALED)
        image = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=int(random.integers(*_QUALITY)))
    return Image.open(stream).convert("RGB")


def _cropped(image: Image.Image, random: np.random.Generator) -> Image.Image:
    side = float(np.sqrt(random.uniform(*_KEPT)))
    width, height = max(1, int(image.width * side)), max(1, int(image.height * side))
    left = int(random.integers(0, image.width - width + 1))
    top = int(random.integers(0, image.height - height + 1))
    return image.crop((left, top, left + width, top + height))
