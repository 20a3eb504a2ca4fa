"""Small networks made with onnx.helper, and what they compute in plain NumPy."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from yunmeng.types import Pixels

SIDE, DIM = 16, 5
WEIGHT: NDArray[np.float32] = np.random.default_rng(3).standard_normal((3, DIM)).astype(np.float32)
TABLE: NDArray[np.float32] = np.random.default_rng(4).standard_normal((40, DIM)).astype(np.float32)


def save(nodes: list[Any], source: Any, target: Any, constants: dict[str, NDArray[Any]], file: Path) -> Path:
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "test", [source], [target], tensors)
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    onnx.checker.check_model(model)
    file.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, file)
    return file


def colour_network(
    file: Path,
    *,
    layout: str = "nhwc",
    kind: int = TensorProto.UINT8,
    batch: str | int = "n",
    side: str | int = SIDE,
    weight: NDArray[np.float32] = WEIGHT,
) -> Path:
    """The mean colour, squared so that no two layers of it cancel, times a matrix: (n, DIM)."""
    axes = [1, 2] if layout == "nhwc" else [2, 3]
    shape = [batch, side, side, 3] if layout == "nhwc" else [batch, 3, side, side]
    nodes = [
        helper.make_node("Cast", ["pixels"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=axes, keepdims=0),
        helper.make_node("Mul", ["mean", "mean"], ["squared"]),
        helper.make_node("MatMul", ["squared", "weight"], ["vector"]),
    ]
    source = helper.make_tensor_value_info("pixels", kind, shape)
    target = helper.make_tensor_value_info("vector", TensorProto.FLOAT, [batch, weight.shape[1]])
    return save(nodes, source, target, {"weight": weight}, file)


def colour_vectors(pixels: NDArray[Any], weight: NDArray[np.float32] = WEIGHT) -> NDArray[np.float32]:
    """What `colour_network` gives for (n, h, w, 3), divided by its length."""
    vectors = pixels.astype(np.float64).mean(axis=(1, 2)) ** 2 @ weight
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors, np.float32)


def map_network(file: Path, rank: int) -> Path:
    """A feature map (n, 3, h, w) for rank 4, or the same as tokens (n, h * w, 3), of pixels in NCHW."""
    nodes = [helper.make_node("Identity", ["pixels"], ["map" if rank == 4 else "x"])]
    shape: list[str | int] = ["n", 3, SIDE, SIDE]
    if rank == 3:
        nodes += [
            helper.make_node("Reshape", ["x", "shape"], ["flat"]),
            helper.make_node("Transpose", ["flat"], ["map"], perm=[0, 2, 1]),
        ]
    source = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape)
    target = helper.make_tensor_value_info("map", TensorProto.FLOAT, shape if rank == 4 else ["n", SIDE * SIDE, 3])
    constants = {"shape": np.array([0, 3, -1], np.int64)} if rank == 3 else {}
    return save(nodes, source, target, constants, file)


def word_network(file: Path, length: int) -> Path:
    """The mean of the rows of `TABLE` that the ids name: (n, DIM)."""
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"]),
        helper.make_node("ReduceMean", ["rows"], ["vector"], axes=[1], keepdims=0),
    ]
    source = helper.make_tensor_value_info("ids", TensorProto.INT64, ["n", length])
    target = helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["n", DIM])
    return save(nodes, source, target, {"table": TABLE}, file)


def some_pictures(count: int = 3) -> list[Pixels]:
    """Pictures of several sizes, none the network's."""
    random = np.random.default_rng(0)
    sizes = [(40, 30), (17, 50), (90, 91), (8, 8), (300, 20)][:count]
    return [random.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]


