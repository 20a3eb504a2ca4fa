"""Heads: a linear map behind an encoder, fitted on labels, and folded into the encoder's graph.

Differences within a class are what a search should not see, so they are whitened away (Mikolajczyk and Matas,
"Improving Descriptors for Fast Tree Matching by Optimal Linear Projection", ICCV 2007). Then the directions in which
the classes' means differ, which are those of Fisher's linear discriminants, are made longer; the others stay, as they
tell apart what no label names. Both have a closed form.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.encoders.adding import workplace
from yunmeng.encoders.catalogue import get_spec, network_of
from yunmeng.encoders.foreign import one_line
from yunmeng.errors import EncoderError

if TYPE_CHECKING:
    import onnx

    from yunmeng.config import Settings
    from yunmeng.encoders.description import PictureTower
    from yunmeng.encoders.protocol import EncoderSpec

__all__ = ["Head", "fit_heads", "folded", "folded_tower", "with_head"]

_GRAPH: Final = "picture.onnx"
_ADAPTED: Final = "adapted"
_SHORTEST: Final = 1e-12  # keeps the zero vector, which has no direction, away from a division by 0
_GEM_FLOOR: Final = 1e-6
_OWN_DIRECTION: Final = 1e-6  # of the largest: what lies below is rounding


@dataclass(frozen=True, slots=True)
class Head:
    """``(x - mean) @ matrix``, then divided by the length: mean float32 (dim,), matrix float32 (dim, dim)."""

    mean: NDArray[np.float32]
    matrix: NDArray[np.float32]

    def __call__(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the head makes of L2-normalised vectors, float32 (n, dim), L2-normalised."""
        moved = (vectors - self.mean) @ self.matrix
        return np.asarray(moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), _SHORTEST), np.float32)


def fit_heads(
    vectors: NDArray[np.float32], classes: NDArray[np.int64], shrinkage: float, emphases: Sequence[float]
) -> list[Head]:
    """Return a head for each of ``emphases``, fitted on labelled vectors, float32 (n, dim), L2-normalised.

    Args:
        vectors: Those of an encoder.
        classes: The class of each, integers (n,).
        shrinkage: In (0, 1]: how far the scatter within classes is drawn to a sphere. 1 whitens nothing.
        emphases: The directions between classes become 1 + this times as long.
    """
    exact = vectors.astype(np.float64)
    mean, dim = exact.mean(axis=0), exact.shape[1]
    numbers, row = np.unique(classes, return_inverse=True)
    means = np.stack([exact[classes == number].mean(axis=0) for number in numbers])
    within = exact - means[row]
    scatter = within.T @ within / len(exact)
    scatter = (1 - shrinkage) * scatter + shrinkage * np.trace(scatter) / dim * np.eye(dim)
    values, axes = np.linalg.eigh(scatter)
    whitening = (axes / np.sqrt(np.maximum(values, values[-1] * _OWN_DIRECTION))) @ axes.T
    _, lengths, directions = np.linalg.svd((means - mean) @ whitening, full_matrices=False)
    between = directions[lengths > _OWN_DIRECTION * lengths[0]]
    return [
        Head(
            mean.astype(np.float32),
            np.ascontiguousarray(whitening @ (np.eye(dim) + emphasis * between.T @ between), np.float32),
        )
        for emphasis in emphases
    ]


def with_head(name: str, head: Head, new_name: str, about: str, settings: "Settings") -> "EncoderSpec":
    """Fold a head into the graph of an encoder, and keep the result as the model ``new_name``.

    The text tower of a model stays behind, and so does the bridge from words of a built-in one: both lead into the
    space of before. ``about`` says in words what the head was fitted on. Raises EncoderError.
    """
    before, graph = network_of(name, settings)
    with workplace(new_name, settings) as place:
        _save(folded(graph, before.picture, head), place.folder / _GRAPH)
        source = f"{name} with a head fitted on {about}; {get_spec(name, settings).source}"
        made = before.remade(new_name, source, folded_tower(before.picture, _GRAPH), None, text=None)
        return place.finish(made)


