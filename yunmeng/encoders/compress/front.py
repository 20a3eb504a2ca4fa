"""The front of a network that stays as it is while the rest is trained.

What it makes of each picture and of its mirror image is computed once and kept on disk in 16 bits, so that a step of
the training runs what lies behind it alone.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from yunmeng.encoders.compress.torch_graph import Tensor, TorchGraph, import_torch
from yunmeng.encoders.described_encoder import as_input

if TYPE_CHECKING:
    from yunmeng.encoders.description import PictureTower

__all__ = ["Front", "OnStep"]

OnStep: TypeAlias = Callable[[int, int], None]
"""Called with the number of pictures that are done, and that of all."""

_FEATURES: Final = "features.npy"
_BATCH: Final = 16  # pictures that go through the front at once


class Front:
    """The layers at the front of a graph, up to the place ``cut``, and what they make of pictures.

    Attributes:
        cut: The name of the values that the front ends with; None where nothing is frozen.

    Args:
        graph: The whole network.
        tower: Says what it takes.
        pixels: Prepared pictures, uint8 (n, side, side, 3); may be a memory map.
        folder: Where the features are kept.
        share: Share of the network's products that the front may have; 0 for no front.
        mirrored: Whether mirror images are wanted too.
    """

    def __init__(
        self,
        graph: TorchGraph,
        tower: "PictureTower",
        pixels: NDArray[np.uint8],
        folder: Path,
        share: float,
        mirrored: bool,
    ) -> None:
        self._torch = import_torch()
        self._graph = graph
        self._tower = tower
        self._pixels = pixels
        self._file: Final = folder / _FEATURES
        self._key_file: Final = folder / f"{_FEATURES}.key"
        self._sides = 1 + mirrored
        self._features: NDArray[np.float16] | None = None
        self.cut: Final = graph.cut_after(self._input(pixels[:1]), share) if share else None

    def prepare(self, key: str, on_prepared: OnStep, stop: threading.Event | None) -> bool:
        """Compute the features, or find those of the same ``key`` on disk; False when stopped."""
        if self.cut is None or self._read(key):
            return True
        self._key_file.unlink(missing_ok=True)
        kept: Any = None
        for start in range(0, len(self._pixels), _BATCH):
            if stop is not None and stop.is_set():
                return False
            for side in range(self._sides):
                found = np.stack([_mirrored(one, side) for one in self._pixels[start : start + _BATCH]])
                with self._torch.no_grad():
                    features = self._graph.until(self._input(found), self.cut).cpu().numpy()
                if kept is None:
                    shape = (self._sides, len(self._pixels), *features.shape[1:])
                    kept = np.lib.format.open_memmap(self._file, "w+", np.float16, shape)
                kept[side, start : start + len(found)] = features
            on_prepared(min(start + _BATCH, len(self._pixels)), len(self._pixels))
        kept.flush()
        self._key_file.write_text(key, encoding="ascii")
        self._features = kept
        return True

    def values(self, rows: NDArray[np.int64], mirrored: NDArray[np.bool_]) -> Tensor:
        """Return what the rest of the network takes for pictures, of the mirror image where ``mirrored``."""
        if self._features is not None:
            found = np.stack([self._features[int(side), row] for row, side in zip(rows, mirrored, strict=True)])
            values = self._torch.from_numpy(found).to(self._graph.device).float()
        else:
            found = np.stack([_mirrored(self._pixels[row], side) for row, side in zip(rows, mirrored, strict=True)])
            values = self._input(found)
        if values.ndim == 4 and values.is_floating_point():
            values = values.contiguous(memory_format=self._torch.channels_last)
        return values

    def _input(self, pixels: NDArray[np.uint8]) -> Tensor:
        return self._torch.from_numpy(as_input(np.asarray(pixels), self._tower)).to(self._graph.device)

    def _read(self, key: str) -> bool:
        try:
            if self._key_file.read_text(encoding="ascii") != key:
                return False
            self._features = np.load(self._file, mmap_mode="r")
        except (OSError, ValueError):
            return False
        return True


def _mirrored(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    return pixels[:, ::-1] if side else pixels
