"""A drawing of a comparison, for people who have to be convinced: what matches where, and what was changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from yunmeng.copies.edits import Edit
from yunmeng.copies.photometric import overlaid
from yunmeng.copies.registration import covers, size_of, superpose, warped
from yunmeng.copies.transform import CORNERS, clip, inverse, project, to_pixels
from yunmeng.imaging.fonts import elided, font
from yunmeng.types import Alignment, Pixels

__all__ = ["VERDICT_WORDS", "Panel", "describe_edits", "draw_evidence"]

_WIDTH: Final = 1600  # pixels of the whole
_MARGIN: Final = 40
_GAP: Final = 24
_LABEL: Final = 56  # above a panel: what it shows, and what the picture is called
_TALLEST: Final = {4: 620, 2: 640}  # pixels of a panel, by the number in a row
_LONG: Final = 1.25  # width over height from which pictures get half of the width each, not a quarter
_LINE: Final = 5

_PAGE: Final = "#ffffff"
_GROUND: Final = "#f0f1f3"
_INK: Final = "#15181e"
_QUIET: Final = "#5f6672"
_OUTLINE: Final = "#e0218a"  # a colour that photographs seldom have
_COLOURS: Final = {"same-file": "#b3261e", "same-picture": "#b3261e", "edited-copy": "#b3261e"}
_DIFFERENT: Final = "#0e7c86"

VERDICT_WORDS: Final = {
    "same-file": ("The same file", "同一文件"),
    "same-picture": ("The same picture", "同一图片"),
    "edited-copy": ("An edited copy", "经过编辑的副本"),
    "different": ("Different pictures", "不同图片"),
    "other-content": ("Different pictures", "不同图片"),
    "other-moment": ("Different pictures", "不同图片"),
}
_MEANING: Final = {
    "same-file": ("equal byte for byte", "逐字节相同"),
    "same-picture": ("compressed or scaled anew at most", "仅重新压缩或缩放"),
    "other-content": ("the same template with other content", "版式相同，内容不同"),
    "other-moment": ("the same scene at another moment", "同一场景的另一时刻"),
    "different": ("nothing says that one was made from the other", "未发现一图由另一图制成的迹象"),
}
_CHINESE: Final = {
    "crop": "裁剪，保留原图的 {:.0%}",
    "flip": "镜像翻转",
    "rotation": "旋转 {:+.0f}°（顺时针为正）",
    "scale": "缩放至 {:.0%}",
    "stretch": "宽高比变为 {:.2f} 倍",
    "perspective": "透视变形",
    "inset": "置于边框或其他图片之中，占 {:.0%}",
    "colour": "调整颜色",
    "recoloured": "款式相同，颜色不同",
    "grey": "去除颜色",
    "negative": "反相（负片）",
    "blur": "模糊",
    "noise": "加入噪点",
    "overlay": "叠加文字或图形，占 {:.1%}",
}


@dataclass(frozen=True, slots=True)
class Panel:
    """One of the two pictures: its pixels, its whole size as (width, height), and its label."""

    pixels: Pixels
    size: tuple[int, int]
    name: str = ""


def draw_evidence(
    a: Panel,
    b: Panel,
    verdict: str,
    edits: Sequence[Edit],
    alignment: Alignment | None,
    figures: Mapping[str, str],
) -> Image.Image:
    """Draw the suspect ``a`` and the original ``b`` side by side, with what lies where, as RGB 1,600 pixels wide.

    ``verdict`` is that of a comparison, or the reason why two pictures that agree are different. Where they align: the
    outline of either in the other, a laid over b, and the places that differ. ``figures`` are measures to print, by
    their names. Text is in English and Chinese, as far as there is a font for that.
    """
    panels = [(_titled("A", "suspect", "待查图片", a), Image.fromarray(a.pixels))]
    panels.append((_titled("B", "original", "原图", b), Image.fromarray(b.pixels)))
    if alignment is not None:
        panels += _aligned(a, b, alignment)
    many = len(panels) == 4 and max(image.width / image.height for _, image in panels) < _LONG
    columns = 4 if many else 2
    width = (_WIDTH - 2 * _MARGIN - (columns - 1) * _GAP) // columns
    outlines = _outlines(alignment)
    drawn = [
        (title, _fitted(image, (width, _TALLEST[columns]), outlines.get(number, [])))
        for number, (title, image) in enumerate(panels)
    ]
    return _page(drawn, columns, width, describe_edits(verdict, edits), _footer(alignment, figures), verdict)


def _titled(letter: str, english: str, chinese: str, panel: Panel) -> tuple[str, str]:
    size = f"{panel.size[0]} x {panel.size[1]}"
    return f"{letter}  {english} {chinese}", f"{size}  {panel.name}" if panel.name else size


def describe_edits(verdict: str, edits: Sequence[Edit]) -> list[tuple[str, str]]:
    """Return what was done to a picture, or what its verdict means, in English and Chinese, a line each."""
    if edits:
        return [(edit.detail, _CHINESE[edit.name].format(edit.amount)) for edit in edits]
    return [_MEANING[verdict]] if verdict in _MEANING else []


def _footer(alignment: Alignment | None, figures: Mapping[str, str]) -> list[str]:
    said = []
    if alignment is not None:
        if alignment.inliers:
            said.append(f"matching points 一致的特征点: {alignment.inliers}")
        said.append(f"A shows of B 原图可见: {alignment.target_overlap:.0%}")
        said.append(f"B takes up of A 占待查图: {alignment.query_overlap:.0%}")
    return [*said, *(f"{name}: {value}" for name, value in figures.items())]


def _outlines(alignment: Alignment | None) -> dict[int, list[tuple[float, float]]]:
    """Return the polygon to draw on each panel, in fractions of it: the outline of the other picture."""
    if alignment is None:
        return {}
    onto_a = inverse(to_pixels(alignment, (1, 1), (1, 1)))
    corners = project(onto_a, CORNERS)
    if alignment.mirrored:
        corners = corners[::-1]
    in_a = [(float(x), float(y)) for x, y in clip(corners)]
    in_b = [(float(x), float(y)) for x, y in alignment.outline]
    return {0: in_a, 1: in_b, 2: in_b}


def _aligned(a: Panel, b: Panel, alignment: Alignment) -> list[tuple[tuple[str, str], Image.Image]]:
    """a laid over a pale b, and where they differ."""
    scale = min(1.0, 760 / max(size_of(b.pixels)))
    size = max(1, round(b.pixels.shape[1] * scale)), max(1, round(b.pixels.shape[0] * scale))
    ground = Image.fromarray(b.pixels).resize(size, Image.Resampling.LANCZOS)
    pale = Image.blend(ground.convert("L").convert("RGB"), Image.new("RGB", size, "white"), 0.6)
    onto_a = inverse(to_pixels(alignment, size_of(a.pixels), size))
    over, covered = warped(a.pixels, onto_a, size), covers(a.pixels, onto_a, size)
    inside = Image.fromarray(np.uint8(255) * covered.astype(np.uint8))
    laid = pale.copy()
    laid.paste(Image.fromarray(over.clip(0, 255).astype(np.uint8)), (0, 0), inside)
    differing = _differing(a, b, alignment, pale, inside)
    return [
        (("A laid over B  A 对齐到 B", "pale: what only B shows 浅色为仅 B 可见"), laid),
        (("differences 差异", "red: unlike B in the same colours 红色处不同"), differing),
    ]


def _differing(a: Panel, b: Panel, alignment: Alignment, pale: Image.Image, inside: Image.Image) -> Image.Image:
    """Draw the difference of the two after matching colours and sharpness, the stronger the redder."""
    pair = superpose(a.pixels, b.pixels, alignment)
    rest = np.abs(pair.a - pair.expected).max(axis=2) * pair.covered
    # Up to 20 grey levels are what compression leaves; at 90 it is another picture.
    strength = ((rest - 20) / 70).clip(0, 1)
    strength[overlaid(pair) > 0] = np.maximum(strength[overlaid(pair) > 0], 0.6)
    mask = _into_whole(strength, alignment, pale.size)
    shown = Image.blend(pale, Image.new("RGB", pale.size, "white"), 0.35)
    shown.paste(pale, (0, 0), inside)
    shown.paste(Image.new("RGB", pale.size, (214, 20, 30)), (0, 0), mask)
    return shown


def _into_whole(strength: NDArray[np.float32], alignment: Alignment, size: tuple[int, int]) -> Image.Image:
    """A mask of the part that both show, put where that lies in b."""
    xs, ys = np.array(alignment.outline).T.clip(0, 1) * np.array(size)[:, None]
    left, top = round(float(xs.min())), round(float(ys.min()))
    width, height = max(1, round(float(xs.max())) - left), max(1, round(float(ys.max())) - top)
    part = Image.fromarray((strength * 255).astype(np.uint8)).resize((width, height), Image.Resampling.BILINEAR)
    whole = Image.new("L", size, 0)
    whole.paste(part, (left, top))
    return whole


def _fitted(image: Image.Image, room: tuple[int, int], outline: Sequence[tuple[float, float]]) -> Image.Image:
    """A picture as large as its place allows, with a polygon in fractions of it drawn on."""
    scale = min(room[0] / image.width, room[1] / image.height)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    fitted = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    if len(outline) > 2:
        # Half a line inwards, so that an outline along the edge is seen.
        inner = [(size[0] - _LINE, size[1] - _LINE), (_LINE / 2, _LINE / 2)]
        points = [(x * inner[0][0] + inner[1][0], y * inner[0][1] + inner[1][1]) for x, y in outline]
        draw = ImageDraw.Draw(fitted)
        draw.line([*points, points[0], points[1]], "white", _LINE + 2, joint="curve")
        draw.line([*points, points[0], points[1]], _OUTLINE, _LINE - 1, joint="curve")
    return fitted


def _page(
    panels: Sequence[tuple[tuple[str, str], Image.Image]],
    columns: int,
    width: int,
    words: Sequence[tuple[str, str]],
    footer: Sequence[str],
    verdict: str,
) -> Image.Image:
    heading = _MARGIN + 58 + 34 * len(words) + 24
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    heights = [max(image.height for _, image in row) + _LABEL + _GAP for row in rows]
    lines = _wrapped(footer, _WIDTH - 2 * _MARGIN)
    page = Image.new("RGB", (_WIDTH, heading + sum(heights) + 30 * len(lines) + _MARGIN), _PAGE)
    draw = ImageDraw.Draw(page)
    english, chinese = VERDICT_WORDS[verdict]
    draw.text(
        (_MARGIN, _MARGIN), f"{english}  {chinese}", _COLOURS.get(verdict, _DIFFERENT), font(40, bold=True), anchor="lt"
    )
    for number, (one, other) in enumerate(words):
        line = elided(f"{one}   {other}", font(23), _WIDTH - 2 * _MARGIN)
        draw.text((_MARGIN, _MARGIN + 66 + 34 * number), line, _INK, font(23), anchor="lt")
    top = heading
    for row, height in zip(rows, heights, strict=True):
        for column, (title, image) in enumerate(row):
            _place(page, draw, title, image, (_MARGIN + column * (width + _GAP), top, width, height - _LABEL - _GAP))
        top += height
    for number, line in enumerate(lines):
        draw.text((_MARGIN, top + 30 * number), line, _QUIET, font(20), anchor="lt")
    return page


def _place(
    page: Image.Image,
    draw: ImageDraw.ImageDraw,
    title: tuple[str, str],
    image: Image.Image,
    at: tuple[int, int, int, int],
) -> None:
    left, top, width, height = at
    draw.text((left, top), elided(title[0], font(20, bold=True), width), _INK, font(20, bold=True), anchor="lt")
    draw.text((left, top + 26), elided(title[1], font(17), width), _QUIET, font(17), anchor="lt")
    top += _LABEL
    draw.rectangle((left, top, left + width - 1, top + height - 1), _GROUND)
    page.paste(image, (left + (width - image.width) // 2, top + (height - image.height) // 2))


def _wrapped(parts: Sequence[str], width: int) -> list[str]:
    """``parts`` in as few lines as they need."""
    lines: list[str] = []
    for part in parts:
        longer = f"{lines[-1]}     {part}" if lines else part
        if lines and font(20).getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(part)
    return lines
