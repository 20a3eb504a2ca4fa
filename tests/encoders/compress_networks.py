"""Small networks that are trained in a second, and pictures for them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from tests.conftest import paint
from tests.encoders.graphs import save

SIDE, DIM = 16, 6


def small_network(file: Path, seed: int = 5, dim: int = DIM, channels: int = 12) -> Path:
    """Pixels to a vector: three convolutions, of which one filters each channel, a shortcut, pooling and a product."""
    random = np.random.default_rng(seed)

    def weight(*shape: int) -> NDArray[np.float32]:
        return np.asarray(random.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:])), np.float32)

    constants: dict[str, NDArray[np.float32]] = {
        "scale": np.array(1 / 64, np.float32),
        "centre": np.array(127, np.float32),
        "zero": np.array(0, np.float32),
        "six": np.array(6, np.float32),
        "stem": weight(channels, 3, 3, 3),
        "stem_bias": weight(channels, 1)[:, 0] * np.float32(0.1),
        "depthwise": weight(channels, 1, 3, 3),
        "pointwise": weight(channels, channels, 1, 1),
        "pointwise_bias": weight(channels, 1)[:, 0] * np.float32(0.1),
        "matrix": weight(channels, dim),
    }
    nodes = [
        helper.make_node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["floats", "centre"], ["centred"]),
        helper.make_node("Mul", ["centred", "scale"], ["scaled"]),
        helper.make_node("Conv", ["scaled", "stem", "stem_bias"], ["a"], strides=[2, 2], pads=[0, 0, 1, 1]),
        helper.make_node("Clip", ["a", "zero", "six"], ["b"]),
        helper.make_node("Conv", ["b", "depthwise"], ["c"], pads=[1, 1, 1, 1], group=channels),
        helper.make_node("Relu", ["c"], ["d"]),
        helper.make_node("Conv", ["d", "pointwise", "pointwise_bias"], ["e"]),
        helper.make_node("Add", ["e", "b"], ["f"]),
        helper.make_node("GlobalAveragePool", ["f"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["vector"]),
    ]
    source = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", SIDE, SIDE, 3])
    target = helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["n", dim])
    return save(nodes, source, target, constants, file)


def small_pictures(count: int) -> NDArray[np.uint8]:
    """Pictures as the network takes them, uint8 (count, SIDE, SIDE, 3)."""
    return np.stack([np.asarray(paint(seed, (SIDE, SIDE))) for seed in range(count)])


def unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
