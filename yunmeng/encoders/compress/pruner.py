"""Cutting channels out of a network, and fitting what is left to give nearly what the whole network gives.

Whole channels are cut out between convolutions (`chains`), those whose loss the layer behind them can make up for best
(`reconstruction`), more in chains where the vectors lose little for each multiplication that is saved (`allocation`).
The layers that read them get new weights by least squares on pictures, one after the other from the input on, so that
each also makes up for what those before it lost.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from yunmeng.encoders.compress.allocation import Work, allocate
from yunmeng.encoders.compress.calibration import Calibration
from yunmeng.encoders.compress.chains import Network
from yunmeng.encoders.compress.reconstruction import Elimination, eliminate, regress
from yunmeng.errors import EncoderError

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

    from yunmeng.config import Settings
    from yunmeng.encoders.compress.reconstruction import Moments

__all__ = ["OnDone", "Pruner"]

OnDone: TypeAlias = Callable[[int, int], None]
"""Called with the number of steps that are done, and that of all."""


_TRIED: Final = 0.6  # of a chain's channels stay where it is tried what the vectors lose
_SMALLEST: Final = 1e-30


class Pruner:
    """A network that is made smaller: what it loses by each channel is worked out once, for any size.

    Args:
        model: The network, an ONNX model; it is not changed.
        pictures: In the form that it takes, (n, ...). Some hundred are enough, of the kind that will be searched.
        loss: Says how far the vectors of a pruned model are from those of the whole one, 0 at the least.
        settings: Say how it is run.
        on_done: Called after each step.

    Raises:
        EncoderError: Nothing can be cut out of the network.
    """

    def __init__(
        self,
        model: "onnx.ModelProto",
        pictures: "NDArray[Any]",
        loss: "Callable[[onnx.ModelProto], float]",
        settings: "Settings",
        on_done: OnDone = lambda _done, _total: None,
    ) -> None:
        self._model = model
        network = Network(_copy(model))
        self.chains: Final = network.chains()
        if not self.chains:
            raise EncoderError(
                "the network has no channels that can be cut out: only those between two convolutions can, in FP32 and "
                "outside of residual sums; make it smaller by yunmeng models quantize"
            )
        self.work: Final = Work(network, self.chains, pictures[:1], settings)
        total = len(pictures) + 2 * len(self.chains)
        self._calibration = Calibration(network, self.chains, pictures, settings, lambda done: on_done(done, total))
        self._eliminations: list[Elimination] = []
        for chain, moments in zip(self.chains, self._calibration.moments, strict=True):
            self._eliminations.append(eliminate(moments, chain.group))
            on_done(len(pictures) + len(self._eliminations), total)
        self.losses: Final[list[NDArray[np.float64]]] = []
        for number in range(len(self.chains)):
            self.losses.append(self._losses(number, loss))
            on_done(total - len(self.chains) + len(self.losses), total)

    def allocated(self, keep: float) -> list[int]:
        """Return how many channels each chain keeps for the share ``keep`` of the multiplications, or for the least
        share that can be had."""
        return allocate(self.work, self.losses, keep)

    def pruned(self, channels: Sequence[int], on_done: OnDone = lambda _done, _total: None) -> "onnx.ModelProto":
        """Return a model that keeps so many channels of each chain, with the weights that make up for the others."""
        network = Network(_copy(self._model))
        touched = False
        for number, (chain, count) in enumerate(zip(self.chains, channels, strict=True)):
            touched = touched or count < chain.channels
            if touched:
                self._replace(network, number, count, self._calibration.moments_in(network, number))
            on_done(number + 1, len(self.chains))
        made: onnx.ModelProto = network.finished()
        return made

    def _losses(self, number: int, loss: "Callable[[onnx.ModelProto], float]") -> "NDArray[np.float64]":
        """Return what the vectors lose with 0, 1, ... channels of one chain left out, and all others whole.

        The error of the chain's consumer is known for each number; what it does to the vectors is tried once, and both
        are squares of deviations, so that one grows as the other.
        """
        chain, errors = self.chains[number], self._eliminations[number].errors
        count = max(1, round(_TRIED * chain.channels))
        network = Network(_copy(self._model))
        self._replace(network, number, count, self._calibration.moments[number])
        error = max(float(errors[chain.channels - count]), _SMALLEST)
        return np.asarray(errors * max(loss(network.finished()), _SMALLEST) / error)

    def _replace(self, network: Network, number: int, count: int, moments: "Moments") -> None:
        """Leave ``count`` channels of a chain, and fit its consumer."""
        chain, kept = self.chains[number], self._eliminations[number].kept(count)
        network.cut(chain, kept)
        rows = (kept[:, None] * chain.group + np.arange(chain.group)).ravel()
        weights, bias = regress(moments, rows)
        network.refit(chain, weights.T.reshape(-1, count, *chain.kernel), bias)


def _copy(model: "onnx.ModelProto") -> "onnx.ModelProto":
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy
