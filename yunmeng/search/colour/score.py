"""The score of palettes by colours that are asked for.

It is the intersection of two distributions (Swain and Ballard, "Color Indexing", IJCV 1991): for each colour that is
asked for, how much of it the palette has, but no more than the share that is asked for. Colours need not be equal: each
of the palette's counts by how well it fits, and what fits several counts for the one that it fits better.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from yunmeng.imaging.oklab import oklab
from yunmeng.imaging.palette import MOST_COLOURS
from yunmeng.search.colour.naming import BASIC, fits, spread

if TYPE_CHECKING:
    from yunmeng.search.colour.question import ColourQuestion
    from yunmeng.search.colour.words import Tint

__all__ = ["Palettes", "joined", "named_shares", "palettes_of", "score"]

_EXACT: Final = 0.06
"""Distance in OKLab at which a colour fits a code by 0.6; 0.02 is just seen."""
_FALL: Final = 0.18  # 1 / 1.18**3 is 0.6: it falls as a Gaussian does at first, costs less, and never ends
_NAMED: Final = 0.45
"""The same for the colour of a name, in the space of names."""
_EDGE: Final = 0.04  # how soft the limits of light, dark and bright are
_MIDDLE: Final = {
    "black": 0.25, "white": 0.9, "grey": 0.58, "red": 0.5, "orange": 0.7, "yellow": 0.87, "green": 0.55, "blue": 0.5,
    "purple": 0.5, "pink": 0.72, "brown": 0.42, "beige": 0.8,
}  # fmt: skip
"""Lightness of what is neither light nor dark."""
_VIVID: Final = 0.13
"""Chroma from which a colour is bright."""


class Palettes(NamedTuple):
    """The palettes of n pictures as arrays, five colours each; what a picture has fewer of has the share 0.

    ``lab`` and ``whole_lab`` are float16 (n, 5, 3) in OKLab, ``share`` and ``whole_share`` float16 (n, 5), and
    ``names`` uint8 (n, 5, 12), of 255: how well the basic names fit the colours of the subject.
    """

    lab: NDArray[np.float16]
    share: NDArray[np.float16]
    whole_lab: NDArray[np.float16]
    whole_share: NDArray[np.float16]
    names: NDArray[np.uint8]

    def rows(self, rows: "NDArray[np.intp] | slice") -> "Palettes":
        """Return those of some pictures."""
        return Palettes(
            self.lab[rows], self.share[rows], self.whole_lab[rows], self.whole_share[rows], self.names[rows]
        )


def palettes_of(texts: Sequence[str]) -> Palettes:
    """Return palettes from `Record.palette` of n pictures, none of them empty."""
    halves = [text.partition("-") for text in texts]
    subject, whole = _values([subject for subject, _, _ in halves]), _values([whole for _, _, whole in halves])
    lab, whole_lab = oklab(subject[..., :3]), oklab(whole[..., :3])
    names = np.rint(255 * fits(lab.reshape(-1, 3))).astype(np.uint8).reshape(*lab.shape[:2], len(BASIC))
    return Palettes(
        lab.astype(np.float16), _full(subject[..., 3]), whole_lab.astype(np.float16), _full(whole[..., 3]), names
    )


def joined(some: Sequence[Palettes]) -> Palettes:
    """Return the palettes of several groups of pictures, one group after the other."""
    return Palettes(*map(np.concatenate, zip(*some, strict=True)))


def score(question: "ColourQuestion", palettes: Palettes) -> NDArray[np.float32]:
    """Return how far palettes have the colours that are asked for, with their shares: float32 (n,) in [0, 1]."""
    wanted = np.array([share for _, share in question.asked], np.float32)
    found = _intersection(_fitting(question, palettes.lab, palettes.names), palettes.share, wanted)
    if question.whole:
        whole = _intersection(_fitting(question, palettes.whole_lab, palettes.names), palettes.whole_share, wanted)
        found = np.maximum(found, whole)
    return found


def named_shares(palettes: Palettes) -> NDArray[np.float32]:
    """Return the share of each basic name in the subjects, float32 (n, 12)."""
    shares: NDArray[np.float32] = np.einsum(
        "nc,ncb->nb", palettes.share.astype(np.float32), palettes.names.astype(np.float32) / 255
    )
    return shares


def _fitting(question: "ColourQuestion", lab: NDArray[np.float16], names: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how well colours (n, 5, 3) fit the m that are asked for: (n * 5, m) in [0, 1]."""
    flat = lab.reshape(-1, 3).astype(np.float32)
    colours = [colour for colour, _ in question.asked]
    if all(colour.exact for colour in colours):
        return _near(flat, oklab(np.array([colour.rgb for colour in colours])), _EXACT)
    fit = np.empty((len(flat), len(colours)), np.float32)
    for column, colour in enumerate(colours):
        if colour.basic is not None:
            fit[:, column] = _of_basic(colour.basic, colour.tint, flat, names)
        else:
            place = oklab(np.array([colour.rgb]))
            near = _near(flat, place, _EXACT) if colour.exact else _near(spread(flat), spread(place), _NAMED)
            fit[:, column] = near[:, 0]
    return fit


