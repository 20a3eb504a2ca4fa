"""EfficientNet-Lite as an ONNX graph, from pixels to embedding and class probabilities.

The network is the one of Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks"
(ICML 2019, table 1 and section 4), in its Lite form of 2020: no squeeze-and-excitation, ReLU6 for swish, stem and
head not scaled. The embedding is generalised-mean pooling (Radenović, Tolias and Chum, "Fine-tuning CNN Image
Retrieval with No Human Annotation", TPAMI 2019, section 3.2) followed by a whitening projection that was fitted on
other photographs (Jégou and Chum, "Negative evidences and co-occurences in image retrieval", ECCV 2012).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.encoders.onnx_graph import GraphWriter, Precision
from yunmeng.encoders.weights import StateDict

__all__ = [
    "EMBEDDING",
    "FEATURES",
    "PIXELS",
    "SCORES",
    "Variant",
    "Whitening",
    "build_features",
    "build_graph",
]

PIXELS: Final = "pixels"
"""The graph's input: uint8 (n, size, size, 3), RGB."""
EMBEDDING: Final = "embedding"
"""Output: float32 (n, dim), L2-normalised."""
FEATURES: Final = "features"
"""Output of `build_features`: float32 (n, side, side, channels), what the embedding is pooled from."""
SCORES: Final = "scores"
"""Output: float32 (n, classes), probabilities that add up to 1."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One size of the family: multipliers of channels and of blocks, and the input's side in pixels."""

    width: float
    depth: float
    input_size: int


@dataclass(frozen=True, slots=True)
class Whitening:
    """``(x - mean) @ matrix``: mean float (features,), matrix float (features, dim)."""

    mean: NDArray[np.floating]
    matrix: NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class _Block:
    """One inverted bottleneck: expand by ``expand`` with 1x1, filter each channel with kernel x kernel, project."""

    kernel: int
    stride: int
    expand: int
    inputs: int
    outputs: int


# (blocks, kernel, stride, expansion, channels) of each stage before scaling, table 1 of the paper
_STAGES: Final = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_STEM_CHANNELS: Final = 32
_CHANNEL_STEP: Final = 8  # channel counts are multiples of it
_BATCH_NORM_EPSILON: Final = 1e-3
_PIXEL_MEAN, _PIXEL_SCALE = 127.0, 128.0
_GEM_FLOOR: Final = 1e-6  # with the power 3, as the whitening was fitted


def build_graph(variant: Variant, weights: StateDict, whitening: Whitening, precision: Precision) -> bytes:
    """Return a serialised ONNX model with input `PIXELS` and outputs `EMBEDDING` and `SCORES`, any batch size.

    ``weights`` are named as in the package efficientnet-lite-pytorch. Batch normalisation is folded into the
    convolutions in float64, so results differ from the reference by rounding only.
    """
    network = _Network(GraphWriter("efficientnet-lite", precision), weights, variant.input_size)
    features = network.features(variant)
    embedding_dim, classes = whitening.matrix.shape[1], weights["_fc.weight"].shape[0]
    network.embed(features, whitening)
    network.classify(features)
    return network.graph.serialise((PIXELS, variant.input_size), {EMBEDDING: (embedding_dim,), SCORES: (classes,)})


def build_features(variant: Variant, weights: StateDict, precision: Precision) -> bytes:
    """Return a serialised ONNX model with input `PIXELS` and output `FEATURES`.

    It is a graph of its own: as one more output of the other, the map would cost every picture that is encoded.
    """
    network = _Network(GraphWriter("efficientnet-lite-features", precision), weights, variant.input_size)
    side, channels = network.expose(network.features(variant))
    return network.graph.serialise((PIXELS, variant.input_size), {FEATURES: (side, side, channels)})


