"""Rectangles of a picture that may be pictures of their own: pasted, framed, or one of several side by side.

A picture that was pasted ends in straight lines, along which neighbouring pixels have nothing to do with each other.
Steps between pixels that are sharp and alone are gathered along rows and columns; the rectangles whose four sides have
most of them are what may have been pasted.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from yunmeng.copies.features import Floats
from yunmeng.types import Region

__all__ = ["find_insets"]

_SIDE: Final = 400  # pixels of the longer side: fine enough for one-pixel borders, and cheap
_STEP: Final = 12.0  # grey levels between neighbours that make a full step
_COMMON: Final = 0.45  # share of a line that must be steps for it to count as going on
_LINES: Final = 24  # in either direction
_SHORTEST: Final = 6.0  # steps beyond that share, for a line to be looked at
_LEAST: Final = 0.12  # of the picture's side
_AT_THE_EDGE: Final = 0.6
"""What a side is worth that lies on the picture's own edge, where there is nothing to see."""
_SUPPORT: Final = 0.35  # of a rectangle by its sides, from which it is told
_SAME: Final = 0.7  # intersection over union, from which two rectangles are one

Rows = NDArray[np.intp]


def find_insets(image: Image.Image, most: int = 4) -> list[Region]:
    """Return at most ``most`` parts of an RGB picture that look like pasted pictures, the likeliest first."""
    grey = image.convert("L")
    if max(grey.size) > _SIDE:
        scale = _SIDE / max(grey.size)
        grey = grey.resize(
            (max(1, round(grey.width * scale)), max(1, round(grey.height * scale))), Image.Resampling.BOX
        )
    if min(grey.size) < 16:
        return []
    pixels = np.asarray(grey, np.float32)
    upright, level = _steps(pixels), _steps(pixels.T)
    boxes, support = _rectangles(upright, level)
    chosen: list[Region] = []
    for number in np.argsort(-support, kind="stable")[: 50 * most]:
        if support[number] < _SUPPORT or len(chosen) == most:
            break
        left, top, right, bottom = (boxes[number] / np.array([*grey.size, *grey.size])).tolist()
        region = Region(left, top, right - left, bottom - top)
        if all(_overlap(region, other) < _SAME for other in chosen):
            chosen.append(region)
    return chosen


def _steps(pixels: Floats) -> Floats:
    """Return how clear the step between the columns x - 1 and x is, in [0, 1]: (height, width + 1)."""
    change = np.pad(np.abs(np.diff(pixels, axis=1)), ((0, 0), (1, 1)))
    around = sum((np.roll(change, offset, axis=1) for offset in (-4, -3, 3, 4)), np.zeros_like(change)) / 2
    highest = np.maximum(np.roll(change, 1, axis=1), np.roll(change, -1, axis=1))
    clear = np.clip((change - around) / _STEP, 0, 1) * (change >= highest)
    # Compression moves a step by a pixel here and there.
    widened: Floats = np.maximum(clear, np.maximum(np.roll(clear, 1, axis=1), np.roll(clear, -1, axis=1)))
    return widened


def _lines(steps: Floats) -> Rows:
    """The columns with the longest runs of steps, and both edges, in order."""
    run = np.zeros(steps.shape[1], np.float32)
    longest = run.copy()
    for row in steps - np.float32(_COMMON):
        run = np.maximum(0, run + row)
        longest = np.maximum(longest, run)
    chosen: list[int] = []
    for column in np.argsort(-longest, kind="stable").tolist():
        if len(chosen) == _LINES or longest[column] < _SHORTEST:
            break
        if all(abs(column - other) > 2 for other in chosen):
            chosen.append(column)
    return np.array(sorted({0, steps.shape[1] - 1, *chosen}))


def _rectangles(upright: Floats, level: Floats) -> tuple[Rows, Floats]:
    """All rectangles between lines: left, top, right and bottom, (n, 4), and how well their sides show, (n,)."""
    (xs, width), (ys, height) = ((_intervals(_lines(steps)), steps.shape[1] - 1) for steps in (upright, level))
    pairs = np.array(np.meshgrid(np.arange(len(xs)), np.arange(len(ys)))).reshape(2, -1)
    (left, right), (top, bottom) = xs[pairs[0]].T, ys[pairs[1]].T
    along_columns, along_rows = (np.pad(steps.cumsum(axis=0), ((1, 0), (0, 0))) for steps in (upright, level))
    high, wide = np.maximum(bottom - top, 1), np.maximum(right - left, 1)
    sides = np.stack(
        [
            np.where(left == 0, _AT_THE_EDGE, (along_columns[bottom, left] - along_columns[top, left]) / high),
            np.where(right == width, _AT_THE_EDGE, (along_columns[bottom, right] - along_columns[top, right]) / high),
            np.where(top == 0, _AT_THE_EDGE, (along_rows[right, top] - along_rows[left, top]) / wide),
            np.where(bottom == height, _AT_THE_EDGE, (along_rows[right, bottom] - along_rows[left, bottom]) / wide),
        ]
    )
    at_edges = (left == 0).astype(int) + (right == width) + (top == 0) + (bottom == height)
    support = (sides.mean(axis=0) + sides.min(axis=0)) / 2
    support[(at_edges >= 3) | (wide < _LEAST * width) | (high < _LEAST * height)] = 0
    return np.stack([left, top, right, bottom], axis=1), support


def _intervals(lines: Rows) -> Rows:
    first, last = np.triu_indices(len(lines), 1)
    return np.stack([lines[first], lines[last]], axis=1)


def _overlap(a: Region, b: Region) -> float:
    """Intersection over union."""
    wide = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    high = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    both = max(0.0, wide) * max(0.0, high)
    return both / (a.w * a.h + b.w * b.h - both)
