"""From a file's bytes to upright sRGB pixels, or to a PictureError that says what is wrong; no other result."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
    _imaging,
)

from yunmeng.errors import PictureError, Reason
from yunmeng.imaging import jpeg, png, tiff
from yunmeng.imaging.budget import TimedBytes, check_time, memory_of, room, webp_memory
from yunmeng.imaging.formats import Format, ends_early, recognise
from yunmeng.imaging.srgb import flatten, managed
from yunmeng.types import Pixels

__all__ = [
    "DECODED_SIDE",
    "Picture",
    "check_size",
    "decode",
    "explained",
    "from_array",
    "from_pillow",
    "opened",
    "upright",
]

DECODED_SIDE: Final = 512
"""Shorter side in pixels that fingerprints ask of `decode`: PDQ looks at 512, the other scores at fewer."""

_MAX_PIXELS: Final = 200_000_000

if "PILLOW_BLOCK_SIZE" not in os.environ:
    # The memory of a large picture goes back to the system only if it was taken in large blocks. Of Pillow's 16 MB
    # malloc keeps some for each thread: twelve threads with pictures of 200 MB, three at a time, grew to 1.5 GB.
    _imaging.set_block_size(64 << 20)


@dataclass(frozen=True, slots=True)
class Picture:
    """One decoded picture.

    ``image`` is upright, in sRGB, of mode RGB. ``width`` and ``height`` are of the upright original, also where
    ``image`` is a reduced copy. ``format`` is one of JPEG, PNG, WEBP, GIF, BMP, TIFF, AVIF, HEIC.
    """

    image: Image.Image
    width: int
    height: int
    format: str

    @property
    def pixels(self) -> Pixels:
        """A copy of the image as an array: uint8 (h, w, 3), C-contiguous, perhaps read-only."""
        return np.asarray(self.image)


def decode(data: bytes, *, at_least: int | None = None, max_pixels: int = _MAX_PIXELS) -> Picture:
    """Decode the first frame: EXIF-upright, in sRGB, 16 bits scaled to 8. Transparent areas are laid on white, or on
    black where white would not show them.

    ``at_least`` (1 or more) says how many pixels the shorter side must have for the caller's purpose: a larger picture
    comes back reduced by the power of two that still leaves so many. JPEG is then decoded small, up to five times as
    fast; the other formats save what follows decoding. ``max_pixels`` (setting YUNMENG_MAX_PIXELS) is compared with the
    size in the header, before decoding. The limits of `limit_decoding` apply too: a picture waits until there is memory
    for it.

    Raises PictureError: EMPTY, NOT_A_PICTURE, UNSUPPORTED, TRUNCATED, CORRUPT, ZERO_SIZE, TOO_MANY_PIXELS, TOO_COSTLY.
    A file that was cut after its first frame is no error, nor is a JPEG that lacks its end and less than a twentieth of
    its rows. Safe to call from many threads at once.
    """
    kind = recognise(data)
    try:
        return _decode(kind, data, at_least, max_pixels)
    except PictureError:
        raise
    except Exception as exc:  # decoders raise a dozen types, from SyntaxError to MemoryError, on hostile bytes
        picture = _rescued(kind, data, at_least, max_pixels)
        if picture is None:
            raise explained(exc, kind, data) from exc
        return picture


def _rescued(kind: Format, data: bytes, at_least: int | None, max_pixels: int) -> Picture | None:
    """Return the picture of a file that the decoder refused, if only its end or data beside the pixels is broken."""
    try:
        if kind == "TIFF":
            return _decode(kind, tiff.pixels_only(data), at_least, max_pixels)
        mended = jpeg.mended(data) if kind == "JPEG" else None
        if mended is None:
            return None
        picture = _decode(kind, mended.data, at_least, max_pixels)
        with room(8 * picture.width * picture.height):
            return picture if not mended.cut or jpeg.missing_share(mended.data) <= jpeg.MOST_MISSING else None
    except Exception:  # it is broken otherwise too: the first error says it better
        return None


def from_pillow(image: Image.Image) -> Pixels:
    """Return a Pillow image as `decode` would: upright, in sRGB, without transparency. The image itself is not changed.

    Raises PictureError where its data cannot be loaded, or it has no pixels.
    """
    if 0 in image.size:
        raise PictureError(Reason.ZERO_SIZE, "an image of width or height 0")
    try:
        image.load()
        return np.asarray(upright(image))
    except Exception as exc:  # a file opened lazily fails here, in as many ways as in decode
        raise PictureError(Reason.CORRUPT, f"the image cannot be loaded ({_said(exc)})") from exc


def from_array(pixels: NDArray[np.uint8]) -> Pixels:
    """Return the array itself. Raises PictureError where it is not uint8 (height, width, 3), or has no pixels."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise PictureError(
            Reason.UNSUPPORTED, f"an array must be uint8 (height, width, 3), this is {pixels.dtype} {pixels.shape}"
        )
    if pixels.size == 0:
        raise PictureError(Reason.ZERO_SIZE, f"an array of shape {pixels.shape} has no pixels")
    return pixels


