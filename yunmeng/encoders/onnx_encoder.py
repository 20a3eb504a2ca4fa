"""An encoder whose network is an ONNX graph: the model's side, given the runtime's side."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from yunmeng.encoders.efficientnet_lite import EMBEDDING, FEATURES, SCORES, Whitening
from yunmeng.encoders.onnx_runtime import OnnxSession
from yunmeng.encoders.preparation import squash, stack
from yunmeng.encoders.protocol import EncoderSpec
from yunmeng.types import Pixels

__all__ = ["OnnxEncoder", "Places"]

_CLASSES: Final = 1000
_SHORTEST: Final = 1e-12  # a place where no feature stands out has no direction


class Places(NamedTuple):
    """The runtime of the feature map, and the projection from a place's features to its embedding."""

    session: OnnxSession
    whitening: Whitening


class OnnxEncoder:
    """Embeddings, and the class probabilities that the same pass through the network gives.

    ``open_places`` opens the graph that ends with the feature map, and the projection behind it, when places are first
    asked for. On the CPU a picture's vector is the same bit for bit in every batch; on a device it agrees to float32
    rounding (about 1e-6).
    """

    def __init__(self, spec: EncoderSpec, session: OnnxSession, open_places: Callable[[], Places]) -> None:
        self.spec: Final = spec
        self._session = session
        self._open_places = open_places

    @cached_property
    def _places(self) -> Places:
        return self._open_places()

    def prepare(self, picture: Pixels | Image.Image) -> Pixels:
        """Return the picture as the network takes it, uint8 (input_size, input_size, 3); prepared ones unchanged."""
        return squash(picture, self.spec.input_size)

    def encode(self, batch: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return embeddings, float32 (n, dim), L2-normalised."""
        return self.encode_and_classify(batch)[0]

    def embed_places(self, batch: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return embeddings of the places of the last feature map, float32 (n, side, side, dim), L2-normalised.

        Each place is taken as if the whole picture looked like it, and whitened like the embedding.
        """
        session, whitening = self._places
        (features,) = session.run((FEATURES,), stack(batch, self.spec.input_size))
        return _unit((_unit(features) - whitening.mean) @ whitening.matrix)

    def classify(self, batch: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return probabilities of the 1,000 ImageNet classes, float32 (n, 1000) in [0, 1]; `imagenet` has the names."""
        return self.encode_and_classify(batch)[1]

    def encode_and_classify(self, batch: Sequence[Pixels]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return embeddings and class probabilities from one pass: the class head is half a percent of the network."""
        if not batch:
            return np.empty((0, self.spec.dim), np.float32), np.empty((0, _CLASSES), np.float32)
        embeddings, scores = self._session.run((EMBEDDING, SCORES), stack(batch, self.spec.input_size))
        return embeddings, scores


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, _SHORTEST), np.float32)
