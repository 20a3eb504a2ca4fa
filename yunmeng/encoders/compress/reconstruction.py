"""Which channels a layer can do without, and the weights with which it does: least squares on what layers really see.

The layer that reads the channels is a linear map, so that its best weights for some of its inputs are a regression on
these (Luo, Wu and Lin, "ThiNet", ICCV 2017; He, Zhang and Sun, "Channel Pruning for Accelerating Very Deep Neural
Networks", ICCV 2017). What the error grows by when one more input is left out, and all other weights adapt, has a
closed form (Hassibi and Stork, "Second order derivatives for network pruning: Optimal Brain Surgeon", NIPS 1992, here
for a whole channel as in Kurtic, Frantar and Alistarh, "ZipLM", NeurIPS 2023). No gradient is needed.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Elimination", "Moments", "eliminate", "regress"]

_RIDGE: Final = 1e-4  # of the mean variance of an input: channels that are the same in all samples have none
_SMALLEST: Final = 1e-30
_COMPACT: Final = 0.85  # of the rows are left when those that are gone are cut out of the matrices


class Moments:
    """First and second moments of a layer's inputs, (n, d), and of the outputs that it should give, (n, o)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        self.count = 0
        self._sums = np.zeros(inputs + outputs)
        self._products = np.zeros((inputs, inputs + outputs))
        self._squares = np.zeros(outputs)
        self._inputs: Final = inputs

    def add(self, inputs: "NDArray[np.float32]", outputs: "NDArray[np.float32]") -> None:
        """Count samples, a row each."""
        both = np.hstack([inputs, outputs])
        self.count += len(both)
        self._sums += both.sum(axis=0, dtype=np.float64)
        self._products += inputs.T @ both  # in float32: an addend holds few samples, and the sum is exact
        self._squares += np.square(outputs, dtype=np.float64).sum(axis=0)

    @property
    def means(self) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
        """Means of the inputs, and of the outputs."""
        means = self._sums / self.count
        return means[: self._inputs], means[self._inputs :]

    @property
    def covariances(self) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
        """Covariance of the inputs, (d, d), with a small ridge, and of inputs with outputs, (d, o)."""
        means = self._sums / self.count
        products = self._products / self.count - np.outer(means[: self._inputs], means)
        own = products[:, : self._inputs]
        own = (own + own.T) / 2
        ridge = _RIDGE * max(float(np.trace(own)) / self._inputs, _SMALLEST)
        own[np.diag_indices_from(own)] += ridge
        return own, products[:, self._inputs :]

    @property
    def variance(self) -> float:
        """Variance of the outputs, summed over them."""
        return float((self._squares / self.count - self.means[1] ** 2).sum())


@dataclass(frozen=True, slots=True)
class Elimination:
    """The order in which channels are left out, all of them, and the error of the outputs after each.

    ``errors[k]`` is the mean squared error, summed over outputs, with ``k`` channels left out; it never falls.
    """

    order: "NDArray[np.intp]"
    errors: "NDArray[np.float64]"

    def kept(self, count: int) -> "NDArray[np.intp]":
        """Return the ``count`` channels that stay, in ascending order."""
        return np.sort(self.order[len(self.order) - count :])


def eliminate(moments: Moments, group: int) -> Elimination:
    """Leave out one channel after the other, each time the one that costs least when all others adapt.

    ``group`` is the number of inputs that make one channel, neighbours: 1 for a 1x1 convolution, 9 for 3x3.
    """
    own, cross = moments.covariances
    inverse = np.asarray(np.linalg.inv(own))
    weights = np.asarray(inverse @ cross)
    left = np.arange(len(own) // group)
    order: list[int] = []
    errors = [0.0]
    gone = np.zeros(len(left), bool)
    while len(order) < len(own) // group:
        costs = np.where(gone, np.inf, _costs(inverse, weights, group))
        worst = int(np.argmin(costs))
        order.append(int(left[worst]))
        errors.append(errors[-1] + max(float(costs[worst]), 0.0))
        gone[worst] = True
        rows = slice(worst * group, (worst + 1) * group)
        gain = np.linalg.solve(inverse[rows, rows], inverse[rows])  # (group, d)
        weights -= gain.T @ weights[rows]
        inverse -= inverse[:, rows] @ gain
        inverse[rows], inverse[:, rows], weights[rows] = 0, 0, 0  # what rounding has left
        inverse[rows, rows] = np.eye(group)
        if gone.mean() > 1 - _COMPACT:
            kept = np.repeat(~gone, group)
            inverse, weights = inverse[np.ix_(kept, kept)], weights[kept]
            left, gone = left[~gone], np.zeros(int((~gone).sum()), bool)
    return Elimination(np.array(order), np.array(errors))


def _costs(inverse: "NDArray[Any]", weights: "NDArray[Any]", group: int) -> "NDArray[np.float64]":
    """Return what leaving out each channel alone adds to the error; for those that are gone it is 0."""
    if group == 1:
        return np.asarray((weights**2).sum(axis=1) / np.diag(inverse))
    channels = len(inverse) // group
    places = np.arange(channels)
    blocks = inverse.reshape(channels, group, channels, group)[places, :, places]
    own = weights.reshape(channels, group, -1)
    return np.asarray((own * np.linalg.solve(blocks, own)).sum(axis=(1, 2)))


def regress(moments: Moments, rows: "NDArray[np.intp]") -> "tuple[NDArray[np.float32], NDArray[np.float32]]":
    """Return the weights, (rows, o), and the bias, (o,), that make the outputs best of the inputs ``rows``."""
    own, cross = moments.covariances
    means, wanted = moments.means
    weights = np.linalg.solve(own[np.ix_(rows, rows)], cross[rows])
    return weights.astype(np.float32), (wanted - means[rows] @ weights).astype(np.float32)
