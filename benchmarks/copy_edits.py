"""Edited copies of pictures, as thieves and friends make them: one kind of edit each, by a seed."""

import io
from collections.abc import Callable
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from yunmeng.imaging.fonts import font

__all__ = ["EDITS", "Random", "set_into"]

Random = np.random.Generator
Edit = Callable[[Image.Image, Random], Image.Image]


def jpeg(image: Image.Image, random: Random) -> Image.Image:
    return _compressed(image, int(random.integers(6, 26)))


def blur(image: Image.Image, random: Random) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(max(image.size) * random.uniform(0.004, 0.009)))


def heavy_blur(image: Image.Image, random: Random) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(max(image.size) * random.uniform(0.01, 0.02)))


def crop(image: Image.Image, random: Random) -> Image.Image:
    return _part(image, random, random.uniform(0.35, 0.7))


def rotate(image: Image.Image, random: Random) -> Image.Image:
    colour = tuple(int(value) for value in random.integers(0, 256, 3)) if random.random() < 0.5 else (0, 0, 0)
    angle = random.uniform(5, 175) * random.choice((-1, 1))
    return image.rotate(angle, Image.Resampling.BICUBIC, expand=bool(random.random() < 0.5), fillcolor=colour)


def quarter(image: Image.Image, random: Random) -> Image.Image:
    return image.transpose(Image.Transpose(int(random.choice((2, 3, 4)))))


def flip(image: Image.Image, random: Random) -> Image.Image:
    return ImageOps.mirror(image) if random.random() < 0.7 else ImageOps.flip(image)


def grey(image: Image.Image, _random: Random) -> Image.Image:
    return image.convert("L").convert("RGB")


def colour(image: Image.Image, random: Random) -> Image.Image:
    hue, saturation, value = image.convert("HSV").split()
    turn = int(random.integers(0, 256))
    turned = Image.merge("HSV", (hue.point(lambda old: (old + turn) % 256), saturation, value)).convert("RGB")
    for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        turned = change(turned).enhance(float(np.exp(random.uniform(-0.6, 0.6))))
    return turned


def border(image: Image.Image, random: Random) -> Image.Image:
    colour = tuple(int(value) for value in random.integers(0, 256, 3))
    return ImageOps.expand(image, int(random.uniform(0.05, 0.2) * max(image.size)), colour)


def text(image: Image.Image, random: Random) -> Image.Image:
    image = image.copy()
    draw, words = ImageDraw.Draw(image), ("SALE 50%", "DO NOT COPY", "Happy Birthday!", "@someone", "when you see it")
    for _ in range(int(random.integers(1, 4))):
        said = words[int(random.integers(len(words)))]
        size = int(random.uniform(0.07, 0.15) * image.width)
        place = (random.uniform(0, 0.7) * image.width, random.uniform(0, 0.7) * image.height)
        fill = tuple(int(value) for value in random.integers(0, 256, 3))
        draw.text(place, said, fill, font(size), stroke_width=2, stroke_fill="black")
    return image


def emoji(image: Image.Image, random: Random) -> Image.Image:
    image = image.copy()
    draw = ImageDraw.Draw(image)
    for _ in range(int(random.integers(1, 4))):
        size = random.uniform(0.15, 0.4) * min(image.size)
        x, y = (random.uniform(0, side - size) for side in image.size)
        draw.ellipse((x, y, x + size, y + size), (255, 205, 30), (120, 90, 0), 2)
        for eye in (0.3, 0.6):
            draw.ellipse((x + eye * size, y + 0.3 * size, x + (eye + 0.1) * size, y + 0.45 * size), (60, 40, 0))
        draw.arc((x + 0.25 * size, y + 0.35 * size, x + 0.75 * size, y + 0.8 * size), 20, 160, (60, 40, 0), 3)
    return image


def stretch(image: Image.Image, random: Random) -> Image.Image:
    factor = float(np.exp(random.uniform(0.2, 0.6) * random.choice((-1, 1))))
    return image.resize((round(image.width * factor**0.5), round(image.height / factor**0.5)))


def noise(image: Image.Image, random: Random) -> Image.Image:
    grains = random.normal(0, random.uniform(20, 50), (image.height, image.width, 3))
    return Image.fromarray((np.asarray(image) + grains).clip(0, 255).astype(np.uint8))


def tiny(image: Image.Image, random: Random) -> Image.Image:
    scale = random.uniform(64, 96) / max(image.size)
    return image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))


def set_into(ground: Image.Image, image: Image.Image, random: Random) -> Image.Image:
    """``image`` at a quarter to a half of the size of ``ground``, somewhere in it."""
    ground = ground.copy()
    share = random.uniform(0.25, 0.5)
    scale = share * min(ground.width / image.width, ground.height / image.height)
    small = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    x, y = (int(random.integers(0, side - part + 1)) for side, part in zip(ground.size, small.size, strict=True))
    ground.paste(small, (x, y))
    return ground


def combined(image: Image.Image, random: Random) -> Image.Image:
    chosen = random.choice(len(_LIGHT), int(random.integers(2, 5)), replace=False)
    for number in sorted(chosen):
        image = _LIGHT[number](image, random)
    return _compressed(image, int(random.integers(25, 70)))


_LIGHT: Final[tuple[Edit, ...]] = (crop, flip, stretch, colour, grey, text, emoji, border, blur, noise)

EDITS: Final[dict[str, Edit]] = {
    edit.__name__: edit
    for edit in (
        jpeg,
        blur,
        heavy_blur,
        crop,
        rotate,
        quarter,
        flip,
        grey,
        colour,
        border,
        text,
        emoji,
        stretch,
        noise,
        tiny,
        combined,
    )
}
"""By their names. Each takes a picture, and where its numbers are drawn from."""


def _part(image: Image.Image, random: Random, share: float) -> Image.Image:
    shape = float(np.exp(random.uniform(-0.2, 0.2)))
    width = min(image.width, max(1, round(image.width * share**0.5 * shape)))
    height = min(image.height, max(1, round(image.height * share**0.5 / shape)))
    left, top = int(random.integers(0, image.width - width + 1)), int(random.integers(0, image.height - height + 1))
    return image.crop((left, top, left + width, top + height))


def _compressed(image: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")