def folded_tower(tower: "PictureTower", file: str) -> "PictureTower":
    """Return what describes the graph that `folded` makes of a tower's, in ``file``."""
    return tower.model_copy(update={"file": file, "input": None, "output": None, "pooling": "none", "normalise": True})


def folded(graph: bytes | Path, tower: "PictureTower", head: Head) -> "onnx.ModelProto":
    """Return the part of a graph that makes a tower's vectors, with a head behind it. Raises EncoderError."""
    import onnx

    try:
        part = extracted(graph, tower)
        (output,) = part.graph.output
        writer = _Writer(part.graph)
        whole = writer.add("Cast", output.name, to=onnx.TensorProto.FLOAT)
        vectors = _pooled(writer, whole, tower.pooling, _rank(output))
        unit = writer.unit(vectors, len(head.mean)) if tower.normalise else vectors
        centred = writer.add("Sub", unit, writer.constant(head.mean))
        writer.add("MatMul", centred, writer.constant(head.matrix), output=_ADAPTED)
        del part.graph.output[:]
        sides = [output.type.tensor_type.shape.dim[0].dim_value or "n", head.matrix.shape[1]]
        part.graph.output.append(onnx.helper.make_tensor_value_info(_ADAPTED, onnx.TensorProto.FLOAT, sides))
    except EncoderError:
        raise
    except Exception as error:  # onnx raises nearly anything
        raise _unfoldable(error) from error
    return part


def extracted(graph: bytes | Path, tower: "PictureTower") -> "onnx.ModelProto":
    """Return the part of a graph from a tower's input to its output, the only one, with all weights inside.

    Raises whatever onnx does.
    """
    import onnx

    model = onnx.load_from_string(graph) if isinstance(graph, bytes) else onnx.load(graph)
    source, wanted = tower.input or model.graph.input[0].name, tower.output or model.graph.output[0].name
    return onnx.utils.Extractor(model).extract_model([source], [wanted])


def _save(model: "onnx.ModelProto", file: Path) -> None:
    import onnx

    try:
        onnx.save(model, file)
    except Exception as error:
        raise _unfoldable(error) from error


def _unfoldable(error: Exception) -> EncoderError:
    return EncoderError(f"no head can be put behind the network: {one_line(error)[:300]}")


def _rank(output: Any) -> int:
    return len(output.type.tensor_type.shape.dim)


def _pooled(writer: "_Writer", output: str, pooling: str, rank: int) -> str:
    """Add the pooling that a description asks for, with operators that are the same in every version of ONNX."""
    if pooling == "first":
        return writer.add("Gather", output, writer.constant(np.array(0, np.int64)), axis=1)
    if pooling == "mean" and rank == 3:
        return writer.add("Flatten", writer.add("GlobalAveragePool", writer.add("Transpose", output, perm=[0, 2, 1])))
    if pooling == "gem":
        floored = writer.add("Max", output, writer.constant(np.float32(_GEM_FLOOR)))
        cubed = writer.add("Mul", writer.add("Mul", floored, floored), floored)
        mean = writer.add("Flatten", writer.add("GlobalAveragePool", cubed))
        return writer.add("Pow", mean, writer.constant(np.float32(1 / 3)))
    return writer.add("Flatten", writer.add("GlobalAveragePool", output) if pooling == "mean" else output)


class _Writer:
    """Appends operators to a graph."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._count = 0

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        import onnx

        name = output or self._name()
        self._graph.node.append(onnx.helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def constant(self, value: Any) -> str:
        import onnx

        name = self._name()
        self._graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(value), name))
        return name

    def unit(self, vectors: str, dim: int) -> str:
        """Divide vectors by their lengths: a product with ones is the one sum that all versions write alike."""
        squares = self.add("MatMul", self.add("Mul", vectors, vectors), self.constant(np.ones((dim, 1), np.float32)))
        length = self.add("Max", self.add("Sqrt", squares), self.constant(np.float32(_SHORTEST)))
        return self.add("Div", vectors, length)

    def _name(self) -> str:
        self._count += 1
        return f"{_ADAPTED}_{self._count}"
