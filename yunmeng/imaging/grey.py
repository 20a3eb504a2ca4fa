"""The grey copies that the quality scores and the perceptual hashes share."""

from typing import Final

from PIL import Image

__all__ = ["GREY_SIDE", "luma", "shrunk"]

GREY_SIDE: Final = 256
"""Longer side of the small copy, in pixels."""


def luma(image: Image.Image) -> Image.Image:
    """Return the luma (ITU-R BT.601) of a picture at its own size, mode ``L``."""
    return image.convert("L")


def shrunk(grey: Image.Image) -> Image.Image:
    """Return a grey picture at most 256 pixels long, never enlarged.

    Averaged over areas, so that a sharpness measured on it does not depend on the picture's own resolution.
    """
    scale = GREY_SIDE / max(grey.size)
    if scale >= 1.0:
        return grey
    size = max(1, round(grey.width * scale)), max(1, round(grey.height * scale))
    return grey.resize(size, Image.Resampling.BOX, reducing_gap=1.0)
