"""A text as weights over the 1,000 ImageNet classes.

What WordNet's tree knows of the noun and what the sentence model makes of the whole text are added, and a softmax
turns the sums into weights: a text that is a class goes to it nearly alone, a kind of things to all of its classes,
and a thing that is no class to those that resemble it. The sentence model alone is ConSE's way (Norouzi et al.,
"Zero-Shot Learning by Convex Combination of Semantic Embeddings", ICLR 2014) read from the other side.
"""

import io
import unicodedata
from functools import cache
from importlib import resources
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from yunmeng.encoders.text.chinese import dictionary, is_chinese
from yunmeng.encoders.text.nouns import LEADING, nouns
from yunmeng.encoders.text.sentences import sentence_model

__all__ = ["Reading", "breadth", "read"]

_TEMPERATURE: Final = 0.1
_LATER_MEANING: Final = 0.15
"""What each further meaning of a Chinese word loses against the first."""
_MEANINGS: Final = 4
_OF_A_KIND: Final = 0.65
"""Nearness from which the classes that are nearest to a noun are taken for its members."""
_ALIKE: Final = 1e-4
_AROUND: Final = " .,;:!?\"'()[]。，、；：！？“”‘’「」《》…"
_LONGEST: Final = 200
"""Characters of a text that are read: more says nothing more about one picture, and costs time."""


class Reading(NamedTuple):
    """The meaning of a text.

    ``weights`` over the classes: float32 (1000,), not negative, of length 1 (L2). ``likeness`` to the likeliest class:
    1 and more where the text names a class or a kind of them, below 0.3 for what names nothing that can be seen.
    ``members``: float32 (1000,) in [0, 1], how far each class is a kind of what the text names.
    """

    weights: NDArray[np.float32]
    likeness: float
    members: NDArray[np.float32]

    @property
    def breadth(self) -> float:
        """Number of classes that share the weight, from 1 to 1,000."""
        return breadth(self.weights)


def breadth(weights: NDArray[np.float32]) -> float:
    """Return how many classes share weights of length 1, float32 (1000,), as the entropy's exponential (perplexity)."""
    share = weights**2
    return float(np.exp(-np.sum(share * np.log(share + 1e-12))))


def read(text: str) -> Reading:
    """Return the classes that a text means. Raises MissingExtra and EncoderError."""
    meanings = _meanings(_bare(text.strip()[:_LONGEST]))
    near = np.array([nouns().nearness(meaning) for meaning in meanings])
    later = _LATER_MEANING * np.arange(len(meanings))[:, None]
    best = np.max(np.array([_likeness(meaning) for meaning in meanings]) + near**2 - later, axis=0)
    weights = np.exp((best - best.max()) / _TEMPERATURE)
    members = np.maximum(weights, _members(np.max(near - later, axis=0)))
    return Reading(
        np.asarray(weights / np.linalg.norm(weights), np.float32),
        float(best.max()),
        np.asarray(members, np.float32),
    )


def _bare(text: str) -> str:
    """The text as it is read: full-width letters are plain ones, "A photo of a dog." is "dog"."""
    return " ".join(unicodedata.normalize("NFKC", text).split()).strip(_AROUND)


def _meanings(text: str) -> list[str]:
    """The text in English, where it is Chinese and the dictionary knows it; without what leads up to the noun."""
    english = (dictionary().translate(text)[:_MEANINGS] if is_chinese(text) else []) or [text]
    return [LEADING.sub("", meaning.lower()) for meaning in english]


def _likeness(meaning: str) -> NDArray[np.float32]:
    mean, vectors = _class_vectors()
    vector = sentence_model().encode([meaning])[0] - mean
    return np.asarray(vectors @ (vector / np.linalg.norm(vector)), np.float32)


def _members(near: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The classes nearest to a noun: all dogs are as near to "dog" as can be, whatever the sentence model thinks."""
    return np.asarray(near >= max(near.max() - _ALIKE, _OF_A_KIND))


@cache
def _class_vectors() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Their mean (384,), and the vectors without it, (1000, 384), L2-normalised: e5's lie crowded around the mean."""
    data = resources.files("yunmeng.encoders.text").joinpath("data/classes.npz").read_bytes()
    with np.load(io.BytesIO(data)) as arrays:
        vectors = arrays["vectors"].astype(np.float32)
    mean = vectors.mean(axis=0)
    centred = vectors - mean
    return mean, centred / np.linalg.norm(centred, axis=1, keepdims=True)
