"""Channels of an ONNX graph that can be cut out: who makes them, who reads them, and what lies between.

A chain is a convolution, what works on each of its channels alone (activations, depthwise convolutions, pooling), and
the one convolution that reads the result. Nothing else sees its channels, so that any of them can be cut out, and the
graph before and behind stays as it is. In an inverted residual block (Sandler et al., "MobileNetV2", CVPR 2018) these
are the expanded channels, in a ResNet's block those between its convolutions. Channels of a residual sum are in no
chain: all blocks that add to it would have to lose the same ones.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Chain", "Network", "attribute"]

_ACTIVATIONS: Final = [
    "Clip",
    "Elu",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "LeakyRelu",
    "Mish",
    "Relu",
    "Selu",
    "Sigmoid",
]
_BY_ELEMENT: Final = frozenset([*_ACTIVATIONS, "Cast", "Erf", "Identity", "Softplus", "Tanh"])
_POOLING: Final = frozenset(["AveragePool", "GlobalAveragePool", "MaxPool"])
_ARITHMETIC: Final = frozenset(
    ["Add", "Div", "Max", "Min", "Mul", "Pow", "Sub"]
)  # of values of one chain, or with one constant number


@dataclass(frozen=True, slots=True)
class Chain:
    """A run of channels from one convolution to the next.

    Names of nodes: ``producer`` makes the channels, ``consumer`` reads them from the tensor ``source``, and those of
    ``between`` hold constants for each channel. ``kernel`` is the consumer's, rows and columns.
    """

    producer: str
    between: tuple[str, ...]
    consumer: str
    source: str
    channels: int
    kernel: tuple[int, int]

    @property
    def group(self) -> int:
        """Number of the consumer's inputs that one channel makes: those below its kernel."""
        return self.kernel[0] * self.kernel[1]


