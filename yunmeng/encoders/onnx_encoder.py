"""An encoder whose network is an ONNX graph: the model's side, given the runtime's side."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from yunmeng.encoders.efficientnet_lite import EMBEDDING, SCORES
from yunmeng.encoders.onnx_runtime import OnnxSession
from yunmeng.encoders.preparation import squash, stack
from yunmeng.encoders.protocol import EncoderSpec
from yunmeng.types import Pixels

__all__ = ["OnnxEncoder"]

_CLASSES: Final = 1000


class OnnxEncoder:
    """Embeddings, and the class probabilities that the same pass through the network gives.

    Vectors of one picture from batches of different make-up agree to float32 rounding (about 1e-6).
    """

    def __init__(self, spec: EncoderSpec, session: OnnxSession) -> None:
        self.spec: Final = spec
        self._session = session

    def prepare(self, picture: Pixels | Image.Image) -> Pixels:
        """Return the picture as the network takes it, uint8 (input_size, input_size, 3); prepared ones unchanged."""
        return squash(picture, self.spec.input_size)

    def encode(self, batch: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return embeddings, float32 (n, dim), L2-normalised."""
        return self.encode_and_classify(batch)[0]

    def classify(self, batch: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return probabilities of the 1,000 ImageNet classes, float32 (n, 1000) in [0, 1]; `imagenet` has the names."""
        return self.encode_and_classify(batch)[1]

    def encode_and_classify(self, batch: Sequence[Pixels]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return embeddings and class probabilities from one pass: the class head is half a percent of the network."""
        if not batch:
            return np.empty((0, self.spec.dim), np.float32), np.empty((0, _CLASSES), np.float32)
        embeddings, scores = self._session.run((EMBEDDING, SCORES), stack(batch, self.spec.input_size))
        return embeddings, scores
