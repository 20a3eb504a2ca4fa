"""A text as weights over the 1,000 ImageNet classes.

What WordNet's tree knows of the noun and what the sentence model makes of the whole text are added, and a softmax
turns the sums into weights: a text that is a class goes to it nearly alone, a kind of things to all of its classes,
and a thing that is no class to those that resemble it. The sentence model alone is ConSE's way (Norouzi et al.,
"Zero-Shot Learning by Convex Combination of Semantic Embeddings", ICLR 2014) read from the other side.
"""

import io
from functools import cache
from importlib import resources
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from yunmeng.words.chinese import dictionary, is_chinese
from yunmeng.words.nouns import nouns
from yunmeng.words.sentences import sentence_model

__all__ = ["Reading", "read"]

_TEMPERATURE: Final = 0.1
_LATER_MEANING: Final = 0.15
"""What each further meaning of a Chinese word loses against the first."""
_MEANINGS: Final = 4
_LONGEST: Final = 200
"""Characters of a text that are read: more says nothing more about one picture, and costs time."""


class Reading(NamedTuple):
    """What a text is taken for.

    ``weights`` over the classes: float32 (1000,), not negative, of length 1 (L2). ``likeness`` to the likeliest class:
    1 and more where the text names a class or a kind of them, below 0.3 for what names nothing that can be seen.
    """

    weights: NDArray[np.float32]
    likeness: float

    @property
    def breadth(self) -> float:
        """How many classes share the weight, as the entropy's exponential (perplexity), from 1 to 1,000."""
        share = self.weights**2
        return float(np.exp(-np.sum(share * np.log(share + 1e-12))))


def read(text: str) -> Reading:
    """The classes that a text means. Raises MissingExtra and EncoderError."""
    text = text.strip()[:_LONGEST]
    best = np.max([_likeness(meaning) - _LATER_MEANING * n for n, meaning in enumerate(_meanings(text))], axis=0)
    weights = np.exp((best - best.max()) / _TEMPERATURE)
    return Reading(np.asarray(weights / np.linalg.norm(weights), np.float32), float(best.max()))


def _meanings(text: str) -> list[str]:
    """The text in English, where it is Chinese and the dictionary knows it."""
    return (dictionary().translate(text)[:_MEANINGS] if is_chinese(text) else []) or [text]


def _likeness(meaning: str) -> NDArray[np.float32]:
    mean, vectors = _class_vectors()
    vector = sentence_model().encode([meaning])[0] - mean
    return np.asarray(vectors @ (vector / np.linalg.norm(vector)) + nouns().nearness(meaning) ** 2, np.float32)


@cache
def _class_vectors() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Their mean (384,), and the vectors without it, (1000, 384), L2-normalised: e5's lie crowded around the mean."""
    data = resources.files("yunmeng.words").joinpath("data/classes.npz").read_bytes()
    with np.load(io.BytesIO(data)) as arrays:
        vectors = arrays["vectors"].astype(np.float32)
    mean = vectors.mean(axis=0)
    centred = vectors - mean
    return mean, centred / np.linalg.norm(centred, axis=1, keepdims=True)
