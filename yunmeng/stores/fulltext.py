"""The text of a record and of a question, cut into the same words for every store.

Latin and other spaced scripts are cut into words; Chinese, Japanese, Korean and Thai into single characters, which stay
in their order. Chinese in a query is searched by pairs of neighbours, as the CJK analysers of search engines do: so
连衣裙 is found in 红色连衣裙, and 裙 as well, without a dictionary.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final, TypeAlias
from unicodedata import normalize
from urllib.parse import unquote

from yunmeng.types import Record

__all__ = ["MAX_LETTERS", "MAX_PHRASES", "Phrase", "TextQuery", "share", "shared_words", "text_of", "text_query"]

Phrase: TypeAlias = tuple[str, ...]
"""Words that must stand beside each other, in this order; mostly one, or two letters of Chinese."""

MAX_LETTERS: Final = 10_000
"""Letters of one name, one attribute or one question that are read: a longer text is found by its beginning."""
MAX_WORDS: Final = 20_000
"""Words of one record that are kept."""
MAX_PHRASES: Final = 64
"""Phrases of one question that are asked for; each costs a look into the index."""
MAX_PARTS: Final = 8
"""Parts of one word, as in ``IMG2024dressRed``. A word of more is a digest or the like, no name that people gave."""

_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_SIGNS = "\u0900-\u0963\u0966-\u0dff"  # scripts of India, whose vowel signs are no letters to `re`
_ACCENTS = re.compile("[\u0300-\u036f]")
_RUN = re.compile(rf"([{_SPACELESS}]+)|(?:[^\W_{_SPACELESS}]|[{_SIGNS}])+")
_PART = re.compile(r"[A-Z]+(?![^\W\d_A-Z])|[0-9]+|[A-Z]?[^A-Z0-9]+")
_PLACE = re.compile(r"https?://[^/?#]*/?([^?#]*)", re.IGNORECASE)
# fmt: off
_STOPPED: Final = frozenset({
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "into", "is", "it", "its", "of", "on", "or",
    "that", "the", "their", "this", "to", "was", "with",
})
# fmt: on
_JOINING = re.compile("[的和与或及]")


@dataclass(frozen=True, slots=True)
class TextQuery:
    """The phrases to look for. No phrase is there twice, none holds anything but letters and digits.

    A record that holds all of ``needed`` answers the whole query; ``helpful`` are others that make it rank higher.
    """

    needed: tuple[Phrase, ...]
    helpful: tuple[Phrase, ...] = ()

    @property
    def phrases(self) -> tuple[Phrase, ...]:
        """Return all of them; none for a question without words."""
        return self.needed + self.helpful


def text_of(record: Record) -> str:
    """Return all words by which ``record`` can be found, with spaces between them.

    These are the words of its file's name, of its id's last part if that is another, and of the values of its str and
    list[str] attributes.
    """
    return " ".join(islice(_words(record), MAX_WORDS))


def text_query(text: str) -> TextQuery:
    """Return the phrases of a query text.

    Words such as "the" and single Latin letters and digits are left out where there is more to go by.
    """
    needed: dict[Phrase, None] = {}
    helpful: dict[Phrase, None] = {}
    for run in _runs(text[:MAX_LETTERS]):
        if run[1]:
            _read_spaceless(run[1], needed, helpful)
        else:
            *parts, last = ((word,) for word in _parts(run[0]))
            needed.update(dict.fromkeys(parts or [last]))
            helpful[last] = None
    telling = [phrase for phrase in needed if not _says_nothing(phrase)]
    needed = dict.fromkeys((telling or list(needed))[:MAX_PHRASES])
    more = [phrase for phrase in helpful if phrase not in needed and not _says_nothing(phrase)]
    return TextQuery(tuple(needed), tuple(more[: MAX_PHRASES - len(needed)]))


def shared_words(text: str, record: Record) -> tuple[str, ...]:
    """Return the words of ``text`` by which ``record`` can be found, each once; Chinese as long as both have it."""
    kept = f" {text_of(record)} "
    found: dict[str, None] = {}
    for run in _runs(text[:MAX_LETTERS]):
        if not run[1]:
            found.update((word, None) for word in _parts(run[0]) if not _says_nothing((word,)) and f" {word} " in kept)
            continue
        begin = 0
        while begin < len(run[1]):
            end = begin
            while end < len(run[1]) and f" {' '.join(run[1][begin : end + 1])} " in kept:
                end += 1
            if end - begin > 1 or (end > begin and len(run[1]) == 1):
                found[run[1][begin:end]] = None
            begin = max(end, begin + 1)
    return tuple(found)


def share(bm25: float, *, whole: bool) -> float:
    """Return the score of a hit in (0, 1), from BM25 in (0, inf): above 0.5 where it holds every phrase of the query.

    Stores that keep statistics for each of their parts rank a record in a small part far below a similar one in a large
    part. Records that hold every phrase come first in any case.
    """
    return (whole + bm25 / (1 + bm25)) / 2


def _words(record: Record) -> Iterator[str]:
    uri, id = _name(record.uri), _name(record.id)
    texts: list[str] = [uri] if uri == id else [uri, id]
    for value in record.attributes.values():
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, list):
            texts += value
    for text in texts:
        for run in _runs(text[:MAX_LETTERS]):
            yield from run[1] or _parts(run[0])


def _name(place: str) -> str:
    """Return the last part of a path or of a URL's path, without the ending of a picture's file."""
    from yunmeng.imaging.files import PICTURE_ENDINGS

    url = _PLACE.match(place)
    name = re.split(r"[/\\]", unquote(url[1]) if url else place)[-1]
    stem, dot, ending = name.rpartition(".")
    return stem if stem and dot + ending.lower() in PICTURE_ENDINGS else name


def _runs(text: str) -> Iterator["re.Match[str]"]:
    """Yield the text between spaces and signs: letters of a script without spaces (group 1), or any others.

    Full-width letters, ligatures and accents have become plain ones.
    """
    if not text.isascii():
        text = normalize("NFKC", _ACCENTS.sub("", normalize("NFKD", text)))
    return _RUN.finditer(text)


def _parts(run: str) -> tuple[str, ...]:
    """Return the words of ``redDress2``: red, dress, 2, and reddress2, the whole always last."""
    whole = run.casefold()
    if run.isdecimal() or (run == whole and run.isalpha()):
        return (whole,)
    parts = [part.casefold() for part in _PART.findall(run)]
    return (*parts, whole) if 1 < len(parts) <= MAX_PARTS else (whole,)


def _read_spaceless(run: str, needed: dict[Phrase, None], helpful: dict[Phrase, None]) -> None:
    """Add pairs of neighbours, and letters that stand alone: 猫 and 狗 of 猫和狗; neighbours across 和 only help."""
    pieces = [piece for piece in _JOINING.split(run) if piece]
    for piece in pieces if len(pieces) > 1 else [run]:
        needed.update(dict.fromkeys(pairwise(piece) if len(piece) > 1 else [(piece,)]))
    helpful.update(dict.fromkeys(pairwise(run)))


def _says_nothing(phrase: Phrase) -> bool:
    return len(phrase) == 1 and (phrase[0] in _STOPPED or (len(phrase[0]) == 1 and phrase[0].isascii()))
