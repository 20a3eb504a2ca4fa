"""A report as one HTML file, which loads nothing from elsewhere."""

import base64
from html import escape
from typing import Final

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

__all__ = ["as_html"]

_STYLE: Final = """
body { max-width: 860px; margin: 40px auto; padding: 0 20px; color: #15181e; background: #fff;
  font: 15px/1.6 system-ui, "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif; }
h1 { font-size: 28px; margin: 0 0 8px; }
h2 { font-size: 19px; margin: 36px 0 10px; padding-top: 14px; border-top: 1px solid #d8dbe0; }
.lead { font-size: 19px; font-weight: 600; line-height: 1.45; color: #0e5f68; }
.lead.alarm { color: #a3201a; }
table { width: 100%; border-collapse: collapse; table-layout: fixed; }
th, td { padding: 7px 10px 7px 0; border-bottom: 1px solid #e6e8ec; text-align: left; vertical-align: top;
  overflow-wrap: anywhere; white-space: pre-line; }
th { width: 32%; color: #5f6672; font-weight: 500; }
.figures { display: flex; flex-wrap: wrap; gap: 16px; }
figure { flex: 1 1 280px; margin: 0; }
img { width: 100%; max-height: 720px; object-fit: contain; object-position: left top; }
figcaption { color: #5f6672; font-size: 13px; overflow-wrap: anywhere; }
pre { padding: 12px 14px; background: #f3f4f6; border-radius: 8px; font-size: 12px; line-height: 1.5;
  white-space: pre-wrap; overflow-wrap: anywhere; }
footer { margin-top: 40px; color: #5f6672; font-size: 13px; }
@media print { body { margin: 0; max-width: none; } figure, tr { break-inside: avoid; } h2 { break-after: avoid; } }
"""


def as_html(document: Document) -> bytes:
    """Return a report as a file in UTF-8."""
    body = "\n".join(_block(block) for block in document.blocks)
    text = f"""<!doctype html>
<html lang="{document.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_shown(document.title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{_shown(document.title)}</h1>
{body}
<footer>{_shown(document.foot)}</footer>
</body>
</html>
"""
    return text.encode("utf-8", "backslashreplace")


def _block(block: Block) -> str:
    match block:
        case Heading(text):
            return f"<h2>{_shown(text)}</h2>"
        case Lead(text, alarm):
            return f'<p class="lead{" alarm" if alarm else ""}">{_shown(text)}</p>'
        case Text(text):
            return f"<p>{_shown(text)}</p>"
        case Code(text):
            return f"<pre>{_shown(text)}</pre>"
        case Steps(texts):
            return "<ol>" + "".join(f"<li>{_shown(text)}</li>" for text in texts) + "</ol>"
        case Facts(rows):
            cells = (f'<tr><th scope="row">{_shown(name)}</th><td>{_shown(value)}</td></tr>' for name, value in rows)
            return f"<table>{''.join(cells)}</table>"
        case Figures(figures):
            return f'<div class="figures">{"".join(map(_figure, figures))}</div>'


def _figure(figure: Figure) -> str:
    width, height = figure.size
    source = f"data:image/jpeg;base64,{base64.b64encode(figure.data).decode()}"
    caption = _shown(figure.caption)
    image = f'<img src="{source}" width="{width}" height="{height}" alt="{caption}">'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def _shown(text: str) -> str:
    """Return text for HTML; control characters, which it cannot hold, are spelt out."""
    plain = "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape", "replace").decode() for c in text)
    return escape(plain)
