"""A model of PyTorch, loaded and ready to be written as graphs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from yunmeng.encoders.description import Colour

__all__ = ["LoadedModel", "LoadedText", "Options", "Preparation", "Tensor"]

Tensor: TypeAlias = Any
"""A torch.Tensor; the library is not imported to say so."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options that the user gives beside the model's name. ``input_size`` in pixels, where a network leaves it open."""

    input_size: int | None = None


@dataclass(frozen=True, slots=True)
class Preparation:
    """The preparation of a picture: fields of `PictureTower`; mean and deviation become part of the graph."""

    input_size: int
    resize: str
    interpolation: str
    mean: Colour
    std: Colour
    resize_side: int | None = None
    fill: tuple[int, int, int] = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class LoadedText:
    """A text tower: ``encode`` takes int64 (n, context_length) and gives float (n, dim), of any length.

    ``tokenizer`` is the JSON of a ``tokenizer.json``, ``original`` the model's own tokeniser, which gives the ids that
    ``tokenizer`` must give too.
    """

    encode: Callable[[Tensor], Tensor]
    context_length: int
    padding_id: int
    tokenizer: str
    original: Callable[[Sequence[str]], NDArray[np.int64]]
    padding_side: str = "right"
    lower_case: bool = False


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """``network`` holds all weights; ``encode`` takes normalised float (n, 3, side, side) and gives (n, dim).

    ``architecture`` says everything that decides the vectors beside the weights and the preparation.
    """

    network: Any
    encode: Callable[[Tensor], Tensor]
    architecture: str
    preparation: Preparation
    licence: str
    text: LoadedText | None = None
