"""How many channels each chain keeps: where the network's result loses least for each multiplication that is saved."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from yunmeng.encoders.compress.chains import attribute
from yunmeng.encoders.onnx_runtime import OnnxSession

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from yunmeng.config import Settings
    from yunmeng.encoders.compress.chains import Chain, Network

__all__ = ["STEP", "Work", "allocate"]

STEP: Final = 8
"""Channels that are kept are a multiple of it: as many floats as a vector register of 256 bits holds."""
_LEAST: Final = 0.125  # of its channels that a chain keeps at least: below that an error curve says little


@dataclass(frozen=True, slots=True)
class _Layer:
    """Multiplications of a layer for one picture, and the chains that its outputs and its inputs belong to."""

    count: int
    chains: tuple[int, ...]


class Work:
    """Multiplications of a network for one picture, by what is left of its chains."""

    def __init__(
        self, network: "Network", chains: "Sequence[Chain]", picture: "NDArray[Any]", settings: "Settings"
    ) -> None:
        nodes = network.multiplying
        outputs = [node.output[0] for node in nodes]
        shapes = [value.shape for value in OnnxSession(network.part(outputs), settings).run(outputs, picture)]
        touched: dict[str, list[int]] = {}
        for number, chain in enumerate(chains):
            for name in (chain.producer, *chain.between, chain.consumer):
                touched.setdefault(name, []).append(number)
        self._channels: Final = [chain.channels for chain in chains]
        self._layers = [
            _Layer(_multiplications(network, node, shape), tuple(touched.get(node.name, ())))
            for node, shape in zip(nodes, shapes, strict=True)
        ]
        self.whole: Final = self.of(self._channels)

    def of(self, channels: Sequence[int]) -> int:
        """Return the multiplications with so many channels left in each chain."""
        shares = [left / whole for left, whole in zip(channels, self._channels, strict=True)]
        left_over = (
            layer.count * prod((shares[number] for number in layer.chains), start=1.0) for layer in self._layers
        )
        return round(float(sum(left_over)))


def _multiplications(network: "Network", node: Any, shape: tuple[int, ...]) -> int:
    weight = network.constant(node.name, 1)
    assert weight is not None
    if node.op_type == "Conv":
        return int(prod(shape[1:]) * prod(weight.shape[1:]))
    inner = weight.shape[-1 if attribute(node, "transB", 0) else -2]
    return int(prod(shape[1:]) * inner)


def allocate(work: Work, losses: "Sequence[NDArray[np.float64]]", keep: float) -> list[int]:
    """Return how many channels each chain keeps, so that at most the share ``keep`` of the multiplications is left.

    ``losses[n][k]`` is what the network loses with ``k`` channels of chain ``n`` left out. Each step goes down one
    chain's curve, as far as its mean slope is least, where a multiplication that is saved costs least; on the curves'
    convex hulls that is the best there is for a sum of losses. Stops where nothing can be left out any more.
    """
    whole = [len(curve) - 1 for curve in losses]
    corners = [_corners(curve) for curve in losses]
    left = list(whole)
    now = work.of(left)
    while now > keep * work.whole:
        best: tuple[float, int, int, int] | None = None
        for number, steps in enumerate(corners):
            if not steps:
                continue
            tried = list(left)
            tried[number] = steps[0]
            then = work.of(tried)
            curve = losses[number]
            cost = curve[whole[number] - steps[0]] - curve[whole[number] - left[number]]
            price = float(cost) / max(now - then, 1)
            if best is None or price < best[0]:
                best = price, number, steps[0], then
        if best is None:
            break
        _, number, left[number], now = best
        corners[number].pop(0)
    return left


def _corners(curve: "NDArray[np.float64]") -> list[int]:
    """Return the numbers of channels, falling, at the corners of the lower convex hull of a curve of losses."""
    whole = len(curve) - 1
    least = max(STEP, int(np.ceil(_LEAST * whole / STEP)) * STEP)
    counts = [whole, *range((whole - 1) // STEP * STEP, least - 1, -STEP)]
    hull: list[int] = []
    for count in counts:
        while len(hull) > 1 and _slope(curve, hull[-1], count) <= _slope(curve, hull[-2], hull[-1]):
            hull.pop()
        hull.append(count)
    return [fewer for _, fewer in pairwise(hull)]


def _slope(curve: "NDArray[np.float64]", more: int, fewer: int) -> float:
    whole = len(curve) - 1
    return float(curve[whole - fewer] - curve[whole - more]) / (more - fewer)
