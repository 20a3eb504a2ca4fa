"""Quantising a graph by ONNX Runtime's tools, and finding the layers that have to stay as they are."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from yunmeng.encoders.foreign import one_line, quiet
from yunmeng.errors import EncoderError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from yunmeng.encoders.fitting import OnEncoded

__all__ = ["Calibrated", "as_fp16", "only_output"]

_PRODUCTS: Final = ("MatMul", "Gemm")
_LAYERS: Final = ("Conv", *_PRODUCTS)
_ACTIVATIONS: Final = ("Clip", "Relu")
_BETWEEN: Final = (*_ACTIVATIONS, "MaxPool", "Add")
_GROUPS: Final = 16  # layers are tried in so many groups, in the order of the network
_MOST_KEPT: Final = 3  # groups
_GOOD: Final = 0.995  # mean cosine from which no further group is kept
_SLIGHT: Final = 0.0003  # of cosine: layers that gain no more, all together, are not worth their time


def only_output(graph: bytes | Path, output: str | None, file: Path) -> None:
    """Write to ``file`` the part of a graph that makes one output, the first if None. Raises EncoderError."""
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with _tools("quantised"):
        model = onnx.load_from_string(graph) if isinstance(graph, bytes) else onnx.load(graph)
        for number, node in enumerate(model.graph.node):
            node.name = node.name or f"{node.op_type}-{number}"  # layers are told apart by their names
        wanted = output or model.graph.output[0].name
        whole, part = file.with_suffix(".whole.onnx"), file.with_suffix(".part.onnx")
        onnx.save(model, whole)
        onnx.utils.extract_model(whole, part, [value.name for value in model.graph.input], [wanted], check_model=False)
        quant_pre_process(part, file, skip_symbolic_shape=True)


def as_fp16(plain: Path, file: Path) -> None:
    """Write a graph with its weights and sums in 16-bit floats; its input and output stay as they are."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    with _tools("turned into 16 bits"):
        onnx.save(convert_float_to_float16(onnx.load(plain), keep_io_types=True), file)


class Calibrated:
    """A graph in FP32 with the ranges of its activations, from which INT8 graphs are made.

    ``batches`` are inputs of the graph, one picture each; ``drafts`` is a folder for what is tried.
    """

    def __init__(self, plain: Path, batches: "Sequence[NDArray[Any]]", drafts: Path) -> None:
        """Raises EncoderError where the graph has nothing that can be quantised."""
        import onnx

        graph = onnx.load(plain).graph
        self._plain = plain
        self._between = _between(graph)
        self._source: str = graph.input[0].name
        self._batches = batches
        self._drafts = drafts
        self._groups = _grouped(list(_layers(graph)))
        if not self._groups:
            raise EncoderError("the network has no layer that can be quantised, neither a convolution nor a product")

    @property
    def layers(self) -> int:
        """The number of layers that can be quantised."""
        return sum(len(group) for group in self._groups)

    def write(self, file: Path, score: Callable[[Path], float], on_tried: "OnEncoded") -> int:
        """Write an INT8 graph, and return how many layers it keeps in FP32.

        ``score`` says of a graph how near its vectors are to those of the whole one, 1 at the most. Without any layer
        in FP32 they may be near enough. Else each group of layers is kept in FP32 alone, and the graph keeps those that
        gain most, until it is near enough. Then the layers of these groups without which it is as near get 8 bits: each
        one in FP32 costs time, the large maps at the front of a network most.
        """
        longest = max(map(len, self._groups))
        done, total = 0, 1 + len(self._groups) + _MOST_KEPT + _MOST_KEPT * longest
        draft = self._drafts / "tried.onnx"

        def tried(kept: Sequence[tuple[str, ...]], place: Path = draft) -> float:
            nonlocal done
            self._quantise(place, [name for layer in kept for name in layer])
            done += 1
            on_tried(done, total)
            return score(place)

        best: list[tuple[str, ...]] = []
        reached = tried(best, file)
        if reached >= _GOOD:
            return 0
        gains = [(tried(group), number) for number, group in enumerate(self._groups)]
        order = [number for _, number in sorted(gains, reverse=True)]
        for count in range(1, _MOST_KEPT + 1):
            kept = [layer for number in sorted(order[:count]) for layer in self._groups[number]]
            found = tried(kept)
            if found > reached:
                best, reached = kept, found
            if reached >= _GOOD:
                break
        enough = min(reached, _GOOD) - _SLIGHT
        for layer in best[::-1]:
            fewer = [one for one in best if one != layer]
            if tried(fewer) >= enough:
                best = fewer
        self._quantise(file, [name for layer in best for name in layer])
        on_tried(total, total)
        return len(best)

    def _quantise(self, file: Path, kept: list[str]) -> None:
        from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

        names = {name for group in self._groups for layer in group for name in layer} | self._between
        with _tools("quantised"):
            quantize_static(
                self._plain,
                file,
                _Inputs(self._source, self._batches),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=[*_LAYERS, *(_BETWEEN if self._between else ())],
                nodes_to_quantize=sorted(names.difference(kept)),
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                extra_options={"OpTypesToExcludeOutputQuantization": list(_PRODUCTS)},
                **({"calibration_cache_path": self._drafts / "ranges.json"} if _keeps_ranges() else {}),
            )


