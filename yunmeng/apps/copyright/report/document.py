"""What a report is made of, whatever it is written as."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

__all__ = ["Block", "Code", "Document", "Facts", "Figure", "Figures", "Heading", "Lead", "Steps", "Text"]


class Heading(NamedTuple):
    """The title of a section."""

    text: str


class Lead(NamedTuple):
    """What the report says first, in large letters; ``alarm``: that somebody's work was used."""

    text: str
    alarm: bool


class Text(NamedTuple):
    """A paragraph."""

    text: str


class Facts(NamedTuple):
    """A table of names and values; a value may be long, such as a hash."""

    rows: Sequence[tuple[str, str]]


class Steps(NamedTuple):
    """Numbered instructions."""

    texts: Sequence[str]


class Code(NamedTuple):
    """Lines for a machine, in ASCII."""

    text: str


class Figure(NamedTuple):
    """A picture: a JPEG file, its size as (width, height), and its caption."""

    data: bytes
    size: tuple[int, int]
    caption: str


class Figures(NamedTuple):
    """Pictures side by side."""

    figures: Sequence[Figure]


Block: TypeAlias = Heading | Lead | Text | Facts | Steps | Code | Figures


@dataclass(frozen=True, slots=True)
class Document:
    """A report. ``language`` is ``en`` or ``zh``; ``foot`` stands below all of it, or below each page."""

    title: str
    language: str
    blocks: Sequence[Block]
    foot: str
