"""Writing an ONNX graph, operator by operator: names, constants, and how constants are stored.

The only module that imports ``onnx``, and only when a graph is written: the package takes a third of a second to
import, and a graph that is in the cache never needs it.
"""

from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["GraphWriter", "Precision"]

Precision: TypeAlias = Literal["fp32", "fp16"]

_OPSET: Final = 17  # ONNX 1.12, 2022: everything the graphs need, and all execution providers know it
_IR_VERSION: Final = 8  # goes with that opset; onnx would write its own newest, which an older runtime refuses


class GraphWriter:
    """Collects operators and constants, then returns the serialised model.

    With precision "fp16" the constants that are marked heavy are stored as float16 and cast to float32 at the
    head of the graph: the runtime folds the casts when it loads the model, so the file is half as long and every
    sum is still made in float32.
    """

    def __init__(self, name: str, precision: Precision) -> None:
        import onnx

        self._onnx = onnx
        self._name = name
        self._precision = precision
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def add(self, operator: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Add one operator with one output; return the output's name, which is ``name`` if given."""
        output = name or f"{operator}_{len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def constant(self, value: NDArray[Any] | float, *, heavy: bool = False) -> str:
        """Add a float32 constant; return its name."""
        array = np.asarray(value, np.float32)
        name = f"constant_{len(self._constants)}"
        halved = heavy and self._precision == "fp16"
        stored = array.astype(np.float16) if halved else array
        self._constants.append(self._onnx.numpy_helper.from_array(stored, name))
        return self.add("Cast", name, to=self._onnx.TensorProto.FLOAT) if halved else name

    def serialise(self, source: tuple[str, int], outputs: dict[str, tuple[int, ...]]) -> bytes:
        """Return the model: input ``source`` (name, side) as uint8 (n, side, side, 3), outputs float32 (n, *shape)."""
        helper, kinds = self._onnx.helper, self._onnx.TensorProto
        name, side = source
        graph = helper.make_graph(
            self._nodes,
            self._name,
            [helper.make_tensor_value_info(name, kinds.UINT8, ["n", side, side, 3])],
            [helper.make_tensor_value_info(key, kinds.FLOAT, ["n", *shape]) for key, shape in outputs.items()],
            self._constants,
        )
        model = helper.make_model(
            graph,
            producer_name="yunmeng",
            ir_version=_IR_VERSION,
            opset_imports=[helper.make_opsetid("", _OPSET)],
        )
        self._onnx.checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))
