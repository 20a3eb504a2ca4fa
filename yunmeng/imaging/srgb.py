"""Any mode that Pillow decodes, as plain sRGB on a ground.

The steps, in this order: integers and floats wider than 8 bits are scaled down (Pillow's own conversion clips them);
transparent areas are laid on white, or on black where white would not show them; an embedded ICC profile is applied.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageChops

if TYPE_CHECKING:
    from PIL import ImageCms

__all__ = ["flatten", "managed"]

_DEEP: Final = frozenset({"I", "F", "I;16", "I;16L", "I;16B", "I;16N"})
_GREY: Final = frozenset({"1", "L", "LA", "La"})
_PLAIN: Final = frozenset({"L", "RGB", "CMYK"})
_BITS_PER_SAMPLE: Final = 258  # TIFF tags
_PHOTOMETRIC: Final = 262

_BAND_PIXELS: Final = 1 << 20
"""Pixels that are worked on at once. A large picture is taken in bands of rows: whole, each step would cost as much
memory as the picture itself, and the caches of the processor would be of no use."""

_SEEN: Final = 16  # levels of 255 by which something must differ from its ground, to show
_WELL_SEEN: Final = 0.5  # share of what is drawn that must show on white, or black is tried
_HARDLY_SEEN: Final = 0.02
_FILLS: Final = 0.8  # of the area: more is a page with a ground of its own, such as a window with round corners

_PROFILES_KEPT: Final = 8  # a camera's pictures share one profile; a CMYK profile can take 2 MB
_AS_GOOD_AS_SRGB: Final = 2  # levels of 255: what rounding in an 8-bit transform costs


def flatten(image: Image.Image, factor: int = 1) -> Image.Image:
    """Return a loaded picture of any mode as opaque ``L``, ``RGB`` or ``CMYK``, 8 bits each, reduced by ``factor``."""
    if image.mode in _DEEP:
        key = image.info.get("transparency")
        if isinstance(key, int):
            return _on_ground(_banded(image, 1, _from_deep(image, key)), factor)
        return _banded(image, factor, _from_deep(image))
    if image.has_transparency_data:
        return _on_ground(image, factor)
    if image.mode in _PLAIN:
        return image if factor == 1 else image.reduce(factor)
    mode = "L" if image.mode in _GREY else "RGB"
    return _banded(image, factor, lambda band: band.convert(mode))


def _banded(image: Image.Image, factor: int, flat: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """Return the reduced result of ``flat`` for the picture, band by band; pixel for pixel as if done at once."""
    whole: Image.Image | None = None
    for top, band in _bands(image, factor):
        done = flat(band)
        if factor > 1:
            done = done.reduce(factor)
        if band is image:
            return done
        if whole is None:
            whole = Image.new(done.mode, (-(-image.width // factor), -(-image.height // factor)))
        whole.paste(done, (0, top // factor))
    assert whole is not None
    return whole


def _bands(image: Image.Image, factor: int) -> Iterator[tuple[int, Image.Image]]:
    """Bands of whole rows, each with its top; their heights are multiples of ``factor``."""
    rows = max(1, _BAND_PIXELS // max(1, image.width) // factor) * factor
    if rows >= image.height:
        yield 0, image
        return
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(image.height, top + rows)))


def _on_ground(image: Image.Image, factor: int) -> Image.Image:
    """On white, or on black where that shows more of it: light drawings would all be one blank page.

    Decided on the whole picture at its full size, so that a picture has one ground however it is reduced later.
    """
    white = _Ground(image, "white")
    page = _banded(image, factor, white.laid)
    if white.shows(_WELL_SEEN) or (white.fills and white.shows(_HARDLY_SEEN)):
        return page
    black = _Ground(image, "black")
    dark_page = _banded(image, factor, black.laid)
    return dark_page if black.shown > white.shown else page


class _Ground:
    """Lays bands of a picture on one colour, and counts what of it can be seen there."""

    def __init__(self, image: Image.Image, colour: str) -> None:
        self._colour = colour
        self._opaque, self._layered = ("L", "LA") if image.mode in _GREY else ("RGB", "RGBA")
        self._area = image.width * image.height
        key = image.info.get("transparency")
        # A PNG of 16 bits: Pillow halves the depth of its pixels but not of the colour that is transparent.
        self._key = None
        if image.mode == "RGB" and isinstance(key, tuple) and max(key) > 255:
            self._key = tuple(value >> 8 for value in key)
        self._drawn = 0
        self.shown = 0

    def laid(self, band: Image.Image) -> Image.Image:
        if self._key is not None:
            band = band.copy()
            band.info["transparency"] = self._key
        layer = band.convert(self._layered)
        alpha = layer.getchannel("A")
        colours = layer.convert(self._opaque)
        page = Image.new(self._opaque, layer.size, self._colour)
        page.paste(colours, mask=alpha)
        self._drawn += sum(alpha.histogram()[_SEEN + 1 :])
        self.shown += self._count(page)
        return page

    def shows(self, share: float) -> bool:
        """Return whether at least ``share`` of the drawing can be seen."""
        return self.shown >= share * self._drawn

    @property
    def fills(self) -> bool:
        return self._drawn >= _FILLS * self._area

    def _count(self, page: Image.Image) -> int:
        """Pixels of which a channel differs from the ground."""
        furthest = ImageChops.darker if self._colour == "white" else ImageChops.lighter
        first, *others = page.split()
        for channel in others:
            first = furthest(first, channel)
        counts = first.histogram()
        return sum(counts[: 255 - _SEEN]) if self._colour == "white" else sum(counts[_SEEN + 1 :])


def _from_deep(image: Image.Image, key: int | None = None) -> Callable[[Image.Image], Image.Image]:
    """Return a function that scales its bands to ``L``; to ``LA`` where the value ``key`` is transparent."""
    low, high = _value_range(image)
    turned = _tiff_tag(image, _PHOTOMETRIC) == 0  # white is zero: Pillow turns 8 bits round, but not these

    def scaled(band: Image.Image) -> Image.Image:
        values = np.asarray(band)
        shares = np.nan_to_num((values.astype(np.float32) - low) * (255.0 / (high - low)), posinf=255.0, neginf=0.0)
        levels = np.rint(shares.clip(0.0, 255.0)).astype(np.uint8)
        grey = Image.fromarray(255 - levels if turned else levels)
        if key is not None:
            grey.putalpha(Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8)))
        return grey

    return scaled


def _value_range(image: Image.Image) -> tuple[float, float]:
    """The values that mean black and white.

    16 bits have a range by definition. Integers of 32 bits and floats have none: the smallest of the usual ranges
    that holds all values is taken, else the span of the values themselves.
    """
    if image.mode.startswith("I;16"):
        bits = _tiff_tag(image, _BITS_PER_SAMPLE)
        return 0.0, 4095.0 if bits == 12 else 65535.0
    low, high = _extremes(image)
    for usual in (1.0, 255.0, 65535.0):
        if low >= 0.0 and high <= usual and (usual > 1.0 or image.mode == "F"):
            return 0.0, usual
    return low, high if high > low else low + 1.0


def _extremes(image: Image.Image) -> tuple[float, float]:
    lows, highs = [], []
    for _, band in _bands(image, 1):
        values = np.asarray(band)
        finite = values[np.isfinite(values)] if image.mode == "F" else values
        if finite.size:
            lows.append(float(finite.min()))
            highs.append(float(finite.max()))
    return (min(lows), max(highs)) if lows else (0.0, 0.0)


def _tiff_tag(image: Image.Image, tag: int) -> object:
    tags = getattr(image, "tag_v2", None)
    value = None if tags is None else tags.get(tag)
    return value[0] if isinstance(value, tuple) and value else value


def managed(image: Image.Image, profile: object) -> Image.Image:
    """Return a flattened picture as RGB in the sRGB colour space; ``profile`` is its ICC profile, if it has one.

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
    """Return whether the transform maps a grid of 4,096 colours to themselves: sRGB profiles have many names."""
    axis = np.arange(0, 256, 17, dtype=np.uint8)
    grid = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(64, 64, 3)
    moved = np.asarray(transform.apply(Image.fromarray(grid))).astype(np.int16)
    return int(np.abs(moved - grid).max()) <= _AS_GOOD_AS_SRGB
