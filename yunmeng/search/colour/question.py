"""Colours that are asked for, with their shares, from text such as ``#c0392b:0.6,white``."""

import math
import re
from typing import Final, NamedTuple

from yunmeng.errors import QueryError
from yunmeng.search.colour.words import Colour, code, named

__all__ = ["MOST_COLOURS", "Asked", "ColourQuestion", "read_color"]

MOST_COLOURS: Final = 8

_BETWEEN: Final = re.compile(r"[,，、;；]")
_ROUNDED: Final = 0.05  # by which shares may come to more than 1: people round them


class Asked(NamedTuple):
    """One colour, and the share that it is to have, in (0, 1]."""

    colour: Colour
    share: float


class ColourQuestion(NamedTuple):
    """Colours whose shares sum to 1. ``whole`` says that they may be those of the whole picture, not of its subject."""

    asked: tuple[Asked, ...]
    whole: bool = False

    def __str__(self) -> str:
        return ",".join(f"{colour}:{share:.4f}" for colour, share in self.asked)


def read_color(text: str) -> ColourQuestion:
    """Return the colours of a text: codes and names, each perhaps with a share; the others divide what is left.

    Raises `QueryError`.
    """
    parts = [part.strip() for part in _BETWEEN.split(text) if part.strip()]
    if not parts:
        raise QueryError("no colour is given: name one or more, such as red, 浅蓝 or #c0392b:0.6,#ffffff")
    if len(parts) > MOST_COLOURS:
        raise QueryError(f"{len(parts)} colours are given, and {MOST_COLOURS} are the most")
    read = [_part(part) for part in parts]
    given = math.fsum(share for _, share in read if share is not None)
    open_ = sum(share is None for _, share in read)
    if given > 1 + _ROUNDED or (open_ and given >= 1):
        raise QueryError(f"the shares of the colours come to {given:g}: all together are 1, as in #c0392b:0.6,#ffffff")
    rest = (1 - given) / open_ if open_ else 0.0
    total = 1.0 if open_ else given
    asked = tuple(Asked(colour, (rest if share is None else share) / total) for colour, share in read)
    return ColourQuestion(asked, whole=len(asked) > 1 and all(colour.exact for colour, _ in asked))


def _part(text: str) -> tuple[Colour, float | None]:
    name, _, share = (piece.strip() for piece in text.replace("：", ":").partition(":"))
    colour = code(name) or named(name)
    if colour is None:
        raise QueryError(
            f"{name!r} is no colour that is known here: give a name such as red, navy or 浅蓝, or a code like #c0392b"
        )
    if not share:
        return colour, None
    try:
        value = float(share)
    except ValueError:
        value = math.nan
    if not 0 < value <= 1:
        raise QueryError(f"{share!r} is no share of a colour: give a number above 0 and up to 1, as in #c0392b:0.6")
    return colour, value