def _decode(kind: Format, data: bytes, at_least: int | None, max_pixels: int) -> Picture:
    if kind == "WEBP":
        with room(webp_memory(data)) as ends, opened(kind, data) as image:
            return _loaded(image, kind, at_least, max_pixels, ends)
    with opened(kind, data) as image:
        check_size(image.size, max_pixels)
        stored = image.size
        taken = 0
        if isinstance(image, JpegImagePlugin.JpegImageFile):
            taken, seconds = jpeg.work(image, data)
            check_time(seconds)
            if at_least is not None:
                image.draft(None, (at_least, at_least))
        with room(taken + memory_of(image, kind, _factor(image, at_least))) as ends:
            picture = _loaded(image, kind, at_least, max_pixels, ends)
    if kind != "JPEG":
        return picture
    width, height = reversed(stored) if _turn(image) in _SIDEWAYS else stored
    return replace(picture, width=width, height=height)


def _loaded(image: ImageFile.ImageFile, kind: Format, at_least: int | None, max_pixels: int, ends: float) -> Picture:
    check_size(image.size, max_pixels)
    if isinstance(image.fp, TimedBytes):
        image.fp.ends = ends
    image.load()
    turn = _turn(image)
    # Only now: TIFF turns itself upright while it loads
    width, height = reversed(image.size) if turn in _SIDEWAYS else image.size
    return Picture(_upright(image, turn, at_least), width, height, kind)


def upright(image: Image.Image) -> Image.Image:
    """Return a loaded image as `decode` gives it: EXIF-upright, in sRGB, on a ground."""
    return _upright(image, _turn(image), None)


def _upright(image: Image.Image, turn: Image.Transpose | None, at_least: int | None) -> Image.Image:
    flat = flatten(image, _factor(image, at_least))
    turned = flat if turn is None else flat.transpose(turn)
    return managed(turned, image.info.get("icc_profile"))


class _Tiff(TiffImagePlugin.TiffImageFile):
    """Without Pillow's own limit of pixels, which is one global variable of the whole process."""

    def _setup(self) -> None:
        tags = self.tag_v2
        if tags.get(TiffImagePlugin.SAMPLESPERPIXEL, 1) == 1:  # with one plane only, planes apart are no other layout
            tags[TiffImagePlugin.PLANAR_CONFIGURATION] = 1
        super()._setup()

    def load_prepare(self) -> None:
        if self._im is None:
            self.im = Image.new(self.mode, self._tile_size, None).im
        super().load_prepare()


def _open_png(file: TimedBytes) -> ImageFile.ImageFile:
    pixels = png.stripped(file.getvalue())
    image = PngImagePlugin.PngImageFile(TimedBytes(pixels.data))
    if pixels.profile is not None:
        image.info["icc_profile"] = pixels.profile
    return image


