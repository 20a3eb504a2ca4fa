"""A process that indexes, writes down what it encodes, and can be killed: see test_crash.py."""

import hashlib
import os
import sys
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library
from yunmeng.types import Pixels


class LoggingEncoder(FakeEncoder):
    """Notes each picture in a file, by the digest of its pixels, before it is encoded."""

    def __init__(self, log: str, pause: float) -> None:
        super().__init__()
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._pause = pause

    def encode(self, batch: Sequence[Pixels]) -> NDArray[np.float32]:
        lines = "".join(hashlib.sha256(pixels.tobytes()).hexdigest() + "\n" for pixels in batch)
        os.write(self._log, lines.encode())
        time.sleep(self._pause)
        return super().encode(batch)


def main(library: str, pictures: str, log: str, pause: str) -> None:
    encoder, settings = LoggingEncoder(log, float(pause)), Settings(batch_size=4)
    print("started", flush=True)
    opened = Library.open(library, encoder, settings) if Library.exists(library) else None
    with opened or Library.create(library, encoder, settings=settings) as lib:
        report = lib.index([pictures])
    print(f"done {report.indexed} {report.skipped} {len(report.failed)}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
