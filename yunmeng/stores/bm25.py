"""Full-text search over a few texts in memory: BM25 (Robertson and Zaragoza 2009), k1 = 1.2 and b = 0.75."""

import math
import re
from collections.abc import Mapping, Sequence

from yunmeng.stores.fulltext import TextQuery

__all__ = ["K1", "B", "Words", "rank", "stemmed"]

Words = Sequence[str]

K1 = 1.2
B = 0.75


def stemmed(text: str) -> list[str]:
    """Return the words of ``text`` as they are compared: English plurals have become singulars.

    Step 1a of Porter's stemmer (1980), a final y as i, and no final e.
    """
    return [_stem(word) for word in text.split()]


def rank(texts: Mapping[str, Words], question: TextQuery) -> dict[str, tuple[float, bool]]:
    """Return, by id, the BM25 of each `stemmed` text that answers ``question``, and whether it answers all of it."""
    wanted = [stemmed(" ".join(phrase)) for phrase in question.phrases]
    needed = len(question.needed)
    counts = {id: [_count(words, phrase) for phrase in wanted] for id, words in texts.items()}
    mean = sum(map(len, texts.values())) / len(texts) if texts else 0.0
    weights = []
    for row in range(len(wanted)):
        holding = sum(bool(found[row]) for found in counts.values())
        weights.append(math.log(1 + (len(texts) - holding + 0.5) / (holding + 0.5)))
    return {
        id: (_bm25(found, weights, len(texts[id]) / mean), all(found[:needed]))
        for id, found in counts.items()
        if any(found)
    }


def _bm25(counts: Sequence[int], weights: Sequence[float], length: float) -> float:
    """``length`` is relative to the mean."""
    norm = K1 * (1 - B + B * length)
    return sum(weight * count * (K1 + 1) / (count + norm) for weight, count in zip(weights, counts, strict=True))


def _count(words: Words, phrase: Words) -> int:
    """Return how often the words of ``phrase`` stand beside each other."""
    size = len(phrase)
    return sum(words[start : start + size] == phrase for start in range(len(words) - size + 1))


def _stem(word: str) -> str:
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    word = re.sub("(?<=ss)es$|(?<=i)es$|(?<=[^su])s$", "", word)
    return re.sub("y$", "i", re.sub("e$", "", word))
