"""A heat map over a picture: what is alike keeps its colours, the rest is dimmed."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from yunmeng.imaging.fonts import elided, font
from yunmeng.types import HeatMap, Pixels

__all__ = ["draw_heats", "glow"]

_SIDE: Final = 720
_MARGIN: Final = 36
_LINE: Final = 34
_TITLE: Final = 24
_DIM: Final = 0.22
"""The share of its light that a place keeps which is not alike."""


def glow(pixels: Pixels, heat: HeatMap) -> Image.Image:
    """Return the picture with each place as bright as it is hot; what the map does not cover is dimmed."""
    image = Image.fromarray(pixels)
    rows = Image.fromarray(np.uint8(np.clip(np.array(heat.rows), 0, 1) * 255))
    left, top = round(heat.region.x * image.width), round(heat.region.y * image.height)
    size = (max(1, round(heat.region.w * image.width)), max(1, round(heat.region.h * image.height)))
    mask = Image.new("L", image.size, 0)
    mask.paste(rows.resize(size, Image.Resampling.BICUBIC), (left, top))
    dimmed = Image.fromarray(np.uint8(np.asarray(image.convert("L").convert("RGB")) * _DIM))
    return Image.composite(image, dimmed, mask)


def draw_heats(pictures: Sequence[tuple[Pixels, HeatMap, str]], title: str) -> Image.Image:
    """Return pictures side by side under their heat maps, each with its caption, below a title."""
    glowing = [glow(pixels, heat) for pixels, heat, _ in pictures]
    for image in glowing:
        image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    width = _MARGIN + sum(image.width + _MARGIN for image in glowing)
    top = 2 * _MARGIN + _LINE
    sheet = Image.new("RGB", (width, top + max(image.height for image in glowing) + _LINE + _MARGIN), "#ffffff")
    draw, left = ImageDraw.Draw(sheet), _MARGIN
    face = font(_TITLE, bold=True)
    draw.text((_MARGIN, _MARGIN), elided(title, face, width - 2 * _MARGIN), "#15181e", face, anchor="la")
    small = font(_TITLE - 4)
    for image, (_, _, caption) in zip(glowing, pictures, strict=True):
        sheet.paste(image, (left, top))
        at = (left, top + image.height + 8)
        draw.text(at, elided(caption, small, image.width), "#767d89", small, anchor="la")
        left += image.width + _MARGIN
    return sheet
