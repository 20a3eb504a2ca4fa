"""Lines over numbered steps, drawn with Pillow."""

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10
from typing import Final

from PIL import Image, ImageDraw

from yunmeng.imaging.fonts import elided, font

__all__ = ["draw_lines"]

_WIDTH, _HEIGHT = 960, 600
_LEFT, _RIGHT, _TOP, _BOTTOM = 96, 36, 120, 76
_TEXT: Final = 20
_INK, _PALE, _GRID = "#15181e", "#767d89", "#e3e6ea"
_COLOURS: Final = ("#2563c9", "#d1632b", "#2f8f5b", "#8a4bbf")
_TICKS: Final = 5
_DOT: Final = 3


def draw_lines(lines: Mapping[str, Sequence[float]], title: str, steps: str, marked: int | None = None) -> Image.Image:
    """Return a chart of up to four lines with their names, RGB.

    Args:
        lines: The values of each from step 0 on, at least one, finite.
        title: Printed above.
        steps: Name of the axis of steps.
        marked: A step that gets an upright line.
    """
    image = Image.new("RGB", (_WIDTH, _HEIGHT), "#ffffff")
    draw, small = ImageDraw.Draw(image), font(_TEXT)
    face = font(_TEXT + 6, bold=True)
    draw.text((_LEFT, 28), elided(title, face, _WIDTH - _LEFT - _RIGHT), _INK, face, anchor="la")
    values = [value for line in lines.values() for value in line]
    tick = _tick(max(values) - min(values))
    low, high = floor(min(values) / tick), ceil(max(values) / tick)
    high = max(high, low + 1)
    last = max(1, max(len(line) for line in lines.values()) - 1)

    def at(step: float, value: float) -> tuple[float, float]:
        across = (_WIDTH - _LEFT - _RIGHT) * step / last
        up = (_HEIGHT - _TOP - _BOTTOM) * (value / tick - low) / (high - low)
        return _LEFT + across, _HEIGHT - _BOTTOM - up

    for number in range(low, high + 1):
        x, y = at(0, number * tick)
        draw.line((x, y, _WIDTH - _RIGHT, y), _GRID, 1)
        draw.text((x - 12, y), f"{number * tick:.4g}", _PALE, small, anchor="rm")
    for step in range(0, last + 1, max(1, ceil(last / 10))):
        x, y = at(step, low * tick)
        draw.text((x, y + 12), str(step), _PALE, small, anchor="ma")
    draw.text((_WIDTH - _RIGHT, _HEIGHT - 8), steps, _PALE, small, anchor="rd")
    if marked is not None:
        draw.line((at(marked, low * tick), at(marked, high * tick)), _PALE, 1)
    left = float(_LEFT)
    for colour, (name, line) in zip(_COLOURS, lines.items(), strict=False):
        points = [at(step, value) for step, value in enumerate(line)]
        draw.line(points, colour, 3, joint="curve")
        for x, y in points:
            draw.ellipse((x - _DOT, y - _DOT, x + _DOT, y + _DOT), colour)
        draw.line((left, 90, left + 28, 90), colour, 3)
        draw.text((left + 38, 90), name, _INK, small, anchor="lm")
        left += 38 + small.getlength(name) + 36
    return image


def _tick(span: float) -> float:
    """Return 1, 2 or 5 times a power of ten, so that about `_TICKS` of them make the span."""
    rough = max(span, 1e-6) / _TICKS
    power = 10.0 ** floor(log10(rough))
    return next(step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= rough)
