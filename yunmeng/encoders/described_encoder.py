"""An encoder built from a description: any graph from pictures to vectors, perhaps with one for texts."""

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from yunmeng.encoders.preparation import fit
from yunmeng.errors import EncoderError
from yunmeng.types import Pixels

if TYPE_CHECKING:
    from yunmeng.encoders.description import OnnxDescription, PictureTower
    from yunmeng.encoders.onnx_runtime import OnnxSession
    from yunmeng.encoders.tokenising import Tokeniser

__all__ = ["DescribedEncoder", "Reader", "as_input"]

_GEM_FLOOR: Final = 1e-6
_SHORTEST: Final = 1e-12  # keeps the zero vector, which has no direction, away from a division by 0


class Reader(NamedTuple):
    """The runtime of a text tower."""

    tokeniser: "Tokeniser"
    session: "OnnxSession"


class DescribedEncoder:
    """Pictures to vectors, and words where ``spec.reads_text``. Safe to call from several threads.

    ``open_reader`` opens the text tower; it is called once, at the first text. A draft that only pictures are encoded
    with does without.
    """

    def __init__(
        self, description: "OnnxDescription", session: "OnnxSession", open_reader: Callable[[], Reader] | None = None
    ) -> None:
        self.spec: Final = description.spec
        self._description = description
        self._session = session
        self._open_reader = open_reader
        self._reader: Reader | None = None
        self._opening = threading.Lock()

    def prepare(self, picture: Pixels | Image.Image) -> Pixels:
        """Return the picture as the network takes it, uint8 (input_size, input_size, 3); prepared ones unchanged."""
        return fit(picture, self._description.picture)

    def encode(self, batch: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return embeddings, float32 (n, dim), L2-normalised."""
        tower = self._description.picture
        if not batch:
            return np.empty((0, self.spec.dim), np.float32)
        pixels = as_input(np.stack([fit(picture, tower) for picture in batch]), tower)
        (found,) = self._session.run([_output(self._session, tower.output)], pixels)
        return self._finished(found, len(batch), tower.pooling, tower.normalise)

    def embed_places(self, batch: Sequence[Pixels]) -> NDArray[np.float32] | None:
        """Return embeddings of the places of the feature map, float32 (n, h, w, dim), L2-normalised.

        None where the graph pools by itself, and where the map covers a part of the picture only.
        """
        tower = self._description.picture
        if tower.pooling not in ("mean", "gem") or tower.resize != "squash":
            return None
        pixels = as_input(np.stack([fit(picture, tower) for picture in batch]), tower)
        (found,) = self._session.run([_output(self._session, tower.output)], pixels)
        if found.ndim != 4 or found.shape[1] != self.spec.dim:
            return None
        places = np.ascontiguousarray(found.transpose(0, 2, 3, 1), np.float32)
        places /= np.maximum(np.linalg.norm(places, axis=-1, keepdims=True), _SHORTEST)
        return places

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return embeddings of texts in the space of the pictures, float32 (n, dim), L2-normalised.

        Raises EncoderError where the model does not read text, MissingExtra where the tokeniser's library is missing.
        """
        tower = self._description.text
        if tower is None:
            raise EncoderError(f"the encoder {self.spec.name} reads no text: add a CLIP-class model for that")
        if not texts:
            return np.empty((0, self.spec.dim), np.float32)
        reader = self._opened()
        (found,) = reader.session.run([_output(reader.session, tower.output)], reader.tokeniser(texts))
        return self._finished(found, len(texts), tower.pooling, tower.normalise)

    def _opened(self) -> Reader:
        with self._opening:
            if self._reader is None:
                assert self._open_reader is not None, "only pictures are encoded with a draft"
                self._reader = self._open_reader()
            return self._reader

    def _finished(self, found: NDArray[Any], count: int, pooling: str, normalise: bool) -> NDArray[np.float32]:
        pooled = _pooled(found, pooling)
        if pooled.shape != (count, self.spec.dim):
            raise EncoderError(
                f"the model {self.spec.name} gave {_of(found.shape)} for {count}, where its description promises "
                f"{_of((count, self.spec.dim))} with pooling = '{pooling}'"
            )
        vectors: NDArray[np.float32] = np.ascontiguousarray(pooled, np.float32)
        if not np.isfinite(vectors).all():
            raise EncoderError(f"the model {self.spec.name} gave values that are no numbers")
        if normalise:
            vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), _SHORTEST)
        return vectors


def as_input(pixels: NDArray[np.uint8], tower: "PictureTower") -> NDArray[Any]:
    """Return prepared pictures, uint8 (n, side, side, 3), in the form that the graph takes."""
    values: NDArray[Any] = pixels[..., ::-1] if tower.channels == "bgr" else pixels
    if tower.pixels == "float32":
        mean, std = np.array(tower.mean, np.float32), np.array(tower.std, np.float32)
        values = (values.astype(np.float32) / np.float32(255) - mean) / std
    if tower.layout == "nchw":
        values = values.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(values)


def _output(session: "OnnxSession", name: str | None) -> str:
    names = [value.name for value in session.outputs]
    if name is None:
        return names[0]
    if name not in names:
        raise EncoderError(f"the graph has no output {name!r}, only {', '.join(names)}")
    return name


def _pooled(found: NDArray[Any], pooling: str) -> NDArray[Any]:
    """Float (n, dim) from an output of any shape; what does not fit comes back as it is, for the caller to name."""
    pooled: Any = found
    if pooling == "first" and found.ndim == 3:
        pooled = found[:, 0]
    elif pooling == "mean" and found.ndim in (3, 4):
        pooled = np.mean(found, axis=1 if found.ndim == 3 else (2, 3), dtype=np.float32)
    elif pooling == "gem" and found.ndim == 4:
        pooled = np.mean(np.maximum(found, _GEM_FLOOR) ** 3, axis=(2, 3), dtype=np.float32) ** (1 / 3)
    elif pooling == "none" and found.ndim == 4 and found.shape[2:] == (1, 1):  # pooled by the graph, axes kept
        pooled = found[:, :, 0, 0]
    return np.asarray(pooled)


def _of(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
