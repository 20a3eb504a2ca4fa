"""Frames around pictures: they make a picture larger, and show nothing more of it."""

from typing import Final

import numpy as np
from PIL import Image

__all__ = ["share_within_frame"]

_SIDE: Final = 256  # pixels of the longer side
_PLAIN: Final = 16  # levels by which a channel may differ from the frame's colour, as after compression
_SPECKS: Final = 0.06  # share of a line of the frame that may differ by more
_ALONG: Final = 0.6  # share of an inner edge that stands out from the frame
_BLURRED: Final = 4  # lines within which an inner edge is over, as compression spreads colours


def share_within_frame(image: Image.Image) -> float:
    """Return the share of an RGB picture that lies within a frame of one colour, in (0, 1]; 1 where it has none.

    The inner edges of a frame stand out all along; those of the box around a thing on a plain ground do not.
    """
    small = image.copy()
    small.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    pixels = np.asarray(small).astype(np.int16)
    ring = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    shows = (np.abs(pixels - np.median(ring, axis=0)) > _PLAIN).any(axis=2)
    rows, columns = (np.flatnonzero(shows.mean(axis=axis) > _SPECKS) for axis in (1, 0))
    if min(rows.size, columns.size) <= 2 * _BLURRED:
        return 1.0
    box = shows[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    sides = [
        box[:_BLURRED] if rows[0] else None,
        box[-_BLURRED:] if rows[-1] + 1 < shows.shape[0] else None,
        box[:, :_BLURRED].T if columns[0] else None,
        box[:, -_BLURRED:].T if columns[-1] + 1 < shows.shape[1] else None,
    ]
    framed = all(side.mean(axis=1).max() >= _ALONG for side in sides if side is not None)
    return box.size / shows.size if framed else 1.0
