"""An ONNX graph run by PyTorch, so that its weights can be trained and written back into the same graph.

`operators` has a function of PyTorch for each operator; they are called in the order of the graph. A weight keeps the
name that it has there, so the graph that is written back differs from the first in the values of its weights alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from yunmeng.errors import EncoderError, MissingExtra

if TYPE_CHECKING:
    import onnx

    from yunmeng.types import Device

__all__ = ["Tensor", "TorchGraph", "best_device", "import_torch"]

Tensor: TypeAlias = Any
"""A ``torch.Tensor``: PyTorch is in an extra, and is not type-checked."""

_OLDEST_OPSET: Final = 13  # before it, Softmax and Unsqueeze were others under the same names
_CPU: Final = "cpu"

# which inputs of an operator are weights, where they are constants of the graph
_WEIGHTS: Final[Mapping[str, Sequence[int]]] = {
    "Conv": (1, 2),
    "Gemm": (1, 2),
    "MatMul": (0, 1),
    "Add": (0, 1),
    "Sub": (0, 1),
    "Mul": (0, 1),
    "BatchNormalization": (1, 2),
    "LayerNormalization": (1, 2),
}


def import_torch() -> Any:
    """Return the module ``torch``. Raises MissingExtra where it is not installed."""
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("training", "train") from error
    return torch


def best_device(wanted: "Device") -> str:
    """Return where PyTorch computes, by the setting ``device`` for encoders: ``cuda`` for that, TensorRT and auto where
    PyTorch finds a GPU, else ``cpu``. Raises MissingExtra where PyTorch is not installed.
    """
    torch = import_torch()  # before pictures are read
    on_gpu = wanted in ("auto", "cuda", "tensorrt") and torch.cuda.is_available()
    return "cuda" if on_gpu else "cpu"


class TorchGraph:
    """A graph of one input and one output, as a function of PyTorch.

    Attributes:
        weights: Float32 tensors that require a gradient, by the names of the graph's initialisers.

    Args:
        model: The graph, of opset 13 or later, with its weights inside. It is not changed.
        device: Where PyTorch computes, such as ``cpu`` or ``cuda``.

    Raises:
        EncoderError: The graph has an operator that PyTorch is not told here, or is of an old opset.
        MissingExtra: PyTorch is not installed.
    """

    def __init__(self, model: "onnx.ModelProto", device: str = _CPU) -> None:
        import onnx

        self._torch = import_torch()
        from yunmeng.encoders.compress.operators import OPERATORS

        self._operators = OPERATORS
        self._model = model
        self._nodes = list(model.graph.node)
        self._attributes = [
            {"outputs": len(node.output), **{one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}}
            for node in self._nodes
        ]
        opset = next(one.version for one in model.opset_import if one.domain in ("", "ai.onnx"))
        unknown = sorted({node.op_type for node in self._nodes} - OPERATORS.keys() - {"Constant"})
        if unknown or opset < _OLDEST_OPSET:
            what = f"operators that are not known here: {', '.join(unknown)}" if unknown else f"opset {opset}, below 13"
            raise EncoderError(f"the network cannot be trained, its graph has {what}")
        self.device: Final = device
        names = set(_weight_names(model.graph))
        self.weights: Final[dict[str, Tensor]] = {}
        self._constants: dict[str, Tensor] = {"": None}
        for tensor in model.graph.initializer:
            array = onnx.numpy_helper.to_array(tensor)
            value = self._tensor(array)
            if tensor.name in names and array.dtype.kind == "f" and array.size > 1:
                self.weights[tensor.name] = value.requires_grad_()
            else:
                self._constants[tensor.name] = value
        for node, attributes in zip(self._nodes, self._attributes, strict=True):
            if node.op_type == "Constant":
                self._constants[node.output[0]] = self._tensor(_constant(attributes))
        known = {*self.weights, *self._constants}
        self._source = next(value.name for value in model.graph.input if value.name not in known)
        self._output = model.graph.output[0].name
        self._last = {name: at for at, node in enumerate(self._nodes) for name in node.input}

    def __call__(self, batch: Tensor, cut: str | None = None) -> Tensor:
        """Return the output for the graph's input or, with ``cut``, for the values that have this name in the graph."""
        return self._run(batch, self._source if cut is None else cut, self._output)

    def until(self, batch: Tensor, cut: str) -> Tensor:
        """Return the values that have the name ``cut``, for the graph's input."""
        return self._run(batch, self._source, cut)

    def cut_after(self, batch: Tensor, share: float) -> str | None:
        """Return the last place before which no more than ``share`` of the products are computed for ``batch``.

        A place is the name of values on which alone all that follows depends. None where there is no such place.
        """
        work = [0.0] * len(self._nodes)

        def count(at: int, inputs: Sequence[Tensor], output: Tensor) -> None:
            if self._nodes[at].op_type in ("Conv", "Gemm", "MatMul"):
                weight = inputs[1]
                each = prod(weight.shape[1:]) if self._nodes[at].op_type == "Conv" else inputs[0].shape[-1]
                work[at] = float(output.numel() * each)

        with self._torch.no_grad():
            self._run(batch, self._source, self._output, count)
        done = np.cumsum(work) / max(sum(work), 1.0)
        places = [name for at, name in self._places() if done[at] <= share]
        return places[-1] if places else None

    def behind(self, cut: str | None) -> dict[str, Tensor]:
        """Return those of `weights` that are used behind a place."""
        if cut is None:
            return dict(self.weights)
        start = next(at for at, node in enumerate(self._nodes) if cut in node.output) + 1
        used = {name for node in self._nodes[start:] for name in node.input}
        return {name: value for name, value in self.weights.items() if name in self._needed(used)}

    def trained(self) -> "onnx.ModelProto":
        """Return a copy of the graph with the weights as they are now, in the types that they have there."""
        import onnx

        model = type(self._model)()
        model.CopyFrom(self._model)
        for tensor in model.graph.initializer:
            if tensor.name in self.weights:
                kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
                array = self.weights[tensor.name].detach().cpu().numpy().astype(kind)
                tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
        return model

    def _run(
        self,
        batch: Tensor,
        source: str,
        wanted: str,
        on_node: Callable[[int, Sequence[Tensor], Tensor], None] | None = None,
    ) -> Tensor:
        values: dict[str, Tensor] = {source: batch}
        start = next((at + 1 for at, node in enumerate(self._nodes) if source in node.output), 0)
        for at in range(start, len(self._nodes)):
            node = self._nodes[at]
            if node.op_type == "Constant":
                continue
            inputs = [self._value(name, values) for name in node.input]
            made = self._operators[node.op_type](self._attributes[at], *inputs)
            values.update(zip(node.output, made if isinstance(made, tuple) else (made,), strict=False))
            if on_node is not None:
                on_node(at, inputs, values[node.output[0]])
            if wanted in node.output:
                break
            for name in node.input:
                if self._last[name] == at:
                    values.pop(name, None)
        return values[wanted]

    def _value(self, name: str, values: dict[str, Tensor]) -> Tensor:
        """Return a value by its name; what depends on constants only is computed where it is asked for."""
        if name in values:
            return values[name]
        if name in self._constants:
            return self._constants[name]
        if name in self.weights:
            return self.weights[name]
        at = next(at for at, node in enumerate(self._nodes) if name in node.output)
        inputs = [self._value(one, values) for one in self._nodes[at].input]
        return self._operators[self._nodes[at].op_type](self._attributes[at], *inputs)

    def _places(self) -> Iterator[tuple[int, str]]:
        """Yield the values on which alone all that follows depends, with the number of the node that makes them."""
        varying = {self._source}
        live = {self._source}
        for at, node in enumerate(self._nodes):
            if varying.intersection(node.input):
                varying.update(node.output)
                live.update(name for name in node.output if name in self._last)
            live = {name for name in live if self._last[name] > at}
            if len(live) == 1 and (name := next(iter(live))) in node.output:
                yield at, name

    def _needed(self, names: set[str]) -> set[str]:
        """Return ``names`` with those that they are made of by operators on constants, such as a cast of a weight."""
        for node in reversed(self._nodes):
            if names.intersection(node.output) and set(node.input) <= {*self._constants, *self.weights}:
                names |= set(node.input)
        return names

    def _tensor(self, array: Any) -> Tensor:
        value = self._torch.from_numpy(np.array(array))
        if array.dtype.kind != "f":
            return value  # numbers of places and sizes of axes stay on the CPU
        return value.float().to(self.device if array.ndim else _CPU)  # bounds of a clip are read there


def _weight_names(graph: Any) -> Iterator[str]:
    made_by = {node.output[0]: node for node in graph.node if node.op_type == "Cast"}
    for node in graph.node:
        for number in _WEIGHTS.get(node.op_type, ()):
            if number < len(node.input):
                name = node.input[number]
                yield made_by[name].input[0] if name in made_by else name


def _constant(attributes: Mapping[str, Any]) -> Any:
    import onnx

    if "value" in attributes:
        return onnx.numpy_helper.to_array(attributes["value"])
    (value,) = (value for name, value in attributes.items() if name != "outputs")
    return np.asarray(value, np.float32 if np.asarray(value).dtype.kind == "f" else np.int64)
