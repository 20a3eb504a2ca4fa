"""The frames of animated pictures, and the pictures of a burst."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from PIL import ImageFile, PngImagePlugin

from yunmeng.errors import PictureError
from yunmeng.imaging import png
from yunmeng.imaging.budget import TimedBytes, memory_of, room, webp_memory
from yunmeng.imaging.decode import Picture, check_size, explained, opened, upright
from yunmeng.imaging.formats import recognise

__all__ = ["count_frames", "frames"]


def count_frames(data: bytes, *, max_pixels: int) -> int:
    """Return how many frames a file has, 1 for a still picture. Raises `PictureError` as `decode` does."""
    with _animation(data, max_pixels) as image:
        return int(getattr(image, "n_frames", 1))


def frames(data: bytes, numbers: Sequence[int], *, max_pixels: int) -> Iterator[Picture]:
    """Decode the frames with these ``numbers``, from 1, which must ascend; numbers past the last frame are left out.

    Each may take the memory and time that a picture may take (`limit_decoding`); memory is counted while one is
    decoded, not between two. Raises `PictureError` as `decode` does.
    """
    if not numbers:
        return
    kind = recognise(data)
    with _animation(data, max_pixels) as image:
        cost = webp_memory(data) if kind == "WEBP" else 2 * memory_of(image, kind, 1)  # the frame before, and this one
        for number in numbers:
            with room(cost) as ends:
                if isinstance(image.fp, TimedBytes):
                    image.fp.ends = ends
                try:
                    image.seek(number - 1)
                except EOFError:
                    return
                image.load()
                picture = Picture(upright(image), *image.size, kind)
            yield picture


@contextmanager
def _animation(data: bytes, max_pixels: int) -> Iterator[ImageFile.ImageFile]:
    kind = recognise(data)
    try:
        with room(webp_memory(data) if kind == "WEBP" else 0):
            image = PngImagePlugin.PngImageFile(TimedBytes(png.animated(data))) if kind == "PNG" else opened(kind, data)
        with image:
            check_size(image.size, max_pixels)
            yield image
    except PictureError:
        raise
    except Exception as exc:  # as in `decode`
        raise explained(exc, kind, data) from exc
