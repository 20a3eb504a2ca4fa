"""Copies of a picture with one known thing done to them, by the names that `yunmeng.copies.edits` gives."""

import io
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from yunmeng.imaging.fonts import font

__all__ = ["EDITS", "Edit", "compressed"]

Random: TypeAlias = np.random.Generator
Edit: TypeAlias = Callable[[Image.Image, Random, Image.Image], Image.Image]
"""A picture, the source of chance, and another picture for what needs one."""

WORDS: Final = ("SALE -50%", "云梦图片", "PREVIEW", "© studio", "仅供参考", "new in")


def compressed(image: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


def _crop(image: Image.Image, random: Random, _: Image.Image) -> Image.Image:
    side = np.sqrt(random.uniform(0.35, 0.9, 1) * np.ones(2))
    width, height = (round(length * part) for length, part in zip(image.size, side, strict=True))
    left, top = int(random.integers(0, image.width - width + 1)), int(random.integers(0, image.height - height + 1))
    return image.crop((left, top, left + width, top + height))


def _flip(image: Image.Image, random: Random, _: Image.Image) -> Image.Image:
    return ImageOps.flip(image) if random.random() < 0.2 else ImageOps.mirror(image)


def _rotation(image: Image.Image, random: Random, _: Image.Image) -> Image.Image:
    if random.random() < 0.3:
        turns = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
        return image.transpose(turns[int(random.integers(3))])
    angle = float(random.uniform(3, 40) * random.choice([-1, 1]))
    fill = (0, 0, 0) if random.random() < 0.5 else (255, 255, 255)
    return image.rotate(angle, Image.Resampling.BICUBIC, expand=random.random() < 0.5, fillcolor=fill)


def _scale(image: Image.Image, random: Random, _: Image.Image) -> Image.Image:
    part = random.uniform(0.2, 0.8)
    return image.resize((round(image.width * part), round(image.height * part)), Image.Resampling.LANCZOS)


def _stretch(image: Image.Image, random: Random, _: Image.Image) -> Image.Image:
    part = random.uniform(0.6, 0.85)
    across = random.random() < 0.5
    size = (round(image.width * part), image.height) if across else (image.width, round(image.height * part))
    return image.resize(size, Image.Resampling.LANCZOS)


def _colour(image: Image.Image, random: Random, _: Image.Image) -> Image.Image:
    kind = int(random.integers(5))
    strength = float(random.uniform(0.5, 0.75) if random.random() < 0.5 else random.uniform(1.3, 1.7))
    if kind < 3:
        change = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)[kind]
        return change(image).enhance(min(strength, 1.45) if kind < 2 else strength * (0.8 if strength < 1 else 1.2))
    pixels = np.asarray(image, dtype=np.float32)
    if kind == 3:
        tint = random.uniform(0.65, 1.0, 3)
        tint[int(random.integers(3))] = 0.65
        return Image.fromarray((pixels * tint).clip(0, 255).astype(np.uint8))
    return Image.fromarray((255 * (pixels / 255) ** strength).astype(np.uint8))


def _grey(image: Image.Image, _: Random, __: Image.Image) -> Image.Image:
    return image.convert("L").convert("RGB")


def _overlay(image: Image.Image, random: Random, other: Image.Image) -> Image.Image:
    image = image.copy()
    draw = ImageDraw.Draw(image)
    kind = int(random.integers(3))
    if kind == 0:
        face = font(round(min(image.size) * random.uniform(0.08, 0.16)), bold=True)
        colour = tuple(int(value) for value in random.choice([0, 255, 200], 3))
        at = (round(image.width * random.uniform(0.05, 0.4)), round(image.height * random.uniform(0.1, 0.8)))
        draw.text(at, str(random.choice(WORDS)), colour, face)
    elif kind == 1:
        side = round(min(image.size) * random.uniform(0.12, 0.3))
        x, y = (int(random.integers(0, length - side)) for length in image.size)
        draw.ellipse((x, y, x + side, y + side), (255, 205, 40), (120, 80, 0), max(1, side // 20))
        for eye in (0.3, 0.6):
            draw.ellipse((x + eye * side, y + 0.3 * side, x + (eye + 0.12) * side, y + 0.45 * side), (60, 40, 0))
        draw.arc((x + 0.2 * side, y + 0.3 * side, x + 0.8 * side, y + 0.8 * side), 20, 160, (60, 40, 0), side // 15 + 1)
    else:
        side = round(min(image.size) * random.uniform(0.15, 0.3))
        x, y = (int(random.integers(0, length - side)) for length in image.size)
        image.paste(ImageOps.fit(other, (side, side)), (x, y))
    return image


def _blur(image: Image.Image, random: Random, _: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(float(random.uniform(1.5, 5))))


def _noise(image: Image.Image, random: Random, _: Image.Image) -> Image.Image:
    pixels = np.asarray(image, dtype=np.float32)
    noisy = pixels + random.normal(0, random.uniform(12, 30), pixels.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def _border(image: Image.Image, random: Random, _: Image.Image) -> Image.Image:
    width = round(min(image.size) * random.uniform(0.05, 0.2))
    return ImageOps.expand(image, width, tuple(int(value) for value in random.integers(0, 256, 3)))


def _inset(image: Image.Image, random: Random, other: Image.Image) -> Image.Image:
    part = random.uniform(0.3, 0.6)
    ground = other.resize(image.size)
    small = image.resize((round(image.width * part), round(image.height * part)), Image.Resampling.LANCZOS)
    spare = [whole - inner for whole, inner in zip(image.size, small.size, strict=True)]
    ground.paste(small, (int(random.integers(0, spare[0] + 1)), int(random.integers(0, spare[1] + 1))))
    return ground


def _perspective(image: Image.Image, random: Random, _: Image.Image) -> Image.Image:
    # Seen from above: what lies lower is nearer. A true homography, which Pillow's QUAD is not.
    tilt = float(random.uniform(0.15, 0.5)) / image.height
    middle = image.width / 2
    data = (1.0, middle * tilt, 0.0, 0.0, 1.0, 0.0, 0.0, tilt)
    return image.transform(image.size, Image.Transform.PERSPECTIVE, data, Image.Resampling.BICUBIC)


EDITS: Final[Mapping[str, tuple[str, Edit]]] = {
    "crop": ("crop", _crop),
    "flip": ("flip", _flip),
    "rotation": ("rotation", _rotation),
    "scale": ("scale", _scale),
    "stretch": ("stretch", _stretch),
    "colour": ("colour", _colour),
    "grey": ("grey", _grey),
    "overlay": ("overlay", _overlay),
    "blur": ("blur", _blur),
    "noise": ("noise", _noise),
    "border": ("inset", _border),
    "inset": ("inset", _inset),
    "perspective": ("perspective", _perspective),
}
"""By what is done: the name that it is to be given, and who does it."""
