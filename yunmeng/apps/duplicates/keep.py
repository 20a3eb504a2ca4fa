"""The choice of the picture of a group that stays."""

import math
import os
from collections.abc import Callable
from typing import Final

from yunmeng.apps.duplicates.framing import share_within_frame
from yunmeng.apps.duplicates.types import KeepRule
from yunmeng.errors import YunmengError
from yunmeng.imaging.decode import decode
from yunmeng.types import Record

__all__ = ["rank", "share_that_counts"]

_SIDE: Final = 128  # pixels of the shorter side, to see a frame
_MORE_BYTES: Final = 1.1
"""Times the bytes that count as more: saving a mirrored picture anew makes a few of them."""
_FRAMED: Final = 0.9
"""What framing a picture takes from it: the frame was the edit, and the share is known to a few per cent."""


def rank(record: Record, file: os.stat_result | None, keep: KeepRule, share: float) -> tuple[float, ...]:
    """Return a sort key, lowest for the picture that stays. ``share`` in (0, 1] is the part of its pixels to count."""
    pixels, size = record.width * record.height, file.st_size if file else 0
    match keep:
        case "largest":
            return (-pixels * share, -round(math.log(max(size, 1), _MORE_BYTES)))
        case "smallest":
            return (pixels, size if file else float("inf"))
        case "oldest":
            return (file.st_mtime if file else float("inf"), -pixels)
        case "newest":
            return (-file.st_mtime if file else float("inf"), -pixels)
        case "sharpest":
            return (-record.quality.get("sharpness", 0.0), -pixels, -size)


def share_that_counts(original: Callable[[str], bytes], id: str, max_pixels: int) -> float:
    """Return the share of a picture that is not frame, in (0, 1]; 1 where it cannot be read.

    The largest picture is chosen by this part of its pixels, as a frame adds pixels and shows nothing more.
    """
    try:
        share = share_within_frame(decode(original(id), at_least=_SIDE, max_pixels=max_pixels).image)
    except YunmengError:
        return 1.0
    return share if share == 1 else _FRAMED * share
