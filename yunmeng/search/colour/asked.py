"""The colours of a search request: its option, and the colour words of its text."""

from collections.abc import Set
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from yunmeng.encoders.text.bridge import Words
from yunmeng.errors import MissingExtra, QueryError
from yunmeng.search.colour.question import MOST_COLOURS, Asked, ColourQuestion, read_color
from yunmeng.search.colour.reading import read_text
from yunmeng.search.colour.step import ByColour

if TYPE_CHECKING:
    from yunmeng.encoders.protocol import TextEncoder
    from yunmeng.search.colour.index import ColourIndex
    from yunmeng.search.request import SearchRequest
    from yunmeng.stores.filters import Filter
    from yunmeng.types import Hit

__all__ = ["NO_PALETTES", "AskedColour", "ReadsTexts", "colour_asked"]

NO_PALETTES: Final = "the library does not know the colours of its pictures yet: run yunmeng palettes --db DIR once"


class ReadsTexts(Protocol):
    """What reads the words of a request, if anything does."""

    @property
    def texts(self) -> "TextEncoder | None": ...


@dataclass(frozen=True, slots=True)
class AskedColour:
    """The colours of one request. ``words`` is its text without them, None where the text is to stay as it is.

    ``alone`` says that nothing else is asked for.
    """

    question: ColourQuestion
    index: "ColourIndex"
    words: str | None = None
    alone: bool = False

    def step(self, named: Set[str] = frozenset()) -> ByColour:
        """Return the step that weighs hits by the colours, except those whose names say all that was asked for."""
        return ByColour(self.question, self.index, named)

    def search(self, k: int, filter: "Filter | None") -> "list[Hit]":
        """Return the k pictures (that pass ``filter``) that have the colours, best first."""
        return self.index.search(self.question, k, filter)


def colour_asked(
    request: "SearchRequest", index: "ColourIndex", encoding: ReadsTexts
) -> "tuple[SearchRequest, AskedColour | None]":
    """Return the request without the colour words of a mixture, and the colours that it asks for.

    Words are left to encoders that read texts themselves: they know colours. Without palettes, words are asked as they
    stand; the option raises `QueryError` then.
    """
    if request.color is not None:
        if index.empty:
            raise QueryError(NO_PALETTES)
        return request, AskedColour(read_color(request.color), index, alone=not request.parts)
    read = {place: found for place, part in enumerate(request.parts)
            if part.text is not None and part.weight > 0 and (found := read_text(part.text)) is not None}  # fmt: skip
    if not read or index.empty or not _bridged(encoding):
        return request, None
    asked = [one for found in read.values() for one in found.colours.asked][:MOST_COLOURS]
    total = sum(share for _, share in asked)
    question = ColourQuestion(tuple(Asked(colour, share / total) for colour, share in asked))
    if request.words is not None:
        return request, AskedColour(question, index, read[0].words, alone=not read[0].words)
    left = [
        part if place not in read else replace(part, text=read[place].words)
        for place, part in enumerate(request.parts)
        if place not in read or read[place].words
    ]
    if not left:
        return request, AskedColour(question, index, alone=True)
    return replace(request, parts=left, color=str(question)), AskedColour(question, index)


def _bridged(encoding: ReadsTexts) -> bool:
    """Return whether texts are read by way of classes of things, which have no colours, or by name alone."""
    try:
        texts = encoding.texts
    except MissingExtra:
        return True
    return texts is None or isinstance(texts, Words)