def _near(places: NDArray[np.float32], wanted: NDArray[np.float32], reach: float) -> NDArray[np.float32]:
    """Return how near places (n, 3) are to others (m, 3): (n, m) in [0, 1], 0.6 at the distance ``reach``."""
    lengths = np.einsum("nc,nc->n", places, places)[:, None] + np.einsum("nc,nc->n", wanted, wanted)
    squares = lengths - 2 * places @ wanted.T
    near: NDArray[np.float32] = 1 / (1 + np.maximum(squares, 0) * np.float32(_FALL / reach**2))
    near *= near * near  # a power costs much more
    return near


def _of_basic(
    basic: str, tint: "Tint | None", lab: NDArray[np.float32], names: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Return how well colours (n, 3), whose names are known, fit a basic one or a tint of it: (n,) in [0, 1]."""
    fit: NDArray[np.float32] = names.reshape(-1, len(BASIC))[:, BASIC.index(basic)].astype(np.float32)
    if tint == "bright":
        fit = fit * _above(np.hypot(lab[:, 1], lab[:, 2]), _VIVID)
    elif tint is not None:
        sign = 1 if tint == "light" else -1
        fit = fit * _above(sign * lab[:, 0], sign * _MIDDLE[basic])
    fit /= 255
    return fit


def _above(values: NDArray[np.float32], limit: float) -> NDArray[np.float32]:
    steep: NDArray[np.float32] = 1 / (1 + np.exp((limit - values) / _EDGE))
    return steep


def _intersection(
    fitting: NDArray[np.float32], shares: NDArray[np.float16], wanted: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the part of ``wanted`` (m,) that colours with ``shares`` (n, 5) fill, where they fit as (n * 5, m)."""
    if len(wanted) > 1:  # what fits several is shared among them
        ones = np.ones((len(wanted), 1), np.float32)  # a product is quicker than a sum over a few
        fitting = fitting * fitting / np.maximum(fitting @ ones, 1e-6)
    filled = np.einsum("nc,ncm->nm", shares.astype(np.float32), fitting.reshape(*shares.shape, len(wanted)))
    found: NDArray[np.float32] = np.minimum(filled, wanted).sum(axis=1)
    return found


def _values(texts: Sequence[str]) -> NDArray[np.uint8]:
    """Return red, green, blue and share of the colours that `Palette.read` reads, uint8 (n, 5, 4)."""
    length = 4 * MOST_COLOURS
    told = b"".join(bytes.fromhex(text)[:length].ljust(length, b"\0") for text in texts)
    return np.frombuffer(told, np.uint8).reshape(-1, MOST_COLOURS, 4)


def _full(shares: NDArray[np.uint8]) -> NDArray[np.float16]:
    """Return shares of 255 (n, 5) so that they sum to 1: they were rounded."""
    full: NDArray[np.float16] = (shares / np.maximum(shares.sum(axis=1, keepdims=True, dtype=np.float32), 1)).astype(
        np.float16
    )
    return full