class _Network:
    """The writer, the weights, and the side of the current feature map, which same-padding depends on."""

    def __init__(self, graph: GraphWriter, weights: StateDict, side: int) -> None:
        self.graph = graph
        self._weights = weights
        self._side = side

    def features(self, variant: Variant) -> str:
        """The last feature map, float32 (n, 1280, side, side), values in [0, 6]."""
        tensor = self._relu6(self._convolve(self._normalised(), "_conv_stem", "_bn0", stride=2, heavy=False))
        for index, block in enumerate(_blocks(variant)):
            tensor = self._bottleneck(tensor, f"_blocks.{index}.", block)
        return self._relu6(self._convolve(tensor, "_conv_head", "_bn1"))

    def embed(self, features: str, whitening: Whitening) -> None:
        """GeM with p = 3, L2, whitening, L2."""
        graph = self.graph
        floored = graph.add("Max", features, graph.constant(_GEM_FLOOR))
        cubed = graph.add("Mul", graph.add("Mul", floored, floored), floored)  # the same as Pow, several times faster
        pooled = graph.add("Flatten", graph.add("GlobalAveragePool", cubed))
        pooled = self._unit(graph.add("Pow", pooled, graph.constant(1 / 3)))
        centred = graph.add("Sub", pooled, graph.constant(whitening.mean))
        self._unit(graph.add("MatMul", centred, graph.constant(whitening.matrix, heavy=True)), name=EMBEDDING)

    def classify(self, features: str) -> None:
        """Average pooling, the linear ImageNet head, softmax."""
        graph = self.graph
        pooled = graph.add("Flatten", graph.add("GlobalAveragePool", features))
        weight = graph.constant(self._weights["_fc.weight"], heavy=True)
        bias = graph.constant(self._weights["_fc.bias"])
        graph.add("Softmax", graph.add("Gemm", pooled, weight, bias, transB=1), name=SCORES, axis=1)

    def expose(self, features: str) -> tuple[int, int]:
        """Make the feature map an output; return its side and its channels."""
        self.graph.add("Transpose", features, name=FEATURES, perm=[0, 2, 3, 1])
        return self._side, self._weights["_fc.weight"].shape[1]

    def _normalised(self) -> str:
        """Pixels as the network was trained on them: (x - 127) / 128, channels first."""
        graph = self.graph
        planes = graph.add("Transpose", PIXELS, perm=[0, 3, 1, 2])  # while a pixel is still one byte
        floats = graph.add("Cast", planes, to=1)  # TensorProto.FLOAT
        centred = graph.add("Sub", floats, graph.constant(_PIXEL_MEAN))
        return graph.add("Mul", centred, graph.constant(1 / _PIXEL_SCALE))

    def _bottleneck(self, tensor: str, prefix: str, block: _Block) -> str:
        inner = tensor
        if block.expand != 1:
            inner = self._relu6(self._convolve(inner, f"{prefix}_expand_conv", f"{prefix}_bn0"))
        inner = self._relu6(self._convolve(inner, f"{prefix}_depthwise_conv", f"{prefix}_bn1", block.stride))
        inner = self._convolve(inner, f"{prefix}_project_conv", f"{prefix}_bn2")
        shortcut = block.stride == 1 and block.inputs == block.outputs
        return self.graph.add("Add", inner, tensor) if shortcut else inner

    def _convolve(self, tensor: str, convolution: str, norm: str, stride: int = 1, *, heavy: bool = True) -> str:
        """A convolution without bias and the batch normalisation behind it, as one convolution with bias."""
        weight = self._weights[f"{convolution}.weight"].astype(np.float64)
        mean, variance, scale, shift = (
            self._weights[f"{norm}.{part}"].astype(np.float64)
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        gain = scale / np.sqrt(variance + _BATCH_NORM_EPSILON)
        kernel = weight.shape[-1]
        before, after = self._same_padding(kernel, stride)
        return self.graph.add(
            "Conv",
            tensor,
            self.graph.constant(weight * gain[:, None, None, None], heavy=heavy),
            self.graph.constant(shift - mean * gain),
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=weight.shape[0] if weight.shape[1] == 1 else 1,
        )

    def _same_padding(self, kernel: int, stride: int) -> tuple[int, int]:
        """TensorFlow's SAME: the output's side is ceil(side / stride), an odd pixel of padding goes to the end."""
        side, self._side = self._side, math.ceil(self._side / stride)
        total = max((self._side - 1) * stride + kernel - side, 0)
        return total // 2, total - total // 2

    def _relu6(self, tensor: str) -> str:
        return self.graph.add("Clip", tensor, self.graph.constant(0.0), self.graph.constant(6.0))

    def _unit(self, tensor: str, name: str = "") -> str:
        return self.graph.add("Div", tensor, self.graph.add("ReduceL2", tensor, axes=[1]), name=name)


def _blocks(variant: Variant) -> Iterator[_Block]:
    channels = _STEM_CHANNELS
    for stage, (repeats, kernel, stride, expand, unscaled) in enumerate(_STAGES):
        outputs = _scaled_channels(unscaled, variant.width)
        edge = stage in (0, len(_STAGES) - 1)  # Lite scales the depth of the middle stages only
        for index in range(repeats if edge else math.ceil(repeats * variant.depth)):
            yield _Block(kernel, stride if index == 0 else 1, expand, channels, outputs)
            channels = outputs


def _scaled_channels(channels: int, width: float) -> int:
    """The nearest multiple of `_CHANNEL_STEP`, never below nine tenths of the exact value."""
    exact = channels * width
    rounded = max(_CHANNEL_STEP, int(exact + _CHANNEL_STEP / 2) // _CHANNEL_STEP * _CHANNEL_STEP)
    return rounded if rounded >= 0.9 * exact else rounded + _CHANNEL_STEP