class Network:
    """An ONNX model whose channels are cut out. The model that is given is changed."""

    def __init__(self, model: Any) -> None:
        self.model = model
        for number, node in enumerate(model.graph.node):
            node.name = f"{node.op_type}-{number}"  # names are optional, and need not be unique
        self.nodes: Final[dict[str, Any]] = {node.name: node for node in model.graph.node}
        self._tensors: Final[dict[str, Any]] = {tensor.name: tensor for tensor in model.graph.initializer}
        self._users: Final[dict[str, list[Any]]] = {}
        for node in model.graph.node:
            for value in node.input:
                self._users.setdefault(value, []).append(node)
        self._outputs: Final = {value.name for value in model.graph.output}
        self._written = 0

    @property
    def multiplying(self) -> list[Any]:
        """The nodes that do nearly all the work: convolutions, and products with a constant matrix."""
        products = [node for node in self.model.graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]
        return [node for node in products if node.input[1] in self._tensors]

    def constant(self, node: str, place: int) -> "NDArray[Any] | None":
        """Return the constant that a node has as input number ``place``; None where it has none."""
        import onnx

        inputs = self.nodes[node].input
        if place >= len(inputs) or inputs[place] not in self._tensors:
            return None
        return np.asarray(onnx.numpy_helper.to_array(self._tensors[inputs[place]]))

    def chains(self) -> list[Chain]:
        """Return all chains, in the order of the graph."""
        found = (self._chain(node) for node in self.model.graph.node if self._plain(node))
        return [chain for chain in found if chain is not None]

    def cut(self, chain: Chain, kept: "NDArray[np.intp]") -> None:
        """Leave only the channels ``kept``, counted as they are now, in ascending order."""
        weight, bias = self.constant(chain.producer, 1), self.constant(chain.producer, 2)
        assert weight is not None
        self._put(chain.producer, 1, weight[kept])
        if bias is not None:
            self._put(chain.producer, 2, bias[kept])
        for name in chain.between:
            node = self.nodes[name]
            for place in range(1, len(node.input)):
                value = self.constant(name, place)
                assert value is not None
                self._put(name, place, value[kept])
            for attribute in node.attribute:
                if attribute.name == "group":
                    attribute.i = len(kept)
        read = self.constant(chain.consumer, 1)
        assert read is not None
        self._put(chain.consumer, 1, read[:, kept])

    def refit(self, chain: Chain, weight: "NDArray[np.float32]", bias: "NDArray[np.float32]") -> None:
        """Give the consumer of a chain other weights, (outputs, channels, rows, columns), and another bias."""
        self._put(chain.consumer, 1, weight)
        self._put(chain.consumer, 2, bias)

    def finished(self) -> Any:
        """Return the model, without constants and shapes that no longer hold."""
        graph = self.model.graph
        used = {value for node in graph.node for value in node.input}
        kept = [tensor for tensor in self._tensors.values() if tensor.name in used]
        del graph.initializer[:]
        graph.initializer.extend(kept)
        del graph.value_info[:]
        return self.model

    def part(self, outputs: Sequence[str]) -> bytes:
        """Return a serialised model that makes only these values, as its outputs."""
        import onnx

        made = {value: node for node in self.model.graph.node for value in node.output}
        needed, ahead = set[str](), list(outputs)
        while ahead:
            node = made.get(ahead.pop())
            if node is not None and node.name not in needed:
                needed.add(node.name)
                ahead.extend(node.input)
        part = onnx.ModelProto()
        part.CopyFrom(self.model)
        graph = part.graph
        nodes = [node for node in graph.node if node.name in needed]
        used = {value for node in nodes for value in node.input}
        for field, rows in (
            (graph.node, nodes),
            (graph.initializer, [tensor for name, tensor in self._tensors.items() if name in used]),
            (graph.output, [onnx.ValueInfoProto(name=name) for name in outputs]),
            (graph.value_info, []),
        ):
            copies = [type(row).FromString(row.SerializeToString()) for row in rows]
            del field[:]
            field.extend(copies)
        return bytes(part.SerializeToString())

    def _put(self, node: str, place: int, value: "NDArray[Any]") -> None:
        """Make a constant of its own: equal ones may be stored once for several nodes."""
        import onnx

        self._written += 1
        name = f"pruned_{self._written}_{node}"
        self._tensors[name] = onnx.numpy_helper.from_array(np.ascontiguousarray(value), name)
        inputs = self.nodes[node].input
        if place < len(inputs):
            inputs[place] = name
        else:
            inputs.append(name)

    def _plain(self, node: Any) -> bool:
        """Say whether a node is a convolution over all channels, in 2D, with constant weights."""
        if node.op_type != "Conv" or attribute(node, "group", 1) != 1:
            return False
        weight = self.constant(node.name, 1)
        constant_bias = len(node.input) < 3 or node.input[2] in self._tensors
        return weight is not None and weight.ndim == 4 and weight.dtype == np.float32 and constant_bias

    def _chain(self, producer: Any) -> Chain | None:
        weight = self.constant(producer.name, 1)
        assert weight is not None
        channels = len(weight)
        inside, ahead = {producer.output[0]}, [producer.output[0]]
        passed: dict[str, Any] = {}
        between, consumers = [], []
        while ahead:
            value = ahead.pop()
            if value in self._outputs:
                return None
            for user in self._users.get(value, []):
                if user.name in passed:
                    continue
                if self._plain(user) and user.input[0] == value:
                    consumers.append((user, value))
                    continue
                if not self._by_channel(user, channels):
                    return None
                passed[user.name] = user
                if user.op_type in ("BatchNormalization", "Conv"):
                    between.append(user.name)
                inside.add(user.output[0])
                ahead.append(user.output[0])
        others = (value for node in passed.values() for value in self._values(node))
        if len(consumers) != 1 or any(value not in inside for value in others):
            return None
        consumer, source = consumers[0]
        read = self.constant(consumer.name, 1)
        assert read is not None
        if attribute(consumer, "auto_pad", b"NOTSET") != b"NOTSET":
            return None
        kernel = int(read.shape[2]), int(read.shape[3])
        return Chain(producer.name, tuple(between), consumer.name, source, channels, kernel)

    def _by_channel(self, node: Any, channels: int) -> bool:
        """Say whether a node works on each channel alone, with constants that can be cut."""
        if len(node.output) != 1:
            return False
        if node.op_type in _ARITHMETIC:
            return self._single_numbers(node)
        if node.op_type in _BY_ELEMENT or node.op_type in _POOLING:
            return True
        if node.op_type not in ("BatchNormalization", "Conv"):
            return False
        constants = [self.constant(node.name, place) for place in range(1, len(node.input))]
        if any(value is None or value.shape[:1] != (channels,) for value in constants):
            return False
        return node.op_type != "Conv" or bool(attribute(node, "group", 1) == channels)

    def _single_numbers(self, node: Any) -> bool:
        places = [place for place, value in enumerate(node.input) if value in self._tensors]
        constants = [self.constant(node.name, place) for place in places]
        return all(value is not None and value.size == 1 for value in constants)

    def _values(self, node: Any) -> Iterable[str]:
        """Yield the inputs of a node that are no constants: those that must belong to the chain."""
        inputs: Sequence[str] = node.input
        return (value for value in inputs if value and value not in self._tensors)


def attribute(node: Any, name: str, default: Any) -> Any:
    """Return the value of a node's attribute, ``default`` where it has none of this name."""
    import onnx

    return next((onnx.helper.get_attribute_value(one) for one in node.attribute if one.name == name), default)
