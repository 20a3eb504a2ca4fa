"""A report as PDF, by ReportLab. Needs the extra ``copyright``.

Chinese is printed by the font STSong-Light, which every viewer of PDF knows and no file has to bring.
"""

import io
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from yunmeng.apps.copyright.report.document import (
    Block,
    Code,
    Document,
    Facts,
    Figure,
    Figures,
    Heading,
    Lead,
    Steps,
    Text,
)
from yunmeng.errors import MissingExtra

if TYPE_CHECKING:
    from reportlab.platypus import Flowable

__all__ = ["as_pdf"]

_FONTS: Final = (("Helvetica", "cp1252"), ("STSong-Light", "gbk"), ("HYSMyeongJo-Medium", "cp949"))
"""Fonts and the characters that each has, by a character set; the first that has one prints it."""
_MARGIN: Final = 50.0  # points
_WIDTH: Final = 595.0 - 2 * _MARGIN  # of A4
_TALLEST: Final = 330.0  # of a figure beside another
_WHOLE: Final = 690.0  # of a figure of its own
_LINE: Final = 100  # characters of code
_INK, _QUIET, _RULE, _ALARM, _CALM, _GROUND = "#15181e", "#5f6672", "#d8dbe0", "#a3201a", "#0e5f68", "#f3f4f6"


def as_pdf(document: Document) -> bytes:
    """Return a report as a PDF file on pages of A4. Raises `MissingExtra`."""
    try:
        from reportlab.pdfbase import pdfmetrics
        from reportlab.pdfbase.cidfonts import UnicodeCIDFont
        from reportlab.platypus import SimpleDocTemplate
    except ImportError as exc:
        raise MissingExtra("a report as PDF", "copyright") from exc
    for name, _ in _FONTS[1:]:
        pdfmetrics.registerFont(UnicodeCIDFont(name))
    stream = io.BytesIO()
    pages = SimpleDocTemplate(
        stream,
        pagesize=(595, 842),
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=46,
        bottomMargin=56,
        title=document.title,
        author="Yunmeng",
        lang=document.language,
    )
    styles = _styles(document.language)
    flow: list[Flowable] = [_paragraph(document.title, styles["title"])]
    for block in document.blocks:
        flow += _flow(block, styles)

    def foot(canvas: Any, _: object) -> None:
        line = _paragraph(f"{document.foot} · {canvas.getPageNumber()}", styles["foot"])
        line.wrap(_WIDTH, 20)
        line.drawOn(canvas, _MARGIN, 30)

    pages.build(flow, onFirstPage=foot, onLaterPages=foot)
    return stream.getvalue()


def _styles(language: str) -> dict[str, Any]:
    from reportlab.lib.colors import HexColor
    from reportlab.lib.styles import ParagraphStyle

    quiet = HexColor(_QUIET)
    wrap = "CJK" if language == "zh" else None
    body = ParagraphStyle(
        "body", fontName="Helvetica", fontSize=9.5, leading=14, textColor=HexColor(_INK), wordWrap=wrap
    )

    def like(name: str, **changes: Any) -> Any:
        return ParagraphStyle(name, parent=body, **changes)

    return {
        "title": like("title", fontSize=20, leading=26, spaceAfter=8),
        "heading": like("heading", fontSize=13, leading=18, spaceBefore=14, spaceAfter=5, keepWithNext=1),
        "lead": like("lead", fontSize=13, leading=18, spaceAfter=8),
        "body": like("text", spaceAfter=6),
        "name": like("name", textColor=quiet),
        "value": like("value", splitLongWords=1),
        "caption": like("caption", fontSize=8, leading=11, textColor=quiet),
        "foot": like("foot", fontSize=7.5, leading=10, textColor=quiet),
        "code": ParagraphStyle(
            "code", fontName="Courier", fontSize=7.5, leading=10, backColor=HexColor(_GROUND), spaceAfter=8
        ),
    }


def _flow(block: Block, styles: dict[str, Any]) -> "Iterator[Flowable]":
    from reportlab.lib.colors import HexColor
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Preformatted

    match block:
        case Heading(text):
            yield _paragraph(text, styles["heading"])
        case Lead(text, alarm):
            style = ParagraphStyle("said", parent=styles["lead"], textColor=HexColor(_ALARM if alarm else _CALM))
            yield _paragraph(text, style)
        case Text(text):
            yield _paragraph(text, styles["body"])
        case Steps(texts):
            yield from (_paragraph(f"{at}. {text}", styles["body"]) for at, text in enumerate(texts, 1))
        case Code(text):
            yield Preformatted(text.rstrip("\n"), styles["code"], maxLineLength=_LINE)
        case Facts(rows):
            yield _table(rows, styles)
        case Figures(figures):
            yield _figures(figures, styles)


def _table(rows: Any, styles: dict[str, Any]) -> "Flowable":
    from reportlab.platypus import Table

    cells = [[_paragraph(name, styles["name"]), _paragraph(value, styles["value"])] for name, value in rows]
    lines = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("LINEBELOW", (0, 0), (-1, -1), 0.5, _RULE), *_no_padding()]
    return Table(cells, colWidths=[0.3 * _WIDTH, 0.7 * _WIDTH], style=lines, splitInRow=1)


def _figures(figures: Any, styles: dict[str, Any]) -> "Flowable":
    from reportlab.platypus import Table

    width = _WIDTH / len(figures)
    tallest = _WHOLE if len(figures) == 1 else _TALLEST
    images = [_image(figure, width - (8 if len(figures) > 1 else 0), tallest) for figure in figures]
    captions = [_paragraph(figure.caption, styles["caption"]) for figure in figures]
    style = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("ALIGN", (0, 0), (-1, -1), "LEFT"), *_no_padding()]
    return Table([images, captions], colWidths=[width] * len(figures), style=style, hAlign="LEFT")


def _no_padding() -> list[Any]:
    return [("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 6)]


def _image(figure: Figure, width: float, height: float) -> "Flowable":
    from reportlab.platypus import Image

    scale = min(width / figure.size[0], height / figure.size[1])
    return Image(io.BytesIO(figure.data), figure.size[0] * scale, figure.size[1] * scale, hAlign="LEFT")


def _paragraph(text: str, style: Any) -> "Flowable":
    from reportlab.platypus import Paragraph

    return Paragraph(_marked(text), style)


def _marked(text: str) -> str:
    """Return text as ReportLab's markup, each character in a font that has it; others are spelt out."""
    spelt = "".join(char if _font(char) else char.encode("unicode_escape", "replace").decode() for char in text)
    runs = groupby(spelt, lambda char: "Helvetica" if char == "\n" else _font(char))
    return "".join(
        escape("".join(run)).replace("\n", "<br/>")
        if name == "Helvetica"
        else f'<font name="{name}">{escape("".join(run))}</font>'
        for name, run in runs
    )


def _font(char: str) -> str | None:
    if not char.isprintable() and char != "\n":
        return None
    for name, charset in _FONTS:
        try:
            char.encode(charset)
        except UnicodeError:
            continue
        return name
    return None
