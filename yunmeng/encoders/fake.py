"""An encoder for tests: no files, no network, microseconds a picture. Shipped for users' tests as well."""

import hashlib
import threading
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor

from yunmeng.encoders.preparation import squash, stack
from yunmeng.encoders.protocol import EncoderSpec
from yunmeng.types import Pixels

__all__ = ["FakeEncoder"]

_SIDE: Final = 8


class FakeEncoder:
    """A fixed random projection of the picture shrunk to 8x8: pictures that look alike get vectors that are close.

    The same on every machine. ``encoded`` counts the pictures that went through `encode`. With ``reads_text`` it is a
    `TextEncoder` too: a word that names a colour is a picture of that colour, any other word a direction of its own.
    """

    def __init__(self, dim: int = 32, name: str = "fake", *, reads_text: bool = False) -> None:
        self.spec: Final = EncoderSpec(
            name=name,
            dim=dim,
            input_size=_SIDE,
            preprocessing="squash-resize bicubic, random projection",
            licence="Apache-2.0",
            source="yunmeng.encoders.fake",
            sha256="0" * 64,
            reads_text=reads_text,
        )
        self.encoded = 0
        self._lock = threading.Lock()
        # RandomState, since NumPy keeps its stream the same for good; the newer generators may change theirs
        normal = np.random.RandomState(dim).standard_normal((_SIDE * _SIDE * 3 + 1, dim))
        self._projection = normal.astype(np.float32)

    def __getstate__(self) -> dict[str, object]:
        """Leave the lock behind: workers on other machines get a copy of the encoder."""
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())

    def prepare(self, picture: Pixels | Image.Image) -> Pixels:
        """Return the picture as uint8 (8, 8, 3); prepared ones are unchanged."""
        return squash(picture, _SIDE)

    def encode(self, batch: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return embeddings, float32 (n, dim), L2-normalised."""
        with self._lock:
            self.encoded += len(batch)
        flat = stack(batch, _SIDE).reshape(len(batch), _SIDE * _SIDE * 3).astype(np.float32) / 255 - 0.5
        one = np.ones((len(batch), 1), np.float32)  # keeps plain grey away from the zero vector
        rows = np.hstack([flat, one])
        vectors = np.empty((len(rows), self.spec.dim), np.float32)
        for row, vector in zip(rows, vectors, strict=True):  # one by one, so that no picture changes another's vector
            np.dot(row, self._projection, out=vector)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    def embed_places(self, batch: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return embeddings of plain pictures in the colours of the 8x8 pixels, float32 (n, 8, 8, dim)."""
        flat = stack(batch, _SIDE).reshape(-1, 1, 3).repeat(_SIDE * _SIDE, axis=1).astype(np.float32) / 255 - 0.5
        rows = flat.reshape(len(flat), -1)
        places = np.hstack([rows, np.ones((len(rows), 1), np.float32)]) @ self._projection
        places /= np.linalg.norm(places, axis=1, keepdims=True)
        return np.asarray(places.reshape(len(batch), _SIDE, _SIDE, -1), np.float32)

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return embeddings of texts, float32 (n, dim), L2-normalised."""
        return np.stack([self._read(text) for text in texts])

    def _read(self, text: str) -> NDArray[np.float32]:
        try:
            colour = ImageColor.getrgb(text)
        except ValueError:
            seed = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:4])
            direction = np.random.RandomState(seed).standard_normal(self.spec.dim).astype(np.float32)
            return direction / np.float32(np.linalg.norm(direction))
        plain: NDArray[np.float32] = self.encode([np.full((_SIDE, _SIDE, 3), colour[:3], np.uint8)])[0]
        return plain
