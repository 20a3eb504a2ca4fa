"""Any mode that Pillow decodes, as plain sRGB on white.

In this order: integers and floats wider than 8 bits are scaled down (Pillow's own conversion clips them), what is
transparent is composed over white, and an embedded ICC profile is applied.
"""

from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from PIL import ImageCms

__all__ = ["flatten", "managed"]

_DEEP: Final = frozenset({"I", "F", "I;16", "I;16L", "I;16B", "I;16N"})
_GREY: Final = frozenset({"1", "L", "LA"})
_PLAIN: Final = frozenset({"L", "RGB", "CMYK"})
_BITS_PER_SAMPLE: Final = 258  # TIFF tags
_PHOTOMETRIC: Final = 262

_PROFILES_KEPT: Final = 8  # a camera's pictures share one profile; a CMYK profile can take 2 MB
_AS_GOOD_AS_SRGB: Final = 2  # levels of 255: what rounding in an 8-bit transform costs


def flatten(image: Image.Image) -> Image.Image:
    """A loaded picture of any mode as opaque ``L``, ``RGB`` or ``CMYK``, 8 bits a channel."""
    if image.mode in _DEEP:
        return _from_deep(image)
    if image.has_transparency_data:
        return _on_white(image)
    if image.mode in _PLAIN:
        return image
    return image.convert("L" if image.mode in _GREY else "RGB")


def _on_white(image: Image.Image) -> Image.Image:
    key = image.info.get("transparency")
    if image.mode == "RGB" and isinstance(key, tuple) and max(key) > 255:
        # A PNG of 16 bits: Pillow halves the depth of its pixels but not of the colour that is transparent.
        image = image.copy()
        image.info["transparency"] = tuple(value >> 8 for value in key)
    opaque, layered = ("L", "LA") if image.mode in _GREY else ("RGB", "RGBA")
    layer = image.convert(layered)
    page = Image.new(opaque, layer.size, "white")
    page.paste(layer.convert(opaque), mask=layer.getchannel("A"))
    return page


def _from_deep(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    low, high = _value_range(image, values)
    scaled = np.nan_to_num((values.astype(np.float32) - low) * (255.0 / (high - low)), posinf=255.0, neginf=0.0)
    grey = np.rint(scaled.clip(0.0, 255.0)).astype(np.uint8)
    if _tiff_tag(image, _PHOTOMETRIC) == 0:  # white is zero: Pillow turns 8 bits round, but not these
        grey = 255 - grey
    key = image.info.get("transparency")
    if isinstance(key, int):
        grey[values == key] = 255
    return Image.fromarray(grey)


def _value_range(image: Image.Image, values: NDArray[Any]) -> tuple[float, float]:
    """The values that mean black and white.

    16 bits have a range by definition. Integers of 32 bits and floats have none: the smallest of the usual ranges
    that holds all values is taken, else the span of the values themselves.
    """
    if image.mode.startswith("I;16"):
        bits = _tiff_tag(image, _BITS_PER_SAMPLE)
        return 0.0, 4095.0 if bits == 12 else 65535.0
    finite = values[np.isfinite(values)] if image.mode == "F" else values
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    for usual in (1.0, 255.0, 65535.0):
        if low >= 0.0 and high <= usual and (usual > 1.0 or image.mode == "F"):
            return 0.0, usual
    return low, high if high > low else low + 1.0


def _tiff_tag(image: Image.Image, tag: int) -> object:
    tags = getattr(image, "tag_v2", None)
    value = None if tags is None else tags.get(tag)
    return value[0] if isinstance(value, tuple) and value else value


def managed(image: Image.Image, profile: object) -> Image.Image:
    """A flattened picture as RGB in the sRGB colour space; ``profile`` is its ICC profile's bytes, if it has one.

    A profile that is broken, or made for other channels than the picture's, is ignored.
    """
    transform = _to_srgb(profile, image.mode) if isinstance(profile, bytes) and profile else None
    if transform is not None:
        return transform.apply(image)
    return image if image.mode == "RGB" else image.convert("RGB")


@lru_cache(maxsize=_PROFILES_KEPT)
def _to_srgb(profile: bytes, mode: str) -> "ImageCms.ImageCmsTransform | None":
    """The way from this profile to sRGB (ICC.1, perceptual intent); None where there is nothing, or no way, to go."""
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        transform = ImageCms.ImageCmsTransform(source, target, mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    if mode == "RGB" and _changes_little(transform):
        return None
    return transform


def _changes_little(transform: "ImageCms.ImageCmsTransform") -> bool:
    """Whether it maps a grid of 4,096 colours on themselves: sRGB goes by many names, so its numbers are asked."""
    axis = np.arange(0, 256, 17, dtype=np.uint8)
    grid = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(64, 64, 3)
    moved = np.asarray(transform.apply(Image.fromarray(grid))).astype(np.int16)
    return int(np.abs(moved - grid).max()) <= _AS_GOOD_AS_SRGB
