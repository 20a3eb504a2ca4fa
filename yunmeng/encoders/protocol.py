"""The protocol of encoders: the seam between pictures and vectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from yunmeng.imaging.decode import DECODED_SIDE
from yunmeng.types import Pixels

if TYPE_CHECKING:
    from PIL.Image import Image

    from yunmeng.config import Settings

__all__ = ["Encoder", "EncoderPlugin", "EncoderSpec", "Origin", "PlaceEncoder", "TextEncoder"]


class Origin(NamedTuple):
    """The encoder that another one was made of: name, and SHA-256 of its weights."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """One row of the catalogue.

    ``dim`` is the embedding's length, ``input_size`` the side of the square input in pixels, ``sha256`` that of
    the file of weights: two encoders make comparable vectors if and only if their name and ``sha256`` agree.
    An encoder that ``reads_text`` is a `TextEncoder` too. One with an ``origin`` makes nearly the vectors of that
    encoder, so that what is known of its space holds for it as well.
    """

    name: str
    dim: int
    input_size: int
    preprocessing: str
    licence: str
    source: str
    sha256: str
    reads_text: bool = False
    origin: Origin | None = None

    @property
    def decoded_side(self) -> int:
        """Pixels that a picture's shorter side needs when it is decoded for this encoder.

        It is the same for indexed pictures and for queries, so that the same file has a score of 1.
        """
        return max(DECODED_SIDE, self.input_size)


class Encoder(Protocol):
    """Pictures in, L2-normalised float32 embeddings out. Safe to call from several threads."""

    @property
    def spec(self) -> EncoderSpec: ...

    def prepare(self, picture: "Pixels | Image") -> Pixels:
        """Return a picture, pixels or an RGB Pillow image, as the network takes it, uint8 (input_size, input_size, 3).

        Runs on the caller's thread, so that a pipeline can do it where it decodes. Prepared
        pictures pass through unchanged.
        """
        ...

    def encode(self, batch: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return embeddings of n pictures of any size, prepared or not: float32 (n, dim), L2-normalised."""
        ...


class TextEncoder(Protocol):
    """Words in, embeddings out, in the space of an encoder's pictures. Safe to call from several threads."""

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return embeddings of n texts: float32 (n, dim), L2-normalised."""
        ...


@runtime_checkable
class PlaceEncoder(Protocol):
    """An encoder that shows the places of its last feature map, before they are pooled into one embedding."""

    def embed_places(self, batch: Sequence[Pixels]) -> NDArray[np.float32] | None:
        """Return embeddings of the places of n pictures: float32 (n, h, w, dim), L2-normalised, by rows.

        They cover the picture evenly, and are in the space of `Encoder.encode`. None where the network has none.
        """
        ...


class EncoderPlugin(Protocol):
    """An encoder of another package: an entry point of ``yunmeng.encoders``, under the name that its spec has."""

    @property
    def spec(self) -> EncoderSpec: ...

    def load(self, settings: "Settings") -> Encoder:
        """Return the running encoder, a `TextEncoder` too where the spec says so. Raises `EncoderError`."""
        ...