def layered_network(file: Path, *, outlier: float = 1.0) -> Path:
    """Four convolutions with ReLU behind each, pooled: (n, 32). One channel of the second is ``outlier`` times as
    large as the others, and the third takes it back."""
    random = np.random.default_rng(5)
    weights = {
        f"weight{number}": (random.standard_normal((32, inputs, 3, 3)) * (0.6 / inputs**0.5)).astype(np.float32)
        for number, inputs in enumerate((3, 32, 32, 32))
    }
    weights["weight1"][0] *= outlier
    weights["weight2"][:, 0] /= outlier
    nodes = [
        helper.make_node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["floats", "scale"], ["x0"]),
    ]
    for number in range(4):
        nodes.append(helper.make_node("Conv", [f"x{number}", f"weight{number}"], [f"y{number}"], pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Relu", [f"y{number}"], [f"x{number + 1}"]))
    nodes += [
        helper.make_node("GlobalAveragePool", ["x4"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["vector"]),
    ]
    source = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", SIDE, SIDE, 3])
    target = helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["n", 32])
    return save(nodes, source, target, {**weights, "scale": np.array(255, np.float32)}, file)


def residual_network(file: Path, *, hidden: int = 32, own: int | None = None, gated: bool = False) -> Path:
    """A stem of 16 channels and two inverted residual blocks with ``hidden`` channels each, pooled: (n, 16).

    Of the hidden channels ``own``, all by default, are of their own; the others are twins of these. With ``gated``
    they are multiplied with channels of another convolution.
    """
    random = np.random.default_rng(6)
    weights: dict[str, NDArray[Any]] = {"scale": np.array(255, np.float32), "six": np.array(6, np.float32)}
    weights |= {"zero": np.array(0, np.float32), "stem": _normal(random, 16, 3, 3, 3)}
    nodes = [
        helper.make_node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["floats", "scale"], ["scaled"]),
        helper.make_node("Conv", ["scaled", "stem"], ["x0"], pads=[1, 1, 1, 1]),
    ]
    rows = np.arange(hidden) % (own or hidden)
    for block in range(2):
        weights[f"expand{block}"] = _normal(random, hidden, 16, 1, 1)[rows]
        weights[f"bias{block}"] = random.standard_normal(hidden).astype(np.float32)[rows] * 0.1
        weights[f"depth{block}"] = _normal(random, hidden, 1, 3, 3)[rows]
        weights[f"project{block}"] = _normal(random, 16, hidden, 1, 1)
        nodes += [
            helper.make_node("Conv", [f"x{block}", f"expand{block}", f"bias{block}"], [f"a{block}"]),
            helper.make_node("Clip", [f"a{block}", "zero", "six"], [f"b{block}"]),
            helper.make_node("Conv", [f"b{block}", f"depth{block}"], [f"c{block}"], pads=[1] * 4, group=hidden),
            helper.make_node("Clip", [f"c{block}", "zero", "six"], [f"d{block}"]),
        ]
        if gated:
            weights[f"gate{block}"] = _normal(random, hidden, 16, 1, 1)
            nodes += [
                helper.make_node("Conv", [f"x{block}", f"gate{block}"], [f"g{block}"]),
                helper.make_node("Mul", [f"d{block}", f"g{block}"], [f"h{block}"]),
            ]
        nodes += [
            helper.make_node("Conv", [f"{'h' if gated else 'd'}{block}", f"project{block}"], [f"e{block}"]),
            helper.make_node("Add", [f"e{block}", f"x{block}"], [f"x{block + 1}"]),
        ]
    nodes += [
        helper.make_node("GlobalAveragePool", ["x2"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["vector"]),
    ]
    source = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", SIDE, SIDE, 3])
    target = helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["n", 16])
    return save(nodes, source, target, weights, file)


def attention_network(file: Path, *, outlier: float = 1.0) -> Path:
    """A vision transformer of one block: 16 patches, four heads of 8 channels, sums around attention and around two
    layers with GELU; tokens (n, 16, 32). One channel of the patches is ``outlier`` times as large as the others, as a
    few are in trained ones.
    """
    random, width, patches = np.random.default_rng(7), 32, 16
    weights: dict[str, NDArray[Any]] = {
        "patch": _normal(random, width, 3, 4, 4),
        "place": _normal(random, 1, patches, width) * 4,
        "root": np.array(8**0.5, np.float32),
        "two": np.array(2**0.5, np.float32),
        "one": np.array(1, np.float32),
        "half": np.array(0.5, np.float32),
        "rows": np.array([0, width, patches], np.int64),
        "heads": np.array([0, patches, 4, 8], np.int64),
        "whole": np.array([0, patches, width], np.int64),
    }
    weights["patch"][3] *= outlier
    for name, inner, outer in (("q", 1, 1), ("k", 1, 1), ("v", 1, 1), ("mix", 1, 1), ("up", 1, 4), ("down", 4, 1)):
        weights[name] = _normal(random, outer * width, inner * width).T.copy()
        weights[f"{name}_bias"] = random.standard_normal(outer * width).astype(np.float32) * 0.1
    for name in ("first", "second", "last"):
        weights[f"{name}_gain"] = (1 + 0.2 * random.standard_normal(width)).astype(np.float32)
    nodes: list[Any] = []

    def add(kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def linear(value: str, name: str) -> str:
        return add("Add", [add("MatMul", [value, name], f"{name}_product"), f"{name}_bias"], f"{name}_out")

    def normalised(value: str, name: str) -> str:
        return add("LayerNormalization", [value, f"{name}_gain"], f"{name}_out", axis=-1)

    def by_heads(value: str, perm: list[int]) -> str:
        return add("Transpose", [add("Reshape", [value, "heads"], f"{value}_heads")], f"{value}_turned", perm=perm)

    add("Conv", ["pixels", "patch"], "map", strides=[4, 4])
    add("Transpose", [add("Reshape", ["map", "rows"], "flat")], "tokens", perm=[0, 2, 1])
    add("Add", ["tokens", "place"], "x0")
    before = normalised("x0", "first")
    queries, keys = by_heads(linear(before, "q"), [0, 2, 1, 3]), by_heads(linear(before, "k"), [0, 2, 3, 1])
    add("Div", [add("MatMul", [queries, keys], "scores"), "root"], "scaled")
    values = by_heads(linear(before, "v"), [0, 2, 1, 3])
    add("MatMul", [add("Softmax", ["scaled"], "chances", axis=-1), values], "found")
    add("Reshape", [add("Transpose", ["found"], "joined", perm=[0, 2, 1, 3]), "whole"], "attended")
    add("Add", ["x0", linear("attended", "mix")], "x1")
    up = linear(normalised("x1", "second"), "up")
    add("Add", [add("Erf", [add("Div", [up, "two"], "apart")], "erf"), "one"], "risen")
    add("Mul", [add("Mul", [up, "risen"], "doubled"), "half"], "gelu")
    add("Add", ["x1", linear("gelu", "down")], "x2")
    normalised("x2", "last")
    source = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])
    target = helper.make_tensor_value_info("last_out", TensorProto.FLOAT, ["n", patches, width])
    return save(nodes, source, target, weights, file)


def _normal(random: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    return (random.standard_normal(shape) / np.prod(shape[1:]) ** 0.5).astype(np.float32)
