"""Encoders that misbehave on a worker: slow ones, and ones that a picture kills."""

import os
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import EncoderError
from yunmeng.types import Pixels

__all__ = ["BrokenEncoder", "PoisonedEncoder", "SlowEncoder"]


class SlowEncoder(FakeEncoder):
    """Takes a moment for each batch."""

    def encode(self, batch: Sequence[Pixels]) -> NDArray[np.float32]:
        time.sleep(0.3)
        return super().encode(batch)


class PoisonedEncoder(FakeEncoder):
    """Kills the process that encodes one of ``poison``; the process ``here`` is spared."""

    def __init__(self, poison: Sequence[Pixels]) -> None:
        super().__init__()
        self._poison = {self.prepare(picture).tobytes() for picture in poison}
        self._here = os.getpid()

    def encode(self, batch: Sequence[Pixels]) -> NDArray[np.float32]:
        if os.getpid() != self._here and any(self.prepare(picture).tobytes() in self._poison for picture in batch):
            os._exit(9)
        return super().encode(batch)


class BrokenEncoder(FakeEncoder):
    """Cannot encode at all."""

    def encode(self, batch: Sequence[Pixels]) -> NDArray[np.float32]:
        raise EncoderError("the network is broken")
