"""What the layers of a network see of pictures: samples of their inputs and outputs at random places."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from yunmeng.encoders.compress.chains import attribute
from yunmeng.encoders.compress.reconstruction import Moments
from yunmeng.encoders.onnx_runtime import OnnxSession

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from yunmeng.config import Settings
    from yunmeng.encoders.compress.chains import Chain, Network

__all__ = ["Calibration"]

_PLACES: Final = 64  # of a picture, for each layer: neighbours are alike
_BATCH: Final = 4  # pictures whose feature maps are held at once
_ADDED: Final = 16  # pictures that are added to the moments at once: few, and the products are slow


class Calibration:
    """Pictures in the form that a network takes, run through it, and through what is left of it.

    The same places of the same pictures are looked at each time, so that what a layer gives in the whole network can be
    what it should give in another.
    """

    def __init__(
        self,
        network: "Network",
        chains: "Sequence[Chain]",
        pictures: "NDArray[Any]",
        settings: "Settings",
        on_done: Callable[[int], None],
    ) -> None:
        """Run the network as it is; ``on_done`` is called with the number of pictures that are done."""
        self._pictures = pictures
        self._settings = settings
        self._chains = chains
        consumers = [network.nodes[chain.consumer] for chain in chains]
        self._windows = [_Window.of(node, chain.kernel) for node, chain in zip(consumers, chains, strict=True)]
        values = [(chain.source, network.nodes[chain.consumer].output[0]) for chain in chains]
        outputs = list(dict.fromkeys(value for pair in values for value in pair))
        inputs: list[list[NDArray[np.float32]]] = [[] for _ in chains]
        wanted: list[list[NDArray[np.float32]]] = [[] for _ in chains]
        self._shapes: list[tuple[int, int]] = []
        self.moments: Final[list[Moments]] = []
        for first, maps in self._run(network, outputs):
            self._shapes = self._shapes or [maps[made].shape[2:] for _, made in values]
            for number, (source, made) in enumerate(values):
                inputs[number].append(self._inputs(number, maps[source], first))
                wanted[number].append(self._outputs(number, maps[made], first))
            done = first + len(maps[outputs[0]])
            if len(inputs[0]) * _BATCH >= _ADDED or done == len(pictures):
                for number in range(len(chains)):
                    rows = np.concatenate(inputs[number])
                    targets = np.concatenate(wanted[number][-len(inputs[number]) :])
                    if len(self.moments) == number:
                        self.moments.append(Moments(rows.shape[1], targets.shape[1]))
                    self.moments[number].add(rows, targets)
                    inputs[number].clear()
            on_done(done)
        self._wanted = [np.concatenate(rows) for rows in wanted]

    def moments_in(self, network: "Network", number: int) -> Moments:
        """Return the moments of the inputs that the consumer of a chain has in another network, and of the outputs that
        it has in the whole one."""
        source, wanted = self._chains[number].source, self._wanted[number]
        held: list[NDArray[np.float32]] = []
        moments, begun = None, 0
        for first, maps in self._run(network, [source]):
            held.append(self._inputs(number, maps[source], first))
            last = first + len(maps[source]) == len(self._pictures)
            if len(held) * _BATCH >= _ADDED or last:
                rows = np.concatenate(held)
                moments = moments or Moments(rows.shape[1], wanted.shape[1])
                moments.add(rows, wanted[begun : begun + len(rows)])
                begun += len(rows)
                held.clear()
        assert moments is not None
        return moments

    def _run(
        self, network: "Network", outputs: Sequence[str]
    ) -> "Iterator[tuple[int, dict[str, NDArray[np.float32]]]]":
        """Yield values of the network by their names, for some pictures at a time, and the number of the first."""
        session = OnnxSession(network.part(outputs), self._settings)
        for first in range(0, len(self._pictures), _BATCH):
            found = session.run(outputs, self._pictures[first : first + _BATCH])
            yield first, dict(zip(outputs, found, strict=True))

    def _places(self, number: int, picture: int) -> "tuple[NDArray[np.intp], NDArray[np.intp]]":
        """Return rows and columns of the consumer's output where a picture is looked at."""
        high, wide = self._shapes[number]
        count = min(high * wide, _PLACES)
        at = np.random.default_rng((number, picture)).choice(high * wide, count, replace=False)
        return np.divmod(at, wide)

    def _outputs(self, number: int, maps: "NDArray[np.float32]", first: int) -> "NDArray[np.float32]":
        places = [self._places(number, first + row) for row in range(len(maps))]
        return np.concatenate([one[:, rows, columns].T for one, (rows, columns) in zip(maps, places, strict=True)])

    def _inputs(self, number: int, maps: "NDArray[np.float32]", first: int) -> "NDArray[np.float32]":
        """Return what the consumer reads for its outputs at the places: (places, channels x rows x columns)."""
        window = self._windows[number]
        padded = np.pad(maps, ((0, 0), (0, 0), *window.pads)) if any(map(any, window.pads)) else maps
        found = []
        for row, one in enumerate(padded):
            rows, columns = self._places(number, first + row)
            down = rows[:, None, None] * window.strides[0] + window.down[:, None]
            across = columns[:, None, None] * window.strides[1] + window.across
            found.append(one[:, down, across].transpose(1, 0, 2, 3).reshape(len(rows), -1))
        return np.concatenate(found)


@dataclass(frozen=True, slots=True)
class _Window:
    """What a convolution reads for one output: offsets of rows and columns from the output's own, times the strides,
    after padding."""

    strides: Sequence[int]
    pads: tuple[tuple[int, int], tuple[int, int]]
    down: "NDArray[np.intp]"
    across: "NDArray[np.intp]"

    @classmethod
    def of(cls, node: Any, kernel: tuple[int, int]) -> Self:
        top, left, bottom, right = attribute(node, "pads", [0, 0, 0, 0])
        down, across = attribute(node, "dilations", [1, 1])
        return cls(
            attribute(node, "strides", [1, 1]),
            ((top, bottom), (left, right)),
            np.arange(kernel[0]) * down,
            np.arange(kernel[1]) * across,
        )