def _open_heic(file: TimedBytes) -> ImageFile.ImageFile:
    from pillow_heif import HeifImageFile  # here only: most runs meet no HEIC

    image: ImageFile.ImageFile = HeifImageFile(file)  # type: ignore[no-untyped-call]
    return image


# The plugins themselves, not Image.open: its own pixel limit is one global variable of the whole process.
_PLUGINS: Final[dict[Format, Callable[[TimedBytes], ImageFile.ImageFile]]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": _open_png,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": lambda file: _Tiff(TimedBytes(tiff.picture_page(file.getvalue()))),
    "AVIF": AvifImagePlugin.AvifImageFile,
    "HEIC": _open_heic,
}


def opened(kind: Format, data: bytes) -> ImageFile.ImageFile:
    """Open bytes of this kind without decoding them. Raises whatever the decoder raises."""
    return _PLUGINS[kind](TimedBytes(data))


def check_size(size: tuple[int, int], max_pixels: int) -> None:
    """Raise PictureError (TOO_MANY_PIXELS) for a size that is over the limit."""
    width, height = size
    if width * height > max_pixels:
        raise PictureError(
            Reason.TOO_MANY_PIXELS,
            f"{width} x {height} = {width * height:,} pixels, over the limit of {max_pixels:,} (YUNMENG_MAX_PIXELS)",
        )


def _factor(image: Image.Image, at_least: int | None) -> int:
    """Return the factor of reduction for formats that are decoded whole, as ``draft`` chooses it for JPEG.

    It saves time, as all that follows costs by the pixel.
    """
    if at_least is None:
        return 1
    factor = min(image.size) // at_least
    return 1 << (factor.bit_length() - 1) if factor >= 2 else 1


_SIDEWAYS: Final = frozenset(
    {Image.Transpose.TRANSPOSE, Image.Transpose.ROTATE_270, Image.Transpose.TRANSVERSE, Image.Transpose.ROTATE_90}
)

# What undoes each EXIF orientation (CIPA DC-008, tag 0x0112); 1 is upright.
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _turn(image: Image.Image) -> Image.Transpose | None:
    """Return the turn that is still needed to stand it upright. HEIC has its own rotation, which is already applied."""
    try:
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # broken EXIF says nothing about the pixels: the picture is taken as it lies
        return None


_SAYS_ZERO_SIZE: Final = "not identified by this driver"  # Pillow's words where width or height is 0
_SAY_TRUNCATED: Final = ("truncated", "unexpected end", "not enough data", "insufficient", "file size too small")
_SAY_UNSUPPORTED: Final = ("unsupported", "unknown pixel mode", "cannot handle", "not available", "not supported")


def explained(exc: Exception, kind: Format, data: bytes) -> PictureError:
    """Return what a decoder's complaint about bytes of this kind means."""
    said = _said(exc)
    lower = said.lower()
    if isinstance(exc, Image.DecompressionBombError):
        return PictureError(Reason.TOO_MANY_PIXELS, f"{kind}: {said}")
    if isinstance(exc, EOFError) or ends_early(kind, data) or any(word in lower for word in _SAY_TRUNCATED):
        return PictureError(Reason.TRUNCATED, f"the {kind} data ends early ({said})")
    if _SAYS_ZERO_SIZE in lower:
        return PictureError(Reason.ZERO_SIZE, f"{kind} of width or height 0")
    if isinstance(exc, NotImplementedError) or any(word in lower for word in _SAY_UNSUPPORTED):
        return PictureError(Reason.UNSUPPORTED, f"a kind of {kind} that is not decoded ({said})")
    return PictureError(Reason.CORRUPT, f"the {kind} data is broken ({said})")


def _said(exc: Exception) -> str:
    return " ".join(str(exc).split()) or type(exc).__name__
