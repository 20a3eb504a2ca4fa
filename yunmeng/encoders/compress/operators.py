"""The operators of ONNX, versions 13 and later, as functions of PyTorch: those of networks for pictures.

The only module that imports PyTorch where it is loaded; `torch_graph` loads it when a graph is to be trained. Batch
normalisation works with the statistics that the graph holds. Numbers in 16 bits are computed with in 32.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, Final, TypeAlias

import numpy as np
import torch

__all__ = ["OPERATORS", "Attributes", "Operator"]

Tensor: TypeAlias = Any
Attributes: TypeAlias = Mapping[str, Any]
"""Those of a node; ``outputs`` is added, the number of its outputs."""
Operator: TypeAlias = Callable[..., Any]
"""Called with attributes and inputs, None for an input that is left out; returns a tensor, or a tuple of outputs."""

_KINDS: Final = {1: "float32", 2: "uint8", 6: "int32", 7: "int64", 9: "bool", 10: "float32", 11: "float32"}


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _ints(value: Tensor) -> list[int]:
    return [int(one) for one in value.reshape(-1).tolist()]


def _padding(attributes: Attributes, sides: Sequence[int], kernel: Sequence[int], strides: Sequence[int]) -> list[int]:
    """Return the padding for ``torch.nn.functional.pad``: last axis first, before and behind."""
    way = _text(attributes.get("auto_pad", "NOTSET"))
    axes = len(kernel)
    if way in ("SAME_UPPER", "SAME_LOWER"):
        totals = [  # ONNX Runtime knows no dilation here either
            max((-(-side // stride) - 1) * stride + length - side, 0)
            for side, length, stride in zip(sides, kernel, strides, strict=True)
        ]
        small, large = [total // 2 for total in totals], [total - total // 2 for total in totals]
        before, after = (small, large) if way == "SAME_UPPER" else (large, small)
    else:
        pads = attributes.get("pads", [0] * 2 * axes)
        before, after = pads[:axes], pads[axes:]
    return [number for axis in reversed(range(axes)) for number in (before[axis], after[axis])]


def _convolved(attributes: Attributes, x: Tensor, weight: Tensor, bias: Tensor = None) -> Tensor:
    kernel = list(weight.shape[2:])
    strides = attributes.get("strides", [1] * len(kernel))
    pads = _padding(attributes, x.shape[2:], kernel, strides)
    convolve = {1: torch.nn.functional.conv1d, 2: torch.nn.functional.conv2d}[len(kernel)]
    padding: Any = pads[::-2]
    if pads[::2] != pads[1::2]:
        x, padding = torch.nn.functional.pad(x, pads), 0
    dilations = attributes.get("dilations", [1] * len(kernel))
    return convolve(x, weight, bias, strides, padding, dilations, attributes.get("group", 1))


def _pool(way: str) -> Operator:
    def pooled(attributes: Attributes, x: Tensor) -> Tensor:
        kernel = list(attributes["kernel_shape"])
        strides = list(attributes.get("strides", [1] * len(kernel)))
        pads = _padding(attributes, x.shape[2:], kernel, strides)
        ceil = bool(attributes.get("ceil_mode", 0))
        if way == "max":
            x = torch.nn.functional.pad(x, pads, value=float("-inf")) if any(pads) else x
            return torch.nn.functional.max_pool2d(x, kernel, strides, ceil_mode=ceil)
        counted = bool(attributes.get("count_include_pad", 0))
        if pads[::2] == pads[1::2]:
            return torch.nn.functional.avg_pool2d(x, kernel, strides, pads[::-2], ceil, counted)
        ones = torch.nn.functional.pad(torch.ones_like(x[:1, :1]), pads, value=float(counted))
        total = torch.nn.functional.avg_pool2d(torch.nn.functional.pad(x, pads), kernel, strides, ceil_mode=ceil)
        return total / torch.nn.functional.avg_pool2d(ones, kernel, strides, ceil_mode=ceil)

    return pooled


def _product(attributes: Attributes, a: Tensor, b: Tensor, c: Tensor = None) -> Tensor:
    a = a.T if attributes.get("transA", 0) else a
    b = b.T if attributes.get("transB", 0) else b
    result = attributes.get("alpha", 1.0) * (a @ b)
    return result if c is None else result + attributes.get("beta", 1.0) * c


def _batch_norm(attributes: Attributes, x: Tensor, *statistics: Tensor) -> Tensor:
    scale, shift, mean, variance = statistics
    return torch.nn.functional.batch_norm(x, mean, variance, scale, shift, eps=attributes.get("epsilon", 1e-5))


def _layer_norm(attributes: Attributes, x: Tensor, scale: Tensor, shift: Tensor = None) -> Tensor:
    shape = x.shape[attributes.get("axis", -1) % x.ndim :]
    epsilon = attributes.get("epsilon", 1e-5)
    return torch.nn.functional.layer_norm(x, shape, scale.expand(shape), shift, epsilon)


def _reduce(apply: Callable[[Tensor, list[int], bool], Tensor]) -> Operator:
    def reduced(attributes: Attributes, x: Tensor, axes: Tensor = None) -> Tensor:
        over = list(attributes.get("axes", [])) if axes is None else _ints(axes)
        return apply(x, over or list(range(x.ndim)), bool(attributes.get("keepdims", 1)))

    return reduced


def _squeezed(x: Tensor, axes: Tensor = None) -> Tensor:
    return x.squeeze() if axes is None else x.squeeze(_ints(axes))


def _unsqueezed(x: Tensor, axes: Tensor) -> Tensor:
    rank = x.ndim + axes.numel()
    for axis in sorted(axis % rank for axis in _ints(axes)):
        x = x.unsqueeze(axis)
    return x


def _reshaped(attributes: Attributes, x: Tensor, shape: Tensor) -> Tensor:
    sides = _ints(shape)
    return x.reshape(
        [x.shape[at] if side == 0 and not attributes.get("allowzero", 0) else side for at, side in enumerate(sides)]
    )


def _flattened(attributes: Attributes, x: Tensor) -> Tensor:
    axis = attributes.get("axis", 1) % (x.ndim + 1)
    return x.reshape(prod(x.shape[:axis]), -1)


def _sliced(
    x: Tensor,
    start: Tensor,
    end: Tensor,
    axes: Tensor = None,
    steps: Tensor = None,
) -> Tensor:
    starts, ends = _ints(start), _ints(end)
    along = list(range(len(starts))) if axes is None else [axis % x.ndim for axis in _ints(axes)]
    by = [1] * len(starts) if steps is None else _ints(steps)
    for axis, first, last, step in zip(along, starts, ends, by, strict=True):
        places = list(range(x.shape[axis]))[first:last:step]
        x = x.index_select(axis, torch.tensor(places, dtype=torch.int64, device=x.device))
    return x


def _split(attributes: Attributes, x: Tensor, sizes: Tensor = None) -> Any:
    axis = attributes.get("axis", 0)
    length = x.shape[axis]
    return tuple(x.split(-(-length // attributes["outputs"]) if sizes is None else _ints(sizes), axis))


def _gathered(attributes: Attributes, x: Tensor, places: Tensor) -> Tensor:
    axis = attributes.get("axis", 0) % x.ndim
    wanted = (places % x.shape[axis]).reshape(-1).to(x.device)
    return x.index_select(axis, wanted).reshape(*x.shape[:axis], *places.shape, *x.shape[axis + 1 :])


def _padded(attributes: Attributes, x: Tensor, pads: Tensor, value: Tensor = None, axes: Tensor = None) -> Tensor:
    along = list(range(x.ndim)) if axes is None else [axis % x.ndim for axis in _ints(axes)]
    numbers = _ints(pads)
    sides = {axis: (numbers[at], numbers[len(along) + at]) for at, axis in enumerate(along)}
    flat = [number for axis in reversed(range(x.ndim)) for number in sides.get(axis, (0, 0))]
    mode = _text(attributes.get("mode", "constant"))
    if mode == "constant":
        return torch.nn.functional.pad(x, flat, value=0.0 if value is None else float(value))
    return torch.nn.functional.pad(x, flat[: 2 * (x.ndim - 2)], mode={"edge": "replicate"}.get(mode, mode))


def _cast(attributes: Attributes, x: Tensor) -> Tensor:
    return x.to(getattr(torch, _KINDS[attributes["to"]]))


def _shape(attributes: Attributes, x: Tensor) -> Tensor:
    return torch.tensor(list(x.shape)[attributes.get("start", 0) : attributes.get("end")], dtype=torch.int64)


def _expanded(x: Tensor, shape: Tensor) -> Tensor:
    return x.expand(torch.broadcast_shapes(tuple(x.shape), tuple(_ints(shape))))


def _filled(attributes: Attributes, shape: Tensor) -> Tensor:
    import onnx

    value = onnx.numpy_helper.to_array(attributes["value"]) if "value" in attributes else np.zeros(1, np.float32)
    return torch.full(_ints(shape), value.item(), dtype=getattr(torch, value.dtype.name))


def _gelu(attributes: Attributes, x: Tensor) -> Tensor:
    return torch.nn.functional.gelu(x, approximate=_text(attributes.get("approximate", "none")))


def _clipped(x: Tensor, least: Tensor = None, most: Tensor = None) -> Tensor:
    bounds = [None if bound is None else bound.item() for bound in (least, most)]
    return x.clamp(*bounds)


def _simple(function: Callable[..., Tensor]) -> Operator:
    """Return an operator that knows no attributes."""
    return lambda _attributes, *inputs: function(*inputs)


OPERATORS: Final[Mapping[str, Operator]] = {
    "Abs": _simple(lambda x: x.abs()),
    "Add": _simple(lambda x, y: x + y),
    "AveragePool": _pool("mean"),
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "Clip": _simple(_clipped),
    "Concat": lambda a, *parts: torch.cat(parts, a["axis"]),
    "ConstantOfShape": _filled,
    "Conv": _convolved,
    "Div": _simple(lambda x, y: x / y if x.is_floating_point() else torch.div(x, y, rounding_mode="trunc")),
    "Erf": _simple(lambda x: x.erf()),
    "Exp": _simple(lambda x: x.exp()),
    "Expand": _simple(_expanded),
    "Flatten": _flattened,
    "Gather": _gathered,
    "Gelu": _gelu,
    "Gemm": _product,
    "GlobalAveragePool": _simple(lambda x: x.mean(list(range(2, x.ndim)), keepdim=True)),
    "GlobalMaxPool": _simple(lambda x: x.amax(list(range(2, x.ndim)), keepdim=True)),
    "HardSigmoid": lambda a, x: (a.get("alpha", 0.2) * x + a.get("beta", 0.5)).clamp(0, 1),
    "HardSwish": _simple(lambda x: torch.nn.functional.hardswish(x)),
    "Identity": _simple(lambda x: x),
    "LayerNormalization": _layer_norm,
    "LeakyRelu": lambda a, x: torch.nn.functional.leaky_relu(x, a.get("alpha", 0.01)),
    "Log": _simple(lambda x: x.log()),
    "MatMul": _simple(lambda x, y: x @ y),
    "Max": _simple(lambda x, y: torch.maximum(x, y)),
    "MaxPool": _pool("max"),
    "Min": _simple(lambda x, y: torch.minimum(x, y)),
    "Mul": _simple(lambda x, y: x * y),
    "Neg": _simple(lambda x: -x),
    "Pad": _padded,
    "Pow": _simple(lambda x, y: x**y),
    "Range": _simple(lambda start, end, step: torch.arange(start.item(), end.item(), step.item())),
    "Reciprocal": _simple(lambda x: 1 / x),
    "ReduceL2": _reduce(lambda x, axes, keep: x.square().sum(axes, keepdim=keep).sqrt()),
    "ReduceMax": _reduce(lambda x, axes, keep: x.amax(axes, keepdim=keep)),
    "ReduceMean": _reduce(lambda x, axes, keep: x.mean(axes, keepdim=keep)),
    "ReduceSum": _reduce(lambda x, axes, keep: x.sum(axes, keepdim=keep)),
    "Relu": _simple(lambda x: x.relu()),
    "Reshape": _reshaped,
    "Shape": _shape,
    "Sigmoid": _simple(lambda x: x.sigmoid()),
    "Slice": _simple(_sliced),
    "Softmax": lambda a, x: x.softmax(a.get("axis", -1)),
    "Split": _split,
    "Sqrt": _simple(lambda x: x.sqrt()),
    "Squeeze": _simple(_squeezed),
    "Sub": _simple(lambda x, y: x - y),
    "Tanh": _simple(lambda x: x.tanh()),
    "Transpose": lambda a, x: x.permute(*a.get("perm", range(x.ndim)[::-1])),
    "Unsqueeze": _simple(_unsqueezed),
}
"""The operators that are known, by their names in ONNX."""
