"""Several encoders as one: their vectors weighted, joined end to end, and projected.

Concatenating unit vectors makes the cosine of the whole the mean of the parts' cosines, each counted by the square of
its weight. The projection takes the mean of unlabelled pictures away and keeps their principal axes, whitened or not
(Jégou and Chum, "Negative evidences and co-occurences in image retrieval", ECCV 2012); `fusion_fitting` makes it.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from yunmeng.encoders.description import FusionDescription
from yunmeng.encoders.preparation import squash
from yunmeng.encoders.protocol import Encoder, EncoderSpec, TextEncoder
from yunmeng.errors import EncoderError, UnknownEncoder, WeightsError
from yunmeng.types import Pixels

__all__ = ["FusedEncoder", "Projection", "load_fused"]

_SHORTEST: Final = 1e-12  # keeps the zero vector, which has no direction, away from a division by 0


@dataclass(frozen=True, slots=True)
class Projection:
    """``(x - mean) @ matrix``: mean float32 (total,), matrix float32 (total, dim); total: all dims together."""

    mean: NDArray[np.float32]
    matrix: NDArray[np.float32]

    def to_bytes(self) -> bytes:
        """Return the content of an .npz file; the same arrays give the same bytes."""
        stream = io.BytesIO()
        np.savez(stream, mean=self.mean, matrix=self.matrix)
        return stream.getvalue()


class FusedEncoder:
    """An encoder over others. Safe to call from several threads, as they are.

    ``weights`` are positive, one for each of ``parts``; without a ``projection`` the dim is that of all parts together.
    A picture is brought to a square of the largest part's size, and every part sees that square: what it would do to
    the shape of a picture, such as cutting out the centre, it does to the square. Reads text where all parts do.
    """

    def __init__(
        self,
        spec: EncoderSpec,
        parts: Sequence[Encoder],
        weights: Sequence[float],
        projection: Projection | None = None,
    ) -> None:
        self.spec: Final = spec
        self._parts = tuple(parts)
        self._weights = np.asarray(weights, np.float32) / np.float32(np.linalg.norm(weights))
        self._projection = projection

    def prepare(self, picture: Pixels | Image.Image) -> Pixels:
        """Return the picture squashed to uint8 (input_size, input_size, 3); prepared ones are unchanged."""
        return squash(picture, self.spec.input_size)

    def encode(self, batch: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return embeddings, float32 (n, dim), L2-normalised."""
        joined = self.join(batch)
        if self._projection is None:
            return joined
        return _unit(_projected(joined - self._projection.mean, self._projection.matrix))

    def join(self, batch: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return the parts' embeddings, weighted, end to end and not projected: float32 (n, total), L2-normalised."""
        squares = [self.prepare(picture) for picture in batch]
        return self._joined([part.encode([part.prepare(square) for square in squares]) for part in self._parts])

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return embeddings of texts, float32 (n, dim), L2-normalised.

        Texts are not centred: the mean is one of pictures, and words lie far from it (Liang et al., "Mind the Gap:
        Understanding the Modality Gap in Multi-modal Contrastive Representation Learning", NeurIPS 2022). Raises
        EncoderError where a part does not read text.
        """
        if not self.spec.reads_text:
            raise EncoderError(f"the encoder {self.spec.name} reads no text: not all of its parts do")
        joined = self._joined([cast(TextEncoder, part).encode_texts(texts) for part in self._parts])
        return joined if self._projection is None else _unit(joined @ self._projection.matrix)

    def _joined(self, vectors: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        return np.hstack([part * weight for part, weight in zip(vectors, self._weights, strict=True)])


def load_fused(description: FusionDescription, folder: Path, load_part: Callable[[str], Encoder]) -> FusedEncoder:
    """Return the fusion that ``description`` describes, its projection in ``folder``, its parts from ``load_part``.

    Raises EncoderError when a part is missing or is not the one that was fused, WeightsError when the projection cannot
    be read or does not fit, and passes on what ``load_part`` raises.
    """
    expected = zip(description.parts, description.part_sha256, strict=True)
    parts = [_part(description.name, name, sha256, load_part) for name, sha256 in expected]
    if description.reads_text and not all(part.spec.reads_text for part in parts):
        raise EncoderError(f"the model {description.name} says that it reads text, but not all of its parts do")
    total = sum(part.spec.dim for part in parts)
    if description.projection is None:
        if description.dim != total:
            raise EncoderError(f"the model {description.name} says dim = {description.dim}, its parts make {total}")
        return FusedEncoder(description.spec, parts, description.weights)
    projection = _read_projection(folder / description.projection, (total, description.dim))
    return FusedEncoder(description.spec, parts, description.weights, projection)


def _part(fusion: str, name: str, sha256: str, load_part: Callable[[str], Encoder]) -> Encoder:
    try:
        part = load_part(name)
    except UnknownEncoder as error:
        raise EncoderError(
            f"the model {fusion} needs its part {name}, which is not there: add {name} again, "
            f"or: yunmeng models remove {fusion}"
        ) from error
    if part.spec.sha256 != sha256:
        raise EncoderError(
            f"{name} is not the model that {fusion} was made of, it has changed since: "
            f"yunmeng models remove {fusion}, then yunmeng models fuse {fusion} ..."
        )
    return part


def _read_projection(file: Path, shape: tuple[int, int]) -> Projection:
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as arrays:
            mean, matrix = (np.asarray(arrays[name], np.float32) for name in ("mean", "matrix"))
    except Exception as error:  # a damaged archive can raise nearly anything; foreign errors stop at this seam
        raise WeightsError(
            f"cannot read the projection {file}: {type(error).__name__}; fuse the model again"
        ) from error
    if mean.shape != shape[:1] or matrix.shape != shape or not (np.isfinite(mean).all() and np.isfinite(matrix).all()):
        raise WeightsError(
            f"the projection {file} does not fit: it must be finite, mean {shape[:1]} and matrix {shape}, "
            f"not {mean.shape} and {matrix.shape}; fuse the model again"
        )
    return Projection(mean, matrix)


def _projected(vectors: NDArray[np.float32], matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Multiply row by row: a row's product may be rounded otherwise where it has others beside it."""
    product = np.empty((len(vectors), matrix.shape[1]), np.float32)
    for row, out in zip(vectors, product, strict=True):
        np.dot(row, matrix, out=out)
    return product


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, _SHORTEST), np.float32)