def _keeps_ranges() -> bool:
    """Say whether the tools can keep what they found: older ones, as OpenVINO's packages have them, look each time."""
    from onnxruntime.quantization import quantize_static

    return "calibration_cache_path" in signature(quantize_static).parameters


class _Inputs:
    """A `CalibrationDataReader`, which ONNX Runtime asks for one input after the other."""

    def __init__(self, source: str, batches: "Sequence[NDArray[Any]]") -> None:
        self._inputs: Iterator[dict[str, NDArray[Any]]] = ({source: batch} for batch in batches)

    def get_next(self) -> "dict[str, NDArray[Any]] | None":
        return next(self._inputs, None)


def _layers(graph: Any) -> Iterator[tuple[str, ...]]:
    """Yield the names of each layer with weights, and of the activation functions behind it, which go with it."""
    weights = {tensor.name for tensor in graph.initializer}
    users: dict[str, list[Any]] = {}
    for node in graph.node:
        for value in node.input:
            users.setdefault(value, []).append(node)
    for node in graph.node:
        if node.op_type in _LAYERS and weights.intersection(node.input):
            behind = [user.name for user in users.get(node.output[0], []) if user.op_type in _ACTIVATIONS]
            yield (node.name, *behind)


def _between(graph: Any) -> set[str]:
    """Return the names of the operators that make feature maps of convolutions' feature maps.

    They are quantised as well, so that integers stay integers from one convolution to the next. The sums of a
    transformer are not: a few of their channels are a hundred times as large as the others, and 8 bits that hold those
    hold nothing of these (Bondarenko, Nagel and Blankevoort, "Understanding and Overcoming the Challenges of Efficient
    Transformer Quantization", EMNLP 2021).
    """
    maps: set[str] = set()
    found = set()
    for node in graph.node:
        operands = node.input if node.op_type == "Add" else node.input[:1]  # the others are bounds
        if node.op_type == "Conv":
            maps.update(node.output)
        elif node.op_type in _BETWEEN and maps.issuperset(operands):
            maps.update(node.output)
            found.add(node.name)
    return found


def _grouped(layers: list[tuple[str, ...]]) -> list[list[tuple[str, ...]]]:
    """Return neighbouring layers together, in up to `_GROUPS` groups of about the same length."""
    bounds = np.linspace(0, len(layers), min(_GROUPS, len(layers)) + 1).astype(int)
    return [layers[start:end] for start, end in pairwise(bounds)]


@contextmanager
def _tools(what: str) -> Iterator[None]:
    """Run the tools without their messages, and say in one line what they could not do: they raise nearly anything."""
    try:
        with quiet():
            yield
    except Exception as error:
        raise EncoderError(f"the network cannot be {what}: {one_line(error)[:300]}") from error
