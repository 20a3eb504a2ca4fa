"""Nouns and how near they are to the ImageNet classes: WordNet's tree of kinds, cut down to what can be seen.

Nearness is Lin's ("An Information-Theoretic Definition of Similarity", ICML 1998), with the information of a synset
taken from how many kinds there are of it (Seco, Veale and Hayes, "An Intrinsic Information Content Metric for
Semantic Similarity in WordNet", ECAI 2004). So "emu" is near the ostrich although no class is called so, and "dog" is
each of the 118 breeds.
"""

import io
import re
import unicodedata
from functools import cache
from importlib import resources
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEADING", "Nouns", "nouns", "plain"]

_SENSES: Final = 4
"""Of one word's meanings, so many: what comes later is rarely meant, and can be anything."""
_LATER_SENSE: Final = 0.1
_BROADER: Final = 0.1
"""What nearness loses for each meaning further down the list, and for each word cut off in front of the noun."""
_ENDINGS: Final = (
    ("ies", "y"), ("ves", "f"), ("ves", "fe"), ("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch"),
    ("shes", "sh"), ("oes", "o"), ("men", "man"), ("s", ""),
)  # fmt: skip
_IRREGULAR: Final = {
    "mice": "mouse", "geese": "goose", "feet": "foot", "teeth": "tooth", "children": "child", "people": "person",
    "oxen": "ox", "cacti": "cactus", "fungi": "fungus", "octopi": "octopus", "lice": "louse", "dice": "die",
}  # fmt: skip
LEADING: Final = re.compile(
    r"^(?:(?:(?:a|an|the) )?(?:photo|photograph|picture|image)s? of )?(?:(?:a|an|the|some) )?(?=.)"
)
"""What stands before the noun, in "a photo of a dog"."""


def plain(text: str) -> str:
    """Return the text as it is looked up: lower case, no accents or apostrophes, hyphens and dots as spaces."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(c for c in folded if not unicodedata.combining(c))
    return " ".join(re.sub(r"\W+|_", " ", re.sub(r"['\u2019]", "", bare)).split())


class Nouns:
    """The table. ``classes`` are 1,000 synsets in the order of the class head's outputs."""

    def __init__(self, data: bytes) -> None:
        with np.load(io.BytesIO(data)) as arrays:
            lemmas = arrays["lemmas"].tobytes().decode().split("\n")
            self._senses, self._sense_ends = arrays["senses"], arrays["sense_ends"].tolist()
            self._parents, self._parent_ends = arrays["parents"], arrays["parent_ends"].tolist()
            self._information = arrays["information"].astype(np.float32)
            self._classes = arrays["classes"].astype(np.int64)
        self._lemmas = {lemma: index for index, lemma in enumerate(lemmas)}
        self._below: dict[int, list[int]] = {}  # classes by each of their ancestors
        for index, synset in enumerate(self._classes):
            for ancestor in self._above(int(synset)):
                self._below.setdefault(ancestor, []).append(index)

    def nearness(self, text: str) -> NDArray[np.float32]:
        """Return float32 (1000,) in [0, 1]: 1 where the class is a kind of the thing, or the thing a kind of the class.

        A phrase is looked up as a whole, then without its first words: an office chair is a chair. All zeros for
        words that name nothing in the table.
        """
        words = LEADING.sub("", plain(text)).split()
        for cut in range(len(words)):
            senses = self._find(words[cut:])
            if senses is not None:
                near = [self._lin(int(sense)) - _LATER_SENSE * n for n, sense in enumerate(senses[:_SENSES])]
                return np.asarray(np.maximum(np.max(near, axis=0) - _BROADER * (cut > 0), 0), np.float32)
        return np.zeros(len(self._classes), np.float32)

    def knows(self, phrase: str) -> bool:
        """Return whether words together are a noun of the table: "red fox" is, "red dress" is not."""
        words = plain(phrase)
        return any(form in self._lemmas for form in (words, *_singulars(words)))

    def _find(self, words: list[str]) -> NDArray[np.uint16] | None:
        for joint in (" ", ""):
            word = joint.join(words)
            for form in (word, *_singulars(word)):
                if (index := self._lemmas.get(form)) is not None:
                    return _slice(self._senses, self._sense_ends, index)
        return None

    def _above(self, synset: int) -> set[int]:
        found = {synset}
        waiting = [synset]
        while waiting:
            for parent in _slice(self._parents, self._parent_ends, waiting.pop()).tolist():
                if parent not in found:
                    found.add(parent)
                    waiting.append(parent)
        return found

    def _lin(self, synset: int) -> NDArray[np.float32]:
        shared = np.zeros(len(self._classes), np.float32)
        above = self._above(synset)
        for ancestor in above:
            below = self._below.get(ancestor)
            if below is not None:
                shared[below] = np.maximum(shared[below], self._information[ancestor])
        near = 2 * shared / (self._information[synset] + self._information[self._classes])
        near[self._below.get(synset, [])] = 1
        near[np.isin(self._classes, list(above))] = 1
        return np.asarray(near, np.float32)


def _slice(values: NDArray[np.uint16], ends: list[int], index: int) -> NDArray[np.uint16]:
    return values[ends[index - 1] if index else 0 : ends[index]]


def _singulars(word: str) -> list[str]:
    head, _, last = word.rpartition(" ")
    forms = [_IRREGULAR[last]] if last in _IRREGULAR else []
    forms += [last.removesuffix(end) + instead for end, instead in _ENDINGS if last.endswith(end) and last != end]
    return [f"{head} {form}" if head else form for form in forms]


@cache
def nouns() -> Nouns:
    """Return the table that the package carries, read at the first call."""
    return Nouns(resources.files("yunmeng.encoders.text").joinpath("data/nouns.npz").read_bytes())
